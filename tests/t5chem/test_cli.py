"""The command `t5chem predict` from its arguments to files and exit codes."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from t5chem import cli
from t5chem.predictor import Predictor
from t5chem.prompts import PROMPTS
from t5chem.terminal import graphics_of, image_escape
from tests.t5chem.bad_tables import read_answers, write_table
from tests.t5chem.toy_predictor import toy_loaded_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def toy():
    return Predictor(toy_loaded_model(), batch_size=16)


@pytest.fixture
def t5chem(toy, monkeypatch, capsys):
    """Runs the command with the toy model; returns exit code, output and messages."""

    def load(path, batch_size=8, prompts=None):
        if prompts is None:
            return toy
        return Predictor(dataclasses.replace(toy.model, prompts=prompts), batch_size)

    monkeypatch.setattr(Predictor, "load", load)
    monkeypatch.setattr("t5chem.predict_command.use_compilation_cache", lambda: None)

    def run(*arguments):
        code = cli.main(["predict", *arguments, "--model", "toy", "--beams", "1"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_one_input_is_json_when_piped_and_a_table_when_asked(t5chem):
    code, out, err = t5chem("text2mol", "water")
    answer = json.loads(out)
    assert (code, err, answer["row"], answer["input"]) == (0, "", 1, "water")
    assert set(answer["predictions"][0]) == {
        "rank",
        "text",
        "log_likelihood",
        "valid",
        "canonical",
    }
    code, out, _ = t5chem("text2mol", "water", "--format", "table")
    assert (code, out.split()[:4]) == (0, ["rank", "log-lik.", "valid", "answer"])


def test_without_prompt_another_question_is_asked(t5chem):
    with_prompt, alone = (
        json.loads(t5chem("text2mol", "water", *more)[1]) for more in ([], ["--prompt", "none"])
    )
    by_hand = PROMPTS["text2mol"] + "water"
    same = json.loads(t5chem("text2mol", by_hand, "--prompt", "none")[1])
    assert same["predictions"] == with_prompt["predictions"] != alone["predictions"]
    assert same["run"] == alone["run"] != with_prompt["run"]


def test_a_bad_input_is_said_and_told_by_the_exit_code(t5chem):
    code, out, err = t5chem("mol2text", "C1CC")
    assert code == 3
    assert json.loads(out)["error"] == "not a valid SMILES: C1CC"
    assert err == "t5chem predict: not a valid SMILES: C1CC\n"


def test_a_table_of_1000_rows_with_20_bad_ones_killed_and_started_again(t5chem, tmp_path):
    source, out = tmp_path / "in.csv", tmp_path / "out.jsonl"
    write_table(source, good=980, bad=20)
    arguments = ("mol2text", "--input", str(source), "--output", str(out))
    code, printed, err = t5chem(*arguments)
    answers = read_answers(out)
    assert (code, printed) == (3, "")
    assert [answer["row"] for answer in answers] == list(range(1, 1001))
    assert sum("predictions" in answer for answer in answers) == 980
    failures = {answer["row"]: answer["error"] for answer in answers if "error" in answer}
    assert len(failures) == 20
    assert all(f"t5chem predict: row {row}: {why}\n" in err for row, why in failures.items())
    assert len({why.split(":")[0] for why in failures.values()}) == 6
    assert err.endswith("t5chem predict: 20 rows could not be answered.\n")

    lines = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:500]) + lines[500][:20])
    assert t5chem(*arguments)[0] == 3
    assert read_answers(out) == answers
    assert t5chem(*arguments)[0] == 3
    assert read_answers(out) == answers
    code, _, err = t5chem(*arguments, "--top", "1")
    assert code == 2
    assert "another task, other options or another model" in err


def test_lines_of_standard_input(t5chem, monkeypatch):
    reading, writing = os.pipe()
    os.write(writing, b"water\n\nan acid\n")
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        code, out, err = t5chem("text2mol")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["input"] for answer in answers] == ["water", "", "an acid"]
    assert (code, answers[1]["error"]) == (3, "empty input")
    assert err.startswith("t5chem predict: row 2: empty input\n")


@pytest.mark.parametrize("name", ["molecule.svg", "molecule.png"])
def test_draws_the_molecule(t5chem, tmp_path, name):
    path = tmp_path / name
    assert t5chem("mol2text", "CCO", "--draw", str(path))[0] == 0
    assert path.read_bytes()[:4] in (b"<svg", b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["text2mol", "water", "--input", "x.csv"], "Both INPUT and --input"),
        (["text2mol", "water", "--draw", "x.jpg"], "name a file that ends in .svg or .png"),
        (["text2mol", "--input", "nowhere.csv"], "nowhere.csv: No such file or directory."),
        (["text2mol", "water", "--samples", "2"], "search for answers or draw them"),
        (["mol2text", "CCO", "--valid-smiles"], "the answers of mol2text are not SMILES"),
        (["text2mol", "water", "--max-length", "99"], "at most the model's 12"),
    ],
)
def test_wrong_usage(t5chem, arguments, message):
    code, out, err = t5chem(*arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_an_unknown_task_is_wrong_usage(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["predict", "text2moll", "water", "--model", "x"])
    assert "text2mol" in capsys.readouterr().err


def test_help_imports_nothing_that_takes_time():
    code = "import sys; from t5chem.cli import build_parser; build_parser().format_help();"
    code += "print({'jax', 'rdkit', 'tensorflow'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stdout == "set()\n"


def test_terminals_that_show_images():
    assert graphics_of({"KITTY_WINDOW_ID": "1"}) == "kitty"
    assert graphics_of({"TERM_PROGRAM": "iTerm.app"}) == "iterm"
    assert graphics_of({"TERM_PROGRAM": "iTerm.app", "TMUX": "x"}) is None
    assert graphics_of({"TERM": "xterm-256color"}) is None
    assert image_escape(b"png", "iterm") == "\x1b]1337;File=inline=1;size=3:cG5n\a"
    assert image_escape(b"png", "kitty") == "\x1b_Ga=T,f=100,m=0;cG5n\x1b\\"
    assert image_escape(b"x" * 4000, "kitty").count("\x1b_G") == 2
