"""Temperatures: what moves, by how much, and what stays."""

import random
import re

import pytest

from t5chem.augmentation.temperatures import STEPS, shift_temperatures


def shifted(paragraph, answer, seed=0):
    return shift_temperatures(paragraph, answer, random.Random(seed))


def both(*temperatures):
    """A paragraph and its actions with temperatures."""
    paragraph = " ".join(f"It was stirred at {text}." for text in temperatures)
    return paragraph, "; ".join(f"STIR at {text}" for text in temperatures) + "."


def numbers(text):
    return [int(number) for number in re.findall(r"-?\d+", text)]


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ("80 °C", set(STEPS)),
        ("40 °C", {-10, -5, 5, 10, 15, 20}),
        ("-20 °C", {-20, -15, -10, -5, 5, 10, 15}),
        ("-70 °C", {-5, 5, 10, 15, 20}),
        ("250 °C", {-20, -15, -10, -5}),
    ],
)
def test_steps(given, steps):
    seen = {numbers(shifted(*both(given), seed)[0])[0] - numbers(given)[0] for seed in range(80)}
    assert seen == steps


@pytest.mark.parametrize("text", ["0 °C", "-78 °C", "25 °C", "20 °C", "260 °C", "room temperature"])
def test_what_stays(text):
    assert {shifted(*both(text), seed) for seed in range(5)} == {both(text)}


def test_hot_ones_move_together_and_cold_ones_too():
    given = both("80 °C", "0 °C", "100 °C", "-20 °C", "-40 °C", "25 °C")
    for seed in range(30):
        paragraph, answer = shifted(*given, seed)
        assert numbers(paragraph) == numbers(answer)
        eighty, zero, hundred, cold, colder, room = numbers(answer)
        assert (zero, room) == (0, 25)
        assert hundred - eighty == 20
        assert cold - colder == 20
        assert eighty not in (0, 80)
        assert cold != -20


@pytest.mark.parametrize("text", ["80°C", "80° C", "80 ° C", "80 ℃", "−30 °C", "–30 °C", "80 ºC"])
def test_spellings_are_kept(text):
    paragraph, answer = shifted(*both(text))
    pattern = re.sub(r"\d+", r"\\d+", re.escape(text))
    assert paragraph != both(text)[0]
    assert re.fullmatch(rf"It was stirred at {pattern}\.", paragraph)
    assert re.fullmatch(rf"STIR at {pattern}\.", answer)


@pytest.mark.parametrize(
    ("paragraph", "answer"),
    [
        ("It was stirred at 50-60 °C.", "STIR at 60 °C."),
        ("It was stirred at 50-60 °C.", "STIR at 50-60 °C."),
        ("It was stirred at 20°-60° C.", "STIR at 60° C."),
        ("Stirred at 60°C, then at 60 °C.", "STIR at 60°C; STIR at 60 °C."),
        ("It was stirred at sixty degrees.", "STIR at 60 °C."),
        ("It was stirred at 60 °C.", "STIR at 60 °C"),
        ("It was stirred at 160 °C.", "STIR at 60 °C."),
        ("Oil of 60 °C was added at 60 °C.", "ADD Oil of 60 °C at 60 °C."),
    ],
)
def test_left_alone_where_it_is_not_certain(paragraph, answer):
    assert {shifted(paragraph, answer, seed) for seed in range(5)} == {(paragraph, answer)}


def test_every_kind_of_action():
    paragraph = "Acid was added at 40 °C, heated to 90 °C and dried at 60 °C."
    answer = "ADD Acid dropwise at 40 °C over 1 h; SETTEMPERATURE 90 °C; DRYSOLID for 1 h at 60 °C."
    other, actions = shifted(paragraph, answer, seed=1)
    step = numbers(other)[0] - 40
    assert step
    assert actions == (
        f"ADD Acid dropwise at {40 + step} °C over 1 h; SETTEMPERATURE {90 + step} °C;"
        f" DRYSOLID for 1 h at {60 + step} °C."
    )
