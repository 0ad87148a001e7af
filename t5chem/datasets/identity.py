"""What makes two records speak of the same thing: the keys that splits are kept apart by."""

from __future__ import annotations

from collections.abc import Mapping

from t5chem.smiles import canonical


def key_of(kind: str, fields: Mapping[str, str]) -> str | None:
    """Returns what must not stand on two sides of a split.

    A molecule is its canonical isomeric SMILES, so that stereoisomers and a base beside its acid
    are different ones, as in ChEBI-20; a reaction is its product (readers yield cleaned reactions,
    whose SMILES are canonical); a procedure is its paragraph, white space and case aside.

    Args:
        kind: of the record.
        fields: of the record.

    Returns:
        The key; None when the SMILES of a molecule is not valid.

    Example:
        >>> key_of("molecules", {"smiles": "OCC", "description": "Spirit."})
        'CCO'
    """
    if kind == "molecules":
        return canonical(fields["smiles"])
    if kind == "reactions":
        return fields["products"]
    return _plain(fields["paragraph"])


def held_out_by(kind: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    """Returns what a record that is tested with keeps out of other datasets' train rows.

    Of a molecule that is its description too: who has learned the text with one molecule has seen
    the question of the other. Within a dataset descriptions do not count: those made from classes
    or properties are shared by thousands.

    Args:
        kind: of the record.
        fields: of the record.

    Returns:
        Its `key_of`, where it has one, and its description, white space and case aside.

    Example:
        >>> held_out_by("molecules", {"smiles": "OCC", "description": "Spirit  of wine."})
        ('CCO', 'spirit of wine.')
    """
    key = key_of(kind, fields)
    keys = () if key is None else (key,)
    return (*keys, _plain(fields["description"])) if kind == "molecules" else keys


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
