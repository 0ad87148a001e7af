"""The comparison as text, CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from t5chem.columns import in_columns
from t5chem.compare.suite import Suite
from t5chem.compare.summary import CROSS_DOMAIN, HEADLINES, Figure, Row, failures_of
from t5chem.metrics.scores import versions_of
from t5x.charts import short_number
from t5x.progress import format_duration

NONE: Final = "–"


def figure_text(figure: Figure | None) -> str:
    """Writes a figure with its interval.

    Example:
        >>> figure_text(Figure(0.5, (0.4, 0.6), {0: 0.5}, 100))
        '.500 [.400, .600]'
    """
    if figure is None or figure.value is None:
        return NONE
    if figure.interval is None:
        return number_text(figure.value)
    low, high = figure.interval
    return f"{number_text(figure.value)} [{number_text(low)}, {number_text(high)}]"


def number_text(value: float) -> str:
    """Writes a figure with three decimals, or one where it is no fraction.

    Example:
        >>> number_text(0.25), number_text(28.8)
        ('.250', '28.8')
    """
    return f"{value:.3f}".removeprefix("0") if abs(value) < 1 else f"{value:.1f}"


def yes_no(value: bool | None) -> str:
    """Writes whether something is so; a dash where a table leaves it open."""
    return NONE if value is None else ("yes" if value else "no")


def metric_shown(rows: Sequence[Row], task: str) -> str | None:
    """Returns the metric that all rows with the task can be compared by; None: there is none."""
    having = [row for row in rows if row.figures.get(task)]
    return next(
        (
            name
            for name in HEADLINES[task]
            if having and all(name in row.figures[task] for row in having)
        ),
        None,
    )


Columns = tuple[list[str], list[list[str]]]
"""Headings, and rows of cells."""


def ablation(rows: Sequence[Row]) -> Columns:
    """The paper's own table: aggregation, encoder shared and trained, and the two BLEU figures."""
    shown = {task: metric_shown(rows, task) for task in CROSS_DOMAIN}
    head = ["system", "size", "aggregation", "shared", "trained"]
    head += [f"{task} {name or 'BLEU'}" for task, name in shown.items()]
    head += [f"paper: {task}" for task in CROSS_DOMAIN]
    body = []
    for row in rows:
        system = row.system
        if system.encoder_shared is None or not system.tasks:
            continue
        cells = [system.shown, row.size, system.aggregation or NONE]
        cells += [yes_no(system.encoder_shared), yes_no(system.encoder_trained)]
        cells += [figure_text(_figure(row, task, name)) for task, name in shown.items()]
        published = [system.published.get(task) for task in CROSS_DOMAIN]
        cells += [NONE if value is None else number_text(value) for value in published]
        body.append(cells)
    return head, body


def headlines(rows: Sequence[Row]) -> Columns:
    """Every system by the one figure of each task, with its size and cost."""
    tasks = {task: name for task in HEADLINES if (name := metric_shown(rows, task))}
    head = ["system", "size", "seeds", "parameters", "trained", "training FLOPs", "time"]
    head += [f"{task} {name}" for task, name in tasks.items()]
    body = [
        [row.system.shown, row.size, str(len(row.seeds)), *costs(row)]
        + [figure_text(_figure(row, task, name)) for task, name in tasks.items()]
        for row in rows
    ]
    return head, body


def costs(row: Row) -> list[str]:
    """Parameters, those trained, FLOPs and time of a seed, as text."""
    return [
        count_text(row.parameters),
        count_text(row.trained_parameters),
        NONE if row.flops is None else f"{row.flops:.2g}",
        NONE if row.seconds is None else format_duration(row.seconds),
    ]


def count_text(count: float | None) -> str:
    """Writes a large number briefly.

    Example:
        >>> count_text(1508992), count_text(None)
        ('1.51M', '–')
    """
    return NONE if count is None else short_number(float(f"{count:.3g}"))


def task_table(rows: Sequence[Row], task: str) -> Columns:
    """Every metric of a task, a row a system."""
    having = [row for row in rows if row.figures.get(task)]
    names = list(dict.fromkeys(name for row in having for name in row.figures[task]))
    arrow = {
        name: " ↓" for row in having for name, f in row.figures[task].items() if f.lower_is_better
    }
    body = [
        [row.system.shown, row.size, *(figure_text(row.figures[task].get(name)) for name in names)]
        for row in having
    ]
    return ["system", "size", *(f"{name}{arrow.get(name, '')}" for name in names)], body


