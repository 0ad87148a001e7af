"""Tables of text whose cells stand in columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def in_columns(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """Returns lines whose cells stand in columns.

    Args:
        rows: cells, the same number in each.
        left: places of the columns that stand to the left; the others stand to the right.

    Example:
        >>> print(in_columns([["metric", "value"], ["bleu", "0.5"]]))
        metric  value
        bleu      0.5
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:<{width}}" if place in left else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
