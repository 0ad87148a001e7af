"""The run report as HTML text: one function a section, every text escaped."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from itertools import takewhile
from typing import Any

from t5x.charts import COLOURS, Point, Series, line_chart
from t5x.report_data import (
    Curves,
    Run,
    as_number,
    baseline_names,
    margin,
    metric_order,
    primary_metric,
    score_text,
)
from t5x.report_style import STYLE

CellRenderer = Callable[[str], str | None]
SameAnswer = Callable[[str, str], bool]
Task = Mapping[str, Any]

# The engine's `loss` is a batch's sum, which grows with the batch: the one a token compares.
_HEADLINE_CURVES = ("token_loss", "accuracy")
_HEADINGS = {
    "loss": "Loss of a batch",
    "token_loss": "Loss per token",
}
_WIDE, _SMALL = (520, 310), (340, 230)  # pixels of a chart


@dataclass(frozen=True)
class Page:
    """A run and how to show it.

    Attributes:
        run: what the run left.
        cell_renderer: turns a sample's text into an HTML fragment to stand above it, or None.
        same_answer: whether a prediction (second) means the same as its target (first).
        task_pages: by a task's name, the page that says more of it.
    """

    run: Run
    cell_renderer: CellRenderer
    same_answer: SameAnswer
    task_pages: Mapping[str, str]

    def colour(self, task: str) -> str:
        """A task's colour, the same in every part of the page."""
        return f"var(--c{self.run.task_names().index(task) % COLOURS})"

    def short_name(self, task: str) -> str:
        """A task's name without the words that all tasks begin with."""
        names = self.run.task_names()
        shared = _shared_start(names) if len(names) > 1 else ""
        return task[shared.rfind("_") + 1 :]


def render(page: Page) -> str:
    """Returns the whole document."""
    sections = [
        *(_note(note) for note in page.run.notes),
        _glance(page),
        _curves(page),
        _scores(page),
        _samples(page),
        _settings(page),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(page.run.title)} · run report</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{_masthead(page)}\n<main>\n{chr(10).join(filter(None, sections))}\n"
        "<footer>Made from the metrics, scores and samples in the run's directory. "
        "This page loads nothing from elsewhere.</footer>\n</main>\n</body>\n</html>\n"
    )


def duration_text(seconds: float) -> str:
    """Writes a duration with its two largest units.

    Example:
        >>> duration_text(42), duration_text(2052), duration_text(93600)
        ('42 s', '34 min 12 s', '1 d 2 h')
    """
    rest, parts = int(seconds), []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or f"{seconds:.1f} s"


def common_prompt(inputs: Sequence[str]) -> str:
    """Returns what all inputs begin with, up to the last `": "`; empty when there is no such text.

    Example:
        >>> common_prompt(["Caption the following SMILES: CCO", "Caption the following SMILES: CC"])
        'Caption the following SMILES: '
    """
    if len(inputs) < 2:
        return ""
    shared = _shared_start(inputs)
    end = shared.rfind(": ")
    return shared[: end + 2] if end >= 0 else ""


def _shared_start(texts: Sequence[str]) -> str:
    """The longest text that all texts begin with: that of the first and last in sorted order."""
    first, last = min(texts), max(texts)
    equal = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return first[: sum(1 for _ in equal)]


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _section(name: str, heading: str, lead: str, body: str) -> str:
    return (
        f'<section id="{name}"><h2>{escape(heading)}</h2>'
        f'<p class="lead">{escape(lead)}</p>\n{body}</section>'
    )


def _masthead(page: Page) -> str:
    """Title, the run's facts, and links to the sections."""
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in _facts(page.run.results)
    )
    links = " ".join(
        f'<a href="#{name}">{name.capitalize()}</a>'
        for name in ("curves", "scores", "samples", "settings")
    )
    return (
        f'<div class="masthead"><div><p class="eyebrow">Run report</p>'
        f'<h1>{escape(page.run.title)}</h1><dl class="facts">{facts}</dl>'
        f'<nav aria-label="Sections">{links}</nav></div></div>'
    )