def _figure(row: Row, task: str, name: str | None) -> Figure | None:
    return None if name is None else row.figures.get(task, {}).get(name)


def sections(suite: Suite, rows: Sequence[Row]) -> list[tuple[str, Columns]]:
    """Returns every table with its heading, those that are empty left out."""
    tables = [("The paper's comparison", ablation(rows)), ("Every system", headlines(rows))]
    tables += [(f"All figures of {task}", task_table(rows, task)) for task in HEADLINES]
    return [(heading, table) for heading, table in tables if table[1]]


def as_text(suite: Suite, rows: Sequence[Row]) -> str:
    """Returns the first two tables as lines that stand in columns, and what failed."""
    return _document(suite, rows, lambda title: title, lambda t: in_columns([t[0], *t[1]]), 2)


def as_markdown(suite: Suite, rows: Sequence[Row]) -> str:
    """Returns every table as Markdown, and what failed."""

    def table(columns: Columns) -> str:
        head, body = columns
        lines = [head, ["---", *("--:" for _ in head[1:])], *body]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

    return _document(suite, rows, lambda title: f"## {title}", table, None)


def _document(
    suite: Suite,
    rows: Sequence[Row],
    heading: Callable[[str], str],
    table: Callable[[Columns], str],
    most: int | None,
) -> str:
    parts = [about(suite)]
    for title, columns in sections(suite, rows)[:most]:
        parts += [heading(title), table(columns)]
    if failures := failures_of(rows):
        parts.append(heading("Not finished"))
        parts.append("\n".join(f"- {one.cell}: {one.reason}" for one in failures))
    return "\n\n".join(parts) + "\n"


def about(suite: Suite) -> str:
    """Says in a sentence or two what the figures are."""
    seeds = f"{len(suite.seeds)} seeds" if len(suite.seeds) > 1 else f"seed {suite.seeds[0]}"
    budget = f" {suite.budget}" if suite.budget else ""
    return (
        f"{suite.title}: means over {seeds}, in brackets the middle 95 % of a bootstrap over seeds "
        f"and rows.{budget}"
    )


def as_csv(rows: Sequence[Row]) -> str:
    """Returns a line for every system, size, seed, task and metric."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["system", "size", "seed", "task", "metric", "value", "rows"])
    for row in rows:
        for task, figures in row.figures.items():
            for name, figure in figures.items():
                for seed, value in figure.by_seed.items():
                    shown = "" if value is None else f"{value:.6g}"
                    writer.writerow(
                        [row.system.name, row.size, seed, task, name, shown, figure.rows]
                    )
    return stream.getvalue()


def as_json(suite: Suite, rows: Sequence[Row]) -> dict[str, Any]:
    """Returns everything as what JSON can hold."""
    return {
        "title": suite.title,
        "budget": suite.budget,
        "sizes": list(suite.sizes),
        "seeds": list(suite.seeds),
        "versions": versions_of("numpy", "rdkit"),
        "rows": [_row_dict(row) for row in rows],
    }


def _row_dict(row: Row) -> dict[str, Any]:
    system = row.system
    return {
        "system": system.name,
        "title": system.shown,
        "size": row.size,
        "aggregation": system.aggregation or None,
        "encoder_shared": system.encoder_shared,
        "encoder_trained": system.encoder_trained,
        "published": dict(system.published),
        "seeds": list(row.seeds),
        "parameters": row.parameters,
        "trained_parameters": row.trained_parameters,
        "training_flops": row.flops,
        "seconds": row.seconds,
        "figures": _figures_dict(row.figures),
        "failures": [dataclasses.asdict(failure) for failure in row.failures],
    }


def _figures_dict(figures: Mapping[str, Mapping[str, Figure]]) -> dict[str, Any]:
    return {
        task: {
            name: {
                **dataclasses.asdict(figure),
                "by_seed": {str(seed): value for seed, value in figure.by_seed.items()},
            }
            for name, figure in known.items()
        }
        for task, known in figures.items()
    }
