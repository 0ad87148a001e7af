"""Other SMILES: the same molecules by InChI, other strings where there are others."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from t5chem.augmentation.spelling import SPELLINGS, respell_inputs
from tests.t5chem.augmentation.molecules import inchi, nci_smiles

MOLECULES = tuple(nci_smiles(step=25))
STEREO = (
    "F/C=C\\Cl",
    "C/C=C/[C@@H]1CC[C@H](N)C1",
    "OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O",
    "C[C@H]1CC[C@@H](O)CC1",
    "C[S@](=O)c1ccccc1",
)
KINDS = ("randomised", "kekule", "explicit_hydrogens")


def respelled(smiles, *names, seed=0, targets=""):
    return respell_inputs(smiles, targets, {name: random.Random(seed) for name in names})


def test_literal_spellings():
    assert respelled("CCO", "explicit_hydrogens") == "[CH3][CH2][OH]"
    assert respelled("c1ccccc1C", "kekule") == "CC1=CC=CC=C1"
    assert respelled("c1ccccc1", "kekule", "explicit_hydrogens") == (
        "[CH]1=[CH][CH]=[CH][CH]=[CH]1"
    )
    assert respelled("CO.[Na+]~[OH-]", "randomised") == "OC.[Na+]~[OH-]"
    assert respelled("CCN.COc1ccccc1", "root_aligned", targets="CNc1ccc(OC)cc1") == (
        "CCN.c1ccc(OC)cc1"
    )


@pytest.mark.parametrize("name", KINDS)
def test_same_molecules_and_other_strings(name):
    unchanged = []
    for smiles in (*MOLECULES, *STEREO):
        other = respelled(smiles, name)
        assert inchi(other) == inchi(smiles)
        if other == smiles:
            unchanged.append(smiles)
    if name == "kekule":
        assert not [smiles for smiles in unchanged if "c" in smiles]
    else:
        assert len(unchanged) <= 2


@pytest.mark.parametrize("smiles", ["C", "CC", "c1ccccc1", "C1CC1", "[Na+]~[Cl-]", "N#N"])
def test_molecules_with_one_spelling_keep_it(smiles):
    assert respelled(smiles, "randomised") == smiles


@pytest.mark.parametrize("smiles", ["CO", "CCO", "ClCCl", "FC(F)(F)F", "O=C=O", "C=O", "Cc1ccccc1"])
def test_molecules_with_few_spellings_get_another(smiles):
    assert all(respelled(smiles, "randomised", seed=seed) != smiles for seed in range(30))


def test_kekule_leaves_what_is_not_aromatic_as_it_was_given():
    assert respelled("C(C)O.OC", "kekule") == "C(C)O.OC"
    assert respelled("C(C)O.c1ccccc1", "kekule") == "C(C)O.C1=CC=CC=C1"


def test_the_ways_combine():
    names = ("randomised", "kekule", "explicit_hydrogens")
    spelled = {respelled("Cc1ccncc1O", *names, seed=seed) for seed in range(30)}
    assert len(spelled) > 5
    for smiles in spelled:
        assert not re.search(r"[cn]|(?<!\[)[CNO]", smiles)
        assert Chem.CanonSmiles(smiles) == Chem.CanonSmiles("Cc1ccncc1O")


def test_a_random_order_still_begins_at_the_root():
    drawn = {
        respelled(
            "CCOC(=O)c1ccc(Br)cc1Cl",
            *("root_aligned", "randomised"),
            seed=seed,
            targets="O=C(O)c1ccc(Br)cc1Cl",
        )
        for seed in range(40)
    }
    assert len(drawn) > 3
    assert all(smiles.startswith("O=C(") for smiles in drawn)


@pytest.mark.parametrize("text", ["", "no molecule", "CO.C(", "C1.C1"])
def test_what_is_no_mixture_stays(text):
    for name in SPELLINGS:
        assert respelled(text, name, targets="CCO") == text


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from(MOLECULES + STEREO), min_size=1, max_size=3),
    st.sets(st.sampled_from(SPELLINGS), min_size=1),
    st.integers(0, 10**6),
)
def test_any_combination_is_the_same_molecules_in_order(molecules, names, seed):
    mixture = ".".join(molecules)
    other = respelled(mixture, *sorted(names), seed=seed, targets=molecules[0])
    assert inchi(other) == inchi(mixture)
    assert other == respelled(mixture, *sorted(names), seed=seed, targets=molecules[0])
