"""The vocabulary `chem` for SeqIO tasks: same file, same ids.

Apart from the rest because it imports TensorFlow, which predicting does not need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from t5chem.vocabularies import CHEM_MODEL_FILE
from t5chem.vocabularies.sentence_piece import SENTINELS
from t5x.quiet import import_seqio

if TYPE_CHECKING:
    import seqio


def chem() -> seqio.SentencePieceVocabulary:
    """Returns SeqIO's vocabulary over the model file of `t5chem.vocabularies.chem`.

    SeqIO's own class serves: what makes `chem` lossless (no normalisation, no space put before
    the text, byte fallback) is written in the model file, and SeqIO reads it from there. Instances
    compare equal and can be pickled and deep-copied, as gin does with arguments.
    """
    return import_seqio().SentencePieceVocabulary(CHEM_MODEL_FILE, extra_ids=SENTINELS)