def _facts(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The facts that are known, as name and text."""
    step, seconds, size = (as_number(results.get(k)) for k in ("step", "seconds", "parameters"))
    rows = sum(int(as_number(task.get("count")) or 0) for task in results.get("tasks", ()))
    facts = [
        ("Step", None if step is None else f"{step:,.0f}"),
        ("Parameters", None if size is None else _size_text(size)),
        ("Started", _time_text(results.get("started"))),
        ("Took", None if seconds is None else duration_text(seconds)),
        ("Rows scored", f"{rows:,}" if rows else None),
    ]
    return [(name, value) for name, value in facts if value is not None]


def _size_text(count: float) -> str:
    """A number of parameters as people say it: `7.4 M`."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= limit:
            return f"{count / limit:.3g}{unit}"
    return f"{count:.0f}"


def _time_text(started: object) -> str | None:
    """An ISO time as a reader writes it; whatever else was given, as it is."""
    if started is None:
        return None
    try:
        moment = datetime.fromisoformat(str(started))
    except ValueError:
        return str(started)
    zone = moment.tzname() or ""
    return f"{moment.day} {moment:%b %Y, %H:%M} {zone}".strip()


def _glance(page: Page) -> str:
    """One row a task: its primary score beside the baselines."""
    rows = [
        _headline(page, task) for task in page.run.results.get("tasks", ()) if task.get("scores")
    ]
    if not rows:
        return ""
    lead = "Each task by the one metric it is judged by, beside answers that need no model."
    return _section("glance", "At a glance", lead, f'<div class="panel rows">{"".join(rows)}</div>')


def _headline(page: Page, task: Task) -> str:
    """A task's primary score as a number, and as a bar over its baselines' bars."""
    metric = primary_metric(page.run.results, task) or ""
    known = {"model": task["scores"], **(task.get("baselines") or {})}
    values = {name: as_number(row.get(metric)) for name, row in known.items()}
    drawn = {n: v for n, v in values.items() if v is not None and math.isfinite(v)}
    top = max(1.0, *drawn.values()) if drawn else 1.0
    bars = "".join(
        f'<i class="{"model" if name == "model" else "rival"}">'
        f'<b style="width:{100 * max(drawn.get(name, 0.0), 0.0) / top:.1f}%"></b></i>'
        f"<span>{score_text(value)} {escape(name)}</span>"
        for name, value in values.items()
    )
    name = str(task.get("task", ""))
    return (
        f'<article style="--c:{page.colour(name)}"><h3><span class="chip"></span>{escape(name)}'
        f'</h3><p class="score">{score_text(values["model"])} <small>{escape(metric)}</small></p>'
        f'<div class="bars">{bars}</div><p class="told">{_verdict(margin(task, metric))}</p>'
        "</article>"
    )


def _verdict(lead: float | None) -> str:
    """Better or worse than the best baseline, in words."""
    if lead is None:
        return '<span class="verdict">no baseline</span>'
    if lead > 0:
        return f'<span class="verdict good">▲ {lead:.3f} over baselines</span>'
    if lead < 0:
        return f'<span class="verdict bad">▼ {-lead:.3f} under a baseline</span>'
    return '<span class="verdict">level with a baseline</span>'


def _curves(page: Page) -> str:
    """Loss and accuracy large, scores over steps a task, all other curves folded away."""
    run = page.run
    names = list(
        dict.fromkeys([*run.train, *(n for curves in run.validation.values() for n in curves)])
    )
    first = [name for name in _HEADLINE_CURVES if name in names]
    blocks = [
        _charts([_metric_chart(page, name, _WIDE) for name in first], "two"),
        _charts([c for task in run.task_names() for c in _task_charts(page, task)], "three"),
        _more(_charts([_metric_chart(page, n, _SMALL) for n in names if n not in first], "three")),
    ]
    body = "".join(filter(None, blocks))
    if not body:
        body = _note("No curves: the run left no metrics.jsonl with a value in it.")
    lead = (
        "Training (grey) and held-out data, then each task's scores on generated answers. "
        "Point at a step to read its values; a cross marks a value that is not finite."
    )
    return _section("curves", "Learning curves", lead, body)


def _charts(figures: Sequence[str], layout: str) -> str:
    """Panels side by side; nothing for no panels."""
    shown = "".join(filter(None, figures))
    return f'<div class="grid {layout} curves">{shown}</div>' if shown else ""


def _more(body: str) -> str:
    return f"<details><summary>More curves</summary>{body}</details>" if body else ""


def _figure(
    heading: str, series: Sequence[Series], size: tuple[int, int], log: bool = False
) -> str:
    """A heading over a chart in a panel; nothing when no value can be drawn."""
    chart = line_chart(series, f"{heading} over steps", *size, log=log)
    if not chart:
        return ""
    scale = " <small>logarithmic</small>" if log else ""
    return f'<figure class="panel"><h3>{escape(heading)}{scale}</h3>{chart}</figure>'


def _metric_chart(page: Page, name: str, size: tuple[int, int]) -> str:
    """One metric: training and every task's held-out data in one picture."""
    held_out = [
        Series(page.short_name(task), curves[name], page.colour(task), bold=True)
        for task, curves in page.run.validation.items()
        if name in curves
    ]
    colour = "var(--muted)" if held_out else "var(--accent)"
    train = Series("train", page.run.train.get(name, ()), colour)
    series = [train, *held_out]
    return _figure(_heading(name), series, size, log="loss" in name and _falls_far(series))


def _falls_far(series: Sequence[Series]) -> bool:
    """Whether all values are above zero and the largest is many times the smallest."""
    values = [value for one in series for _, value in one.points if math.isfinite(value)]
    return bool(values) and min(values) > 0 and max(values) > 8 * min(values)


def _heading(name: str) -> str:
    """A metric's name as a heading: `timing/tokens_per_second` becomes `Tokens per second`."""
    if name in _HEADINGS:
        return _HEADINGS[name]
    words = name.rsplit("/", 1)[-1].replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _task_charts(page: Page, task: str) -> list[str]:
    """A task's scores over steps: fractions share one picture, any other range has its own.

    A single evaluation makes no curve: the table of scores has it.
    """
    known = page.run.inference.get(task, {})
    curves = {name: points for name, points in known.items() if len(points) > 1}
    shared = [name for name, points in curves.items() if _is_fraction(points)]
    groups = [shared, *([name] for name in curves if name not in shared)]
    return [_task_chart(page, task, {n: curves[n] for n in group}) for group in groups if group]


def _is_fraction(points: Sequence[Point]) -> bool:
    return all(0 <= value <= 1 for _, value in points if math.isfinite(value))


def _task_chart(page: Page, task: str, curves: Curves) -> str:
    """The primary metric in the task's colour, the others muted."""
    primary = (page.run.results.get("metrics_primary") or {}).get(task)
    main = primary if primary in curves else next(iter(curves))
    series = [
        Series(name, points, page.colour(task), bold=True)
        if name == main
        else Series(name, points, "var(--muted)")
        for name, points in sorted(curves.items(), key=lambda item: item[0] == main)
    ]
    return _figure(task, series, _SMALL)


def _scores(page: Page) -> str:
    """Every metric of every task beside the baselines."""
    results = page.run.results
    tasks = [task for task in results.get("tasks", ()) if task.get("scores")]
    if not tasks:
        return _section("scores", "Scores", "", _note("No scores: no task was evaluated."))
    baselines = baseline_names(results)
    head = "".join(f"<th>{escape(name)}</th>" for name in ("model", *baselines))
    body = "".join(_score_rows(page, task, baselines) for task in tasks)
    table = (
        '<div class="panel scroll"><table><thead><tr><th>task</th><th>rows</th>'
        f'<th class="text">metric</th>{head}<th>against the best</th></tr></thead>'
        f"{body}</table></div>"
    )
    lead = (
        "Green: the model is above every baseline. Each task's first metric is the one it is "
        "judged by."
    )
    return _section("scores", "Scores", lead, table)


def _score_rows(page: Page, task: Task, baselines: Sequence[str]) -> str:
    """One row a metric, the task's name and count beside the first."""
    metrics = metric_order(page.run.results, task)
    rows = []
    for position, metric in enumerate(metrics):
        lead = margin(task, metric)
        others = [(task.get("baselines") or {}).get(name, {}).get(metric) for name in baselines]
        rows.append(
            ('<tr class="primary">' if position == 0 else "<tr>")
            + (_row_head(page, task, len(metrics)) if position == 0 else "")
            + f'<td class="text">{escape(metric)}</td>'
            + f'<td class="model{" beats" if lead is not None and lead > 0 else ""}">'
            + f"{score_text(task['scores'][metric])}</td>"
            + "".join(f"<td>{score_text(value)}</td>" for value in others)
            + f"<td>{_signed(lead)}</td></tr>"
        )
    return f"<tbody>{''.join(rows)}</tbody>"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}".replace("-", "−")


