"""Reads a whole stream and tells whether it is what its header says."""

from __future__ import annotations

import os

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader

from t5x.stream_format import DamagedStreamError, Header, Row, read_header
from t5x.stream_writing import described

_READ_AT_ONCE = 1024


def check_stream(folder: str) -> Header:
    """Checks every file, record and example of a stream.

    Args:
        folder: of the stream.

    Returns:
        Its header.

    Raises:
        ConfigError: there is no stream.
        DamagedStreamError: a file has changed, a record is no row, or an example is not there
            exactly once.
    """
    header = read_header(folder)
    seen = [np.zeros(task.examples, bool) for task in header.tasks]
    for shard in header.shards:
        path = os.path.join(folder, shard.name)
        if described(path, shard.rows) != shard:
            raise _damaged(path, "its content has changed since it was written")
        for row in _rows(path, header):
            _mark(row, seen, path, header)
    missing = {
        task.name: int((~marks).sum())
        for task, marks in zip(header.tasks, seen, strict=True)
        if not marks.all()
    }
    if missing:
        raise _damaged(folder, f"examples are missing: {missing}")
    return header


def _rows(path: str, header: Header) -> list[Row]:
    reader = ArrayRecordReader(path)
    codec, rows = header.codec, []
    for begin in range(0, reader.num_records(), _READ_AT_ONCE):
        end = min(begin + _READ_AT_ONCE, reader.num_records())
        rows += [codec.decode(record) for record in reader.read(begin, end)]
    reader.close()
    return rows


def _mark(row: Row, seen: list[np.ndarray], path: str, header: Header) -> None:
    for task, number in row.ids:
        if seen[task][number]:
            raise _damaged(path, f"example {number} of {header.tasks[task].name} is there twice")
        seen[task][number] = True


def _damaged(path: str, what: str) -> DamagedStreamError:
    return DamagedStreamError(
        f"{path} is damaged: {what}. Copy the stream again, or make it anew with t5x.materialize.",
        "Stream.folder",
    )
