"""Writing a stream: every example of an epoch once, shuffled, and whole or not there at all."""

import collections
import dataclasses
import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5x import materialize as command
from t5x import mixture_epoch, stream_writing
from t5x.data import ShardInfo, batches, get_dataset, seqio
from t5x.errors import ConfigError
from t5x.external_shuffle import Buckets
from t5x.stream_check import check_stream
from t5x.stream_format import (
    DamagedStreamError,
    RowCodec,
    read_header,
    vocabulary_card,
    write_header,
)
from tests.t5x.stream_tasks import LENGTHS, MODULE, config, examples_of, rows_of, write

ROOT = Path(__file__).resolve().parents[2]
EVEN = config("stream_even")


@pytest.fixture(scope="module")
def even(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams") / "even"
    return folder, write(folder, EVEN, rows_per_shard=20)


# What an epoch is


def test_an_epoch_is_the_longest_task_once_and_the_others_in_whole_passes(even):
    folder, header = even
    assert [(task.name, task.rate, list(task.passes)) for task in header.tasks] == [
        ("stream_long", 1.0, [300]),
        ("stream_short", 1.0, [140, 140]),  # 280 is nearer to 300 than 420
    ]
    assert header == read_header(str(folder))
    counts = collections.Counter(ids for ids, *_ in examples_of(folder))
    expected = {(0, n) for n in range(300)} | {(1, n) for n in range(280)}
    assert set(counts) == expected and set(counts.values()) == {1}
    assert header.rows == len(list(rows_of(folder))) == sum(shard.rows for shard in header.shards)
    assert [shard.rows for shard in header.shards][:-1] == [20] * (len(header.shards) - 1)


def test_each_pass_draws_anew_and_the_first_as_tf_data_does(even):
    folder, _ = even
    passes = collections.defaultdict(set)
    for (task, number), inputs, targets in examples_of(folder):
        if task == 1:
            passes[number // 140].add((inputs, targets))
    assert {i for i, _ in passes[0]} == {i for i, _ in passes[1]}
    assert len(passes[0] | passes[1]) > 270  # of 280, were all to differ

    cfg = config("stream_short", shuffle=False, pack=False, batch_size=1)
    dataset = get_dataset(cfg, ShardInfo(0, 1), seqio.EncDecFeatureConverter, num_epochs=1)
    found = {
        tuple(tuple(row[row > 0].tolist()) for row in (batch["encoder_input_tokens"][0], targets))
        for batch in batches(dataset)
        for targets in batch["decoder_target_tokens"]
    }
    assert found == passes[0]


def test_epochs_multiply_the_passes_and_rates_weigh_them(tmp_path):
    header = write(tmp_path / "a", config("stream_uneven"), epochs=2)
    assert [task.examples for task in header.tasks] == [900, 280]  # 3 to 1 would be 840 to 280
    header = write(tmp_path / "b", config("stream_even"), examples=401)
    assert [list(task.passes) for task in header.tasks] == [[200], [140, 61]]
    assert check_stream(str(tmp_path / "b")) == header


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.floats(0.01, 100)), min_size=1, max_size=6),
    st.integers(1, 5),
)
def test_whole_passes_come_nearest_to_the_rates(tasks, epochs):
    sizes, rates = zip(*tasks, strict=True)
    passes = mixture_epoch.whole_passes(sizes, rates, epochs)
    longest = max(size / rate for size, rate in tasks)
    for size, rate, times in zip(sizes, rates, passes, strict=True):
        ideal = epochs * longest * rate / size
        assert times >= epochs and abs(times - ideal) <= 0.5 + 1e-9 * ideal


@given(st.integers(0, 10**7), st.lists(st.floats(0.01, 100), min_size=1, max_size=6))
def test_shares_add_up(examples, rates):
    shares = mixture_epoch.shared_out(examples, rates)
    assert sum(shares) == examples
    for share, rate in zip(shares, rates, strict=True):
        assert abs(share - examples * rate / sum(rates)) <= 1


def test_a_task_of_rate_nothing_is_left_out():
    assert mixture_epoch.whole_passes([5, 9], [0.0, 1.0]) == [0, 1]
    assert mixture_epoch.shared_out(7, [0.0, 1.0]) == [0, 7]


