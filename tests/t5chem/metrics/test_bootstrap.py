"""Bootstrap intervals and paired comparisons."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.metrics import bootstrap
from t5chem.metrics.bleu import bleu_from_sums, bleu_statistics
from t5chem.metrics.bootstrap import compare, with_intervals
from t5chem.metrics.scores import Score, mean_score, pooled_score


def interval(score: Score, **settings: int) -> tuple[float, float] | None:
    return with_intervals({"it": score}, **settings)["it"].interval


def test_interval_of_a_share_is_the_binomials():
    # 300 of 400: standard error sqrt(.75 * .25 / 400) = .02165.
    low, high = interval(mean_score([1.0] * 300 + [0.0] * 100), samples=4000)
    assert low == pytest.approx(0.75 - 1.96 * 0.02165, abs=0.004)
    assert high == pytest.approx(0.75 + 1.96 * 0.02165, abs=0.004)


def test_seed_decides_and_samples_can_be_left_out():
    score = mean_score(list(np.random.default_rng(0).random(50)))
    assert interval(score, seed=1) == interval(score, seed=1) != interval(score, seed=2)
    assert interval(score, samples=0) is None


def test_draws_do_not_depend_on_what_else_is_scored():
    one, two = mean_score([0.1, 0.5, 0.7]), mean_score([0.0, 1.0, 1.0])
    both = with_intervals({"one": one, "set": Score(1.0, 3), "two": two})
    assert both["two"].interval == interval(two)
    assert both["set"].interval is None


def test_blocks_are_seamless(monkeypatch):
    score = mean_score(list(np.random.default_rng(0).random(50)))
    whole = interval(score, samples=100)
    monkeypatch.setattr(bootstrap, "_BLOCK", 7 * 50)
    assert interval(score, samples=100) == pytest.approx(whole, rel=1e-12)


def test_drawn_bleu_equals_bleu_of_drawn_strings():
    rng = np.random.default_rng(0)
    targets = ["CCO", "c1ccccc1", "CC(=O)O", "CCN"]
    predictions = ["CCO", "c1ccccn1", "CC(=O)N", "CCC"]
    statistics = bleu_statistics(targets, predictions, 2)
    for rows in rng.integers(4, size=(20, 4)):
        drawn = bleu_statistics(
            [targets[row] for row in rows], [predictions[row] for row in rows], 2
        )
        np.testing.assert_array_equal(drawn.sum(axis=0), statistics[rows].sum(axis=0))
    low, high = interval(pooled_score(statistics, bleu_from_sums))
    assert 0 <= low < float(bleu_from_sums(statistics.sum(axis=0))) < high <= 1


def test_one_row_and_no_countable_row():
    assert interval(mean_score([0.25])) == (0.25, 0.25)
    assert interval(mean_score([None])) is None
    # Most draws miss the one row that counts; they say nothing, and the others say 1.
    assert interval(mean_score([1.0, None, None])) == (1.0, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_interval_lies_between_the_smallest_and_the_largest_row(rows):
    low, high = interval(mean_score(rows), samples=50)
    assert min(rows) - 1e-12 <= low <= high <= max(rows) + 1e-12


def test_equal_systems_do_not_differ():
    score = mean_score([0.0, 1.0, 0.5])
    assert compare(score, score) == bootstrap.Comparison(0.0, (0.0, 0.0), 1.0, None)


def test_pairing_sees_a_small_steady_gain_that_intervals_do_not():
    rows = np.random.default_rng(0).random(200)
    first, second = mean_score(list(rows)), mean_score(list(rows + 0.01))
    low, high = interval(first)
    assert low < second.value < high
    comparison = compare(first, second)
    assert comparison.difference == pytest.approx(0.01)
    assert comparison.p_value == pytest.approx(2 / 1001)
    assert comparison.better == "second"
    assert compare(second, first).better == "first"


def test_less_is_better_where_it_is_a_distance():
    near, far = (mean_score([d] * 9, lower_is_better=True) for d in (1.0, 2.0))
    assert (compare(near, far).better, compare(far, near).better) == ("first", "second")


def test_noise_is_not_a_difference():
    rng = np.random.default_rng(3)
    first, second = mean_score(list(rng.random(100))), mean_score(list(rng.random(100)))
    comparison = compare(first, second)
    assert comparison.interval[0] < 0 < comparison.interval[1]
    assert comparison.p_value > 0.05 and comparison.better is None


def test_sets_and_undefined_figures_have_a_difference_only():
    assert compare(Score(1.0, 3), Score(1.5, 3)) == bootstrap.Comparison(0.5)
    assert math.isnan(compare(mean_score([None]), mean_score([1.0])).difference)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (mean_score([1.0]), mean_score([1.0, 0.0]), "over 1 and 2 rows"),
        (
            mean_score([1.0], versions={"tokens": "words"}),
            mean_score([1.0], versions={"tokens": "pieces"}),
            "compute both alike",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(first, second, message):
    with pytest.raises(ValueError, match=message):
        compare(first, second)


def test_no_draws_give_the_difference_alone():
    found = compare(mean_score([0.0, 1.0]), mean_score([1.0, 1.0]), samples=0)
    assert found == bootstrap.Comparison(difference=0.5)
