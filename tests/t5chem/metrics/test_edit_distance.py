"""Bit-parallel distances against the table they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.metrics.edit_distance import common_subsequence, levenshtein, similarity

TEXT = st.text(alphabet="abc", max_size=80) | st.text(max_size=12)


def table(first: str, second: str) -> tuple[int, int]:
    """Edit distance and longest common subsequence by dynamic programming."""
    distances, shared = list(range(len(second) + 1)), [0] * (len(second) + 1)
    for i, a in enumerate(first, start=1):
        above, common = distances, shared
        distances, shared = [i], [0]
        for j, b in enumerate(second, start=1):
            distances.append(min(above[j] + 1, distances[-1] + 1, above[j - 1] + (a != b)))
            shared.append(common[j - 1] + 1 if a == b else max(common[j], shared[-1]))
    return distances[-1], shared[-1]


@pytest.mark.parametrize(
    ("first", "second", "distance", "shared"),
    [
        ("", "", 0, 0),
        ("", "abc", 3, 0),
        ("kitten", "sitting", 3, 4),
        ("CCO", "OCC", 2, 2),
        ("a" * 200, "b" * 200, 200, 0),
    ],
)
def test_literal_values(first, second, distance, shared):
    assert (levenshtein(first, second), common_subsequence(first, second)) == (distance, shared)


@given(TEXT, TEXT)
def test_equal_the_table(first, second):
    assert (levenshtein(first, second), common_subsequence(first, second)) == table(first, second)


@given(TEXT, TEXT, TEXT)
def test_is_a_metric(first, second, third):
    assert levenshtein(first, second) == levenshtein(second, first)
    assert (levenshtein(first, second) == 0) == (first == second)
    assert levenshtein(first, third) <= levenshtein(first, second) + levenshtein(second, third)


def test_any_sequence_will_do():
    assert levenshtein(["STIR", "FILTER"], ["FILTER"]) == 1
    assert common_subsequence([1, 2, 3, 4], [2, 9, 4]) == 2


def test_similarity():
    assert similarity("", "") == 1.0
    assert similarity("ab", "") == 0.0
    assert similarity("abcd", "abxd") == 0.75
