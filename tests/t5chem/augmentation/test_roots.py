"""Root alignment: inputs begin like answers, and come nearer to them."""

import random
import statistics

import pytest
from rdkit import Chem

from t5chem.augmentation.roots import RootFinder
from t5chem.metrics.edit_distance import similarity
from tests.t5chem.augmentation.molecules import mapped_reactions


def rooted(smiles, answer, seed=0):
    mol = Chem.MolFromSmiles(smiles)
    root = RootFinder(answer, random.Random(seed)).root(mol)
    return None if root is None else Chem.MolToSmiles(mol, rootedAtAtom=root)


@pytest.mark.parametrize(
    ("smiles", "answer", "begins"),
    [
        # the halves of an amide begin at the first atom of theirs that the amide has
        ("Nc1cccc(Cl)c1OC", "COc1c(Cl)cccc1NC(=O)c1ncc(Cl)cc1Cl", "COc1c("),
        ("O=C(O)c1ncc(Cl)cc1Cl", "COc1c(Cl)cccc1NC(=O)c1ncc(Cl)cc1Cl", "C(=O)(O)c1ncc("),
        ("COC(=O)c1ccc(C#N)cc1", "N#Cc1ccc(C(=O)O)cc1", "N#Cc1ccc("),
        ("CCOC(=O)c1ccc(Br)cc1", "O=C(O)c1ccc(Br)cc1.[Na+]~[OH-]", "O=C(OCC)c1ccc("),
    ],
)
def test_begins_where_the_answer_does(smiles, answer, begins):
    assert rooted(smiles, answer).startswith(begins)


@pytest.mark.parametrize("answer", ["c1ccccc1", "c1ccccc1.[Na+]~[Cl-]", "no molecule", "", "CO"])
def test_nothing_in_common_no_root(answer):
    assert rooted("CCCCCC", answer) is None


def test_chance_decides_between_compounds_and_the_larger_one_leads_more_often():
    product = "COc1ccc(C)cc1NC(=O)C1CC(F)C1"
    answer = "COc1ccc(C)cc1N.O=C(Cl)C1CC(F)C1"
    starts = [rooted(product, answer, seed) for seed in range(60)]
    assert len(set(starts)) == 2
    assert 30 < sum(smiles.startswith("COc1ccc(C)") for smiles in starts) < 60


def test_real_inputs_come_nearer_to_their_answers(shared):
    given, aligned = [], []
    for reactants, product in mapped_reactions(shared, 100):
        finder = RootFinder(product.smiles, random.Random(0))
        for reactant in reactants:
            root = finder.root(reactant.mol)
            if root is not None and set(reactant.maps) & set(product.maps):
                spelled = Chem.MolToSmiles(reactant.mol, rootedAtAtom=root)
                given.append(similarity(reactant.smiles, product.smiles))
                aligned.append(similarity(spelled, product.smiles))
    assert len(given) > 130
    assert statistics.mean(aligned) > statistics.mean(given) + 0.03
