"""Suites of systems: each run once, whatever happens; figures over seeds with their intervals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from t5chem.compare import __main__ as command
from t5chem.compare.cells import Cell, plan
from t5chem.compare.suite import Suite, System, load_suite
from t5chem.compare.summary import seed_interval
from t5x.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
FAKE = str(Path(__file__).with_name("fake_train.py"))

SUITE = """
from __gin__ import dynamic_registration

from t5chem.compare import suite

suite.Suite:
  title = 'Toys'
  systems = [@alone/suite.System(), @late/suite.System(), @early/suite.System()]
  sizes = ['small']
  seeds = [0, 2]
  gin_files = ['{size}.gin']
  budget = 'Two steps each.'

alone/suite.System:
  name = 'alone'
  title = 'Alone'
  runs = {'all': {'SHARE': 6}}
  tasks = ['text2mol']
  encoder_shared = True
  encoder_trained = True
  published = {'text2mol': 0.75}

late/suite.System:
  name = 'late'
  starts_from = {'INITIAL_CHECKPOINT_PATH': 'early'}
  tasks = ['text2mol']
  encoder_shared = False
  encoder_trained = False
  aggregation = 'average'

early/suite.System:
  name = 'early'
  tasks = []
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a suite, and a command that trains nothing."""
    (tmp_path / "suite.gin").write_text(SUITE)
    (tmp_path / "small.gin").write_text("WIDTH = 8\nSOME = {\n  'a': 1,\n}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Cell, "commands", property(_fake_commands))
    return tmp_path


HONEST = Cell.commands.fget


def _fake_commands(cell):
    return [[sys.executable, FAKE, *command[3:]] for command in HONEST(cell)]


def run(*arguments):
    return command.main(["--suite", "suite.gin", "--out", "out", *arguments])


def calls(folder):
    path = folder / "calls.txt"
    return sorted(path.read_text().split()) if path.exists() else []


ALL = sorted(f"{name}.small.seed{seed}" for name in ("alone", "late", "early") for seed in (0, 2))


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_every_run_once_and_never_again(folder, capsys, jobs):
    assert run("--jobs", jobs) == 0
    assert calls(folder) == ALL
    assert run() == 0
    assert calls(folder) == ALL
    assert "6 of 6 runs are finished already." in capsys.readouterr().out


def test_figures_are_means_over_seeds(folder):
    run()
    told = json.loads(Path("out/comparison.json").read_text())
    alone, late, early = told["rows"]
    exact = alone["figures"]["text2mol"]["exact"]
    assert exact["by_seed"] == {"0": 0.6, "2": 0.8}
    assert exact["value"] == pytest.approx(0.7)
    low, high = exact["interval"]
    assert low < 0.6 < 0.8 < high
    assert (alone["parameters"], alone["trained_parameters"]) == (1000, 600)
    assert alone["training_flops"] == 100 and late["training_flops"] == 200  # with its start's
    assert early["figures"] == {} and early["system"] == "early"


def test_tables_and_page(folder):
    run()
    text = Path("out/comparison.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| Alone | small | – |"))
    assert [cell.strip() for cell in row.split("|")][4:6] == ["yes", "yes"]
    assert row.endswith("| .750 | – |")
    assert "Two steps each." in text
    assert "alone,small,2,text2mol,exact,0.8,10\n" in Path("out/comparison.csv").read_text()
    page = Path("out/comparison.html").read_text()
    assert "<h1>Toys</h1>" in page and "Alone" in page and "NaN" not in page
    assert Path("out/plots/text2mol.svg").read_text().startswith("<svg xmlns=")


def test_learning_curves_are_means_over_seeds_of_losses_taken_more_than_once(folder):
    run()
    (curves,) = Path("out/plots").glob("curves_*.svg")
    assert curves.name == "curves_small_training_toys.svg"
    assert "<title>step 1\nAlone 4.0" in curves.read_text()  # of seeds 0 and 2: 3 and 5


def test_a_failure_stops_nothing_else(folder, capsys):
    (folder / "fail.early.small.seed2").touch()
    assert run() == 3
    assert calls(folder) == sorted(set(ALL) - {"late.small.seed2"})
    printed = capsys.readouterr().out
    assert "early.small.seed2" in printed and "Its command ended with 1." in printed
    assert "late.small.seed2: It starts from early.small.seed2, which failed." in printed
    assert "Error: the loss is NaN." in Path("out/comparison.html").read_text()
    (folder / "fail.early.small.seed2").unlink()
    assert run() == 0
    assert calls(folder) == sorted([*ALL, "early.small.seed2"])


def test_a_changed_configuration_runs_again(folder, capsys):
    run()
    (folder / "small.gin").write_text("# a comment\nWIDTH = 8  # and another\nSOME = {'a': 1}\n")
    assert run() == 0
    assert calls(folder) == ALL
    changed = SUITE.replace("'SHARE': 6", "'SHARE': 7")
    (folder / "suite.gin").write_text(changed)
    assert run() == 0
    assert calls(folder) == sorted([*ALL, "alone.small.seed0", "alone.small.seed2"])
    assert "its configuration has changed" in capsys.readouterr().out
    assert len(list(Path("out/cells").glob("alone.small.seed0.was-*"))) == 1


def test_what_starts_from_a_changed_run_changes_too(folder):
    before = {cell.name: cell.fingerprint for cell in plan(load_suite("suite.gin"), "out")}
    text = SUITE.replace("name = 'early'\n", "name = 'early'\n  runs = {'all': {'SHARE': 1}}\n")
    (folder / "suite.gin").write_text(text)
    after = {cell.name: cell.fingerprint for cell in plan(load_suite("suite.gin"), "out")}
    assert sorted(name for name in ALL if before[name] != after[name]) == [
        name for name in ALL if not name.startswith("alone")
    ]


CHILD = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.t5chem.compare.test_compare import Cell, _fake_commands, command
Cell.commands = property(_fake_commands)
sys.exit(command.main(sys.argv[1:]))
"""


