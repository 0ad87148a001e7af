"""Edit distance and longest common subsequence, one row of the table in one integer's bits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence


def levenshtein(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Returns the fewest insertions, deletions and replacements that make one of the other.

    Myers, "A fast bit-vector algorithm for approximate string matching", J. ACM 46, 1999, in
    Hyyrö's form: bit i stands for the difference between rows i and i + 1 of the table.

    Example:
        >>> levenshtein("kitten", "sitting")
        3
    """
    if not first or not second:
        return len(first) or len(second)
    where = _positions(first)
    full = (1 << len(first)) - 1
    last = 1 << (len(first) - 1)
    distance, up, down = len(first), full, 0
    for symbol in second:
        equal = where.get(symbol, 0)
        vertical = equal | down
        horizontal = (((equal & up) + up) ^ up) | equal
        rises = down | (~(horizontal | up) & full)
        falls = up & horizontal
        if rises & last:
            distance += 1
        elif falls & last:
            distance -= 1
        rises = (rises << 1) | 1
        up = ((falls << 1) | ~(vertical | rises)) & full
        down = rises & vertical & full
    return distance


def similarity(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Returns 1 minus the edit distance over the longer length; two empty sequences are alike.

    Example:
        >>> similarity("STIR.", "STIR; FILTER.")
        0.3846153846153846
    """
    longer = max(len(first), len(second))
    return 1 - levenshtein(first, second) / longer if longer else 1.0


def common_subsequence(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Returns the length of the longest common subsequence (Hyyrö, 2004).

    Example:
        >>> common_subsequence("the cat sat".split(), "the dog sat".split())
        2
    """
    where = _positions(first)
    full = (1 << len(first)) - 1
    unmatched = full
    for symbol in second:
        matched = unmatched & where.get(symbol, 0)
        unmatched = ((unmatched + matched) | (unmatched - matched)) & full
    return len(first) - unmatched.bit_count()


def _positions(sequence: Sequence[Hashable]) -> dict[Hashable, int]:
    """For each symbol an integer whose bit i is set where the sequence holds it at i."""
    where: dict[Hashable, int] = defaultdict(int)
    for position, symbol in enumerate(sequence):
        where[symbol] |= 1 << position
    return dict(where)
