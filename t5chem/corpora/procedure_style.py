"""How one author writes: units, spacing, tense, and the way a material and its amount are put.

A style is drawn once a procedure, so that a paragraph is consistent with itself.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeVar

from t5chem.actions import Action, Chemical, chemicals_of
from t5chem.corpora.procedure_chemicals import Reagent

T = TypeVar("T")


class Sentence(NamedTuple):
    """A finished sentence, and the actions that it alone describes."""

    text: str
    actions: tuple[Action, ...]


class Mention(NamedTuple):
    """A material as it stands in the text, and the same material as it stands in the actions."""

    text: str
    chemical: Chemical


class Time(NamedTuple):
    """A duration: as an adverbial (`for 2 h`, `overnight`) and as the actions write it (`2 h`)."""

    phrase: str
    value: str


@dataclass
class Style:
    """One author's habits, and the chance that drives them."""

    rng: random.Random
    was: str = "was"
    were: str = "were"
    millilitre: str = "mL"
    degree: str = " °C"
    room: str = "room temperature"
    hours: tuple[str, str] = ("hour", "hours")
    minutes: str = "min"
    amounts: str = "mass mmol"
    amount_first: bool = False
    separator: str = ", "
    equivalents: str = "equiv"
    times: str = " x "
    oxford: str = ""
    imperative: bool = False

    @classmethod
    def draw(cls, rng: random.Random) -> Style:
        """Returns the habits of an author drawn by `rng`."""
        present = rng.random() < 0.1
        return cls(
            rng,
            was="is" if present else "was",
            were="are" if present else "were",
            millilitre=_pick(rng, ("mL", "mL", "ml")),
            degree=_pick(rng, (" °C", " °C", "°C", "° C")),
            room=_pick(
                rng,
                ("room temperature", "room temperature", "rt", "RT", "r.t.", "ambient temperature"),
            ),
            hours=_pick(
                rng,
                (
                    ("h", "h"),
                    ("h", "h"),
                    ("hour", "hours"),
                    ("hr", "hr"),
                    ("hour", "hours"),
                    ("hr", "hrs"),
                ),
            ),
            minutes=_pick(rng, ("min", "minutes", "min", "mins")),
            amounts=_pick(
                rng,
                ("mass mmol", "mass mmol", "mass mmol", "mass", "mass mmol equiv", "mass equiv"),
            ),
            amount_first=rng.random() < 0.2,
            separator="; " if rng.random() < 0.05 else ", ",
            equivalents=_pick(rng, ("equiv", "eq", "equiv.", "eq.")),
            times=_pick(rng, (" x ", " × ", "×", " x ")),
            oxford="," if rng.random() < 0.4 else "",
            imperative=rng.random() < 0.06,
        )

    def pick(self, choices: Sequence[T]) -> T:
        """Returns one of `choices`."""
        return _pick(self.rng, choices)

    def chance(self, probability: float) -> bool:
        """Returns True with the given probability."""
        return self.rng.random() < probability

    def temperature(self, celsius: int | None) -> str:
        """Writes a temperature; None is room temperature."""
        if celsius is None:
            return self.room
        return f"{celsius}{self.degree}"

    def time(self, minutes: int) -> Time:
        """Writes a duration; long ones may become `overnight`."""
        if 600 <= minutes <= 1200 and self.chance(0.55):
            return Time("overnight", "overnight")
        if minutes >= 2880 and self.chance(0.6):
            value = f"{minutes // 1440} days"
        elif minutes < 60 or (minutes == 90 and self.chance(0.3)):
            value = f"{minutes} {self.minutes}"
        else:
            count = f"{minutes / 60:g}"
            value = f"{count} {self.hours[count != '1']}"
        return Time(f"for {value}", value)

    def listed(self, parts: Sequence[str]) -> str:
        """Writes `a`, `a and b`, or `a, b and c`."""
        if len(parts) < 3:
            return " and ".join(parts)
        return f"{', '.join(parts[:-1])}{self.oxford} and {parts[-1]}"

    def volume(self, millilitres: float) -> str:
        """Writes a volume."""
        if millilitres >= 1000:
            return f"{millilitres / 1000:.3g} L"
        if millilitres < 0.02 or (millilitres < 0.2 and self.chance(0.3)):
            return f"{round(millilitres * 1000):d} μL"
        if millilitres < 1:
            return f"{max(millilitres, 0.01):.2f} {self.millilitre}"
        return f"{_figures(millilitres)} {self.millilitre}"

    def round_volume(self, millilitres: float) -> str:
        """Writes a volume as poured, not measured: 5, 20, 150 mL."""
        steps = (1, 2, 3, 5, 8, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 250, 300, 500)
        nearest = min(steps, key=lambda step: abs(step - millilitres))
        return f"{nearest} {self.millilitre}"

    def mass(self, grams: float) -> str:
        """Writes a mass."""
        if grams < 0.995:
            return f"{_figures(grams * 1000)} mg"
        return f"{grams / 1000:.3g} kg" if grams >= 1000 else f"{_figures(grams)} g"

    def amount(self, reagent: Reagent, mmol: float, equivalents: float) -> tuple[str, ...]:
        """Returns the quantities of a reagent, consistent with its molar mass."""
        moles = f"{_figures(mmol)} mmol"
        if reagent.molarity:
            return self._listed_amounts(self.volume(mmol / reagent.molarity), moles, equivalents)
        grams = mmol * reagent.mass / 1000
        if reagent.density and self.chance(0.8):
            return self._listed_amounts(self.volume(grams / reagent.density), moles, equivalents)
        return self._listed_amounts(self.mass(grams), moles, equivalents)

    def _listed_amounts(self, weighed: str, moles: str, equivalents: float) -> tuple[str, ...]:
        known = {"mass": weighed, "mmol": moles, "equiv": f"{equivalents:g} {self.equivalents}"}
        return tuple(known[part] for part in self.amounts.split() if part != "equiv" or equivalents)

    def mention(self, name: str, quantities: Sequence[str] = ()) -> Mention:
        """Puts a material and its amount into words: `X (1 g, 2 mmol)` or `1 g (2 mmol) of X`."""
        chemical = Chemical(name, tuple(quantities))
        if not quantities:
            return Mention(name, chemical)
        if self.amount_first and self.chance(0.85):
            first, *others = quantities
            aside = f" ({self.separator.join(others)})" if others else ""
            return Mention(f"{first}{aside} of {name}", chemical)
        inside = self.separator.join(quantities)
        if name.endswith(")") and " (" in name:  # one parenthesis holds strength and amount
            return Mention(f"{name[:-1]}{self.separator}{inside})", chemical)
        return Mention(f"{name} ({inside})", chemical)


