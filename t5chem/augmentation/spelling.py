"""Other SMILES of the molecules that a task reads; the molecules and their order stay."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

from rdkit import Chem

from t5chem.augmentation.roots import RootFinder
from t5chem.spellings import random_order, respell, spell

SPELLINGS: Final = ("randomised", "kekule", "explicit_hydrogens", "root_aligned")
"""The augmentations that are done here: atoms in random order; single and double bonds for aromatic
ones; every atom in brackets with its hydrogens; beginning where the answer begins."""

TRIES: Final = 4
"""Random orders drawn for one that gives another string, before every atom is tried as the first:
small molecules have few spellings."""


def respell_inputs(inputs: str, targets: str, drawn: Mapping[str, random.Random]) -> str:
    """Returns a mixture respelled; as it was when it is not valid.

    Args:
        inputs: SMILES of a molecule or a mixture.
        targets: the answer, a mixture where roots are aligned with it.
        drawn: the chance of each augmentation that is wanted, of `SPELLINGS`; all of them are
            combined in one spelling.

    Example:
        >>> respell_inputs("Oc1ccccc1.[Na+]~[Cl-]", "", {"kekule": random.Random(0)})
        'OC1=CC=CC=C1.[Na+]~[Cl-]'
    """
    shuffling = drawn.get("randomised")
    hydrogens = "explicit_hydrogens" in drawn
    finder = RootFinder(targets, drawn["root_aligned"]) if "root_aligned" in drawn else None

    def rewrite(mol: Chem.Mol, smiles: str) -> str:
        kekule = "kekule" in drawn and bool(mol.GetAromaticAtoms())
        root = finder.root(mol) if finder else None
        if shuffling is not None:
            return _randomised(mol, smiles, shuffling, root, kekule, hydrogens)
        if root is None and not kekule and not hydrogens:
            return smiles
        return spell(mol, root=root, kekule=kekule, hydrogens=hydrogens)

    return respell(inputs, rewrite) or inputs


def _randomised(
    mol: Chem.Mol,
    smiles: str,
    rng: random.Random,
    root: int | None,
    kekule: bool,
    hydrogens: bool,
) -> str:
    atoms = random_order(mol, rng) if root is None else []
    for first in [*[root] * TRIES, *atoms]:
        order = random_order(mol, rng)
        written = spell(mol, order=order, root=first, kekule=kekule, hydrogens=hydrogens)
        if written != smiles:
            return written
    return smiles
