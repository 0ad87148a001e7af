"""Packing with several rows open at once: fuller rows, so more examples for the same step.

SeqIO's own packing keeps one row open and starts the next when an example does not fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from t5x.data import in_fixed_order
from t5x.quiet import import_seqio, import_tensorflow

tf: Any = import_tensorflow()
seqio: Any = import_seqio()

Example = Mapping[str, np.ndarray]


def pack(
    examples: Iterable[Example], lengths: Mapping[str, int], open_rows: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yields rows of several examples each, every example once.

    An example goes to the first open row that has room for all of its features (first fit). When
    none has, the fullest row is finished to make place for a new one.

    Args:
        examples: token ids by feature, `int32[length]`; longer ones are cut to `lengths`.
        lengths: of a row, by feature.
        open_rows: rows that may still take examples, at least 1.

    Yields:
        For every feature `<name>`, `<name>_segment_ids` (1 for the first example of the row, 2 for
        the second, 0 for padding) and `<name>_positions`, all `int32[lengths[name]]`.

    Example:
        >>> parts = [{"targets": np.full(n, n)} for n in (3, 4, 2)]
        >>> [row["targets"].tolist() for row in pack(parts, {"targets": 5}, open_rows=2)]
        [[3, 3, 3, 2, 2], [4, 4, 4, 4, 0]]
    """
    rows: list[list[Example]] = []
    for example in examples:
        cut = {name: np.asarray(example[name])[:length] for name, length in lengths.items()}
        for row in rows:
            if _fits(cut, row, lengths):
                row.append(cut)
                break
        else:
            if len(rows) == open_rows:
                yield _finish(rows.pop(_fullest(rows, lengths)), lengths)
            rows.append([cut])
    for row in rows:
        yield _finish(row, lengths)


def _fits(example: Example, row: list[Example], lengths: Mapping[str, int]) -> bool:
    return all(_used(row, name) + len(example[name]) <= length for name, length in lengths.items())


def _used(row: list[Example], name: str) -> int:
    return sum(len(example[name]) for example in row)


def _fullest(rows: list[list[Example]], lengths: Mapping[str, int]) -> int:
    shares = [sum(_used(row, name) / n for name, n in lengths.items()) for row in rows]
    return shares.index(max(shares))


def _finish(row: list[Example], lengths: Mapping[str, int]) -> dict[str, np.ndarray]:
    finished = {}
    for name, length in lengths.items():
        parts = [example[name] for example in row]
        columns = {
            name: parts,
            f"{name}_segment_ids": [np.full(len(p), i) for i, p in enumerate(parts, 1)],
            f"{name}_positions": [np.arange(len(p)) for p in parts],
        }
        for column, values in columns.items():
            joined = np.concatenate(values)
            finished[column] = np.pad(joined, (0, length - len(joined))).astype(np.int32)
    return finished


class FirstFitFeatureConverter(seqio.EncDecFeatureConverter):
    """`seqio.EncDecFeatureConverter` that packs with several rows open.

    For `models.EncoderDecoderModel.feature_converter_cls`. The model features are SeqIO's; only
    which examples share a row differs. Without packing it is SeqIO's converter.

    Args:
        open_rows: rows that may still take examples. Four fill 256 + 192 tokens of the starter
            mixture to 81 %, sixteen hardly more, SeqIO's one to 68 %.
        apply_length_check: assert every example's lengths in TensorFlow's graph, as SeqIO does by
            default. Packing and padding give exact lengths either way, and tracing the assertions
            takes long: under a profiler it was nine of the eighteen seconds of the starter
            mixture's evaluation before training.
        **arguments: of `seqio.EncDecFeatureConverter`.
    """

    def __init__(
        self, open_rows: int = 4, apply_length_check: bool = False, **arguments: Any
    ) -> None:
        super().__init__(apply_length_check=apply_length_check, **arguments)
        if open_rows < 1:
            raise ValueError(
                f"FirstFitFeatureConverter.open_rows is {open_rows}: packing needs a row to fill, "
                "so give 1 or more."
            )
        self._open_rows = open_rows

    def _pack_or_pad(self, ds: Any, packed_lengths: Mapping[str, int]) -> Any:
        if not self.pack:
            return super()._pack_or_pad(ds, packed_lengths)
        lengths = {name: packed_lengths[name] for name in self.TASK_FEATURES}
        examples = in_fixed_order(ds)
        return tf.data.Dataset.from_generator(
            lambda: pack(examples.as_numpy_iterator(), lengths, self._open_rows),
            output_signature={
                name + suffix: tf.TensorSpec([length], tf.int32)
                for name, length in lengths.items()
                for suffix in ("", "_segment_ids", "_positions")
            },
        )
