"""Which texts of a report are drawn, and which answers count as the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from t5chem.prompts import add_prompt
from t5chem.report import draw_smiles, same_compounds, strip_prompt, write_report


@pytest.mark.parametrize("text", ["CCO", "Caption the following SMILES: CCO", "CO.[Na+]~[OH-]"])
def test_smiles_with_and_without_prompt_are_drawn(text):
    assert draw_smiles(text).startswith("<svg")


@pytest.mark.parametrize(
    "text", ["CON is a word", "FILTER.", "C.", "", "Write in SMILES the described molecule: water"]
)
def test_other_texts_are_not_drawn(text):
    assert draw_smiles(text) is None


def test_strip_prompt_takes_one_prompt_only():
    prompt = "Caption the following SMILES: "
    assert strip_prompt(prompt + prompt + "C") == prompt + "C"
    assert strip_prompt("C") == "C"


def test_same_compounds():
    assert same_compounds("CO.[Na+]~[OH-]", "[OH-]~[Na+].OC")
    assert not same_compounds("CO", "CCO")
    assert not same_compounds("C1CC", "C1CC")
    assert not same_compounds("C O", "C O")


def test_molecules_stand_beside_what_was_asked(tmp_path):
    sample = {
        "inputs": add_prompt("forward", "CO.[Na+]~[OH-]"),
        "target": "CCO",
        "prediction": "OCC",
    }
    results = {"tasks": [{"task": "forward", "samples": [sample]}]}
    (tmp_path / "results.json").write_text(json.dumps(results))
    html = Path(write_report(str(tmp_path))).read_text(encoding="utf-8")
    assert html.count("<figure><svg") == 3
    assert html.count("✓ correct, written differently") == 1


def test_every_task_has_a_page_with_all_its_figures(tmp_path):
    rows = [("CCO", "OCC"), ("CO", "C(")]
    lines = [
        {
            "input": {"inputs_pretokenized": add_prompt("text2mol", "An alcohol.")},
            "target": target,
            "prediction": prediction,
        }
        for target, prediction in rows
    ]
    predictions = tmp_path / "inference_eval" / "starter_text2mol-000020.jsonl"
    predictions.parent.mkdir()
    predictions.write_text("".join(json.dumps(line) + "\n" for line in lines))
    tasks = [{"task": "starter_text2mol", "count": 2, "scores": {"exact": 0.5}, "baselines": {}}]
    (tmp_path / "results.json").write_text(json.dumps({"step": 20, "tasks": tasks}))
    html = Path(write_report(str(tmp_path))).read_text(encoding="utf-8")
    assert '<a href="evaluation/starter_text2mol/report.html">starter_text2mol</a>' in html
    folder = tmp_path / "evaluation" / "starter_text2mol"
    figures = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert figures["scores"]["validity"]["value"] == 0.5
    assert (figures["task"], figures["step"], figures["rows"]) == ("text2mol", 20, 2)
    assert "An alcohol." in (folder / "report.html").read_text(encoding="utf-8")


def test_a_task_that_cannot_be_evaluated_costs_its_page_alone(tmp_path, capsys):
    predictions = tmp_path / "inference_eval" / "starter_text2mol-000020.jsonl"
    predictions.parent.mkdir()
    predictions.write_text("no JSON\n")
    tasks = [{"task": "starter_text2mol", "count": 2, "scores": {"exact": 0.5}}]
    (tmp_path / "results.json").write_text(json.dumps({"step": 20, "tasks": tasks}))
    html = Path(write_report(str(tmp_path))).read_text(encoding="utf-8")
    assert "starter_text2mol" in html and "evaluation/starter_text2mol" not in html
    assert "No evaluation of starter_text2mol: " in capsys.readouterr().err
