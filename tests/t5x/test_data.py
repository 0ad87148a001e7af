"""Batches: deterministic in the seed, resumable, and errors that name what is near."""

import dataclasses
from unittest import mock

import numpy as np
import pytest

from t5x import data
from t5x.data import seqio
from t5x.gin_utils import gin

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


def test_a_module_may_register_configurables_though_the_configuration_is_locked(
    tmp_path, monkeypatch
):
    source = "import gin\n@gin.configurable\ndef of_my_tasks(n=1):\n    return n\n"
    (tmp_path / "my_own_tasks.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    gin.finalize()
    try:
        data.import_module("my_own_tasks")
        assert gin.config_is_locked()
    finally:
        gin.clear_config()


def test_a_batch_that_the_hosts_do_not_divide():
    with pytest.raises(ValueError, match=r"BATCH_SIZE 4 .* 3 hosts"):
        data.get_dataset(CFG, seqio.ShardInfo(0, 3), seqio.EncDecFeatureConverter)


def shares(get_dataset_fn, cfg, hosts, count):
    """The first global batches, put together from what each host reads."""
    readers = [
        data.batches(get_dataset_fn(cfg, data.ShardInfo(i, hosts), seqio.EncDecFeatureConverter))
        for i in range(hosts)
    ]
    parts = [[next(reader) for reader in readers] for _ in range(count)]
    return [{name: np.concatenate([p[name] for p in part]) for name in part[0]} for part in parts]


def test_each_host_reads_examples_of_its_own():
    cfg = dataclasses.replace(CFG, mixture_or_task_name="toy_copy", pack=False)

    def read_by(host, hosts):
        shard = data.ShardInfo(host, hosts)
        dataset = data.get_dataset(cfg, shard, seqio.EncDecFeatureConverter, num_epochs=1)
        inputs = (batch["encoder_input_tokens"] for batch in dataset.as_numpy_iterator())
        return [row.tobytes() for rows in inputs for row in rows]

    whole = sorted(read_by(0, 1))
    for hosts in (2, 4):
        shares = [read_by(host, hosts) for host in range(hosts)]
        assert [len(share) for share in shares] == [300 // hosts] * hosts
        assert sorted(row for share in shares for row in share) == whole


def test_the_same_batches_on_any_number_of_hosts():
    whole = first_batches(CFG, 3)
    for hosts in (2, 4):
        found = shares(data.get_same_dataset, CFG, hosts, 3)
        assert all(same(a, b) for a, b in zip(whole, found, strict=True))
    assert not same(whole[0], shares(data.get_dataset, CFG, 2, 1)[0])
    with pytest.raises(ValueError, match=r"BATCH_SIZE 4 .* 3 hosts"):
        data.get_same_dataset(CFG, data.ShardInfo(0, 3), seqio.EncDecFeatureConverter)


def test_watched_batches_are_the_same_on_any_number_of_hosts():
    cfg = dataclasses.replace(CFG, split="validation")

    def watched(hosts):
        converter = seqio.EncDecFeatureConverter
        return [
            data.get_training_eval_datasets(cfg, data.ShardInfo(i, hosts), converter, 2)["toy_copy"]
            for i in range(hosts)
        ]

    (whole,) = (list(dataset.as_numpy_iterator()) for dataset in watched(1))
    halves = [list(dataset.as_numpy_iterator()) for dataset in watched(2)]
    for batch, *parts in zip(whole, *halves, strict=True):
        joined = {name: np.concatenate([part[name] for part in parts]) for name in batch}
        assert same(batch, joined)


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


def test_watched_batches_are_the_same_each_time_and_in_every_run():
    cfg = dataclasses.replace(CFG, split="validation")
    runs = [
        data.get_training_eval_datasets(cfg, SHARD, seqio.EncDecFeatureConverter, 2)["toy_copy"]
        for _ in range(2)
    ]
    first, second = (list(runs[0].as_numpy_iterator()) for _ in range(2))
    other_run = list(runs[1].as_numpy_iterator())
    for one, two, three in zip(first, second, other_run, strict=True):
        assert same(one, two) and same(one, three)


def test_the_order_does_not_depend_on_threads():
    """Sources may ask for the fastest order; batches come in the one that the seed gives."""
    unordered = data.tf.data.Options()
    unordered.deterministic = False
    dataset = data.tf.data.Dataset.range(200).map(
        lambda i: {"x": data.tf.fill([2], i)}, num_parallel_calls=8
    )
    values = [int(batch["x"][0]) for batch in data.batches(dataset.with_options(unordered))]
    assert values == list(range(200))
    assert data.in_fixed_order(dataset.with_options(unordered)).options().deterministic


@seqio.map_over_dataset
def double_targets(features, sequence_length, output_features):
    assert sequence_length == {"inputs": 32, "targets": 16} and set(output_features) == {
        "inputs",
        "targets",
    }
    return {**features, "targets": 2 * features["targets"]}


@seqio.map_over_dataset(num_seeds=1)
def random_targets(features, seed):
    noise = data.tf.random.stateless_uniform([3], seed, 2, 1000, data.tf.int32)
    return {**features, "targets": noise}


def test_runtime_preprocessors_run_after_the_tasks_own():
    plain = first_batches(CFG, 2)
    doubled = first_batches(dataclasses.replace(CFG, runtime_preprocessors=[double_targets]), 2)
    for one, two in zip(plain, doubled, strict=True):
        np.testing.assert_array_equal(
            2 * one["decoder_target_tokens"], two["decoder_target_tokens"]
        )


def test_runtime_preprocessors_draw_from_the_seed():
    cfg = dataclasses.replace(CFG, runtime_preprocessors=[random_targets], pack=False)
    one, again, later = first_batches(cfg, 3), first_batches(cfg, 3), first_batches(cfg, 1, start=2)
    assert all(same(a, b) for a, b in zip(one, again, strict=True)) and same(one[2], later[0])
    other = first_batches(dataclasses.replace(cfg, seed=8), 3)
    assert not same(
        {"x": one[0]["decoder_target_tokens"]}, {"x": other[0]["decoder_target_tokens"]}
    )


def test_fields_without_effect_warn():
    with mock.patch.object(data.logging, "log_first_n") as warn:
        dataclasses.replace(CFG, num_workers=4)
    assert warn.call_args.args[-2:] == ("num_workers", 4)


def test_preprocessors_that_need_autograph_get_it():
    calls = []

    def halve_even(number):
        if number % 2 == 0:
            number = number // 2
        return number

    def make_dataset(stop):
        calls.append(stop)
        return data.tf.data.Dataset.range(stop).map(halve_even)

    dataset = data.traced_plainly(make_dataset, stop=4)
    assert list(dataset.as_numpy_iterator()) == [0, 1, 1, 3]
    assert calls == [4, 4]


def test_preprocessors_that_do_not_are_traced_once():
    calls = []

    def make_dataset(stop):
        calls.append(stop)
        return data.tf.data.Dataset.range(stop).map(lambda number: number + 1)

    assert list(data.traced_plainly(make_dataset, stop=2).as_numpy_iterator()) == [1, 2]
    assert calls == [2]


def test_an_error_of_another_cause_is_raised():
    def make_dataset():
        raise ValueError("no such split")

    with pytest.raises(ValueError, match="no such split"):
        data.traced_plainly(make_dataset)
