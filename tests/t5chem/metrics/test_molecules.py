"""Right, wrong and invalid molecules."""

from __future__ import annotations

import pytest

from t5chem.metrics.molecules import (
    canonical_exact,
    exact_match,
    inchi_exact,
    mixture_exact,
    validity,
)


def test_exact_match_compares_raw_strings():
    assert exact_match(["CCO", "C", "", "N"], ["CCO", "C ", "", "O"]) == 0.5


def test_validity():
    assert validity(["CCO", "C1CC", "", "  ", "c1ccccc1", "CN(C)(C)(C)C"]) == 2 / 6


def test_canonical_exact_sees_spelling_and_stereo():
    targets = ["CCO", "C[C@H](N)O", "C/C=C/C", "C1=CC=CC=C1"]
    predictions = ["OCC", "C[C@@H](N)O", "C/C=C\\C", "c1ccccc1"]
    assert canonical_exact(targets, predictions) == 2 / 4


def test_inchi_forgives_a_mobile_hydrogen_that_smiles_does_not():
    targets, predictions = ["Cc1cnc[nH]1"], ["Cc1c[nH]cn1"]
    assert inchi_exact(targets, predictions) == 1.0
    assert canonical_exact(targets, predictions) == 0.0


def test_mixture_exact_ignores_order_of_compounds_and_ions():
    targets = ["CO.[Na+]~[OH-]", "CO.O", "CO.O"]
    predictions = ["[OH-]~[Na+].OC", "O.OC", "CO"]
    assert mixture_exact(targets, predictions) == 2 / 3


@pytest.mark.parametrize("metric", [canonical_exact, inchi_exact, mixture_exact])
@pytest.mark.parametrize("text", ["", "C1CC", "no molecule", "CO."])
def test_invalid_is_never_correct_even_when_equal(metric, text):
    assert metric([text], [text]) == 0.0


@pytest.mark.parametrize(
    ("targets", "predictions", "message"),
    [
        (["C"], ["C", "C"], "1 targets but 2 predictions"),
        ([], [], "targets is empty"),
        (["C"], [None], r"predictions\[0\] is None of type NoneType"),
        ([b"C"], ["C"], r"targets\[0\] is b'C' of type bytes"),
        ("CC", "CC", "targets is one str"),
    ],
)
def test_errors_name_the_row(targets, predictions, message):
    for metric in (exact_match, canonical_exact, inchi_exact, mixture_exact):
        with pytest.raises(ValueError, match=message):
            metric(targets, predictions)
    with pytest.raises(ValueError, match="predictions is empty"):
        validity([])
