"""The reactions corpus: deterministic, canonical, atoms accounted for, splits disjoint."""

import dataclasses
from collections import Counter

import pytest

from t5chem.corpora.reaction_classes import CLASSES
from t5chem.corpora.reactions import (
    MAX_PRODUCT_ATOMS,
    MIN_PRODUCT_ATOMS,
    building_blocks,
    generate_reactions,
    heavy_atoms,
)
from t5chem.corpora.splits import split_of
from t5chem.smiles import canonical, canonical_mixture, parse, skeleton_key

pytest.importorskip("chemicals", reason="the building blocks come with the chemicals package")

FIELDS = ["id", "split", "reaction_class", "reactants", "reagents", "products"]
SMALL = [dataclasses.replace(kind, rows=12) for kind in CLASSES]
FEW = [kind for kind in SMALL if kind.name in ("amide_coupling", "oxime_formation")]


@pytest.fixture(scope="module")
def rows():
    return list(generate_reactions(0, 1, SMALL, max_blocks=1200))


def atoms_of(mixture):
    mols = [parse(compound) for compound in mixture.split(".")]
    return sum((heavy_atoms(mol) for mol in mols), Counter())


def test_rows_do_not_depend_on_processes():
    alone = list(generate_reactions(3, 1, FEW, max_blocks=300))
    together = list(generate_reactions(3, 2, FEW, max_blocks=300))
    assert alone == together
    assert len(alone) >= 12


def test_seed_changes_rows():
    one, other = (list(generate_reactions(seed, 1, FEW, max_blocks=300)) for seed in (0, 1))
    assert {row["id"] for row in one} != {row["id"] for row in other}


def test_real_blocks_are_found():
    blocks = building_blocks()
    assert 40_000 < len(blocks) < 55_000
    assert "C1=CC=C(C=C1)C=O" in blocks  # benzaldehyde, as PubChem writes it
    assert not any("." in smiles for smiles in blocks)


def check_rows(rows):
    assert rows
    for row in rows:
        assert list(row) == FIELDS
        assert all(isinstance(value, str) and value for value in row.values())
        for field in ("reactants", "reagents"):
            assert canonical_mixture(row[field]) == row[field]
        product = row["products"]
        assert canonical(product) == product and "." not in product and "~" not in product
        assert atoms_of(product) <= atoms_of(row["reactants"])
        assert MIN_PRODUCT_ATOMS <= parse(product).GetNumHeavyAtoms() <= MAX_PRODUCT_ATOMS
        inputs = f"{row['reactants']}.{row['reagents']}".split(".")
        assert product not in inputs
        assert len(set(inputs)) == len(inputs)
        assert row["split"] == split_of(skeleton_key(parse(product)))
        for compound in inputs:  # a lone charged compound is an ion torn from its salt
            mol = parse(compound)
            assert sum(atom.GetFormalCharge() for atom in mol.GetAtoms()) == 0, compound


def check_uniqueness(rows):
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({(row["reactants"], row["products"]) for row in rows}) == len(rows)
    answers = {}
    for row in rows:
        mixture = canonical_mixture(f"{row['reactants']}.{row['reagents']}")
        assert answers.setdefault(mixture, row["products"]) == row["products"]


def check_splits(rows):
    split_of_product, split_of_skeleton = {}, {}
    for row in rows:
        product = row["products"]
        assert split_of_product.setdefault(product, row["split"]) == row["split"]
        key = skeleton_key(parse(product))
        assert split_of_skeleton.setdefault(key, row["split"]) == row["split"]


def test_properties_of_a_sample(rows):
    check_rows(rows)
    check_uniqueness(rows)
    check_splits(rows)


def test_ions_of_a_salt_are_joined(rows):
    salts = {
        compound
        for row in rows
        for compound in f"{row['reactants']}.{row['reagents']}".split(".")
        if "~" in compound
    }
    assert "O=C([O-])[O-]~[K+]~[K+]" in salts
    assert not any(
        part in ("[K+]", "[Na+]", "[Cs+]") for row in rows for part in row["reagents"].split(".")
    )


@pytest.mark.slow
def test_the_whole_corpus():
    rows = list(generate_reactions(0, 2))
    splits = Counter(row["split"] for row in rows)
    assert splits["train"] >= 26_000
    assert set(splits) == {"train", "validation", "test"}
    shares = {name: n / len(rows) for name, n in Counter(r["reaction_class"] for r in rows).items()}
    assert set(shares) == {kind.name for kind in CLASSES}
    assert min(shares.values()) >= 0.01 and max(shares.values()) <= 0.06
    check_uniqueness(rows)
    check_splits(rows)
    check_rows(rows[:1000])
