"""A user's tables, row by row as they stand: CSV, TSV, JSON lines and Parquet.

Files are read as a stream and never held whole. A row that cannot be read is a `Bad` with its
number; a file that cannot be read is a `ConfigError` with its path and what to do.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from t5chem.datasets.dataset import Bad
from t5chem.row_files import (
    NOT_UTF8,
    SURROGATE,
    Record,
    RecordError,
    json_record,
    open_rows,
    read_table,
)
from t5x.errors import ConfigError, did_you_mean

FORMATS: Final = ("csv", "tsv", "jsonl", "parquet")
WRONG_WIDTH: Final = "wrong number of cells"
NUL: Final = "NUL characters"
NO_TEXT: Final = "not a text"
_OF_SUFFIX: Final[Mapping[str, str]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_SEPARATORS: Final = {"csv": ",", "tsv": "\t"}
_SPREADSHEET: Final = "is a spreadsheet: export the table as CSV."
_COMPRESSED: Final = "is compressed: unpack it."
_NO_TABLES: Final[Mapping[str, str]] = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), _SPREADSHEET),
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zst", ".zip"), _COMPRESSED),
}
# What files begin with that are no text, and what to do about it.
_BEGINNINGS: Final[Mapping[bytes, str]] = {
    b"\xff\xfe": "is UTF-16: save it as UTF-8.",
    b"\xfe\xff": "is UTF-16: save it as UTF-8.",
    b"PK\x03\x04": "is a spreadsheet or an archive: export the table as CSV.",
    b"\xd0\xcf\x11\xe0": _SPREADSHEET,
    b"\x1f\x8b": _COMPRESSED,
    b"PAR1": "is Parquet: say so with --format parquet.",
}
_ROWS_AT_ONCE: Final = 4096


@dataclass(frozen=True)
class Layout:
    """How a file is written down.

    Attributes:
        format: one of `FORMATS`; None goes by the file's name.
        separator: between the cells of CSV and TSV; None takes the comma or the tab.
        quoted: whether cells of CSV and TSV may stand between quotation marks, which are doubled
            within; otherwise quotation marks are characters like others.
    """

    format: str | None = None
    separator: str | None = None
    quoted: bool = True


@dataclass(frozen=True)
class Cells:
    """A row of a table.

    Attributes:
        number: from 1; the header of CSV and TSV is row 1, as in a spreadsheet.
        values: by column, as they stand; empty where JSON lines or Parquet have none.
    """

    number: int
    values: Mapping[str, str]


def format_of(path: str, layout: Layout) -> str:
    """Returns the format of a file.

    Raises:
        ConfigError: neither the layout nor the name of the file tells it.

    Example:
        >>> format_of("mine.csv", Layout())
        'csv'
    """
    suffix = Path(path).suffix.lower()
    found = layout.format or _OF_SUFFIX.get(suffix)
    if found is None and suffix in _NO_TABLES:
        raise ConfigError(f"{path} {_NO_TABLES[suffix]}")
    if found is None:
        raise ConfigError(
            f"{path}: its name does not tell the format. Say it with --format: {', '.join(FORMATS)}"
        )
    return found


def read_cells(
    path: str, columns: Sequence[str], layout: Layout | None = None
) -> Iterator[Cells | Bad]:
    """Yields the rows of a table, blank lines left out.

    Args:
        path: of the file.
        columns: names of the columns, or keys of JSON lines, that are wanted.
        layout: of the file.

    Raises:
        ConfigError: the file is not there, is empty, has no rows, lacks a column, has it twice, or
            is not what its format says.
    """
    layout = layout or Layout()
    kind = format_of(path, layout)
    any_row = False
    try:
        _check_beginning(path, kind)
        if kind == "parquet":
            rows = _parquet(path, columns)
        elif kind == "jsonl":
            rows = _json_lines(path, columns)
        else:
            rows = _delimited(path, columns, layout.separator or _SEPARATORS[kind], layout.quoted)
        for row in rows:
            any_row = True
            yield row
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}.") from error
    if not any_row:
        has = "no rows" if kind == "jsonl" else "column names and no rows"
        raise ConfigError(f"{path} has {has}.")


def _check_beginning(path: str, kind: str) -> None:
    with open(path, "rb") as file:
        beginning = file.read(4)
    if not beginning:
        raise ConfigError(f"{path} is empty.")
    if kind != "parquet":
        for known, remedy in _BEGINNINGS.items():
            if beginning.startswith(known):
                raise ConfigError(f"{path} {remedy}")


def _row(path: str, number: int, values: Mapping[str, str]) -> Cells | Bad:
    for column, text in values.items():
        if SURROGATE.search(text):
            return Bad(path, number, NOT_UTF8, f"column {column!r}")
        if "\0" in text:
            return Bad(path, number, NUL, f"column {column!r}")
    return Cells(number, values)


def _bad(path: str, number: int, fault: str) -> Bad:
    reason, _, detail = fault.partition(": ")
    return Bad(path, number, reason, detail)


# CSV and TSV


def _delimited(
    path: str, columns: Sequence[str], separator: str, quoted: bool
) -> Iterator[Cells | Bad]:
    with open_rows(path) as stream:
        try:
            header, records = read_table(stream, separator, quoted)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error.message}") from error
        names = [name.strip() for name in header]
        places = _places(path, names, columns)
        for record in records:
            if record.error is not None or record.cells:
                yield _delimited_row(path, record, len(names), places)


def _delimited_row(path: str, record: Record, width: int, places: Mapping[str, int]) -> Cells | Bad:
    number = record.number + 1
    if record.error is not None:
        return _bad(path, number, record.error)
    if len(record.cells) != width:
        return Bad(path, number, WRONG_WIDTH, f"{len(record.cells)}, and {width} column names")
    return _row(path, number, {name: record.cells[place] for name, place in places.items()})


def _places(path: str, header: Sequence[str], columns: Sequence[str]) -> dict[str, int]:
    if not any(header):
        raise ConfigError(f"{path}: its first line must name the columns, and is blank.")
    for column in columns:
        if column not in header:
            names, other = ", ".join(header), _other_separator(header)
            near = "" if other else did_you_mean(column, header)
            raise ConfigError(
                f"{path} has no column {column!r}.{near} Its columns are {names}.{other}"
            )
        if (count := header.count(column)) > 1:
            raise ConfigError(f"{path} has {count} columns {column!r}: rename all but one.")
    return {column: header.index(column) for column in columns}


def _other_separator(header: Sequence[str]) -> str:
    found = [mark for mark in (";", "\t", "|", ",") if mark in header[0]]
    if len(header) > 1 or not found:
        return ""
    if found[0] == "\t":
        return " They seem to stand between tabs: add --format tsv."
    return f" They seem to be separated by {found[0]!r}: add --separator {found[0]!r}."


# JSON lines


def _json_lines(path: str, columns: Sequence[str]) -> Iterator[Cells | Bad]:
    seen: dict[str, None] = {}
    with open_rows(path) as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                record = json_record(line)
            except RecordError as error:
                yield _bad(path, number, str(error))
                continue
            seen.update(dict.fromkeys(record))
            yield _json_row(path, number, record, columns)
    for column in columns:
        if seen and column not in seen:
            raise ConfigError(
                f"{path} has no key {column!r}.{did_you_mean(column, seen)} "
                f"Its keys are {', '.join(seen)}."
            )


def _json_row(
    path: str, number: int, record: Mapping[str, Any], columns: Sequence[str]
) -> Cells | Bad:
    values = {}
    for column in columns:
        value = record.get(column)
        # Classes and the like may be numbers.
        if type(value) not in (str, int, type(None)):
            return Bad(path, number, NO_TEXT, f"{column!r} holds {_what(value)}")
        values[column] = "" if value is None else str(value)
    return _row(path, number, values)


def _what(value: Any) -> str:
    names = {list: "a list", dict: "an object", bool: "true or false"}
    return names.get(type(value), "a number with a point")


# Parquet


def _parquet(path: str, columns: Sequence[str]) -> Iterator[Cells | Bad]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{path}: reading Parquet needs pyarrow: `pip install pyarrow`, or save it as CSV."
        ) from error
    numbers = itertools.count(1)
    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            _places(path, schema.names, columns)
            for column in columns:
                _check_type(path, column, schema.field(column).type)
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=list(columns)):
                texts = [_texts(batch.column(column)) for column in columns]
                for values in zip(*texts, strict=True):
                    yield _row(path, next(numbers), dict(zip(columns, values, strict=True)))
    except pyarrow.ArrowException as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{path} is no Parquet that can be read: {reason}") from error


def _check_type(path: str, column: str, type_: Any) -> None:
    from pyarrow import types

    inner = type_.value_type if types.is_dictionary(type_) else type_
    text = (types.is_string, types.is_large_string, types.is_integer, types.is_null)
    if not any(is_kind(inner) for is_kind in text):
        raise ConfigError(f"{path}: the column {column!r} holds {type_}, and not text.")


def _texts(array: Any) -> list[str]:
    """The cells as bytes and then as text, so that those that are not UTF-8 can be told."""
    import pyarrow

    cells = array.cast(pyarrow.large_string()).cast(pyarrow.large_binary()).to_pylist()
    return [(cell or b"").decode("utf-8", "surrogateescape") for cell in cells]
