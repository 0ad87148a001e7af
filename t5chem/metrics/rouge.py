"""ROUGE (Lin, 2004) of one text against another: F1, no stemmer, as `rouge_score` computes it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import Final, NamedTuple

from t5chem.metrics.edit_distance import common_subsequence

_WORD: Final = re.compile(r"[a-z0-9]+")


class Rouge(NamedTuple):
    """F1 of shared words, of shared pairs of words, and of the longest common subsequence."""

    rouge1: float
    rouge2: float
    rouge_l: float


def rouge(target: str, prediction: str) -> Rouge:
    """Returns ROUGE-1, ROUGE-2 and ROUGE-L of raw strings.

    Words are runs of ASCII letters and digits of the lower-cased text.

    Example:
        >>> rouge("The cat sat.", "the cat ran")
        Rouge(rouge1=0.6666666666666666, rouge2=0.5, rouge_l=0.6666666666666666)
    """
    wanted, offered = _WORD.findall(target.lower()), _WORD.findall(prediction.lower())
    pairs_wanted, pairs_offered = _pairs(wanted), _pairs(offered)
    return Rouge(
        _f1(_overlap(wanted, offered), len(wanted), len(offered)),
        _f1(_overlap(pairs_wanted, pairs_offered), len(pairs_wanted), len(pairs_offered)),
        _f1(common_subsequence(wanted, offered), len(wanted), len(offered)),
    )


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(itertools.pairwise(words))


def _overlap(wanted: list, offered: list) -> int:
    return (Counter(wanted) & Counter(offered)).total()


def _f1(shared: int, wanted: int, offered: int) -> float:
    return 2 * shared / (wanted + offered) if shared else 0.0
