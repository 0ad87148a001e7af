"""Facts about a molecule, each computed from its structure alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from t5chem.corpora.functional_groups import groups_and_classes
from t5chem.corpora.ions import Salt, salt_of
from t5chem.corpora.queries import atoms_of, element_counts
from t5chem.corpora.rings import ring_nouns
from t5chem.corpora.stereo import StereoFacts, stereo_of
from t5chem.corpora.substituents import Pattern, benzene_patterns

_METHYLENE: Final = Chem.MolFromSmarts("[#6;D2;H2;!R]")


@dataclass(frozen=True)
class Facts:
    """Everything a description may state; whoever doubts a sentence recomputes its fact.

    Attributes:
        formula: of the whole compound in Hill order, without charge.
        charge: net charge.
        carbons: number of carbon atoms.
        heavy_atoms: number of atoms other than hydrogen.
        classes: compound classes ('carboxylic acid'), the most telling first; never empty.
        groups: functional groups and how many of each.
        ring_count: number of rings (bonds to cut until none is left).
        aromatic_rings: how many of them are aromatic.
        rings: ring systems by noun ('pyridine ring') and how many of each.
        benzene: substitution of the unfused benzene rings.
        methylenes: length of the longest run of open-chain CH2 groups.
        stereo: labels of stereocentres and double bonds.
        salt: the parts of a salt; None for a single part.
    """

    formula: str
    charge: int
    carbons: int
    heavy_atoms: int
    classes: tuple[str, ...]
    groups: Mapping[str, int]
    ring_count: int
    aromatic_rings: int
    rings: Mapping[str, int]
    benzene: tuple[Pattern, ...]
    methylenes: int
    stereo: StereoFacts
    salt: Salt | None


def facts_of(mol: Chem.Mol) -> Facts | None:
    r"""Computes the facts of a molecule, or None when its rings or stereo labels are disputable.

    Example:
        >>> facts = facts_of(Chem.MolFromSmiles("C/C=C\\C"))
        >>> facts.formula, facts.classes, facts.stereo.label
        ('C4H8', ('alkene',), 'Z')
    """
    if mol.GetRingInfo().NumRings() != _cycles(mol):
        return None  # a cage: which of its cycles count as its rings is a matter of choice
    stereo = stereo_of(mol)
    if stereo is None:
        return None
    groups, classes = groups_and_classes(mol)
    charge = Chem.GetFormalCharge(mol)
    carbons = element_counts(mol).get("C", 0)
    return Facts(
        formula=_formula(mol),
        charge=charge,
        carbons=carbons,
        heavy_atoms=mol.GetNumHeavyAtoms(),
        classes=classes or (_plain_class(mol, groups, carbons),),
        groups=groups,
        ring_count=mol.GetRingInfo().NumRings(),
        aromatic_rings=rdMolDescriptors.CalcNumAromaticRings(mol),
        rings=ring_nouns(mol),
        benzene=benzene_patterns(mol),
        methylenes=longest_methylene_run(mol),
        stereo=stereo,
        salt=salt_of(mol),
    )


def _cycles(mol: Chem.Mol) -> int:
    """Returns the cyclomatic number: how many bonds to cut until no ring is left."""
    return mol.GetNumBonds() - mol.GetNumAtoms() + len(Chem.GetMolFrags(mol))


def longest_methylene_run(mol: Chem.Mol) -> int:
    """Returns how many CH2 groups follow one another in the longest open-chain run.

    Example:
        >>> longest_methylene_run(Chem.MolFromSmiles("CCCCCO"))
        4
    """
    left = {match[0] for match in mol.GetSubstructMatches(_METHYLENE, maxMatches=10_000)}
    longest = 0
    while left:
        run = 0
        frontier = [left.pop()]
        while frontier:
            run += 1
            for neighbour in mol.GetAtomWithIdx(frontier.pop()).GetNeighbors():
                if neighbour.GetIdx() in left:
                    left.remove(neighbour.GetIdx())
                    frontier.append(neighbour.GetIdx())
        longest = max(longest, run)
    return longest


def _formula(mol: Chem.Mol) -> str:
    """Returns the formula in Hill order; RDKit appends the charge, which is stated apart."""
    return re.sub(r"[+-]\d*$", "", rdMolDescriptors.CalcMolFormula(mol))


def _plain_class(mol: Chem.Mol, groups: Mapping[str, int], carbons: int) -> str:
    """Names the class of a molecule that has no class-making group."""
    elements = {atom.GetSymbol() for atom in atoms_of(mol)}
    if not carbons:
        return "inorganic compound"
    if elements - {"C", "H"}:
        return _hetero_class(mol)
    if mol.GetRingInfo().NumRings():
        aromatic = any(atom.GetIsAromatic() for atom in atoms_of(mol))
        return "aromatic hydrocarbon" if aromatic else "cyclic hydrocarbon"
    if "carbon-carbon triple bond" in groups:
        return "alkyne"
    return "alkene" if "carbon-carbon double bond" in groups else "alkane"


def _hetero_class(mol: Chem.Mol) -> str:
    hetero_ring = any(a.IsInRing() and a.GetAtomicNum() != 6 for a in atoms_of(mol))
    return "heterocyclic compound" if hetero_ring else "organic compound"
