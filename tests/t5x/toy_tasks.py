"""A mixture of two small tasks in bytes, as a T5X user's own module would register it."""

import random

from t5x.quiet import import_seqio

seqio = import_seqio()
import tensorflow as tf  # noqa: E402

ROWS = {"train": 300, "validation": 37}
FEATURES = {
    name: seqio.Feature(seqio.ByteVocabulary(), add_eos=True) for name in ("inputs", "targets")
}


def rows(task, split):
    rng = random.Random(f"{task}-{split}")
    for _ in range(ROWS[split]):
        text = "".join(rng.choices("abcdef", k=rng.randint(2, 6)))
        yield {"inputs": f"{task}: {text}", "targets": text if task == "copy" else text[::-1]}


def dataset(task):
    def fn(split, shuffle_files=False, seed=None):
        examples = list(rows(task, split))
        columns = {name: [example[name] for example in examples] for name in examples[0]}
        return tf.data.Dataset.from_tensor_slices(columns)

    return fn


def exact(targets, predictions):
    return {"exact": sum(t == p for t, p in zip(targets, predictions, strict=True)) / len(targets)}


for _task in ("copy", "reverse"):
    seqio.TaskRegistry.add(
        f"toy_{_task}",
        source=seqio.FunctionDataSource(dataset(_task), splits=tuple(ROWS)),
        preprocessors=[
            seqio.preprocessors.tokenize,
            seqio.CacheDatasetPlaceholder(),
            seqio.preprocessors.append_eos_after_trim,
        ],
        output_features=FEATURES,
        metric_fns=[exact],
    )
seqio.MixtureRegistry.add("toy", ["toy_copy", "toy_reverse"], default_rate=1.0)
