"""What is known of a pair of molecules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, DataStructs
from rdkit.Chem import AllChem, MACCSkeys

from t5chem.metrics.similarity import (
    MoleculePair,
    canonical_smiles,
    inchi,
    molecule_pairs,
)
from t5chem.smiles import LONGEST, canonical_mixture, parse

SMILES = ["CCO", "OCC", "c1ccccc1O", "CC(=O)Oc1ccccc1C(=O)O", "C[C@H](N)C(=O)O", "C1CC", "", "é"]


def pair(target: str, prediction: str) -> MoleculePair:
    return next(molecule_pairs([target], [prediction]))


def test_equal_molecules_in_two_spellings():
    assert pair("OCC", "CCO") == MoleculePair("CCO", "CCO", 2, True, 1.0, 1.0, 1.0)


@pytest.mark.parametrize("prediction", ["", "C1CC", "no molecule", "CN(C)(C)(C)C"])
def test_an_invalid_prediction_has_no_similarity(prediction):
    found = pair("CCO", prediction)
    assert (found.target, found.prediction, found.same_inchi) == ("CCO", None, False)
    assert (found.maccs, found.rdk, found.morgan, found.valid) == (None, None, None, False)


def test_fingerprints_are_those_of_the_published_evaluation():
    first, second = "CC(=O)Oc1ccccc1C(=O)O", "CC(=O)Nc1ccc(O)cc1"
    mols = [Chem.MolFromSmiles(smiles) for smiles in (first, second)]
    found = pair(first, second)
    for value, fingerprint in (
        (found.maccs, MACCSkeys.GenMACCSKeys),
        (found.rdk, Chem.RDKFingerprint),
        (found.morgan, lambda mol: AllChem.GetMorganFingerprint(mol, 2)),
    ):
        assert value == DataStructs.TanimotoSimilarity(*map(fingerprint, mols))
    assert 0 < found.rdk < found.morgan < found.maccs < 1


def test_inchi_that_does_not_exist_is_not_equal():
    # InChI stops at 1,023 atoms unless asked for more.
    chain = "C" * 1100
    found = pair(chain, chain)
    assert found.valid and not found.same_inchi
    assert inchi(chain) is None and inchi("C(") is None


@pytest.mark.parametrize("smiles", ["C" * 20_000, "C(" * 50_000, "[" * 100_000, "\ud800", "é"])
def test_what_would_end_the_process_or_raise_is_invalid(smiles):
    assert parse(smiles) is None
    assert canonical_smiles(smiles) is None
    assert canonical_mixture(smiles) is None
    assert pair("C", smiles).prediction is None


def test_the_longest_smiles_is_read():
    assert canonical_smiles("C" * LONGEST) == "C" * LONGEST


@given(st.sampled_from(SMILES), st.sampled_from(SMILES))
def test_symmetric(first, second):
    one, other = pair(first, second), pair(second, first)
    assert (one.distance, one.same_inchi, one.maccs, one.rdk, one.morgan) == (
        other.distance,
        other.same_inchi,
        other.maccs,
        other.rdk,
        other.morgan,
    )


def test_order_is_kept_over_processes():
    targets = SMILES * 40
    predictions = [*targets[3:], *targets[:3]]
    assert len(targets) > 256  # fewer are not shared out
    alone = list(molecule_pairs(targets, predictions))
    assert list(molecule_pairs(targets, predictions, processes=2)) == alone
