"""The same procedure on another scale: amounts multiplied, in the paragraph and in its actions."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Hashable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from t5chem.actions import Action, chemicals_of
from t5chem.augmentation.rewriting import Literals, Procedure, mapped_chemicals

FACTORS: Final = tuple(
    map(Decimal, ("0.2", "0.25", "0.4", "0.5", "1.5", "2", "2.5", "3", "4", "5"))
)
"""By which a whole procedure is multiplied."""
LEAST: Final = Decimal("0.001")
MOST: Final = Decimal(5000)
"""Of the numbers that are written, whatever the unit."""

_UNITS: Final = {
    "kg": "kg|kilograms?",
    "g": "g|gm|grams?",
    "mg": "mg|milligrams?",
    "ug": "[μµu]g|micrograms?",
    "l": "L|l|lit(?:er|re)s?",
    "ml": "mL|ml|ML|cc|cm3|millilit(?:er|re)s?",
    "ul": "[μµu][Ll]|microlit(?:er|re)s?",
    "mol": "mol|mole|moles",
    "mmol": "mmol|mmole|mmoles|millimoles?",
    "umol": "[μµu]mol|micromoles?",
}
_UNIT: Final = {unit: re.compile(spelled) for unit, spelled in _UNITS.items()}
_AMOUNT: Final = re.compile(
    r"(?<![\w.,/^−–-])(?P<number>\d+(?:\.\d+)?)(?P<space> ?)"
    rf"(?P<unit>{'|'.join(_UNITS.values())})(?![\w/^·−–-]| ?/)"
)


def _key(found: re.Match[str]) -> Hashable:
    unit = next(unit for unit, spelled in _UNIT.items() if spelled.fullmatch(found["unit"]))
    return Decimal(found["number"]), unit


def _slots(action: Action) -> list[str]:
    return [quantity for chemical in chemicals_of(action) for quantity in chemical.quantities]


def _in_slots(action: Action, exchanged: Callable[[str], str]) -> Action:
    return mapped_chemicals(
        action, lambda one: replace(one, quantities=tuple(map(exchanged, one.quantities)))
    )


AMOUNTS: Final = Literals(_AMOUNT, _key, _slots, _in_slots)
"""Masses, volumes and moles; not equivalents, yields or strengths, which scale does not change."""


def rescale_amounts(paragraph: str, answer: str, rng: random.Random) -> tuple[str, str]:
    """Multiplies all amounts by one factor; returns both as they were when that is not certain.

    Example:
        >>> rescale_amounts(
        ...     "Aniline (1.20 g, 12.9 mmol) and water (10 mL) were mixed.",
        ...     "ADD Aniline (1.20 g, 12.9 mmol); ADD water (10 mL).",
        ...     random.Random(0),
        ... )[1]
        'ADD Aniline (3.00 g, 32.2 mmol); ADD water (25 mL).'
    """
    procedure = Procedure.read(paragraph, answer, AMOUNTS)
    if procedure is None:
        return paragraph, answer
    factor = rng.choice(FACTORS)
    new = {literal: _multiplied(literal, factor) for literal in procedure.literals}
    if not all(LEAST <= Decimal(_number(literal)) <= MOST for literal in new.values()):
        return paragraph, answer
    return procedure.rewritten(new) or (paragraph, answer)


def _number(literal: str) -> str:
    return re.match(r"[\d.]+", literal)[0]  # type: ignore[index]


def _multiplied(literal: str, factor: Decimal) -> str:
    number = _number(literal)
    return times(number, factor) + literal.removeprefix(number)


def times(number: str, factor: Decimal) -> str:
    """Multiplies a number as it is written, with its significant figures, or three if it has fewer.

    Example:
        >>> [times(number, Decimal("2.5")) for number in ("1.00", "10", "0.3", "12.75")]
        ['2.50', '25', '0.75', '31.88']
    """
    product = Decimal(number) * factor
    figures = max(len(number.replace(".", "").lstrip("0")), 3)
    if product and len(product.as_tuple().digits) > figures:
        product = product.quantize(Decimal(1).scaleb(product.adjusted() - figures + 1))
    written = f"{product:f}"
    decimals = len(number.partition(".")[2])
    while "." in written and written[-1] in ".0" and len(written.partition(".")[2]) > decimals:
        written = written[:-1]
    return written.removesuffix(".")
