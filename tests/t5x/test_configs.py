"""The gin files that T5X's users include: sizes as published, and their three commands run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from t5x import gin_utils
from t5x.quiet import import_seqio

import_seqio()
gin = gin_utils.gin
ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "t5x" / "examples" / "t5"

# Millions of parameters, as published (T5: Raffel et al. 2020; the others are named in the files).
PUBLISHED = {
    "t5_1_0/small": 60,
    "t5_1_0/base": 220,
    "t5_1_0/large": 740,
    "t5_1_0/3B": 2800,
    "t5_1_0/11B": 11000,
    "mt5/small": 300,
    "mt5/base": 580,
    "mt5/large": 1200,
    "mt5/xl": 3700,
    "mt5/xxl": 13000,
    "byt5/small": 300,
    "byt5/base": 582,
    "byt5/large": 1230,
    "byt5/xl": 3740,
    "byt5/xxl": 12900,
}


def millions_of_parameters(name):
    gin.clear_config()
    file = f"t5x/examples/t5/{name}.gin"
    gin_utils.parse_gin_flags([str(ROOT)], [file], [], finalize_config=False)

    def size(field):
        return gin.query_parameter(f"network.T5Config.{field}")

    embed, mlp, inner = size("emb_dim"), size("mlp_dim"), size("num_heads") * size("head_dim")
    encoder, decoder = size("num_encoder_layers"), size("num_decoder_layers")
    attention = 4 * embed * inner
    feed_forward = (1 + len(size("mlp_activations"))) * embed * mlp
    embeddings = gin.query_parameter("NUM_EMBEDDINGS/macro.value") * embed
    embeddings *= 1 if size("logits_via_embedding") else 2
    layers = encoder * (attention + feed_forward) + decoder * (2 * attention + feed_forward)
    gin.clear_config()
    return (layers + embeddings) / 1e6


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_are_the_published_ones(name):
    assert millions_of_parameters(name) == pytest.approx(PUBLISHED[name], rel=0.035)


@pytest.mark.parametrize("family", ["mt5", "byt5"])
def test_every_size_names_its_source(family):
    files = sorted((MODELS / family).glob("*.gin"))
    assert [file.stem for file in files] == ["base", "large", "small", "xl", "xxl"]
    assert all("et al." in file.read_text() and "arXiv" in file.read_text() for file in files)


@pytest.mark.parametrize(
    ("file", "function", "own"),
    [
        ("eval", "evaluate", ["CHECKPOINT_PATH = 'c'", "EVAL_OUTPUT_DIR = 'o'"]),
        ("infer", "infer", ["CHECKPOINT_PATH = 'c'", "INFER_OUTPUT_DIR = 'o'"]),
        (
            "finetune",
            "train",
            ["INITIAL_CHECKPOINT_PATH = 'c'", "MODEL_DIR = 'm'", "TRAIN_STEPS = 9"],
        ),
    ],
)
def test_the_commands_in_the_headers_of_our_gin_files(monkeypatch, file, function, own):
    from t5x import main

    monkeypatch.setitem(sys.modules, "__main__", main)
    gin.clear_config()
    files = ["gin/scale/tiny.gin", f"gin/{file}.gin"]
    gin_utils.parse_gin_flags([str(ROOT)], files, own)
    assert gin.get_configurable(getattr(main, function))
    assert gin.query_parameter("network.T5Config.emb_dim") == 128
    assert gin.query_parameter("NUM_EMBEDDINGS/macro.value") == 4608
    assert gin.query_parameter("utils.RestoreCheckpointConfig.mode") == "latest"
    gin.clear_config()


TASKS = """
import random
import seqio
import tensorflow as tf


def dataset(split, shuffle_files=False, seed=None):
    rng = random.Random(split)
    words = ["".join(rng.choices("abcdef", k=rng.randint(2, 6))) for _ in range(300)]
    return tf.data.Dataset.from_tensor_slices(
        {"inputs": [f"copy: {word}" for word in words], "targets": words}
    )


