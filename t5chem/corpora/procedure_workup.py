"""Sentences that work a reaction up and bring the product out."""

from __future__ import annotations

from collections.abc import Sequence

from t5chem.actions import (
    PH,
    Action,
    Add,
    Chemical,
    CollectLayer,
    Concentrate,
    DrySolid,
    DrySolution,
    Extract,
    Filter,
    Partition,
    PhaseSeparation,
    Purify,
    Quench,
    Recrystallize,
    SetTemperature,
    Triturate,
    Wash,
    Yield,
)
from t5chem.corpora import phrasings as say
from t5chem.corpora import procedure_chemicals as shelf
from t5chem.corpora.procedure_reacting import Part, predicate
from t5chem.corpora.procedure_style import Mention, Sentence, Style, finish


def poured_amount(style: Style, name: str, scale: float, often: float = 0.6) -> Mention:
    """Mentions a work-up liquid, with a volume in proportion to the scale (mL) or without."""
    if not style.chance(often):
        return style.mention(name)
    return style.mention(name, (style.round_volume(scale * style.pick((0.5, 1, 1, 2, 3))),))


def repeated(
    style: Style, name: str, scale: float, alone: bool = True
) -> tuple[str, Chemical, int]:
    """Mentions a liquid used once or several times: `water (3 x 50 mL)`, `water twice`.

    In a list (not `alone`), `twice` could belong to the whole list and is not written.
    """
    draw = style.rng.random() * (1.0 if alone else 0.75)
    if draw < 0.45:
        one = poured_amount(style, name, scale, 0.4)
        return one.text, one.chemical, 1
    if draw < 0.75:
        volume, times = style.round_volume(scale), style.pick((2, 3, 3, 4))
        many = (
            f"{times}{style.times}{volume}"
            if style.chance(0.8)
            else f"{volume}{style.times}{times}"
        )
        return f"{name} ({many})", Chemical(name, (volume,)), times
    word, times = style.pick((("twice", 2), ("three times", 3), ("two times", 2), ("thrice", 3)))
    return f"{name} {word}", Chemical(name), times


def extractant(style: Style) -> str:
    """Draws a solvent for extraction; nobody extracts with a dried one."""
    names = shelf.SOLVENTS[style.pick(shelf.EXTRACTANTS)]
    return style.pick([name for name in names if not name.startswith(("dry", "anhydrous"))])


def cooled(style: Style, celsius: int | None) -> Part:
    """Returns a participle for cooling (or returning to ambient temperature)."""
    if celsius == 0 and style.chance(0.25):
        return style.pick(say.COOL_IN_ICE), [SetTemperature("0 °C")]
    temperature = style.temperature(celsius)
    return style.pick(say.COOL).format(T=temperature), [SetTemperature(temperature)]


def warmed(style: Style, celsius: int | None, table: Sequence[str] = say.WARM) -> Part:
    """Returns a participle for warming."""
    temperature = style.temperature(celsius)
    return style.pick(table).format(T=temperature), [SetTemperature(temperature)]


def quenched(style: Style, scale: float) -> Part:
    """Returns a participle for stopping the reaction."""
    x = poured_amount(style, style.pick(shelf.QUENCHES), scale, 0.5)
    draw = style.rng.random()
    if draw < 0.12:
        temperature = style.temperature(style.pick((0, 0, None)))
        text = style.pick(say.QUENCH_AT).format(x=x.text, T=temperature)
        return text, [Quench(x.chemical, temperature=temperature)]
    if draw < 0.24:
        text = style.pick(say.QUENCH_DROPWISE).format(x=x.text)
        return text, [Quench(x.chemical, dropwise=True)]
    return style.pick(say.QUENCH).format(x=x.text), [Quench(x.chemical)]


def diluted(style: Style, name: str, scale: float, table: Sequence[str] = say.DILUTE) -> Part:
    """Returns a participle for adding a solvent or pouring into it."""
    x = poured_amount(style, name, scale)
    return style.pick(table).format(x=x.text), [Add(x.chemical)]


def extracted(style: Style, solvent: str, scale: float) -> Part:
    """Returns a participle for extraction."""
    text, chemical, times = repeated(style, solvent, scale)
    return style.pick(say.EXTRACT).format(x=text), [Extract(chemical, times)]