def start_child(folder):
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, "--suite", "suite.gin", "--out", "out"],
        cwd=folder, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return child


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_killed_in_the_middle_it_repeats_nothing(folder):
    (folder / "sleep.txt").write_text("0.6")
    child = start_child(folder)
    wait_for(lambda: len(calls(folder)) == 3)
    child.send_signal(signal.SIGKILL)
    child.wait()
    begun = calls(folder)
    (folder / "sleep.txt").unlink()
    assert run() == 0
    # The run that was going on ended well by itself: it is waited for, and scored.
    assert calls(folder) == ALL
    assert set(begun) <= set(ALL)


def test_sigterm_ends_its_runs_too(folder):
    (folder / "sleep.txt").write_text("60")
    child = start_child(folder)
    wait_for(lambda: calls(folder))
    child.send_signal(signal.SIGTERM)
    said, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Interrupted." in said
    (folder / "sleep.txt").unlink()
    assert run() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--systems", "alon"], "The suite has no system 'alon'. Did you mean 'alone'"),
        (["--sizes", "large"], "The suite has no size 'large'."),
        (["--cell", "alone.small.seed1"], "there is no such cell. Did you mean"),
        (["--cell", "9"], "the suite's cells are 1 to 6"),
        (["--cell", "late.small.seed0"], "it starts from early.small.seed0, which has not"),
        (["--share", "4/4"], "give I/N, worker I of N"),
        (["--jobs", "0"], "--jobs 0: at least 1."),
        (["--gin_bindings", "suite.Suite.sizes = ['huge']"], "gin file 'huge.gin', which is not"),
        (["--gin_bindings", "alone/suite.System.name = 'late'"], "Two systems are called 'late'."),
        (["--gin_bindings", "late/suite.System.tasks = ['text2mole']"], "Did you mean 'text2mol'"),
        (
            ["--gin_bindings", "late/suite.System.starts_from = {'A': 'erly'}"],
            "The system 'late' starts from 'erly', which is not in the suite. Did you mean 'early'",
        ),
        (
            ["--gin_bindings", "early/suite.System.starts_from = {'A': 'late'}"],
            "Systems start from each other: 'late', 'early'.",
        ),
    ],
)
def test_what_cannot_work_is_said_before_anything_runs(folder, capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        run(*arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err
    assert calls(folder) == []


def test_one_cell_and_shares(folder):
    assert run("--cell", "early.small.seed0") == 0
    assert run("--cell", "late.small.seed0") == 0
    assert calls(folder) == ["early.small.seed0", "late.small.seed0"]
    run("--share", "1/2")
    assert calls(folder) == sorted(
        ["early.small.seed0", "late.small.seed0", *(n for n in ALL if n.endswith("2"))]
    )


def test_a_part_brings_what_it_starts_from(folder):
    assert run("--systems", "late", "--seeds", "2") == 0
    assert calls(folder) == ["early.small.seed2", "late.small.seed2"]


def test_the_slurm_script_submits_two_waves_and_a_report(folder):
    run("--slurm", "submit.sh")
    stub = folder / "bin" / "sbatch"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\nprintf "%s\\n" "$*" >> submitted.txt\necho "7;cluster"\n')
    stub.chmod(0o755)
    path = f"{stub.parent}:{os.environ['PATH']}"
    subprocess.run(["./submit.sh", "--time=1:00:00"], check=True, env=os.environ | {"PATH": path})
    first, second, report = (folder / "submitted.txt").read_text().splitlines()
    assert "--array=1-4 " in first and "--time=1:00:00" in first and "dependency" not in first
    assert "--array=5-6 " in second and "--dependency=afterany:7" in second
    assert second.endswith("--suite suite.gin --out out --cell $SLURM_ARRAY_TASK_ID")
    assert "--dependency=afterany:7" in report and report.endswith("--out out --report")


def test_the_list_tells_state_and_command(folder, capsys):
    run("--systems", "early", "--seeds", "0")
    capsys.readouterr()
    run("--list")
    lines = capsys.readouterr().out.splitlines()
    states = {line.split()[2]: line.split()[1] for line in lines[::2]}
    assert states.pop("early.small.seed0") == "finished"
    assert set(states.values()) == {"waiting"}


def test_the_interval_counts_rows_and_seeds():
    # Two seeds that answer alike whatever the rows: only the draw of seeds is left, and of two
    # seeds both are one of them in a quarter of the draws each.
    low, high = seed_interval([np.zeros(1000), np.ones(1000)])
    assert (low, high) == (0.0, 1.0)
    rows = np.linspace(0.0, 1.0, 1001)
    assert seed_interval([rows]) == pytest.approx((0.025, 0.975))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "a b"}, "is to name a folder"),
        ({"name": "a", "runs": {}}, "has no run"),
        ({"name": "a", "average_last": 3}, "Give both or neither"),
    ],
)
def test_a_system_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        System(**arguments)


def test_a_mean_of_checkpoints_is_made_and_scored_by_commands_of_their_own(folder):
    (folder / "eval.gin").touch()
    system = System(name="mean", average_last=3, eval_gin_files=["eval.gin"], tasks=["forward"])
    suite = Suite(title="Means", systems=[system], sizes=["small"], gin_files=["{size}.gin"])
    (cell,) = plan(suite, "out")
    train, average, evaluate = ([*map(str, command[2:])] for command in HONEST(cell))
    assert train[:2] == ["t5x.train", "--gin_file=small.gin"]
    assert average == [
        *("t5x.average_checkpoints", "--model_dir", "out/cells/mean.small.seed0/run"),
        *("--last", "3", "--output", "out/cells/mean.small.seed0/averaged"),
    ]
    assert evaluate == [
        "t5x.eval",
        "--gin_file=eval.gin",
        "--gin_bindings=CHECKPOINT_PATH = 'out/cells/mean.small.seed0/averaged'",
        "--gin_bindings=EVAL_OUTPUT_DIR = 'out/cells/mean.small.seed0/evaluated'",
    ]
