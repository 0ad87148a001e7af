"""The comparison as pictures: figures with intervals, size against figures, learning curves."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final

from t5chem.compare.cells import Cell
from t5chem.compare.summary import CROSS_DOMAIN, Figure, Row
from t5chem.compare.tables import figure_text, metric_shown, number_text
from t5x.charts import CHARACTER_WIDTH, COLOURS, Point, Series, line_chart, ticks
from t5x.report_data import read_run

LOSS: Final = "token_loss"
_BAR, _GAP = 20, 12  # pixels
_NUMBER_WIDTH: Final = 130
_AXIS: Final = 30


def colour_of(rows: Sequence[Row]) -> dict[str, str]:
    """Returns a colour for every system, by its name."""
    names = list(dict.fromkeys(row.system.name for row in rows))
    return {name: f"var(--c{place % COLOURS})" for place, name in enumerate(names)}


def interval_chart(rows: Sequence[Row], task: str, width: int = 620) -> str:
    """Draws the figure of every system as a dot on its interval, one below the other.

    Args:
        rows: of the comparison; those without the task are left out.
        task: one of the five.
        width: pixels of the drawing; the page may scale it.

    Returns:
        One `<svg>` element; empty when no system has a figure.
    """
    metric = metric_shown(rows, task)
    shown = [(row, row.figures[task][metric]) for row in rows if metric and row.figures.get(task)]
    shown = [(row, figure) for row, figure in shown if figure.value is not None]
    if not shown or metric is None:
        return ""
    ends = [v for _, f in shown for v in (f.value, *(f.interval or ())) if v is not None]
    marks = ticks(min(0.0, *ends), max(*ends, 1e-3), 5)
    names = [_label(row, rows) for row, _ in shown]
    left = min(CHARACTER_WIDTH * max(map(len, names)) + 16, width * 0.42)
    right = width - _NUMBER_WIDTH
    colours = colour_of(rows)
    bottom = len(shown) * (_BAR + _GAP)

    def x(value: float) -> float:
        return left + (value - marks[0]) / (marks[-1] - marks[0]) * (right - left)

    parts = [_scale(mark, x(mark), bottom) for mark in marks]
    for place, ((row, figure), name) in enumerate(zip(shown, names, strict=True)):
        y = place * (_BAR + _GAP) + _GAP / 2 + _BAR / 2
        parts.append(_interval_mark(name, figure, x, y, left, right, colours[row.system.name]))
    label = f"{task}: {metric} of every system"
    return (
        f'<svg class="chart" viewBox="0 0 {width} {bottom + _AXIS}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _label(row: Row, rows: Sequence[Row]) -> str:
    sizes = {one.size for one in rows}
    return row.system.shown if len(sizes) == 1 else f"{row.system.shown} · {row.size}"


def _scale(mark: float, x: float, bottom: float) -> str:
    return (
        f'<path class="rule" d="M{x:.1f} 0V{bottom:.1f}"/>'
        f'<text class="tick" x="{x:.1f}" y="{bottom + 18:.1f}" text-anchor="middle">{mark:g}</text>'
    )


def _interval_mark(
    name: str,
    figure: Figure,
    x: Callable[[float], float],
    y: float,
    left: float,
    right: float,
    colour: str,
) -> str:
    assert figure.value is not None
    low, high = figure.interval or (figure.value, figure.value)
    seeds = "\n".join(
        f"seed {seed}: {'–' if value is None else number_text(value)}"
        for seed, value in figure.by_seed.items()
    )
    return (
        f'<g style="--c:{colour}"><title>{escape(name)}\n{escape(seeds)}</title>'
        f'<text class="name" x="{left - 10:.1f}" y="{y + 4:.1f}" text-anchor="end">'
        f"{escape(name)}</text>"
        f'<path class="line bold" d="M{x(low):.1f} {y:.1f}H{x(high):.1f}"/>'
        f'<circle class="dot" cx="{x(figure.value):.1f}" cy="{y:.1f}" r="5"/>'
        f'<text class="tick" x="{right + 12:.1f}" y="{y + 4:.1f}">{figure_text(figure)}</text></g>'
    )


def scaling_chart(rows: Sequence[Row], task: str, width: int = 620, height: int = 320) -> str:
    """Draws size against the figure of a task, one line a system.

    Args:
        rows: of the comparison.
        task: one of the five.
        width: pixels of the drawing.
        height: pixels of the drawing.

    Returns:
        One `<svg>` element; empty when no system has both a size and a figure.
    """
    metric = metric_shown(rows, task)
    points: dict[str, list[Point]] = {}
    titles = {row.system.name: row.system.shown for row in rows}
    for row in rows:
        figure = row.figures.get(task, {}).get(metric or "")
        if figure is not None and figure.value is not None and row.parameters:
            points.setdefault(row.system.name, []).append((row.parameters, figure.value))
    colours = colour_of(rows)
    series = [
        Series(titles[name], sorted(found), colours[name], bold=True)
        for name, found in points.items()
    ]
    label = f"Parameters against {metric} of {task}"
    return line_chart(series, label, width, height, x_label="parameters", log_x=True)


def learning_curves(
    cells: Sequence[Cell], rows: Sequence[Row], size: str, width: int = 620, height: int = 320
) -> dict[str, str]:
    """Draws losses over steps, one line a system, averaged over its seeds.

    Args:
        cells: of the comparison.
        rows: of the comparison, for titles and colours.
        size: whose runs are drawn.
        width: pixels of the drawing.
        height: pixels of the drawing.

    Returns:
        One `<svg>` element by what the loss is of: `training_...`, a mixture that is learned from;
        or a SeqIO task that is watched.
    """
    colours = colour_of(rows)
    curves: dict[str, dict[str, list[Mapping[float, float]]]] = {}
    for cell in cells:
        if cell.size != size:
            continue
        for name, loss in _losses(cell).items():
            curves.setdefault(name, {}).setdefault(cell.system.name, []).append(dict(loss))
    titles = {row.system.name: row.system.shown for row in rows}
    return {
        name: line_chart(
            [
                Series(titles[system], _mean_curve(runs), colours[system], bold=True)
                for system, runs in systems.items()
            ],
            f"Loss a token over steps, {name}", width, height,
        )
        for name, systems in sorted(curves.items())
    }  # fmt: skip


def _losses(cell: Cell) -> dict[str, Sequence[Point]]:
    """A run's losses a token, those that were taken at more steps than one.

    A pre-training answers nothing, leaves no results, and has no curve of its mixture.
    """
    run = read_run(cell.model_dir)
    curves = dict(run.validation)
    if run.results:
        curves[f"training_{run.title}"] = run.train
    losses = {name: curve.get(LOSS, []) for name, curve in curves.items()}
    return {name: loss for name, loss in losses.items() if len(loss) > 1}


def _mean_curve(runs: Sequence[Mapping[float, float]]) -> list[Point]:
    """The mean over runs at every step that all of them have."""
    shared = set.intersection(*(set(run) for run in runs))
    return [(step, statistics.fmean(run[step] for run in runs)) for step in sorted(shared)]


def standalone(svg: str) -> str:
    """Returns a chart as a file of its own, for documents that bring no style sheet.

    Args:
        svg: as the functions above return it.
    """
    style = (
        ":root{--ink:#17202b;--muted:#5c6775;--grid:#e3e7ec;--panel:#fff;--c0:#2563c9;--c1:#c9620c;"
        "--c2:#158060;--c3:#8b45c9;--c4:#c52f66;--c5:#0c8097;--c6:#7f7414;--c7:#8a5436}"
        "svg{font:12px system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;background:#fff}"
        ".rule{stroke:var(--grid)}.axis{stroke:var(--muted);stroke-opacity:.6}"
        ".tick{fill:var(--muted)}.name{fill:var(--c);font-weight:600}"
        ".line{fill:none;stroke:var(--c);stroke-width:1.3;stroke-linejoin:round}"
        ".bold{stroke-width:2.2}.dot{fill:var(--c);stroke:#fff}"
        ".cross{fill:none;stroke:var(--c);stroke-width:1.8}"
        ".leader{stroke:var(--c);stroke-opacity:.4}.band{fill:none;stroke:none}"
    )
    head, _, rest = svg.partition(">")
    head = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return f"{head}><style>{style}</style>{rest}\n"


def cross_domain_charts(rows: Sequence[Row]) -> dict[str, str]:
    """Returns the two scaling plots, by task; those without points are left out."""
    charts = {task: scaling_chart(rows, task) for task in CROSS_DOMAIN}
    return {task: chart for task, chart in charts.items() if chart}
