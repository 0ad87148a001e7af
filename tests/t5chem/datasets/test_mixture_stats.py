"""What a run sees of a mixture, against figures worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.datasets.mixture_stats import (
    TaskShare,
    describe_mixture,
    effective_shares,
    examples_an_epoch,
)
from t5x.errors import ConfigError

# As the paper's 11.5 M examples: five tasks at equal rates, the smaller sets replicated to 2.3 M.
STANDARD = {
    "forward": (2_300_000, 1.0),
    "retrosynthesis": (2_300_000, 1.0),
    "paragraph2actions": (2_164_000, 1.0),
    "text2mol": (26_408, 1.0),
    "mol2text": (26_408, 1.0),
}


def test_shares_counts_and_epochs():
    assert effective_shares({"a": (100, 3.0), "b": (None, 1.0), "c": (7, 0.0)}, 800) == [
        TaskShare("a", 100, 3.0, 0.75, 600.0, 6.0),
        TaskShare("b", None, 1.0, 0.25, 200.0, None),
        TaskShare("c", 7, 0.0, 0.0, 0.0, 0.0),
    ]


def test_the_standard_mixture_has_five_times_its_largest_set():
    shares = effective_shares(STANDARD, examples=11_500_000)
    assert examples_an_epoch(shares) == 11_500_000
    assert [round(one.epochs, 2) for one in shares] == [1.0, 1.0, 1.06, 87.09, 87.09]


def test_an_epoch_needs_the_rows_of_what_is_drawn():
    assert examples_an_epoch(effective_shares({"a": (5, 1.0), "b": (None, 1.0)}, 1)) is None
    assert examples_an_epoch(effective_shares({"a": (5, 1.0), "b": (None, 0.0)}, 1)) == 5


def test_the_table():
    shares = effective_shares({"a_text2mol": (1200, 1.0), "b": (None, 0.25)}, 1000)
    assert describe_mixture("mine", shares, steps=100, batch=10) == (
        "mine: 100 steps x 10 rows, 1,000 examples\n"
        "task             rows  rate  share  seen  epochs\n"
        "a_text2mol      1,200     1  80.0%   800    0.67\n"
        "b           not known  0.25  20.0%   200       –"
    )
    shares = effective_shares({"a": (1200, 1.0), "b": (100, 1.0)}, 1000)
    assert describe_mixture("m", shares, steps=100, batch=10).splitlines()[-1] == (
        "Every set is gone through once after 2,400 examples: 240 steps."
    )


@pytest.mark.parametrize(
    ("mixture", "expected"),
    [
        ({}, "A mixture needs a task whose rate is above 0."),
        ({"a": (5, 0.0)}, "A mixture needs a task whose rate is above 0."),
        ({"a": (5, -1.0)}, "The rate of 'a' is -1.0: it must be a number, 0 or above."),
        ({"a": (5, math.nan)}, "The rate of 'a' is nan: it must be a number, 0 or above."),
        ({"a": (0, 1.0)}, "'a' has 0 rows and a rate of 1.0: give it rows, or 0."),
    ],
)
def test_mixtures_that_cannot_be(mixture, expected):
    with pytest.raises(ConfigError) as caught:
        effective_shares(mixture, 10)
    assert caught.value.message == expected


RATES = st.floats(0.001, 1000)


@given(st.lists(st.tuples(st.integers(1, 10**9), RATES), min_size=1, max_size=8), st.integers(1))
def test_shares_sum_to_one_and_an_epoch_misses_nothing(sets, examples):
    mixture = {str(place): one for place, one in enumerate(sets)}
    shares = effective_shares(mixture, examples)
    assert math.isclose(math.fsum(one.share for one in shares), 1)
    assert math.isclose(math.fsum(one.examples for one in shares), examples)
    epoch = examples_an_epoch(shares)
    through = [one.epochs for one in effective_shares(mixture, epoch)]
    assert math.isclose(min(through), 1)