# The order


def test_the_order_is_random_and_the_recipe_decides_it(even, tmp_path):
    folder, header = even
    again = write(tmp_path / "again", EVEN, rows_per_shard=20)
    assert again == header  # the digests of the shards among it
    other = write(tmp_path / "other", dataclasses.replace(EVEN, seed=8), rows_per_shard=20)
    ids = [ids for ids, *_ in examples_of(folder)]
    assert [ids for ids, *_ in examples_of(tmp_path / "other")] != ids
    assert other.shards != header.shards
    mixed = sum(len(set(row.ids[:, 0].tolist())) == 2 for row in rows_of(folder))
    assert mixed > header.rows / 2  # both tasks share a row


def test_without_packing_a_row_is_an_example(tmp_path):
    header = write(tmp_path / "s", config("stream_short", pack=False))
    assert header.rows == header.examples == 140
    assert {len(row.ids) for row in rows_of(tmp_path / "s")} == {1}
    numbers = [number for (_, number), *_ in examples_of(tmp_path / "s")]
    assert abs(np.corrcoef(numbers, range(140))[0, 1]) < 0.25  # three standard deviations


@given(st.lists(st.binary(max_size=20), max_size=50), st.integers(1, 5))
def test_buckets_give_every_record_back(tmp_path_factory, records, count):
    def shuffled(seed):
        buckets = Buckets(str(tmp_path_factory.mktemp("buckets")), count, seed)
        for record in records:
            buckets.add(record)
        return [bytes(record) for record in buckets.shuffled()]

    assert sorted(shuffled(3)) == sorted(records)
    assert shuffled(3) == shuffled(3)


def test_buckets_shuffle_evenly(tmp_path):
    """The place of each record, over many seeds, is any place."""
    ends = np.zeros((12, 12))
    for seed in range(600):
        folder = tmp_path / str(seed)
        folder.mkdir()
        buckets = Buckets(str(folder), 3, seed)
        for number in range(12):
            buckets.add(bytes([number]))
        for place, record in enumerate(buckets.shuffled()):
            ends[record[0], place] += 1
        assert not list(folder.iterdir())
    statistic = ((ends - 50) ** 2 / 50).sum()
    assert statistic < 180  # chi-squared of 121 degrees of freedom: 0.9996


# The files


def test_a_record_byte_by_byte():
    codec = RowCodec(("inputs", "targets"), "uint16")
    parts = [
        {"inputs": np.array([7, 8]), "targets": np.array([513]), "task": 1, "number": 66},
        {"inputs": np.array([9]), "targets": np.array([], int), "task": 0, "number": 2},
    ]
    words = [2, 1, 0, 66, 2, 2, 1, 1, 0]  # count, tasks, numbers, sizes of inputs and of targets
    expected = b"".join(word.to_bytes(4, "little") for word in words)
    assert codec.encode(parts) == expected + b"\x07\x00\x08\x00\x09\x00" + b"\x01\x02"


tokens = st.lists(st.integers(0, 2**16 - 1), max_size=9).map(lambda x: np.array(x, np.int32))
examples = st.fixed_dictionaries(
    {"x": tokens, "y": tokens, "task": st.integers(0, 9), "number": st.integers(0, 2**31 - 1)}
)


@given(st.lists(examples, min_size=1, max_size=5), st.sampled_from(["uint16", "int32"]))
def test_what_is_encoded_is_decoded(parts, token_type):
    codec = RowCodec(("x", "y"), token_type)
    record = codec.encode(parts)
    row = codec.decode(record)
    assert row.ids.tolist() == [[part["task"], part["number"]] for part in parts]
    for name in ("x", "y"):
        assert row.sizes[name].tolist() == [len(part[name]) for part in parts]
        assert row.tokens[name].tolist() == np.concatenate([p[name] for p in parts]).tolist()
    if row.tokens["y"].size:
        with pytest.raises(ValueError, match="a row of"):
            codec.decode(record[: -np.dtype(token_type).itemsize])


def test_a_token_that_does_not_fit_is_refused():
    codec = RowCodec(("x",), "uint16")
    for number in (65536, -1):
        with pytest.raises(ConfigError, match=f"Token ids from .*{number}.* do not fit uint16"):
            codec.encode([{"x": np.array([3, number]), "task": 0, "number": 0}])


