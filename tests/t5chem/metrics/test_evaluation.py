"""One interface for all tasks, and two systems side by side."""

from __future__ import annotations

import pytest

from t5chem.metrics import EVALUATORS, SCORERS, Settings, compare_evaluations, evaluate_text2mol

TARGETS = ["CCO", "CCN", "CCC", "CCCl"] * 10
QUICK = Settings(samples=200, fcd=False)


def test_every_task_has_an_evaluator():
    assert set(EVALUATORS) == set(SCORERS)


@pytest.mark.parametrize("task", list(SCORERS))
def test_evaluators_agree_with_what_training_shows(task):
    targets = ["CCO.CC", "FILTER.", "CN"]
    predictions = ["CCO.CC", "FILTER.", "CNO"]
    quick = SCORERS[task](targets, predictions)
    scores = EVALUATORS[task](targets, predictions, Settings(samples=0, fcd=False)).scores
    full = {name: score.value for name, score in scores.items()}
    renamed = {
        "exact": {"forward": "top1", "retrosynthesis": "top1", "paragraph2actions": "accuracy100"}
    }
    if task == "mol2text":
        renamed |= {name: {task: f"{name}_words"} for name in ("bleu2", "bleu4")}
    for name, value in quick.items():
        assert full[renamed.get(name, {}).get(task, name)] == pytest.approx(value), name


def test_two_systems():
    worse = evaluate_text2mol(TARGETS, ["CCO", "CCN", "C(", "CC"] * 10, QUICK)
    better = evaluate_text2mol(TARGETS, ["OCC", "CCN", "CCC", "CC"] * 10, QUICK)
    comparisons = compare_evaluations(worse, better, samples=200)
    assert list(comparisons) == list(worse.scores)
    assert comparisons["exact"].difference == 0.25
    assert comparisons["exact"].better == comparisons["validity"].better == "second"
    assert comparisons["exact_string"].difference == 0.0
    assert comparisons["exact_string"].better is None


def test_other_rows_are_refused():
    one = evaluate_text2mol(TARGETS, TARGETS, QUICK)
    other = evaluate_text2mol(TARGETS[:3], TARGETS[:3], QUICK)
    with pytest.raises(ValueError, match="answered 40 and 3 rows"):
        compare_evaluations(one, other)


@pytest.mark.parametrize("wrong", [{"processes": 0}, {"samples": -1}])
def test_settings_errors(wrong):
    with pytest.raises(ValueError, match="at least 1 process"):
        Settings(**wrong)
