"""ROUGE against hand-counted values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.metrics.rouge import Rouge, rouge


def test_by_hand():
    # Words 3 of 4 and 3 of 5; pairs 1 of 3 and 1 of 4; in order "the cat" + "mat": 3.
    figures = rouge("The cat, the mat!", "the cat on a mat")
    assert figures == pytest.approx((2 * 3 / 9, 2 * 1 / 7, 2 * 3 / 9))


def test_repeated_words_count_as_often_as_they_stand_in_both():
    assert rouge("the the cat", "the dog the the").rouge1 == pytest.approx(2 * 2 / 7)


def test_order_matters_to_pairs_and_subsequence_alone():
    assert rouge("a b c", "c b a") == pytest.approx((1.0, 0.0, 1 / 3))


@pytest.mark.parametrize("row", [("", ""), ("water", ""), ("", "water"), ("β", "β"), ("a", "b")])
def test_nothing_shared_is_zero(row):
    assert rouge(*row) == Rouge(0.0, 0.0, 0.0)


@given(st.text(max_size=30), st.text(max_size=30))
def test_symmetric_and_bounded(first, second):
    figures = rouge(first, second)
    assert figures == rouge(second, first)
    assert all(0 <= figure <= 1 for figure in figures)
    assert figures.rouge_l <= figures.rouge1
