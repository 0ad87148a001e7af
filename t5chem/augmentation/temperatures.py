"""The same procedure hotter or colder, in the paragraph and in its actions.

Temperatures of 30 °C and more move together, and so do those below zero, so that what is heated is
still heated and what is cooled is still cooled. 0 and -78 °C stay: they are ice and dry ice, which
a paragraph may name instead; so does what lies between, room temperature.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Final

from t5chem.actions import Action
from t5chem.augmentation.rewriting import Literals, Procedure

HOT: Final = range(30, 251)
COLD: Final = range(-75, -4)
"""Temperatures in °C that move, and stay within."""
STEPS: Final = (-20, -15, -10, -5, 5, 10, 15, 20)
"""By how much, in °C."""

_CELSIUS: Final = re.compile(
    r"(?<![\w.,/°−–-])(?P<sign>[−–-]?)(?P<number>\d+)(?P<unit> ?[°º˚] ?C| ?℃)(?!\w)"
)


def _key(found: re.Match[str]) -> Hashable:
    return -int(found["number"]) if found["sign"] else int(found["number"])


def _slots(action: Action) -> list[str]:
    temperature = getattr(action, "temperature", None)
    return [temperature] if temperature else []


def _in_slots(action: Action, exchanged: Callable[[str], str]) -> Action:
    if not _slots(action):
        return action
    return replace(action, temperature=exchanged(_slots(action)[0]))  # type: ignore[call-arg]


TEMPERATURES: Final = Literals(_CELSIUS, _key, _slots, _in_slots)
"""Whole degrees Celsius."""


def shift_temperatures(paragraph: str, answer: str, rng: random.Random) -> tuple[str, str]:
    """Moves temperatures; returns both as they were when that is not certain.

    Example:
        >>> shift_temperatures(
        ...     "The mixture was heated at 80 °C for 2 h and cooled to 0 °C.",
        ...     "STIR for 2 h at 80 °C; SETTEMPERATURE 0 °C.",
        ...     random.Random(0),
        ... )  # doctest: +NORMALIZE_WHITESPACE
        ('The mixture was heated at 95 °C for 2 h and cooled to 0 °C.',
         'STIR for 2 h at 95 °C; SETTEMPERATURE 0 °C.')
    """
    procedure = Procedure.read(paragraph, answer, TEMPERATURES)
    if procedure is None:
        return paragraph, answer
    degrees = {literal: _degrees(literal) for literal in procedure.literals}
    new: dict[str, str] = {}
    for kind in (HOT, COLD):
        moving = {literal: value for literal, value in degrees.items() if value in kind}
        steps = _steps(moving.values(), kind)
        if moving and steps:
            step = rng.choice(steps)
            new |= {literal: _written(literal, value + step) for literal, value in moving.items()}
    return procedure.rewritten(new) or (paragraph, answer)


def _steps(values: Iterable[int], kind: range) -> list[int]:
    return [step for step in STEPS if all(value + step in kind for value in values)]


def _degrees(literal: str) -> int:
    return _key(_CELSIUS.fullmatch(literal))  # type: ignore[arg-type, return-value]


def _written(literal: str, degrees: int) -> str:
    return re.sub(r"\d+", str(abs(degrees)), literal)
