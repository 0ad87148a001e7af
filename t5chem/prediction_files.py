"""Files of inputs and of answers: tables, JSON lines and plain lines in; JSON lines out.

Every row of an input file has a number, the first data row being 1, and every row is answered or
named with what is wrong with it. The output is only ever appended to, one line a row, so a run that
was killed goes on where it stopped.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import numpy as np

from t5chem.answers import Result
from t5chem.row_files import NOT_UTF8, SURROGATE, RecordError, json_record, read_table
from t5x.errors import ConfigError, did_you_mean

Format = Literal["csv", "tsv", "jsonl", "lines"]
FORMATS: Final = ("csv", "tsv", "jsonl", "lines")
_OF_SUFFIX: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_LIKELY_COLUMNS: Final = {
    "text2mol": ("description", "text"),
    "mol2text": ("smiles", "molecule"),
    "forward": ("reactants", "reaction", "smiles"),
    "retrosynthesis": ("product", "products", "smiles"),
    "paragraph2actions": ("paragraph", "text"),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of an input file.

    Attributes:
        number: from 1; a table's header is not counted.
        text: the input; what could be read of it when there is an error.
        error: what is wrong with the row; None when it can be asked.
    """

    number: int
    text: str
    error: str | None = None


def format_of(path: str) -> Format:
    """Returns the format that a file's name tells; other names are one input a line.

    Example:
        >>> format_of("molecules.csv"), format_of("molecules.smi")
        ('csv', 'lines')
    """
    return _OF_SUFFIX.get(Path(path).suffix.lower(), "lines")


def read_rows(stream: TextIO, kind: Format, task: str, column: str | None = None) -> Iterator[Row]:
    """Yields the rows of a file.

    Args:
        stream: as `row_files.open_rows` opens it, so that bytes that are no UTF-8 can be told.
        kind: of the file.
        task: decides which column is meant when none is named.
        column: of a table, or key of JSON lines; None takes `input`, `inputs`, `source`, the
            task's own (`smiles`, `description`, ...), or the only one.

    Raises:
        ConfigError: a table has no such column, or the column meant is not clear.
    """
    if kind == "lines":
        rows: Iterator[tuple[str, str | None]] = ((line.rstrip("\r\n"), None) for line in stream)
    elif kind == "jsonl":
        rows = (_json_cell(line, task, column) for line in stream)
    else:
        rows = _table_cells(stream, "," if kind == "csv" else "\t", task, column)
    for number, (text, error) in enumerate(rows, start=1):
        yield Row(number, _printable(text), error or _fault(text))


def _fault(text: str) -> str | None:
    if SURROGATE.search(text):
        return NOT_UTF8
    return None if text.strip() else "empty input"


def _printable(text: str) -> str:
    return SURROGATE.sub("\ufffd", text)


def _json_cell(line: str, task: str, column: str | None) -> tuple[str, str | None]:
    if not line.strip():
        return "", "empty input"
    try:
        record = json_record(line)
    except RecordError as error:
        return line.strip(), str(error)
    keys = [column] if column else [key for key in _likely(task) if key in record]
    if not keys or keys[0] not in record:
        return line.strip(), f"no key {column or _likely(task)[0]!r}"
    value = record[keys[0]]
    return (value, None) if isinstance(value, str) else (str(value), f"{keys[0]!r} is no text")


def _likely(task: str) -> tuple[str, ...]:
    return ("input", "inputs", "source", *_LIKELY_COLUMNS[task])


def _table_cells(
    stream: TextIO, separator: str, task: str, column: str | None
) -> Iterator[tuple[str, str | None]]:
    header, records = read_table(stream, separator)
    if not header:
        return
    place = _place(header, task, column)
    for record in records:
        if record.error is not None:
            yield record.text, record.error
        elif not record.cells:
            yield "", "empty input"
        elif len(record.cells) <= place:
            columns = f"{len(record.cells)} of {len(header)} columns"
            yield "", f"missing column {header[place]!r}: {columns}"
        else:
            yield record.cells[place], None


def _place(header: Sequence[str], task: str, column: str | None) -> int:
    if column is not None:
        if column not in header:
            near = did_you_mean(column, header)
            raise ConfigError(f"No column is called {column!r}.{near} Columns: {', '.join(header)}")
        return header.index(column)
    lowered = [name.strip().lower() for name in header]
    likely = [name for name in _likely(task) if name in lowered]
    if likely:
        return lowered.index(likely[0])
    if len(header) == 1:
        return 0
    raise ConfigError(
        f"Which column has the inputs of {task}? Name it with --column; there are:"
        f" {', '.join(header)}"
    )


# Answers


def run_id(task: str, options: Any, model: Any) -> str:
    """Returns eight hexadecimal digits that change with task, options and model.

    Args:
        task: asked of every row.
        options: `Options`.
        model: `LoadedModel`; a sample of its weights stands for them.
    """
    # Of two encoders and a decoder the decoder is what training always changes.
    params = model.params.get("decoder") if "text_encoder" in model.params else model.params
    sample = params["token_embedder"]["embedding"][:64]
    described = [task, repr(options), repr(model.config), repr(model.generation)]
    described += [repr(sorted(model.prompts.items())), model.vocabulary.fingerprint]
    digest = hashlib.sha256("\n".join(described).encode())
    digest.update(np.asarray(sample).tobytes())
    return digest.hexdigest()[:8]


def record(number: int, result: Result, run: str) -> dict[str, Any]:
    """Returns what is written of a row: `predictions` or `error`."""
    row: dict[str, Any] = {"row": number, "run": run, "input": result.input}
    if result.error is not None:
        return {**row, "error": result.error}
    return {**row, "predictions": [dataclasses.asdict(c) for c in result.candidates]}


def resume(path: str, run: str) -> dict[int, str | None]:
    """Returns error or None by number of row, and drops a last line that was cut off.

    Args:
        path: of the output; need not exist.
        run: of the run that wants to go on, see `run_id`.

    Raises:
        ConfigError: the file is of another task, other options or another model, or not ours.
    """
    if not os.path.exists(path):
        return {}
    rows: dict[int, str | None] = {}
    whole = 0
    with open(path, "rb+") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                written = json.loads(line)
                row, its_run, error = written["row"], written["run"], written.get("error")
            except (ValueError, KeyError, TypeError, AttributeError) as problem:
                raise ConfigError(
                    f"{path}, line {number}, is not an answer of `t5chem predict`: name another"
                    " --output."
                ) from problem
            if its_run != run:
                raise ConfigError(
                    f"{path} was written with another task, other options or another model (run"
                    f" {its_run}, this is {run}): name another --output, or delete it."
                )
            rows[row] = error
            whole += len(line)
        file.truncate(whole)
    return rows
