"""One scoring function a task: names, order, values, and published figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from t5chem.metrics import (
    PRIMARY_METRIC,
    SCORERS,
    parse_rate,
    score_forward,
    score_mol2text,
    score_paragraph2actions,
    score_retrosynthesis,
    score_text2mol,
)
from t5chem.metrics.bleu import character_bleu
from t5chem.metrics.molecules import inchi_exact, validity
from t5chem.prompts import PROMPTS


def test_every_task_has_a_scorer_and_a_primary_metric():
    assert set(SCORERS) == set(PRIMARY_METRIC) == set(PROMPTS)
    assert dict(PRIMARY_METRIC) == {
        "text2mol": "bleu",
        "mol2text": "bleu2",
        "forward": "exact",
        "retrosynthesis": "exact",
        "paragraph2actions": "bleu2",
    }


@pytest.mark.parametrize("task", list(PROMPTS))
def test_primary_metric_comes_first(task):
    scores = SCORERS[task](["CCO.CC"], ["CCO.CC"])
    assert next(iter(scores)) == PRIMARY_METRIC[task]
    assert all(isinstance(value, float) and 0 <= value <= 1 for value in scores.values())


@pytest.mark.parametrize("task", list(PROMPTS))
def test_unequal_lengths_are_refused(task):
    with pytest.raises(ValueError, match="2 targets but 1 predictions"):
        SCORERS[task](["CC", "CC"], ["CC"])


def test_text2mol():
    scores = score_text2mol(["CCCO", "CCCC"], ["OCCC", "C(C"])
    assert scores["exact"] == 0.5
    assert scores["validity"] == 0.5
    assert score_text2mol(["CCCO"], ["CCCO"]) == {"bleu": 1.0, "exact": 1.0, "validity": 1.0}


def test_mol2text():
    text = "The molecule is an alcohol."
    assert score_mol2text([text], [text]) == {"bleu2": 1.0, "bleu4": 1.0, "exact": 1.0}
    assert score_mol2text([text], ["Water"]) == {"bleu2": 0.0, "bleu4": 0.0, "exact": 0.0}


def test_reactions():
    for score in (score_forward, score_retrosynthesis):
        scores = score(["CCO.[Na+]~[OH-]", "CCO"], ["[OH-]~[Na+].OCC", "CC("])
        assert scores["exact"] == 0.5
        assert scores["validity"] == 0.5


def test_paragraph2actions():
    text = "ADD water (5 mL); STIR for 2 hours at 25 °C; FILTER."
    assert score_paragraph2actions([text], [text]) == {"bleu2": 1.0, "exact": 1.0, "parses": 1.0}
    assert parse_rate([text, "add water", "", "FILTER"]) == 0.25


@pytest.fixture(scope="module")
def published(shared: Path) -> tuple[list[str], list[str]]:
    """Targets and predictions of MolT5-small on ChEBI-20's test molecules."""
    path = shared / "data/molt5_predictions/molt5-small-caption2smiles.txt"
    if not path.is_file():
        pytest.skip(f"{path.name} is not here")
    lines = path.read_text(encoding="utf-8").split("\n")[1:]
    rows = [line.split("\t") for line in lines if line]
    return [row[1] for row in rows], [row[2] for row in rows]


def test_published_predictions_of_molt5_small(published):
    targets, predictions = published
    assert len(targets) == 3300
    assert character_bleu(targets, predictions) == pytest.approx(0.7490, abs=5e-5)
    assert validity(predictions) == pytest.approx(0.7245, abs=5e-5)


@pytest.mark.slow
def test_published_exact_match_of_molt5_small(published):
    assert inchi_exact(*published) == pytest.approx(0.0815, abs=5e-5)


def test_scoring_starts_without_the_training_stack():
    code = (
        "import sys, t5chem.metrics as m; m.score_text2mol(['C'], ['C']);"
        "sys.exit(bool({'tensorflow', 'seqio', 'gin', 'jax'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
