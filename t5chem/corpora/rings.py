"""Ring systems and what chemists call them.

A *ring system* is a set of rings joined by shared bonds: naphthalene is one, biphenyl and spiro
compounds are two. It is named by looking its skeleton up in a table: elements, aromaticity and
ring bond orders must agree, substituents and hydrogens do not matter. A single ring is looked up
by what one meets going around it, fused rings by a canonical SMILES, which takes ten times longer.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rdkit import Chem

from t5chem.corpora.queries import atoms_of

NAMED_RINGS: Final = MappingProxyType(
    {
        "benzene": "c1ccccc1",
        "pyridine": "c1ccncc1",
        "pyridinium": "c1cc[nH+]cc1",
        "pyridazine": "c1ccnnc1",
        "pyrimidine": "c1cncnc1",
        "pyrazine": "c1cnccn1",
        "1,3,5-triazine": "c1ncncn1",
        "1,2,4-triazine": "c1cnncn1",
        "pyrrole": "c1cc[nH]c1",
        "furan": "c1ccoc1",
        "thiophene": "c1ccsc1",
        "imidazole": "c1c[nH]cn1",
        "pyrazole": "c1cn[nH]c1",
        "1,3-oxazole": "c1cocn1",
        "1,2-oxazole": "c1cnoc1",
        "1,3-thiazole": "c1cscn1",
        "1,2-thiazole": "c1cnsc1",
        "1,2,4-triazole": "c1nc[nH]n1",
        "1,2,3-triazole": "c1c[nH]nn1",
        "tetrazole": "c1nnn[nH]1",
        "1,3,4-oxadiazole": "c1nnco1",
        "1,2,4-oxadiazole": "c1ncno1",
        "1,3,4-thiadiazole": "c1nncs1",
        "1,2,5-thiadiazole": "c1cnsn1",
        "naphthalene": "c1ccc2ccccc2c1",
        "anthracene": "c1ccc2cc3ccccc3cc2c1",
        "phenanthrene": "c1ccc2c(c1)ccc1ccccc12",
        "pyrene": "c1cc2ccc3cccc4ccc(c1)c2c34",
        "fluorene": "c1ccc2c(c1)Cc1ccccc1-2",
        "quinoline": "c1ccc2ncccc2c1",
        "isoquinoline": "c1ccc2cnccc2c1",
        "quinazoline": "c1ccc2ncncc2c1",
        "quinoxaline": "c1ccc2nccnc2c1",
        "cinnoline": "c1ccc2nnccc2c1",
        "phthalazine": "c1ccc2cnncc2c1",
        "acridine": "c1ccc2nc3ccccc3cc2c1",
        "phenazine": "c1ccc2nc3ccccc3nc2c1",
        "indole": "c1ccc2[nH]ccc2c1",
        "indazole": "c1ccc2[nH]ncc2c1",
        "benzimidazole": "c1ccc2[nH]cnc2c1",
        "benzotriazole": "c1ccc2[nH]nnc2c1",
        "1-benzofuran": "c1ccc2occc2c1",
        "1-benzothiophene": "c1ccc2sccc2c1",
        "1,3-benzoxazole": "c1ccc2ocnc2c1",
        "1,3-benzothiazole": "c1ccc2scnc2c1",
        "carbazole": "c1ccc2c(c1)[nH]c1ccccc12",
        "dibenzofuran": "c1ccc2c(c1)oc1ccccc12",
        "purine": "c1ncc2nc[nH]c2n1",
        "phenothiazine": "c1ccc2c(c1)Nc1ccccc1S2",
        "xanthene": "c1ccc2c(c1)Cc1ccccc1O2",
        "indane": "c1ccc2c(c1)CCC2",
        "tetralin": "c1ccc2c(c1)CCCC2",
        "indoline": "c1ccc2c(c1)CCN2",
        "chromane": "c1ccc2c(c1)CCCO2",
        "1,3-benzodioxole": "c1ccc2c(c1)OCO2",
        "1,4-benzodioxane": "c1ccc2c(c1)OCCO2",
        "decalin": "C1CCC2CCCCC2C1",
        "adamantane": "C1C2CC3CC1CC(C2)C3",
        "bicyclo[2.2.1]heptane": "C1CC2CCC1C2",
        "bicyclo[2.2.1]heptene": "C1CC2C=CC1C2",
        "bicyclo[2.2.2]octane": "C1CC2CCC1CC2",
        "bicyclo[3.1.1]heptane": "C1CC2CC(C1)C2",
        "quinuclidine": "C1CN2CCC1CC2",
        "8-azabicyclo[3.2.1]octane": "C1CC2CCC(C1)N2",
        "perhydrocyclopenta[a]phenanthrene": "C1CCC2C(C1)CCC1C3CCCC3CCC12",
        "cyclopropane": "C1CC1",
        "cyclobutane": "C1CCC1",
        "cyclopentane": "C1CCCC1",
        "cyclohexane": "C1CCCCC1",
        "cycloheptane": "C1CCCCCC1",
        "cyclooctane": "C1CCCCCCC1",
        "cyclododecane": "C1CCCCCCCCCCC1",
        "cyclopentene": "C1CC=CC1",
        "cyclohexene": "C1CCC=CC1",
        "cyclohexa-1,3-diene": "C1=CCCC=C1",
        "cyclohexa-1,4-diene": "C1=CCC=CC1",
        "cyclopenta-1,3-diene": "C1C=CC=C1",
        "oxirane": "C1CO1",
        "aziridine": "C1CN1",
        "thiirane": "C1CS1",
        "oxetane": "C1COC1",
        "azetidine": "C1CNC1",
        "pyrrolidine": "C1CCNC1",
        "tetrahydrofuran": "C1CCOC1",
        "tetrahydrothiophene": "C1CCSC1",
        "piperidine": "C1CCNCC1",
        "tetrahydropyran": "C1CCOCC1",
        "piperazine": "C1CNCCN1",
        "morpholine": "C1COCCN1",
        "thiomorpholine": "C1CSCCN1",
        "1,3-dioxolane": "C1COCO1",
        "1,3-dioxane": "C1COCOC1",
        "1,4-dioxane": "C1COCCO1",
        "imidazolidine": "C1CNCN1",
        "1,3-oxazolidine": "C1COCN1",
        "1,3-thiazolidine": "C1CSCN1",
        "1,3-diazinane": "C1CNCNC1",
        "1,3,5-triazinane": "C1NCNCN1",
        "4,5-dihydroimidazole": "C1CN=CN1",
        "4,5-dihydro-1,3-oxazole": "C1COC=N1",
        "4,5-dihydro-1,3-thiazole": "C1CSC=N1",
        "azepane": "C1CCCNCC1",
    }
)

_SIZES: Final = ("", "", "", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SIZES_BEYOND: Final = {11: "eleven", 12: "twelve", 14: "fourteen", 15: "fifteen", 16: "sixteen"}
_CYCLIC: Final = ("", "", "bicyclic", "tricyclic", "tetracyclic", "pentacyclic", "hexacyclic")


def ring_systems(mol: Chem.Mol) -> list[frozenset[int]]:
    """Returns the atoms of each ring system: rings that share a bond are one system.

    Example:
        >>> sorted(map(len, ring_systems(Chem.MolFromSmiles("c1ccc2ccccc2c1C3CC3"))))
        [3, 10]
    """
    systems: list[frozenset[int]] = []
    for ring in map(frozenset, mol.GetRingInfo().AtomRings()):
        touching = [system for system in systems if len(system & ring) > 1]
        systems = [system for system in systems if len(system & ring) <= 1]
        systems.append(ring.union(*touching))
    return systems


def ring_nouns(mol: Chem.Mol) -> Mapping[str, int]:
    """Returns what the ring systems are called and how many there are of each.

    Example:
        >>> sorted(ring_nouns(Chem.MolFromSmiles("c1ccncc1Cc1cnccc1C1CNCCS1")).items())
        [('pyridine ring', 2), ('thiomorpholine ring', 1)]
    """
    return Counter(_noun(mol, atoms) for atoms in ring_systems(mol))


def _noun(mol: Chem.Mol, atoms: frozenset[int]) -> str:
    rings = mol.GetRingInfo().AtomRings()
    is_single = atoms in map(frozenset, rings)
    if is_single:
        name = _single_names().get(_around(mol, next(r for r in rings if atoms.issuperset(r))))
    else:
        name = _names().get(_skeleton(mol, atoms))
    if name is None or _is_carbonylated_arene(mol, atoms):
        return _generic_noun(mol, atoms)
    return f"{name} {'ring' if is_single else 'ring system'}"


def _generic_noun(mol: Chem.Mol, atoms: frozenset[int]) -> str:
    """Describes a ring system that the table does not hold by its size and elements."""
    rings = [ring for ring in mol.GetRingInfo().AtomRings() if set(ring) <= atoms]
    hetero = sorted({mol.GetAtomWithIdx(atom).GetSymbol() for atom in atoms} - {"C"})
    kind = "heterocyclic" if hetero else "carbocyclic"
    if len(rings) == 1:
        size = len(rings[0])
        word = _SIZES[size] if size < len(_SIZES) else _SIZES_BEYOND.get(size, str(size))
        return f"{word}-membered {kind} ring"
    many = _CYCLIC[len(rings)] if len(rings) < len(_CYCLIC) else "polycyclic"
    return f"{many} {kind} ring system"


def _is_carbonylated_arene(mol: Chem.Mol, atoms: frozenset[int]) -> bool:
    """Tells whether an aromatic ring carries =O or the like: pyridone is not called a pyridine."""
    return any(
        bond.GetBondType() == Chem.BondType.DOUBLE and not bond.IsInRing()
        for atom in map(mol.GetAtomWithIdx, atoms)
        if atom.GetIsAromatic() and atom.GetDegree() > 2
        for bond in atom.GetBonds()
    )


@functools.cache
def _names() -> dict[str, str]:
    names = {}
    for name, smiles in NAMED_RINGS.items():
        mol = Chem.MolFromSmiles(smiles)
        names[_skeleton(mol, frozenset(range(mol.GetNumAtoms())))] = name
    return names


@functools.cache
def _single_names() -> dict[tuple[object, ...], str]:
    """Returns the names of the single rings by every way to go around each of them."""
    names = {}
    for name, smiles in NAMED_RINGS.items():
        mol = Chem.MolFromSmiles(smiles)
        rings = mol.GetRingInfo().AtomRings()
        for ring in (rings[0], rings[0][::-1]) if len(rings) == 1 else ():
            for start in range(len(ring)):
                names[_around(mol, ring[start:] + ring[:start])] = name
    return names


def _around(mol: Chem.Mol, ring: tuple[int, ...]) -> tuple[object, ...]:
    """Returns the symbols of the atoms and the types of the bonds in the order of a ring."""
    atoms = tuple(_symbol(mol.GetAtomWithIdx(atom)) for atom in ring)
    pairs = zip(ring, ring[1:] + ring[:1], strict=True)
    return atoms + tuple(mol.GetBondBetweenAtoms(a, b).GetBondType() for a, b in pairs)


def _skeleton(mol: Chem.Mol, atoms: frozenset[int]) -> str:
    """Returns a canonical text of the ring atoms and bonds alone: no hydrogens, no substituents."""
    rings = zip(mol.GetRingInfo().AtomRings(), mol.GetRingInfo().BondRings(), strict=True)
    bonds = sorted({bond for ring, around in rings if atoms.issuperset(ring) for bond in around})
    symbols = [_symbol(atom) for atom in atoms_of(mol)]
    return Chem.MolFragmentToSmiles(
        mol, sorted(atoms), bonds, atomSymbols=symbols, isomericSmiles=False
    )


def _symbol(atom: Chem.Atom) -> str:
    symbol = atom.GetSymbol().lower() if atom.GetIsAromatic() else atom.GetSymbol()
    charge = atom.GetFormalCharge()
    return f"[{symbol}{charge:+d}]" if charge else symbol
