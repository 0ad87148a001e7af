"""Metrics to disk: a JSON line a span for programs, TensorBoard events for people."""

from __future__ import annotations

import glob
import json
import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import jax

if TYPE_CHECKING:
    from t5x.event_files import EventFile


def to_json_number(value: float) -> float | None:
    """Returns the number, or None for NaN and infinities, which JSON does not have."""
    return value if math.isfinite(value) else None


EVALUATIONS = "evaluations"
"""Where a run notes each evaluation that it has finished, after all else of it is written."""


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
        self._tensorboard: EventFile | None = None

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
        writer = self._writer(self.directory)
        writer.write_scalars(step, numbers)
        writer.flush()

    def write_text(self, step: int, texts: Mapping[str, str]) -> None:
        """Writes texts, such as the configuration, to TensorBoard."""
        if self.directory is not None:
            writer = self._writer(self.directory)
            writer.write_texts(step, texts)
            writer.flush()

    def close(self) -> None:
        """Closes the TensorBoard file."""
        if self._tensorboard is not None:
            self._tensorboard.close()
            self._tensorboard = None

    def _writer(self, directory: str) -> EventFile:
        if self._tensorboard is None:
            from t5x.event_files import EventFile  # TensorBoard: only where metrics are written

            self._tensorboard = EventFile(directory)
        return self._tensorboard


def truncate_metrics_after(model_dir: str, step: int) -> None:
    """Forgets all metrics of a run beyond a step: resumed from there, it writes them again.

    Args:
        model_dir: folder of the run.
        step: the last one to keep.
    """
    _forget(model_dir, lambda recorded: recorded > step)


def forget_evaluation(model_dir: str, step: int) -> None:
    """Forgets what a run has written of an evaluation that was cut short.

    Args:
        model_dir: folder of the run.
        step: the run's last.
    """
    for folder in ("training_eval", "inference_eval", EVALUATIONS):
        _forget(os.path.join(model_dir, folder), lambda recorded: recorded >= step)


def is_evaluated(model_dir: str, step: int) -> bool:
    """Tells whether a run has finished its evaluation of a step.

    Args:
        model_dir: folder of the run.
        step: of the evaluation.
    """
    path = os.path.join(model_dir, EVALUATIONS, "metrics.jsonl")
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as file:
        return any(_step_of(line) == step for line in file)


def _forget(folder: str, is_forgotten: Callable[[float], bool]) -> None:
    """Drops the records of some steps from all metrics in a folder and below."""
    if jax.process_index() != 0:
        return
    for path in glob.glob(os.path.join(glob.escape(folder), "**", "*.jsonl"), recursive=True):
        if path.endswith("metrics.jsonl"):
            _filter_lines(path, lambda line: not is_forgotten(_step_of(line)))


def _filter_lines(path: str, is_kept: Callable[[str], bool]) -> None:
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    kept = [line for line in lines if is_kept(line)]
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
