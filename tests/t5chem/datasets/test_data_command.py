"""`t5chem data`, by the command's own parser."""

from __future__ import annotations

import json
import subprocess
import sys
import types

import pytest

from t5chem.cli import main

TABLE = (
    "id,SMILES,caption\n"
    "1,C,Methane.\n"
    "2,CC,Ethane.\n"
    "3,C1CC,A broken ring.\n"
    "4,c1ccccc1\n"
    "5,OCC,The molecule is ethanol.\n"
    "6,CC(=O)O,\n"
    '7,F/C=C\\F,"The molecule is (E)-1,2-difluoroethene."\n'
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("T5CHEM_DATASETS", raising=False)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    (tmp_path / "mine.csv").write_text(TABLE)
    return tmp_path


@pytest.fixture
def run(here, capsys):
    def run_command(*arguments):
        code = main(["data", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run_command


@pytest.fixture
def mine(run):
    run("add", "mine", "--file", "mine.csv", "--smiles", "SMILES", "--text", "caption")


def test_add_says_what_is_wrong_and_what_to_do_next(run, here):
    code, out, _ = run(
        "add", "mine", "--file", "mine.csv", "--smiles", "SMILES", "--text", "caption"
    )
    assert code == 3
    assert "mine: 7 rows read\n" in out
    assert "invalid SMILES, such as mine.csv, row 4: C1CC\n" in out
    assert "wrong number of cells, such as mine.csv, row 5: 2, and 3 column names\n" in out
    assert "empty cell, such as mine.csv, row 7: column 'caption'\n" in out
    assert out.endswith(
        "  note: no row is of the split validation or test\n"
        "Written: mine in datasets.yaml\n"
        "  tasks    mine_text2mol, mine_mol2text; all of them: mine\n"
        "  look     t5chem data sample mine\n"
        "  train    python -m t5x.train --gin_file=gin/tiny.gin"
        " --gin.MIXTURE_OR_TASK_NAME=\"'mine'\""
        " --gin.train.train_eval_dataset_cfg=None --gin.train.infer_eval_dataset_cfg=None\n"
    )
    written = (here / "datasets.yaml").read_text()
    assert "mine:\n  file: mine.csv\n  smiles: SMILES\n  text: caption\n  sha256:\n" in written
    assert written.endswith("  rows:\n    train: 4\n")


def test_a_table_with_validation_is_trained_on_and_watched(run, here):
    (here / "valid.csv").write_text("SMILES,caption\nCCCCCC,hexane\n")
    files = ("--file", "mine.csv", "--validation", "valid.csv")
    _, out, _ = run("add", "mine", *files, "--smiles", "SMILES", "--text", "caption")
    assert "  note: no row is of the split test\n" in out
    assert out.endswith("--gin.MIXTURE_OR_TASK_NAME=\"'mine'\"\n")


def test_add_with_every_option(run, here):
    for name in ("train", "valid", "test"):
        (here / f"{name}.txt").write_text(f"a|b|k\nCBr|CO|'{name}\n")
    code, out, _ = run(
        *("add", "routes", "--file", "train.txt", "--validation", "valid.txt"),
        *("--test", "test.txt", "--format", "csv", "--separator", "|", "--no-quoting"),
        *("--reactants", "a", "--products", "b", "--reaction-class", "k", "--seed", "4"),
        *("--title", "Routes", "--licence", "CC0"),
    )
    # The product stands on all sides: of train and validation it is told, from train dropped.
    assert code == 3
    assert "on two sides of the split" in out
    written = (here / "datasets.yaml").read_text().partition("\n  sha256")[0]
    assert written.endswith(
        "routes:\n  file: train.txt\n  validation: valid.txt\n  test: test.txt\n"
        "  reactants: a\n  products: b\n  reaction_class: k\n  title: Routes\n  licence: CC0\n"
        "  format: csv\n  separator: '|'\n  quoting: false\n  seed: 4"
    )
    code, out, _ = run("sample", "routes", "-n", 2)
    assert "routes_forward, validation, valid.txt, row 2\n" in out


def test_add_twice_needs_replace(run, mine):
    again = ("add", "mine", "--file", "mine.csv", "--smiles", "SMILES", "--text", "caption")
    code, _, said = run(*again)
    assert (code, said) == (
        2,
        "t5chem data: datasets.yaml has a dataset 'mine' already: choose another name, or add "
        "--replace.\n",
    )
    assert run(*again, "--replace")[0] == 3


def test_nothing_is_written_of_a_table_that_cannot_be_read(run, here):
    code, _, said = run("add", "mine", "--file", "mine.csv", "--smiles", "smiles", "--text", "text")
    assert (code, said) == (
        2,
        f"t5chem data: {here}/mine.csv has no column 'smiles'. "
        "Its columns are id, SMILES, caption.\n",
    )
    code, _, said = run("add", "chebi20", "--file", "mine.csv", "--smiles", "S", "--text", "c")
    assert (code, said) == (
        2,
        "t5chem data: 'chebi20' is a name of this package: choose another one.\n",
    )
    assert not (here / "datasets.yaml").exists()


def test_actions_of_another_language(run, here):
    (here / "steps.tsv").write_text("p\ta\nIt was filtered.\t[ filter ] suction\n")
    steps = ("add", "steps", "--file", "steps.tsv", "--paragraph", "p", "--actions", "a")
    code, _, said = run(*steps)
    assert code == 2
    assert said.endswith(
        "steps.tsv has no row that can be used. Row 2: actions that do not parse: Expected a "
        "final '.' after the last action of '[ filter ] suction'. If its actions are in a language "
        "of their own, add --any-actions.\n"
    )
    assert run(*steps, "--any-actions")[0] == 0
    assert "steps_paragraph2actions" in run("show", "steps")[1]


def test_list_and_show(run, here, mine):
    code, out, _ = run("list")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["name", "kind", "train", "validation", "test", "tasks", "files"]
    chebi20 = next(line for line in lines if line.startswith("chebi20 "))
    assert chebi20.split()[1:5] == ["molecules", "–", "3,301", "3,300"]
    assert lines[-1].split()[:5] == ["mine", "molecules", "4", "–", "–"]
    assert lines[-1].endswith("text2mol, mol2text       mine.csv")
    code, out, _ = run("show", "mine")
    assert code == 0
    assert "- Rows: train 4\n" in out
    assert f"- Files, in `{here}/`:\n  - `mine.csv`, SHA-256 `" in out
    assert out.endswith("- Tasks: mine_text2mol, mine_mol2text; all of them: mine\n")
    code, out, _ = run("show", "uspto50k")
    assert "- Rows: train 40,029, validation 5,004, test 5,004\n" in out
    code, _, said = run("show", "mime")
    assert code == 2
    assert said.startswith("t5chem data: There is no dataset 'mime'. Did you mean 'mine'?")


def test_list_knows_what_has_been_made_here(run, here):
    made = here / "tfds" / "ord" / "1.0.0"
    made.mkdir(parents=True)
    (made / "validation.json").write_text('{"kept": {"train": 12345, "test": 6}}')
    line = next(line for line in run("list")[1].splitlines() if line.startswith("ord "))
    assert line.split()[1:5] == ["reactions", "12,345", "–", "6"]
    assert "- Rows: train 12,345, test 6\n" in run("show", "ord")[1]


def test_check_writes_its_report(run, here, mine):
    code, out, _ = run("check", "mine", "--output", "report.json")
    assert code == 3
    assert out.endswith("Written: report.json\n")
    report = json.loads((here / "report.json").read_text())
    assert (report["read"], report["kept"]) == (7, {"train": 4})
    assert report["dropped"] == {
        "invalid SMILES": 1,
        "wrong number of cells": 1,
        "empty cell": 1,
    }
    (here / "good.csv").write_text("S,T\nC,x\n")
    run("add", "good", "--file", "good.csv", "--smiles", "S", "--text", "T")
    assert run("check", "good")[0] == 0


def test_check_of_files_that_are_not_there(run, here, mine):
    code, _, said = run("check", "uspto50k", "--manual_dir", here)
    assert code == 2
    assert f"Looked in {here}/uspto50k and in {here}." in said
    (here / "mine.csv").unlink()
    code, _, said = run("check", "mine")
    assert (code, said) == (2, f"t5chem data: {here}/mine.csv: there is no such file.\n")


def test_stats_measures_questions_and_answers(run, here, mine):
    code, out, _ = run("stats", "mine", "--vocabulary", "byte", "--limit", 45)
    assert code == 0
    assert out.startswith("mine: 4 molecules\ntrain  4\nvocabulary byte (384 ids")
    # 'Caption the following SMILES: ' is 30 bytes; the answers are 8, 7, 24 and 39, and an end.
    assert (
        "\nmine_mol2text, inputs: median 33, 95 % 38, maximum 38 tokens; 0 of 4 (0.0 %) above 45\n"
        in out
    )
    assert "\nmine_mol2text, targets: median 9, 95 % 40, maximum 40 tokens; 0 of 4" in out
    assert out.endswith("\nnote: 3 of 7 rows dropped: see `t5chem data check`\n")
    code, out, _ = run("stats", "mine", "--rows", 2, "--limit", 2)
    assert "2 of 2 (100.0 %) above 2" in out
    assert out.endswith("\nnote: the first 2 rows of the files only\n")


def test_stats_needs_a_vocabulary_that_is_there(run, mine, monkeypatch):
    monkeypatch.setenv("T5CHEM_T5_VOCAB", "")
    code, _, said = run("stats", "mine", "--vocabulary", "t5")
    assert code == 2
    assert said.startswith("t5chem data: The vocabulary t5 needs T5's SentencePiece model")


def test_a_page_of_statistics(run, here, mine):
    run("stats", "mine", "--output", "page.html")
    page = (here / "page.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert page.count('<svg class="chart"') == 4
    assert "mine_text2mol" in page and "wrong number of cells" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_sample_shows_what_the_model_sees(run, here, mine):
    code, out, _ = run("sample", "mine", "-n", 2, "--seed", 0, "--output", "page.html")
    assert code == 0
    blocks = out.split("\n\n")
    assert blocks[0].splitlines()[0].startswith("mine_text2mol, train, mine.csv, row ")
    assert (
        blocks[0].splitlines()[1].startswith("  inputs   Write in SMILES the described molecule: ")
    )
    assert len([block for block in blocks if block.startswith("mine_")]) == 4
    assert run("sample", "mine", "-n", 2)[1].split("\n\n")[:4] == blocks[:4]
    page = (here / "page.html").read_text()
    assert page.count('<svg role="img"') == 4
    assert "Caption the following SMILES:" in page


def test_reagents_are_asked_and_answered(run, here):
    (here / "r.csv").write_text("a,b,c\nCCO,O,CC=O\nCBr,,CO\n")
    run("add", "r", "--file", "r.csv", "--reactants", "a", "--reagents", "b", "--products", "c")
    _, out, _ = run("sample", "r")
    assert "inputs   Predict the product of the following reaction: CCO.O\n  targets  CC=O" in out
    assert "targets  CBr\n" in out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("stats",), "Name a dataset, or a mixture with --mixture: one of them."),
        (("stats", "mine", "--mixture", "m"), "Name a dataset, or a mixture with --mixture: one"),
        (("stats", "mine", "--limit", 0), "--limit 0: at least 1."),
        (("stats", "mine", "--rows", 0), "--rows 0: at least 1."),
        (("sample", "mine", "-n", 0), "-n 0: at least 1."),
        (("check", "mine", "--output", "no/r.json"), "--output no/r.json: No such file or dir"),
        (("stats", "--mixture", "m"), "--steps None: give --mixture a number, at least 1."),
        (
            ("stats", "--mixture", "m", "--steps", 1, "--batch", 1, "--module", "no_such_module"),
            "--module no_such_module: No module named 'no_such_module'.",
        ),
        (
            ("stats", "--mixture", "m", "--steps", 1, "--batch", 1, "--module", "json"),
            "--module json has no function mixture_rates(mixture), which returns rows and rate",
        ),
    ],
)
def test_wrong_usage(run, mine, arguments, expected):
    code, _, said = run(*arguments)
    assert code == 2
    assert said.startswith(f"t5chem data: {expected}")


def test_stats_of_a_mixture_that_a_module_knows(run, monkeypatch):
    module = types.ModuleType("toy_tasks")
    module.mixture_rates = lambda name: {f"{name}_a": (300, 1.0), f"{name}_b": (100, 2.0)}
    monkeypatch.setitem(sys.modules, "toy_tasks", module)
    code, out, _ = run(
        *("stats", "--mixture", "toy", "--module", "toy_tasks", "--steps", 10, "--batch", 9),
        *("--examples-a-row", "2"),
    )
    assert code == 0
    assert out == (
        "toy: 10 steps x 9 rows, 180 examples\n"
        "task   rows  rate  share  seen  epochs\n"
        "toy_a   300     1  33.3%    60    0.20\n"
        "toy_b   100     2  66.7%   120    1.20\n"
        "Every set is gone through once after 900 examples: 50 steps.\n"
    )


def test_looking_at_data_imports_nothing_that_training_needs():
    code = (
        "import sys, t5chem.cli, t5chem.datasets.running, t5chem.datasets.statistics;"
        "print({'tensorflow', 'seqio', 'gin', 'jax', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
