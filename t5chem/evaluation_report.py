"""An evaluation as one self-contained page: figures, distributions, examples, every failure."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

import numpy as np

from t5chem import evaluation_page as page
from t5chem.differences import draw_pair, mark_differences
from t5chem.drawing import molecule_svg
from t5chem.evaluation_files import EvaluationRow, LeftOut
from t5chem.failures import failures_of
from t5chem.metrics import Comparison, Evaluation
from t5chem.prompts import SMILES_INPUT, SMILES_OUTPUT

REPORT: Final = "report.html"
EXAMPLES: Final = 5  # of each kind
# What rows are ranked by; the second decides between equals.
_RANKED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "text2mol": ("exact", "morgan"),
    "mol2text": ("rougeL",),
    "paragraph2actions": ("similarity",),
    "forward": ("top1", "bleu"),
    "retrosynthesis": ("top1", "bleu"),
}
_SIZE: Final = (300, 190)  # pixels of a molecule


@dataclass(frozen=True)
class System:
    """One system's answers and figures.

    Attributes:
        name: that readers know it by.
        rows: that were evaluated.
        evaluation: of them.
        left_out: rows that could not be evaluated.
    """

    name: str
    rows: Sequence[EvaluationRow]
    evaluation: Evaluation
    left_out: Sequence[LeftOut] = ()


def write_report(
    folder: str | Path,
    task: str,
    rows: Sequence[EvaluationRow],
    evaluation: Evaluation,
    *,
    title: str,
    left_out: Sequence[LeftOut] = (),
    details: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Path:
    """Writes `report.html` about one system.

    Args:
        folder: to write to; made when it is not there.
        task: one of the five.
        rows: that were evaluated, in the order of the evaluation.
        evaluation: of `rows`.
        title: heading of the page, usually the system's name.
        left_out: rows that could not be evaluated.
        details: what else to say of how it was made, such as files and settings.
        seed: of the examples that are drawn at random.

    Returns:
        The path of the page.

    Raises:
        ValueError: `rows` are not as many as those of `evaluation`.
    """
    system = System(title, rows, evaluation, left_out)
    _check(system)
    failures = failures_of(task, rows, evaluation)
    facts = {"Task": task, "Rows": f"{len(rows):,}", "Failures": f"{len(failures):,}"}
    if left_out:
        facts["Not scored"] = f"{len(left_out):,}"
    sections = {
        "Figures": _figures(evaluation),
        "Distributions": page.histograms(evaluation),
        "Examples": _examples(task, system, _failed(task, system), seed),
        "Failures": page.failure_list(failures, left_out),
        "Made with": _made_with(evaluation, details or {}),
    }
    return _write(folder, page.document(title, "Evaluation", facts, sections))


def write_comparison(
    folder: str | Path,
    task: str,
    systems: Sequence[System],
    comparisons: Mapping[str, Mapping[str, Comparison]],
    *,
    details: Mapping[str, str] | None = None,
) -> Path:
    """Writes `report.html` about several systems over the same rows.

    Args:
        folder: to write to; made when it is not there.
        task: one of the five.
        systems: at least two, with different names.
        comparisons: each other system's with the first, by its name, then by metric.
        details: what else to say of how it was made.

    Returns:
        The path of the page.

    Raises:
        ValueError: a system's rows are not as many as those of its evaluation.
    """
    for system in systems:
        _check(system)
    names = [system.name for system in systems]
    facts = {"Task": task, "Rows": f"{len(systems[0].rows):,}", "Systems": str(len(systems))}
    sections = {
        "Figures": _side_by_side(systems),
        "Differences": "".join(
            _difference_table(names[0], name, compared) for name, compared in comparisons.items()
        ),
        "Examples": page.highlight_key("surplus")
        + "".join(_turns(task, systems, second) for second in systems[1:]),
        "Failures": "".join(_failures(task, system) for system in systems),
        "Made with": _made_with(systems[0].evaluation, details or {}),
    }
    title = " and ".join([", ".join(names[:-1]), names[-1]])
    return _write(folder, page.document(title, "Comparison", facts, sections))


def ranked(
    task: str,
    rows: Sequence[EvaluationRow],
    evaluation: Evaluation,
    without: frozenset[int] | set[int] = frozenset(),
) -> list[int]:
    """Returns indices of rows from the best to the worst; among equals the longest target first.

    Args:
        task: decides which figures rank.
        rows: that were evaluated.
        evaluation: of them.
        without: numbers of rows that have no rank.
    """
    values = _row_values(task, evaluation)
    kept = [
        index
        for index, row in enumerate(rows)
        if row.number not in without and not np.isnan(values[index]).any()
    ]
    return sorted(kept, key=lambda i: (*(-values[i]), -len(rows[i].target), i))


def _row_values(task: str, evaluation: Evaluation) -> np.ndarray:
    """float[rows, figures]: what rows are ranked by."""
    known = [evaluation.scores[name].row_values for name in _RANKED_BY[task]]
    return np.stack([values for values in known if values is not None], axis=1)


def _check(system: System) -> None:
    if len(system.rows) != system.evaluation.rows:
        raise ValueError(
            f"{len(system.rows)} rows of {system.name}, but its evaluation is of "
            f"{system.evaluation.rows}: pass the rows that were evaluated, in their order."
        )


def _write(folder: str | Path, html: str) -> Path:
    path = Path(folder) / REPORT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")
    return path


def _figures(evaluation: Evaluation) -> str:
    text = (
        "Intervals: 95 % of the figures of rows drawn anew, with replacement. Rows: those that a "
        "figure is about. Invalid: those that could not be read as what it compares."
    )
    return page.lead(text) + page.score_table(evaluation)


def _made_with(evaluation: Evaluation, details: Mapping[str, str]) -> str:
    versions = {
        name: version
        for score in evaluation.scores.values()
        for name, version in score.versions.items()
    }
    return page.settings_list({**details, **versions})


# Examples of one system


def _examples(task: str, system: System, failed: set[int], seed: int) -> str:
    order = ranked(task, system.rows, system.evaluation, failed)
    count = min(EXAMPLES, (len(order) + 1) // 2)
    best, worst = order[:count], order[count:][-EXAMPLES:][::-1]
    others = sorted(set(range(len(system.rows))) - {*best, *worst})
    drawn = random.Random(seed).sample(others, min(EXAMPLES, len(others)))
    names = " and ".join(_RANKED_BY[task])
    groups = (
        ("The best", f"by {names}; among equals the longest", best),
        ("The worst", f"by {names}, among those that are no failures", worst),
        ("At random", f"of all others, failures included; seed {seed}", sorted(drawn)),
    )
    notes = _notes(task, system, failed)
    return page.highlight_key("missed", "surplus") + "".join(
        page.examples(title, note, [_cells(task, system.rows[i], notes[i]) for i in indices])
        for title, note, indices in groups
    )


def _notes(task: str, system: System, failed: set[int]) -> list[str]:
    """Of each row, what is to be said of its answer in two words."""
    values = _row_values(task, system.evaluation)
    return [
        _note(task, row, figures.tolist(), row.number in failed)
        for row, figures in zip(system.rows, values, strict=True)
    ]


def _note(task: str, row: EvaluationRow, figures: Sequence[float], failed: bool) -> str:
    if row.error is not None:
        return "no answer"
    if failed:
        return "not valid"
    if len(figures) > 1 and figures[0] == 1:
        return "✓ correct"
    return f"{_RANKED_BY[task][-1]} {figures[-1]:.3f}"


def _cells(task: str, row: EvaluationRow, note: str) -> list[page.Cell]:
    smiles = task in SMILES_OUTPUT
    target, prediction = mark_differences(row.target, row.prediction, smiles)
    drawn = draw_pair(row.target, row.prediction, *_SIZE) if smiles else (None, None)
    cells = [
        page.Cell("Expected", target, drawn[0], smiles),
        page.Cell("Predicted", prediction, drawn[1], smiles, note),
    ]
    return [_asked(task, row), *cells]


def _asked(task: str, row: EvaluationRow) -> page.Cell:
    smiles = task in SMILES_INPUT
    picture = molecule_svg(row.input, *_SIZE) if smiles else None
    return page.Cell(f"Row {row.number:,} · asked", escape(row.input), picture, smiles)


# Several systems


def _side_by_side(systems: Sequence[System]) -> str:
    names = list(dict.fromkeys(name for s in systems for name in s.evaluation.scores))
    head = "".join(f"<th>{escape(system.name)}</th>" for system in systems)
    body = "".join(_system_row(name, systems) for name in names)
    absent = {name: why for s in systems for name, why in s.evaluation.left_out.items()}
    return (
        page.lead("The best figure of each row is bold.")
        + f'<div class="panel scroll"><table><thead><tr><th>metric</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>" + page.absent_list(absent)
    )


def _system_row(name: str, systems: Sequence[System]) -> str:
    scores = [system.evaluation.scores.get(name) for system in systems]
    known = [score for score in scores if score is not None and not math.isnan(score.value)]
    lower = any(score.lower_is_better for score in known)
    best = (min if lower else max)((score.value for score in known), default=math.nan)
    cells = [
        f'<td class="{"best" if score is not None and score.value == best else ""}">'
        f"{page.figure_text(math.nan if score is None else score.value)}</td>"
        for score in scores
    ]
    label = f"{name} (lower is better)" if lower else name
    return f'<tr><th scope="row">{escape(label)}</th>{"".join(cells)}</tr>'


def _difference_table(first: str, second: str, compared: Mapping[str, Comparison]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        f"<td>{signed(comparison.difference)}</td>"
        f"<td>{page.interval_text(comparison.interval)}</td>"
        f"<td>{p_value_text(comparison.p_value)}</td>"
        f'<td class="text">{_better(comparison, first, second)}</td></tr>'
        for name, comparison in compared.items()
    )
    text = (
        f"{second} minus {first}. Paired bootstrap: both systems' rows are drawn alike; p is "
        "two-sided, and a system is called better where p is below 0.05."
    )
    return (
        page.lead(text) + '<div class="panel scroll"><table><thead><tr><th>metric</th>'
        "<th>difference</th><th>95 % interval</th><th>p</th>"
        f'<th class="text">better</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _better(comparison: Comparison, first: str, second: str) -> str:
    if comparison.better is None:
        return ""
    name = first if comparison.better == "first" else second
    return f'<span class="verdict good">{escape(name)}</span>'


def signed(value: float) -> str:
    """Writes a difference with its sign.

    Example:
        >>> signed(0.0125), signed(-3.5), signed(float("nan"))
        ('+0.0125', '-3.5000', '–')
    """
    text = page.figure_text(value)
    return text if value <= 0 or math.isnan(value) else f"+{text}"


def p_value_text(p_value: float | None) -> str:
    """Writes a p-value; a dash for none.

    Example:
        >>> p_value_text(0.0421), p_value_text(None)
        ('0.042', '–')
    """
    return "–" if p_value is None else f"{p_value:.3f}"


def _turns(task: str, systems: Sequence[System], second: System) -> str:
    """The rows in which the second system gains and loses most against the first."""
    values = [_row_values(task, s.evaluation)[:, -1] for s in (systems[0], second)]
    gains = np.nan_to_num(values[1]) - np.nan_to_num(values[0])
    order = [int(i) for i in np.argsort(-gains, kind="stable") if gains[i]]
    better = [i for i in order if gains[i] > 0][:EXAMPLES]
    worse = [i for i in reversed(order) if gains[i] < 0][:EXAMPLES]
    name, metric = second.name, _RANKED_BY[task][-1]
    pair = (systems[0], second)
    notes = [_notes(task, system, _failed(task, system)) for system in pair]
    return "".join(
        page.examples(
            f"{name} {verb} most",
            f"by {metric}, against {systems[0].name}",
            [_cells_of_all(task, pair, i, [told[i] for told in notes]) for i in rows],
        )
        for verb, rows in (("gains", better), ("loses", worse))
    )


def _cells_of_all(
    task: str, systems: Sequence[System], index: int, notes: Sequence[str]
) -> list[page.Cell]:
    smiles = task in SMILES_OUTPUT
    row = systems[0].rows[index]
    target = molecule_svg(row.target, *_SIZE) if smiles else None
    cells = [_asked(task, row), page.Cell("Expected", escape(row.target), target, smiles)]
    for system, note in zip(systems, notes, strict=True):
        answer = system.rows[index]
        text = mark_differences(row.target, answer.prediction, smiles)[1]
        picture = draw_pair(row.target, answer.prediction, *_SIZE)[1] if smiles else None
        cells.append(page.Cell(system.name, text, picture, smiles, note))
    return cells


def _failed(task: str, system: System) -> set[int]:
    """Numbers of the rows that are failures."""
    return {one.number for one in failures_of(task, system.rows, system.evaluation)}


def _failures(task: str, system: System) -> str:
    failures = failures_of(task, system.rows, system.evaluation)
    return page.failure_list(failures, system.left_out, system.name)
