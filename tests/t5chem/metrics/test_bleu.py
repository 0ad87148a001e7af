"""Corpus BLEU against hand-counted values, NLTK, and its own bounds."""

from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t5chem.metrics.bleu import character_bleu, corpus_bleu, text_bleu, words

ROW = st.lists(st.sampled_from("abc"), max_size=8)
CORPUS = st.lists(st.tuples(ROW, ROW), min_size=1, max_size=5)


def test_unigram_precision_by_hand():
    # Papineni's clipping: "the" stands twice in the reference, so two of seven count.
    reference = ["the", "cat", "is", "on", "the", "mat"]
    assert corpus_bleu([reference], [["the"] * 7], max_order=1) == pytest.approx(2 / 7)


def test_bigrams_and_brevity_by_hand():
    # Unigrams 3 of 3, bigrams 1 of 2 ("a b"), three tokens for four: sqrt(1/2) * exp(1 - 4/3).
    expected = math.sqrt(1 / 2) * math.exp(-1 / 3)
    assert corpus_bleu(["abcd"], ["abd"], max_order=2) == pytest.approx(expected)


def test_longer_candidate_pays_no_brevity_penalty():
    assert corpus_bleu(["ab"], ["abc"], max_order=1) == pytest.approx(2 / 3)


def test_counts_are_pooled_over_rows_not_averaged():
    assert corpus_bleu(["ab", "cdefgh"], ["ab", "cxxxxx"], max_order=1) == pytest.approx(3 / 8)


def test_one_order_without_a_match_makes_it_zero():
    assert corpus_bleu(["abc"], ["cba"], max_order=2) == 0.0
    assert corpus_bleu(["abc"], [""], max_order=1) == 0.0


def test_row_shorter_than_the_order_still_counts_one():
    # Four-grams: 1 of 1 in the long row, 0 of 1 in the short: all other orders are perfect but
    # trigrams (2 of 2, 0 of 1).
    precisions = (6 / 6, 4 / 4, 2 / 3, 1 / 2)
    assert character_bleu(["abcd", "ab"], ["abcd", "ab"]) == pytest.approx(
        math.prod(precisions) ** (1 / 4)
    )


def test_words():
    assert words("The N(6)-acyl D-lysine, 2.5 mL at 25 °C.") == [
        *("the", "n", "(", "6", ")", "-", "acyl", "d", "-", "lysine", ",", "2.5", "ml", "at"),
        *("25", "°", "c", "."),
    ]
    assert words("β_x") == ["β", "_", "x"]
    assert words("  ") == []


def test_text_bleu_ignores_case_and_spacing():
    assert text_bleu(["STIR for 2 h."], ["stir  for 2 h ."]) == 1.0


@given(CORPUS, st.integers(1, 4))
def test_bounds(corpus, order):
    references, candidates = zip(*corpus, strict=True)
    assert 0.0 <= corpus_bleu(references, candidates, order) <= 1.0


@given(st.lists(st.text(min_size=4, max_size=12), min_size=1, max_size=5))
def test_identity_is_one(rows):
    assert character_bleu(rows, rows) == 1.0


@settings(deadline=None)  # the first example imports NLTK
@given(CORPUS, st.integers(1, 4))
def test_equals_nltk(corpus, order):
    nltk_bleu = pytest.importorskip("nltk.translate.bleu_score", exc_type=ImportError)
    references, candidates = zip(*corpus, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = nltk_bleu.corpus_bleu(
            [[row] for row in references], candidates, [1 / order] * order
        )
    assert corpus_bleu(references, candidates, order) == pytest.approx(
        expected, rel=1e-9, abs=1e-30
    )


@pytest.mark.parametrize(
    ("references", "candidates", "order", "message"),
    [
        (["a"], ["a", "b"], 1, "1 references and 2 candidates"),
        ([], [], 1, "at least one"),
        (["a"], ["a"], 0, "max_order is 0"),
    ],
)
def test_errors(references, candidates, order, message):
    with pytest.raises(ValueError, match=message):
        corpus_bleu(references, candidates, order)
