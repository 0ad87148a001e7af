"""Several processes on the loopback address are one process: in losses, answers and accidents."""

import json
import signal
import time

import numpy as np
import pytest

from t5x.checkpoint_reading import open_checkpoint, read_data_position
from tests.t5x.loopback import TOGETHER_SECONDS, job
from tests.t5x.stream_tasks import config, write
from tests.t5x.test_resume import log
from tests.t5x.toy_gin import STREAM_GIN, TOY_GIN

pytestmark = pytest.mark.slow

STEPS = 12
LOST = 75  # what survivors end with where Python notices; -6 where JAX's runtime does
INTERRUPTED = 143


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams") / "even"
    write(folder, config("stream_even"))
    return folder


@pytest.fixture(scope="module")
def train(stream, tmp_path_factory):
    """Starts the command on the stream, in so many processes, with dropout."""
    gin_file = tmp_path_factory.mktemp("gin") / "run.gin"
    gin_file.write_text(STREAM_GIN)

    def start(model_dir, count, steps=STEPS, command=("-m", "t5x.train"), devices=1, **bindings):
        bindings = {
            "STREAM": f"'{stream}'",
            "MODEL_DIR": f"'{model_dir}'",
            "TRAIN_STEPS": steps,
            "EVAL_PERIOD": 6,
            "train_script.train.stats_period": 1,
            "utils.create_learning_rate_scheduler.base_learning_rate": 0.001,
            **bindings,
        }
        settings = [f"--gin.{name}={value}" for name, value in bindings.items()]
        prints = model_dir.with_name(model_dir.name + "-printed")
        flags = f"--xla_force_host_platform_device_count={devices}"
        return job(prints, count, *command, f"--gin_file={gin_file}", *settings, XLA_FLAGS=flags)

    return start


@pytest.fixture(scope="module")
def runs(train, tmp_path_factory):
    """The same run in one process, in two and in four."""
    folder = tmp_path_factory.mktemp("runs")
    for count in (1, 2, 4):
        with train(folder / str(count), count) as started:
            started.finish()
    return folder


def numbers(file, *names):
    return [[record["step"], *(record[name] for name in names)] for record in log(file)]


def assert_same_losses(folder, other, rtol=1e-5):
    for file, names in (
        ("train/metrics.jsonl", ("loss", "accuracy", "non_padding_fraction/overall")),
        ("training_eval/stream_even/metrics.jsonl", ("loss", "accuracy")),
    ):
        found, expected = numbers(folder / file, *names), numbers(other / file, *names)
        np.testing.assert_allclose(found, expected, rtol=rtol, err_msg=file)


@pytest.mark.parametrize("count", ["2", "4"])
def test_losses_are_those_of_one_process(runs, count):
    assert_same_losses(runs / count, runs / "1")
    steps = [record["step"] for record in log(runs / count / "train/metrics.jsonl")]
    assert steps == list(range(1, STEPS + 1))
    losses = [record["loss"] for record in log(runs / "1" / "train/metrics.jsonl")]
    assert len(set(losses)) == STEPS


SHARDED = {
    "fully sharded within a host, data across hosts": {
        "PjitPartitioner.ici_mesh_shape": "(4, 1)",
        "PjitPartitioner.dcn_mesh_shape": "(2, 1)",
        "standard_logical_axis_rules.parameter_partitioning_dims": 2,
    },
    "parameters and activations in two dimensions, the model across hosts": {
        "PjitPartitioner.ici_mesh_shape": "(4, 1)",
        "PjitPartitioner.dcn_mesh_shape": "(1, 2)",
        "standard_logical_axis_rules.parameter_partitioning_dims": 2,
        "standard_logical_axis_rules.activation_partitioning_dims": 2,
    },
}


@pytest.mark.parametrize("mesh", SHARDED)
def test_meshes_over_two_hosts_of_four_devices(train, runs, tmp_path, mesh):
    sharded = tmp_path / "sharded"
    with train(sharded, 2, devices=4, EVAL_PERIOD=100, **SHARDED[mesh]) as started:
        printed = started.finish()
    shape = "8 x 1" if "data across" in mesh else "4 x 2"
    assert f"8 cpu on 2 hosts (data x model: {shape})" in printed
    assert_same_losses_of_training(sharded, runs / "1")


def test_the_first_host_alone_writes(runs):
    alone, four = (
        sorted(
            path.relative_to(runs / count).as_posix()
            for path in (runs / count).rglob("*")
            if "checkpoint_" not in path.as_posix() and "tfevents" not in path.name
        )
        for count in "14"
    )
    assert four == alone
    assert len(list((runs / "4").rglob("*tfevents*"))) == len(
        list((runs / "1").rglob("*tfevents*"))
    )
    printed = [(runs / "4-printed" / f"printed-{index}.txt").read_text() for index in range(4)]
    assert [f"step {STEPS} of {STEPS}" in text for text in printed] == [True, False, False, False]


