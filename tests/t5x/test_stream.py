"""Reading a stream: a batch is a function of seed and step, every example once an epoch."""

import collections
import dataclasses
import functools
import itertools
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

from t5x import stream
from t5x.data import ShardInfo, batch_struct, batches, get_dataset, seqio, tf
from t5x.errors import ConfigError
from t5x.stream import Stream, StreamVocabulary, WatchedStreams, order_seed
from t5x.stream_features import model_features
from t5x.stream_format import DamagedStreamError, Row, read_header
from tests.t5x.stream_tasks import LENGTHS, config, rows_of, unpacked, write
from tests.t5x.toy_gin import STREAM_GIN

ROOT = Path(__file__).resolve().parents[2]
CFG = config("stream_even")
EVERY_ID = {(0, n) for n in range(300)} | {(1, n) for n in range(280)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams") / "even"
    write(folder, CFG, rows_per_shard=20)
    return str(folder)


@pytest.fixture(scope="module")
def one_a_row(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams") / "one_a_row"
    write(folder, config("stream_short", pack=False))
    return str(folder)


def dataset(folder, cfg=CFG, index=0, hosts=1, **arguments):
    return Stream(folder)(cfg, ShardInfo(index, hosts), **arguments)


def hosts_of(folder, hosts, cfg=CFG):
    return [dataset(folder, cfg, index, hosts) for index in range(hosts)]


def global_rows(datasets, steps):
    """The ids of the examples in each row of the global batches, in order."""
    return [
        [tuple(example) for example in ids.tolist()]
        for step in steps
        for host in datasets
        for ids in host.example_ids(step)
    ]


def first_batches(dataset, count, start=0):
    return list(itertools.islice(dataset.batches_from(start), count))


def assert_same(batch, other):
    assert batch.keys() == other.keys()
    for name, values in batch.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


# Exactly once


@pytest.mark.parametrize("hosts", [1, 2, 4])
def test_every_example_once_an_epoch_in_the_same_global_order_on_any_number_of_hosts(folder, hosts):
    rows = read_header(folder).rows
    assert rows % CFG.batch_size  # a batch reaches from each epoch into the next
    steps = range(3 * rows // CFG.batch_size + 1)
    order = global_rows(hosts_of(folder, hosts), steps)
    assert order == global_rows(hosts_of(folder, 1), steps)
    epochs = [order[n * rows : (n + 1) * rows] for n in range(3)]
    for epoch in epochs:
        assert sorted(itertools.chain.from_iterable(epoch)) == sorted(EVERY_ID)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("hosts", [2, 4])
def test_the_hosts_shares_are_slices_of_the_global_batch(folder, hosts):
    shares = [first_batches(host, 3) for host in hosts_of(folder, hosts)]
    for number, batch in enumerate(first_batches(dataset(folder), 3)):
        parts = [share[number] for share in shares]
        assert_same(batch, {k: np.concatenate([part[k] for part in parts]) for k in batch})


@pytest.mark.parametrize("hosts", [1, 2, 4])
def test_killed_and_resumed_at_ten_random_steps(folder, hosts):
    """Each part of the run reads ahead what it never trains on, and is a new process' reader."""
    rows = read_header(folder).rows
    steps = 2 * rows // CFG.batch_size
    kills = sorted(random.Random(hosts).sample(range(1, steps), 10))
    whole = [first_batches(host, steps) for host in hosts_of(folder, hosts)]
    trained, seen = [[] for _ in range(hosts)], []
    for begin, end in itertools.pairwise([0, *kills, steps]):
        readers = hosts_of(folder, hosts)
        for host, reader in enumerate(readers):
            trained[host] += first_batches(reader, end - begin, start=begin)
        seen += global_rows(readers, range(begin, end))
    for host in range(hosts):
        for batch, expected in zip(trained[host], whole[host], strict=True):
            assert_same(batch, expected)
    epoch = itertools.chain.from_iterable(seen[:rows])
    assert collections.Counter(epoch) == collections.Counter(EVERY_ID)


def test_going_on_at_a_late_step_reads_no_more_than_its_batch(folder, monkeypatch):
    read = []

    class Counting(stream._Records):
        def __getitem__(self, number):
            read.append(number)
            return super().__getitem__(number)

    monkeypatch.setattr(stream, "_Records", Counting)
    reader = dataset(folder)
    assert len(reader.example_ids(10**12)) == len(read) == CFG.batch_size
    (late,) = first_batches(reader, 1, start=10**12)
    assert late["encoder_input_tokens"].shape == (8, 40)


def test_one_epoch_ends_with_its_last_full_batch(folder):
    rows = read_header(folder).rows
    reader = dataset(folder, num_epochs=1)
    assert len(reader) == len(list(reader.as_numpy_iterator())) == rows // CFG.batch_size
    everything = global_rows([reader], range(len(reader)))
    assert len(set(itertools.chain.from_iterable(everything))) == sum(map(len, everything))


# The order


def test_the_seed_decides_the_order(folder):
    one, again = (first_batches(dataset(folder), 2) for _ in range(2))
    for a, b in zip(one, again, strict=True):
        assert_same(a, b)
    rows = read_header(folder).rows
    steps = range(rows // CFG.batch_size)
    orders = [
        global_rows([dataset(folder, dataclasses.replace(CFG, seed=seed))], steps)
        for seed in (7, 8, 9)
    ]
    assert orders[0] != orders[1] != orders[2]
    # Grain adds the epoch to the seed: no epoch of this run is one of its neighbours'.
    assert len({order_seed(seed) + epoch for seed in range(100) for epoch in range(100)}) == 10**4


def test_unshuffled_the_order_is_that_of_the_files(folder):
    reader = dataset(folder, dataclasses.replace(CFG, shuffle=False))
    rows = [[tuple(ids) for ids in row.ids.tolist()] for row in rows_of(folder)]
    assert global_rows([reader], range(2)) == rows[:16]


# The same examples as tf.data


def contents(batch):
    """The examples of a batch of model features, whether packed or not."""
    for row in range(len(batch["encoder_input_tokens"])):
        for segment in range(1, batch["decoder_segment_ids"][row].max() + 1):
            sides = (("encoder", "encoder_input_tokens"), ("decoder", "decoder_target_tokens"))
            yield tuple(
                tuple(batch[tokens][row][batch[f"{side}_segment_ids"][row] == segment].tolist())
                for side, tokens in sides
            )


@pytest.mark.parametrize("task", ["stream_long", "stream_short"])
def test_both_paths_give_the_same_examples(tmp_path, task):
    """Shuffle off, no packing, one epoch: all of what SeqIO's path feeds is what ours does."""
    cfg = config(task, shuffle=False, pack=False, batch_size=20)  # divides 300 and 140
    header = write(tmp_path / "s", cfg)
    ours = dataset(str(tmp_path / "s"), cfg, num_epochs=1).as_numpy_iterator()
    theirs = get_dataset(cfg, ShardInfo(0, 1), seqio.EncDecFeatureConverter, num_epochs=1)

    def rows(found):
        return [
            tuple((name, tuple(batch[name][row].tolist())) for name in sorted(batch))
            for batch in found
            for row in range(20)
        ]

    expected = rows(batches(theirs))
    assert len(expected) == header.examples
    assert sorted(rows(ours)) == sorted(expected)


def test_packed_too_task_by_task(folder):
    header = read_header(folder)
    ours = collections.defaultdict(list)
    for row in rows_of(folder):
        for (task, number), inputs, targets in unpacked(row):
            if number < header.tasks[task].passes[0]:
                ours[header.tasks[task].name].append((inputs, targets))
    assert set(ours) == {"stream_long", "stream_short"}
    for name, examples in ours.items():
        cfg = config(name, shuffle=False, batch_size=1)
        theirs = get_dataset(cfg, ShardInfo(0, 1), seqio.EncDecFeatureConverter, num_epochs=1)
        found = [example for batch in batches(theirs) for example in contents(batch)]
        assert sorted(found) == sorted(examples)


def test_the_layout_is_seqios(folder, one_a_row):
    for pack, path in ((True, folder), (False, one_a_row)):
        cfg = config("stream_even" if pack else "stream_short", pack=pack)
        theirs = get_dataset(cfg, ShardInfo(0, 2), seqio.EncDecFeatureConverter)
        ours = dataset(path, cfg, 0, 2)
        assert batch_struct(ours, 8) == batch_struct(theirs, 8)
        batch = next(ours.batches_from(0))
        assert {name: (4, *values.shape[1:]) for name, values in batch.items()} == {
            name: spec.shape for name, spec in ours.element_spec.items()
        }
        assert {values.dtype for values in batch.values()} == {np.dtype(np.int32)}


def test_rows_become_the_features_that_seqio_makes_of_their_examples(folder):
    for row in itertools.islice(rows_of(folder), 5):
        parts = [{"inputs": i, "targets": t} for _, i, t in unpacked(row)]
        signature = {name: tf.TensorSpec([None], tf.int32) for name in LENGTHS}
        examples = tf.data.Dataset.from_generator(lambda p=parts: p, output_signature=signature)
        (expected,) = seqio.EncDecFeatureConverter(pack=True)(examples, LENGTHS).as_numpy_iterator()
        features = model_features([row], LENGTHS, pack=True)
        assert_same({name: values[0] for name, values in features.items()}, expected)


def test_features_literally():
    """The example in the documentation of SeqIO's converter."""
    row = Row(
        ids=np.array([[0, 0], [0, 1]]),
        sizes={"inputs": np.array([4, 5]), "targets": np.array([3, 2])},
        tokens={
            "inputs": np.array([7, 8, 5, 1, 8, 4, 9, 3, 1]),
            "targets": np.array([3, 9, 1, 4, 1]),
        },
    )
    features = model_features([row], {"inputs": 10, "targets": 7}, pack=True)
    assert {name: values[0].tolist() for name, values in features.items()} == {
        "encoder_input_tokens": [7, 8, 5, 1, 8, 4, 9, 3, 1, 0],
        "encoder_segment_ids": [1, 1, 1, 1, 2, 2, 2, 2, 2, 0],
        "encoder_positions": [0, 1, 2, 3, 0, 1, 2, 3, 4, 0],
        "decoder_target_tokens": [3, 9, 1, 4, 1, 0, 0],
        "decoder_input_tokens": [0, 3, 9, 0, 4, 0, 0],
        "decoder_loss_weights": [1, 1, 1, 1, 1, 0, 0],
        "decoder_segment_ids": [1, 1, 1, 2, 2, 0, 0],
        "decoder_positions": [0, 1, 2, 0, 1, 0, 0],
    }


# What is refused


class Model:
    input_vocabulary = output_vocabulary = seqio.ByteVocabulary()


class OtherModel:
    input_vocabulary = output_vocabulary = seqio.ByteVocabulary(extra_ids=5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mixture_or_task_name": "stream_uneven"}, "'stream_even'.* asks for 'stream_uneven'"),
        ({"split": "validation"}, "has split 'train', and the configuration asks for 'validation'"),
        ({"pack": False}, "has pack True, and the configuration asks for False"),
        ({"task_feature_lengths": {"inputs": 40, "targets": 17}}, "'targets': 24}.*'targets': 17}"),
        ({"runtime_preprocessors": [lambda ds: ds]}, "runtime_preprocessors do not run on a stre"),
    ],
)
def test_a_stream_of_something_else(folder, changes, message):
    with pytest.raises(ConfigError, match=message) as raised:
        Stream(folder).check(dataclasses.replace(CFG, **changes), None, "train")
    assert f"train/DatasetConfig.{next(iter(changes))}" in raised.value.settings


def test_a_stream_without_inputs(folder):
    reader, lengths = Stream(folder), {"targets": 24}
    recipe = dataclasses.replace(reader.header.recipe, lengths=lengths)
    reader.header = dataclasses.replace(reader.header, recipe=recipe)
    cfg = dataclasses.replace(CFG, task_feature_lengths=lengths)
    with pytest.raises(ConfigError, match="has the features targets: an encoder-decoder model re"):
        reader.check(cfg, None, "train")


def test_a_stream_in_another_vocabulary(folder):
    assert Stream(folder).check(CFG, Model(), "train") == ["stream_even"]
    with pytest.raises(ConfigError, match=r"(?s)inputs of the stream in .*=259.*=264"):
        Stream(folder).check(CFG, OtherModel(), "train")
    vocabulary = StreamVocabulary(folder)
    assert (vocabulary.vocab_size, vocabulary.eos_id) == (259, 1)
    OwnModel = type("OwnModel", (), {f"{s}_vocabulary": vocabulary for s in ("input", "output")})
    assert Stream(folder).check(CFG, OwnModel(), "train") == ["stream_even"]


def test_a_batch_that_the_hosts_do_not_divide(folder):
    with pytest.raises(ConfigError, match="BATCH_SIZE 8 is not divisible by the 3 hosts"):
        dataset(folder, CFG, 0, 3)


def test_a_damaged_record_is_named(folder, tmp_path):
    for path in Path(folder).iterdir():
        content = bytearray(path.read_bytes())
        if path.suffix == ".array_record":
            end = len(content[:65536].rstrip(b"\0"))  # of the records in the first block
            content[end // 2] ^= 1
        (tmp_path / path.name).write_bytes(content)
    with pytest.raises(DamagedStreamError, match=rf"(?s)stream in {tmp_path} cannot .*--check="):
        first_batches(dataset(str(tmp_path)), 10)


# Watching


def test_watched_streams_are_the_first_batches_of_each(folder, tmp_path):
    cfg = config("stream_short", shuffle=False, batch_size=2)
    write(tmp_path / "short", cfg)
    watch = WatchedStreams([folder, str(tmp_path / "short")])
    assert watch.check(cfg, Model(), "train_eval") == ["stream_even", "stream_short"]
    sets = watch(cfg, ShardInfo(0, 1), None, 3)
    for name, path in (("stream_even", folder), ("stream_short", str(tmp_path / "short"))):
        for _ in range(2):
            found = list(sets[name].as_numpy_iterator())
            assert len(found) == 3
            for batch, expected in zip(found, first_batches(dataset(path, cfg), 3), strict=True):
                assert_same(batch, expected)


# Whole runs

COMMAND = """
import atexit, runpy, sys
unwanted = ("tensorflow", "tensorflow_datasets", "seqio", "clu")
atexit.register(lambda: print("loaded:", [name for name in unwanted if name in sys.modules]))
runpy.run_module("t5x.train", run_name="__main__", alter_sys=True)
"""


def start(tmp_path, folder, name, steps, eval_period):
    (tmp_path / "run.gin").write_text(STREAM_GIN)
    bindings = {
        "STREAM": f"'{folder}'",
        "MODEL_DIR": f"'{tmp_path / name}'",
        "TRAIN_STEPS": steps,
        "EVAL_PERIOD": eval_period,
    }
    return subprocess.Popen(
        [
            *(sys.executable, "-c", COMMAND, f"--gin_file={tmp_path / 'run.gin'}"),
            *(f"--gin.{key}={value}" for key, value in bindings.items()),
        ],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def finish(process):
    printed, errors = process.communicate(timeout=900)
    assert process.returncode == 0, printed + errors
    return printed


@pytest.mark.slow
def test_a_whole_run_never_imports_tensorflow(tmp_path, folder):
    printed = finish(start(tmp_path, folder, "run", steps=4, eval_period=2))
    assert printed.splitlines()[-1] == "loaded: []"
    assert "step 4   validation loss: stream_even" in printed
    steps = [json.loads(line)["step"] for line in (tmp_path / "run/train/metrics.jsonl").open()]
    assert steps == [2, 4]
    assert (tmp_path / "run/checkpoint_4").is_dir()
    assert list((tmp_path / "run/training_eval/stream_even").glob("events.out.tfevents.*"))


@pytest.mark.slow
def test_kill_nine_at_ten_random_moments_changes_nothing(tmp_path, folder):
    from tests.t5x.test_resume import assert_same_checkpoint, log, wait_for_progress

    begin = functools.partial(start, tmp_path, folder, steps=120, eval_period=60)
    process = begin("whole")
    wait_for_progress(process, tmp_path / "whole")
    since = time.monotonic()
    finish(process)
    seconds = time.monotonic() - since
    rng, killed, found = random.Random(0), tmp_path / "killed", set()
    for _ in range(10):
        process = begin("killed")
        wait_for_progress(process, killed)
        time.sleep(rng.uniform(0, seconds / 6))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        names = [path.name for path in killed.glob("checkpoint_*") if path.name[11:].isdigit()]
        found.add(max((int(name[11:]) for name in names), default=0))
    assert len(found) > 3, f"the run was not killed between checkpoints: {found}"
    if not (killed / "checkpoint_120").is_dir():
        finish(begin("killed"))
    assert_same_checkpoint(killed, tmp_path / "whole", 120)
    for file in ("train/metrics.jsonl", "training_eval/stream_even/metrics.jsonl"):
        assert log(killed / file) == log(tmp_path / "whole" / file)
