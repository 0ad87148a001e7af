"""Participles for letting a mixture react, and the sentence that joins participles."""

from __future__ import annotations

from collections.abc import Sequence

from t5chem.actions import Action, Degas, Microwave, Reflux, Sonicate, Stir, Wait
from t5chem.corpora import phrasings as say
from t5chem.corpora.procedure_style import Style, Time

Part = tuple[str, list[Action]]
"""A participle or clause, and the actions it describes."""


def be(style: Style, subject: str) -> str:
    """Returns the verb for a subject: `were` for plurals."""
    plural = subject.endswith(say.PLURAL) or subject.startswith("the contents")
    return style.were if plural else style.was


def predicate(
    style: Style, subject: str, parts: Sequence[Part], before: Sequence[Action] = ()
) -> Part:
    """Joins participles under one subject: `the mixture was cooled, diluted with X and filtered`.

    Args:
        style: the author.
        subject: e.g. "the mixture".
        parts: the participles in order.
        before: actions that the subject itself implies.
    """
    words = [text for text, _ in parts]
    if len(words) == 2:
        joint = style.pick((" and ", " and ", " and then ", ", then "))
        joined = joint.join(words)
    else:
        joined = style.listed(words)
    actions = [*before, *(action for _, listed in parts for action in listed)]
    return f"{subject} {be(style, subject)} {joined}", actions


def gas_phrase(style: Style, gas: str) -> str:
    """Writes `under nitrogen` in one of several ways."""
    article = "an" if gas.startswith(("a", "A")) else "a"
    return style.pick(
        (
            f"under {gas}",
            f"under {gas}",
            f"under an atmosphere of {gas}",
            f"under {article} {gas} atmosphere",
        )
    )


def stirred(style: Style, celsius: int | None, time: Time) -> Part:
    """Returns a participle for stirring at a temperature."""
    temperature = style.temperature(celsius)
    table = say.STIR_HOT if celsius is not None and celsius > 30 else say.STIR_TIMED
    text = style.pick(table).format(T=temperature, time=time.phrase)
    return text, [Stir(time.value, temperature)]


def rising(style: Style, celsius: int | None, time: Time) -> Part:
    """Returns a participle for stirring while the bath warms up."""
    temperature = style.temperature(celsius)
    text = style.pick(say.STIR_RISING).format(T=temperature, time=time.phrase)
    return text, [Stir(time.value, temperature)]


def heated(style: Style, mode: str, celsius: int, time: Time, gas: str) -> Part:
    """Returns a participle for heating in the way that `mode` names."""
    temperature = style.temperature(celsius)
    filled = {"T": temperature, "time": time.phrase}
    if mode == "microwave":
        return style.pick(say.MICROWAVE).format(**filled), [Microwave(time.value, temperature)]
    if mode == "dean_stark":
        return style.pick(say.DEAN_STARK).format(**filled), [Reflux(time.value, dean_stark=True)]
    if mode == "reflux":
        text = style.pick(say.REFLUX_TIMED).format(**filled)
        if gas and style.chance(0.5):
            return f"{text} {gas_phrase(style, gas)}", [Reflux(time.value, gas)]
        return text, [Reflux(time.value)]
    if gas and style.chance(0.3):
        return (
            f"heated at {temperature} {time.phrase} {gas_phrase(style, gas)}",
            [Stir(time.value, temperature, gas)],
        )
    return stirred(style, celsius, time)


def hydrogenated(style: Style, celsius: int | None, time: Time) -> Part:
    """Returns a participle for stirring under hydrogen."""
    temperature = style.temperature(celsius)
    text = style.pick(say.HYDROGENATION).format(T=temperature, time=time.phrase)
    return text, [Stir(time.value, temperature, "hydrogen")]


def degassed(style: Style, gas: str) -> Part:
    """Returns a participle for removing dissolved oxygen."""
    time = style.time(style.pick((5, 10, 15, 20, 30)))
    draw = style.rng.random()
    if draw < 0.6:
        return style.pick(say.DEGAS).format(gas=gas, time=time.phrase), [Degas(gas, time.value)]
    if draw < 0.9:
        return style.pick(say.DEGAS_UNTIMED).format(gas=gas), [Degas(gas)]
    return style.pick(say.DEGAS_BARE), [Degas()]


def sonicated(style: Style) -> Part:
    """Returns a participle for ultrasound."""
    time = style.time(style.pick((1, 2, 5, 10, 15, 20, 30, 60)))
    if style.chance(0.3):
        temperature = style.temperature(style.pick((None, 25, 30, 40)))
        text = style.pick(say.SONICATE_AT).format(T=temperature, time=time.phrase)
        return text, [Sonicate(time.value, temperature)]
    return style.pick(say.SONICATE).format(time=time.phrase), [Sonicate(time.value)]


def waited(style: Style) -> Part:
    """Returns a participle for standing."""
    time = style.time(style.pick((10, 15, 30, 60, 120, 720, 960, 2880)))
    if style.chance(0.5):
        temperature = style.temperature(style.pick((None, 0, 4, -20, 25)))
        text = style.pick(say.WAIT_AT).format(T=temperature, time=time.phrase)
        return text, [Wait(time.value, temperature)]
    return style.pick(say.WAIT).format(time=time.phrase), [Wait(time.value)]
