"""The full evaluation of text2mol on toy rows."""

from __future__ import annotations

import json
import math
import sys

import pytest

from t5chem.metrics import Settings, evaluate_text2mol
from t5chem.metrics.scores import version_of

TARGETS = ["CCO", "c1ccccc1", "CCN", "C/C=C/C"]
PREDICTIONS = ["OCC", "C1=CC=CC=C1", "CC(", "C/C=C\\C"]
QUICK = Settings(fcd=False, samples=50)


def test_toy_rows():
    evaluation = evaluate_text2mol(TARGETS, PREDICTIONS, QUICK)
    values = {name: score.value for name, score in evaluation.scores.items()}
    assert list(values) == [
        *("bleu", "exact", "levenshtein", "validity", "maccs", "rdk", "morgan"),
        *("exact_canonical", "exact_string"),
    ]
    assert values["exact"] == values["exact_canonical"] == 0.5
    assert values["exact_string"] == 0.0
    assert values["validity"] == 0.75
    assert values["levenshtein"] == (2 + 9 + 1 + 1) / 4
    # Fingerprints see neither spelling nor the double bond's geometry.
    assert values["maccs"] == values["rdk"] == values["morgan"] == 1.0
    assert evaluation.rows == 4


def test_scores_know_their_rows():
    scores = evaluate_text2mol(TARGETS, PREDICTIONS, QUICK).scores
    assert {name: score.count for name, score in scores.items() if score.count != 4} == {
        "maccs": 3,
        "rdk": 3,
        "morgan": 3,
    }
    for name in ("exact", "validity", "maccs", "rdk", "morgan", "exact_canonical"):
        assert scores[name].invalid == (2,)
        assert set(scores[name].versions) >= {"text-chem-t5", "rdkit"}
    for name in ("bleu", "levenshtein", "exact_string"):
        assert scores[name].invalid == ()
    assert scores["levenshtein"].lower_is_better
    assert list(scores["levenshtein"].row_values) == [2, 9, 1, 1]
    assert all(low <= high for low, high in (score.interval for score in scores.values()))


def test_an_invalid_target_leaves_the_row_out_of_similarities_only():
    scores = evaluate_text2mol(["CC(", "CC"], ["CC", "CC"], QUICK).scores
    assert scores["validity"].value == 1.0 and scores["validity"].invalid == ()
    assert scores["maccs"].count == 1 and scores["maccs"].invalid == (0,)
    assert scores["exact"].value == 0.5


def test_all_invalid():
    scores = evaluate_text2mol(["CCO", "CC"], ["", "("], QUICK).scores
    assert scores["exact"].value == scores["validity"].value == 0.0
    assert math.isnan(scores["morgan"].value) and scores["morgan"].interval is None
    assert scores["morgan"].count == 0 and scores["morgan"].invalid == (0, 1)


def test_one_row_and_json():
    evaluation = evaluate_text2mol(["CCCO"], ["CCCO"], QUICK)
    printed = json.loads(json.dumps(evaluation.as_dict(), allow_nan=False))
    assert printed["rows"] == 1
    assert printed["scores"]["bleu"]["value"] == 1.0
    assert printed["scores"]["bleu"]["interval"] == [1.0, 1.0]
    assert printed["left_out"]["fcd"] == "was not asked for."


@pytest.mark.parametrize(
    ("targets", "predictions", "message"),
    [
        ([], [], "targets is empty"),
        (["C"], ["C", "C"], "1 targets but 2 predictions"),
        (["C"], [None], r"predictions\[0\] is None of type NoneType"),
        (["C", 3.5], ["C", "C"], r"targets\[1\] is 3.5 of type float"),
        ("CC", ["C", "C"], "targets is one str"),
    ],
)
def test_input_errors(targets, predictions, message):
    with pytest.raises(ValueError, match=message):
        evaluate_text2mol(targets, predictions)


def test_fcd_is_left_out_with_the_command_that_adds_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "fcd_torch", None)
    evaluation = evaluate_text2mol(["CC", "CO"], ["CC", "CO"])
    assert "fcd" not in evaluation.scores
    assert evaluation.left_out["fcd"].startswith("needs fcd_torch")  # and torch, where that is not
    assert evaluation.left_out["fcd"].endswith(": pip install 'text-chem-t5[metrics]'")


def test_fcd_of_the_valid_rows():
    pytest.importorskip("fcd_torch", exc_type=ImportError)
    scores = evaluate_text2mol(["CC", "CO", "CN"], ["CC", "CO", "C("]).scores
    assert (scores["fcd"].count, scores["fcd"].invalid) == (2, (2,))
    assert scores["fcd"].value > 0 and scores["fcd"].lower_is_better
    assert scores["fcd"].interval is None
    assert scores["fcd"].versions["fcd_torch"] == version_of("fcd_torch")


def lengths(descriptions, molecules):
    """Stands for Text2Mol: 1 where description and molecule are equally long."""
    return [float(len(d) == len(m)) for d, m in zip(descriptions, molecules, strict=True)]


def test_text2mol_sees_the_valid_rows():
    rows = (["CC", "CC", "CC"], ["CC", "C(", "CCC"])
    evaluation = evaluate_text2mol(*rows, QUICK, descriptions=["ab", "cd", "ef"], text2mol=lengths)
    score = evaluation.scores["text2mol"]
    assert (score.value, score.count, score.invalid) == (0.5, 2, (1,))
    assert score.versions["Text2Mol"] == "lengths"
    assert "weights" in evaluate_text2mol(*rows, QUICK).left_out["text2mol"]


def test_text2mol_needs_a_description_and_gives_a_figure_for_each_row():
    with pytest.raises(ValueError, match="0 descriptions for 1 predictions"):
        evaluate_text2mol(["CC"], ["CC"], QUICK, text2mol=lengths)
    with pytest.raises(ValueError, match="text2mol returned 0 figures for 1 molecules"):
        evaluate_text2mol(["CC"], ["CC"], QUICK, descriptions=["a"], text2mol=lambda *_: [])


@pytest.mark.slow
def test_100_000_rows():
    targets, predictions = TARGETS * 25_000, PREDICTIONS * 25_000
    scores = evaluate_text2mol(targets, predictions, Settings(fcd=False)).scores
    assert scores["exact"].value == 0.5 and scores["exact"].count == 100_000
    assert scores["validity"].invalid == tuple(range(2, 100_000, 4))
    low, high = scores["validity"].interval
    assert 0.747 < low < 0.75 < high < 0.753
