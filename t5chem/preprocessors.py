"""From corpus records to questions and answers, as steps of a SeqIO pipeline."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import gin
import numpy as np
import tensorflow as tf

from t5chem import span_corruption
from t5chem.augmentation import augment
from t5chem.prompts import PROMPTS
from t5chem.smiles import join_mixtures
from t5x.errors import ConfigError, blamed_on

Example = Mapping[str, Any]
Step = Callable[[Any], Any]

CHEMISTRY_INPUTS: Final = "inputs_chemistry"
"""The feature that a chemistry encoder with a vocabulary of its own reads."""

SpanCorruption = gin.configurable(module="t5chem.preprocessors")(span_corruption.SpanCorruption)

RATES: Final[Mapping[str, float]] = MappingProxyType(
    {
        "randomised": 0.5,
        "kekule": 0.1,
        "explicit_hydrogens": 0.05,
        "root_aligned": 0.25,
        "shuffled_precursors": 0.5,
        "shuffled_sentences": 0.5,
        "dropped_sentences": 0.2,
        "synonyms": 0.2,
        "amounts": 0.5,
        "temperatures": 0.5,
    }
)


@gin.configurable(module="t5chem.preprocessors")
@dataclasses.dataclass(frozen=True)
class Copies:
    """The augmented copies that follow each example of a task whose name says `_augm`.

    What they are depends on the seed, the record's id and the copy's number alone, so they are the
    same in every epoch, on every host, and in a cache.

    Attributes:
        copies: of each example, besides itself: an epoch has 1 + `copies` times as many.
        rates: probability of each augmentation, by name (`t5chem.augmentation.AUGMENTATIONS`).
        seed: of all chance.

    Raises:
        ConfigError: a negative number of copies, no such augmentation, or a rate that is no
            probability.
    """

    copies: int = 2
    rates: Mapping[str, float] = dataclasses.field(default_factory=lambda: RATES)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.copies < 0:
            raise ConfigError(f"Copies.copies is {self.copies}: give 0 or more.", "Copies.copies")
        for task in PROMPTS:
            with blamed_on("Copies.rates"):
                self.of(task, "", "", "", 1)

    def of(self, task: str, source: str, targets: str, row_id: str, copy: int) -> tuple[str, str]:
        """Returns source and targets of a copy; number 0 is the example itself."""
        if copy == 0:
            return source, targets
        return augment(
            task, source, targets, seed=self.seed, row_id=row_id, copy=copy, rates=self.rates
        )


def ask(
    task: str,
    inputs: Sequence[str],
    targets: Sequence[str],
    augmented: bool = False,
    prompt: str | None = None,
) -> list[Step]:
    """Returns the steps that turn records into a task's inputs and targets.

    Args:
        task: one of `t5chem.prompts.PROMPTS`.
        inputs: the record's fields that ask; several are mixtures, which are merged and sorted.
        targets: the fields that answer, likewise.
        augmented: whether copies follow each example, as `Copies` is configured when the dataset
            is made.
        prompt: is put before the input; None: the task's own.

    Returns:
        Functions of a `tf.data.Dataset`, the first one of records with an `id`. Examples of the
        last have `inputs`, `targets`, `id` and `source`, the input without the prompt.
    """
    prompt = PROMPTS[task] if prompt is None else prompt

    def to_pair(record: Example) -> dict[str, Any]:
        return {
            "id": record["id"],
            "source": _merged(record, inputs),
            "targets": _merged(record, targets),
        }

    def add_prompt(pair: Example) -> dict[str, Any]:
        return {**pair, "inputs": tf.strings.join([prompt, pair["source"]])}

    copies = [lambda pairs: with_copies(pairs, task, Copies())] if augmented else []
    return [_map(to_pair), *copies, _map(add_prompt)]


def ask_twice(dataset: Any) -> Any:
    """Adds the input once more, to be tokenised by the chemistry encoder's own vocabulary."""
    return dataset.map(lambda pair: {**pair, CHEMISTRY_INPUTS: pair["inputs"]})


def _map(to_example: Callable[[Example], dict[str, Any]]) -> Step:
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


