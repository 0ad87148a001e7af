"""Reading and writing action strings."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, Final

from t5chem.actions.types import ACTION_TYPES, GUARD, Action, Chemical, Slot

SEPARATOR: Final = "; "
END: Final = "."


class ActionSyntaxError(ValueError):
    """An action string that breaks the syntax: says which action, its text, what was expected."""


def parse_actions(text: str) -> list[Action]:
    """Reads an action string.

    Args:
        text: actions joined with `"; "`, the last followed by `.`.

    Raises:
        ActionSyntaxError: the text breaks the syntax.

    Example:
        >>> parse_actions("WASH with water (5 mL) 2 x; FILTER keep filtrate.")[0]
        Wash(material=Chemical(name='water', quantities=('5 mL',)), repetitions=2)
    """
    if not text.endswith(END):
        raise ActionSyntaxError(f"Expected a final {END!r} after the last action of {text!r}.")
    return [
        _parse_action(number, part)
        for number, part in enumerate(text.removesuffix(END).split(SEPARATOR), start=1)
    ]


def print_actions(actions: Iterable[Action]) -> str:
    """Writes an action string; `parse_actions` reads it back to the same actions.

    Raises:
        ValueError: there is no action (write `NoAction()` where nothing is done).

    Example:
        >>> from t5chem.actions.types import Add, Stir
        >>> print_actions([Add(Chemical("SLN"), dropwise=True), Stir("2 h", "25 °C")])
        'ADD SLN dropwise; STIR for 2 h at 25 °C.'
    """
    printed = [_print_action(action) for action in actions]
    if not printed:
        raise ValueError("No actions to print: write NoAction() where nothing is done.")
    return SEPARATOR.join(printed) + END


def _print_action(action: Action) -> str:
    text = action.keyword()
    for position, slot in enumerate(action.slots):
        value = getattr(action, slot.field)
        if value is None or value is False or (slot.kind == "count" and value == 1):
            continue
        text += slot.marker + _print_slot(slot, value, action.slots[position + 1 :])
    return text


def _print_slot(slot: Slot, value: Any, later: tuple[Slot, ...]) -> str:
    if slot.kind == "flag":
        return ""
    if slot.kind == "count":
        return f"{value} x"
    if slot.kind == "chemicals":
        return " and ".join(_print_chemical(chemical, (_AND,)) for chemical in value)
    return _print_chemical(value, later) if slot.kind == "chemical" else _guard(value, later)


_AND: Final = Slot("", " and ")


def _print_chemical(chemical: Chemical, later: tuple[Slot, ...]) -> str:
    name = _guard(chemical.name.replace(" (", f" {GUARD}("), later)
    if not chemical.quantities:
        return name
    return f"{name} ({_guard(', '.join(chemical.quantities), later)})"


def _guard(text: str, later: tuple[Slot, ...]) -> str:
    """Puts U+200C wherever `text` would be read as the separator or the start of a later slot."""
    if text.endswith(";"):
        text += GUARD
    if " " not in text:
        return text
    text = text.replace(SEPARATOR, f";{GUARD} ")
    for slot in later:
        text = re.sub(slot.guarded, f" {GUARD}", text)
    return text


def _parse_action(number: int, text: str) -> Action:
    keyword = re.match(r"[A-Z]*", text)[0]  # type: ignore[index]
    cls = ACTION_TYPES.get(keyword)
    if cls is None:
        near = difflib.get_close_matches(keyword, ACTION_TYPES, n=1)
        hint = f"; the nearest is {near[0]}" if near else ""
        raise _error(number, text, f"one of the types {', '.join(ACTION_TYPES)}{hint}")
    values: dict[str, Any] = {}
    rest, remaining = text[len(keyword) :], cls.slots
    while rest:
        position, found = _next_slot(rest, remaining)
        if found is None or found.start() != 0:
            raise _error(number, text, _expected(remaining))
        slot, remaining = remaining[position], remaining[position + 1 :]
        rest = rest[found.end() :]
        _, following = _next_slot(rest, remaining)
        end = following.start() if following else len(rest)
        values[slot.field] = _parse_slot(number, text, slot, rest[:end])
        rest = rest[end:]
    missing = [slot for slot in cls.slots if slot.required and slot.field not in values]
    if missing:
        raise _error(number, text, _expected(tuple(missing)))
    return cls(**values)


def _next_slot(text: str, slots: tuple[Slot, ...]) -> tuple[int, re.Match[str] | None]:
    """Finds which of `slots` begins first in `text`; the earlier slot where two begin together."""
    found = [(re.search(slot.pattern, text), position) for position, slot in enumerate(slots)]
    starts = [(match.start(), position, match) for match, position in found if match]
    if not starts:
        return 0, None
    _, position, match = min(starts, key=lambda start: start[:2])
    return position, match


def _parse_slot(number: int, text: str, slot: Slot, value: str) -> Any:
    if slot.kind == "flag":
        if value:
            raise _error(number, text, f"nothing more than {slot.marker.strip()!r}")
        return True
    if not value or value != value.strip():
        raise _error(number, text, f"the {slot.field} after {slot.marker!r}")
    if slot.kind == "count":
        return int(value.removesuffix(" x"))
    if slot.kind == "chemical":
        return _parse_chemical(number, text, value)
    if slot.kind == "chemicals":
        return tuple(_parse_chemical(number, text, part) for part in value.split(_AND.marker))
    return value.replace(GUARD, "")


def _parse_chemical(number: int, text: str, chemical: str) -> Chemical:
    name, parenthesis, quantities = chemical.partition(" (")
    if parenthesis and not quantities.endswith(")"):
        raise _error(number, text, f"')' after the quantities of {name!r}")
    listed = quantities.removesuffix(")").replace(GUARD, "").split(", ") if parenthesis else ()
    try:
        return Chemical(name.replace(GUARD, ""), tuple(listed))
    except ValueError as error:
        raise _error(number, text, "a name, then quantities as in 'water (5 mL)'") from error


def _expected(slots: tuple[Slot, ...]) -> str:
    if not slots:
        return "no more text"
    return " or ".join(f"{slot.marker.strip()} <{slot.field}>".strip() for slot in slots)


def _error(number: int, text: str, expected: str) -> ActionSyntaxError:
    return ActionSyntaxError(f"Action {number}, {text!r}: expected {expected}.")
