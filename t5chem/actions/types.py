"""The action types as data: what each holds, and the slots in which it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

SOLUTION: Final = "SLN"
GUARD: Final = "\u200c"
"""Zero-width non-joiner: stands inside a name where the name would be read as syntax."""


@dataclass(frozen=True)
class Chemical:
    """A material as the text names it, with its quantities as the text writes them.

    Args:
        name: e.g. `"dry THF"`, or `SOLUTION` for what the last MAKESOLUTION prepared.
        quantities: e.g. `("1.2 g", "5.0 mmol")`.

    Raises:
        ValueError: a text is empty, has spaces at an end or contains U+200C; a quantity contains
            a comma followed by a space.
    """

    name: str
    quantities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require_plain("name", self.name)
        for quantity in self.quantities:
            _require_plain("quantity", quantity)
            if ", " in quantity:
                raise ValueError(f"Quantity {quantity!r} contains ', ': give two quantities.")


@dataclass(frozen=True)
class Slot:
    """One part of an action: the field it fills, its marker, and how its text is read."""

    field: str
    marker: str  # with its leading space; " " alone for the unmarked first slot
    kind: str = "text"  # text | chemical | chemicals | flag | count
    required: bool = False

    @property
    def pattern(self) -> str:
        """A regular expression for the marker where the slot begins."""
        if self.kind == "count":
            return r" (?=\d+ x$)"
        return re.escape(self.marker) + (r"(?= |$)" if self.kind == "flag" else "")

    @property
    def guarded(self) -> str:
        """A regular expression for each space in a text that would begin this slot."""
        if self.kind == "count":
            return r" (?=\d+ x$)"
        return f" (?={re.escape(self.marker.strip())}(?: |$))"


def _text(field: str, marker: str, *, required: bool = False) -> Slot:
    return Slot(field, marker, "text", required)


def _chemical(field: str, marker: str, *, required: bool = True) -> Slot:
    return Slot(field, marker, "chemical", required)


_DROPWISE: Final = Slot("dropwise", " dropwise", "flag")
_TEMPERATURE: Final = _text("temperature", " at ")
_DURATION: Final = _text("duration", " for ")
_ATMOSPHERE: Final = _text("atmosphere", " under ")
_REPETITIONS: Final = Slot("repetitions", " ", "count")


@dataclass(frozen=True)
class _Base:
    """An action. The class name in upper case is its keyword; `slots` are its grammar.

    Raises:
        ValueError: a text is empty, has spaces at an end or contains U+200C.
    """

    slots: ClassVar[tuple[Slot, ...]] = ()

    def __post_init__(self) -> None:
        for field, value in vars(self).items():
            if isinstance(value, str):
                _require_plain(field, value)

    @classmethod
    def keyword(cls) -> str:
        """Returns the type as it is written, e.g. `MAKESOLUTION`."""
        return cls.__name__.upper()


@dataclass(frozen=True)
class Add(_Base):
    """Adds a material to the mixture."""

    slots = (
        _chemical("material", " "),
        _DROPWISE,
        _TEMPERATURE,
        _ATMOSPHERE,
        _text("duration", " over "),
    )
    material: Chemical
    dropwise: bool = False
    temperature: str | None = None
    atmosphere: str | None = None
    duration: str | None = None


@dataclass(frozen=True)
class CollectLayer(_Base):
    """Keeps one layer, `organic` or `aqueous`."""

    slots = (_text("layer", " ", required=True),)
    layer: str


@dataclass(frozen=True)
class Concentrate(_Base):
    """Removes the solvent."""


@dataclass(frozen=True)
class Degas(_Base):
    """Removes dissolved gas, by purging with `gas` if given."""

    slots = (_text("gas", " with "), _DURATION)
    gas: str | None = None
    duration: str | None = None


@dataclass(frozen=True)
class DrySolid(_Base):
    """Dries a solid."""

    slots = (_DURATION, _TEMPERATURE, _ATMOSPHERE)
    duration: str | None = None
    temperature: str | None = None
    atmosphere: str | None = None


@dataclass(frozen=True)
class DrySolution(_Base):
    """Dries a solution over a drying agent (`unknown` where the text names none)."""

    slots = (_text("material", " over "),)
    material: str | None = None


@dataclass(frozen=True)
class Extract(_Base):
    """Extracts with a solvent."""

    slots = (_chemical("solvent", " with "), _REPETITIONS)
    solvent: Chemical
    repetitions: int = 1


@dataclass(frozen=True)
class Filter(_Base):
    """Filters and keeps the `filtrate` or the `precipitate`."""

    slots = (_text("phase", " keep "),)
    phase: str | None = None


@dataclass(frozen=True)
class MakeSolution(_Base):
    """Prepares a solution apart; the text afterwards calls it `SLN`."""

    slots = (Slot("materials", " with ", "chemicals", True),)
    materials: tuple[Chemical, ...]


@dataclass(frozen=True)
class Microwave(_Base):
    """Heats by microwave irradiation."""

    slots = (_DURATION, _TEMPERATURE)
    duration: str | None = None
    temperature: str | None = None


@dataclass(frozen=True)
class Partition(_Base):
    """Distributes the mixture between two liquids."""

    slots = (Slot("materials", " with ", "chemicals", True),)
    materials: tuple[Chemical, ...]


@dataclass(frozen=True)
class PH(_Base):
    """Brings the mixture to a pH (`7`, `neutral`, `3 to 4`)."""

    slots = (
        _chemical("material", " with ", required=False),
        _text("ph", " to pH ", required=True),
        _DROPWISE,
        _TEMPERATURE,
    )
    ph: str
    material: Chemical | None = None
    dropwise: bool = False
    temperature: str | None = None


@dataclass(frozen=True)
class PhaseSeparation(_Base):
    """Separates the layers."""


@dataclass(frozen=True)
class Purify(_Base):
    """Purifies, by chromatography or otherwise."""


@dataclass(frozen=True)
class Quench(_Base):
    """Stops the reaction with a material."""

    slots = (_chemical("material", " with "), _DROPWISE, _TEMPERATURE)
    material: Chemical
    dropwise: bool = False
    temperature: str | None = None


@dataclass(frozen=True)
class Recrystallize(_Base):
    """Recrystallises from a solvent."""

    slots = (_chemical("solvent", " from "),)
    solvent: Chemical


@dataclass(frozen=True)
class Reflux(_Base):
    """Boils under a condenser, with a water trap if `dean_stark`."""

    slots = (_DURATION, _ATMOSPHERE, Slot("dean_stark", " with Dean-Stark apparatus", "flag"))
    duration: str | None = None
    atmosphere: str | None = None
    dean_stark: bool = False


@dataclass(frozen=True)
class SetTemperature(_Base):
    """Brings the mixture to a temperature."""

    slots = (_text("temperature", " ", required=True),)
    temperature: str


@dataclass(frozen=True)
class Sonicate(_Base):
    """Treats with ultrasound."""

    slots = (_DURATION, _TEMPERATURE)
    duration: str | None = None
    temperature: str | None = None


@dataclass(frozen=True)
class Stir(_Base):
    """Stirs, or keeps a reaction going."""

    slots = (_DURATION, _TEMPERATURE, _ATMOSPHERE)
    duration: str | None = None
    temperature: str | None = None
    atmosphere: str | None = None


@dataclass(frozen=True)
class Triturate(_Base):
    """Triturates with a solvent."""

    slots = (_chemical("solvent", " with "),)
    solvent: Chemical


@dataclass(frozen=True)
class Wait(_Base):
    """Leaves to stand."""

    slots = (_DURATION, _TEMPERATURE)
    duration: str | None = None
    temperature: str | None = None


@dataclass(frozen=True)
class Wash(_Base):
    """Washes with a material."""

    slots = (_chemical("material", " with "), _REPETITIONS)
    material: Chemical
    repetitions: int = 1


@dataclass(frozen=True)
class Yield(_Base):
    """What was obtained, and how much."""

    slots = (_chemical("material", " "),)
    material: Chemical


@dataclass(frozen=True)
class FollowOtherProcedure(_Base):
    """The text refers to a procedure described elsewhere."""


@dataclass(frozen=True)
class InvalidAction(_Base):
    """Something is done that the other types cannot express."""


@dataclass(frozen=True)
class OtherLanguage(_Base):
    """The text is not English."""


@dataclass(frozen=True)
class NoAction(_Base):
    """Nothing is done: analytical data, remarks."""


Action: TypeAlias = _Base
ACTION_TYPES: Final[dict[str, type[_Base]]] = {
    subclass.keyword(): subclass for subclass in _Base.__subclasses__()
}
"""Every keyword and its class: the 27 published types, and NOACTION."""


def chemicals_of(action: Action) -> Iterator[Chemical]:
    """Yields the chemicals of an action in the order in which they are written."""
    for slot in action.slots:
        value = getattr(action, slot.field)
        if isinstance(value, Chemical):
            yield value
        elif slot.kind == "chemicals":
            yield from value


def _require_plain(what: str, text: str) -> None:
    if not text or text != text.strip() or GUARD in text:
        raise ValueError(
            f"The {what} {text!r} must not be empty, have spaces at an end or contain U+200C."
        )