def with_copies(pairs: Any, task: str, copies: Copies) -> Any:
    """Puts augmented copies after each example.

    Args:
        pairs: a `tf.data.Dataset` of `id`, `source` and `targets`.
        task: one of `t5chem.prompts.PROMPTS`.
        copies: what they are.

    Returns:
        A dataset of the same features; the number of the copy is put behind the id.
    """
    numbers = range(1 + copies.copies)

    def all_of(source: bytes, targets: bytes, row_id: bytes) -> tuple[list[bytes], list[bytes]]:
        texts = source.decode(), targets.decode(), row_id.decode()
        made = [copies.of(task, *texts, number) for number in numbers]
        return [one.encode() for one, _ in made], [answer.encode() for _, answer in made]

    @tf.autograph.experimental.do_not_convert
    def to_copies(pair: Example) -> dict[str, Any]:
        fields = [pair["source"], pair["targets"], pair["id"]]
        sources, answers = tf.numpy_function(all_of, fields, [tf.string, tf.string])
        endings = tf.constant([f"/{number}" for number in numbers])
        return {
            "id": tf.strings.join([pair["id"], endings]),
            "source": tf.ensure_shape(sources, endings.shape),
            "targets": tf.ensure_shape(answers, endings.shape),
        }

    return pairs.map(to_copies, num_parallel_calls=tf.data.AUTOTUNE).unbatch()


def text_of(fields: Sequence[str]) -> Step:
    """Returns the step that turns records into texts, to be learned by span corruption.

    Args:
        fields: of the record; several are mixtures, which are merged and sorted.

    Returns:
        A function of a `tf.data.Dataset`; its examples have `targets`, the text, and `id`.
    """
    return _map(lambda record: {"id": record["id"], "targets": _merged(record, fields)})


def corrupt_spans(
    texts: Any,
    output_features: Mapping[str, Any],
    sequence_length: Mapping[str, int] | None = None,
) -> Any:
    """Leaves spans out of texts, as `SpanCorruption` is configured when the dataset is made.

    A step of SeqIO, which passes the arguments and seeds the draws. A text is an example of its
    own: packing fills the rows and keeps attention within it, where T5 joins texts. One that does
    not fit is cut into examples that do; a remainder of a single token is dropped.

    Args:
        texts: a `tf.data.Dataset` whose `targets` are ids.
        output_features: SeqIO's features of the task; those of `inputs` and `targets` speak the
            same vocabulary.
        sequence_length: of `inputs` and `targets`, the end included; None: texts stay whole.

    Returns:
        A dataset of `inputs` and `targets`, ids without the end.
    """
    from t5x.quiet import seqio

    corruption = SpanCorruption()
    sentinels = list(output_features["targets"].vocabulary.sentinel_ids)
    longest = None
    if sequence_length is not None:
        longest = corruption.longest(sequence_length["inputs"], sequence_length["targets"])

    def corrupted(tokens: np.ndarray, seed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed.astype(np.uint32))
        return corruption.corrupt(tokens, sentinels, rng)

    @tf.autograph.experimental.do_not_convert
    def to_pair(tokens: Any, seed: Any) -> dict[str, Any]:
        pair = tf.numpy_function(corrupted, [tokens, seed], [tf.int32, tf.int32])
        return {
            name: tf.ensure_shape(ids, [None])
            for name, ids in zip(("inputs", "targets"), pair, strict=True)
        }

    ids = texts.map(lambda text: tf.cast(text["targets"], tf.int32))
    long_enough = _pieces(ids, longest).filter(
        lambda piece: tf.size(piece) >= span_corruption.FEWEST
    )
    return seqio.map_over_dataset(to_pair, num_seeds=1)(long_enough)


def _pieces(ids: Any, longest: int | None) -> Any:
    """Cuts a dataset of texts into pieces of the longest length, the last one shorter."""
    if longest is None:
        return ids

    def cut(text: Any) -> Any:
        starts = tf.range(0, tf.size(text), longest)
        return tf.data.Dataset.from_tensor_slices(tf.RaggedTensor.from_row_starts(text, starts))

    return ids.flat_map(cut)