def test_two_go_on_as_one(train, runs, tmp_path):
    parts = tmp_path / "parts"
    for count, steps in ((2, 5), (1, STEPS)):
        with train(parts, count, steps) as started:
            started.finish()
    assert_same_losses_of_training(parts, runs / "1")
    position = json.loads((parts / f"checkpoint_{STEPS}/dataset/metadata").read_text())
    assert position["batches"] == STEPS


def assert_same_losses_of_training(folder, other, rtol=1e-5):
    file = "train/metrics.jsonl"
    found, expected = numbers(folder / file, "loss"), numbers(other / file, "loss")
    np.testing.assert_allclose(found, expected, rtol=rtol)


def assert_same_checkpoint(path, other):
    found, expected = (open_checkpoint(str(one)) for one in (path, other))
    names = sorted(expected.shapes)
    assert sorted(found.shapes) == names and any("/mu/" in name for name in names)
    arrays, others = found.read_numpy(names), expected.read_numpy(names)
    for name in names:
        np.testing.assert_array_equal(arrays[name], others[name], err_msg=name)
    assert read_data_position(str(path)) == read_data_position(str(other))


def assert_all_end_soon(started, victim, number):
    """After a signal that one of two processes cannot survive, or cannot answer."""
    began = time.monotonic()
    started.kill(victim, number)
    survivor = 1 - victim
    assert started.processes[survivor].wait(TOGETHER_SECONDS) in (LOST, -signal.SIGABRT)
    assert time.monotonic() - began < TOGETHER_SECONDS
    assert "another process of this job has ended" in started.printed(survivor)
    assert "Traceback" not in started.printed(survivor)


def test_kill_nine_of_one_ends_all_and_the_run_goes_on(train, runs, tmp_path):
    killed = tmp_path / "killed"
    with train(killed, 2, steps=100_000) as started:
        started.wait_for(killed / "checkpoint_4")
        assert_all_end_soon(started, 1, signal.SIGKILL)
    # As if it had been killed early: a loaded machine may have let it go far beyond.
    for path in killed.glob("checkpoint_*"):
        if path.name not in ("checkpoint_2", "checkpoint_4"):
            path.rename(path.with_name("later-" + path.name))
    with train(killed, 2) as started:
        started.finish()
    last = f"checkpoint_{STEPS}"
    assert_same_checkpoint(killed / last, runs / "2" / last)
    assert_same_losses_of_training(killed, runs / "2", rtol=0)


def test_kill_nine_of_the_first_ends_all(train, tmp_path):
    with train(tmp_path / "killed", 2, steps=100_000) as started:
        started.wait_for(tmp_path / "killed/train/metrics.jsonl")
        assert_all_end_soon(started, 0, signal.SIGKILL)


def test_a_frozen_host_ends_all(train, tmp_path):
    """Its connections stay open: only its heartbeat is missed."""
    with train(tmp_path / "frozen", 2, steps=100_000) as started:
        started.wait_for(tmp_path / "frozen/train/metrics.jsonl")
        assert_all_end_soon(started, 1, signal.SIGSTOP)


