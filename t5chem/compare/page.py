"""The comparison as one page: figures, ablation, scaling, costs, curves, failures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from t5chem.compare.cells import Cell
from t5chem.compare.plots import (
    cross_domain_charts,
    interval_chart,
    learning_curves,
)
from t5chem.compare.suite import Suite
from t5chem.compare.summary import CROSS_DOMAIN, HEADLINES, Failure, Row, failures_of
from t5chem.compare.tables import Columns, ablation, about, headlines, metric_shown, task_table
from t5x.report_style import STYLE

_STYLE = """
td { white-space: nowrap; }
td:first-child { text-align: left; padding-left: 0; }
pre { overflow-x: auto; font-size: 12.5px; background: var(--soft); padding: 12px;
  border-radius: 8px; }
.failed h3 { color: var(--bad); }
figure { margin: 0; }
.masthead .lead { margin: 18px 0 0; }
"""


def document(suite: Suite, cells: Sequence[Cell], rows: Sequence[Row]) -> str:
    """Returns the whole page.

    Args:
        suite: what was compared.
        cells: of it.
        rows: as `summary.summarize` returns them.
    """
    failures = failures_of(rows)
    sections = {
        "Cross-domain": _cross_domain(rows),
        "Ablation": _table(ablation(rows)),
        "Scaling": _scaling(rows),
        "Systems": _table(headlines(rows)),
        "Reactions and procedures": _others(rows),
        "Learning curves": _curves(suite, cells, rows),
        "All figures": _all_figures(rows),
        "Failures": "".join(map(_failure, failures)),
    }
    leads = {
        "Cross-domain": "From a description to a molecule and back; a line is the interval.",
        "Ablation": "The paper's own columns, and what it reports at its scale.",
        "Scaling": "Size against each cross-domain figure, one line a system.",
        "Systems": "What each system is, costs and reaches. FLOPs and time are those of one seed, "
        "with the trainings that it starts from; FLOPs are the model's own count, padding "
        "included.",
        "Learning curves": "Loss per token, averaged over seeds: while training, by what is "
        "learned from, and watched, by task. Only lines of one picture compare.",
        "Failures": "Runs that have not finished, with the last lines that they printed.",
    }
    shown = {name: body for name, body in sections.items() if body}
    body = "".join(
        f'<section id="{_anchor(name)}"><h2>{escape(name)}</h2>'
        f'<p class="lead">{escape(leads.get(name, ""))}</p>{content}</section>'
        for name, content in shown.items()
    )
    links = " ".join(f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in shown)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(suite.title)} · comparison</title>\n"
        f"<style>{STYLE}{_STYLE}</style>\n</head>\n<body>\n"
        f"{_masthead(suite, cells, rows, links)}\n<main>\n{body}\n"
        f"<footer>{escape(about(suite))} This page loads nothing from elsewhere.</footer>\n"
        "</main>\n</body>\n</html>\n"
    )


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _masthead(
    suite: Suite,
    cells: Sequence[Cell],
    rows: Sequence[Row],
    links: str,
) -> str:
    facts = {
        "Systems": str(sum(1 for system in suite.systems if system.tasks)),
        "Sizes": ", ".join(suite.sizes),
        "Seeds": str(len(suite.seeds)),
        "Runs": str(len(cells)),
        "Not finished": str(sum(len(row.failures) for row in rows) or ""),
    }
    shown = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>"
        for name, value in facts.items()
        if value
    )
    return (
        '<div class="masthead"><div><p class="eyebrow">Comparison</p>'
        f'<h1>{escape(suite.title)}</h1><dl class="facts">{shown}</dl>'
        f'<p class="lead">{escape(about(suite))}</p>'
        f'<nav aria-label="Sections">{links}</nav></div></div>'
    )


def _table(columns: Columns) -> str:
    head, body = columns
    if not body:
        return ""
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>" for cells in body
    )
    return (
        f'<div class="panel scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _figure(heading: str, chart: str) -> str:
    if not chart:
        return ""
    return f'<figure class="panel"><h3>{escape(heading)}</h3>{chart}</figure>'


def _grid(figures: Sequence[str]) -> str:
    shown = "".join(figures)
    return f'<div class="grid two curves">{shown}</div>' if shown else ""


def _cross_domain(rows: Sequence[Row]) -> str:
    return _grid(
        [_figure(_heading(rows, task), interval_chart(rows, task)) for task in CROSS_DOMAIN]
    )


def _others(rows: Sequence[Row]) -> str:
    others = [task for task in HEADLINES if task not in CROSS_DOMAIN]
    return _grid([_figure(_heading(rows, task), interval_chart(rows, task)) for task in others])


def _heading(rows: Sequence[Row], task: str) -> str:
    return f"{task}: {metric_shown(rows, task)}"


def _scaling(rows: Sequence[Row]) -> str:
    return _grid(
        [_figure(_heading(rows, task), chart) for task, chart in cross_domain_charts(rows).items()]
    )


def _curves(suite: Suite, cells: Sequence[Cell], rows: Sequence[Row]) -> str:
    figures = []
    for size in suite.sizes:
        for task, chart in learning_curves(cells, rows, size).items():
            name = task if len(suite.sizes) == 1 else f"{task}, {size}"
            figures.append(_figure(name, chart))
    return _grid(figures)


def _all_figures(rows: Sequence[Row]) -> str:
    tables = {task: _table(task_table(rows, task)) for task in HEADLINES}
    return "".join(
        f"<details><summary>{escape(task)}</summary>{table}</details>"
        for task, table in tables.items()
        if table
    )


def _failure(failure: Failure) -> str:
    log = f"<pre>{escape(chr(10).join(failure.log_tail))}</pre>" if failure.log_tail else ""
    return (
        f'<article class="panel failed"><h3>{escape(failure.cell)}</h3>'
        f"<p>{escape(failure.reason)}</p>{log}</article>"
    )