def _row_head(page: Page, task: Task, span: int) -> str:
    """The cells that stand once for all of a task's rows."""
    name, count = str(task.get("task", "")), as_number(task.get("count"))
    label = escape(name)
    if name in page.task_pages:
        label = f'<a href="{escape(page.task_pages[name], quote=True)}">{label}</a>'
    return (
        f'<th rowspan="{span}" scope="rowgroup" style="--c:{page.colour(name)}">'
        f'<span class="chip"></span>{label}</th>'
        f'<td rowspan="{span}" style="vertical-align:top">'
        + ("–" if count is None else f"{count:,.0f}")
        + "</td>"
    )


def _samples(page: Page) -> str:
    """What was asked, expected and predicted, task by task."""
    tasks = [task for task in page.run.results.get("tasks", ()) if task.get("samples")]
    if not tasks:
        return _section("samples", "Samples", "", _note("No samples: no answers were kept."))
    lead = "What was asked, what was expected, and what the model said."
    return _section("samples", "Samples", lead, "\n".join(_sample_task(page, t) for t in tasks))


def _sample_task(page: Page, task: Task) -> str:
    """One task's samples under a heading that says the prompt once for all."""
    name, samples = str(task.get("task", "")), task["samples"]
    prompt = common_prompt([str(sample.get("inputs", "")) for sample in samples])
    right = sum(_is_right(page, sample) for sample in samples)
    asked = f"<p>“{escape(prompt.strip())} …”</p>" if prompt else ""
    return (
        f'<article class="panel task" style="--c:{page.colour(name)}"><header>'
        f'<h3><span class="chip"></span>{escape(name)}</h3>{asked}'
        f'<p class="right">{right} of {len(samples)} correct here</p></header>'
        + "\n".join(_sample(page, sample, prompt) for sample in samples)
        + "</article>"
    )


