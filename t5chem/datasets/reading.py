"""Rows of the files that published datasets come as: tables, parallel lines, lines in archives.

A row that cannot be read is a `Bad` and costs itself alone; a file that cannot be read is a
`ConfigError` that says what to do. Archives are read in place: nothing is unpacked into a folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from t5chem.datasets.dataset import Bad
from t5chem.datasets.tables import Cells, Layout, read_cells
from t5chem.row_files import NOT_UTF8
from t5x.errors import ConfigError

LARGEST_MEMBER: Final = 8 << 30
"""Bytes that a file in an archive may unpack to: the largest of the public ones has a tenth."""

LONGEST_LINE: Final = 1 << 24
"""Bytes; a file without line ends is no file of lines."""

HALVED: Final = "doubled backslashes halved"
FREED: Final = "backslashes before braces removed"

# What is raised for an archive that breaks off, or is none.
_BROKEN: Final = (
    EOFError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Line:
    """A line of a file, without its end, and its number from 1."""

    number: int
    text: str


def read_table(path: Path, columns: Sequence[str], layout: Layout) -> Iterator[Cells | Bad]:
    """Yields the rows of a table of a published dataset.

    Args:
        path: of the file.
        columns: that it must have.
        layout: how it is written.

    Raises:
        ConfigError: it cannot be read, or lacks a column.
    """
    for row in read_cells(str(path), columns, layout):
        yield dataclasses.replace(row, file=path.name) if isinstance(row, Bad) else row


def read_lines(path: Path) -> Iterator[Line | Bad]:
    """Yields the lines of a file of UTF-8.

    Raises:
        ConfigError: it cannot be opened, or is empty.
    """
    try:
        with path.open("rb") as stream:
            yield from lines_of(stream, path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}.") from error


def read_pairs(sources: Path, targets: Path) -> Iterator[tuple[Line, Line] | Bad]:
    """Yields the lines of two files that belong to each other line by line.

    A row is bad, under the name of the file that is at fault, when either line is.

    Raises:
        ConfigError: a file cannot be opened or is empty, or one has more lines than the other.
    """
    lines = {path: sum(1 for _ in read_lines(path)) for path in (sources, targets)}
    if lines[sources] != lines[targets]:
        raise ConfigError(
            f"{sources.name} has {lines[sources]:,} lines and {targets.name} {lines[targets]:,}, "
            f"in {sources.parent}: line n of one belongs to line n of the other, so they must have "
            "as many. Fetch both again."
        )
    for source, target in zip(read_lines(sources), read_lines(targets), strict=True):
        if isinstance(source, Bad):
            yield source
        elif isinstance(target, Bad):
            yield target
        else:
            yield source, target


def read_member(path: Path, member: str) -> Iterator[Line | Bad]:
    """Yields the lines of a file in an archive, or of the file itself when it is none.

    Args:
        path: `.zip`, `.tar`, `.tar.gz`; anything else is a file of lines.
        member: last part of the name of the file in it.

    Raises:
        ConfigError: the archive breaks off or is none, or has no such member, or too large a one.
    """
    if not path.name.endswith((".zip", ".tar", ".tar.gz", ".tgz")):
        yield from read_lines(path)
        return
    with open_member(path, member) as stream:
        yield from lines_of(stream, path)


@contextlib.contextmanager
def open_member(path: Path, member: str) -> Iterator[IO[bytes]]:
    """Opens a file in a `.zip` or `.tar` archive, compressed or not, for reading in place.

    Args:
        path: of the archive.
        member: last part of the name of the file in it.

    Raises:
        ConfigError: the archive breaks off, also while it is read; or is none; or has no such
            member, or one that unpacks to more than `LARGEST_MEMBER`.
    """
    opened = _zip_member if path.name.endswith(".zip") else _tar_member
    with broken_archive(path), opened(path, member) as stream:
        yield stream


@contextlib.contextmanager
def broken_archive(path: Path) -> Iterator[None]:
    """Turns what is raised while a broken archive is read into a `ConfigError`."""
    try:
        yield
    except _BROKEN as error:
        reason = str(error).partition("\n")[0].rstrip(":")
        raise ConfigError(
            f"{path} is cut off or damaged ({reason}): its download did not end. Fetch it again."
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}.") from error


def lines_of(stream: IO[bytes], path: Path) -> Iterator[Line | Bad]:
    """Yields the lines of a stream.

    Args:
        stream: of UTF-8, with or without a byte-order mark.
        path: to name it by.

    Raises:
        ConfigError: it is empty, or has no line ends where a line should be.
    """
    number = 0
    for number, raw in enumerate(_raw_lines(stream, path), start=1):
        text = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
        try:
            yield Line(number, text.rstrip(b"\r\n").decode("utf-8"))
        except UnicodeDecodeError as error:
            yield Bad(path.name, number, NOT_UTF8, f"byte {error.start + 1} of the line")
    if not number:
        raise ConfigError(f"{path} is empty.")


def halve_backslashes(smiles: str) -> tuple[str, tuple[str, ...]]:
    r"""Writes each doubled backslash of a SMILES as the one it stands for.

    Two bond directions never stand side by side in a SMILES, so that a doubled one is always an
    escape that some program left behind.

    Returns:
        The SMILES, and what was changed: `HALVED` or nothing.

    Example:
        >>> halve_backslashes("C/C=C\\\\C")  # as Python text: two backslashes
        ('C/C=C\\C', ('doubled backslashes halved',))
    """
    if "\\\\" not in smiles:
        return smiles, ()
    return smiles.replace("\\\\", "\\"), (HALVED,)


def free_braces(text: str) -> tuple[str, tuple[str, ...]]:
    r"""Removes the backslashes that ChEBI's ontology file puts before the braces of a name.

    Returns:
        The text, and what was changed: `FREED` or nothing.

    Example:
        >>> free_braces(r"2-\{4-[(6-chloroquinoxalin-2-yl)oxy]phenoxy\}propanoate")[0]
        '2-{4-[(6-chloroquinoxalin-2-yl)oxy]phenoxy}propanoate'
    """
    if "\\{" not in text and "\\}" not in text:
        return text, ()
    return text.replace("\\{", "{").replace("\\}", "}"), (FREED,)


def _raw_lines(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    while raw := stream.readline(LONGEST_LINE):
        if len(raw) == LONGEST_LINE:
            raise ConfigError(
                f"{path} is no text: a line of it has more than {LONGEST_LINE:,} bytes."
            )
        yield raw


@contextlib.contextmanager
def _zip_member(path: Path, member: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        name = _pick(path, member, sizes)
        with archive.open(name) as stream:
            yield stream


@contextlib.contextmanager
def _tar_member(path: Path, member: str) -> Iterator[IO[bytes]]:
    with tarfile.open(path) as archive:
        sizes = {info.name: info.size for info in archive if info.isfile()}
        stream = archive.extractfile(_pick(path, member, sizes))
        assert stream is not None
        yield stream


def _pick(path: Path, member: str, sizes: dict[str, int]) -> str:
    names = [name for name in sizes if name.rpartition("/")[2] == member]
    if len(names) != 1:
        found = "two files" if names else "no file"
        raise ConfigError(
            f"{path} holds {found} {member!r}; in it are {', '.join(sorted(sizes)) or 'none'}."
        )
    if sizes[names[0]] > LARGEST_MEMBER:
        raise ConfigError(
            f"{path}: {names[0]} unpacks to {sizes[names[0]]:,} bytes, more than the "
            f"{LARGEST_MEMBER:,} that any of these datasets has."
        )
    return names[0]
