"""What a run leaves for its reader: one self-contained page, and the same in a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from t5x.report_data import baseline_names, margin, metric_order, read_run, score_text
from t5x.report_page import Page, render
from t5x.text_table import aligned

# Baseline names are sentences on the page and columns in a terminal.
_COLUMNS: Final = {"copy of the input": "copy", "most frequent answer": "frequent"}


def write_report(
    model_dir: str,
    cell_renderer: Callable[[str], str | None] | None = None,
    same_answer: Callable[[str, str], bool] | None = None,
    task_pages: Mapping[str, str] | None = None,
) -> str:
    """Writes `report.html`: curves, scores beside baselines, samples, settings, in one file.

    Args:
        model_dir: the run's directory; files it lacks are named on the page.
        cell_renderer: gets a sample's text (its prompt removed where all samples of the task share
            one) and returns an HTML or SVG fragment, trusted as it is, to stand above the text.
        same_answer: gets target and prediction that differ as text and says whether they mean the
            same, so that the prediction is marked correct. By default, only equal texts are.
        task_pages: by a task's name, the page that says more of it, relative to `model_dir`.

    Returns:
        Path of the page.

    Raises:
        FileNotFoundError: `model_dir` does not exist.
    """
    folder = Path(model_dir)
    if not folder.is_dir():
        raise FileNotFoundError(f"No directory {model_dir!r}: pass the MODEL_DIR of a run.")
    page = Page(
        run=read_run(folder),
        cell_renderer=cell_renderer or (lambda text: None),
        same_answer=same_answer or (lambda target, prediction: False),
        task_pages=task_pages or {},
    )
    path, partial = folder / "report.html", folder / "report.html.partial"
    partial.write_text(render(page), encoding="utf-8")
    os.replace(partial, path)
    return str(path)


def results_table(results: Mapping[str, Any]) -> str:
    """Returns the scores as lines for a terminal, one line a metric, the primary one first.

    Args:
        results: content of `results.json`.

    Returns:
        Columns task, rows, metric, score and one a baseline; `*` marks a score above all of them.
        One sentence instead when no task has scores.

    Example:
        >>> print(results_table({"tasks": [{"task": "double", "count": 8, "scores": {"exact": 0.5},
        ...     "baselines": {"copy of the input": {"exact": 0.25}}}]}))
        task    rows  metric  score    copy
        double     8  exact   0.500*  0.250
        * above every baseline
    """
    tasks = [task for task in results.get("tasks", ()) if task.get("scores")]
    if not tasks:
        return "No scores: no task was evaluated."
    baselines = baseline_names(results)
    head = ["task", "rows", "metric", "score ", *(_COLUMNS.get(n, n) for n in baselines)]
    rows = [row for task in tasks for row in _table_rows(results, task, baselines)]
    lines = aligned([head, *rows], right=(1, *range(3, len(head))))
    starred = any("*" in row[3] for row in rows)
    return "\n".join([*lines, "* above every baseline"] if starred else lines)


def samples_text(results: Mapping[str, Any], per_task: int = 3, width: int = 100) -> str:
    """Returns a few samples a task for a terminal: asked, expected, predicted below each other.

    Args:
        results: content of `results.json`.
        per_task: samples shown of each task, at most.
        width: columns; longer texts are cut with an ellipsis.

    Example:
        >>> print(samples_text({"tasks": [{"task": "double", "samples": [
        ...     {"inputs": "Double: 4", "target": "8", "prediction": "8"}]}]}))
        double
          asked      Double: 4
          expected   8
          predicted  8  (correct)
    """
    blocks = []
    for task in results.get("tasks", ()):
        samples = (task.get("samples") or [])[:per_task]
        if samples:
            shown = "\n\n".join(_sample_text(sample, width) for sample in samples)
            blocks.append(f"{task.get('task', '')}\n{shown}")
    return "\n\n".join(blocks) or "No samples: no answers were kept."


def _table_rows(
    results: Mapping[str, Any], task: Mapping[str, Any], baselines: Sequence[str]
) -> list[list[str]]:
    """A task's lines; its name and count stand in the first alone."""
    rows = []
    for position, metric in enumerate(metric_order(results, task)):
        lead = margin(task, metric)
        known = task.get("baselines") or {}
        rows.append(
            [
                str(task.get("task", "")) if position == 0 else "",
                str(task.get("count", "–")) if position == 0 else "",
                metric,
                score_text(task["scores"][metric]) + ("*" if (lead or 0) > 0 else " "),
                *(score_text(known.get(name, {}).get(metric)) for name in baselines),
            ]
        )
    return rows


def _sample_text(sample: Mapping[str, Any], width: int) -> str:
    """Three lines: asked, expected, predicted."""
    asked, target, found = (str(sample.get(k, "")) for k in ("inputs", "target", "prediction"))
    verdict = "  (correct)" if target.strip() == found.strip() else ""
    lines = [("asked", asked, ""), ("expected", target, ""), ("predicted", found, verdict)]
    return "\n".join(
        f"  {label:<11}{_cut(text, width - 13 - len(end))}{end}" for label, text, end in lines
    )


def _cut(text: str, width: int) -> str:
    """One line of at most `width` characters."""
    line = " ".join(text.split()) or "(nothing)"
    return line if len(line) <= width else line[: width - 1] + "…"
