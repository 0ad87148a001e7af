"""From corpus records to questions and answers, as steps of a SeqIO pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from t5chem.prompts import PROMPTS
from t5chem.smiles import join_mixtures

Example = Mapping[str, Any]


def ask(task: str, inputs: Sequence[str], targets: Sequence[str]) -> Callable[[Any], Any]:
    """Returns a step that turns records into a task's inputs and targets.

    Args:
        task: one of `t5chem.prompts.PROMPTS`; its prompt is put before the input.
        inputs: the record's fields that ask; several are mixtures, which are merged and sorted.
        targets: the fields that answer, likewise.

    Returns:
        A function of a `tf.data.Dataset` of records. Its examples have `inputs`, `targets` and
        `source`, the input without the prompt.
    """
    prompt = PROMPTS[task]

    def to_example(record: Example) -> dict[str, Any]:
        source = _merged(record, inputs)
        return {
            "inputs": tf.strings.join([prompt, source]),
            "targets": _merged(record, targets),
            "source": source,
        }

    return lambda dataset: dataset.map(to_example, num_parallel_calls=tf.data.AUTOTUNE)


# AutoGraph would rewrite the function that TensorFlow calls back, and slow every call.
@tf.autograph.experimental.do_not_convert
def _merged(record: Example, fields: Sequence[str]) -> Any:
    if len(fields) == 1:
        return record[fields[0]]
    merged = tf.numpy_function(
        lambda *parts: join_mixtures(part.decode() for part in parts),
        [record[field] for field in fields],
        tf.string,
    )
    return tf.ensure_shape(merged, ())