def finish(text: str, actions: Sequence[Action]) -> Sentence:
    """Makes a sentence of `text`: a capital at its start, a stop at its end.

    The actions repeat the text to the letter, so where a material's name begins the sentence its
    capital is carried over to the actions.
    """
    capital = capitalised(text)
    sentence = capital if capital.endswith(".") else capital + "."
    if capital == text:
        return Sentence(sentence, tuple(actions))
    changed = list(actions)
    for place, action in enumerate(changed):
        leading = [c for c in chemicals_of(action) if text.startswith(c.name.removesuffix(")"))]
        if leading:
            changed[place] = _with_capital(action, leading[0], capital)
            break
    return Sentence(sentence, tuple(changed))


_BEFORE_FIRST_WORD: Final = re.compile(
    r"(?:[\[({]*(?:\d+[a-zA-Z]?'*|[A-Z]'*|tert|sec|n|m|o|p|i|t|cis|trans|alpha|beta|di|rac)"
    r"(?:,[\dA-Za-z]+'*)*\)?-|[\[({]+)*"
)


def capitalised(text: str) -> str:
    """Returns `text` with a capital where English and chemical names put it.

    Example:
        >>> capitalised("tert-butyl 4-oxopiperidine"), capitalised("n-BuLi was"), capitalised("2 g")
        ('tert-Butyl 4-oxopiperidine', 'n-BuLi was', '2 g')
    """
    start = _BEFORE_FIRST_WORD.match(text).end()  # type: ignore[union-attr]
    if not re.match(r"[a-z]{3}|a |an |sat\.|aq\.|to |in ", text[start:]):
        return text
    return text[:start] + text[start].upper() + text[start + 1 :]


def _with_capital(action: Action, chemical: Chemical, capital: str) -> Action:
    start = len(chemical.name) - 1  # the last character may be a parenthesis that closes later
    renamed = replace(chemical, name=capital[:start] + chemical.name[start:])
    for slot in action.slots:
        value = getattr(action, slot.field)
        if value is chemical:
            return replace(action, **{slot.field: renamed})
        if isinstance(value, tuple) and chemical in value:
            listed = tuple(renamed if one is chemical else one for one in value)
            return replace(action, **{slot.field: listed})
    return action


def _pick(rng: random.Random, choices: Sequence[T]) -> T:
    return choices[int(rng.random() * len(choices))]


def _figures(value: float) -> str:
    """Writes three significant figures, never in exponent form."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value < 1 else f"{value:.{1 if value >= 10 else 2}f}"
