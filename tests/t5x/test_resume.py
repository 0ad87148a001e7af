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
from t5x.checkpoints import CheckpointConfig, SaveCheckpointConfig
from t5x.data import DatasetConfig
from t5x.optimizers import adamw
from t5x.schedules import create_learning_rate_scheduler
from t5x.trainer import Trainer
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


def assert_same_checkpoint(folder, other, step):
    arrays, position = checkpoint(folder, step)
    expected, expected_position = checkpoint(other, step)
    assert position == expected_position
    assert arrays.keys() == expected.keys()
    assert any("mu" in name for name in arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


# In this process


@pytest.fixture(scope="module", autouse=True)
def compiled_once(tmp_path_factory):
    """The runs of this module share their compiled programs, which are made in a hurry."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled")),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_disable_most_optimizations": True,
    }
    before = {name: jax.config.values[name] for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def run(model_dir, total_steps):
    """Trains with everything made anew, on data shuffled, mixed and packed, with dropout."""
    train_module.train(
        model=toy_model(adamw(), dropout_rate=0.1, vocab_size=384),
        train_dataset_cfg=DatasetConfig(
            mixture_or_task_name="toy",
            task_feature_lengths={"inputs": 32, "targets": 16},
            split="train",
            batch_size=8,
            shuffle=True,
            seed=None,
            pack=True,
            module="tests.t5x.toy_tasks",
        ),
        train_eval_dataset_cfg=None,
        infer_eval_dataset_cfg=None,
        checkpoint_cfg=CheckpointConfig(save=SaveCheckpointConfig()),
        partitioner=one_device_partitioner(),
        trainer_cls=functools.partial(
            Trainer,
            learning_rate_fn=create_learning_rate_scheduler("constant * linear_warmup", 0.01, 8),
            num_microbatches=None,
        ),
        model_dir=str(model_dir),
        total_steps=total_steps,
        eval_steps=1,
        eval_period=1000,
        stats_period=1,
        random_seed=3,
        verify_matching_vocabs_fn=None,
        report_fn=None,
    )


def test_stopping_and_going_on_changes_nothing(tmp_path):
    run(tmp_path / "whole", 12)
    run(tmp_path / "parts", 5)
    run(tmp_path / "parts", 12)
    assert_same_checkpoint(tmp_path / "parts", tmp_path / "whole", 12)
    assert checkpoint(tmp_path / "parts", 12)[1]["batches"] == 12
    whole, parts = (log(tmp_path / name / "train/metrics.jsonl") for name in ("whole", "parts"))
    assert [record["step"] for record in whole] == list(range(1, 13))
    assert len({record["loss"] for record in whole}) == 12
    assert parts == whole


# In processes that are killed

TOY_GIN = """
from __gin__ import dynamic_registration

import __main__ as train_script
import seqio
from t5x import optimizers
from t5x import utils
from t5x.examples.t5 import network

include 't5x/examples/t5/t5_1_1/tiny.gin'
include 'gin/run/multitask.gin'

MIXTURE_OR_TASK_NAME = 'toy'
MIXTURE_OR_TASK_MODULE = 'tests.t5x.toy_tasks'
TASK_FEATURE_LENGTHS = {'inputs': 24, 'targets': 12}
VOCABULARY = @seqio.ByteVocabulary()
OPTIMIZER = @optimizers.adamw()
TRAIN_STEPS = 90
BATCH_SIZE = 8
DROPOUT_RATE = 0.1
EVAL_PERIOD = 30
EVAL_STEPS = 1
EVALUATOR_NUM_EXAMPLES = 10

train_script.train:
  stats_period = 5
  report_fn = None
utils.SaveCheckpointConfig.period = 6
utils.create_learning_rate_scheduler:
  factors = 'constant * linear_warmup'
  base_learning_rate = 0.003
  warmup_steps = 20
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
STEPS = 90
KILLS = 5


def start(gin_file, model_dir, compiled):
    with open(model_dir.with_suffix(".txt"), "a") as output:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "t5x.train", f"--gin_file={gin_file}"),
                f"--gin.MODEL_DIR='{model_dir}'",
            ],
            cwd=ROOT,
            env={
                **os.environ,
                "JAX_COMPILATION_CACHE_DIR": str(compiled),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            },
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
    start_run = functools.partial(start, tmp_path / "toy.gin", compiled=tmp_path / "compiled")
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
        if process.returncode == 0:
            break
    else:
        finish(start_run(killed), killed)
    assert any(steps_found), "no run came as far as a checkpoint"

    assert_same_checkpoint(killed, whole, STEPS)
    for file in sorted(whole.glob("train/*.jsonl")):
        assert log(killed / file.relative_to(whole)) == log(file), file.name
