"""Batches: deterministic in the seed, resumable, and errors that name what is near."""

import dataclasses

import numpy as np
import pytest

from t5x import data
from t5x.data import seqio

CFG = data.DatasetConfig(
    mixture_or_task_name="toy",
    task_feature_lengths={"inputs": 32, "targets": 16},
    split="train",
    batch_size=4,
    shuffle=True,
    seed=7,
    pack=True,
    module="tests.t5x.toy_tasks",
)
SHARD = seqio.ShardInfo(0, 1)


def first_batches(cfg, count, start=0):
    dataset = data.get_dataset(cfg, SHARD, seqio.EncDecFeatureConverter)
    iterator = data.batches(dataset, start)
    return [next(iterator) for _ in range(count)]


def same(a, b):
    return all(np.array_equal(a[name], b[name]) for name in a)


def test_the_seed_decides_the_batches():
    one, again = first_batches(CFG, 4), first_batches(CFG, 4)
    assert all(same(a, b) for a, b in zip(one, again, strict=True))
    other = first_batches(dataclasses.replace(CFG, seed=8), 4)
    assert not all(same(a, b) for a, b in zip(one, other, strict=True))


def test_winding_forward_gives_the_batches_of_an_uninterrupted_run():
    whole = first_batches(CFG, 6)
    resumed = first_batches(CFG, 2, start=4)
    assert all(same(a, b) for a, b in zip(whole[4:], resumed, strict=True))


def test_an_unknown_mixture_names_the_nearest():
    data.import_module("tests.t5x.toy_tasks")
    with pytest.raises(ValueError, match=r"'toy_revers'.*Did you mean 'toy_reverse'"):
        data.get_mixture_or_task("toy_revers")


def test_a_module_that_does_not_exist():
    with pytest.raises(ModuleNotFoundError, match="MIXTURE_OR_TASK_MODULE names 'no_such_tasks'"):
        data.import_module("no_such_tasks")


def test_a_batch_that_the_hosts_do_not_divide():
    with pytest.raises(ValueError, match=r"BATCH_SIZE 4 .* 3 hosts"):
        data.get_dataset(CFG, seqio.ShardInfo(0, 3), seqio.EncDecFeatureConverter)


def test_vocabularies_must_match():
    class Model:
        input_vocabulary = output_vocabulary = seqio.ByteVocabulary(extra_ids=7)

    with pytest.raises(ValueError, match=r"input vocabulary of 'toy' differs"):
        data.verify_matching_vocabs(CFG, Model())


def test_watched_batches_are_a_few_of_each_task():
    cfg = dataclasses.replace(CFG, split="validation", shuffle=False)
    datasets = data.get_training_eval_datasets(cfg, SHARD, seqio.EncDecFeatureConverter, 2)
    assert {name: len(list(ds)) for name, ds in datasets.items()} == {
        "toy_copy": 2,
        "toy_reverse": 2,
    }
