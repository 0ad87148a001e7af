"""How long a dataset's questions and answers are under a vocabulary, and what it cannot write."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from t5chem import evaluation_page as page
from t5chem.columns import in_columns
from t5chem.datasets.dataset import Dataset, Row
from t5chem.datasets.examples import ask, tasks_of
from t5chem.datasets.report import Report
from t5chem.vocabularies.audit import Audit, audit, character_name
from t5chem.vocabularies.vocabulary import Vocabulary
from t5x.charts import ticks

SIDES: Final = ("inputs", "targets")
_BINS: Final = 10
_BAR: Final = 40  # characters of the longest bar
_BLOCKS: Final = " ▏▎▍▌▋▊▉█"  # eighths


@dataclass(frozen=True)
class Statistics:
    """What was measured of a dataset.

    Attributes:
        dataset: it was measured of.
        rows: by split.
        vocabulary: that it was measured with.
        limit: tokens that a model reads or writes at most, the end included.
        found: by task and side (`SIDES`); the prompt is part of the inputs.
        report: of reading it.
    """

    dataset: Dataset
    rows: Mapping[str, int]
    vocabulary: Vocabulary
    limit: int
    found: Mapping[str, Mapping[str, Audit]]
    report: Report


def measure(
    dataset: Dataset,
    rows: Mapping[str, Sequence[Row]],
    report: Report,
    vocabulary: Vocabulary,
    limit: int,
) -> Statistics:
    """Encodes every question and answer.

    Args:
        dataset: of the rows.
        rows: by split; at least one.
        report: of reading them.
        vocabulary: to encode with.
        limit: of tokens, see `Statistics`.
    """
    every = [row for of_split in rows.values() for row in of_split]
    found = {}
    for task in tasks_of(dataset.kind):
        examples = [ask(task, row.fields) for row in every]
        found[task] = {
            side: audit(enumerate((getattr(one, side) for one in examples), start=1), vocabulary)
            for side in SIDES
        }
    counts = {split: len(of_split) for split, of_split in rows.items()}
    return Statistics(dataset, counts, vocabulary, limit, found, report)


def describe(statistics: Statistics) -> str:
    """Returns the statistics for a terminal, lengths as bars."""
    dataset = statistics.dataset
    counts = [(split, f"{count:,}") for split, count in statistics.rows.items()]
    lines = [
        f"{dataset.name}: {sum(statistics.rows.values()):,} {dataset.kind}",
        in_columns(counts),
        f"vocabulary {statistics.vocabulary}",
    ]
    for task, sides in statistics.found.items():
        for side, found in sides.items():
            lines += ["", f"{dataset.name}_{task}, {side}: {lengths_text(found, statistics.limit)}"]
            lines += bars(list(found.lengths.values()))
            lines += [f"  {line}" for line in unknown_lines(found)]
    return "\n".join(lines)


def lengths_text(found: Audit, limit: int) -> str:
    """Sums lengths up in a line.

    Example:
        >>> lengths_text(Audit(lengths={1: 4, 2: 9, 3: 5, 4: 600}), 512)
        'median 5, 95 % 600, maximum 600 tokens; 1 of 4 (25.0 %) above 512'
    """
    over, count = len(found.cut(limit)), len(found.lengths)
    median, most, maximum = (found.percentile(percent) for percent in (50, 95, 100))
    return (
        f"median {median:,}, 95 % {most:,}, maximum {maximum:,} tokens; "
        f"{over:,} of {count:,} ({100 * over / count:.1f} %) above {limit:,}"
    )


def unknown_lines(found: Audit) -> Iterator[str]:
    """Yields the characters that the vocabulary cannot write, the most frequent first."""
    for character, rows in sorted(found.unknown.items(), key=lambda item: -len(item[1])):
        yield f"unknown {character_name(character)}: {len(rows):,} rows"
    if found.lost:
        yield f"not the same after decoding: {len(found.lost):,} rows"


def bars(values: Sequence[int]) -> list[str]:
    """Draws how often lengths occur, a line a range; the last takes all that are longer.

    Args:
        values: not empty.

    Example:
        >>> for line in bars([10] * 80 + [25] * 20 + [90]):
        ...     print(line.replace(" ", "_"))
        ___0_to__4________________________________________________0
        ___5_to__9________________________________________________0
        __10_to_14_____████████████████████████████████████████__80
        __15_to_19________________________________________________0
        __20_and_more__██████████▌_______________________________21
    """
    edges = [int(edge) for edge in _edges(values)]
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    width = len(f"{edges[-1]:,}")
    labels = [
        f"{start:>{width},} to {end - 1:>{width},}" for start, end in itertools.pairwise(edges)
    ]
    rest = "and more" if max(values) > edges[-1] else f"to {edges[-1]:>{width},}"
    labels[-1] = f"{edges[-2]:>{width},} {rest}"
    rows = [
        (f"  {label}", _bar(count / counts.max()), f"{count:,}")
        for label, count in zip(labels, counts, strict=True)
    ]
    return in_columns(rows, left=(0, 1)).splitlines()


def _edges(values: Sequence[int]) -> list[float]:
    high = max(float(np.quantile(values, 0.99)), _BINS)
    return [edge for edge in ticks(0, high, _BINS) if edge == int(edge)]


def _bar(share: float) -> str:
    eighths = round(share * _BAR * 8)
    whole, rest = divmod(max(eighths, 1) if share else 0, 8)
    return _BLOCKS[8] * whole + (_BLOCKS[rest] if rest else "")


def to_page(statistics: Statistics) -> str:
    """Returns the statistics as an HTML page that loads nothing."""
    dataset = statistics.dataset
    facts = {
        "Kind": dataset.kind,
        "Rows": f"{sum(statistics.rows.values()):,}",
        "Vocabulary": str(statistics.vocabulary),
        "Limit": f"{statistics.limit:,} tokens",
    }
    sections = {"Rows": page.settings_list({k: f"{n:,}" for k, n in statistics.rows.items()})}
    for task, sides in statistics.found.items():
        sections[f"{dataset.name}_{task}"] = _charts(task, sides, statistics.limit)
    sections["What reading found"] = f"<pre>{escape(chr(10).join(statistics.report.lines()))}</pre>"
    return page.document(dataset.name, "Dataset", facts, sections)


def _charts(task: str, sides: Mapping[str, Audit], limit: int) -> str:
    figures = []
    for side, found in sides.items():
        lengths = np.array(list(found.lengths.values()), float)
        figures.append(
            f'<figure class="panel"><h3>{side}</h3><p>{escape(lengths_text(found, limit))}</p>'
            f"{page.histogram(lengths, f'{task} {side} in tokens')}"
            + "".join(f"<p>{escape(line)}</p>" for line in unknown_lines(found))
            + "</figure>"
        )
    return f'<div class="grid two curves">{"".join(figures)}</div>'