def test_vocabularies_are_told_apart_by_what_their_ids_mean():
    card = vocabulary_card(seqio.ByteVocabulary())
    assert (card.name, card.size, card.eos_id) == ("ByteVocabulary", 259, 1)
    assert card == vocabulary_card(seqio.ByteVocabulary())
    assert card.digest != vocabulary_card(seqio.ByteVocabulary(extra_ids=1)).digest


def test_the_header_says_what_made_the_stream(even):
    folder, _ = even
    content = json.loads((folder / "header.json").read_text())
    assert content["recipe"] == {
        "mixture": "stream_even",
        "module": MODULE,
        "split": "train",
        "lengths": LENGTHS,
        "pack": True,
        "open_rows": 16,
        "seed": 7,
        "epochs": 1,
        "examples": None,
        "use_cached": False,
        "buckets": 128,
        "rows_per_shard": 20,
    }
    assert content["token_type"] == "uint16"
    assert {"array_record", "numpy", "seqio", "tensorflow"} <= set(content["versions"])
    assert 0.5 < content["filled"]["inputs"] <= 1
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        ["header.json", *(shard["name"] for shard in content["shards"])]
    )


# Damage and interruption


@pytest.fixture
def copy(even, tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in even[0].iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_shard_that_was_cut_short_or_lost_is_refused(copy):
    shard = copy / "rows-00001.array_record"
    size = shard.stat().st_size
    shard.write_bytes(shard.read_bytes()[:1000])
    with pytest.raises(DamagedStreamError, match=rf"{shard} has 1,000 bytes.*says {size:,} bytes"):
        read_header(str(copy))
    shard.unlink()
    with pytest.raises(DamagedStreamError, match=rf"{shard} is missing.*not copied whole"):
        read_header(str(copy))


def test_a_changed_byte_is_found_by_the_check(copy):
    shard = copy / "rows-00000.array_record"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DamagedStreamError, match=rf"{shard} is damaged: its content has changed"):
        check_stream(str(copy))


def test_examples_that_are_missing_or_twice_are_found(copy, even):
    header = even[1]
    more = dataclasses.replace(header.tasks[0], passes=[301])
    write_header(str(copy), dataclasses.replace(header, tasks=[more, header.tasks[1]]))
    with pytest.raises(DamagedStreamError, match=r"examples are missing: {'stream_long': 1}"):
        check_stream(str(copy))
    write_header(str(copy), dataclasses.replace(header, shards=[*header.shards, header.shards[0]]))
    with pytest.raises(DamagedStreamError, match=r"example \d+ of stream_\w+ is there twice"):
        check_stream(str(copy))


def test_headers_that_are_none(copy):
    header = copy / "header.json"
    content = json.loads(header.read_text())
    header.write_text(json.dumps(content | {"version": 2}))
    with pytest.raises(ConfigError, match="is no header of t5x-stream, version 1"):
        read_header(str(copy))
    header.write_text(json.dumps(content)[:100])
    with pytest.raises(DamagedStreamError, match="is no JSON"):
        read_header(str(copy))
    header.unlink()
    with pytest.raises(ConfigError, match=r"There is no stream in .*; make it:\n  python -m t5x"):
        read_header(str(copy))


def test_what_a_killed_process_left_is_begun_anew(tmp_path):
    partial = tmp_path / "s.partial"
    (partial / "buckets").mkdir(parents=True)
    for name in ("rows-00000.array_record", "rows-99999.array_record", "buckets/bucket-00000"):
        (partial / name).write_text("half a record")
    with pytest.raises(ConfigError, match="it was never finished: the same command begins it anew"):
        read_header(str(tmp_path / "s"))
    header = write(tmp_path / "s", config("stream_short"))
    assert check_stream(str(tmp_path / "s")) == header
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    assert "lock" not in os.listdir(tmp_path / "s")


def test_an_error_leaves_nothing(tmp_path, monkeypatch):
    def fail(self):
        raise OSError("disk full")

    monkeypatch.setattr(stream_writing.StreamWriter, "finish", fail)
    with pytest.raises(OSError, match="disk full"):
        write(tmp_path / "s", config("stream_short"))
    assert list(tmp_path.iterdir()) == []


