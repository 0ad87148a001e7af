"""Decides what rows a dataset keeps, and reports everything that is wrong with them.

Rows that cannot be read or lack a field are dropped. What else is wrong, `dataset.PROBLEMS`, drops
a row of train when the dataset says so (`Dataset.drops`); rows of validation and test, by which
models are compared, are counted and stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from t5chem.corpora.splits import SPLITS
from t5chem.datasets.dataset import (
    DUPLICATE,
    HELD_OUT,
    INVALID_SMILES,
    TWO_SIDES,
    Bad,
    Dataset,
    Row,
)
from t5chem.datasets.identity import held_out_by, key_of
from t5chem.datasets.records import FIELDS, OPTIONAL
from t5chem.datasets.report import Report, place
from t5x.errors import ConfigError

EMPTY: Final = "empty field"
_TOO_MANY_BAD: Final = 100
"""More bad rows than this, and more than good ones: not the file that the reader expects."""


@dataclass(frozen=True)
class Validated:
    """A dataset's good rows.

    Attributes:
        rows: by split, in the order of the files; a split without rows is left out.
        report: what became of all rows.
    """

    rows: Mapping[str, Sequence[Row]]
    report: Report


def validate(
    dataset: Dataset, folder: Path, held_out: Mapping[str, Collection[str]] | None = None
) -> Validated:
    """Reads a dataset and sorts its rows.

    Args:
        dataset: to read.
        folder: its files are in.
        held_out: `held_out_keys` of other datasets, by their name.

    Raises:
        ConfigError: a file cannot be read, or hardly any of its rows can.
    """
    report = Report(dataset.name)
    rows = list(_readable(dataset, folder, report))
    keys = [key_of(dataset.kind, row.fields) for row in rows]
    held = _held_out(dataset.kind, rows, held_out or {})
    problems = _problems(rows, keys, held)
    kept: dict[str, list[Row]] = {split: [] for split in SPLITS}
    for row, found in zip(rows, problems, strict=True):
        if _keeps(dataset, row, found, report):
            kept[row.split].append(row)
    report.kept = {split: len(of_split) for split, of_split in kept.items() if of_split}
    return Validated({split: kept[split] for split in report.kept}, report)


def held_out_keys(dataset: Dataset, folder: Path) -> frozenset[str]:
    """Returns what a dataset's validation and test rows are known by (`identity.held_out_by`).

    Args:
        dataset: to read; no further than to its first train row when that comes last.
        folder: its files are in.

    Raises:
        ConfigError: a file cannot be read.
    """
    keys: set[str] = set()
    for row in dataset.read(folder):
        if isinstance(row, Bad):
            continue
        if row.split != "train":
            keys.update(held_out_by(dataset.kind, row.fields))
        elif dataset.train_last:
            break
    return frozenset(keys)


def _readable(dataset: Dataset, folder: Path, report: Report) -> Iterator[Row]:
    """Yields the rows that were read and have all their fields."""
    for row in dataset.read(folder):
        report.read += 1
        if isinstance(row, Bad):
            report.note(report.dropped, row.reason, place(row.file, row.number), row.detail)
            continue
        where = place(row.file, row.number)
        if empty := [name for name in _required(dataset.kind) if not row.fields[name].strip()]:
            report.note(report.dropped, EMPTY, where, ", ".join(empty))
            continue
        for change in row.changes:
            report.note(report.changed, change, where)
        yield row
    _check_enough(report)


def _required(kind: str) -> list[str]:
    return [name for name in FIELDS[kind] if name not in OPTIONAL]


def _check_enough(report: Report) -> None:
    bad = report.dropped.total()
    good = report.read - bad
    if good and bad <= max(good, _TOO_MANY_BAD):
        return
    if not report.read:
        raise ConfigError(f"{report.dataset}: its files hold no rows.")
    reason, count = report.dropped.most_common(1)[0]
    raise ConfigError(
        f"{report.dataset}: {bad:,} of {report.read:,} rows cannot be used; {count:,} for "
        f"'{reason}', such as {report.examples[reason][0]}. Are these the files it is made from?"
    )


def _held_out(
    kind: str, rows: Iterable[Row], held_out: Mapping[str, Collection[str]]
) -> Iterator[list[str]]:
    """Yields the names of the datasets that test with a row of train."""
    for row in rows:
        own = held_out_by(kind, row.fields) if held_out and row.split == "train" else ()
        yield [name for name, keys in held_out.items() if any(key in keys for key in own)]


def _problems(
    rows: Sequence[Row], keys: Sequence[str | None], held_out: Iterable[Sequence[str]]
) -> Iterator[list[tuple[str, str]]]:
    """Yields what is wrong with each row: the problem, and of what it speaks."""
    test = {key for row, key in zip(rows, keys, strict=True) if row.split == "test"}
    validation = {key for row, key in zip(rows, keys, strict=True) if row.split == "validation"}
    elsewhere = {"train": (validation, test), "validation": (test,), "test": ()}
    seen: dict[tuple[str, ...], Row] = {}
    for row, key, names in zip(rows, keys, held_out, strict=True):
        found = []
        if key is None:
            found.append((INVALID_SMILES, row.fields["smiles"]))
        twin = seen.setdefault(_content(row, key), row)
        if twin is not row:
            found.append((DUPLICATE, f"as {place(twin.file, twin.number)}"))
        if names:
            found.append((HELD_OUT, f"in {', '.join(names)}"))
        if key is not None and any(key in side for side in elsewhere[row.split]):
            found.append((TWO_SIDES, key))
        yield found


def _content(row: Row, key: str | None) -> tuple[str, ...]:
    """All of a record; a molecule as its key, so that two ways to write it are the same."""
    fields = row.fields
    if key is not None and "smiles" in fields:
        fields = {**fields, "smiles": key}
    return (row.split, *fields.values())


def _keeps(dataset: Dataset, row: Row, problems: Iterable[tuple[str, str]], report: Report) -> bool:
    where = place(row.file, row.number)
    if row.split == "train":
        for problem, detail in problems:
            if problem in dataset.drops:
                report.note(report.dropped, problem, where, detail)
                return False
    for problem, detail in problems:
        report.note(report.counted, problem, where, detail)
    return True
