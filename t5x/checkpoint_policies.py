"""When a checkpoint is due by time, and which checkpoints of a run are kept."""

from __future__ import annotations

import glob
import json
import os
import statistics
import time
from collections.abc import Callable, Collection, Sequence
from typing import Literal

from absl import logging
from orbax.checkpoint.checkpoint_managers import (
    PolicyCheckpointInfo,
    PreservationContext,
    PreservationPolicy,
)

from t5x import hosts

MetricMode = Literal["max", "min"]


class TimePolicy:
    """Tells when a checkpoint is due because the last one is too old.

    Args:
        seconds: between two checkpoints; None: time makes none due.
        clock: seconds from any origin.

    Example:
        >>> times = iter([0, 50, 60, 61, 121])
        >>> policy = TimePolicy(60, clock=lambda: next(times))
        >>> policy.is_due(), policy.is_due(), policy.saved(), policy.is_due()
        (False, True, None, True)
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self.saved()

    def saved(self) -> None:
        """Notes that a checkpoint, of either kind, was saved just now."""
        self._saved_at = self._clock()

    def is_due(self) -> bool:
        """Returns the same on all hosts, which ask together: the clock of the first decides."""
        if self._seconds is None:
            return False
        return bool(hosts.from_first(self._clock() - self._saved_at >= self._seconds))


class DropTemporary(PreservationPolicy):
    """Keeps no temporary checkpoint but the newest of all; of the others, what a policy keeps.

    Args:
        temporary: steps whose checkpoints are temporary; may grow.
        policy: never sees the temporary ones.
    """

    def __init__(self, temporary: Collection[int], policy: PreservationPolicy) -> None:
        self._temporary = temporary
        self._policy = policy

    def should_preserve(
        self,
        checkpoints: Sequence[PolicyCheckpointInfo],
        *,
        context: PreservationContext,
    ) -> list[bool]:
        """Returns for each checkpoint whether it is kept."""
        lasting = [info for info in checkpoints if info.step not in self._temporary]
        keeps = self._policy.should_preserve(lasting, context=context) if lasting else []
        kept = {info.step for info, keep in zip(lasting, keeps, strict=True) if keep}
        kept.add(max((info.step for info in checkpoints), default=-1))
        return [info.step in kept for info in checkpoints]


class KeepBest(PreservationPolicy):
    """Keeps the best checkpoints by a metric that the run has written, and the newest.

    Checkpoints newer than the last one that was measured wait for their number; older ones that
    were never measured go. While none is measured, the newest are kept.

    Args:
        directory: folder of the run.
        metric: folder of the metric in it and its name, such as `training_eval/<task>/loss`,
            `inference_eval/<task>/exact` or `train/loss`; `*` for a folder means all of them:
            `training_eval/*/loss` is the mean over the tasks.
        mode: whether the highest or the lowest is best.
        keep: how many.
    """

    def __init__(self, directory: str, metric: str, mode: MetricMode, keep: int) -> None:
        self._directory = directory
        self._metric = metric
        self._sign = 1 if mode == "max" else -1
        self._keep = keep

    def should_preserve(
        self,
        checkpoints: Sequence[PolicyCheckpointInfo],
        *,
        context: PreservationContext,
    ) -> list[bool]:
        """Returns for each checkpoint whether it is kept."""
        steps = sorted(info.step for info in checkpoints)
        values = read_metric(self._directory, self._metric)
        measured = [step for step in steps if step in values]
        if measured:
            best = sorted(measured, key=lambda step: self._sign * values[step])[-self._keep :]
            kept = {*best, *(step for step in steps if step > measured[-1]), steps[-1]}
        else:
            kept = set(steps[-self._keep :])
            if len(steps) > self._keep:
                logging.warning(
                    "No checkpoint has the metric %s yet: the newest %d are kept.",
                    self._metric, self._keep,
                )  # fmt: skip
        return [info.step in kept for info in checkpoints]


def read_metric(directory: str, metric: str) -> dict[int, float]:
    """Returns the values of a metric by step, as `metrics.jsonl` files of the run hold them.

    Args:
        directory: folder of the run.
        metric: such as `training_eval/<task>/loss`; the name of the metric itself may have
            slashes too. With a `*` in it, the mean over all that match, at the steps at which all
            were measured.
    """
    parts = metric.split("/")
    for cut in range(len(parts) - 1, 0, -1):
        folder = glob.escape(os.path.join(directory, *parts[:cut])).replace("[*]", "*")
        name = "/".join(parts[cut:])
        for pattern in (os.path.join(folder, "metrics.jsonl"), folder + "-metrics.jsonl"):
            if paths := sorted(glob.glob(pattern)):
                return _means([_read_column(path, name) for path in paths])
    return {}


def _means(columns: Sequence[dict[int, float]]) -> dict[int, float]:
    steps = set(columns[0]).intersection(*columns[1:])
    return {step: statistics.fmean(column[step] for column in columns) for step in sorted(steps)}


def _read_column(path: str, name: str) -> dict[int, float]:
    values = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue  # a kill cut the line short
            if record.get(name) is not None:
                values[int(record["step"])] = float(record[name])
    return values
