"""What a record of each kind holds. Every value is text; `id` comes besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "molecules": ("smiles", "description"),
    "reactions": ("reaction_class", "reactants", "reagents", "products"),
    "procedures": ("paragraph", "actions"),
}
"""Fields of a kind's records, in order."""

OPTIONAL: Final = frozenset({"reaction_class", "reagents"})
"""Fields that may be empty: the class is not known, nothing but reactants was written down."""
