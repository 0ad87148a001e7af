"""Rows of tables and of JSON lines as they stand in a file: numbered, cut into cells, faults told.

A row that cannot be read costs itself alone: the others are read, and keep their numbers.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TextIO

from t5x.errors import ConfigError

NOT_UTF8: Final = "bytes that are not UTF-8"
# With `surrogateescape` each byte that is no UTF-8 is one of these.
SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Record:
    """A row of a table.

    Attributes:
        number: from 1; the header is not counted.
        text: its first line as it stands, for messages.
        cells: in the order of the columns; none of a blank line and of a row that cannot be read.
        error: why it cannot be read; None when it can.
    """

    number: int
    text: str
    cells: tuple[str, ...]
    error: str | None = None


class RecordError(ValueError):
    """A line that is no JSON object; the message says why."""


def open_rows(path: str) -> TextIO:
    """Opens a file of UTF-8, with or without a byte-order mark, with line ends of any kind.

    Raises:
        OSError: it cannot be opened.
    """
    return open(path, encoding="utf-8-sig", errors="surrogateescape", newline="")


def read_table(
    stream: TextIO, separator: str, quoted: bool = True
) -> tuple[list[str], Iterator[Record]]:
    r"""Reads a table with a header.

    Args:
        stream: as `open_rows` opens it.
        separator: between cells.
        quoted: cells may stand between quotation marks, as RFC 4180 has it: they can then hold
            separators and line ends, and quotation marks doubled. Otherwise those are characters.

    Returns:
        The header, empty when the file is, and the rows.

    Raises:
        ConfigError: the header cannot be read.

    Example:
        >>> import io
        >>> header, records = read_table(io.StringIO('a,b\n1,"2,\n3"\n'), ",")
        >>> header, [record.cells for record in records]
        (['a', 'b'], [('1', '2,\n3')])
    """
    lines = _Lines(stream)

    def reader() -> Iterator[list[str]]:
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=separator, quoting=quoting, strict=True)

    try:
        header = next(reader(), [])
    except csv.Error as error:
        raise ConfigError(f"The header cannot be read: {lines.fault(error)}.") from error
    return header, _records(lines, reader)


def _records(lines: _Lines, reader: Callable[[], Iterator[list[str]]]) -> Iterator[Record]:
    rows = reader()
    for number in itertools.count(1):
        lines.mark()
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            fault = lines.fault(error)
            lines.give_back_all_but_first()
            yield Record(number, lines.first, (), f"not a row of the table: {fault}")
            rows = reader()  # the one that failed is of no more use
        else:
            yield Record(number, lines.first, tuple(cells))


class _Lines:
    """Lines of a stream, which may be given back since `mark`."""

    def __init__(self, stream: Iterable[str]) -> None:
        self._stream = iter(stream)
        self._returned: list[str] = []
        self._since_mark: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._returned.pop() if self._returned else next(self._stream)
        self._since_mark.append(line)
        return line

    def mark(self) -> None:
        self._since_mark = []

    @property
    def first(self) -> str:
        """The first line since `mark`."""
        return self._since_mark[0].strip()

    def fault(self, error: csv.Error) -> str:
        """What is wrong with the lines since `mark`, in words."""
        if len(self._since_mark) > 1 or "end of data" in str(error):
            return "a quotation mark that nothing closes"
        if "field limit" in str(error):
            return f"a cell of more than {csv.field_size_limit():,} characters"
        return "text behind a closing quotation mark"

    def give_back_all_but_first(self) -> None:
        """A mark that nothing closes swallows rows up to the next mark: those are read again."""
        self._returned.extend(reversed(self._since_mark[1:]))
        del self._since_mark[1:]


def json_record(line: str) -> dict[str, Any]:
    """Returns the JSON object of a line.

    Raises:
        RecordError: it holds none.

    Example:
        >>> json_record('{"smiles": "C"}')
        {'smiles': 'C'}
    """
    try:
        record = json.loads(line.strip())
    except json.JSONDecodeError as error:
        raise RecordError(f"not JSON: {error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise RecordError("not JSON that can be read: nested too deeply") from error
    except ValueError as error:  # a number of thousands of digits
        raise RecordError(f"not JSON that can be read: {error}") from error
    if not isinstance(record, dict):
        raise RecordError("not a JSON object")
    return record
