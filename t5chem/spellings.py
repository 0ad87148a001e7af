"""Writing the same molecule in other ways, and making sure that it is the same."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from rdkit import Chem

from t5chem.smiles import canonical_from_mol, parse


def spell(
    mol: Chem.Mol,
    *,
    order: Sequence[int] | None = None,
    root: int | None = None,
    kekule: bool = False,
    hydrogens: bool = False,
) -> str:
    """Writes a SMILES of a molecule of one fragment.

    Args:
        mol: sanitised.
        order: all its atoms; branches are taken in this order instead of the canonical one.
        root: the atom to start with, of those that `order` or else the canonical order would take.
        kekule: single and double bonds for aromatic ones.
        hydrogens: every atom in brackets with its hydrogens.

    Example:
        >>> spell(Chem.MolFromSmiles("Oc1ccccc1"), root=1, kekule=True)
        'C1(O)=CC=CC=C1'
        >>> spell(Chem.MolFromSmiles("CCO"), order=[1, 2, 0], hydrogens=True)
        '[CH2]([OH])[CH3]'
    """
    first = -1 if root is None else root
    if order is not None:
        mol = Chem.RenumberAtoms(mol, list(order))
        first = -1 if root is None else list(order).index(root)
    if kekule:
        mol = Chem.Mol(mol)
        Chem.Kekulize(mol, clearAromaticFlags=True)
    return Chem.MolToSmiles(
        mol,
        canonical=order is None,
        rootedAtAtom=first,
        kekuleSmiles=kekule,
        allHsExplicit=hydrogens,
    )


def random_order(mol: Chem.Mol, rng: random.Random) -> list[int]:
    """Returns the atoms of a molecule in an order drawn by `rng`."""
    order = list(range(mol.GetNumAtoms()))
    rng.shuffle(order)
    return order


def respell(smiles: str, rewrite: Callable[[Chem.Mol, str], str]) -> str | None:
    """Rewrites every fragment of a mixture in its place; None when one is not valid.

    Args:
        smiles: compounds joined with `.`, ions of one compound with `~`; their order stays.
        rewrite: from a molecule and its SMILES to another SMILES of it. Where RDKit reads another
            molecule from that, the fragment stays as it was.

    Example:
        >>> respell("CO~[Na+].OC", lambda mol, smiles: smiles[::-1] if smiles[0] == "C" else smiles)
        'OC~[Na+].OC'
    """
    parts = re.split(r"([.~])", smiles)
    for place in range(0, len(parts), 2):
        mol = parse(parts[place])
        if mol is None:
            return None
        parts[place] = _kept(rewrite(mol, parts[place]), mol, parts[place])
    return "".join(parts)


def _kept(rewritten: str, mol: Chem.Mol, smiles: str) -> str:
    """The new spelling; the old one where RDKit reads another molecule from the new."""
    if rewritten == smiles:
        return smiles
    # Rare, and RDKit's: stereo marks of rings that only one spelling can express.
    again = parse(rewritten)
    form = None if again is None else canonical_from_mol(again)
    # Most are given in canonical form, which then needs no computing.
    return rewritten if form == smiles or form == canonical_from_mol(mol) else smiles
