"""Packing with several open rows: nothing lost, nothing mixed, rows fuller than SeqIO's."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5x import data, packing
from t5x.data import seqio

CFG = data.DatasetConfig(
    mixture_or_task_name="toy",
    task_feature_lengths={"inputs": 48, "targets": 24},
    split="train",
    batch_size=2,
    shuffle=True,
    seed=7,
    pack=True,
    module="tests.t5x.toy_tasks",
)
SHARD = seqio.ShardInfo(0, 1)


def example(inputs, targets):
    return {"inputs": np.array(inputs, np.int32), "targets": np.array(targets, np.int32)}


def test_rows_literally():
    examples = [
        example([1, 2, 3], [4]),
        example([5, 6, 7, 8], [9, 10]),  # no room beside the first
        example([11, 12], [13, 14]),  # fits beside the first, the second row is for later
        example([15, 16, 17], [18, 19, 20]),  # fits nowhere: the first row is the fullest
    ]
    rows = list(packing.pack(examples, {"inputs": 5, "targets": 4}, open_rows=2))
    assert [row["inputs"].tolist() for row in rows] == [
        [1, 2, 3, 11, 12],
        [5, 6, 7, 8, 0],
        [15, 16, 17, 0, 0],
    ]
    assert {name: column.tolist() for name, column in rows[0].items()} == {
        "inputs": [1, 2, 3, 11, 12],
        "inputs_segment_ids": [1, 1, 1, 2, 2],
        "inputs_positions": [0, 1, 2, 0, 1],
        "targets": [4, 13, 14, 0],
        "targets_segment_ids": [1, 2, 2, 0],
        "targets_positions": [0, 0, 1, 0],
    }


def unpacked(rows):
    """The examples of packed rows, in the order of the rows."""
    for row in rows:
        for segment in range(1, row["inputs_segment_ids"].max() + 1):
            yield tuple(
                tuple(row[name][row[f"{name}_segment_ids"] == segment].tolist())
                for name in ("inputs", "targets")
            )


tokens = st.lists(st.integers(1, 99), min_size=1, max_size=12)


@given(st.lists(st.tuples(tokens, tokens), max_size=30), st.integers(1, 5))
def test_every_example_once_cut_to_the_row(pairs, open_rows):
    rows = list(packing.pack((example(*p) for p in pairs), {"inputs": 9, "targets": 7}, open_rows))
    cut = [(tuple(i[:9]), tuple(t[:7])) for i, t in pairs]
    assert sorted(unpacked(rows)) == sorted(cut)
    for row in rows:
        for name in ("inputs", "targets"):
            used = row[f"{name}_segment_ids"] > 0
            assert (used == (row[name] > 0)).all()
            assert not (np.diff(used.astype(int)) > 0).any()  # padding comes last


def model_features(converter, count=None, **changes):
    cfg = dataclasses.replace(CFG, **changes)
    dataset = data.get_dataset(cfg, SHARD, converter, num_epochs=1 if count is None else None)
    iterator = data.batches(dataset)
    return (
        [batch for batch in iterator] if count is None else [next(iterator) for _ in range(count)]
    )


def contents(batches):
    """The packed examples of batches of model features."""
    found = []
    for batch in batches:
        for row in range(len(batch["encoder_input_tokens"])):
            for segment in range(1, batch["decoder_segment_ids"][row].max() + 1):
                source = batch["encoder_segment_ids"][row] == segment
                target = batch["decoder_segment_ids"][row] == segment
                assert batch["decoder_input_tokens"][row][target][0] == 0
                found.append(
                    (
                        tuple(batch["encoder_input_tokens"][row][source]),
                        tuple(batch["decoder_target_tokens"][row][target]),
                    )
                )
    return found


def test_one_epoch_holds_the_examples_of_seqio_in_fewer_rows():
    ours = model_features(
        packing.FirstFitFeatureConverter, batch_size=1, mixture_or_task_name="toy_copy"
    )
    seqios = model_features(
        seqio.EncDecFeatureConverter, batch_size=1, mixture_or_task_name="toy_copy"
    )
    assert sorted(contents(ours)) == sorted(contents(seqios))
    assert len(contents(ours)) == 300
    assert len(ours) < len(seqios)
    assert ours[0].keys() == seqios[0].keys()
    for name, column in ours[0].items():
        assert (column.shape, column.dtype) == (seqios[0][name].shape, seqios[0][name].dtype)


def test_the_seed_decides_the_rows_and_a_run_can_go_on():
    def iterate(start):
        dataset = data.get_dataset(CFG, SHARD, packing.FirstFitFeatureConverter)
        return data.batches(dataset, start)

    whole, resumed = iterate(0), iterate(5)
    batches = [next(whole) for _ in range(8)]
    for expected in batches[5:]:
        batch = next(resumed)
        assert all(np.array_equal(batch[name], expected[name]) for name in expected)


def test_without_packing_it_is_seqios():
    ours = model_features(packing.FirstFitFeatureConverter, 3, pack=False)
    seqios = model_features(seqio.EncDecFeatureConverter, 3, pack=False)
    for a, b in zip(ours, seqios, strict=True):
        assert all(np.array_equal(a[name], b[name]) for name in b)


def test_no_open_row_is_refused():
    with pytest.raises(ValueError, match="open_rows is 0"):
        packing.FirstFitFeatureConverter(open_rows=0)
