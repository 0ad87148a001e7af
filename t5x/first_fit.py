"""Packing in numpy alone: several examples share a row, each with its own segment.

Several rows are open at once: SeqIO's own packing keeps one open and starts the next when an
example does not fit. Fuller rows hold more examples for the same step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

Example = Mapping[str, Any]
"""Token ids by feature, `int32[length]`, and whatever else goes with them."""


def pack(
    examples: Iterable[Example], lengths: Mapping[str, int], open_rows: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yields rows of several examples each, every example once.

    Args:
        examples: longer ones are cut to `lengths`.
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
    for row in first_fit(examples, lengths, open_rows):
        finished = {}
        for name, length in lengths.items():
            parts = [example[name] for example in row]
            sizes = np.array([len(part) for part in parts])
            finished[name] = padded(np.concatenate(parts), length)
            finished |= segments(name, sizes, length)
        yield finished


def first_fit(
    examples: Iterable[Example], lengths: Mapping[str, int], open_rows: int
) -> Iterator[list[Example]]:
    """Yields the examples of each row.

    An example goes to the first open row that has room for all of its features (first fit). When
    none has, the fullest row is finished to make place for a new one.

    Args:
        examples: as for `pack`; features are cut, what is not in `lengths` is handed on.
        lengths: likewise.
        open_rows: likewise.

    Example:
        >>> parts = [{"x": np.ones(n), "id": n} for n in (3, 4, 2)]
        >>> [[part["id"] for part in row] for row in first_fit(parts, {"x": 5}, open_rows=2)]
        [[3, 2], [4]]
    """
    rows: list[_Row] = []
    for example in examples:
        cut = {**example, **{name: example[name][:n] for name, n in lengths.items()}}
        sizes = [len(cut[name]) for name in lengths]
        row = next((row for row in rows if row.fits(sizes)), None)
        if row is None:
            if len(rows) == open_rows:
                yield rows.pop(_fullest(rows)).examples
            row = _Row(list(lengths.values()))
            rows.append(row)
        row.add(cut, sizes)
    for row in rows:
        yield row.examples


class _Row:
    """A row that may still take examples.

    Args:
        lengths: of its features.
    """

    def __init__(self, lengths: list[int]) -> None:
        self.examples: list[Example] = []
        self._lengths = lengths
        self._room = list(lengths)

    def fits(self, sizes: list[int]) -> bool:
        """Tells whether an example with features of these sizes finds room."""
        return all(size <= room for size, room in zip(sizes, self._room, strict=True))

    def add(self, example: Example, sizes: list[int]) -> None:
        """Takes an example."""
        self.examples.append(example)
        self._room = [room - size for room, size in zip(self._room, sizes, strict=True)]

    def used(self) -> float:
        """Returns the used shares of its features, added up."""
        pairs = zip(self._room, self._lengths, strict=True)
        return sum((length - room) / length for room, length in pairs)


def _fullest(rows: list[_Row]) -> int:
    shares = [row.used() for row in rows]
    return shares.index(max(shares))


def segments(name: str, sizes: np.ndarray, length: int) -> dict[str, np.ndarray]:
    """Returns `<name>_segment_ids` and `<name>_positions` of a row, `int32[length]`.

    Args:
        name: of the feature.
        sizes: tokens of each example, `int[examples]`.
        length: of the row.

    Example:
        >>> {key: row.tolist() for key, row in segments("x", np.array([2, 1]), 4).items()}
        {'x_segment_ids': [1, 1, 2, 0], 'x_positions': [0, 1, 0, 0]}
    """
    number = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    begin = np.repeat(np.cumsum(sizes) - sizes, sizes)
    return {
        f"{name}_segment_ids": padded(number, length),
        f"{name}_positions": padded(np.arange(len(begin)) - begin, length),
    }


def padded(values: np.ndarray, length: int) -> np.ndarray:
    """Returns the values, then zeros, `int32[length]`.

    Args:
        values: at most `length`.
        length: of the result.
    """
    row = np.zeros(length, np.int32)
    row[: len(values)] = values
    return row
