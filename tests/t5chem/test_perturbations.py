"""Other spellings: they are other, they are the same molecule, and they come from the seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.perturbations import PERTURBATIONS, perturb
from t5chem.smiles import canonical, canonical_mixture

MOLECULES = (
    "CC(=O)Oc1ccccc1C(=O)O",
    "C1=CC=C2C(=C1)C=CC=C2",
    "OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O",
    "F/C=C\\Cl",
    "C/C=C/[C@@H]1CC[C@H](N)C1",
    "[O-][N+](=O)c1ccc2[nH]ccc2c1",
    "[13CH3]C#N",
    "C%12CCC%12",
    "C1CC2CCC1CC2",
    "[2H]OC",
)
PAIR = "c1ccccc1Br.CC(=O)[O-]~[Na+]"


@pytest.mark.parametrize("name", PERTURBATIONS)
@pytest.mark.parametrize("smiles", MOLECULES)
def test_the_molecule_stays(name, smiles):
    for seed in range(5):
        assert canonical(perturb(name, smiles, seed)) == canonical(smiles)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_the_compounds_of_a_mixture_stay_in_order(name):
    spelled = perturb(name, PAIR)
    compounds = spelled.split(".")
    assert [canonical(c) for c in compounds] == [canonical(c) for c in PAIR.split(".")]
    assert canonical_mixture(spelled) == canonical_mixture(PAIR)


def test_literal_spellings():
    assert perturb("canonical", "C(O)c1ccccc1") == "OCc1ccccc1"
    assert perturb("kekule", "c1ccccc1") == "C1=CC=CC=C1"
    assert perturb("explicit_hydrogens", "CC=O") == "[CH3][CH]=[O]"
    assert perturb("explicit_hydrogens", "CO~[Na+]") == "[CH3][OH]~[Na+]"


def test_ring_numbers_are_exchanged_and_brackets_left_alone():
    spelled = perturb("renumbered_rings", "[13CH3]C1CC1C2CCC2", seed=3)
    digits = [c for c in spelled.replace("[13CH3]", "") if c.isdigit()]
    assert spelled.startswith("[13CH3]C")
    assert digits[0] == digits[1] != digits[2] == digits[3]
    assert not set(digits) & {"1", "2"}


def test_nothing_but_ring_numbers_changes():
    assert perturb("renumbered_rings", "CCO[NH3+]") == "CCO[NH3+]"


def test_more_open_rings_than_numbers_to_exchange_stay_as_they_are():
    opened = "".join(f"C%{n}" for n in range(10, 65))
    smiles = opened + "".join(f"C%{n}" for n in range(10, 65))
    assert canonical(smiles) is not None
    assert perturb("renumbered_rings", smiles) == smiles


def test_random_orders_come_from_the_seed_and_the_text():
    smiles = MOLECULES[0]
    assert perturb("randomised", smiles, 1) == perturb("randomised", smiles, 1)
    assert len({perturb("randomised", smiles, seed) for seed in range(20)}) > 10


@pytest.mark.parametrize("name", PERTURBATIONS)
@pytest.mark.parametrize("text", ["", "no molecule", "CC(", "CO.", "CO.C("])
def test_what_is_no_molecule_has_no_other_spelling(name, text):
    assert perturb(name, text) is None


def test_a_perturbation_that_does_not_exist():
    with pytest.raises(KeyError):
        perturb("shuffled", "CO")


@given(st.text(max_size=30), st.sampled_from(sorted(PERTURBATIONS)))
def test_any_text_is_respelled_or_refused(text, name):
    spelled = perturb(name, text)
    assert spelled is None or canonical_mixture(spelled) == canonical_mixture(text)
