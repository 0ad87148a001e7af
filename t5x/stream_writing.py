"""Writes a stream: examples in, shuffled and packed rows out, named when all of it is whole."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter

from t5x.errors import ConfigError
from t5x.external_shuffle import Buckets
from t5x.first_fit import Example, first_fit
from t5x.stream_format import NUMBER, PARTIAL, TASK, Recipe, RowCodec, Shard

LOCK = "lock"


@contextlib.contextmanager
def new_folder(path: str) -> Iterator[str]:
    """Yields a folder that gets the name `path` when the block ends well, and not before.

    What a killed process has left of it is removed first.

    Args:
        path: does not exist.

    Raises:
        ConfigError: another process is writing it.
    """
    partial = path.rstrip("/") + PARTIAL
    os.makedirs(partial, exist_ok=True)
    with open(os.path.join(partial, LOCK), "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"Another process is writing {partial}: wait for it, or choose another --output."
            ) from None
        _empty(partial, keep=LOCK)
        try:
            yield partial
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        os.replace(partial, path)
        os.remove(os.path.join(path, LOCK))


def _empty(folder: str, keep: str) -> None:
    for entry in os.scandir(folder):
        if entry.is_dir():
            shutil.rmtree(entry.path)
        elif entry.name != keep:
            os.remove(entry.path)


class StreamWriter:
    """Takes examples in any order and writes the rows of a stream.

    Args:
        folder: is empty.
        recipe: of the stream.
        token_type: 'uint16' or 'int32'.
    """

    def __init__(self, folder: str, recipe: Recipe, token_type: str) -> None:
        self._folder = folder
        self._recipe = recipe
        self._codec = RowCodec(tuple(recipe.lengths), token_type)
        self._bucket_folder = os.path.join(folder, "buckets")
        os.mkdir(self._bucket_folder)
        self._buckets = Buckets(self._bucket_folder, recipe.buckets, recipe.seed)

    def add(self, task: int, number: int, example: Mapping[str, np.ndarray]) -> None:
        """Takes an example.

        Args:
            task: place of its task in the header's list.
            number: of the example within its task, counted on from pass to pass.
            example: token ids by feature, `int[length]`.
        """
        cut = {name: example[name][:n] for name, n in self._recipe.lengths.items()}
        self._buckets.add(self._codec.encode([{**cut, TASK: task, NUMBER: number}]))

    def finish(self) -> tuple[list[Shard], dict[str, float]]:
        """Writes all rows.

        Returns:
            The shards, and the share of their places that hold a token, by feature.
        """
        used = dict.fromkeys(self._recipe.lengths, 0)
        shards = _Shards(self._folder, self._recipe.rows_per_shard)
        for row in self._rows():
            shards.write(self._codec.encode(row))
            for name in used:
                used[name] += sum(len(example[name]) for example in row)
        os.rmdir(self._bucket_folder)
        rows = max(1, shards.rows)
        filled = {name: used[name] / rows / n for name, n in self._recipe.lengths.items()}
        return shards.close(), filled

    def _rows(self) -> Iterator[Sequence[Example]]:
        """The examples of each row, in random order."""
        examples = (self._example(record) for record in self._buckets.shuffled())
        if self._recipe.pack:
            yield from first_fit(examples, self._recipe.lengths, self._recipe.open_rows)
        else:
            for example in examples:
                yield [example]

    def _example(self, record: memoryview) -> Example:
        row = self._codec.decode(record)
        task, number = row.ids[0]
        return {**row.tokens, TASK: task, NUMBER: number}


class _Shards:
    """Writes records to files of so many each.

    Args:
        folder: for the files.
        rows_per_shard: records of a file.
    """

    def __init__(self, folder: str, rows_per_shard: int) -> None:
        self.rows = 0
        self._folder = folder
        self._rows_per_shard = rows_per_shard
        self._shards: list[Shard] = []
        self._writer: ArrayRecordWriter | None = None

    def write(self, record: bytes) -> None:
        """Writes a record."""
        if self._writer is None:
            # One record a group: a group is what has to be read to get at one of its records.
            self._writer = ArrayRecordWriter(self._path, "group_size:1")
        self._writer.write(record)
        self.rows += 1
        if self.rows % self._rows_per_shard == 0:
            self._close_shard(self._rows_per_shard)

    def close(self) -> list[Shard]:
        """Closes the last file; returns all of them."""
        if self._writer is not None:
            self._close_shard(self.rows % self._rows_per_shard)
        return self._shards

    @property
    def _path(self) -> str:
        return os.path.join(self._folder, f"rows-{len(self._shards):05d}.array_record")

    def _close_shard(self, rows: int) -> None:
        assert self._writer is not None
        self._writer.close()
        self._writer = None
        self._shards.append(described(self._path, rows))


def described(path: str, rows: int) -> Shard:
    """Returns a shard's entry in the header.

    Args:
        path: of the file.
        rows: records in it.
    """
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Shard(os.path.basename(path), rows, file.tell(), sha256)
