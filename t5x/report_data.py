"""Reads what a run left in its directory: curves, scores and samples, complete or not."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from t5x.charts import Point

Curves = dict[str, list[Point]]


@dataclass(frozen=True)
class Run:
    """What is known about one run.

    Attributes:
        title: name of the run.
        results: content of `results.json`, empty when there is none.
        train: curves of training by metric name.
        validation: curves on held-out data, by task, then metric name.
        inference: curves of predicted answers' scores, by task, then metric name.
        notes: what is missing or could not be read, in sentences.
    """

    title: str
    results: Mapping[str, Any] = field(default_factory=dict)
    train: Curves = field(default_factory=dict)
    validation: Mapping[str, Curves] = field(default_factory=dict)
    inference: Mapping[str, Curves] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def task_names(self) -> list[str]:
        """Every task that has scores or curves, in the order of `results.json`, then by name."""
        scored = [str(entry.get("task", "")) for entry in self.results.get("tasks", ())]
        return list(dict.fromkeys([*scored, *sorted(self.validation), *sorted(self.inference)]))


def read_run(model_dir: str | os.PathLike[str]) -> Run:
    """Reads a run's directory; whatever is absent becomes a note, never an error.

    Args:
        model_dir: the directory that holds `results.json`, `train/metrics.jsonl`,
            `training_eval/<task>/metrics.jsonl` and `inference_eval/<task>-metrics.jsonl` (SeqIO's
            own name).

    Returns:
        The run, with every curve sorted by step. Where a resumed run logged a step twice, the
        later line counts.
    """
    folder = Path(model_dir)
    notes: list[str] = []
    results = _read_results(folder / "results.json", notes)
    return Run(
        title=str(results.get("title") or folder.resolve().name),
        results=results,
        train=_read_curves(folder / "train" / "metrics.jsonl", notes),
        validation={
            path.parent.name: _read_curves(path, notes)
            for path in sorted(folder.glob("training_eval/*/metrics.jsonl"))
        },
        inference={
            path.name.removesuffix("-metrics.jsonl"): _read_curves(path, notes)
            for path in sorted(folder.glob("inference_eval/*-metrics.jsonl"))
        },
        notes=notes,
    )


def primary_metric(results: Mapping[str, Any], task: Mapping[str, Any]) -> str | None:
    """Returns the metric a task is judged by, or its first, or None when it has no scores.

    Args:
        results: content of `results.json`.
        task: one entry of its `tasks`.
    """
    scores = task.get("scores") or {}
    named = (results.get("metrics_primary") or {}).get(task.get("task"))
    return named if named in scores else next(iter(scores), None)


def metric_order(results: Mapping[str, Any], task: Mapping[str, Any]) -> list[str]:
    """Returns the names of a task's metrics, the primary one first."""
    primary = primary_metric(results, task)
    return sorted(task.get("scores") or {}, key=lambda name: name != primary)


def baseline_names(results: Mapping[str, Any]) -> list[str]:
    """Returns the names of every baseline that any task has, in the order met."""
    tasks = results.get("tasks", ())
    return list(dict.fromkeys(name for task in tasks for name in task.get("baselines") or {}))


def margin(task: Mapping[str, Any], metric: str) -> float | None:
    """Returns how far the model stands above the best baseline, or None without a comparison.

    More is taken to be better, as it is for every fraction of right answers.

    Args:
        task: one entry of the `tasks` of `results.json`.
        metric: name of one of its scores.

    Example:
        >>> margin({"scores": {"bleu": 0.5}, "baselines": {"copy": {"bleu": 0.25}}}, "bleu")
        0.25
    """
    score = as_number(task["scores"].get(metric))
    rivals = [as_number(row.get(metric)) for row in (task.get("baselines") or {}).values()]
    known = [rival for rival in rivals if rival is not None and math.isfinite(rival)]
    return score - max(known) if known and score is not None and math.isfinite(score) else None


def as_number(value: object) -> float | None:
    """Returns a JSON number as float, or None for whatever else stands there."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def score_text(value: object) -> str:
    """Writes a score with three decimals, a dash where there is none.

    Example:
        >>> score_text(0.74902), score_text(None), score_text(1250.4)
        ('0.749', '–', '1,250')
    """
    number = as_number(value)
    if number is None:
        return "–"
    if math.isfinite(number) and abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3f}" if math.isfinite(number) else str(number).replace("nan", "NaN")


def _read_results(path: Path, notes: list[str]) -> dict[str, Any]:
    """The results, or nothing and a note."""
    if not path.is_file():
        notes.append("There is no results.json: the run was not evaluated, or has not ended.")
        return {}
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        notes.append(f"results.json is not JSON ({error}).")
        return {}
    if not isinstance(results, dict):
        notes.append(f"results.json holds a {type(results).__name__}, not an object.")
        return {}
    tasks = results.get("tasks") or ()
    return {**results, "tasks": [task for task in tasks if isinstance(task, dict)]}


def _read_curves(path: Path, notes: list[str]) -> Curves:
    """Metric name to points; nothing when the file is absent."""
    if not path.is_file():
        return {}
    curves: dict[str, dict[float, float]] = {}
    unread = 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        row = _read_row(line)
        if row is None:
            unread += 1
            continue
        step = row.pop("step")
        for metric, value in row.items():
            curves.setdefault(metric, {})[step] = value
    if unread:
        name = f"{path.parent.name}/{path.name}"
        notes.append(f"{unread} line(s) of {name} could not be read, and are left out.")
    return {metric: sorted(points.items()) for metric, points in curves.items()}


def _read_row(line: str) -> dict[str, float] | None:
    """One step's values: null becomes NaN, text is dropped; None when the line is no such row."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or as_number(row.get("step")) is None:
        return None
    numbers = {name: math.nan if v is None else as_number(v) for name, v in row.items()}
    return {name: number for name, number in numbers.items() if number is not None}
