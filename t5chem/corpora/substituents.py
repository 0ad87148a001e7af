"""Which small substituents a benzene ring carries, and where."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from rdkit import Chem

from t5chem.corpora.rings import ring_systems

LARGER_GROUP: Final = "a larger group"
_LARGEST: Final = 6  # heavy atoms in the largest substituent of the table

SUBSTITUENTS: Final = MappingProxyType(
    {
        "fluoro": "F",
        "chloro": "Cl",
        "bromo": "Br",
        "iodo": "I",
        "methyl": "C",
        "ethyl": "CC",
        "isopropyl": "C(C)C",
        "tert-butyl": "C(C)(C)C",
        "vinyl": "C=C",
        "trifluoromethyl": "C(F)(F)F",
        "hydroxymethyl": "CO",
        "hydroxy": "O",
        "oxido": "[O-]",
        "methoxy": "OC",
        "ethoxy": "OCC",
        "acetoxy": "OC(C)=O",
        "amino": "N",
        "methylamino": "NC",
        "dimethylamino": "N(C)C",
        "diethylamino": "N(CC)CC",
        "acetamido": "NC(C)=O",
        "nitro": "[N+](=O)[O-]",
        "cyano": "C#N",
        "formyl": "C=O",
        "acetyl": "C(C)=O",
        "carboxy": "C(=O)O",
        "carboxylato": "C(=O)[O-]",
        "methoxycarbonyl": "C(=O)OC",
        "ethoxycarbonyl": "C(=O)OCC",
        "carbamoyl": "C(N)=O",
        "sulfanyl": "S",
        "methylsulfanyl": "SC",
        "sulfo": "S(=O)(=O)O",
        "sulfonato": "S(=O)(=O)[O-]",
        "sulfamoyl": "S(N)(=O)=O",
    }
)

Pattern = tuple[tuple[int, str], ...]
"""Position on the ring (1 to 6) and name of what stands there, in order of position."""


def benzene_patterns(mol: Chem.Mol) -> tuple[Pattern, ...]:
    """Returns the substitution of each unfused benzene ring that has at least one substituent.

    Positions are numbered to give the lowest set of numbers, and among equal sets the one whose
    names come first in the alphabet. What the table does not hold is `LARGER_GROUP`.

    Example:
        >>> benzene_patterns(Chem.MolFromSmiles("Oc1ccc(Cl)cc1"))
        (((1, 'chloro'), (4, 'hydroxy')),)
    """
    if all(len(ring) != 6 for ring in mol.GetRingInfo().AtomRings()):
        return ()
    is_single = len(Chem.GetMolFrags(mol)) == 1  # rooted SMILES, used below, need a single part
    parts = (mol,) if is_single else Chem.GetMolFrags(mol, asMols=True)
    return tuple(sorted(pattern for part in parts for pattern in _patterns_of_part(part)))


def _patterns_of_part(mol: Chem.Mol) -> Iterator[Pattern]:
    unfused = {atoms for atoms in ring_systems(mol) if len(atoms) == 6}
    for ring in mol.GetRingInfo().AtomRings():
        if frozenset(ring) in unfused and _is_benzene(mol, ring):
            pattern = _lowest([_substituent(mol, atom, ring) for atom in ring])
            if pattern:
                yield pattern


def _is_benzene(mol: Chem.Mol, ring: tuple[int, ...]) -> bool:
    return all(
        atom.GetIsAromatic()
        and atom.GetAtomicNum() == 6
        and not atom.GetFormalCharge()
        and not any(bond.GetBondType() == Chem.BondType.DOUBLE for bond in atom.GetBonds())
        for atom in map(mol.GetAtomWithIdx, ring)
    )


def _lowest(around: list[str]) -> Pattern:
    """Numbers the six positions, given what stands on each in ring order ('' for hydrogen)."""
    numberings = []
    for direction in (around, around[::-1]):
        for start in range(6):
            turned = direction[start:] + direction[:start]
            numberings.append(tuple((i + 1, name) for i, name in enumerate(turned) if name))
    return min(numberings, key=lambda p: ([i for i, _ in p], [name for _, name in p]))


def _substituent(mol: Chem.Mol, atom: int, ring: tuple[int, ...]) -> str:
    neighbours = [n.GetIdx() for n in mol.GetAtomWithIdx(atom).GetNeighbors()]
    outside = [index for index in neighbours if index not in ring]
    if not outside:
        return ""
    branch = _branch(mol, outside[0], atom)
    if branch is None:
        return LARGER_GROUP
    smiles = Chem.MolFragmentToSmiles(
        mol, branch, rootedAtAtom=outside[0], isomericSmiles=True, canonical=True
    )
    return _by_smiles().get(smiles, LARGER_GROUP)


def _branch(mol: Chem.Mol, first: int, ring_atom: int) -> list[int] | None:
    """Returns the atoms reached from `first` without crossing `ring_atom`, None when too many."""
    branch, frontier = {first}, [first]
    while frontier:
        for neighbour in mol.GetAtomWithIdx(frontier.pop()).GetNeighbors():
            index = neighbour.GetIdx()
            if index != ring_atom and index not in branch:
                branch.add(index)
                frontier.append(index)
        if len(branch) > _LARGEST:
            return None
    return sorted(branch)


@functools.cache
def _by_smiles() -> dict[str, str]:
    names = {}
    for name, smiles in SUBSTITUENTS.items():
        mol = Chem.MolFromSmiles("*" + smiles)
        atoms = list(range(1, mol.GetNumAtoms()))
        names[Chem.MolFragmentToSmiles(mol, atoms, rootedAtAtom=1)] = name
    return names
