"""Everything about descriptions written for molecules, as MolT5's evaluation defines it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from t5chem.metrics.bleu import bleu_from_sums, bleu_statistics, first_orders, words
from t5chem.metrics.evaluation import INSTALL_EXTRA, Evaluation, Settings, finish
from t5chem.metrics.meteor import Meteor, WordNetMissing
from t5chem.metrics.pairs import check_pairs
from t5chem.metrics.rouge import rouge
from t5chem.metrics.scores import Score, mean_score, pooled_score, versions_of
from t5chem.metrics.word_pieces import WordPieces

Tokenizer = Callable[[str], list[str]]

SCIBERT_VARIABLE: Final = "T5CHEM_SCIBERT_VOCAB"
WORDNET_VARIABLE: Final = "T5CHEM_WORDNET"
_GET_SCIBERT: Final = (
    "needs SciBERT's vocabulary: curl -L -o scibert-vocab.txt "
    "https://huggingface.co/allenai/scibert_scivocab_uncased/resolve/main/vocab.txt && "
    f"export {SCIBERT_VARIABLE}=$PWD/scibert-vocab.txt"
)
_GET_WORDNET: Final = "needs WordNet: python -m nltk.downloader wordnet"
_GET_NLTK: Final = f"needs nltk: {INSTALL_EXTRA}"


def evaluate_mol2text(
    targets: Sequence[str], predictions: Sequence[str], settings: Settings | None = None
) -> Evaluation:
    """Scores descriptions written for SMILES.

    * `bleu2`, `bleu4`: corpus BLEU over SciBERT's word pieces, 512 of a text at most.
    * `meteor`: the mean of NLTK's METEOR over the same pieces.
    * `rouge1`, `rouge2`, `rougeL`: mean ROUGE F1 of the raw strings, no stemmer.
    * `exact`: equal strings.

    Without SciBERT's vocabulary the first three are left out, and `bleu2_words`, `bleu4_words` and
    `meteor_words` stand in their place: the same over `t5chem.metrics.bleu.words`, which no
    published figure can be compared with. Blank predictions are listed as invalid, and count.

    Args:
        targets: one text a row.
        predictions: one text a row.
        settings: where SciBERT's vocabulary and WordNet are.

    Raises:
        ValueError: see `check_pairs`; or a file that was named is not what it should be.
        OSError: a file that was named cannot be read.
    """
    check_pairs(targets, predictions)
    settings = settings or Settings()
    left_out: dict[str, str] = {}
    blank = tuple(row for row, text in enumerate(predictions) if not text.strip())
    scores = _token_scores(targets, predictions, blank, settings, left_out)
    figures = [rouge(*row) for row in zip(targets, predictions, strict=True)]
    for column, name in enumerate(("rouge1", "rouge2", "rougeL")):
        scores[name] = mean_score(
            [row[column] for row in figures], invalid=blank, versions=versions_of()
        )
    scores["exact"] = mean_score(
        [float(t == p) for t, p in zip(targets, predictions, strict=True)],
        invalid=blank,
        versions=versions_of(),
    )
    return finish(scores, left_out, len(targets), settings)


def _token_scores(
    targets: Sequence[str],
    predictions: Sequence[str],
    blank: tuple[int, ...],
    settings: Settings,
    left_out: dict[str, str],
) -> dict[str, Score]:
    """BLEU and METEOR, which count tokens; what is missing is written to `left_out`."""
    tokenizer, suffix, tokens = _tokenizer(settings)
    if suffix:
        left_out |= dict.fromkeys(("bleu2", "bleu4", "meteor"), _GET_SCIBERT)
    wanted, offered = [*map(tokenizer, targets)], [*map(tokenizer, predictions)]
    statistics = bleu_statistics(wanted, offered, 4)
    scores = {
        f"bleu{order}{suffix}": pooled_score(
            first_orders(statistics, order),
            bleu_from_sums,
            invalid=blank,
            versions={**versions_of(), **tokens},
        )
        for order in (2, 4)
    }
    meteor = _meteor(settings)
    if isinstance(meteor, Meteor):
        scores[f"meteor{suffix}"] = mean_score(
            [meteor(*row) for row in zip(wanted, offered, strict=True)],
            invalid=blank,
            versions={**meteor.versions, **tokens},
        )
    else:
        left_out[f"meteor{suffix}"] = meteor
    return scores


def _tokenizer(settings: Settings) -> tuple[Tokenizer, str, Mapping[str, str]]:
    """The tokenizer, what its metrics' names end with, and what `versions` says of it."""
    path = settings.scibert or os.environ.get(SCIBERT_VARIABLE)
    if not path:
        return words, "_words", {"tokens": "t5chem.metrics.bleu.words"}
    pieces = WordPieces(path)
    return pieces, "", {"tokens": f"WordPiece, vocabulary sha256 {pieces.digest[:12]}"}


def _meteor(settings: Settings) -> Meteor | str:
    """METEOR, or what to do to have it."""
    try:
        return Meteor(settings.wordnet or os.environ.get(WORDNET_VARIABLE) or None)
    except ImportError:
        return _GET_NLTK
    except WordNetMissing:
        return _GET_WORDNET
