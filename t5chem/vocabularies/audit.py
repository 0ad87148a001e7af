"""What a vocabulary does to texts: what it loses, how long they become, what a limit would cut."""

from __future__ import annotations

import collections
import dataclasses
import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from t5chem.vocabularies.vocabulary import Vocabulary

PERCENTILES: Final = (50, 90, 95, 99, 100)
_ROWS_SHOWN: Final = 10


@dataclasses.dataclass
class Audit:
    """Findings about some rows, which are known by their numbers.

    Attributes:
        lengths: tokens of each row, the end included.
        unknown_tokens: how many there are in all.
        unknown: the rows in which each character is unknown.
        lost: rows that do not come back from their ids as they were.
    """

    lengths: dict[int, int] = dataclasses.field(default_factory=dict)
    unknown_tokens: int = 0
    unknown: dict[str, list[int]] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(list)
    )
    lost: list[int] = dataclasses.field(default_factory=list)

    def cut(self, limit: int) -> list[int]:
        """Returns the rows that have more than `limit` tokens."""
        return [row for row, length in self.lengths.items() if length > limit]

    def percentile(self, percent: float) -> int:
        """Returns the length that so many percent of the rows do not exceed (nearest rank).

        Args:
            percent: above 0, up to 100, which gives the maximum.

        Example:
            >>> Audit(lengths={1: 4, 2: 9, 3: 5}).percentile(50)
            5
        """
        lengths = sorted(self.lengths.values())
        return lengths[math.ceil(len(lengths) * percent / 100) - 1]

    @property
    def unknown_rows(self) -> list[int]:
        """The rows with an unknown."""
        return sorted(set().union(*self.unknown.values()))


def audit(rows: Iterable[tuple[int, str]], vocabulary: Vocabulary) -> Audit:
    r"""Encodes and decodes every row.

    Args:
        rows: numbers and texts.
        vocabulary: to be audited.

    Example:
        >>> from t5chem.vocabularies import byte
        >>> audit([(1, "C"), (2, "F/C=C\\F")], byte()).lengths
        {1: 2, 2: 8}
    """
    found = Audit()
    for row, text in rows:
        ids = vocabulary.encode(text)
        found.lengths[row] = len(ids) + 1
        found.unknown_tokens += ids.count(vocabulary.unk_id)
        for character in dict.fromkeys(vocabulary.unknown_characters(text)):
            found.unknown[character].append(row)
        if vocabulary.decode(ids) != text:
            found.lost.append(row)
    return found


def describe(found: Audit, vocabulary: Vocabulary, limits: Sequence[int]) -> str:
    """Returns the findings for people to read.

    Args:
        found: of one row at least.
        vocabulary: that was audited.
        limits: of tokens, the end included.
    """
    count = len(found.lengths)
    total = sum(found.lengths.values())
    lines = [
        f"vocabulary  {vocabulary}",
        f"rows        {count:,}",
        f"unknown     {found.unknown_tokens:,} tokens in {_share(found.unknown_rows, count)}",
    ]
    for character, rows in sorted(found.unknown.items(), key=lambda item: -len(item[1])):
        lines.append(f"            {character_name(character)}: {_share(rows, count)}")
    lines.append(f"changed     {_share(found.lost, count)}")
    lengths = ", ".join(_percentile(found, percent) for percent in PERCENTILES)
    lines.append(f"tokens      {lengths}; mean {total / count:.1f}; the end included")
    for limit in limits:
        over = found.cut(limit)
        gone = sum(found.lengths[row] - limit for row in over)
        lines.append(
            f"limit {limit:<5} would cut {_share(over, count)}: {gone:,} tokens, "
            f"{gone / total:.2%} of all"
        )
    return "\n".join(lines)


def _percentile(found: Audit, percent: int) -> str:
    name = "maximum" if percent == 100 else "median" if percent == 50 else f"{percent} %"
    return f"{name} {found.percentile(percent):,}"


def _share(rows: Sequence[int], count: int) -> str:
    if not rows:
        return "0 rows"
    shown = ", ".join(map(str, rows[:_ROWS_SHOWN]))
    more = ", ..." if len(rows) > _ROWS_SHOWN else ""
    return f"{len(rows):,} rows ({len(rows) / count:.1%}; {shown}{more})"


def character_name(character: str) -> str:
    """Returns a character, its number and its name in Unicode.

    Example:
        >>> character_name("~")
        '~  U+007E TILDE'
    """
    name = unicodedata.name(character, "no name")
    shown = character if character.isprintable() else " "
    return f"{shown}  U+{ord(character):04X} {name}"
