"""Corpus BLEU (Papineni et al., ACL 2002) without smoothing, over characters or words.

The figure equals `nltk.translate.bleu_score.corpus_bleu` with one reference a row and no smoothing
function, because published Text+Chem T5 and MolT5 scores were computed with it. Two consequences:

* A row too short to hold any n-gram of an order still adds one to that order's denominator. A
  corpus answered perfectly therefore scores 1 only if every row is at least `max_order` long.
* An order without a single match makes the score 0. NLTK puts the smallest positive float in its
  place and warns; its result is then below 1e-30 for every order up to 10.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TypeVar

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
    if len(references) != len(candidates) or not len(references):
        raise ValueError(
            f"{len(references)} references and {len(candidates)} candidates: "
            "BLEU needs equally many of both, and at least one."
        )
    if max_order < 1:
        raise ValueError(f"max_order is {max_order}: the shortest n-gram has order 1.")
    precisions = [_precision(references, candidates, order) for order in range(1, max_order + 1)]
    if min(precisions) == 0:
        return 0.0
    penalty = _brevity_penalty(sum(map(len, references)), sum(map(len, candidates)))
    return penalty * math.exp(sum(map(math.log, precisions)) / max_order)


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


def _precision(
    references: Sequence[Sequence[T]], candidates: Sequence[Sequence[T]], order: int
) -> float:
    """Share of the candidates' n-grams found in their references, no more often than there."""
    matched = total = 0
    for reference, candidate in zip(references, candidates, strict=True):
        wanted, offered = _ngrams(reference, order), _ngrams(candidate, order)
        matched += sum(min(count, wanted[ngram]) for ngram, count in offered.items())
        total += max(1, len(candidate) - order + 1)
    return matched / total


def _ngrams(tokens: Sequence[T], order: int) -> Counter[tuple[T, ...]]:
    """Counts the n-grams of one order."""
    return Counter(zip(*(tokens[start:] for start in range(order)), strict=False))


def _brevity_penalty(reference_length: int, candidate_length: int) -> float:
    """1 for a candidate corpus at least as long as its references, else exp(1 - r / c)."""
    if candidate_length >= reference_length:
        return 1.0
    return math.exp(1 - reference_length / candidate_length)