def washed(style: Style, scale: float) -> Part:
    """Returns a participle for washing an organic layer with one to three liquids."""
    count = style.pick((1, 1, 2, 2, 3))
    names = style.rng.sample(shelf.WASHES, count)
    if count > 1 and style.chance(0.6):
        names[-1] = "brine"
    if {"water", "H2O"} <= set(names):
        names.remove("H2O")
    listed = [repeated(style, name, scale, len(names) == 1) for name in dict.fromkeys(names)]
    words = style.pick(say.WASH if len(listed) > 1 else say.WASH[::2])
    text = words.format(x=style.listed([text for text, _, _ in listed]))
    return text, [Wash(chemical, times) for _, chemical, times in listed]


def dried(style: Style) -> Part:
    """Returns a participle for drying a solution."""
    if style.chance(0.07):
        return "dried", [DrySolution("unknown")]
    agent = style.pick(shelf.DRYING_AGENTS)
    return style.pick(say.DRY).format(x=agent), [DrySolution(agent)]


def concentrated(style: Style) -> Part:
    """Returns a participle for removing the solvent."""
    return style.pick(say.CONCENTRATE), [Concentrate()]


def ph_adjusted(style: Style, target: str) -> tuple[Part, bool]:
    """Returns the words for bringing to a pH, and whether they are a clause of their own.

    Args:
        style: the author.
        target: "acidic", "basic" or "neutral".
    """
    x = style.mention(style.pick(shelf.BASES if target == "basic" else shelf.ACIDS))
    if style.chance(0.25):
        x = style.mention(x.chemical.name, (style.round_volume(style.pick((2, 5, 10, 20, 50))),))
    if target == "neutral" or style.chance(0.4):
        template, number = style.pick(say.PH_WORD[target]), target
        return (template.format(x=x.text), [PH(target, x.chemical)]), False
    number = style.pick(_PH_NUMBERS[target])
    numbers = say.PH_NUMBER if target == "acidic" else say.PH_NUMBER_BASE
    clause = style.chance(0.4)
    template = style.pick(say.PH_NUMBER_CLAUSE if clause else numbers)
    text = template.format(x=x.text, n=number, was=style.was)
    return (text, [PH(number, x.chemical)]), clause


_PH_NUMBERS = {
    "acidic": ("1", "2", "3", "4", "2-3", "3 to 4", "5", "6", "4.5"),
    "basic": ("8", "9", "10", "11", "12", "8-9", "9 to 10", "13", "14"),
}


def aqueous_workup(style: Style, scale: float, last: Sequence[Part]) -> list[Sentence]:
    """Writes extraction, washing, drying and evaporation; `last` are the participles before it."""
    solvent = extractant(style)
    subject = style.pick(say.MIXTURE)
    parts = list(last)
    aqueous_already = any(
        isinstance(action, Quench | PH | Add) for _, listed in parts for action in listed
    )
    if not aqueous_already and style.chance(0.85):
        table = say.DILUTE[:2] if style.chance(0.6) else say.POUR
        parts.append(
            diluted(style, style.pick(("water", "water", "H2O", "ice water")), scale, table)
        )
    lines = []
    if style.chance(0.3):
        head = predicate(style, subject, [*parts, diluted(style, solvent, scale, say.DILUTE[:2])])
        lines.append(_with_separation(style, head))
        if style.chance(0.6):
            aqueous = style.pick(say.AQUEOUS)
            part = predicate(
                style, aqueous, [extracted(style, solvent, scale)], [CollectLayer("aqueous")]
            )
            lines.append(finish(*part))
    else:
        lines.append(finish(*predicate(style, subject, [*parts, extracted(style, solvent, scale)])))
    return [*lines, *organic_layer(style, scale)]


def _with_separation(style: Style, head: Part) -> Sentence:
    clause = style.pick(say.SEPARATE_CLAUSE).format(was=style.was, were=style.were)
    return finish(f"{head[0]}, and {clause}", [*head[1], PhaseSeparation()])


def organic_layer(style: Style, scale: float) -> list[Sentence]:
    """Writes what happens to the organic layer until the solvent is gone."""
    parts = [washed(style, scale)] if style.chance(0.8) else []
    parts.append(dried(style))
    if style.chance(0.6):
        parts.append(("filtered", [Filter("filtrate")]))
    apart = style.chance(0.25)
    if not apart:
        parts.append(concentrated(style))
    subject = style.pick(say.ORGANIC)
    text, actions = predicate(style, subject, parts, [CollectLayer("organic")])
    if not apart:
        return [finish(text, actions)]
    clause = style.pick(say.CONCENTRATE_CLAUSE).format(was=style.was, were=style.were)
    if style.chance(0.5):
        return [finish(f"{text}, and {clause}", [*actions, Concentrate()])]
    return [finish(text, actions), finish(clause, [Concentrate()])]


