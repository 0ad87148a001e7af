"""`t5chem predict` as a process that is killed, and started again."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from t5chem.model_folder import save_model_folder
from tests.t5chem.bad_tables import KINDS, read_answers, write_table
from tests.t5chem.toy_predictor import toy_loaded_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    save_model_folder(toy_loaded_model("hf"), folder)
    return folder


def start(model, out, *arguments, **kwargs):
    """Starts the command, which reads what it compiled from beside the model."""
    cache = {"JAX_COMPILATION_CACHE_DIR": str(model / "cache"), "XLA_FLAGS": ""}
    command = (
        f"{sys.executable} -m t5chem predict mol2text --beams 1 --model {model} --output {out}"
    )
    return subprocess.Popen(
        [*command.split(), *arguments],
        cwd=ROOT,
        env={**os.environ, **cache},
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


def lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_lines(process, path: Path, count: int) -> None:
    while lines_in(path) < count:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)


def kill(process) -> None:
    process.kill()
    process.communicate()
    assert process.returncode == -9


def test_killed_while_it_reads_and_started_again(model, tmp_path):
    source, out = tmp_path / "in.csv", tmp_path / "out.jsonl"
    write_table(source, good=52, bad=KINDS)
    # Two chunks of 16 rows come through the pipe, and a part of the third: the process waits.
    few = ["--batch-size", "1"]
    process = start(model, out, *few, "--input-format", "csv", stdin=subprocess.PIPE)
    process.stdin.buffer.write(b"".join(source.read_bytes().splitlines(True)[:41]))
    process.stdin.buffer.flush()
    wait_for_lines(process, out, 32)
    kill(process)
    before = out.read_bytes()
    assert len(read_answers(out)) == 32
    out.write_bytes(before[:-30])

    process = start(model, out, *few, "--input", str(source))
    _, messages = process.communicate(timeout=120)
    assert process.returncode == 3
    answers = read_answers(out)
    assert [answer["row"] for answer in answers] == list(range(1, 61))
    failures = {answer["row"]: answer["error"] for answer in answers if "error" in answer}
    assert len(failures) == KINDS
    assert all(f"row {row}: {why}\n" in messages for row, why in failures.items())
    assert out.read_bytes().startswith(before)


@pytest.mark.slow
def test_1000_rows_killed_half_way_give_the_bytes_of_an_uninterrupted_run(model, tmp_path):
    source, whole, out = (tmp_path / name for name in ("in.csv", "whole.jsonl", "out.jsonl"))
    write_table(source, good=980, bad=20)
    process = start(model, whole, "--input", str(source))
    _, messages = process.communicate(timeout=300)
    answers = read_answers(whole)
    assert process.returncode == 3
    assert [answer["row"] for answer in answers] == list(range(1, 1001))
    assert sum("predictions" in answer for answer in answers) == 980
    failures = {answer["row"]: answer["error"] for answer in answers if "error" in answer}
    assert len(failures) == 20 and len({why.split(":")[0] for why in failures.values()}) == 6
    assert all(f"t5chem predict: row {row}: {why}\n" in messages for row, why in failures.items())

    few = ["--batch-size", "8", "--input", str(source)]
    killed_at = []
    for enough in (100, 500, 900):
        process = start(model, out, *few)
        wait_for_lines(process, out, enough)
        kill(process)
        killed_at.append(lines_in(out))
    assert killed_at == sorted(set(killed_at)) and killed_at[-1] < 1000
    process = start(model, out, *few)
    process.communicate(timeout=300)
    assert process.returncode == 3
    assert out.read_bytes() == whole.read_bytes()
    print(f"killed after {killed_at} rows")
