"""A figure that knows where it comes from: its rows, its invalid rows, its interval, its makers."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

# From sums over rows, float[..., columns], to the figure, float[...].
Estimator = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Score:
    """One figure over a list of rows.

    A score keeps what each row adds to the sums it is computed from. That is enough to score any
    other selection of the rows, which `t5chem.metrics.bootstrap` does thousands of times.

    Attributes:
        value: the figure; NaN when no row could be counted.
        count: how many rows it is about.
        invalid: indices, from 0, of the rows that could not be read as what the metric compares.
            They are left out where `count` is smaller than the number of rows, else count as wrong.
        versions: of the packages that computed it, and whatever else makes two figures comparable.
        interval: 95 % of the bootstrap's figures lie between the two; None when there is none.
        lower_is_better: such as a distance.
        statistics: float[rows, columns], what each row adds; None for a figure of whole sets.
        estimator: makes the figure from the sums of `statistics` over rows.
    """

    value: float
    count: int
    invalid: tuple[int, ...] = ()
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    interval: tuple[float, float] | None = None
    lower_is_better: bool = False
    statistics: np.ndarray | None = dataclasses.field(default=None, repr=False)
    estimator: Estimator | None = dataclasses.field(default=None, repr=False)

    @property
    def row_values(self) -> np.ndarray | None:
        """The figure of each row alone, float[rows], NaN where a row does not count; or None."""
        if self.statistics is None or self.estimator is None:
            return None
        return self.estimator(self.statistics)

    def as_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold: everything but the statistics; NaN becomes None."""
        return {
            "value": None if math.isnan(self.value) else self.value,
            "interval": None if self.interval is None else list(self.interval),
            "count": self.count,
            "invalid": list(self.invalid),
            "lower_is_better": self.lower_is_better,
            "versions": dict(self.versions),
        }


def mean_score(values: Sequence[float | None], **about: Any) -> Score:
    """Returns the mean over rows.

    Args:
        values: one figure a row; None leaves the row out.
        about: `invalid`, `versions` and `lower_is_better` of the `Score`.

    Example:
        >>> mean_score([1.0, None, 0.5], invalid=(1,)).value
        0.75
    """
    statistics = np.array(
        [(0.0, 0.0) if value is None else (value, 1.0) for value in values], dtype=np.float64
    )
    return pooled_score(statistics, ratio, count=int(statistics[:, 1].sum()), **about)


def pooled_score(
    statistics: np.ndarray, estimator: Estimator, count: int | None = None, **about: Any
) -> Score:
    """Returns the figure that `estimator` makes of the sums of `statistics`.

    Args:
        statistics: float[rows, columns].
        estimator: float[..., columns] to float[...].
        count: rows that count; all when None.
        about: `invalid`, `versions` and `lower_is_better` of the `Score`.
    """
    return Score(
        value=float(estimator(statistics.sum(axis=0))),
        count=len(statistics) if count is None else count,
        statistics=statistics,
        estimator=estimator,
        **about,
    )


def ratio(sums: np.ndarray) -> np.ndarray:
    """Divides the first of two columns by the second; nothing over nothing is NaN."""
    numerator, denominator = sums[..., 0], sums[..., 1]
    undefined = np.full(np.shape(numerator), np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)


@functools.cache
def version_of(package: str) -> str:
    """Returns the installed version of a package, or `not installed`.

    Example:
        >>> version_of("no such package")
        'not installed'
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def versions_of(*packages: str) -> dict[str, str]:
    """Returns the installed version of each package, this one's first."""
    return {package: version_of(package) for package in ("text-chem-t5", *packages)}
