"""Other spellings of the same molecule: what a model that reads chemistry should not mind.

Each rewrites a SMILES and keeps the molecule, stereochemistry included: RDKit's canonical form
stays as it is. Captioners trained on one spelling are known to answer others differently (Ganeeva
et al., "Lost in Translation: Chemical Language Models and the Misunderstanding of Molecule
Structures", Findings of EMNLP 2024).
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from rdkit import Chem

from t5chem.spellings import random_order, respell, spell

Perturbation = Callable[[Chem.Mol, str, random.Random], str]
"""From a molecule and its SMILES, one compound, to another SMILES of it."""

_RING_NUMBER: Final = re.compile(r"(\[[^\]]*\])|%(\d\d)|(\d)")
_HIGHEST_RING_NUMBER: Final = 99


def perturb(name: str, smiles: str, seed: int = 0) -> str | None:
    """Returns another spelling of a molecule or mixture; None when `smiles` is not valid.

    Args:
        name: one of `PERTURBATIONS`.
        smiles: compounds joined with `.`, ions of one compound with `~`; their order stays.
        seed: of the spellings that are drawn; they depend on it and on `smiles` alone.

    Raises:
        KeyError: there is no such perturbation.

    Example:
        >>> perturb("kekule", "c1ccccc1O"), perturb("explicit_hydrogens", "CO~[Na+]")
        ('OC1=CC=CC=C1', '[CH3][OH]~[Na+]')
    """
    rewrite = PERTURBATIONS[name]
    digest = hashlib.sha256(f"{seed}:{name}:{smiles}".encode()).digest()
    rng = random.Random(int.from_bytes(digest[:8], "big"))
    return respell(smiles, lambda mol, text: rewrite(mol, text, rng))


def _canonical(mol: Chem.Mol, smiles: str, rng: random.Random) -> str:
    return spell(mol)


def _randomised(mol: Chem.Mol, smiles: str, rng: random.Random) -> str:
    return spell(mol, order=random_order(mol, rng))


def _kekule(mol: Chem.Mol, smiles: str, rng: random.Random) -> str:
    return spell(mol, kekule=True)


def _explicit_hydrogens(mol: Chem.Mol, smiles: str, rng: random.Random) -> str:
    return spell(mol, hydrogens=True)


def _renumbered_rings(mol: Chem.Mol, smiles: str, rng: random.Random) -> str:
    used = {int(two or one) for _, two, one in _RING_NUMBER.findall(smiles) if two or one}
    others = [n for n in range(1, _HIGHEST_RING_NUMBER + 1) if n not in used]
    if len(others) < len(used):  # fifty rings open: nothing to exchange them for
        return smiles
    # One digit where there are enough: `%12` is another thing to learn.
    pool = others[: max(len(used), sum(n < 10 for n in others))]
    new = dict(zip(sorted(used), rng.sample(pool, len(used)), strict=True))

    def renumber(found: re.Match[str]) -> str:
        bracket, two, one = found.groups()
        if bracket:
            return bracket
        number = new[int(two or one)]
        return str(number) if number < 10 else f"%{number}"

    return _RING_NUMBER.sub(renumber, smiles)


PERTURBATIONS: Final[Mapping[str, Perturbation]] = MappingProxyType(
    {
        "canonical": _canonical,
        "randomised": _randomised,
        "kekule": _kekule,
        "explicit_hydrogens": _explicit_hydrogens,
        "renumbered_rings": _renumbered_rings,
    }
)
"""By name: RDKit's canonical SMILES; atoms in random order; single and double bonds for aromatic
ones; every atom in brackets with its hydrogens; other ring-closure numbers."""