def partition_workup(style: Style, scale: float, last: Sequence[Part]) -> list[Sentence]:
    """Writes a distribution between two liquids, then the organic layer."""
    organic = extractant(style)
    x, y = (
        poured_amount(style, organic, scale),
        poured_amount(style, style.pick(shelf.WASHES), scale),
    )
    if style.chance(0.3):
        x, y = y, x
    text = style.pick(say.PARTITION).format(x=x.text, y=y.text)
    head = predicate(
        style,
        style.pick(say.MIXTURE if last else say.RESIDUE),
        [*last, (text, [Partition((x.chemical, y.chemical))])],
    )
    first = _with_separation(style, head) if style.chance(0.4) else finish(*head)
    return [first, *organic_layer(style, scale)]


def celite_workup(
    style: Style, scale: float, last: Sequence[Part], catalyst: bool
) -> list[Sentence]:
    """Writes a filtration that keeps the filtrate, and its evaporation.

    Args:
        style: the author.
        scale: in mL.
        last: participles that come before.
        catalyst: whether there is a catalyst to filter off.
    """
    filtrate: list[Action] = [Filter("filtrate")]
    if last or style.chance(0.6):
        words = [words for words in say.FILTER_FILTRATE if catalyst or "catalyst" not in words]
        parts = [*last, (style.pick(words), filtrate)]
        text, actions = predicate(style, style.pick(say.MIXTURE), parts)
    else:
        words = [words for words in say.FILTER_FILTRATE_CLAUSE if catalyst or "cat" not in words]
        text, actions = style.pick(words).format(was=style.was, were=style.were), filtrate
    if style.chance(0.3):
        rinse = poured_amount(style, style.pick(("ethyl acetate", "MeOH", "DCM", "EtOAc")), scale)
        pad = f", and the filter cake {style.was} washed with {rinse.text}"
        text, actions = text + pad, [*actions, Wash(rinse.chemical)]
    evaporation = predicate(style, style.pick(say.FILTRATE), [concentrated(style)])
    if style.chance(0.5):
        return [finish(f"{text}, and {evaporation[0]}", [*actions, *evaporation[1]])]
    return [finish(text, actions), finish(*evaporation)]


def solid_workup(style: Style, scale: float, last: Sequence[Part], pour: bool) -> list[Sentence]:
    """Writes a filtration that keeps the solid, its washing and drying."""
    lines = []
    parts = list(last)
    if pour:
        parts.append(diluted(style, style.pick(shelf.POURED_INTO), scale, say.POUR))
    if parts:
        lines.append(finish(*predicate(style, style.pick(say.MIXTURE), parts)))
    keep: list[Action] = [Filter("precipitate")]
    solid: list[Part] = [(style.pick(say.FILTER_SOLID), keep)]
    if style.chance(0.8):
        names = style.rng.sample(shelf.SOLID_WASHES, style.pick((1, 1, 2)))
        washes = [repeated(style, name, scale, len(names) == 1) for name in names]
        words = f"washed with {style.listed([text for text, _, _ in washes])}"
        solid.append((words, [Wash(chemical, times) for _, chemical, times in washes]))
    if style.chance(0.75):
        solid.append(dried_solid(style))
    lines.append(finish(*predicate(style, style.pick(say.SOLID), solid)))
    return lines


def dried_solid(style: Style) -> Part:
    """Returns a participle for drying a solid."""
    time = style.time(style.pick((60, 120, 180, 240, 720, 960, 1440)))
    temperature = style.temperature(style.pick((40, 50, 60, 80, 100, None)))
    template = style.pick(say.DRY_SOLID)
    vacuum = "vacuum" if "vacuum" in template else None
    if "air" in template:
        vacuum = "air"
    return template.format(T=temperature, time=time.phrase), [
        DrySolid(
            time.value if "{time}" in template else None,
            temperature if "{T}" in template else None,
            vacuum,
        )
    ]


def purified(style: Style, manner: str, scale: float) -> Part:
    """Returns a participle for the purification that `manner` names."""
    if manner == "recrystallize":
        x = poured_amount(style, style.pick(shelf.RECRYSTALLISATION), scale, 0.2)
        return style.pick(say.RECRYSTALLIZE).format(x=x.text), [Recrystallize(x.chemical)]
    if manner == "triturate":
        x = poured_amount(style, style.pick(shelf.TRITURATION), scale, 0.3)
        return style.pick(say.TRITURATE).format(x=x.text), [Triturate(x.chemical)]
    return style.pick(say.PURIFY).format(e=style.pick(say.ELUENTS)), [Purify()]


