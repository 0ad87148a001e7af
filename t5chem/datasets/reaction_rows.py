"""Reactions of published files as records, through `t5chem.reaction_cleaning`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from t5chem.datasets.dataset import Bad, Row, row_id
from t5chem.reaction_cleaning import (
    CleanReaction,
    Dropped,
    clean,
    clean_reaction_smiles,
    group_ions,
)

IDENTITY_KEPT: Final = "product among its reactants, kept as published"


@dataclass(frozen=True)
class Origin:
    """Where a reaction stood.

    Attributes:
        split: that it belongs to.
        file: name of the file.
        number: of the line or record, from 1.
        own_id: the source's own identifier; may be empty.
        reaction_class: may be empty.
        keep_identity: whether a reaction whose product stands among its reactants stays, so that
            a published split keeps its rows.
    """

    split: str
    file: str
    number: int
    own_id: str = ""
    reaction_class: str = ""
    keep_identity: bool = False


def from_parts(origin: Origin, reactants: str, reagents: str, products: str) -> Row | Bad:
    """Returns the record of a reaction whose three parts are known, or why there is none."""
    return _row(origin, clean(reactants, reagents, products), (reactants, reagents, products))


def from_smiles(origin: Origin, text: str) -> Row | Bad:
    """Returns the record of a reaction SMILES, atoms mapped or not, or why there is none."""
    reaction = "".join(text.split(maxsplit=1)[:1])
    return _row(origin, clean_reaction_smiles(text), reaction.split(">"))


def _row(origin: Origin, result: CleanReaction | Dropped, parts: Sequence[str]) -> Row | Bad:
    changes: tuple[str, ...] = ()
    if isinstance(result, Dropped) and result.reason == "identity" and origin.keep_identity:
        # All its parts are valid, or it would have been dropped for that.
        reactants, reagents, products = (group_ions(part) or "" for part in parts)
        result, changes = CleanReaction(reactants, reagents, products), (IDENTITY_KEPT,)
    if isinstance(result, Dropped):
        return Bad(origin.file, origin.number, result.reason, result.text)
    fields = {
        "reaction_class": origin.reaction_class,
        "reactants": result.reactants,
        "reagents": result.reagents,
        "products": result.products,
    }
    name = row_id(origin.split, origin.number, origin.own_id)
    return Row(origin.split, name, fields, origin.file, origin.number, changes)
