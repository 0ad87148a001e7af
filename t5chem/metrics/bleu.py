"""Corpus BLEU (Papineni et al., ACL 2002) without smoothing, over characters or words.

The figure equals `nltk.translate.bleu_score.corpus_bleu` with one reference a row and no smoothing
function, because published Text+Chem T5 and MolT5 scores were computed with it. Two consequences:

* A row too short to hold any n-gram of an order still adds one to that order's denominator. A
  corpus answered perfectly therefore scores 1 only if every row is at least `max_order` long.
* An order without a single match makes the score 0. NLTK puts the smallest positive float in its
  place and warns; its result is then below 1e-30 for every order up to 10.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np

from t5chem.metrics.pairs import check_pairs

T = TypeVar("T", bound=Hashable)

# Runs of letters (any alphabet), whole or decimal numbers, and every other visible character alone.
_TOKEN = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?|[^\w\s]|_")


def corpus_bleu(
    references: Sequence[Sequence[T]], candidates: Sequence[Sequence[T]], max_order: int
) -> float:
    """Returns corpus BLEU with uniform weights over the orders 1 to `max_order`.

    Args:
        references: one token sequence a row; a string counts as a sequence of characters.
        candidates: one token sequence a row, in the same order.
        max_order: longest n-gram counted; 4 for BLEU-4.

    Returns:
        A fraction from 0 to 1: brevity penalty times the geometric mean of clipped precisions.

    Raises:
        ValueError: the lists are empty or differ in length, or `max_order` is below 1.

    Example:
        >>> corpus_bleu(["the cat sat".split()], ["the cat ran".split()], max_order=1)
        0.6666666666666666
    """
    return float(bleu_from_sums(bleu_statistics(references, candidates, max_order).sum(axis=0)))


def bleu_statistics(
    references: Sequence[Sequence[T]], candidates: Sequence[Sequence[T]], max_order: int
) -> np.ndarray:
    """Counts, for each row, what corpus BLEU sums over rows.

    Args:
        references: one token sequence a row; a string counts as a sequence of characters.
        candidates: one token sequence a row, in the same order.
        max_order: longest n-gram counted.

    Returns:
        float[rows, 2 * max_order + 2]: n-grams matched for each order, n-grams of the candidate for
        each order, tokens of the reference, tokens of the candidate.

    Raises:
        ValueError: the lists are empty or differ in length, or `max_order` is below 1.
    """
    if len(references) != len(candidates) or not len(references):
        raise ValueError(
            f"{len(references)} references and {len(candidates)} candidates: "
            "BLEU needs equally many of both, and at least one."
        )
    if max_order < 1:
        raise ValueError(f"max_order is {max_order}: the shortest n-gram has order 1.")
    rows = zip(references, candidates, strict=True)
    return np.array([_row_statistics(*row, max_order) for row in rows], dtype=np.float64)


def first_orders(statistics: np.ndarray, max_order: int) -> np.ndarray:
    """Returns what `bleu_statistics` would count for a lower `max_order`."""
    counted = statistics.shape[-1] // 2 - 1
    matched, total = statistics[..., :max_order], statistics[..., counted : counted + max_order]
    return np.concatenate([matched, total, statistics[..., -2:]], axis=-1)


def bleu_from_sums(sums: np.ndarray) -> np.ndarray:
    """Returns corpus BLEU of each sum of rows of `bleu_statistics`.

    Args:
        sums: float[..., 2 * max_order + 2].

    Returns:
        float[...], fractions from 0 to 1.
    """
    max_order = sums.shape[-1] // 2 - 1
    matched, total = sums[..., :max_order], sums[..., max_order : 2 * max_order]
    reference_length, candidate_length = sums[..., -2], sums[..., -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        log_precision = np.log(matched / total).sum(axis=-1) / max_order
        log_penalty = np.minimum(0, 1 - reference_length / candidate_length)
        bleu = np.exp(log_penalty) * np.exp(log_precision)
    return np.where(matched.min(axis=-1) > 0, bleu, 0.0)


def character_bleu(targets: Sequence[str], predictions: Sequence[str]) -> float:
    """Returns corpus BLEU-4 over the characters of the raw strings, as MolT5 scores SMILES.

    Args:
        targets: one expected string a row.
        predictions: one predicted string a row.

    Raises:
        ValueError: see `check_pairs`.
    """
    check_pairs(targets, predictions)
    return corpus_bleu(targets, predictions, max_order=4)


def text_bleu(targets: Sequence[str], predictions: Sequence[str], max_order: int = 2) -> float:
    """Returns corpus BLEU over `words` of the strings.

    Scores under this plain tokenizer are not comparable with published caption scores, which
    count SciBERT word pieces.

    Args:
        targets: one expected text a row.
        predictions: one predicted text a row.
        max_order: longest n-gram counted.

    Raises:
        ValueError: see `check_pairs` and `corpus_bleu`.
    """
    check_pairs(targets, predictions)
    return corpus_bleu([*map(words, targets)], [*map(words, predictions)], max_order)


def words(text: str) -> list[str]:
    """Splits lower-cased text into words, numbers and single punctuation characters.

    Example:
        >>> words("STIR for 2.5 h at -5 °C; 2-methylpropan-1-ol.")
        ['stir', 'for', '2.5', 'h', 'at', '-', '5', '°', 'c', ';', '2', '-', 'methylpropan', '-', \
'1', '-', 'ol', '.']
    """
    return _TOKEN.findall(text.lower())


def _row_statistics(reference: Sequence[T], candidate: Sequence[T], max_order: int) -> list[int]:
    matched, total = [], []
    for order in range(1, max_order + 1):
        wanted, offered = _ngrams(reference, order), _ngrams(candidate, order)
        matched.append(sum(min(count, wanted[ngram]) for ngram, count in offered.items()))
        total.append(max(1, len(candidate) - order + 1))
    return [*matched, *total, len(reference), len(candidate)]


def _ngrams(tokens: Sequence[T], order: int) -> Counter[tuple[T, ...]]:
    """Counts the n-grams of one order."""
    return Counter(zip(*(tokens[start:] for start in range(order)), strict=False))