def _is_right(page: Page, sample: Mapping[str, Any]) -> bool:
    target, found = str(sample.get("target", "")), str(sample.get("prediction", ""))
    return target.strip() == found.strip() or page.same_answer(target, found)


def _sample(page: Page, sample: Mapping[str, Any], prompt: str) -> str:
    """One row: three cells side by side."""
    asked, target, found = (str(sample.get(k, "")) for k in ("inputs", "target", "prediction"))
    mark = _mark(target, found, _is_right(page, sample))
    return (
        '<div class="sample">'
        + _cell(page, "Asked", asked.removeprefix(prompt))
        + _cell(page, "Expected", target)
        + _cell(page, "Predicted", found, mark)
        + "</div>"
    )


def _mark(target: str, found: str, right: bool) -> str:
    """The verdict on a prediction; prose that differs may still be true, and is only said to."""
    if right and target.strip() == found.strip():
        return '<span class="verdict good">✓ correct</span>'
    if right:
        return '<span class="verdict good">✓ correct, written differently</span>'
    if found.strip() and any(map(str.isspace, target.strip())):
        return '<span class="verdict">≠ differs</span>'
    return '<span class="verdict bad">✗ incorrect</span>'


def _cell(page: Page, label: str, text: str, mark: str = "") -> str:
    """A label, the picture of the text where there is one, and the text itself."""
    picture = page.cell_renderer(text)
    figure = f"<figure>{picture}</figure>" if picture else ""
    is_prose = text.endswith(".") or any(map(str.isspace, text))
    said = f'<p class="{"said" if is_prose else "said code"}">{escape(text)}</p>'
    if not text.strip():
        said = '<p class="said none">(nothing)</p>'
    return f'<div class="cell"><p class="label"><span>{label}</span>{mark}</p>{figure}{said}</div>'


def _settings(page: Page) -> str:
    """What the run was made with."""
    settings = page.run.results.get("settings") or {}
    if not settings:
        return _section("settings", "Settings", "", _note("No settings were recorded."))
    rows = "".join(
        f"<div><dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in settings.items()
    )
    return _section(
        "settings",
        "Settings",
        "What made this run this run.",
        f'<div class="panel"><dl class="settings">{rows}</dl></div>',
    )
