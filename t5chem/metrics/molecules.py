"""Right or wrong, for molecules and mixtures written as SMILES. What is invalid is never right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from t5chem.metrics.pairs import check_pairs, check_strings
from t5chem.metrics.similarity import canonical_smiles, inchi
from t5chem.smiles import canonical_mixture, parse


def exact_match(targets: Sequence[str], predictions: Sequence[str]) -> float:
    """Returns the share of rows whose prediction is the target, character for character.

    Args:
        targets: one expected string a row.
        predictions: one predicted string a row.

    Raises:
        ValueError: see `check_pairs`.
    """
    check_pairs(targets, predictions)
    equal = sum(target == found for target, found in zip(targets, predictions, strict=True))
    return equal / len(targets)


def validity(predictions: Sequence[str]) -> float:
    """Returns the share of strings that RDKit parses and sanitises; the empty string is invalid.

    Args:
        predictions: one SMILES or mixture a row (`~` reads as `.`).

    Raises:
        ValueError: `predictions` is empty or holds something that is no string.

    Example:
        >>> validity(["CCO", "C1CC", "", "[Na+]~[OH-]"])
        0.5
    """
    check_strings("predictions", predictions)
    return sum(parse(smiles) is not None for smiles in predictions) / len(predictions)


def mixture_validity(predictions: Sequence[str]) -> float:
    """Returns the share of mixtures whose every compound is a valid molecule by itself.

    Args:
        predictions: one mixture a row, compounds joined with `.`, ions of one compound with `~`.

    Raises:
        ValueError: `predictions` is empty or holds something that is no string.

    Example:
        A ring that closes in another compound is none:

        >>> mixture_validity(["C1CCO1.CO", "C1CCO.CO1"])
        0.5
    """
    check_strings("predictions", predictions)
    return sum(canonical_mixture(mixture) is not None for mixture in predictions) / len(predictions)


def canonical_exact(targets: Sequence[str], predictions: Sequence[str]) -> float:
    """Returns the share of rows whose canonical SMILES, stereochemistry included, are equal.

    Args:
        targets: one molecule a row.
        predictions: one molecule a row.

    Raises:
        ValueError: see `check_pairs`.

    Example:
        >>> canonical_exact(["CCO", "CCO", "C1CC"], ["OCC", "COC", "C1CC"])
        0.3333333333333333
    """
    return _share_equal(targets, predictions, canonical_smiles)


def inchi_exact(targets: Sequence[str], predictions: Sequence[str]) -> float:
    """Returns the share of rows whose standard InChI are equal, MolT5's exact match.

    InChI forgives another position of a mobile hydrogen, which `canonical_exact` does not.

    Args:
        targets: one molecule a row.
        predictions: one molecule a row.

    Raises:
        ValueError: see `check_pairs`.
    """
    return _share_equal(targets, predictions, inchi)


def mixture_exact(targets: Sequence[str], predictions: Sequence[str]) -> float:
    """Returns the share of rows with the same compounds, in any order and any valid spelling.

    Args:
        targets: one mixture a row, compounds joined with `.`, ions of one compound with `~`.
        predictions: one mixture a row.

    Raises:
        ValueError: see `check_pairs`.

    Example:
        >>> mixture_exact(["CO.[Na+]~[OH-]"], ["[OH-]~[Na+].OC"])
        1.0
    """
    return _share_equal(targets, predictions, canonical_mixture)


def _share_equal(
    targets: Sequence[str], predictions: Sequence[str], normal_form: Callable[[str], str | None]
) -> float:
    """Share of rows whose normal forms exist and are equal."""
    check_pairs(targets, predictions)
    pairs = zip(map(normal_form, targets), map(normal_form, predictions), strict=True)
    return sum(found is not None and target == found for target, found in pairs) / len(targets)
