"""What every metric here asks of its two lists before it counts anything."""

from __future__ import annotations

from collections.abc import Sequence


def check_pairs(targets: Sequence[str], predictions: Sequence[str]) -> None:
    """Raises unless `targets` and `predictions` are equally long, non-empty lists of strings.

    Args:
        targets: one expected answer a row.
        predictions: one predicted answer a row, in the same order.

    Raises:
        ValueError: a bare string or another type was given, the lists are empty, or their lengths
            differ.
    """
    check_strings("targets", targets)
    check_strings("predictions", predictions)
    if len(targets) != len(predictions):
        raise ValueError(
            f"{len(targets)} targets but {len(predictions)} predictions: a metric needs one "
            "prediction for each target, in the same order."
        )


def check_strings(name: str, rows: Sequence[str]) -> None:
    """Raises unless `rows` is a non-empty list of strings; `name` stands in the message.

    Raises:
        ValueError: `rows` is a bare string, is empty, or holds something that is no string.
    """
    if isinstance(rows, str | bytes):
        raise ValueError(f"{name} is one {type(rows).__name__}: pass a list with one string a row.")
    if not len(rows):
        raise ValueError(f"{name} is empty: a metric over no rows is not defined.")
    for row, text in enumerate(rows):
        if not isinstance(text, str):
            raise ValueError(
                f"{name}[{row}] is {text!r} of type {type(text).__name__}: "
                "decode token ids or bytes to str first."
            )
