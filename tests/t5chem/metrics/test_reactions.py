"""Ranked answers and round trips on toy symbols."""

from __future__ import annotations

import pytest

from t5chem.metrics import (
    ForwardPredictions,
    Settings,
    evaluate_forward,
    evaluate_retrosynthesis,
)

QUICK = Settings(samples=50)
TARGETS = ["CO.[Na+]~[OH-]", "CCO", "CCN", "C("]
ANSWERS = [
    ["[OH-]~[Na+].OC", "CC"],
    ["CC", "C(", "OCC"],
    ["NCC"],
    ["C("],
]


def values(evaluation) -> dict[str, float]:
    return {name: score.value for name, score in evaluation.scores.items()}


def test_top_n():
    found = values(evaluate_forward(TARGETS, ANSWERS, QUICK))
    assert found["top1"] == 0.5
    assert found["top2"] == 0.5
    assert found["top3"] == 0.75
    assert "top5" not in found
    assert found["validity"] == 0.75


def test_invalid_is_never_right_and_is_listed():
    scores = evaluate_forward(TARGETS, ANSWERS, QUICK).scores
    assert scores["top1"].invalid == scores["validity"].invalid == (3,)
    assert list(scores["top3"].row_values) == [1, 1, 1, 0]


def test_one_answer_a_row_needs_no_list():
    found = values(evaluate_forward(["CCO", "CO"], ["OCC", "C"], QUICK))
    assert found["top1"] == 0.5 and "top2" not in found
    assert found == values(evaluate_forward(["CCO", "CO"], [["OCC"], ["C"]], QUICK))


def test_a_row_without_answers_is_wrong():
    scores = evaluate_forward(["CCO", "CO"], [[], ["CO"]], QUICK).scores
    assert scores["top1"].value == scores["validity"].value == 0.5
    assert scores["top1"].invalid == (0,)
    assert values(evaluate_forward(["CCO"], [[]], QUICK))["bleu"] == 0.0


def test_order_is_kept_over_processes():
    targets, answers = TARGETS * 100, ANSWERS * 100
    two = evaluate_forward(targets, answers, Settings(processes=2, samples=0))
    assert list(two.scores["top3"].row_values) == [1, 1, 1, 0] * 100


PRODUCTS = ["CCO", "CN"]
RIGHT = ["C=C.O", "CCl.N"]
PRECURSORS = [["CC.O", "C=C.O", "C("], ["C.N", "CCl.N"]]
FORWARD = ForwardPredictions(PRODUCTS, [["OCC", "C(C)O", "CCO"], ["CC", None]], "forward-small")


def test_round_trips():
    evaluation = evaluate_retrosynthesis(
        ["C=C.O", "CCl.N"],
        PRECURSORS,
        QUICK,
        forward=FORWARD,
        classes=[["a", "b", "c"], ["a", "a"]],
    )
    found = values(evaluation)
    assert found["top1"] == 0.0 and found["top2"] == 1.0
    # Two of five predictions lead back; the invalid one does not, though the model says so.
    assert found["round_trip"] == 0.4
    assert found["coverage"] == 0.5
    assert found["class_diversity"] == 1.0
    assert evaluation.scores["coverage"].versions["forward model"] == "forward-small"
    assert evaluation.left_out == {}
    assert list(evaluation.scores["round_trip"].row_values) == [2 / 3, 0]


def test_classes_count_once_and_only_where_the_loop_closes():
    evaluation = evaluate_retrosynthesis(
        ["C=C.O", "CCl.N"],
        PRECURSORS,
        QUICK,
        forward=FORWARD,
        classes=[["a", "a", "c"], ["b", "b"]],
    )
    assert list(evaluation.scores["class_diversity"].row_values) == [1, 0]


def test_what_was_not_given_is_left_out():
    evaluation = evaluate_retrosynthesis(["C.O"], [["O.C"]], QUICK)
    assert values(evaluation)["top1"] == 1.0
    assert set(evaluation.left_out) == {"round_trip", "coverage", "class_diversity"}
    only_forward = evaluate_retrosynthesis(PRODUCTS, PRECURSORS, QUICK, forward=FORWARD)
    assert set(only_forward.left_out) == {"class_diversity"}


def test_all_invalid():
    forward = ForwardPredictions(["CO"], [["CO", "CO"]], "m")
    scores = evaluate_retrosynthesis(["C.O"], [["C(", ""]], QUICK, forward=forward).scores
    assert {name: score.value for name, score in scores.items() if name != "bleu"} == {
        "top1": 0.0,
        "top2": 0.0,
        "validity": 0.0,
        "round_trip": 0.0,
        "coverage": 0.0,
    }
    assert scores["round_trip"].invalid == (0,)


@pytest.mark.parametrize(
    ("targets", "predictions", "message"),
    [
        ([], [], "targets is empty"),
        (["C"], [], "1 targets but 0 predictions"),
        (["C"], "C", "predictions is one str"),
        (["C"], [None], r"predictions\[0\] is None of type NoneType"),
        (["C"], [b"C"], r"predictions\[0\] is b'C' of type bytes"),
        (["C"], [["C", 1]], r"predictions\[0\]\[1\] is 1 of type int"),
    ],
)
def test_input_errors(targets, predictions, message):
    with pytest.raises(ValueError, match=message):
        evaluate_forward(targets, predictions)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (ForwardPredictions(["CCO"], FORWARD.answers, "m"), "1 products for 2 rows"),
        (ForwardPredictions(PRODUCTS, [["CO"], ["CO", "CO"]], "m"), "Row 0 has 3 predicted"),
        (ForwardPredictions(PRODUCTS, ["CCO", ["C", "C"]], "m"), "give a list with one for each"),
        (
            ForwardPredictions(["CO", ""], [["CO", "", 1], [None, "C"]], "m"),  # type: ignore[list-item]
            "Row 0 of forward answers holds 1",
        ),
    ],
)
def test_round_trip_errors(forward, message):
    with pytest.raises(ValueError, match=message):
        evaluate_retrosynthesis(PRODUCTS, PRECURSORS, QUICK, forward=forward)


@pytest.mark.slow
def test_100_000_rows():
    scores = evaluate_forward(TARGETS * 25_000, ANSWERS * 25_000).scores
    assert scores["top3"].value == 0.75 and scores["top3"].count == 100_000
