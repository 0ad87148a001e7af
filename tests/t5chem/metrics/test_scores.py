"""Scores from rows: means, left-out rows, and what JSON gets."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.metrics.scores import Score, mean_score, pooled_score, ratio, version_of, versions_of

ROWS = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=20)


def test_mean_leaves_rows_out():
    score = mean_score([1.0, None, 0.0, 0.5], invalid=(1,), lower_is_better=True)
    assert (score.value, score.count, score.invalid, score.lower_is_better) == (0.5, 3, (1,), True)
    np.testing.assert_array_equal(score.row_values, [1.0, np.nan, 0.0, 0.5])


def test_nothing_that_counts_is_nan_and_null_in_json():
    score = mean_score([None, None], invalid=(0, 1))
    assert math.isnan(score.value) and score.count == 0
    assert json.loads(json.dumps(score.as_dict())) == {
        "value": None,
        "interval": None,
        "count": 0,
        "invalid": [0, 1],
        "lower_is_better": False,
        "versions": {},
    }


def test_pooled_sums_before_it_divides():
    # Three of four and none of one: 3 / 5, not the mean of 3 / 4 and 0.
    score = pooled_score(np.array([[3.0, 4.0], [0.0, 1.0]]), ratio)
    assert (score.value, score.count) == (0.6, 2)
    assert Score(1.5, 2).row_values is None


@given(ROWS)
def test_mean_is_the_mean_of_what_counts(rows):
    known = [value for value in rows if value is not None]
    expected = sum(known) / len(known) if known else math.nan
    assert mean_score(rows).value == pytest.approx(expected, nan_ok=True)


def test_versions():
    assert version_of("no-such-package-anywhere") == "not installed"
    assert list(versions_of("numpy")) == ["text-chem-t5", "numpy"]
    assert versions_of("numpy")["numpy"] == np.__version__