def exact(targets, predictions):
    return {"exact": sum(t == p for t, p in zip(targets, predictions)) / len(targets)}


for KIND in ("echo", "say"):
    seqio.TaskRegistry.add(
        f"my_{KIND}",
        source=seqio.FunctionDataSource(dataset, splits=("train", "validation", "test")),
        preprocessors=[seqio.preprocessors.tokenize, seqio.preprocessors.append_eos],
        output_features={
            name: seqio.Feature(seqio.ByteVocabulary()) for name in ("inputs", "targets")
        },
        metric_fns=[exact],
    )
seqio.MixtureRegistry.add("my_mixture", ["my_echo", "my_say"], default_rate=1.0)
"""

MODEL = """
from __gin__ import dynamic_registration

import __main__ as {script}
import seqio
from t5x import utils
from t5x.examples.t5 import network

include 't5x/examples/t5/t5_1_1/small.gin'
include 't5x/configs/runs/{run}.gin'

MIXTURE_OR_TASK_NAME = 'my_mixture'
MIXTURE_OR_TASK_MODULE = 'my_tasks'
TASK_FEATURE_LENGTHS = {{'inputs': 16, 'targets': 8}}
VOCABULARY = @seqio.ByteVocabulary()
NUM_EMBEDDINGS = 384

network.T5Config:
  emb_dim = 16
  num_heads = 2
  num_encoder_layers = 1
  num_decoder_layers = 1
  head_dim = 8
  mlp_dim = 16
"""

TRAIN = """
TRAIN_STEPS = 2
INITIAL_CHECKPOINT_PATH = []
EVAL_PERIOD = 1
EVAL_STEPS = 1
EVALUATOR_NUM_EXAMPLES = 10
BATCH_SIZE = 8
utils.SaveCheckpointConfig.period = 1
"""


@pytest.fixture
def users_folder(tmp_path):
    """What a T5X user has: a module of tasks and three gin files, elsewhere than this package."""
    (tmp_path / "my_tasks.py").write_text(TASKS)
    for run, script, own in (
        ("finetune", "train_script", TRAIN + "MODEL_DIR = 'run'\n"),
        ("eval", "eval_script", "CHECKPOINT_PATH = 'run/checkpoint_2'\nEVAL_OUTPUT_DIR = 'ev'\n"),
        ("infer", "infer_script", "CHECKPOINT_PATH = 'run/checkpoint_2'\n"),
    ):
        (tmp_path / f"my_{run}.gin").write_text(MODEL.format(run=run, script=script) + own)
    return tmp_path


def command(folder, *args):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XLA_FLAGS": ""}
    result = subprocess.run(
        [sys.executable, "-m", *args],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_a_users_gin_files_run_unchanged(users_folder):
    command(users_folder, "t5x.main", "--run_mode=train", "--gin_file=my_finetune.gin")
    metrics = (users_folder / "run" / "train" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in metrics] == [1, 2]
    assert (users_folder / "run" / "inference_eval" / "my_say-000001.jsonl").exists()
    assert (users_folder / "run" / "training_eval" / "my_echo" / "metrics.jsonl").exists()

    printed = command(users_folder, "t5x.eval", "--gin_file=my_eval.gin")
    assert "my_echo" in printed and "exact" in printed
    rows = (users_folder / "ev" / "inference_eval" / "my_say-000002.jsonl").read_text()
    assert len(rows.splitlines()) == 300

    infer = ("t5x.infer", "--gin_file=my_infer.gin", "--gin.INFER_OUTPUT_DIR='out'")
    command(users_folder, *infer)
    for task in ("my_echo", "my_say"):
        result = users_folder / "out" / f"{task}-predict.jsonl-00000-of-00001"
        lines = [json.loads(line) for line in result.read_text().splitlines()]
        assert len(lines) == 300
        assert all(isinstance(line["prediction"], str) for line in lines)
        assert result.with_name(result.name + ".COMPLETED").exists()
