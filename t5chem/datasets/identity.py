"""What makes two records speak of the same thing: the key that splits are kept apart by."""

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
    return " ".join(fields["paragraph"].lower().split())
