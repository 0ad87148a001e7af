"""What a run sees of a mixture: how many examples of each task, and how often each set.

The arithmetic of `seqio.Mixture`: an example is of a task with the probability of its rate among
all rates, and a set that is exhausted begins anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from t5chem.columns import in_columns
from t5x.errors import ConfigError


@dataclass(frozen=True)
class TaskShare:
    """A task of a mixture, and what a run sees of it.

    Attributes:
        task: its name.
        rows: examples that its set has; None where that is not known.
        rate: as the mixture states it.
        share: of the examples that are of this task, from 0 to 1.
        examples: expected in the run.
        epochs: how often the run goes through the set; None where `rows` is not known.
    """

    task: str
    rows: int | None
    rate: float
    share: float
    examples: float
    epochs: float | None


def effective_shares(
    mixture: Mapping[str, tuple[int | None, float]], examples: float
) -> list[TaskShare]:
    """Returns what a run sees of each task, in the order of the mixture.

    Args:
        mixture: rows of the set (None: not known) and rate, by task.
        examples: that the run sees in all: steps x rows of a batch (x examples a row if packed).

    Raises:
        ConfigError: no task, a rate below 0, no rate above 0, or a set without rows that is drawn.

    Example:
        >>> both = effective_shares({"small": (100, 1.0), "large": (900, 1.0)}, examples=1200)
        >>> [(one.share, one.examples, round(one.epochs, 2)) for one in both]
        [(0.5, 600.0, 6.0), (0.5, 600.0, 0.67)]
    """
    _check(mixture)
    total = math.fsum(rate for _, rate in mixture.values())
    return [
        TaskShare(
            task,
            rows,
            rate,
            share=rate / total,
            examples=examples * rate / total,
            epochs=None if not rows else examples * rate / total / rows,
        )
        for task, (rows, rate) in mixture.items()
    ]


def examples_an_epoch(shares: list[TaskShare]) -> float | None:
    """Returns after how many examples every set has been gone through at least once.

    Smaller sets are then repeated: of five sets at equal rates it is five times the largest.

    Args:
        shares: of `effective_shares`.

    Returns:
        None where the rows of a set are not known.

    Example:
        >>> examples_an_epoch(effective_shares({"a": (100, 1.0), "b": (900, 1.0)}, examples=1))
        1800.0
    """
    drawn = [one for one in shares if one.share]
    if any(one.rows is None for one in drawn):
        return None
    return max(one.rows / one.share for one in drawn if one.rows is not None)


def _check(mixture: Mapping[str, tuple[int | None, float]]) -> None:
    for task, (rows, rate) in mixture.items():
        if not math.isfinite(rate) or rate < 0:
            raise ConfigError(f"The rate of {task!r} is {rate}: it must be a number, 0 or above.")
        if rows is not None and rows < 1 and rate > 0:
            raise ConfigError(f"{task!r} has {rows} rows and a rate of {rate}: give it rows, or 0.")
    if not any(rate > 0 for _, rate in mixture.values()):
        raise ConfigError("A mixture needs a task whose rate is above 0.")


def describe_mixture(name: str, shares: list[TaskShare], steps: int, batch: int) -> str:
    """Returns the table that `t5chem data stats --mixture` prints.

    Args:
        name: of the mixture.
        shares: of `effective_shares`.
        steps: of the run.
        batch: rows of a batch.
    """
    seen = math.fsum(one.examples for one in shares)
    rows = [("task", "rows", "rate", "share", "seen", "epochs")]
    rows += [
        (
            one.task,
            "not known" if one.rows is None else f"{one.rows:,}",
            f"{one.rate:.6g}",
            f"{one.share:.1%}",
            f"{one.examples:,.0f}",
            "–" if one.epochs is None else f"{one.epochs:,.2f}",
        )
        for one in shares
    ]
    lines = [f"{name}: {steps:,} steps x {batch:,} rows, {seen:,.0f} examples", in_columns(rows)]
    epoch = examples_an_epoch(shares)
    if epoch is not None:
        lines.append(
            f"Every set is gone through once after {epoch:,.0f} examples: "
            f"{math.ceil(round(epoch * steps / seen, 6)):,} steps."
        )
    return "\n".join(lines)
