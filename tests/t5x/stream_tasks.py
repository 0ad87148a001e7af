"""Mixtures of tasks of different sizes, one with random preprocessing, for tests of streams."""

from t5x.data import DatasetConfig, seqio, tf
from t5x.materialize import materialize
from t5x.stream_format import read_header

MODULE = "tests.t5x.stream_tasks"
LENGTHS = {"inputs": 40, "targets": 24}
SIZES = {"long": 300, "short": 140}
FEATURES = {name: seqio.Feature(seqio.ByteVocabulary()) for name in LENGTHS}


def dataset(name):
    def fn(split, shuffle_files=False, seed=None):
        texts = [f"{name} {number}" for number in range(SIZES[name])]
        return tf.data.Dataset.from_tensor_slices({"inputs": texts, "targets": texts})

    return fn


@seqio.map_over_dataset(num_seeds=1)
def append_noise(example, seed):
    noise = tf.random.stateless_uniform([2], seed, 3, 259, tf.int32)
    return {**example, "targets": tf.concat([example["targets"][-3:], noise], 0)}


for _name in SIZES:
    seqio.TaskRegistry.add(
        f"stream_{_name}",
        source=seqio.FunctionDataSource(dataset(_name), splits=("train", "validation")),
        preprocessors=[
            seqio.preprocessors.tokenize,
            append_noise,
            seqio.preprocessors.append_eos_after_trim,
        ],
        output_features=FEATURES,
    )
seqio.MixtureRegistry.add("stream_even", ["stream_long", "stream_short"], default_rate=1.0)
seqio.MixtureRegistry.add("stream_uneven", [("stream_long", 3.0), ("stream_short", 1.0)])


def config(mixture, **changes):
    arguments = {
        "mixture_or_task_name": mixture,
        "task_feature_lengths": LENGTHS,
        "split": "train",
        "batch_size": 8,
        "shuffle": True,
        "seed": 7,
        "pack": True,
        "module": MODULE,
    }
    return DatasetConfig(**(arguments | changes))


def write(folder, cfg, **arguments):
    return materialize(cfg, str(folder), say=lambda line: None, **arguments)


def unpacked(row):
    """The examples of a row: (task, number), inputs, targets."""
    ends = {name: sizes.cumsum() for name, sizes in row.sizes.items()}
    for place, (task, number) in enumerate(row.ids.tolist()):
        parts = []
        for name in LENGTHS:
            end, size = ends[name][place], row.sizes[name][place]
            parts.append(tuple(row.tokens[name][end - size : end].tolist()))
        yield (task, number), *parts


def rows_of(folder):
    """Every row of a stream, as it is stored."""
    from array_record.python.array_record_module import ArrayRecordReader

    header = read_header(str(folder))
    for shard in header.shards:
        for record in ArrayRecordReader(f"{folder}/{shard.name}").read_all():
            yield header.codec.decode(record)


def examples_of(folder):
    return [example for row in rows_of(folder) for example in unpacked(row)]
