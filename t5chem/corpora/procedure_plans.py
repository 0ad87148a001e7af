"""From a product to its procedure: which kind of reaction, which amounts, which sentences."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from t5chem.actions import Action, Add, Stir
from t5chem.corpora import phrasings as say
from t5chem.corpora import procedure_chemicals as shelf
from t5chem.corpora import procedure_reacting as react
from t5chem.corpora import procedure_workup as end
from t5chem.corpora.procedure_compounds import ROLES, Compound, Shelf
from t5chem.corpora.procedure_reacting import Part, predicate
from t5chem.corpora.procedure_reactions import KINDS, Kind
from t5chem.corpora.procedure_remarks import nmr, remark, spectrum
from t5chem.corpora.procedure_setup import Charge, combined, setup
from t5chem.corpora.procedure_style import Mention, Sentence, Style, Time, finish

_STEPS: Final = (40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100, 105, 110, 115, 120, 130)
_HOT: Final = ("heat", "reflux", "microwave", "dean_stark")


@dataclass(frozen=True)
class Run:
    """One reaction, decided: what is made from what, on which scale (mmol and mL), and how."""

    kind: Kind
    product: Compound
    substrate: Compound
    partner: Compound | None
    solvents: tuple[str, ...]
    mode: str
    mmol: float
    volume: float


@functools.lru_cache(maxsize=1024)
def kinds_for(product: Compound) -> tuple[Kind, ...]:
    """Returns the kinds of reaction whose product the name may be."""
    roles = {role for role, pattern in ROLES.items() if pattern.search(product.name)}
    fitting = tuple(kind for kind in KINDS if kind.product in roles)
    return fitting or tuple(kind for kind in KINDS if not kind.product)


def decide(style: Style, shelf_of_compounds: Shelf, product: Compound) -> Run:
    """Draws the reaction that is written about."""
    rng = style.rng
    kind = style.pick(kinds_for(product))
    low, high = 0.45 * product.mass, 1.05 * product.mass + 20
    substrate = shelf_of_compounds.draw(rng, kind.substrate, low, high, product.name)
    partner = None
    if kind.partner:
        rest = product.mass - 0.8 * substrate.mass
        partner = shelf_of_compounds.draw(rng, kind.partner, 0.5 * rest, max(140.0, 1.2 * rest))
        if partner.name == substrate.name:
            partner = None
    mmol = float(f"{10 ** rng.uniform(-0.6, 1.7):.2g}")
    volume = max(2.0, mmol * style.pick((2, 3, 4, 5, 8, 10)))
    solvents = tuple(style.pick(kind.solvents).split("/"))
    return Run(kind, product, substrate, partner, solvents, style.pick(kind.modes), mmol, volume)


def procedure(style: Style, run: Run) -> list[Sentence]:
    """Writes the whole procedure of a run, data included."""
    if style.imperative:
        return _recipe(style, run)
    lines, hot = _reaction(style, run)
    lines += _isolation(style, run, hot)
    if style.chance(0.3):
        data = nmr(style, run.product) if style.chance(0.6) else spectrum(style, run.product)
        lines.append(finish(data, []))
    elif style.chance(0.1):
        lines.append(finish(remark(style, run.product, run.substrate), []))
    return lines


# --- what goes in --------------------------------------------------------------------------
def _charge(style: Style, run: Run) -> Charge:
    substrate = style.mention(
        run.substrate.name, style.amount(_as_reagent(run.substrate), run.mmol, 0)
    )
    others, liquid = [], False
    if run.partner:
        excess = style.pick((1, 1.05, 1.1, 1.2, 1.5))
        quantities = style.amount(_as_reagent(run.partner), run.mmol * excess, excess)
        others.append(style.mention(run.partner.name, quantities))
    for item in style.pick(run.kind.reagents).split():
        key, excess_text = item.split(":")
        mention, liquid = _reagent(style, key, float(excess_text), run)
        others.append(mention)
    gas = style.pick(shelf.INERT_GASES) if run.kind.inert or style.chance(0.12) else ""
    return Charge(substrate, _solvents(style, run), others, gas, liquid)


def _as_reagent(compound: Compound) -> shelf.Reagent:
    return shelf.Reagent((compound.name,), compound.mass)


def _reagent(style: Style, key: str, excess: float, run: Run) -> tuple[Mention, bool]:
    reagent = shelf.REAGENTS[key]
    name = style.pick(reagent.names)
    if not reagent.mass:  # a supported catalyst: a tenth of the substrate by mass
        grams = run.mmol * run.substrate.mass / 1000 * style.pick((0.05, 0.1, 0.1, 0.2))
        return style.mention(name, (style.mass(grams),)), False
    if style.chance(0.04):
        return style.mention(name), False
    quantities = style.amount(reagent, run.mmol * excess, excess)
    return style.mention(name, quantities), bool(reagent.density or reagent.molarity)


def _solvents(style: Style, run: Run) -> list[Mention]:
    names = [style.pick(shelf.SOLVENTS[solvent]) for solvent in run.solvents]
    if not style.chance(0.93):
        return [style.mention(name) for name in names]
    share = (1.0,) if len(names) == 1 else style.pick(((0.75, 0.25), (0.5, 0.5), (0.8, 0.2)))
    return [
        style.mention(name, (style.round_volume(run.volume * part),))
        for name, part in zip(names, share, strict=True)
    ]


# --- the reaction --------------------------------------------------------------------------
def _reaction(style: Style, run: Run) -> tuple[list[Sentence], bool]:
    """Returns the sentences until the reaction is over, and whether the mixture is hot then."""
    charge = _charge(style, run)
    hot = run.mode in _HOT
    reacting = _reacting(style, run, charge)
    if (hot or run.mode == "rt") and charge.others and style.chance(0.3):
        subject, additions = combined(style, charge)
        if hot and style.chance(0.35):
            reacting.append(end.cooled(style, None))
            hot = False
        return [finish(*predicate(style, subject, reacting, additions))], hot
    cold = {"cold": 0, "cryo": -78}.get(run.mode)
    lines = setup(style, charge, None if cold is None else style.temperature(cold))
    subject = style.pick(say.MIXTURE)
    if run.kind.inert and run.mode not in ("cold", "cryo") and style.chance(0.55):
        part = react.degassed(style, charge.atmosphere or "nitrogen")
        lines.append(finish(*predicate(style, subject, [part])))
    elif style.chance(0.05):
        lines.append(finish(*predicate(style, subject, [react.sonicated(style)])))
    if style.chance(0.06):
        reacting.append(react.waited(style))
    if hot and style.chance(0.4):
        reacting.append(end.cooled(style, None))
        hot = False
    text, actions = predicate(style, style.pick(say.MIXTURE), reacting)
    return [*_attached(style, lines, text, reacting, actions)], hot


def _attached(
    style: Style, lines: list[Sentence], text: str, parts: Sequence[Part], actions: Sequence[Action]
) -> list[Sentence]:
    """Appends what happens next, as a sentence of its own or at the end of the last one."""
    draw = style.rng.random()
    if draw < 0.55:
        return [*lines, finish(text, actions)]
    stem = _stem(style, lines[-1].text)
    if draw < 0.85 or not parts[0][0].startswith("stirred"):
        joined = f"{stem}, and {text}."
    else:
        joined = f"{stem}, followed by stirring{_and_then(style, parts)}."
    if joined.endswith(".."):
        joined = joined[:-1]
    return [*lines[:-1], Sentence(joined, (*lines[-1].actions, *actions))]


def _and_then(style: Style, parts: Sequence[Part]) -> str:
    first = parts[0][0].removeprefix("stirred")
    later = [text for text, _ in parts[1:]]
    if not later:
        return first
    return f"{first}, and the mixture {style.was} {style.listed(later)}"


def _stem(style: Style, sentence: str) -> str:
    """Returns a sentence without its stop (the stop of `r.t.` stays)."""
    return sentence if sentence.endswith("r.t.") else sentence[:-1]


def _reacting(style: Style, run: Run, charge: Charge) -> list[Part]:
    """Returns the participles of the reaction itself."""
    long = style.time(style.pick((120, 180, 240, 360, 720, 960, 1080, 1440, 2880, 4320)))
    short = style.time(style.pick((10, 15, 20, 30, 45, 60, 90)))
    middle = style.time(style.pick((30, 60, 90, 120, 180, 240, 300, 720, 960)))
    if run.mode == "microwave":
        minutes = style.time(style.pick((5, 10, 15, 20, 30, 40, 60)))
        return [
            react.heated(
                style,
                run.mode,
                style.pick((80, 100, 110, 120, 130, 140, 150, 160, 180)),
                minutes,
                "",
            )
        ]
    if run.mode in _HOT:
        hottest = min(shelf.HOTTEST.get(solvent, 130) for solvent in run.solvents)
        celsius = style.pick(
            [step for step in _STEPS if hottest - 45 <= step <= hottest] or [hottest]
        )
        return [
            react.heated(style, run.mode, celsius, style.pick((long, middle)), charge.atmosphere)
        ]
    if run.mode == "hydrogen":
        return [
            react.hydrogenated(
                style, style.pick((None, None, 25, 40, 50)), style.pick((long, middle))
            )
        ]
    if run.mode == "rt":
        return [
            react.stirred(style, style.pick((None, None, None, 20, 25)), style.pick((long, middle)))
        ]
    return _cold_course(style, -78 if run.mode == "cryo" else 0, short, middle, long)


def _cold_course(style: Style, celsius: int, short: Time, middle: Time, long: Time) -> list[Part]:
    draw = style.rng.random()
    if draw < 0.25:
        return [react.stirred(style, celsius, middle if celsius == 0 else short)]
    if draw < 0.45:
        return [react.rising(style, None, long)]
    if draw < 0.6:
        text = style.pick(say.STIR_SAME).format(time=short.phrase)
        return [(text, [Stir(short.value, "same temperature")]), end.warmed(style, None)]
    if draw < 0.8:
        return [react.stirred(style, celsius, short), react.rising(style, None, long)]
    return [react.stirred(style, celsius, short), react.stirred(style, None, middle)]


# --- the product ---------------------------------------------------------------------------
def _isolation(style: Style, run: Run, hot: bool) -> list[Sentence]:
    workup, scale = style.pick(run.kind.workups), run.volume
    last: list[Part] = []
    lines: list[Sentence] = []
    if hot and style.chance(0.8):
        last.append(end.cooled(style, None))
    if (
        run.mode in ("cold", "cryo")
        and workup in ("extract", "partition", "celite")
        and style.chance(0.8)
    ):
        last.append(end.quenched(style, scale))
    if workup in ("acid", "base", "concentrate"):
        lines, last, workup = _prepared(style, workup, scale, last)
    is_solid = workup == "filter" or workup == "pour"
    if workup == "extract":
        lines += end.aqueous_workup(style, scale, last)
    elif workup == "partition":
        lines += end.partition_workup(style, scale, last)
    elif workup == "celite":
        catalyst = run.mode == "hydrogen" or run.kind.inert
        lines += end.celite_workup(style, scale, last, catalyst)
    elif is_solid:
        lines += end.solid_workup(style, scale, last, workup == "pour")
    return _final(style, run, lines, is_solid)


def _prepared(
    style: Style, workup: str, scale: float, last: list[Part]
) -> tuple[list[Sentence], list[Part], str]:
    """Changes pH or evaporates first; returns the sentences, what is pending, and what follows."""
    if workup == "concentrate":
        head = predicate(style, style.pick(say.MIXTURE), [*last, end.concentrated(style)])
        following = style.pick(("", "partition", "", "pour"))
        pending: list[Part] = []
        if following == "pour":
            following = "filter"
            part = end.diluted(style, style.pick(shelf.TRITURATION), scale, ("treated with {x}",))
            return (
                [finish(*head), finish(*predicate(style, style.pick(say.RESIDUE), [part]))],
                [],
                following,
            )
        return [finish(*head)], pending, following
    following = style.pick(("extract", "filter", "extract")) if workup == "acid" else "extract"
    if style.chance(0.4):
        last = [*last, end.diluted(style, "water", scale, say.DILUTE[:2])]
    target = style.pick(
        ("acidic", "acidic", "neutral") if workup == "acid" else ("basic", "basic", "neutral")
    )
    part, clause = end.ph_adjusted(style, target)
    if not clause:
        return [], [*last, part], following
    if not last:
        return [finish(*part)], [], following
    text, actions = predicate(style, style.pick(say.MIXTURE), last)
    return [finish(f"{text}, and {part[0]}", [*actions, *part[1]])], [], following


def _final(style: Style, run: Run, lines: list[Sentence], is_solid: bool) -> list[Sentence]:
    manners = ("", "", "recrystallize", "recrystallize", "triturate") if is_solid else (
        "column", "column", "column", "column", "recrystallize", "triturate", "")  # fmt: skip
    manner = style.pick(manners)
    crystals = is_solid or manner in ("recrystallize", "triturate")
    product = end.obtained(style, run.product.name, _obtained_amount(style, run), crystals)
    if not manner and lines and style.chance(0.65):
        outcome = style.pick(say.OBTAIN[:10]).format(p=product[0])
        text = (
            f"{_stem(style, lines[-1].text)}{',' if outcome.startswith('which') else ''} {outcome}"
        )
        return [*lines[:-1], Sentence(_stopped(text), (*lines[-1].actions, *product[1]))]
    parts = [end.purified(style, manner, run.volume)] if manner else []
    if manner == "triturate" and style.chance(0.5):
        parts.append((style.pick(say.FILTER_SOLID), [end.Filter("precipitate")]))
    if parts and not lines:
        parts.insert(0, end.concentrated(style))
    if is_solid and parts and style.chance(0.15):
        parts.append(end.dried_solid(style))
    subject = style.pick(say.SOLID if is_solid else say.RESIDUE)
    return [*lines, *end.final_sentence(style, subject, parts, product)]


def _stopped(text: str) -> str:
    return text if text.endswith(".") else text + "."


def _obtained_amount(style: Style, run: Run) -> tuple[str, ...]:
    percent = style.rng.randrange(22, 99)
    mass = style.mass(run.mmol * run.product.mass * percent / 100_000)
    return style.pick(((mass, f"{percent}%"), (mass, f"{percent}%"), (mass,), (f"{percent}%",),
                       (mass, f"{percent}% yield"), (), (f"{percent}% yield",)))  # fmt: skip


# --- recipes in the imperative -----------------------------------------------------------------
_BASE_FORM: Final = {
    "stirred": "stir", "kept": "keep", "maintained": "maintain", "held": "hold", "left": "leave",
    "allowed": "allow", "heated": "heat", "warmed": "warm", "refluxed": "reflux", "boiled": "boil",
    "brought": "bring", "irradiated": "irradiate", "subjected": "subject",
    "microwaved": "microwave", "stored": "store", "hydrogenated": "hydrogenate",
    "shaken": "shake", "cooled": "cool", "chilled": "chill",
    "diluted": "dilute", "poured": "pour", "added": "add", "quenched": "quench",
    "hydrolyzed": "hydrolyze", "extracted": "extract", "washed": "wash", "rinsed": "rinse",
    "dried": "dry", "concentrated": "concentrate", "evaporated": "evaporate", "stripped": "strip",
    "filtered": "filter", "triturated": "triturate", "recrystallized": "recrystallize",
    "recrystallised": "recrystallise", "crystallized": "crystallize", "purified": "purify",
    "chromatographed": "chromatograph", "collected": "collect", "isolated": "isolate",
    "taken": "take", "dissolved": "dissolve", "treated": "treat", "degassed": "degas",
}  # fmt: skip
_PARTICIPLE: Final = re.compile(
    r"^(?:(?:\w+ly|further|then) )?(?P<first>" + "|".join(_BASE_FORM) + r")\b"
    r"|(?<=and )(?P<next>stirred|heated|maintained|kept|collected)\b"
)


def imperative(participle: str) -> str:
    """Turns a participle phrase into an instruction.

    Example:
        >>> imperative("allowed to warm to rt and stirred for 2 h")
        'allow to warm to rt and stir for 2 h'
    """
    return _PARTICIPLE.sub(_base_form, participle)


def _base_form(found: re.Match[str]) -> str:
    word = found["first"] or found["next"]
    return found[0].removesuffix(word) + _BASE_FORM[word]


def _instructions(style: Style, parts: Sequence[Part], material: str = "") -> Sentence:
    """Writes `Cool to 0 °C, dilute with water and filter.`; the first acts on `material`."""
    words = [imperative(text) for text, _ in parts]
    if material:
        verb, _, rest = words[0].partition(" ")
        words[0] = f"{verb} {material} {rest}".strip()
    return finish(style.listed(words), [action for _, listed in parts for action in listed])


def _recipe(style: Style, run: Run) -> list[Sentence]:
    """Writes the procedure as instructions."""
    charge = _charge(style, run)
    cold = {"cold": 0, "cryo": -78}.get(run.mode)
    lines = setup(style, charge, None if cold is None else style.temperature(cold))
    reacting = _reacting(style, run, charge)
    if run.mode in _HOT:
        reacting.append(end.cooled(style, None))
    lines.append(_instructions(style, reacting))
    solvent = end.extractant(style)
    material = "the residue"
    water = end.poured_amount(style, style.pick(("water", "ice water", "brine")), run.volume)
    pour: Part = (f"poured into {water.text}", [Add(water.chemical)])
    if "pour" in run.kind.workups or style.chance(0.2):
        material = "the solid"
        dry = [end.dried_solid(style)] if style.chance(0.6) else []
        collected: Part = ("filtered off", [end.Filter("precipitate")])
        lines += [
            _instructions(style, [pour]),
            _instructions(style, [collected, *dry], "the solid"),
        ]
    else:
        lines.append(_instructions(style, [pour, end.extracted(style, solvent, run.volume)]))
        parts: list[Part] = [
            end.dried(style),
            ("filtered", [end.Filter("filtrate")]),
            end.concentrated(style),
        ]
        organic = _instructions(style, parts, "the organic layer")
        lines.append(organic._replace(actions=(end.CollectLayer("organic"), *organic.actions)))
    manner = style.pick(("column", "recrystallize", "triturate"))
    outcome, made = end.obtained(style, run.product.name, _obtained_amount(style, run), True)
    text, actions = end.purified(style, manner, run.volume)
    verb, _, rest = imperative(text).partition(" ")
    give = style.pick(("to give", "to obtain", "to afford"))
    return [*lines, finish(f"{verb} {material} {rest} {give} {outcome}", [*actions, *made])]
