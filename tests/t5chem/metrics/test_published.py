"""The published predictions of MolT5-small, scored to the fourth digit of the reference values."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from t5chem.metrics import Settings, evaluate_mol2text, evaluate_text2mol
from t5chem.metrics.bleu import character_bleu
from t5chem.metrics.meteor import Meteor, WordNetMissing
from t5chem.metrics.molecules import validity
from t5chem.metrics.scores import version_of


def predictions(shared: Path, name: str) -> tuple[list[str], list[str]]:
    """Targets and predictions of ChEBI-20's 3,300 test rows."""
    path = shared / "data/molt5_predictions" / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not here")
    lines = path.read_text(encoding="utf-8").split("\n")[1:]
    rows = [line.split("\t") for line in lines if line]
    assert len(rows) == 3300
    return [row[1] for row in rows], [row[2] for row in rows]


@pytest.fixture(scope="module")
def molecules(shared: Path) -> tuple[list[str], list[str]]:
    return predictions(shared, "molt5-small-caption2smiles.txt")


@pytest.fixture(scope="module")
def captions(shared: Path) -> tuple[list[str], list[str]]:
    return predictions(shared, "molt5-small-smiles2caption.txt")


def test_molecules_as_training_scores_them(molecules):
    targets, found = molecules
    assert character_bleu(targets, found) == pytest.approx(0.7490, abs=5e-5)
    assert validity(found) == pytest.approx(0.7245, abs=5e-5)


@pytest.mark.slow
def test_molecules(molecules):
    evaluation = evaluate_text2mol(*molecules, Settings(fcd=False))
    values = {name: round(score.value, 4) for name, score in evaluation.scores.items()}
    assert values["levenshtein"] == pytest.approx(28.816, abs=5e-4)
    del values["levenshtein"]
    assert values == {
        "bleu": 0.7490,
        "exact": 0.0815,
        "validity": 0.7245,
        "maccs": 0.7801,
        # RDKit's path fingerprint changes with its version.
        "rdk": {"2026.9.1": 0.6526, "2025.3.1": 0.6538}.get(version_of("rdkit"), values["rdk"]),
        "morgan": 0.6012,
        "exact_canonical": 0.0806,
        "exact_string": 0.0776,
    }
    assert evaluation.scores["morgan"].count == 3300 - len(evaluation.scores["morgan"].invalid)
    low, high = evaluation.scores["exact"].interval
    # The binomial's: 1.96 * sqrt(.0815 * .9185 / 3300) = .0093.
    assert (low, high) == pytest.approx((0.0815 - 0.0093, 0.0815 + 0.0093), abs=0.001)


@pytest.mark.slow
def test_chemnet_distance(molecules):
    pytest.importorskip("fcd_torch", exc_type=ImportError)
    # No published value: what fcd_torch 1.0.7 itself computes of the two sets.
    scores = evaluate_text2mol(*molecules, Settings(samples=0)).scores
    assert scores["fcd"].value == pytest.approx(1.3520, abs=5e-4)


def test_captions(captions, shared):
    settings = Settings(samples=100, scibert=str(shared / "data/scibert/vocab.txt"))
    evaluation = evaluate_mol2text(*captions, settings)
    values = {name: round(score.value, 4) for name, score in evaluation.scores.items()}
    values.pop("meteor", None)
    assert values == {
        "bleu2": 0.5315,
        "bleu4": 0.4449,
        "rouge1": 0.6210,
        "rouge2": 0.4699,
        "rougeL": 0.5639,
        "exact": 0.0173,
    }


def test_meteor(captions, shared):
    pytest.importorskip("nltk", exc_type=ImportError)
    try:
        Meteor(os.environ.get("T5CHEM_WORDNET"))
    except WordNetMissing as error:
        pytest.skip(str(error))
    settings = Settings(samples=0, scibert=str(shared / "data/scibert/vocab.txt"))
    score = evaluate_mol2text(*captions, settings).scores["meteor"]
    assert score.versions["WordNet"] == "3.0"
    assert score.value == pytest.approx(0.557, abs=5e-4)
