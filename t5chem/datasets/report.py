"""What became of the rows of a dataset's files: read, put right, dropped, counted and kept."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

EXAMPLES: Final = 3
"""Rows that a report names for each reason."""

_DETAIL: Final = 80


@dataclass
class Report:
    """Counts by reason, with the first few rows of each.

    Attributes:
        dataset: its name.
        read: rows of the files, good and bad.
        kept: rows by split.
        changed: rows by what reading put right in them, or let pass.
        dropped: rows that are left out, by reason.
        counted: rows that are kept although something is wrong with them, by what.
        examples: by reason, `FILE, row N: DETAIL`.
        notices: what else must be known, such as a file that is not there.
        made_from: SHA-256 of the files, by name.
    """

    dataset: str
    read: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    changed: collections.Counter[str] = field(default_factory=collections.Counter)
    dropped: collections.Counter[str] = field(default_factory=collections.Counter)
    counted: collections.Counter[str] = field(default_factory=collections.Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    made_from: dict[str, str] = field(default_factory=dict)

    def note(
        self, counts: collections.Counter[str], reason: str, where: str, detail: str = ""
    ) -> None:
        """Counts a row.

        Args:
            counts: `changed`, `dropped` or `counted` of this report.
            reason: by which it is counted.
            where: its file and number, from `place`.
            detail: what is wrong with it exactly.
        """
        counts[reason] += 1
        shown = self.examples.setdefault(reason, [])
        if len(shown) < EXAMPLES:
            cut = detail if len(detail) <= _DETAIL else detail[: _DETAIL - 4] + " ..."
            shown.append(f"{where}: {cut}" if cut else where)

    def as_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            "dataset": self.dataset,
            "read": self.read,
            "kept": self.kept,
            "changed": dict(self.changed),
            "dropped": dict(self.dropped),
            "counted": dict(self.counted),
            "examples": self.examples,
            "notices": self.notices,
            "made_from": self.made_from,
        }

    def lines(self) -> Iterator[str]:
        r"""Yields the report as a few aligned lines.

        Example:
            >>> report = Report("mine", read=3, kept={"train": 2})
            >>> report.note(report.dropped, "duplicate", "mine.csv, row 4")
            >>> print("\n".join(report.lines()))
            mine: 3 rows read
              kept              2  train
              dropped           1  duplicate, such as mine.csv, row 4
        """
        yield f"{self.dataset}: {self.read:,} rows read"
        for split, count in self.kept.items():
            yield _line("kept", count, split)
        for what, counts in (
            ("noted", self.changed),
            ("dropped", self.dropped),
            ("counted", self.counted),
        ):
            for reason, count in counts.most_common():
                yield _line(what, count, f"{reason}, such as {self.examples[reason][0]}")
        for notice in self.notices:
            yield f"  note: {notice}"


def place(file: str, number: int) -> str:
    """Names a row for a reader.

    Example:
        >>> place("test.txt", 17)
        'test.txt, row 17'
    """
    return f"{file}, row {number:,}"


def _line(what: str, count: int, text: str) -> str:
    return f"  {what:<9} {count:>9,}  {text}"