def test_two_writers_of_one_folder(tmp_path):
    partial = tmp_path / "s.partial"
    partial.mkdir()
    with open(partial / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match=rf"Another process is writing {partial}"):
            write(tmp_path / "s", EVEN)


def test_what_exists_is_left_alone(even, tmp_path):
    with pytest.raises(ConfigError, match=r"is a stream of stream_even \(580 examples\) already"):
        write(even[0], EVEN)
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ConfigError, match=r"mine is no stream: remove it, or choose another"):
        write(tmp_path / "mine", EVEN)


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"task_feature_lengths": None}, {}, "needs its lengths"),
        ({"seed": -1}, {}, "--seed is -1"),
        ({"split": "trian"}, {}, "has no split 'trian'.*Did you mean 'train'"),
        ({"mixture_or_task_name": "stream_evn"}, {}, "Did you mean 'stream_even'"),
        ({}, {"examples": 0}, "--examples is 0: give 1 or more"),
        ({}, {"buckets": 0}, "--buckets is 0: give 1 or more"),
    ],
)
def test_configurations_that_cannot_work(tmp_path, changes, arguments, message):
    with pytest.raises(ConfigError, match=message):
        write(tmp_path / "s", dataclasses.replace(EVEN, **changes), **arguments)
    assert list(tmp_path.iterdir()) == []


# The command


def test_lengths_are_read_from_the_command_line():
    assert command.parse_lengths(["inputs=512", "targets=64"]) == {"inputs": 512, "targets": 64}
    assert command.parse_lengths([]) is None
    for parts in (["inputs"], ["inputs=x"], ["=3"]):
        with pytest.raises(ConfigError, match="is not understood: write it as --lengths=inputs=5"):
            command.parse_lengths(parts)


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "t5x.materialize", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_the_command_survives_kill_nine_at_random_moments(tmp_path, even):
    arguments = [
        "--mixture=stream_even",
        f"--module={MODULE}",
        "--lengths=inputs=40,targets=24",
        "--seed=7",
        "--rows_per_shard=20",
        f"--output={tmp_path / 's'}",
    ]
    begin = time.monotonic()
    process = start(*arguments)
    printed, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    assert "stream_even, split train: 580 examples in" in printed
    assert read_header(str(tmp_path / "s")).shards == even[1].shards

    seconds, rng = time.monotonic() - begin, random.Random(0)
    arguments[-1] = f"--output={tmp_path / 'killed'}"
    for _ in range(4):
        process = start(*arguments)
        time.sleep(seconds * rng.uniform(0.5, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if (tmp_path / "killed").exists():
            break
    else:
        process = start(*arguments)
        _, errors = process.communicate(timeout=900)
        assert process.returncode == 0, errors
    assert read_header(str(tmp_path / "killed")).shards == even[1].shards

    process = start(f"--check={tmp_path / 'killed'}")
    printed, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    assert printed.endswith("Every record is whole, every example once.\n")


@pytest.mark.slow
def test_the_command_reads_the_configuration_of_a_run(tmp_path):
    process = start(
        "--gin_file=t5x/configs/runs/pretrain.gin",
        "--gin.MIXTURE_OR_TASK_NAME='stream_even'",
        f"--gin.MIXTURE_OR_TASK_MODULE='{MODULE}'",
        "--gin.TASK_FEATURE_LENGTHS={'inputs': 40, 'targets': 24}",
        "--gin.TRAIN_STEPS=1",
        "--gin.MODEL_DIR='unused'",
        "--gin_bindings=MODEL = None",
        f"--output={tmp_path / 's'}",
        "--examples=40",
        "--seed=7",
    )
    _, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    header = read_header(str(tmp_path / "s"))
    recipe = header.recipe
    assert (recipe.mixture, recipe.split, recipe.pack) == ("stream_even", "train", True)
    assert (recipe.lengths, recipe.examples, recipe.seed) == (LENGTHS, 40, 7)
    assert "MIXTURE_OR_TASK_NAME = 'stream_even'" in header.configuration
    assert [task.examples for task in header.tasks] == [20, 20]
