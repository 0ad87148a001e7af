"""How each task is scored while a model trains: few figures, quickly.

Every score is a fraction from 0 to 1, more is better, and every row counts, valid or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from t5chem.metrics.bleu import character_bleu, text_bleu
from t5chem.metrics.molecules import (
    exact_match,
    inchi_exact,
    mixture_exact,
    mixture_validity,
    validity,
)
from t5chem.metrics.pairs import check_strings
from t5chem.metrics.paragraph2actions import parses


def score_text2mol(targets: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """Scores SMILES written for descriptions, as MolT5 does.

    Args:
        targets: one SMILES a row.
        predictions: one SMILES a row.

    Returns:
        `bleu` over characters, `exact` (equal InChI) and `validity`, in this order.

    Raises:
        ValueError: the lists are empty, differ in length, or hold something that is no string.
    """
    return {
        "bleu": character_bleu(targets, predictions),
        "exact": inchi_exact(targets, predictions),
        "validity": validity(predictions),
    }


def score_mol2text(targets: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """Scores descriptions written for SMILES.

    Args:
        targets: one text a row.
        predictions: one text a row.

    Returns:
        `bleu2` and `bleu4` over `words`, and `exact` (equal strings), in this order.

    Raises:
        ValueError: the lists are empty, differ in length, or hold something that is no string.
    """
    return {
        "bleu2": text_bleu(targets, predictions, max_order=2),
        "bleu4": text_bleu(targets, predictions, max_order=4),
        "exact": exact_match(targets, predictions),
    }


def score_forward(targets: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """Scores predicted products.

    Args:
        targets: one mixture a row.
        predictions: one mixture a row.

    Returns:
        `exact` (the same compounds), `bleu` over characters and `validity` (of every compound), in
        this order.

    Raises:
        ValueError: the lists are empty, differ in length, or hold something that is no string.

    Example:
        >>> score_forward(["CCO.[Na+]~[Cl-]"], ["[Cl-]~[Na+].OCC"])["exact"]
        1.0
    """
    return {
        "exact": mixture_exact(targets, predictions),
        "bleu": character_bleu(targets, predictions),
        "validity": mixture_validity(predictions),
    }


def score_retrosynthesis(targets: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """Scores predicted precursors; the same measures as `score_forward`.

    Args:
        targets: one mixture a row.
        predictions: one mixture a row.

    Returns:
        `exact` (the same compounds), `bleu` over characters and `validity`, in this order.

    Raises:
        ValueError: the lists are empty, differ in length, or hold something that is no string.
    """
    return score_forward(targets, predictions)


def score_paragraph2actions(targets: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """Scores action sequences written for paragraphs.

    Args:
        targets: one action sequence a row.
        predictions: one action sequence a row.

    Returns:
        `bleu2` over `words`, `exact` (equal strings) and `parses` (share of predictions that are
        well-formed action sequences), in this order.

    Raises:
        ValueError: the lists are empty, differ in length, or hold something that is no string.
    """
    return {
        "bleu2": text_bleu(targets, predictions, max_order=2),
        "exact": exact_match(targets, predictions),
        "parses": parse_rate(predictions),
    }


def parse_rate(predictions: Sequence[str]) -> float:
    """Returns the share of strings that `t5chem.actions.parse_actions` reads as actions.

    Args:
        predictions: one action sequence a row.

    Raises:
        ValueError: `predictions` is empty or holds something that is no string.
    """
    check_strings("predictions", predictions)
    return sum(map(parses, predictions)) / len(predictions)


Scorer = Callable[[Sequence[str], Sequence[str]], dict[str, float]]

SCORERS: Final[Mapping[str, Scorer]] = MappingProxyType(
    {
        "forward": score_forward,
        "retrosynthesis": score_retrosynthesis,
        "paragraph2actions": score_paragraph2actions,
        "text2mol": score_text2mol,
        "mol2text": score_mol2text,
    }
)

# The one figure a task is judged by: the paper's own, where it has one.
PRIMARY_METRIC: Final[Mapping[str, str]] = MappingProxyType(
    {
        "forward": "exact",
        "retrosynthesis": "exact",
        "paragraph2actions": "bleu2",
        "text2mol": "bleu",
        "mol2text": "bleu2",
    }
)
