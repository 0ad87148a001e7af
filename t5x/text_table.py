"""Tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Writes rows below each other, so that their cells line up.

    Args:
        rows: of equal length.
        right: columns of numbers, which line up at their right.

    Example:
        >>> aligned([("batch", "8"), ("program", "1024")], right=[1])
        ['batch       8', 'program  1024']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
