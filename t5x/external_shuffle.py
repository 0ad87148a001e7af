"""A shuffle of more records than memory holds: thrown into buckets on disk, each shuffled alone.

Every record goes to a bucket of its own luck, and every bucket is put in random order: together
that is a random order of all of them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_SIZE = struct.Struct("<I")
_DRAWN_AT_ONCE = 4096


class Buckets:
    """Takes records in any number, and gives them back in an order of the seed's.

    Args:
        folder: for the buckets' files; exists and is empty.
        count: number of buckets; one at a time is held in memory.
        seed: of the order.
    """

    def __init__(self, folder: str, count: int, seed: int) -> None:
        self._paths = [os.path.join(folder, f"bucket-{number:05d}") for number in range(count)]
        self._seed = seed
        self._numbers = self._draw()
        self._files = [open(path, "wb") for path in self._paths]  # noqa: SIM115 - see shuffled()

    def _draw(self) -> Iterator[int]:
        rng = np.random.Generator(np.random.PCG64([self._seed, len(self._paths)]))
        while True:
            yield from rng.integers(len(self._paths), size=_DRAWN_AT_ONCE).tolist()

    def add(self, record: bytes) -> None:
        """Takes a record."""
        file = self._files[next(self._numbers)]
        file.write(_SIZE.pack(len(record)))
        file.write(record)

    def shuffled(self) -> Iterator[memoryview]:
        """Yields every record once, and removes the files; nothing can be added any more."""
        for file in self._files:
            file.close()
        for number, path in enumerate(self._paths):
            records = list(_split(Path(path).read_bytes()))
            os.remove(path)
            rng = np.random.Generator(np.random.PCG64([self._seed, len(self._paths), number]))
            for place in rng.permutation(len(records)):
                yield records[place]


def _split(content: bytes) -> Iterator[memoryview]:
    """The records of a bucket."""
    view, place = memoryview(content), 0
    while place < len(content):
        (size,) = _SIZE.unpack_from(content, place)
        place += _SIZE.size
        yield view[place : place + size]
        place += size
