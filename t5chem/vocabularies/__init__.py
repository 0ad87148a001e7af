"""The vocabularies a model can read and write with.

`chem` is ours and comes with the package: it loses no text and splits SMILES at atoms and bonds.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

from t5chem.vocabularies.sentence_piece import SentencePieceVocabulary

__all__ = ["CHEM_MODEL_FILE", "SentencePieceVocabulary", "chem"]

CHEM_MODEL_FILE: Final = str(Path(__file__).with_name("chem.model"))
"""Path of the SentencePiece model of the vocabulary `chem`."""


@functools.cache
def chem() -> SentencePieceVocabulary:
    """Returns the vocabulary `chem`, with T5's 100 sentinels.

    Example:
        >>> chem().pieces("C[C@@H](N)C(=O)O")
        ['C', '[C@@H]', '(', 'N', ')', 'C', '(', '=', 'O', ')', 'O']
    """
    return SentencePieceVocabulary(CHEM_MODEL_FILE)
