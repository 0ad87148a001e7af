"""Ten thousand augmented SMILES of each kind: same molecules, other strings, answers as they were.

    pytest -m slow -s -n0 tests/t5chem/augmentation/test_ten_thousand.py

prints how many were given, how many of them have no other string, and why.
"""

import collections
import itertools
import random
import tarfile

import pytest
from rdkit import Chem

from t5chem.augmentation import augment
from t5chem.augmentation.roots import RootFinder
from t5chem.corpora.compounds import load_named_compounds
from t5chem.reaction_cleaning import CleanReaction, clean_reaction_smiles
from t5chem.smiles import canonical, parse
from t5chem.spellings import spell
from tests.t5chem.augmentation.molecules import inchi, nci_smiles

WANTED = 10_000
pytestmark = pytest.mark.slow


def starter_molecules():
    """The sources of the starter corpus' molecules: half as given, half canonical."""
    given = [*nci_smiles(), *(one.smiles for one in load_named_compounds())]
    random.Random(0).shuffle(given)
    for number, smiles in enumerate(given):
        text = canonical(smiles) if number % 2 else smiles
        if text:
            yield text, "The molecule is one of these."


def chebi20_molecules(shared):
    for name in ("validation.txt", "test.txt"):
        lines = (shared / "data" / "chebi20" / name).read_text(encoding="utf-8").splitlines()
        for line in lines[1:]:
            _, smiles, description = line.split("\t")
            yield smiles.replace("\\\\", "\\"), description


def reactions(shared):
    with tarfile.open(shared / "data" / "uspto_mit" / "valid.txt.tar.gz") as archive:
        for line in archive.extractfile("valid.txt"):
            cleaned = clean_reaction_smiles(line.decode(), reagents="mixed")
            if isinstance(cleaned, CleanReaction):
                yield cleaned.reactants, cleaned.products


def collect(task, name, examples, wanted=WANTED):
    """Augments until enough have changed; checks each, and counts those that did not change."""
    counts = collections.Counter()
    for number, (inputs, targets) in enumerate(examples):
        if counts["changed"] == wanted:
            break
        counts["given"] += 1
        other, answer = augment(
            task, inputs, targets, seed=0, row_id=f"{number}", copy=1, rates={name: 1.0}
        )
        assert answer == targets
        if other == inputs:
            counts[why_unchanged(name, inputs, targets)] += 1
            continue
        counts["changed"] += 1
        before, after = inchi(inputs), inchi(other)
        if name == "shuffled_precursors":
            before, after = sorted(before), sorted(after)
        assert after == before, (inputs, other)
        counts["without InChI"] += "" in before
    print(f"\n{task} {name}: {dict(counts)}")
    return counts


def why_unchanged(name, inputs, targets):
    mols = [parse(part) for part in inputs.replace("~", ".").split(".")]
    if None in mols:
        return "not valid a part at a time"
    if name == "root_aligned":
        finder = RootFinder(targets, random.Random(0))
        rooted = any(finder.root(mol) is not None for mol in mols)
        return "already aligned" if rooted else "nothing in common"
    if name == "shuffled_precursors":
        return "one precursor"
    if name == "randomised":
        return "one spelling" if all(map(has_one_spelling, mols)) else "refused"
    if name == "kekule" and not any(mol.GetAromaticAtoms() for mol in mols):
        return "not aromatic"
    return "already so" if inputs.replace("~", ".") == unchecked(name, mols) else "refused"


def unchecked(name, mols):
    """The spelling, whether or not it is read as the same molecule."""
    ways = {"kekule": name == "kekule", "hydrogens": name == "explicit_hydrogens"}
    return ".".join(spell(mol, **ways) for mol in mols)


def has_one_spelling(mol):
    """Whether 50 random orders from each atom give one string only."""
    atoms = range(mol.GetNumAtoms())
    rng = random.Random(0)
    spelled = {
        Chem.MolToSmiles(
            Chem.RenumberAtoms(
                mol, [first, *rng.sample(rest := [a for a in atoms if a != first], len(rest))]
            ),
            canonical=False,
        )
        for first in atoms
        for _ in range(50)
    }
    return len(spelled) == 1


@pytest.mark.parametrize("name", ["randomised", "kekule", "explicit_hydrogens"])
def test_the_starters_molecules(name):
    counts = collect("mol2text", name, starter_molecules())
    assert counts["changed"] == WANTED
    assert counts["refused"] <= WANTED // 1000
    assert counts["without InChI"] <= WANTED // 1000
    if name != "kekule":
        assert counts["given"] < WANTED * 1.03


@pytest.mark.parametrize("name", ["randomised", "kekule", "explicit_hydrogens"])
def test_the_molecules_of_chebi20(shared, name):
    counts = collect("mol2text", name, chebi20_molecules(shared))
    assert counts["changed"] > (2500 if name == "kekule" else 6500)
    assert counts["refused"] <= 5


@pytest.mark.parametrize(
    "name", ["randomised", "kekule", "explicit_hydrogens", "root_aligned", "shuffled_precursors"]
)
def test_precursors_of_uspto_480k(shared, name):
    counts = collect("forward", name, reactions(shared))
    assert counts["changed"] == WANTED
    assert counts["given"] < WANTED * 1.7


def test_products_of_uspto_480k_rooted_like_their_precursors(shared):
    turned = ((products, precursors) for precursors, products in reactions(shared))
    counts = collect("retrosynthesis", "root_aligned", itertools.islice(turned, 25_000))
    assert counts["changed"] == WANTED
