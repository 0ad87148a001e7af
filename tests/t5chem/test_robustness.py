"""How far figures fall, with models made of a line of Python."""

import json
import math

import pytest

from t5chem.metrics import Settings
from t5chem.robustness import measure, table
from t5chem.smiles import canonical
from t5x.errors import ConfigError

INPUTS = ["OCC", "c1ccccc1O", "CO", "no molecule"]
TARGETS = ["CCO", "Oc1ccccc1", "CO", "CN"]
SETTINGS = Settings(samples=200)


def reads_strings(texts):
    """Right for the spellings it has learned, and for no other."""
    learned = dict(zip(INPUTS, TARGETS, strict=True))
    return [learned.get(text, "C") for text in texts]


def reads_molecules(texts):
    return [canonical(text) or "CN" for text in texts]


def test_a_model_of_strings_falls():
    found = measure(reads_strings, "forward", INPUTS, TARGETS, SETTINGS)
    assert found.as_given.scores["top1"].value == 1.0
    fall = found.falls["explicit_hydrogens"]
    assert (fall.respelled, fall.same_answer) == (3, 0.0)
    assert fall.evaluation.scores["top1"].value == 0.25
    assert fall.comparisons["top1"].difference == -0.75
    # methanol has no ring: only phenol is respelled
    rings = found.falls["renumbered_rings"]
    assert (rings.respelled, rings.evaluation.scores["top1"].value) == (1, 0.75)
    assert found.unreadable == (3,)


def test_a_model_of_molecules_does_not():
    found = measure(reads_molecules, "forward", INPUTS, TARGETS, SETTINGS)
    for fall in found.falls.values():
        assert fall.comparisons["top1"].difference == 0.0
        assert fall.same_answer == 1.0 or fall.respelled == 0


def test_only_respelled_inputs_are_asked_again():
    asked = []

    def model(texts):
        asked.append(list(texts))
        return reads_strings(texts)

    measure(model, "forward", INPUTS, TARGETS, SETTINGS, perturbations=["kekule"])
    assert asked == [INPUTS, ["CCO", "OC1=CC=CC=C1"]]


def test_captions_are_scored_as_text():
    settings = Settings(samples=0)
    inputs, targets = ["OCC"], ["The molecule is ethanol."]
    found = measure(
        lambda texts: ["The molecule is ethanol." if t == "OCC" else "Water." for t in texts],
        "mol2text", inputs, targets, settings, perturbations=["canonical"],
    )  # fmt: skip
    assert found.as_given.scores["exact"].value == 1.0
    assert found.falls["canonical"].evaluation.scores["exact"].value == 0.0


def test_the_table_and_the_json():
    found = measure(reads_strings, "forward", INPUTS, TARGETS, SETTINGS, perturbations=["kekule"])
    lines = table(found).splitlines()
    assert lines[0].split() == ["metric", "as", "given", "kekule"]
    assert next(line for line in lines if line.startswith("top1")).split() == [
        "top1", "1.0000", "0.5000", "(-0.5000)",
    ]  # fmt: skip
    assert lines[-2].split() == ["rows", "respelled", "2"]
    assert lines[-1].split() == ["same", "answer", "0.000"]
    written = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert written["falls"]["kekule"]["differences"]["top1"]["difference"] == -0.5
    assert written["unreadable"] == [3]


def test_no_row_that_changes():
    found = measure(
        reads_strings, "forward", ["CO"], ["CO"], SETTINGS, perturbations=["renumbered_rings"]
    )
    fall = found.falls["renumbered_rings"]
    assert fall.respelled == 0 and math.isnan(fall.same_answer)
    assert found.as_dict()["falls"]["renumbered_rings"]["same_answer"] is None


def test_wrong_task_and_wrong_perturbation():
    with pytest.raises(ConfigError, match="input of text2mol is English"):
        measure(reads_strings, "text2mol", INPUTS, TARGETS)
    with pytest.raises(ConfigError, match="There is no perturbation 'shuffled'"):
        measure(reads_strings, "forward", INPUTS, TARGETS, perturbations=["shuffled"])
