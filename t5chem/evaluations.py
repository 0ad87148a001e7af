"""What `t5chem evaluate` does: reads files, scores them, prints tables, writes JSON and a page."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import math
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from t5chem.columns import in_columns
from t5chem.evaluation_files import (
    Columns,
    EvaluationRow,
    join,
    read_pairs,
    read_predictions,
    targets_of,
)
from t5chem.evaluation_page import by_remedy, figure_text, interval_text, score_name
from t5chem.evaluation_report import System, p_value_text, signed, write_comparison, write_report
from t5chem.failures import failures_of
from t5chem.metrics import EVALUATORS, Comparison, Evaluation, Settings, compare_evaluations
from t5chem.metrics.scores import version_of
from t5chem.prompts import REACTIONS
from t5x.errors import ConfigError, blamed_on

SOME_BAD: Final = 3
FIGURES: Final = "evaluation.json"
_MOST_NAMED: Final = 20  # bad rows on the terminal; the files name all


def run(arguments: argparse.Namespace) -> int:
    """Evaluates one file, or compares several.

    Args:
        arguments: of `t5chem evaluate`, checked.

    Returns:
        Exit code: 0, or 3 when some rows were bad.

    Raises:
        ConfigError: a file cannot be read, or has no rows to score.
    """
    paths = [path for path in (arguments.predictions, *arguments.compare) if path]
    systems = _systems(arguments, paths)
    folder = Path(arguments.output or _default_folder(paths))
    try:
        if len(systems) == 1:
            _one(arguments, paths, systems[0], folder)
        else:
            _several(arguments, paths, systems, folder)
    except OSError as error:
        raise ConfigError(f"--output {folder}: {error.strerror}.") from error
    print(f"\nWritten: {folder / FIGURES}\n         {folder / 'report.html'}")
    return _say(systems)


def evaluate_rows(
    task: str, rows: Sequence[EvaluationRow], settings: Settings | None = None
) -> Evaluation:
    """Scores rows with the task's evaluator.

    Args:
        task: one of the five.
        rows: at least one.
        settings: of the evaluator.

    Raises:
        ValueError: there are no rows, or a file that `settings` names is not what it should be.

    Example:
        >>> rows = [EvaluationRow(1, "CO", "CCO", ("OCC",)), EvaluationRow(2, "C", "CC")]
        >>> evaluate_rows("forward", rows).scores["top1"].value
        0.5
    """
    many = task in REACTIONS
    predictions = [row.predictions if many else row.prediction for row in rows]
    return EVALUATORS[task]([row.target for row in rows], predictions, settings)


def table_text(evaluation: Evaluation) -> str:
    """Returns the figures as lines that stand in columns, then what was left out.

    Args:
        evaluation: to show.
    """
    rows = [("metric", "value", "95 % interval", "rows", "invalid")]
    rows += [
        (
            score_name(name, score),
            figure_text(score.value),
            interval_text(score.interval),
            f"{score.count:,}",
            f"{len(score.invalid):,}",
        )
        for name, score in evaluation.scores.items()
    ]
    return in_columns(rows) + _absent_text(evaluation.left_out)


def _absent_text(left_out: Mapping[str, str]) -> str:
    if not left_out:
        return ""
    reasons = by_remedy(left_out)
    width = max(map(len, reasons))
    return "\n\nnot computed" + "".join(
        f"\n  {names:<{width}}  {why}" for names, why in reasons.items()
    )


def _systems(arguments: argparse.Namespace, paths: Sequence[str]) -> list[System]:
    """Reads and scores every file, all over the same rows."""
    if len(set(paths)) < len(paths):
        raise ConfigError(f"A file is compared with itself: {', '.join(paths)}.")
    named = (arguments.input_column, arguments.target_column, arguments.prediction_column)
    own = Columns(*named)
    if arguments.targets:  # --target-column is then a column of the file of targets
        own = dataclasses.replace(own, target=None)
    found = {path: read_predictions(path, arguments.task, own, arguments.format) for path in paths}
    if arguments.targets:
        columns = Columns(target=arguments.target_column)
        pairs = read_pairs(arguments.targets, arguments.task, columns)
        targets = targets_of({arguments.targets: pairs})
    else:
        targets = targets_of(found)
    settings = settings_of(arguments)
    systems = []
    for name, path in zip(_names(paths), paths, strict=True):
        rows, left_out = join(found[path], targets)
        with blamed_on():
            evaluation = evaluate_rows(arguments.task, rows, settings)
        systems.append(System(name, rows, evaluation, left_out))
    return systems


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Returns how figures are made, as the command line of `t5chem evaluate` asks."""
    return Settings(
        processes=arguments.processes,
        samples=arguments.samples,
        seed=arguments.seed,
        fcd=not arguments.no_fcd,
    )


def _names(paths: Sequence[str]) -> list[str]:
    """What the systems are called: the files' names, or their paths where two names are equal."""
    stems = [Path(path).stem for path in paths]
    return stems if len(set(stems)) == len(stems) else list(paths)


def _default_folder(paths: Sequence[str]) -> Path:
    first = Path(paths[0])
    kind = "evaluation" if len(paths) == 1 else "comparison"
    return first.with_name(f"{first.stem}.{kind}")


# One system


