"""`t5chem evaluate --perturb` from its arguments to figures and exit codes."""

import json

import pytest

from t5chem import cli
from t5chem.perturbations import PERTURBATIONS
from t5chem.predictor import Predictor
from tests.t5chem.toy_predictor import toy_loaded_model


@pytest.fixture(scope="module")
def toy():
    return Predictor(toy_loaded_model(), batch_size=4)


@pytest.fixture
def perturb(toy, monkeypatch, capsys):
    monkeypatch.setattr(Predictor, "load", lambda path, batch_size=8: toy)
    monkeypatch.setattr("t5chem.robustness_command.use_compilation_cache", lambda: None)

    def run(*arguments):
        options = ["--perturb", "--samples", "50", "--processes", "1", "--beams", "1"]
        code = cli.main(["evaluate", *map(str, arguments), *options])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "test.csv"
    path.write_text(
        "smiles,description\nOCC,Ethanol.\nc1ccccc1,Benzene.\nCO,Methanol.\n", encoding="utf-8"
    )
    return path


def test_every_spelling_is_asked_and_scored(perturb, table):
    code, out, _ = perturb(table, "--task", "mol2text", "--model", "toy")
    assert code == 0
    assert out.splitlines()[0].split() == ["metric", "as", "given", *PERTURBATIONS]
    figures = json.loads((table.parent / "test.robustness" / "robustness.json").read_text())
    assert figures["rows"] == 3 and figures["task"] == "mol2text"
    # Benzene is canonical as it stands, and has the only ring; no hydrogens are written.
    respelled = {name: fall["respelled"] for name, fall in figures["falls"].items()}
    assert respelled["renumbered_rings"] == 1
    assert respelled["explicit_hydrogens"] == 3
    assert respelled["canonical"] == 1


def test_rows_that_cannot_be_asked_are_named(perturb, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("smiles,description\nOCC,Ethanol.\nC(,Nothing.\nCO,\n", encoding="utf-8")
    code, _, err = perturb(path, "--task", "mol2text", "--model", "toy")
    assert code == 3
    assert "row 2: the input is no SMILES" in err
    assert "row 3: no input or no target" in err


def test_so_many_rows(perturb, table):
    code, _, _ = perturb(
        table, "--task", "mol2text", "--model", "toy", "--rows", 2, "--output", table.parent / "out"
    )
    assert code == 0
    assert json.loads((table.parent / "out" / "robustness.json").read_text())["rows"] == 2


def test_spelling_does_not_change_reactions(perturb, tmp_path):
    path = tmp_path / "forward.jsonl"
    rows = [{"input": "OCC.CC(=O)Cl", "target": "CCOC(C)=O"}, {"input": "CO", "target": "C=O"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    code, out, _ = perturb(path, "--task", "forward", "--model", "toy")
    assert code == 0 and "asked in canonical form" in out
    figures = json.loads((tmp_path / "forward.robustness" / "robustness.json").read_text())
    assert figures["falls"]["explicit_hydrogens"]["same_answer"] == 1.0


def test_a_task_whose_input_is_english_is_refused(perturb, table):
    code, _, err = perturb(table, "--task", "text2mol", "--model", "toy")
    assert code == 2 and "the input of text2mol is English" in err


def test_a_file_without_inputs_is_refused(perturb, tmp_path):
    path = tmp_path / "targets.csv"
    path.write_text("description\nEthanol.\n", encoding="utf-8")
    code, _, err = perturb(path, "--task", "mol2text", "--model", "toy")
    assert code == 2 and "no row with an input and a target" in err
