"""Every dataset is built and trained on: the public files that are at hand, small ones of the rest.

pytest -m slow -n0 tests/tasks/test_training.py
"""

import json
import math
import sys
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

import tasks  # noqa: F401 - registers the builders
from t5chem.datasets.registry import built_in
from t5x import gin_utils
from tests.t5chem.datasets.source_files import FILES, write

gin = gin_utils.gin
pytestmark = pytest.mark.slow

STEPS = 20
AT_HAND = {
    **{
        name: built_in()[name].folder or name
        for name in (
            "chebi20", "chebi20_rebuilt", "chebi20_subset", "lpm24_properties", "iupac", "uspto50k",
            "uspto_mit", "chemtrans", "paragraph2actions",
        )
    },
    **dict.fromkeys(
        ("pistachio_molecules", "pistachio_reactions", "pistachio_procedures"), "gt4sd_sample"
    ),
}  # fmt: skip
"""Folder of `../shared/data` with the files of a dataset."""

TOY_SIZE = f"""
from __gin__ import dynamic_registration
import __main__ as train_script
from t5x import utils
from t5x.examples.t5 import network
MIXTURE_OR_TASK_MODULE = 'tasks'
TASK_FEATURE_LENGTHS = {{'inputs': 128, 'targets': 128}}
TRAIN_STEPS = {STEPS}
BATCH_SIZE = 8
network.T5Config.emb_dim = 16
network.T5Config.head_dim = 8
network.T5Config.mlp_dim = 16
train_script.train.train_eval_dataset_cfg = None
train_script.train.infer_eval_dataset_cfg = None
train_script.train.report_fn = None
train_script.train.stats_period = 1
utils.create_learning_rate_scheduler:
  base_learning_rate = 0.1
  warmup_steps = 1
""".splitlines()


@pytest.fixture
def train_module(monkeypatch, tmp_path):
    """The command as gin sees it, with tensorflow-datasets' folder in a temporary one."""
    from t5x.quiet import import_seqio

    seqio = import_seqio()
    from t5x import train

    monkeypatch.setitem(sys.modules, "__main__", train)
    monkeypatch.chdir(Path(__file__).resolve().parents[2])
    seqio.set_tfds_data_dir_override(str(tmp_path / "data"))
    gin.clear_config()
    yield train
    gin.clear_config()
    seqio.set_tfds_data_dir_override(None)


def losses(train_module, name, tmp_path):
    """Trains on all tasks of a dataset; returns its rows by split and the loss of each step."""
    splits = tfds.builder(name, data_dir=tmp_path / "data")
    splits.download_and_prepare()
    rows = {split: info.num_examples for split, info in splits.info.splits.items()}
    # Files of validation and test are all there is of some.
    split = "train" if "train" in rows else "validation"
    bindings = [
        *TOY_SIZE,
        f"MIXTURE_OR_TASK_NAME = '{name}'",
        f"MODEL_DIR = '{tmp_path / 'run'}'",
        f"train/utils.DatasetConfig.split = '{split}'",
    ]
    gin_utils.parse_gin_flags(["."], ["gin/tiny.gin"], bindings)
    last, _ = gin.get_configurable(train_module.train)()
    assert last == STEPS
    lines = (tmp_path / "run/train/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [json.loads(line) for line in lines]
    assert [one["step"] for one in steps] == list(range(1, STEPS + 1))
    return rows, [one["loss_per_nonpadding_target_token"] for one in steps]


def has_learned(found):
    return all(map(math.isfinite, found)) and found[-1] < found[0] - 1


@pytest.mark.parametrize("name", AT_HAND)
def test_public_files(name, train_module, shared, tmp_path):
    manual = tmp_path / "data/downloads/manual"
    manual.mkdir(parents=True)
    for dataset in (name, *built_in()[name].held_out_from):
        folder = built_in()[dataset].folder or dataset
        if not (manual / folder).exists() and dataset in AT_HAND:
            (manual / folder).symlink_to(shared / "data" / AT_HAND[dataset])
    rows, found = losses(train_module, name, tmp_path)
    assert {split: rows[split] for split in built_in()[name].counts} == built_in()[name].counts
    assert has_learned(found)


@pytest.mark.parametrize("name", [name for name in FILES if name not in AT_HAND])
def test_small_files_in_true_form(name, train_module, tmp_path):
    write(tmp_path / "data/downloads/manual", FILES[name])
    assert has_learned(losses(train_module, name, tmp_path)[1])
