"""Sentences that bring a reaction mixture together and let it react."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from t5chem.actions import SOLUTION, Action, Add, Chemical, MakeSolution, SetTemperature, Stir
from t5chem.corpora import phrasings as say
from t5chem.corpora.procedure_reacting import Part, gas_phrase
from t5chem.corpora.procedure_style import Mention, Sentence, Style, finish


@dataclass(frozen=True)
class Charge:
    """What goes into the flask.

    Attributes:
        substrate: the starting material.
        solvents: one, or the parts of a mixed solvent.
        others: partner and reagents, in order of addition.
        atmosphere: inert gas, or "".
        liquid_last: whether the last of `others` is a liquid that can be added dropwise.
    """

    substrate: Mention
    solvents: list[Mention]
    others: list[Mention]
    atmosphere: str
    liquid_last: bool


class Manner(NamedTuple):
    """How something is added: the words, and the slots of ADD that they fill."""

    words: str = ""
    dropwise: bool = False
    temperature: str | None = None
    atmosphere: str | None = None
    duration: str | None = None


def added(mentions: Sequence[Mention], manner: Manner | None = None) -> list[Action]:
    """Returns one ADD for each material, all in the same manner."""
    slots = (manner or Manner())[1:]
    return [Add(one.chemical, *slots) for one in mentions]


def setup(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    """Writes one to three sentences that charge the flask.

    Args:
        style: the author.
        charge: what goes in.
        cold: the temperature of addition where it is not ambient, as written, else None.
    """
    if style.imperative:
        return _imperative(style, charge, cold)
    ways = [
        _to_solution,
        _to_solution,
        _dissolved,
        _treated,
        _added_to_solution,
        _to_plain,
        _charged,
    ]
    if not charge.others:
        return _dissolved(style, charge, cold)
    if cold:
        ways = [
            _to_solution,
            _cooled_first,
            _cooled_first,
            _treated,
            _added_to_solution,
            _iced,
            _cooled_solution,
        ]
    elif len(charge.others) > 1:
        ways += [_in_two, _in_two, _two_solutions, _charged, _dissolved]
    return style.pick(ways)(style, charge, cold)


def combined(style: Style, charge: Charge) -> tuple[str, list[Action]]:
    """Returns `a mixture of A, B and C in D` and its ADDs, to be the subject of a sentence."""
    solids = [charge.substrate, *charge.others]
    noun = style.pick(("a mixture of", "a mixture of", "a stirred mixture of", "a slurry of"))
    subject = f"{noun} {style.listed([one.text for one in solids])} in {_solvent(style, charge)}"
    return subject, added([*solids, *charge.solvents])


def _solvent(style: Style, charge: Charge) -> str:
    return " and ".join(one.text for one in charge.solvents)


def _list(style: Style, mentions: Sequence[Mention]) -> str:
    if len(mentions) == 2 and style.chance(0.25):
        return f"{mentions[0].text} followed by {mentions[1].text}"
    return style.listed([one.text for one in mentions])


def _verb(style: Style, mentions: Sequence[Mention]) -> str:
    return style.was if len(mentions) == 1 else style.were


def _solution_of(style: Style, charge: Charge, words: Sequence[str]) -> tuple[str, list[Action]]:
    text = f"{style.pick(words)} {charge.substrate.text} in {_solvent(style, charge)}"
    dissolved = [charge.substrate.chemical, *(one.chemical for one in charge.solvents)]
    return text, [MakeSolution(tuple(dissolved)), Add(Chemical(SOLUTION))]


_SOLUTIONS = (
    "a solution of",
    "a stirred solution of",
    "a solution of",
    "a suspension of",
    "a stirred suspension of",
)


def _manner(style: Style, charge: Charge, cold: str | None) -> Manner:
    """Chooses how the addition is done."""
    alone = len(charge.others) == 1 and charge.liquid_last
    words, dropwise, temperature, atmosphere, duration = "", False, cold, None, None
    if alone and style.chance(0.6):
        words, dropwise = " dropwise", True
    elif style.chance(0.12):
        words = style.pick((" in portions", " portionwise", " slowly", " in one portion"))
    if not cold and style.chance(0.06):
        temperature = style.room
    if temperature:
        words += f" at {temperature}"
    if charge.atmosphere and style.chance(0.5):
        words += f" {gas_phrase(style, charge.atmosphere)}"
        atmosphere = charge.atmosphere
    if alone and style.chance(0.25):
        duration = style.time(style.pick((5, 10, 15, 20, 30, 60))).value
        words += f" over {duration}"
    return Manner(words, dropwise, temperature, atmosphere, duration)


def _to_solution(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    solution, actions = _solution_of(style, charge, _SOLUTIONS)
    manner = _manner(style, charge, cold)
    actions += added(charge.others, manner)
    listed, verb = _list(style, charge.others), _verb(style, charge.others)
    text = style.pick(
        (
            f"to {solution} {verb} added {listed}{manner.words}",
            f"to {solution} {style.was} added {listed}{manner.words}",
            f"to {solution}, {listed} {verb} added{manner.words}",
            f"{listed} {verb} added{manner.words} to {solution}",
        )
    )
    return [finish(text, actions)]


def _added_to_solution(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    solution, actions = _solution_of(style, charge, _SOLUTIONS)
    manner = _manner(style, charge, cold)
    actions += added(charge.others, manner)
    listed, verb = style.listed([one.text for one in charge.others]), _verb(style, charge.others)
    return [finish(f"{listed} {verb} added to {solution}{manner.words}", actions)]


def _iced(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    """`an ice-cooled solution`: additions at 0 °C, as in the published data."""
    if cold is None or not cold.startswith("0"):
        return _to_solution(style, charge, cold)
    listed, verb = style.listed([one.text for one in charge.others]), _verb(style, charge.others)
    if style.chance(0.5):
        solution, actions = _solution_of(
            style, charge, ("an ice-cooled solution of", "an ice-cold solution of")
        )
        text = f"to {solution} {verb} added {listed}"
    else:
        solution, actions = _solution_of(style, charge, _SOLUTIONS)
        text = f"to {solution} {verb} added {listed} under ice-cooling"
    return [finish(text, [*actions, *added(charge.others, Manner(temperature="0 °C"))])]


def _treated(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    solution, actions = _solution_of(style, charge, _SOLUTIONS[:4])
    manner = _manner(style, charge, cold)
    actions += added(charge.others, manner)
    listed = style.listed([one.text for one in charge.others])
    return [finish(f"{solution} {style.was} treated with {listed}{manner.words}", actions)]


def _to_plain(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    base = [charge.substrate, *charge.solvents]
    manner = _manner(style, charge, cold)
    listed, verb = _list(style, charge.others), _verb(style, charge.others)
    start = f"to {charge.substrate.text} in {_solvent(style, charge)}"
    text = style.pick(
        (
            f"{start} {verb} added {listed}{manner.words}",
            f"{start}, {listed} {verb} added{manner.words}",
        )
    )
    actions = [*added(base), *added(charge.others, manner)]
    return [finish(text, actions)]


def _dissolve_clause(style: Style, charge: Charge, materials: list[Mention]) -> Part:
    solvent, names = _solvent(style, charge), style.listed([one.text for one in materials])
    verb = _verb(style, materials)
    gas = charge.atmosphere if style.chance(0.4) else ""
    tail = f" {gas_phrase(style, gas)}" if gas else ""
    text = style.pick(
        (
            f"{names} {verb} dissolved in {solvent}{tail}",
            f"{names} {verb} dissolved in {solvent}{tail}",
            f"{names} {verb} taken up in {solvent}{tail}",
            f"{names} {verb} suspended in {solvent}{tail}",
            f"in a round-bottomed flask, {names} {verb} dissolved in {solvent}{tail}",
            f"{names} {verb} stirred in {solvent}{tail}",
            f"in {solvent} {verb} dissolved {names}{tail}",
        )
    )
    first, last = (
        (charge.solvents, materials)
        if text.startswith(f"in {solvent}")
        else (materials, charge.solvents)
    )
    actions = added([*first, *last[:-1]])
    return text, [*actions, Add(last[-1].chemical, atmosphere=gas or None)]


def _dissolved(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    together = [charge.substrate]
    others = list(charge.others)
    if len(others) > 1 and style.chance(0.4):
        together.append(others.pop(0))
    text, actions = _dissolve_clause(style, charge, together)
    if not others:
        return [finish(text, actions)]
    listed, verb = _list(style, others), _verb(style, others)
    rest = Charge(charge.substrate, charge.solvents, others, "", charge.liquid_last)
    manner = _manner(style, rest, cold)
    actions_after = added(others, manner)
    if style.chance(0.3):
        second = style.pick(
            (
                f"to this solution {verb} added {listed}{manner.words}",
                f"{listed} {verb} added{manner.words}",
                f"then {listed} {verb} added{manner.words}",
                f"to the mixture {verb} added {listed}{manner.words}",
            )
        )
        return [finish(text, actions), finish(second, actions_after)]
    joint = style.pick(
        (
            f", and {listed} {verb} added{manner.words}",
            f" and {listed} {verb} added{manner.words}",
            f", then {listed} {verb} added{manner.words}",
            f", followed by addition of {listed}{manner.words}",
            f", to which {verb} added {listed}{manner.words}",
        )
    )
    return [finish(text + joint, [*actions, *actions_after])]


def _cooled_solution(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    if cold is None:
        return _to_solution(style, charge, cold)
    solution, actions = _solution_of(style, charge, _SOLUTIONS[:4])
    listed, verb = style.listed([one.text for one in charge.others]), _verb(style, charge.others)
    drop = charge.liquid_last and len(charge.others) == 1 and style.chance(0.6)
    word = " dropwise" if drop else ""
    text = style.pick(
        (
            f"{solution} {style.was} cooled to {cold} and {listed} {verb} added{word}",
            f"{solution} {style.was} cooled to {cold} and treated{word} with {listed}",
            f"{solution} {style.was} cooled to {cold}, and {listed} {verb} then added{word}",
        )
    )
    return [
        finish(text, [*actions, SetTemperature(cold), *added(charge.others, Manner(dropwise=drop))])
    ]


def _cooled_first(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    if cold is None:
        return _dissolved(style, charge, cold)
    text, actions = _dissolve_clause(style, charge, [charge.substrate])
    listed, verb = style.listed([one.text for one in charge.others]), _verb(style, charge.others)
    drop = charge.liquid_last and len(charge.others) == 1 and style.chance(0.6)
    word = " dropwise" if drop else ""
    additions: list[Action] = [SetTemperature(cold), *added(charge.others, Manner(dropwise=drop))]
    subject = style.pick(say.MIXTURE[:6])
    second = style.pick(
        (
            f"{subject} {style.was} cooled to {cold} and {listed} {verb} added{word}",
            f"{subject} {style.was} cooled to {cold} and treated{word} with {listed}",
            f"after cooling to {cold}, {listed} {verb} added{word}",
            f"{subject} {style.was} cooled to {cold}, then {listed} {verb} added{word}",
            f"{subject} {style.was} brought to {cold}, followed by addition of {listed}",
        )
    )
    if "followed by" in second:
        additions = [SetTemperature(cold), *added(charge.others)]
    if style.chance(0.3):
        joined = (
            second if second.startswith("after") else f"the solution {style.was} cooled to {cold}"
        )
        if joined != second:
            joined = f"{joined} before {listed} {verb} added{word}"
            additions = [SetTemperature(cold), *added(charge.others, Manner(dropwise=drop))]
        return [
            finish(
                f"{text}, and {joined}" if joined != second else f"{text}; {joined}",
                [*actions, *additions],
            )
        ]
    return [finish(text, actions), finish(second, additions)]


def _charged(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    everything = [charge.substrate, *charge.others, *charge.solvents]
    names = style.listed([one.text for one in everything])
    before = style.listed([one.text for one in everything[: -len(charge.solvents)]])
    solvent = _solvent(style, charge)
    gas = charge.atmosphere if style.chance(0.5) else ""
    tail = f" {gas_phrase(style, gas)}" if gas else ""
    vessel = style.pick(
        (
            "a flask",
            "a round-bottom flask",
            "a sealed tube",
            "a vial",
            "a Schlenk tube",
            "an oven-dried flask",
            "a pressure tube",
        )
    )
    text = style.pick(
        (
            f"{vessel} {style.was} charged with {names}{tail}",
            f"into {vessel} {style.were} placed {names}{tail}",
            f"{before} {style.were} combined in {solvent}{tail}",
            f"{before} {style.were} mixed in {solvent}{tail}",
            f"{before} {style.were} placed in {vessel} and {solvent} {style.was} added{tail}",
            f"in {vessel}, {before} {style.were} suspended in {solvent}{tail}",
        )
    )
    actions = added(everything[:-1])
    return [finish(text, [*actions, Add(everything[-1].chemical, atmosphere=gas or None)])]


def _in_two(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    """Half of the reagents, a pause, the other half."""
    half = len(charge.others) // 2
    first = Charge(
        charge.substrate, charge.solvents, charge.others[:half], charge.atmosphere, False
    )
    later = charge.others[half:]
    listed, verb = style.listed([one.text for one in later]), _verb(style, later)
    time = style.time(style.pick((5, 10, 15, 20, 30)))
    pause: list[Action] = [Stir(time.value)]
    text = style.pick(
        (
            f"after stirring {time.phrase}, {listed} {verb} added",
            f"the mixture {style.was} stirred {time.phrase} before {listed} {verb} added",
            f"the mixture {style.was} stirred {time.phrase} and then {listed} {verb} added",
            f"after the mixture had been stirred {time.phrase}, {listed} {verb} added",
            f"{listed} {verb} then added",
            f"subsequently, {listed} {verb} added",
            f"to the resulting mixture {verb} added {listed}",
        )
    )
    if time.phrase not in text:
        pause = []
    return [*_to_solution(style, first, None), finish(text, [*pause, *added(later)])]


def _two_solutions(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    solution, actions = _solution_of(style, charge, _SOLUTIONS)
    partner, *others = charge.others
    name = charge.solvents[0].chemical.name
    second = style.mention(name, (style.round_volume(style.pick((2, 5, 10, 20))),))
    dissolved = MakeSolution((partner.chemical, second.chemical))
    manner = " dropwise" if style.chance(0.5) else ""
    tail_text, tail = "", []
    if others:
        tail_text = f", followed by {style.listed([one.text for one in others])}"
        tail = added(others)
    other = f"a solution of {partner.text} in {second.text}"
    text = style.pick(
        (
            f"{other} {style.was} added{manner} to {solution}",
            f"to {solution} {style.was} added{manner} {other}",
        )
    )
    add = Add(Chemical(SOLUTION), dropwise=bool(manner))
    return [finish(text + tail_text, [*actions, dissolved, add, *tail])]


def _imperative(style: Style, charge: Charge, cold: str | None) -> list[Sentence]:
    base = [charge.substrate, *charge.solvents]
    listed = style.listed([one.text for one in charge.others])
    first = finish(f"dissolve {charge.substrate.text} in {_solvent(style, charge)}", added(base))
    if not charge.others:
        return [first]
    manner = f" at {cold}" if cold else ""
    actions = added(charge.others, Manner(temperature=cold))
    if style.chance(0.5):
        return [first, finish(f"add {listed}{manner}", actions)]
    text = f"dissolve {charge.substrate.text} in {_solvent(style, charge)} and add {listed}{manner}"
    return [finish(text, [*added(base), *actions])]
