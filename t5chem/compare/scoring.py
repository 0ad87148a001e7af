"""What a finished cell came to: every figure of every task, with the draws behind its interval."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from t5chem.metrics import Evaluation, Settings
from t5chem.metrics.bootstrap import drawn_figures
from t5chem.run_evaluations import evaluate_file, evaluated_tasks, scored_tasks
from t5x.errors import RunError
from t5x.model_costs import COSTS

DRAWS: Final = "draws.npz"
"""Beside a cell's record: what the bootstrap drew, `task/metric` to float[samples]."""

SETTINGS: Final = Settings(fcd=False)


class NotScoredError(RunError):
    """A run ended without the predictions that the suite wants scored."""


def score_run(model_dir: Path, tasks: Sequence[str], folder: Path) -> dict[str, Any]:
    """Scores a run's last predictions and keeps the bootstrap's draws.

    Systems that were asked the same rows are drawn alike, so that their draws can be compared and
    averaged one by one.

    Args:
        model_dir: of the run.
        tasks: which of the five the system is scored on.
        folder: where the draws are written.

    Returns:
        By task, `Evaluation.as_dict()` and the SeqIO task's name.

    Raises:
        NotScoredError: the run has no predictions of a task.
    """
    scores: dict[str, Any] = {}
    draws: dict[str, np.ndarray] = {}
    for name, task, path, _ in scored_tasks(model_dir) or evaluated_tasks(model_dir):
        if task in tasks and task not in scores:
            _, _, evaluation = evaluate_file(path, task, SETTINGS)
            scores[task] = {"name": name, **evaluation.as_dict()}
            draws |= _draws(task, evaluation)
    if absent := [task for task in tasks if task not in scores]:
        raise NotScoredError(
            f"The run in {model_dir} left no predictions of {', '.join(absent)}: its last step "
            "must be an evaluation (EVAL_PERIOD) of a mixture that has them."
        )
    if draws:
        np.savez_compressed(folder / DRAWS, allow_pickle=False, **draws)
    return scores


def _draws(task: str, evaluation: Evaluation) -> dict[str, np.ndarray]:
    drawn = drawn_figures(evaluation.scores, SETTINGS.samples, SETTINGS.seed)
    return {f"{task}/{name}": figures.astype(np.float32) for name, figures in drawn.items()}


def read_draws(folder: Path) -> dict[str, np.ndarray]:
    """Returns the draws of a cell, `task/metric` to float[samples]; empty where it has none."""
    path = folder / DRAWS
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def read_costs(model_dir: Path) -> dict[str, Any]:
    """Returns what a run says of its size and cost ; empty where it says nothing."""
    try:
        return dict(json.loads((model_dir / COSTS).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