def obtained(style: Style, name: str, quantities: tuple[str, ...], solid: bool) -> Part:
    """Returns the product as it is put (`X (1.2 g, 85%) as a white solid`) and its YIELD."""
    if solid or style.chance(0.6):
        looks = f"{style.pick(say.COLOURS)} {style.pick(say.SOLID_FORMS)}"
    else:
        looks = f"{style.pick(say.OIL_COLOURS)} {style.pick(say.OILS)}"
    draw = style.rng.random()
    if draw < 0.12:  # named by its looks alone
        chemical = Chemical(looks, quantities)
        return f"{_article(looks)} {_weighed(style, looks, quantities)}", [Yield(chemical)]
    if draw < 0.25:
        name = style.pick(say.TITLES)
        text = f"the {_weighed(style, name, quantities)}"
    elif quantities and style.amount_first:
        first, *others = quantities
        aside = f" ({style.separator.join(others)})" if others else ""
        text = f"{first}{aside} of {name}"
    else:
        text = _weighed(style, name, quantities)
    if style.chance(0.7):
        text = f"{text} as {_article(looks)} {looks}"
    return text, [Yield(Chemical(name, quantities))]


def _weighed(style: Style, name: str, quantities: tuple[str, ...]) -> str:
    return f"{name} ({style.separator.join(quantities)})" if quantities else name


def _article(words: str) -> str:
    return "an" if words[0] in "aeiou" else "a"


def final_sentence(
    style: Style, subject: str, parts: Sequence[Part], product: Part
) -> list[Sentence]:
    """Writes the purification and what it gave, in one of several orders."""
    text, made = product
    if parts and style.chance(0.12):
        return [_nominal(style, parts, product)]
    if not parts:
        return [finish(_stated(style, text), made)]
    head, actions = predicate(style, subject, parts)
    if style.chance(0.15):
        return [finish(head, actions), finish(_stated(style, text), made)]
    outcome = style.pick(say.OBTAIN).format(p=text)
    comma = (
        "," if outcome.startswith("which") or (outcome[:2] != "to" and style.chance(0.5)) else ""
    )
    return [finish(f"{head}{comma} {outcome}", [*actions, *made])]


def _stated(style: Style, product: str) -> str:
    """Writes `this gave X as a white solid` or `X was obtained as a white solid`."""
    template = style.pick(say.OBTAIN_SENTENCE)
    if not template.startswith("{p}"):
        return template.format(p=product, was=style.was)
    name, looks = product, ""
    if " as a" in product:
        name, _, looks = product.rpartition(" as ")
    stated = template.format(p=name, was=style.was)
    return f"{stated} as {looks}" if looks else stated


_NOUNS = {
    Concentrate: (
        "concentration",
        "concentration under reduced pressure",
        "removal of the solvent",
        "evaporation of the solvent",
    ),
    Purify: (
        "purification by flash chromatography",
        "purification by preparative HPLC",
        "column chromatography on silica gel",
        "purification by column chromatography",
    ),
}


def _nominal(style: Style, parts: Sequence[Part], product: Part) -> Sentence:
    """Writes `Concentration followed by purification by ... afforded X`."""
    nouns, actions = [], []
    for _, listed in parts:
        for action in listed:
            if isinstance(action, Recrystallize | Triturate):
                noun = (
                    "recrystallization from"
                    if isinstance(action, Recrystallize)
                    else "trituration with"
                )
                nouns.append(f"{noun} {style.mention(action.solvent.name).text}")
                action = type(action)(Chemical(action.solvent.name))
            else:
                nouns.append(style.pick(_NOUNS.get(type(action), ("workup",))))
            actions.append(action)
    if any(
        type(action) not in (Concentrate, Purify, Recrystallize, Triturate) for action in actions
    ):
        head, actions = predicate(style, style.pick(say.RESIDUE), parts)
        return finish(
            f"{head} {style.pick(say.OBTAIN[:4]).format(p=product[0])}", [*actions, *product[1]]
        )
    verb = style.pick(("afforded", "gave", "provided", "furnished", "yielded"))
    return finish(f"{' followed by '.join(nouns)} {verb} {product[0]}", [*actions, *product[1]])


def after_cooling(style: Style) -> Part:
    """Returns an opening clause `after cooling to ...` and its action."""
    temperature = style.temperature(style.pick((None, None, None, 0)))
    return style.pick(say.AFTER_COOLING).format(T=temperature), [SetTemperature(temperature)]
