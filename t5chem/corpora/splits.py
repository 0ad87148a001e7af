"""Which split a molecule belongs to: a function of the molecule alone.

The same molecule falls on the same side in every corpus, so a product of the reactions corpus
that the test split holds is never a described molecule of the train split.
"""

from __future__ import annotations

import hashlib
from typing import Final

SPLITS: Final = ("train", "validation", "test")
HELD_OUT_PERCENT: Final = 4
"""Share of molecules in each of validation and test."""


def split_of(key: str) -> str:
    """Returns 'train', 'validation' or 'test' for a molecule's skeleton key.

    Args:
        key: `t5chem.smiles.skeleton_key` of the molecule (of the product for a reaction), so that
            stereoisomers and tautomers share a side.

    Raises:
        ValueError: the key is empty.
    """
    if not key:
        raise ValueError("A molecule without InChIKey has no split: drop the row before splitting.")
    bucket = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % 100
    if bucket < HELD_OUT_PERCENT:
        return "test"
    return "validation" if bucket < 2 * HELD_OUT_PERCENT else "train"
