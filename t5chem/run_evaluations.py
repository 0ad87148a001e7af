"""Every figure of every task that a run was scored on: the pages behind its report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final, NamedTuple

from t5chem.evaluation_files import (
    EvaluationRow,
    LeftOut,
    join,
    read_predictions,
    targets_of,
)
from t5chem.evaluation_report import write_report
from t5chem.evaluations import FIGURES, evaluate_rows, write_figures
from t5chem.metrics import EVALUATORS, Evaluation, Settings
from t5x.errors import ConfigError
from t5x.results import predictions_path

FOLDER: Final = "evaluation"


def task_of(name: str) -> str | None:
    """Returns which of the five tasks a SeqIO task of ours is; None for another.

    Example:
        >>> task_of("starter_text2mol"), task_of("chebi20_mol2text.t5"), task_of("squad")
        ('text2mol', 'mol2text', None)
        >>> task_of("starter_text2mol_augm")
        'text2mol'
    """
    stem = name.partition(".")[0].removesuffix("_augm")
    return next((task for task in EVALUATORS if stem.endswith(f"_{task}")), None)


def write_evaluations(model_dir: str | Path) -> dict[str, str]:
    """Writes a page and `evaluation.json` for every task whose predictions a run left.

    The Fréchet distance is left out: it means little over the few rows that a run is scored on,
    and takes longer than all else. `t5chem evaluate` has it.

    Args:
        model_dir: the run's directory, with `results.json`.

    Returns:
        By the SeqIO task's name, the path of its page within `model_dir`. A task that is none of
        the five, or has no predictions, is not there; one that fails says why on stderr.
    """
    pages = {}
    for name, task, path, step in scored_tasks(model_dir):
        try:
            _write(Path(model_dir) / FOLDER / name, task, name, path, step)
        except (ConfigError, ValueError, OSError) as error:
            # The run is done and saved: a page less is no reason to lose its report.
            print(f"No evaluation of {name}: {error}", file=sys.stderr)
        else:
            pages[name] = f"{FOLDER}/{name}/report.html"
    return pages


class ScoredTask(NamedTuple):
    """A task that a run was scored on at its end.

    Attributes:
        name: SeqIO's.
        task: which of the five.
        path: of the predictions.
        step: that they were made at.
    """

    name: str
    task: str
    path: Path
    step: int


def scored_tasks(model_dir: str | Path) -> list[ScoredTask]:
    """Returns those of the five tasks whose predictions a run left, as `results.json` lists them.

    Args:
        model_dir: the run's directory; one that was not scored has none.
    """
    try:
        results = json.loads((Path(model_dir) / "results.json").read_text(encoding="utf-8"))
        step, names = int(results["step"]), [str(task["task"]) for task in results["tasks"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    found = []
    for name in names:
        path = Path(predictions_path(str(model_dir), name, step))
        task = task_of(name)
        if task is not None and path.exists():
            found.append(ScoredTask(name, task, path, step))
    return found


def evaluated_tasks(output_dir: str | Path) -> list[ScoredTask]:
    """Returns those of the five tasks whose predictions `t5x.eval` left, of each the last step's.

    Args:
        output_dir: of the evaluation.
    """
    found: dict[str, ScoredTask] = {}
    for path in sorted(Path(output_dir, "inference_eval").glob("*-*.jsonl")):
        name, _, step = path.stem.rpartition("-")
        task = task_of(name)
        if task is not None and step.isdigit():
            found[name] = ScoredTask(name, task, path, int(step))
    return list(found.values())


def evaluate_file(
    path: Path, task: str, settings: Settings
) -> tuple[list[EvaluationRow], list[LeftOut], Evaluation]:
    """Scores the predictions of a run.

    Args:
        path: of the predictions, with their targets.
        task: one of the five.
        settings: of the evaluator.

    Returns:
        Rows, rows that could not be scored, and figures.
    """
    found = read_predictions(str(path), task)
    rows, left_out = join(found, targets_of({str(path): found}))
    return rows, left_out, evaluate_rows(task, rows, settings)


def _write(folder: Path, task: str, name: str, path: Path, step: int) -> None:
    rows, left_out, evaluation = evaluate_file(path, task, Settings(fcd=False))
    details = {"step": f"{step:,}", "predictions": path.name}
    write_report(folder, task, rows, evaluation, title=name, left_out=left_out, details=details)
    figures = {"task": task, "step": step, "predictions": path.name, **evaluation.as_dict()}
    write_figures(folder / FIGURES, figures)
