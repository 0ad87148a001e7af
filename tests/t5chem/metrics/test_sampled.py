"""Validity, uniqueness and novelty of sampled sets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.metrics import Settings, evaluate_samples

QUICK = Settings(samples=50)
SMILES = st.lists(st.sampled_from(["CCO", "OCC", "CC", "CN", "C(", ""]), min_size=1, max_size=12)


def test_toy_set():
    scores = evaluate_samples(
        ["CCO", "OCC", "CC", "C(", "CN", "CN"], known=["C(O)C", "c1ccccc1", "bad("], settings=QUICK
    ).scores
    assert {name: score.value for name, score in scores.items()} == {
        "validity": 5 / 6,
        "uniqueness": 3 / 5,
        "novelty": 2 / 3,
    }
    assert {name: score.count for name, score in scores.items()} == {
        "validity": 6,
        "uniqueness": 5,
        "novelty": 3,
    }
    assert {score.invalid for score in scores.values()} == {(3,)}
    assert scores["uniqueness"].interval is None and scores["novelty"].interval is not None


def test_all_invalid():
    scores = evaluate_samples(["C(", ""], known=["CC"], settings=QUICK).scores
    assert scores["validity"].value == 0.0
    assert math.isnan(scores["uniqueness"].value) and math.isnan(scores["novelty"].value)


def test_nothing_is_known():
    assert evaluate_samples(["CC"], known=[], settings=QUICK).scores["novelty"].value == 1.0
    assert "novelty" in evaluate_samples(["CC"], settings=QUICK).left_out


@given(SMILES, SMILES)
def test_figures_do_not_depend_on_order(samples, known):
    def values(samples: list[str], known: list[str]) -> list[float]:
        scores = evaluate_samples(samples, known, Settings(samples=0)).scores
        return [score.value for score in scores.values()]

    assert values(samples, known) == pytest.approx(values(samples[::-1], known[::-1]), nan_ok=True)


def test_input_errors():
    with pytest.raises(ValueError, match="samples is empty"):
        evaluate_samples([])
    with pytest.raises(ValueError, match=r"known\[0\] is 1"):
        evaluate_samples(["C"], known=[1])


@pytest.mark.slow
def test_100_000_rows():
    scores = evaluate_samples(["CCO", "OCC", "CC", "C("] * 25_000, known=["CC"]).scores
    assert scores["validity"].value == 0.75
    assert scores["uniqueness"].value == 2 / 75_000
    assert scores["novelty"].value == 0.5