FAILING = """
import errno, os, resource, runpy, sys

from t5x import checkpoints

def fail(checkpoint):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

victim = sys.argv.pop(1)
if f"--process_index={victim}" in sys.argv:
    if victim == "0":
        checkpoints.write_digests = fail
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
runpy.run_module("t5x.train", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("victim", [0, 1])
def test_storage_that_fails_one_host_ends_all(train, tmp_path, victim):
    """It says what failed; the other does not wait for what it would have written."""
    failing, script = tmp_path / "failing", tmp_path / "failing.py"
    script.write_text(FAILING)
    with train(failing, 2, 100_000, command=(str(script), str(victim))) as started:
        started.processes[victim].wait(timeout=300)
        codes = started.codes(TOGETHER_SECONDS)
        printed = [started.printed(index) for index in range(2)]
    assert codes[victim] == 1, printed
    assert codes[1 - victim] in (LOST, -signal.SIGABRT)
    assert "checkpoint_2 could not be written" in printed[victim]
    assert "another process of this job has ended" in printed[1 - victim]
    assert "Traceback" not in "".join(printed)


def test_sigterm_to_one_of_four_saves_one_checkpoint_from_which_two_go_on(train, runs, tmp_path):
    stopped = tmp_path / "stopped"
    unsaved = {"utils.SaveCheckpointConfig.period": 100_000, "EVAL_PERIOD": 100_000}
    with train(stopped, 4, steps=100_000, **unsaved) as started:
        started.wait_for(stopped / "train/metrics.jsonl")
        began = time.monotonic()
        started.kill(2, signal.SIGTERM)
        codes = started.codes(TOGETHER_SECONDS)
        assert time.monotonic() - began < TOGETHER_SECONDS
        assert codes == [INTERRUPTED] * 4
        assert all("SIGTERM ended the run at step" in started.printed(i) for i in range(4))
    (saved,) = (path for path in stopped.iterdir() if path.name.startswith("checkpoint_"))
    step = int(saved.name.removeprefix("checkpoint_"))
    assert json.loads((saved / "dataset/metadata").read_text())["batches"] == step
    with train(stopped, 2, max(step + 1, STEPS), **unsaved) as started:
        started.finish()
    expected = numbers(runs / "4/train/metrics.jsonl", "loss")
    found = numbers(stopped / "train/metrics.jsonl", "loss")
    np.testing.assert_allclose(found[:STEPS], expected, rtol=1e-5)


# ---------------------------------------------------------------- with SeqIO


@pytest.fixture(scope="module")
def toy_runs(tmp_path_factory):
    """SeqIO's data, the same batches for all; evaluated, predicted; in one process and in two."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "toy.gin").write_text(
        TOY_GIN
        + "from t5x import data\ntrain_script.train.get_dataset_fn = @data.get_same_dataset\n"
    )
    bindings = ("TRAIN_STEPS=10", "EVAL_PERIOD=10", "EVALUATOR_NUM_EXAMPLES=None")
    for count in (1, 2):
        settings = [f"--gin.{binding}" for binding in bindings]
        model_dir = f"--gin.MODEL_DIR='{folder / str(count)}'"
        command = ("t5x.train", f"--gin_file={folder / 'toy.gin'}", model_dir, *settings)
        with job(folder / f"{count}-printed", count, "-m", *command) as started:
            started.finish()
    return folder


def test_seqio_data_losses_and_answers_are_those_of_one_process(toy_runs):
    one, two = toy_runs / "1", toy_runs / "2"
    for file in ("train/metrics.jsonl", "training_eval/toy_copy/metrics.jsonl"):
        found, expected = numbers(two / file, "loss"), numbers(one / file, "loss")
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    for task in ("toy_copy", "toy_reverse"):
        file = f"inference_eval/{task}-000010.jsonl"
        assert (two / file).read_text() == (one / file).read_text()
        assert len((two / file).read_text().splitlines()) == 37
        metrics = f"inference_eval/{task}-metrics.jsonl"
        assert log(two / metrics) == log(one / metrics)


@pytest.mark.parametrize("command", ["eval", "infer"])
def test_the_other_commands_give_every_row_once(toy_runs, tmp_path, command):
    """37 rows in batches of 16: the last one is filled up, and nobody waits for another's rows."""
    outputs = {}
    for count in (1, 2):
        output = tmp_path / str(count)
        settings = [
            *("MIXTURE_OR_TASK_NAME='toy'", "MIXTURE_OR_TASK_MODULE='tests.t5x.toy_tasks'"),
            f"CHECKPOINT_PATH='{toy_runs / '1' / 'checkpoint_10'}'",
            f"{command.upper()}_OUTPUT_DIR='{output}'",
            *("utils.DatasetConfig.split='validation'", "BATCH_SIZE=16"),
        ]
        gin_file = tmp_path / "command.gin"
        gin_file.write_text(COMMAND_GIN.format(command=command))
        flags = [f"--gin_file={gin_file}", *(f"--gin.{setting}" for setting in settings)]
        with job(tmp_path / f"{count}-printed", count, "-m", f"t5x.{command}", *flags) as started:
            started.finish()
        files = [path for path in output.rglob("*") if "jsonl" in path.name]
        outputs[count] = {path.name: path.read_text() for path in files}
    assert outputs[1] == outputs[2]
    rows = [text for name, text in outputs[2].items() if "toy_copy-" in name and text]
    assert max(len(text.splitlines()) for text in rows) == 37


COMMAND_GIN = """
from __gin__ import dynamic_registration

import __main__ as {command}_script
import seqio
from t5x import utils
from t5x.examples.t5 import network

include 't5x/examples/t5/t5_1_1/tiny.gin'
include 't5x/configs/runs/{command}.gin'

TASK_FEATURE_LENGTHS = {{'inputs': 24, 'targets': 12}}
VOCABULARY = @seqio.ByteVocabulary()
network.T5Config:
  vocab_size = 384
  dtype = 'float32'
  emb_dim = 16
  num_heads = 2
  num_encoder_layers = 1
  num_decoder_layers = 1
  head_dim = 8
  mlp_dim = 16
"""
