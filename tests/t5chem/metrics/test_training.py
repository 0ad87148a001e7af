"""One scoring function a task, while a model trains: names, order and values."""

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
        # A ring that closes in another compound: RDKit reads the whole, and no compound is one.
        assert score(["C1CCO1"], ["C1CCO.CO1"])["validity"] == 0.0


def test_paragraph2actions():
    text = "ADD water (5 mL); STIR for 2 hours at 25 °C; FILTER."
    assert score_paragraph2actions([text], [text]) == {"bleu2": 1.0, "exact": 1.0, "parses": 1.0}
    assert parse_rate([text, "add water", "", "FILTER"]) == 0.25


def test_scoring_starts_without_the_training_stack_and_the_optional_parts():
    code = (
        "import sys, t5chem.metrics as m; m.score_text2mol(['C'], ['C']);"
        "heavy = {'tensorflow', 'seqio', 'gin', 'jax', 'torch', 'nltk', 'scipy', 'pandas'};"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
