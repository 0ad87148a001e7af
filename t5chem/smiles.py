"""SMILES as this project writes them: canonical, sorted, the ions of one compound kept together.

A *compound* is what a chemist weighs out: a molecule or a salt. A *mixture* is a list of
compounds, written as text with `.` between compounds and `~` between the ions of one compound
(`CO.[Na+]~[OH-]` is methanol and sodium hydroxide), as the published reaction data does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rdkit import Chem, RDLogger

# RDKit reports every unreadable SMILES on stderr; callers here get None and report it themselves.
RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]

# RDKit visits a chain atom by atom on the C stack: 20,000 carbons end the process.
LONGEST: Final = 5000


def parse(smiles: str) -> Chem.Mol | None:
    """Returns the sanitised molecule, or None when `smiles` is empty or not valid.

    `~` is read as `.`. RDKit accepts the empty string as a molecule of no atoms; we do not. More
    than `LONGEST` characters, or other than ASCII ones, are not valid either.
    """
    if not smiles.strip() or len(smiles) > LONGEST or not smiles.isascii():
        return None
    mol = Chem.MolFromSmiles(smiles.replace("~", "."))
    return mol if mol is not None and mol.GetNumAtoms() else None


def canonical(smiles: str) -> str | None:
    """Returns RDKit's canonical isomeric SMILES, fragments sorted, or None when invalid.

    Example:
        >>> canonical("C(O)C")
        'CCO'
        >>> canonical("not a molecule") is None
        True
    """
    mol = parse(smiles)
    return None if mol is None else canonical_from_mol(mol)


def canonical_from_mol(mol: Chem.Mol) -> str:
    """Returns the canonical isomeric SMILES of `mol`, its fragments sorted as strings."""
    return ".".join(sorted(Chem.MolToSmiles(mol).split(".")))


def join_ions(smiles: str) -> str:
    """Writes the parts of one compound joined with `~` instead of `.`.

    Example:
        >>> join_ions("[OH-].[Na+]")
        '[Na+]~[OH-]'
    """
    return "~".join(sorted(smiles.replace("~", ".").split(".")))


def join_compounds(compounds: Iterable[str]) -> str:
    """Writes a mixture: each compound's ions joined with `~`, compounds sorted, joined with `.`.

    Args:
        compounds: SMILES, one a compound; a salt has several parts (`[Na+].[OH-]`).

    Example:
        >>> join_compounds(["[OH-].[Na+]", "CO"])
        'CO.[Na+]~[OH-]'
    """
    return ".".join(sorted(join_ions(compound) for compound in compounds))


def canonical_mixture(smiles: str) -> str | None:
    """Canonicalises every compound of a mixture and sorts them; None when any is invalid.

    Example:
        >>> canonical_mixture("[OH-]~[Na+].OC")
        'CO.[Na+]~[OH-]'
    """
    compounds = [canonical(compound) for compound in smiles.split(".")]
    if any(compound is None for compound in compounds):
        return None
    return join_compounds(compound for compound in compounds if compound is not None)


def skeleton_key(mol: Chem.Mol) -> str:
    """Returns the first block of the InChIKey: equal for stereoisomers and mobile-hydrogen forms.

    An empty string means that no InChI exists for the molecule.
    """
    return Chem.MolToInchiKey(mol).split("-")[0]


def join_mixtures(mixtures: Iterable[str]) -> str:
    """Merges mixtures into one, its compounds sorted; an empty one adds nothing.

    Example:
        >>> join_mixtures(["OCC", "", "[Na+]~[OH-].CO"])
        'CO.OCC.[Na+]~[OH-]'
    """
    compounds = (compound for mixture in mixtures for compound in mixture.split("."))
    return ".".join(sorted(filter(None, compounds)))
