"""The full evaluation of action sequences on toy rows."""

from __future__ import annotations

import pytest

from t5chem.metrics import Settings, evaluate_paragraph2actions

QUICK = Settings(samples=50)


def values(targets: list[str], predictions: list[str]) -> dict[str, float]:
    scores = evaluate_paragraph2actions(targets, predictions, QUICK).scores
    return {name: score.value for name, score in scores.items()}


def test_perfect():
    text = "ADD water (5 mL); STIR for 2 hours at 25 °C; FILTER."
    assert values([text], [text]) == {
        "bleu2": 1.0,
        "modified_bleu4": 1.0,
        "accuracy100": 1.0,
        "accuracy90": 1.0,
        "accuracy75": 1.0,
        "similarity": 1.0,
        "parses": 1.0,
    }


def test_a_short_right_answer_is_not_punished():
    assert values(["FILTER."], ["FILTER."])["modified_bleu4"] == 1.0


def test_modified_bleu_by_hand():
    # Padded to four: "STIR. '' '' ''" against "FILTER. '' '' ''": 3/4, 2/3, 1/2 and no four-gram.
    assert values(["STIR."], ["FILTER."])["modified_bleu4"] == 0.0
    found = values(["STIR for 2 h."], ["STIR for 2 h now."])["modified_bleu4"]
    # Of 5, 4, 3, 2 n-grams 3, 2, 1 and 0 match.
    assert found == 0.0
    found = values(["ADD a; ADD b; STIR."], ["ADD a; ADD b; STIR for 1 h."])["modified_bleu4"]
    # Wanted 5 tokens, offered 8, of which "ADD a; ADD b;" match: 4/8, 3/7, 2/6, 1/5.
    assert found == pytest.approx((4 / 8 * 3 / 7 * 2 / 6 * 1 / 5) ** 0.25)


def test_thresholds():
    targets = ["x" * 20] * 4
    predictions = ["x" * 20, "x" * 18 + "yy", "x" * 15 + "y" * 5, "x" * 14 + "y" * 6]
    found = values(targets, predictions)
    assert (found["accuracy100"], found["accuracy90"], found["accuracy75"]) == (0.25, 0.5, 0.75)
    assert found["similarity"] == pytest.approx((1 + 0.9 + 0.75 + 0.7) / 4)


def test_what_does_not_parse_is_listed_and_counts():
    scores = evaluate_paragraph2actions(["STIR.", "STIR."], ["", "STIR."], QUICK).scores
    assert {score.invalid for score in scores.values()} == {(0,)}
    assert {score.count for score in scores.values()} == {2}
    assert scores["parses"].value == scores["accuracy100"].value == 0.5
    assert scores["accuracy100"].versions.keys() == {"text-chem-t5"}


def test_input_errors():
    with pytest.raises(ValueError, match="targets is empty"):
        evaluate_paragraph2actions([], [])
    with pytest.raises(ValueError, match=r"targets\[0\] is b'STIR.' of type bytes"):
        evaluate_paragraph2actions([b"STIR."], ["STIR."])


@pytest.mark.slow
def test_100_000_rows():
    targets = ["STIR for 2 h; FILTER.", "WAIT."] * 50_000
    predictions = ["STIR for 2 h; FILTER.", "STIR."] * 50_000
    scores = evaluate_paragraph2actions(targets, predictions).scores
    assert scores["accuracy100"].value == 0.5 and scores["accuracy100"].count == 100_000
