"""What a dataset is: where its files are from, how their rows are read, what is known of them.

A reader yields every row of the files, either as a `Row` or as a `Bad` that says why it could not
be read. It decides nothing about rows that were read: `validation` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

INVALID_SMILES: Final = "invalid SMILES"
DUPLICATE: Final = "duplicate"
HELD_OUT: Final = "held out elsewhere"
TWO_SIDES: Final = "on two sides of the split"
PROBLEMS: Final = (INVALID_SMILES, DUPLICATE, HELD_OUT, TWO_SIDES)
"""What can be wrong with a row that was read well."""


@dataclass(frozen=True)
class SourceFile:
    """A file that a dataset is read from.

    Attributes:
        name: relative to the dataset's folder; `*` and `**` stand for any number of files.
        url: where it is published; None where there is no such address.
        sha256: of the file that the dataset's counts were measured on; None where it is not known.
        required: whether the dataset cannot be read without it; else its rows are left out.
        alternatives: other names under which the same rows are taken; `sha256` is not theirs.
    """

    name: str
    url: str | None = None
    sha256: str | None = None
    required: bool = True
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A record and where it stood.

    Attributes:
        split: one of `t5chem.corpora.splits.SPLITS`.
        id: unique in the dataset.
        fields: as `records.FIELDS` names them for the dataset's kind.
        file: name of the file, as the dataset names it.
        number: of the line or record in that file, from 1, a header counted.
        changes: what reading put right or let pass, such as 'doubled backslashes halved'.
    """

    split: str
    id: str
    fields: dict[str, str]
    file: str
    number: int
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that could not be read, or that cleaning dropped.

    Attributes:
        file: as in `Row`.
        number: as in `Row`.
        reason: what is wrong, the same words for the same fault: reports count by them.
        detail: what this row's fault is exactly; may be empty.
    """

    file: str
    number: int
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Dataset:
    """A set of records of one kind.

    Attributes:
        name: of the tensorflow-datasets builder, and first part of its tasks' names.
        kind: a key of `records.FIELDS`.
        title: what it is, in a line.
        homepage: where it is described; empty for a user's own.
        licence: as its publishers state it, or 'not stated'.
        citation: of the publication; may be empty.
        files: that it is read from.
        counts: rows a split after validation of the complete files, where they have been measured.
        notes: what a reader of its card must know.
        read: yields the rows of the files in a folder.
        drops: the `PROBLEMS` for which a row of the train split is dropped. Rows of validation and
            test are only counted, and so are rows with the other problems.
        held_out_from: names of datasets whose validation and test rows must not be trained on.
        folder: of its files in the manual folder; empty when it is the name.
        train_last: whether its reader yields validation and test before train, so that who looks
            for what is held out need not read on.
        recipe: what the rows depend on besides the files, in words or code; a dataset that was made
            by another one is not taken for this one.
    """

    name: str
    kind: str
    title: str
    homepage: str
    licence: str
    citation: str
    files: tuple[SourceFile, ...]
    counts: Mapping[str, int]
    notes: str
    read: Callable[[Path], Iterator[Row | Bad]]
    drops: frozenset[str] = field(default=frozenset(PROBLEMS))
    held_out_from: tuple[str, ...] = ()
    folder: str = ""
    train_last: bool = True
    recipe: str = ""


def row_id(split: str, number: int, own: str = "") -> str:
    """Returns the id of a row: where it stood, and what its source calls it.

    Example:
        >>> row_id("test", 17, "5354212")
        'test-17-5354212'
    """
    return f"{split}-{number}-{own}" if own else f"{split}-{number}"
