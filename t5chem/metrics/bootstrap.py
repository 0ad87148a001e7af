"""How sure a figure is: bootstrap intervals, and whether one system beats another.

Rows are drawn with replacement, as many as there are, and the figure is computed anew (Efron, 1979;
for BLEU: Koehn, "Statistical significance tests for machine translation evaluation", EMNLP 2004).
Drawn are the rows' sufficient statistics, not their strings: a thousand corpus BLEUs cost one
product of matrices. The draws depend on the seed and the number of rows alone, so two systems over
the same rows are drawn alike, which is what makes a comparison paired.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np

from t5chem.metrics.scores import Score

SAMPLES: Final = 1000
_TAILS: Final = (0.025, 0.975)
# Draws are made in blocks of at most so many weights, 16 MB of them.
_BLOCK: Final = 2_000_000


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One figure of two systems over the same rows.

    Attributes:
        difference: the second system's figure minus the first's; NaN when one has none.
        interval: 95 % of the bootstrap's differences lie between the two; None when the figure
            cannot be drawn.
        p_value: two-sided: twice the share of draws in which the difference has the other sign or
            is zero; None when the figure cannot be drawn.
        better: `first` or `second` where `p_value` is below 0.05, else None.
    """

    difference: float
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    better: str | None = None


def with_intervals(
    scores: Mapping[str, Score], samples: int = SAMPLES, seed: int = 0
) -> dict[str, Score]:
    """Returns the scores with their bootstrap intervals.

    Args:
        scores: by name, all over the same rows.
        samples: draws; 0 leaves the intervals out.
        seed: of the draws.

    Example:
        >>> from t5chem.metrics.scores import mean_score
        >>> with_intervals({"exact": mean_score([1.0, 1.0, 1.0])})["exact"].interval
        (1.0, 1.0)
    """
    drawn = drawn_figures(scores, samples, seed)
    intervals = {name: interval(figures) for name, figures in drawn.items()}
    return {
        name: dataclasses.replace(score, interval=intervals.get(name))
        for name, score in scores.items()
    }


def drawn_figures(
    scores: Mapping[str, Score], samples: int = SAMPLES, seed: int = 0
) -> dict[str, np.ndarray]:
    """Returns what each figure is over every draw of rows, float[samples] by name.

    Args:
        scores: by name, all over the same rows; those that cannot be drawn are left out.
        samples: draws; 0 draws nothing.
        seed: of the draws; figures of other systems over as many rows are drawn alike.
    """
    drawable = [name for name, score in scores.items() if score.statistics is not None]
    if not drawable or not samples:
        return {}
    figures = _drawn_figures([scores[name] for name in drawable], samples, seed)
    return dict(zip(drawable, figures, strict=True))


def compare(first: Score, second: Score, samples: int = SAMPLES, seed: int = 0) -> Comparison:
    """Compares the same figure of two systems by a paired bootstrap.

    Args:
        first: a system's score.
        second: another system's, of the same metric over the same targets in the same order.
        samples: draws; 0 gives the difference alone.
        seed: of the draws.

    Raises:
        ValueError: the scores were made differently, or are over different numbers of rows.
    """
    if dict(first.versions) != dict(second.versions):
        raise ValueError(
            f"The scores were made by {dict(first.versions)} and by {dict(second.versions)}: "
            "compute both alike."
        )
    difference = second.value - first.value
    if not samples or np.isnan(difference):
        return Comparison(difference)
    if first.statistics is None or second.statistics is None:
        return Comparison(difference)
    if len(first.statistics) != len(second.statistics):
        raise ValueError(
            f"The scores are over {len(first.statistics)} and {len(second.statistics)} rows: "
            "a paired comparison needs both systems' answers to the same rows."
        )
    drawn_first, drawn_second = _drawn_figures([first, second], samples, seed)
    differences = drawn_second - drawn_first
    p_value = _p_value(differences)
    gain = -difference if first.lower_is_better else difference
    better = ("second" if gain > 0 else "first") if p_value < 0.05 else None
    return Comparison(difference, interval(differences), p_value, better)


def _p_value(differences: np.ndarray) -> float:
    """The observed draw counts too (Davison and Hinkley, 1997), so no p is ever zero."""
    known = differences[~np.isnan(differences)]
    fewest = min((known <= 0).sum(), (known >= 0).sum())
    return min(1.0, 2 * (1 + int(fewest)) / (1 + len(known)))


def interval(figures: np.ndarray) -> tuple[float, float] | None:
    """Returns the middle 95 % of figures; None when none of them is defined.

    Args:
        figures: float[samples]; NaN is not defined.
    """
    known = figures[~np.isnan(figures)]
    if not len(known):
        return None
    low, high = np.quantile(known, _TAILS)
    return float(low), float(high)


def _drawn_figures(scores: list[Score], samples: int, seed: int) -> list[np.ndarray]:
    """float[samples] for each score: its figure of every draw."""
    tables = [score.statistics for score in scores if score.statistics is not None]
    sums = _drawn_sums(np.concatenate(tables, axis=1), samples, seed)
    ends = np.cumsum([table.shape[1] for table in tables])
    parts = np.split(sums, ends[:-1], axis=1)
    return [
        score.estimator(part)
        for score, part in zip(scores, parts, strict=True)
        if score.estimator is not None
    ]


def _drawn_sums(statistics: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """float[samples, columns]: the sums over each draw of rows."""
    rows = len(statistics)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // rows)
    sums = []
    for start in range(0, samples, block):
        size = min(block, samples - start)
        drawn = rng.integers(rows, size=(size, rows))
        drawn += np.arange(size)[:, None] * rows
        weights = np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows)
        sums.append(weights.astype(np.float64) @ statistics)
    return np.concatenate(sums)
