"""The parts that reports of evaluations are made of, as HTML text: every text escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from t5chem.evaluation_files import LeftOut
from t5chem.failures import Failure
from t5chem.metrics import Evaluation, Score
from t5x.charts import short_number, ticks
from t5x.report_style import STYLE

SHOWN_OPEN: Final = 10  # lists up to this length are not folded away
_BINS: Final = 20
_WIDTH, _HEIGHT = 340.0, 170.0  # pixels of a histogram
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 8.0, 8.0, 28.0

_STYLE: Final = """
:root { --missed: #bfe3cf; --surplus: #f6c8b8; }
@media (prefers-color-scheme: dark) { :root { --missed: #1f5a43; --surplus: #74392a; } }
mark { color: var(--ink); border-radius: 3px; padding: 1px 0; }
mark.missed, .key.missed { background: var(--missed); }
mark.surplus, .key.surplus { background: var(--surplus); }
.key { display: inline-block; padding: 0 7px; border-radius: 4px; color: var(--ink); }
.gauge { width: 22%; min-width: 110px; }
.gauge i { position: relative; display: block; height: 10px; border-radius: 5px;
  background: var(--grid); overflow: hidden; }
.gauge b, .gauge u { position: absolute; top: 0; height: 100%; }
.gauge b { left: 0; background: var(--accent); opacity: .55; }
.gauge u { background: var(--accent); min-width: 2px; }
td.best { font-weight: 680; }
table.list td, table.list th { text-align: left; vertical-align: top; }
table.list td:first-child, table.list th:first-child { text-align: right; padding-left: 0;
  width: 5em; white-space: nowrap; }
table.list code { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas,
  "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
table.list td:last-child { overflow-wrap: anywhere; min-width: 11em; }
.absent { margin-top: 16px; }
.absent .settings { grid-template-columns: 1fr; }
.absent .settings dd { text-align: left; flex: 1; font-weight: 400; color: var(--muted); }
.absent .settings dt { flex: 0 0 9em; color: var(--ink); }
.chart .bar { fill: var(--accent); opacity: .75; }
.chart .bar:hover { opacity: 1; }
.curves h3 small { float: right; }
.cell > .label { align-items: flex-start; }
.sample.many { grid-template-columns: repeat(auto-fit, minmax(min(100%, 250px), 1fr)); }
@media (max-width: 760px) {
  .gauge { display: none; }
  th, td { padding: 7px 6px; }
  td:last-child, th:last-child { padding-right: 0; }
  .absent .settings dt { flex-basis: 6em; }
}
"""


@dataclass(frozen=True)
class Cell:
    """One text of an example.

    Attributes:
        label: what it is, such as `Expected`.
        html: the text, escaped and marked.
        picture: an `<svg>` element to stand above it, or None.
        code: whether it is SMILES rather than prose.
        note: stands right of the label.
    """

    label: str
    html: str
    picture: str | None = None
    code: bool = False
    note: str = ""


def document(
    title: str, eyebrow: str, facts: Mapping[str, str], sections: Mapping[str, str]
) -> str:
    """Returns the whole page.

    Args:
        title: its heading.
        eyebrow: what kind of page it is.
        facts: names and values below the heading.
        sections: HTML by heading; empty ones are left out.
    """
    shown = {heading: body for heading, body in sections.items() if body}
    links = " ".join(f'<a href="#{_anchor(heading)}">{escape(heading)}</a>' for heading in shown)
    body = "\n".join(
        f'<section id="{_anchor(heading)}"><h2>{escape(heading)}</h2>{html}</section>'
        for heading, html in shown.items()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)} · {escape(eyebrow.lower())}</title>\n"
        f"<style>{STYLE}{_STYLE}</style>\n</head>\n<body>\n"
        f'<div class="masthead"><div><p class="eyebrow">{escape(eyebrow)}</p>'
        f'<h1>{escape(title)}</h1><dl class="facts">{_pairs(facts)}</dl>'
        f'<nav aria-label="Sections">{links}</nav></div></div>\n<main>\n{body}\n'
        "<footer>This page loads nothing from elsewhere.</footer>\n</main>\n</body>\n</html>\n"
    )


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _pairs(texts: Mapping[str, str]) -> str:
    return "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in texts.items()
    )


def lead(text: str) -> str:
    """Returns the sentence below a heading."""
    return f'<p class="lead">{escape(text)}</p>'


def highlight_key(*kinds: str) -> str:
    """Returns the sentence that says what the colours of highlights mean.

    Args:
        kinds: `missed` and `surplus`, those that the page shows.
    """
    meanings = {"missed": "expected, not predicted", "surplus": "predicted, not expected"}
    keys = " ".join(f'<span class="key {kind}">{meanings[kind]}</span>' for kind in kinds)
    return f'<p class="lead">Highlighted: {keys}</p>'


def settings_list(settings: Mapping[str, str]) -> str:
    """Returns a panel of names and values."""
    return f'<div class="panel"><dl class="settings">{_pairs(settings)}</dl></div>'


def figure_text(value: float) -> str:
    """Writes a figure: four digits after the point, fewer of larger ones, a dash for NaN.

    Example:
        >>> figure_text(0.74898), figure_text(28.8158), figure_text(float("nan"))
        ('0.7490', '28.816', '–')
    """
    if math.isnan(value):
        return "–"
    digits = 4 if abs(value) < 10 else 3 if abs(value) < 1000 else 1
    return f"{value:,.{digits}f}"


def interval_text(interval: tuple[float, float] | None) -> str:
    """Writes an interval; a dash for none.

    Example:
        >>> interval_text((0.25, 0.5))
        '0.2500 to 0.5000'
    """
    if interval is None:
        return "–"
    return f"{figure_text(interval[0])} to {figure_text(interval[1])}"


def score_name(name: str, score: Score) -> str:
    """A metric's name, with a word where less is better."""
    return f"{name} (lower is better)" if score.lower_is_better else name


def score_table(evaluation: Evaluation) -> str:
    """Returns a table with a row a metric, and below it what was left out and how to have it."""
    rows = "".join(_score_row(name, score) for name, score in evaluation.scores.items())
    return (
        '<div class="panel scroll"><table><thead><tr><th>metric</th><th>value</th>'
        '<th>95 % interval</th><th class="gauge"><span hidden>0 to 1</span></th><th>rows</th>'
        f"<th>invalid</th></tr></thead><tbody>{rows}</tbody></table></div>"
        + absent_list(evaluation.left_out)
    )


def _score_row(name: str, score: Score) -> str:
    return (
        f'<tr><th scope="row">{escape(score_name(name, score))}</th>'
        f'<td class="model">{figure_text(score.value)}</td>'
        f"<td>{interval_text(score.interval)}</td>"
        f'<td class="gauge">{_gauge(score)}</td>'
        f"<td>{score.count:,}</td><td>{len(score.invalid):,}</td></tr>"
    )


def _gauge(score: Score) -> str:
    """A bar from 0 to 1 with the interval on it; nothing for figures of another range."""
    if score.lower_is_better or not 0 <= score.value <= 1:
        return ""
    low, high = score.interval or (score.value, score.value)
    return (
        f'<i><b style="width:{100 * score.value:.2f}%"></b>'
        f'<u style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></u></i>'
    )


def absent_list(left_out: Mapping[str, str]) -> str:
    """Returns the metrics that could not be computed, each with what to do."""
    if not left_out:
        return ""
    return (
        '<div class="panel absent"><h3>Not computed</h3>'
        f'<dl class="settings">{_pairs(by_remedy(left_out))}</dl></div>'
    )


def by_remedy(left_out: Mapping[str, str]) -> dict[str, str]:
    """Returns metrics that lack the same together, each with what to do.

    Example:
        >>> by_remedy({"bleu2": "needs x", "meteor": "needs y", "bleu4": "needs x"})
        {'bleu2, bleu4': 'needs x', 'meteor': 'needs y'}
    """
    names: dict[str, list[str]] = {}
    for name, remedy in left_out.items():
        names.setdefault(remedy, []).append(name)
    return {", ".join(those): remedy for remedy, those in names.items()}


def histograms(evaluation: Evaluation) -> str:
    """Returns a histogram of each score whose rows have figures of their own but right or wrong."""
    figures = []
    for name, score in evaluation.scores.items():
        values = score.row_values
        known = np.empty(0) if values is None else values[~np.isnan(values)]
        if len(known) and not np.isin(known, (0.0, 1.0)).all():
            figures.append(
                f'<figure class="panel"><h3>{escape(name)}<small>median '
                f"{figure_text(float(np.median(known)))}, {len(known):,} rows</small></h3>"
                f"{histogram(known, name)}</figure>"
            )
    return f'<div class="grid three curves">{"".join(figures)}</div>' if figures else ""


def histogram(values: np.ndarray, label: str) -> str:
    """Draws how often values occur, as one `<svg>` element.

    Values between 0 and 1 have twenty bins over that range. Others have bins of a round width, up
    to what 99 % of them do not pass; the last bin holds the rest, and says so.

    Args:
        values: float[rows], not empty, none NaN.
        label: what the picture shows, for readers who cannot see it.
    """
    edges = _edges(values)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    is_open = bool(values.max() > edges[-1])
    marks = ticks(0, max(int(counts.max()), 4), 4)
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" '
        f'aria-label="{escape(f"Distribution of {label} over rows")}">'
        + "".join(_rule(mark, marks[-1]) for mark in marks if mark == int(mark))
        + _bars(counts, edges, marks[-1], is_open)
        + _axis(edges, is_open)
        + "</svg>"
    )


def _edges(values: np.ndarray) -> np.ndarray:
    if values.min() >= 0 and values.max() <= 1:
        return np.linspace(0, 1, _BINS + 1)
    low, high = min(0.0, float(values.min())), float(np.quantile(values, 0.99))
    return np.array(ticks(low, max(high, low + 1), _BINS))


def _x(value: float, edges: np.ndarray) -> float:
    share = (value - edges[0]) / (edges[-1] - edges[0])
    return float(_LEFT + share * (_WIDTH - _LEFT - _RIGHT))


def _y(count: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - count / top * (_HEIGHT - _TOP - _BOTTOM)


def _rule(mark: float, top: float) -> str:
    y = _y(mark, top)
    return (
        f'<path class="rule" d="M{_LEFT:.1f} {y:.1f}H{_WIDTH - _RIGHT:.1f}"/>'
        f'<text class="tick" x="{_LEFT - 7:.1f}" y="{y + 4:.1f}" text-anchor="end">'
        f"{short_number(mark)}</text>"
    )


def _bars(counts: np.ndarray, edges: np.ndarray, top: float, is_open: bool) -> str:
    bars = []
    for place, count in enumerate(counts):
        left, right = _x(edges[place], edges), _x(edges[place + 1], edges)
        start, end = short_number(edges[place]), short_number(edges[place + 1])
        last = is_open and place == len(counts) - 1
        span = f"{start} and more" if last else f"{start} to {end}"
        y = _y(count, top)
        bars.append(
            f'<rect class="bar" x="{left + 0.8:.1f}" y="{y:.1f}" width="{right - left - 1.6:.1f}" '
            f'height="{_HEIGHT - _BOTTOM - y:.1f}"><title>{span}: {count:,} rows</title></rect>'
        )
    return "".join(bars)


def _axis(edges: np.ndarray, is_open: bool) -> str:
    marks = [m for m in ticks(edges[0], edges[-1], 5) if edges[0] <= m <= edges[-1]]
    base = _HEIGHT - _BOTTOM
    labels = "".join(
        f'<text class="tick" x="{_x(mark, edges):.1f}" y="{base + 18:.1f}" '
        f'text-anchor="{"end" if mark == edges[-1] else "middle"}">'
        f"{'≥ ' if is_open and mark == edges[-1] else ''}{short_number(mark)}</text>"
        for mark in marks
    )
    return f'<path class="axis" d="M{_LEFT:.1f} {base:.1f}H{_WIDTH - _RIGHT:.1f}"/>{labels}'


def examples(heading: str, note: str, samples: Iterable[Sequence[Cell]]) -> str:
    """Returns a panel of examples, the cells of each side by side; nothing without examples."""
    shown = [_sample(cells) for cells in samples]
    if not shown:
        return ""
    return (
        f'<article class="panel task"><header><h3>{escape(heading)}</h3>'
        f"<p>{escape(note)}</p></header>{''.join(shown)}</article>"
    )


def _sample(cells: Sequence[Cell]) -> str:
    kind = "sample" if len(cells) == 3 else "sample many"
    return f'<div class="{kind}">{"".join(map(_cell, cells))}</div>'


def _cell(cell: Cell) -> str:
    note = f'<span class="verdict">{escape(cell.note)}</span>' if cell.note else ""
    figure = f"<figure>{cell.picture}</figure>" if cell.picture else ""
    said = f'<p class="{"said code" if cell.code else "said"}">{cell.html}</p>'
    if not cell.html.strip():
        said = '<p class="said none">(nothing)</p>'
    return (
        f'<div class="cell"><p class="label"><span>{escape(cell.label)}</span>{note}</p>'
        f"{figure}{said}</div>"
    )


def failure_list(failures: Sequence[Failure], left_out: Sequence[LeftOut], who: str = "") -> str:
    """Returns every failure and every row left out, long lists folded away.

    Args:
        failures: rows that were scored.
        left_out: rows that were not.
        who: the system that failed, for a page of several.
    """
    of_whom = f" of {who}" if who else ""
    wrong = [
        f"<td>{failure.number:,}</td><td><code>{escape(failure.text) or '(nothing)'}</code></td>"
        f"<td>{escape(failure.reason)}</td>"
        for failure in failures
    ]
    unused = [f"<td>{row.number:,}</td><td>{escape(row.reason)}</td>" for row in left_out]
    return _list(
        f"{len(wrong):,} failures{of_whom}", ("row", "prediction", "what is wrong"), wrong
    ) + _list(f"{len(unused):,} rows{of_whom} not scored", ("row", "why"), unused)


def _list(summary: str, names: Sequence[str], rows: Sequence[str]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    is_open = " open" if len(rows) <= SHOWN_OPEN else ""
    return (
        f"<details{is_open}><summary>{escape(summary)}</summary>"
        f'<div class="panel scroll"><table class="list"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></details>"
    )
