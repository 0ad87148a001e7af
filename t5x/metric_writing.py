"""Metrics to disk: a JSON line a span for programs, TensorBoard events for people."""

from __future__ import annotations

import glob
import json
import math
import os
from collections.abc import Mapping
from typing import Any

import jax


def to_json_number(value: float) -> float | None:
    """Returns the number, or None for NaN and infinities, which JSON does not have."""
    return value if math.isfinite(value) else None


class MetricsManager:
    """Writes the metrics of one part of a run (training, or one evaluated task).

    Args:
        name: sub-folder, such as `train` or `training_eval/<task>`.
        summary_dir: folder of the run; None writes nothing.
    """

    def __init__(self, name: str, summary_dir: str | None = None) -> None:
        self.name = name
        writes = summary_dir is not None and jax.process_index() == 0
        self.directory = os.path.join(summary_dir, name) if writes and summary_dir else None
        self._tensorboard: Any = None

    def write_scalars(self, step: int, numbers: Mapping[str, float]) -> None:
        """Writes numbers of a step.

        Args:
            step: steps done when they were measured.
            numbers: by name.
        """
        if self.directory is None:
            return
        os.makedirs(self.directory, exist_ok=True)
        line = {"step": step} | {name: to_json_number(value) for name, value in numbers.items()}
        with open(os.path.join(self.directory, "metrics.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self._writer().write_scalars(step, dict(numbers))
        self._writer().flush()

    def write_text(self, step: int, texts: Mapping[str, str]) -> None:
        """Writes texts, such as the configuration, to TensorBoard."""
        if self.directory is not None:
            self._writer().write_texts(step, dict(texts))
            self._writer().flush()

    def close(self) -> None:
        """Closes the TensorBoard file."""
        if self._tensorboard is not None:
            self._tensorboard.close()
            self._tensorboard = None

    def _writer(self) -> Any:
        if self._tensorboard is None:
            from clu import metric_writers  # imports TensorFlow: only where metrics are written

            self._tensorboard = metric_writers.SummaryWriter(self.directory)
        return self._tensorboard


def truncate_metrics_after(model_dir: str, step: int) -> None:
    """Forgets all metrics of a run beyond a step: resumed from there, it writes them again.

    Args:
        model_dir: folder of the run.
        step: the last one to keep.
    """
    if jax.process_index() != 0:
        return
    for path in glob.glob(os.path.join(glob.escape(model_dir), "**", "*.jsonl"), recursive=True):
        if path.endswith("metrics.jsonl"):
            _truncate_after(path, step)


def _truncate_after(path: str, step: int) -> None:
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    kept = [line for line in lines if _step_of(line) <= step]
    if len(kept) < len(lines):
        temporary = path + ".tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(kept)
        os.replace(temporary, path)


def _step_of(line: str) -> float:
    """The step of a JSON line; a line that a kill cut short counts as beyond every step."""
    try:
        return json.loads(line)["step"]
    except (json.JSONDecodeError, KeyError):
        return math.inf
