"""Fréchet distances in closed form, and ChemNet's where `fcd_torch` is installed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.metrics.frechet import chemnet_distance, frechet_distance

ALCOHOLS = ["CO", "CCO", "CCCO", "CCCCO", "CC(C)O"]
ARENES = ["c1ccccc1", "Cc1ccccc1", "Oc1ccccc1", "c1ccncc1"]


def test_equal_shapes_are_as_far_apart_as_their_means():
    sample = np.random.default_rng(0).normal(size=(50, 3))
    assert frechet_distance(sample, sample) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(sample, sample + np.array([3, 0, 4])) == pytest.approx(25)


@given(st.floats(0.1, 10))
def test_scaled_samples(scale):
    # Variances v and s² v about the same mean: v (1 - s)².
    sample = np.array([[-1.0], [1.0]])
    assert frechet_distance(sample, scale * sample) == pytest.approx(2 * (1 - scale) ** 2, abs=1e-9)


def test_fewer_than_two_molecules_have_no_distance():
    assert math.isnan(chemnet_distance(["CCO"], ALCOHOLS))
    assert math.isnan(chemnet_distance(ALCOHOLS, []))


def test_chemnet():
    pytest.importorskip("fcd_torch", exc_type=ImportError)
    assert chemnet_distance(ALCOHOLS, ALCOHOLS) == pytest.approx(0, abs=1e-4)
    there, back = chemnet_distance(ALCOHOLS, ARENES), chemnet_distance(ARENES, ALCOHOLS)
    assert there == pytest.approx(back) and there > 1
