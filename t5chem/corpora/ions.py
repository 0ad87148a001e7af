"""The small ions and partners that salts are made of, and what a salt of each is called."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rdkit import Chem

from t5chem.smiles import canonical_from_mol


@dataclass(frozen=True)
class Partner:
    """A small part of a salt: what it is (singular) and what kind of salt it makes."""

    noun: str
    salt_class: str


def _cation(element: str) -> Partner:
    return Partner(f"{element} cation", f"{element} salt")


def _anion(name: str) -> Partner:
    return Partner(f"{name} anion", f"{name} salt")


PARTNERS: Final = MappingProxyType(
    {
        "[Li+]": _cation("lithium"),
        "[Na+]": _cation("sodium"),
        "[K+]": _cation("potassium"),
        "[Rb+]": _cation("rubidium"),
        "[Cs+]": _cation("caesium"),
        "[Mg+2]": _cation("magnesium"),
        "[Ca+2]": _cation("calcium"),
        "[Sr+2]": _cation("strontium"),
        "[Ba+2]": _cation("barium"),
        "[Zn+2]": _cation("zinc"),
        "[Ag+]": _cation("silver"),
        "[Al+3]": _cation("aluminium"),
        "[NH4+]": _cation("ammonium"),
        "[F-]": _anion("fluoride"),
        "[Cl-]": _anion("chloride"),
        "[Br-]": _anion("bromide"),
        "[I-]": _anion("iodide"),
        "[OH-]": _anion("hydroxide"),
        "O=[N+]([O-])[O-]": _anion("nitrate"),
        "O=S(=O)([O-])[O-]": _anion("sulfate"),
        "O=S(=O)([O-])O": _anion("hydrogen sulfate"),
        "[O-][Cl+3]([O-])([O-])[O-]": _anion("perchlorate"),
        "F[B-](F)(F)F": _anion("tetrafluoroborate"),
        "F[P-](F)(F)(F)(F)F": _anion("hexafluorophosphate"),
        "N#C[S-]": _anion("thiocyanate"),
        "COS(=O)(=O)[O-]": _anion("methyl sulfate"),
        "CCOS(=O)(=O)[O-]": _anion("ethyl sulfate"),
        "CS(=O)(=O)[O-]": _anion("methanesulfonate"),
        "Cc1ccc(S(=O)(=O)[O-])cc1": _anion("4-toluenesulfonate"),
        "O=C([O-])C(F)(F)F": _anion("trifluoroacetate"),
        "F": Partner("hydrogen fluoride molecule", "hydrofluoride"),
        "Cl": Partner("hydrogen chloride molecule", "hydrochloride"),
        "Br": Partner("hydrogen bromide molecule", "hydrobromide"),
        "I": Partner("hydrogen iodide molecule", "hydroiodide"),
        "O=S(=O)(O)O": Partner("sulfuric acid molecule", "sulfuric acid salt"),
        "O=[N+]([O-])O": Partner("nitric acid molecule", "nitric acid salt"),
        "O=P(O)(O)O": Partner("phosphoric acid molecule", "phosphoric acid salt"),
        "CS(=O)(=O)O": Partner("methanesulfonic acid molecule", "methanesulfonic acid salt"),
        "O=C(O)C(=O)O": Partner("oxalic acid molecule", "oxalic acid salt"),
        "O=C(O)/C=C\\C(=O)O": Partner("maleic acid molecule", "maleic acid salt"),
        "O=C(O)/C=C/C(=O)O": Partner("fumaric acid molecule", "fumaric acid salt"),
        "O=C(O)CC(O)(CC(=O)O)C(=O)O": Partner("citric acid molecule", "citric acid salt"),
        "O": Partner("water molecule", "hydrate"),
    }
)


@dataclass(frozen=True)
class Salt:
    """What a compound of several parts consists of.

    Attributes:
        partners: noun and number of each small part, in the order of the SMILES.
        salt_classes: the kinds of salt that they make ('sodium salt', 'hydrochloride').
        main_charge: charge of one main part.
        main_count: number of main parts, all alike; 0 for a salt of small parts alone.
        main_is_organic: whether the main part holds carbon.
    """

    partners: tuple[tuple[str, int], ...]
    salt_classes: tuple[str, ...]
    main_charge: int
    main_count: int
    main_is_organic: bool


def salt_of(mol: Chem.Mol) -> Salt | None:
    """Takes a salt apart, or returns None when `mol` is one part or not a salt we can name.

    Returns None for a mixture of two unlike large parts, and when the charges do not cancel.

    Example:
        >>> salt = salt_of(Chem.MolFromSmiles("CC(=O)[O-].[Na+]"))
        >>> salt.partners, salt.main_charge
        ((('sodium cation', 1),), -1)
    """
    if len(Chem.GetMolFrags(mol)) < 2:
        return None
    parts = Counter(canonical_from_mol(mol).split("."))
    main = [part for part in parts if part not in PARTNERS]
    if len(main) > 1 or Chem.GetFormalCharge(mol):
        return None
    partners = [(PARTNERS[part], count) for part, count in parts.items() if part in PARTNERS]
    if not partners:
        return None
    main_mol = Chem.MolFromSmiles(main[0]) if main else None
    return Salt(
        tuple((partner.noun, count) for partner, count in partners),
        tuple(partner.salt_class for partner, _ in partners),
        Chem.GetFormalCharge(main_mol) if main_mol else 0,
        parts[main[0]] if main else 0,
        bool(main_mol and any(atom.GetAtomicNum() == 6 for atom in main_mol.GetAtoms())),
    )
