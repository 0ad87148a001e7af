"""A run that is killed and started again is the run that was never killed, bit for bit."""

import functools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from t5x import train as train_module
from t5x.actions import BaseAction
from t5x.checkpoints import CheckpointConfig, SaveCheckpointConfig
from t5x.data import DatasetConfig, seqio
from t5x.errors import ConfigError
from t5x.metric_writing import is_evaluated
from t5x.optimizers import adamw
from t5x.schedules import create_learning_rate_scheduler
from t5x.trainer import Trainer
from tests.t5x.toy_gin import TOY_GIN
from tests.t5x.toy_model import one_device_partitioner, toy_model

ROOT = Path(__file__).resolve().parents[2]


def checkpoint(folder, step):
    """Every array of a checkpoint by name, and the position in the data."""
    path = folder / f"checkpoint_{step}"
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        arrays = checkpointer.restore((path / "state").absolute())
    named = jax.tree.leaves_with_path(arrays)
    position = json.loads((path / "dataset" / "metadata").read_text())
    return {jax.tree_util.keystr(name): np.asarray(leaf) for name, leaf in named}, position


def log(file):
    """The records of a log, less what a clock measured."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if not name.startswith("timing/")}
        for line in lines
    ]


def assert_same_logs(folder, other):
    """Training and evaluation, less what a clock measured, and every prediction."""
    files = sorted(path.relative_to(other) for path in other.rglob("*.jsonl"))
    names = {path.parts[0] for path in files}
    assert names == {"train", "training_eval", "inference_eval", "evaluations"}
    assert files == sorted(path.relative_to(folder) for path in folder.rglob("*.jsonl"))
    for file in files:
        assert log(folder / file) == log(other / file), file


def assert_same_checkpoint(folder, other, step):
    arrays, position = checkpoint(folder, step)
    expected, expected_position = checkpoint(other, step)
    assert position == expected_position
    assert arrays.keys() == expected.keys()
    assert any("mu" in name for name in arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


# In this process


def data_cfg(split, **kwargs):
    return DatasetConfig(
        mixture_or_task_name="toy",
        task_feature_lengths={"inputs": 32, "targets": 16},
        split=split,
        batch_size=8,
        shuffle=split == "train",
        seed=None,
        module="tests.t5x.toy_tasks",
        **kwargs,
    )


def run(model_dir, total_steps, **kwargs):
    """Trains with everything made anew, on data shuffled, mixed and packed, with dropout."""
    model = toy_model(adamw(), dropout_rate=0.1, vocab_size=384)
    model.predict_batch = lambda params, batch, rng=None: batch["encoder_input_tokens"][:, :16]
    train_module.train(
        model=model,
        train_dataset_cfg=data_cfg("train", pack=True),
        train_eval_dataset_cfg=data_cfg("validation"),
        infer_eval_dataset_cfg=data_cfg("validation"),
        inference_evaluator_cls=functools.partial(
            seqio.Evaluator, logger_cls=[seqio.JSONLogger], num_examples=10
        ),
        checkpoint_cfg=CheckpointConfig(save=SaveCheckpointConfig(checkpoint_steps=[5, 10])),
        partitioner=one_device_partitioner(),
        trainer_cls=functools.partial(
            Trainer,
            learning_rate_fn=create_learning_rate_scheduler("constant * linear_warmup", 0.01, 8),
            num_microbatches=None,
        ),
        model_dir=str(model_dir),
        total_steps=total_steps,
        eval_steps=1,
        eval_period=5,
        stats_period=1,
        random_seed=3,
        verify_matching_vocabs_fn=None,
        report_fn=None,
        **kwargs,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Twelve steps in one go, evaluated after 5, 10 and 12."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    run(folder, 12, run_eval_before_training=True)
    return folder


def test_stopping_and_going_on_changes_nothing(tmp_path, whole):
    run(tmp_path / "parts", 7)
    run(tmp_path / "parts", 12)
    assert_same_checkpoint(tmp_path / "parts", whole, 12)
    assert checkpoint(tmp_path / "parts", 12)[1]["batches"] == 12
    records = log(whole / "train/metrics.jsonl")
    assert [record["step"] for record in records] == list(range(1, 13))
    assert len({record["loss"] for record in records}) == 12
    assert log(tmp_path / "parts/train/metrics.jsonl") == records


class KilledError(Exception):
    pass


class KillAt(BaseAction):
    """Ends the process, as far as the run can tell, when it has reached a step."""

    def __init__(self, step):
        self.step = step

    def run(self, train_state, metrics_by_task):
        if int(train_state.step) == self.step:
            raise KilledError
        return False


@pytest.mark.slow
def test_an_evaluation_that_a_kill_cuts_short_is_made_up_for(tmp_path, whole, monkeypatch):
    def kill(*args):
        raise KilledError

    go = functools.partial(run, tmp_path, 12, run_eval_before_training=True)
    for mode, step in (("TRAIN_EVAL", 0), ("TRAIN_EVAL", 5), ("INFER_EVAL", 12)):
        with pytest.raises(KilledError):
            go(actions={mode: [KillAt(step)]})
        assert not is_evaluated(tmp_path, step)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(train_module.results, "write_results", kill)
        go()
    assert_same_logs(tmp_path, whole)
    assert not (tmp_path / "results.json").exists()
    go()
    assert_same_logs(tmp_path, whole)
    results, expected = (
        json.loads((path / "results.json").read_text()) for path in (tmp_path, whole)
    )
    assert (results["step"], results["tasks"]) == (12, expected["tasks"])
    with pytest.raises(ConfigError, match="There is nothing to train"):
        go()


# In processes that are killed

STEPS = 90
KILLS = 5


def start(gin_file, model_dir):
    with open(model_dir.with_suffix(".txt"), "a") as output:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "t5x.train", f"--gin_file={gin_file}"),
                f"--gin.MODEL_DIR='{model_dir}'",
            ],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def finish(process, model_dir):
    process.wait(timeout=900)
    assert process.returncode == 0, model_dir.with_suffix(".txt").read_text()[-3000:]


def wait_for_progress(process, model_dir):
    """Returns when the process has written its first record, or has ended."""
    file = model_dir / "train" / "metrics.jsonl"
    began = time.time_ns()
    while process.poll() is None:
        if file.exists() and file.stat().st_mtime_ns > began:
            return
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_kill_nine_at_random_moments_changes_nothing(tmp_path, seed):
    (tmp_path / "toy.gin").write_text(TOY_GIN)
    start_run = functools.partial(start, tmp_path / "toy.gin")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start_run(whole)
    wait_for_progress(process, whole)
    began = time.monotonic()
    finish(process, whole)
    training_time = time.monotonic() - began

    rng = random.Random(seed)
    steps_found = []
    for _ in range(KILLS):
        process = start_run(killed)
        wait_for_progress(process, killed)
        time.sleep(rng.uniform(0, training_time / 2))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        steps_found.append(sorted(path.name for path in killed.glob("checkpoint_*")))
        if (killed / "results.json").exists():
            break
    else:
        finish(start_run(killed), killed)
    assert any(steps_found), "no run came as far as a checkpoint"

    assert_same_checkpoint(killed, whole, STEPS)
    assert_same_logs(killed, whole)