def _one(arguments: argparse.Namespace, paths: Sequence[str], system: System, folder: Path) -> None:
    print(table_text(system.evaluation))
    made_with = _made_with(arguments, paths)
    write_report(
        folder,
        arguments.task,
        system.rows,
        system.evaluation,
        title=system.name,
        left_out=system.left_out,
        details=_details(made_with),
        seed=arguments.seed,
    )
    write_figures(folder / FIGURES, {**made_with, **_system_dict(arguments.task, system)})


def _system_dict(task: str, system: System) -> dict[str, Any]:
    failures = failures_of(task, system.rows, system.evaluation)
    return {
        **system.evaluation.as_dict(),
        "failures": [{"row": one.number, "reason": one.reason} for one in failures],
        "rows_left_out": [{"row": one.number, "reason": one.reason} for one in system.left_out],
    }


def _made_with(arguments: argparse.Namespace, paths: Sequence[str]) -> dict[str, Any]:
    return {
        "task": arguments.task,
        "predictions": [_file_dict(path) for path in paths],
        "targets": _file_dict(arguments.targets) if arguments.targets else None,
        "seed": arguments.seed,
        "samples": arguments.samples,
        "versions": {
            "python": platform.python_version(),
            **{name: version_of(name) for name in ("text-chem-t5", "numpy", "rdkit")},
        },
    }


def _file_dict(path: str) -> dict[str, str]:
    return {"file": path, "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}


def _details(made_with: Mapping[str, Any]) -> dict[str, str]:
    """What the page says of files and settings."""
    files = [*made_with["predictions"], *filter(None, [made_with["targets"]])]
    return {
        **{file["file"]: f"sha256 {file['sha256'][:16]}" for file in files},
        "seed": str(made_with["seed"]),
        "bootstrap samples": f"{made_with['samples']:,}",
        **made_with["versions"],
    }


def write_figures(path: Path, figures: Mapping[str, Any]) -> None:
    """Writes figures as JSON for people and programs.

    Args:
        path: of the file; its folder is made when it is not there.
        figures: nothing in them is NaN.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


# Several systems


def _several(
    arguments: argparse.Namespace, paths: Sequence[str], systems: Sequence[System], folder: Path
) -> None:
    first = systems[0]
    comparisons = {
        other.name: compare_evaluations(
            first.evaluation, other.evaluation, arguments.samples, arguments.seed
        )
        for other in systems[1:]
    }
    print(comparison_text(systems, comparisons))
    made_with = _made_with(arguments, paths)
    write_comparison(folder, arguments.task, systems, comparisons, details=_details(made_with))
    figures = {
        **made_with,
        "systems": [
            {"name": system.name, **_system_dict(arguments.task, system)} for system in systems
        ],
        "comparisons": [
            {
                "first": first.name,
                "second": name,
                "metrics": {metric: comparison_dict(one) for metric, one in compared.items()},
            }
            for name, compared in comparisons.items()
        ],
    }
    write_figures(folder / FIGURES, figures)


def comparison_dict(comparison: Comparison) -> dict[str, Any]:
    """Returns what JSON can hold; a difference that is not defined is null."""
    figures = dataclasses.asdict(comparison)
    if math.isnan(comparison.difference):
        figures["difference"] = None
    return figures


def comparison_text(
    systems: Sequence[System], comparisons: Mapping[str, Mapping[str, Comparison]]
) -> str:
    """Returns the systems' figures side by side, then each other system against the first.

    Args:
        systems: at least two.
        comparisons: by name of the other system, then by metric.
    """
    names = list(dict.fromkeys(name for s in systems for name in s.evaluation.scores))
    rows = [["metric", *(system.name for system in systems)]]
    for name in names:
        scores = [system.evaluation.scores.get(name) for system in systems]
        label = next(score_name(name, score) for score in scores if score is not None)
        values = [math.nan if score is None else score.value for score in scores]
        rows.append([label, *map(figure_text, values)])
    absent = {name: why for s in systems for name, why in s.evaluation.left_out.items()}
    parts = [in_columns(rows)]
    parts += [
        f"{name} minus {systems[0].name}\n{_differences_text(compared, systems[0].name, name)}"
        for name, compared in comparisons.items()
    ]
    return "\n\n".join(parts) + _absent_text(absent)


def _differences_text(compared: Mapping[str, Comparison], first: str, second: str) -> str:
    names = {"first": first, "second": second, None: ""}
    rows = [("metric", "difference", "95 % interval", "p", "better")]
    rows += [
        (
            name,
            signed(comparison.difference),
            interval_text(comparison.interval),
            p_value_text(comparison.p_value),
            names[comparison.better],
        )
        for name, comparison in compared.items()
    ]
    return in_columns(rows)


# Bad rows


def _say(systems: Iterable[System]) -> int:
    bad = [row for system in systems for row in _bad_rows(system)]
    for line in bad[:_MOST_NAMED]:
        print(f"t5chem evaluate: {line}", file=sys.stderr)
    if len(bad) > _MOST_NAMED:
        more = len(bad) - _MOST_NAMED
        print(f"t5chem evaluate: and {more:,} more: {FIGURES} names all.", file=sys.stderr)
    return SOME_BAD if bad else 0


def _bad_rows(system: System) -> list[str]:
    wrong = [(row.number, row.error, "counts as wrong") for row in system.rows if row.error]
    unused = [(row.number, row.reason, "left out") for row in system.left_out]
    return [
        f"{system.name}, row {number}: {reason} ({what})"
        for number, reason, what in sorted([*wrong, *unused])
    ]
