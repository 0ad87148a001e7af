"""Writing a molecule: each way literally, and that a wrong spelling is never taken."""

import random

import pytest
from rdkit import Chem

from t5chem.smiles import canonical
from t5chem.spellings import random_order, respell, spell

PHENOL = Chem.MolFromSmiles("Oc1ccccc1")


@pytest.mark.parametrize(
    ("ways", "written"),
    [
        ({}, "Oc1ccccc1"),
        ({"root": 1}, "c1(O)ccccc1"),
        ({"kekule": True}, "OC1=CC=CC=C1"),
        ({"hydrogens": True}, "[OH][c]1[cH][cH][cH][cH][cH]1"),
        ({"order": [6, 0, 1, 2, 3, 4, 5]}, "c1c(O)cccc1"),
        ({"order": [6, 0, 1, 2, 3, 4, 5], "root": 0}, "Oc1cccccc1".replace("ccccc", "cccc", 1)),
        ({"root": 3, "kekule": True, "hydrogens": True}, "[CH]1=[CH][CH]=[CH][C]([OH])=[CH]1"),
    ],
)
def test_ways_of_writing(ways, written):
    assert spell(PHENOL, **ways) == written
    assert canonical(written) == "Oc1ccccc1"


def test_writing_leaves_the_molecule_as_it_is():
    mol = Chem.Mol(PHENOL)
    spell(mol, kekule=True)
    assert Chem.MolToSmiles(mol) == "Oc1ccccc1"


def test_a_random_order_holds_every_atom_once():
    orders = {tuple(random_order(PHENOL, random.Random(seed))) for seed in range(20)}
    assert len(orders) == 20
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(7))}


def test_parts_keep_their_places_and_their_separators():
    spelled = respell("OCC.[Na+]~[OH-].C(C)O", lambda mol, smiles: Chem.MolToSmiles(mol))
    assert spelled == "CCO.[Na+]~[OH-].CCO"


@pytest.mark.parametrize("wrong", ["CCN", "no molecule", "", "C[C@@H](O)F", "CC(O)F"])
def test_another_molecule_is_refused(wrong):
    assert respell("C[C@H](O)F", lambda mol, smiles: wrong) == "C[C@H](O)F"


def test_given_in_another_than_canonical_form():
    assert respell("C(O)C", lambda mol, smiles: "OCC") == "OCC"


@pytest.mark.parametrize("text", ["", "x", "CO.", "C1.C1"])
def test_what_is_no_mixture_of_molecules(text):
    assert respell(text, lambda mol, smiles: smiles) is None
