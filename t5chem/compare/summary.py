"""What a comparison came to: each system's figures over its seeds, with intervals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from t5chem.compare.cells import Cell
from t5chem.compare.records import Record, read_record
from t5chem.compare.scoring import read_draws
from t5chem.compare.suite import Suite, System
from t5chem.metrics.bootstrap import interval

CROSS_DOMAIN: Final = ("text2mol", "mol2text")

HEADLINES: Final[Mapping[str, tuple[str, ...]]] = {
    "text2mol": ("bleu",),
    "mol2text": ("bleu2", "bleu2_words"),
    "forward": ("bleu",),
    "retrosynthesis": ("bleu",),
    "paragraph2actions": ("bleu2",),
}
"""The paper compares by BLEU: of each task the figure shown first, in the order of preference (that
of MolT5's tokens needs a file that no package carries)."""

_SEED: Final = 0  # of the draws of seeds


@dataclasses.dataclass(frozen=True)
class Figure:
    """A metric of a system over its seeds.

    Attributes:
        value: mean over the seeds; None where a seed has none.
        interval: 95 % of the bootstrap's means lie between the two, drawn over seeds and rows;
            None where it cannot be drawn.
        by_seed: the figure of each seed.
        rows: that each seed was asked.
        lower_is_better: such as a distance.
    """

    value: float | None
    interval: tuple[float, float] | None
    by_seed: Mapping[int, float | None]
    rows: int
    lower_is_better: bool = False


@dataclasses.dataclass(frozen=True)
class Failure:
    """A cell that has not finished, and why."""

    cell: str
    reason: str
    log_tail: tuple[str, ...] = ()


NOT_RUN: Final = "It has not been run."


@dataclasses.dataclass(frozen=True)
class Row:
    """A system of a size.

    Attributes:
        system: which.
        size: of it.
        figures: by task, then metric; only tasks that all the row's finished seeds have.
        parameters: of the model; None where no run has said.
        trained_parameters: likewise.
        flops: of training one seed, all its runs and the trainings it starts from added up.
        seconds: of training and scoring one seed, on average; likewise added up.
        seeds: that have finished.
        failures: of its cells.
    """

    system: System
    size: str
    figures: Mapping[str, Mapping[str, Figure]]
    parameters: int | None
    trained_parameters: int | None
    flops: float | None
    seconds: float | None
    seeds: tuple[int, ...]
    failures: tuple[Failure, ...]

    def headline(self, task: str) -> tuple[str, Figure] | None:
        """Returns the metric that a task is compared by, with its figure."""
        known = self.figures.get(task, {})
        return next(((name, known[name]) for name in HEADLINES[task] if name in known), None)


def summarize(suite: Suite, cells: Sequence[Cell]) -> list[Row]:
    """Returns a row for every system and size, trainings that others start from last.

    Args:
        suite: that the cells are of.
        cells: as `cells.plan` returns them.
    """
    records = {cell.name: read_record(cell) for cell in cells}
    systems = sorted(suite.systems, key=lambda system: not system.tasks)
    return [
        _row(system, size, [c for c in cells if c.system is system and c.size == size], records)
        for size in suite.sizes
        for system in systems
    ]


def _row(
    system: System, size: str, cells: Sequence[Cell], records: Mapping[str, Record | None]
) -> Row:
    finished = [cell for cell in cells if _finished(records[cell.name])]
    costs = [records[cell.name].costs for cell in finished]  # type: ignore[union-attr]
    sizes = [one for one in costs if "parameters" in one]
    seeds = sorted({cell.seed for cell in cells})
    complete = [s for s in seeds if all(c in finished for c in cells if c.seed == s)]
    return Row(
        system=system,
        size=size,
        figures=_figures(finished, records),
        parameters=max((one["parameters"] for one in sizes), default=None),
        trained_parameters=max((one["trained_parameters"] for one in sizes), default=None),
        flops=_flops(cells, complete, records),
        seconds=_seconds(cells, complete, records),
        seeds=tuple(complete),
        failures=tuple(
            Failure(cell.name, *_why(records[cell.name])) for cell in cells if cell not in finished
        ),
    )


def _finished(record: Record | None) -> bool:
    return record is not None and record.state == "finished"


def _why(record: Record | None) -> tuple[str, tuple[str, ...]]:
    if record is None:
        return NOT_RUN, ()
    return record.reason, record.log_tail


def _with_starts(cells: Sequence[Cell]) -> list[Cell]:
    """The cells and those they start from, each once."""
    found: dict[str, Cell] = {}
    for cell in cells:
        found[cell.name] = cell
        found |= {one.name: one for one in _with_starts(cell.starts_from)}
    return list(found.values())


def _flops(
    cells: Sequence[Cell], seeds: Sequence[int], records: Mapping[str, Record | None]
) -> float | None:
    if not seeds:
        return None
    needed = _with_starts([cell for cell in cells if cell.seed == seeds[0]])
    costs = [record.costs for cell in needed if (record := records.get(cell.name)) is not None]
    if len(costs) < len(needed) or any("flops_a_step" not in one for one in costs):
        return None
    return float(sum(one["flops_a_step"] * one["steps"] for one in costs))


def _seconds(
    cells: Sequence[Cell], seeds: Sequence[int], records: Mapping[str, Record | None]
) -> float | None:
    if not seeds:
        return None
    needed = _with_starts([cell for cell in cells if cell.seed in seeds])
    spent = [record.seconds for cell in needed if (record := records.get(cell.name)) is not None]
    return sum(spent) / len(seeds)


def _figures(
    cells: Sequence[Cell], records: Mapping[str, Record | None]
) -> dict[str, dict[str, Figure]]:
    by_task: dict[str, list[Cell]] = {}
    for cell in cells:
        for task in records[cell.name].scores:  # type: ignore[union-attr]
            by_task.setdefault(task, []).append(cell)
    return {task: _task_figures(task, found, records) for task, found in by_task.items()}


def _task_figures(
    task: str, cells: Sequence[Cell], records: Mapping[str, Record | None]
) -> dict[str, Figure]:
    told = [records[cell.name].scores[task] for cell in cells]  # type: ignore[union-attr]
    draws = [read_draws(cell.folder) for cell in cells]
    shared = [name for name in told[0]["scores"] if all(name in one["scores"] for one in told)]
    figures = {}
    for name in shared:
        scores = [one["scores"][name] for one in told]
        values = {cell.seed: score["value"] for cell, score in zip(cells, scores, strict=True)}
        drawn = [one[f"{task}/{name}"] for one in draws if f"{task}/{name}" in one]
        figures[name] = Figure(
            value=_mean(list(values.values())),
            interval=seed_interval(drawn) if len(drawn) == len(cells) else None,
            by_seed=values,
            rows=told[0]["rows"],
            lower_is_better=scores[0]["lower_is_better"],
        )
    return figures


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def seed_interval(draws: Sequence[np.ndarray]) -> tuple[float, float] | None:
    """Returns the 95 % interval of a mean over seeds, by a bootstrap over seeds and rows.

    Every draw takes as many seeds as there are, with replacement, and averages what they have of
    that draw's rows, which are the same for all seeds: so both the rows that happened to be asked
    and the seeds that happened to be run count (a two-level bootstrap: Davison and Hinkley,
    "Bootstrap Methods and their Application", 1997, 3.8). Three seeds say little about seeds, and
    the interval is wide where they differ.

    Args:
        draws: float[samples] for each seed, drawn alike.

    Example:
        >>> one = np.linspace(0.0, 1.0, 1001)
        >>> low, high = seed_interval([one, one])
        >>> round(low, 3), round(high, 3)
        (0.025, 0.975)
    """
    table = np.stack([np.asarray(one, np.float64) for one in draws])  # [seeds, samples]
    rng = np.random.default_rng(_SEED)
    chosen = rng.integers(len(table), size=table.shape)
    return interval(np.take_along_axis(table, chosen, axis=0).mean(axis=0))


def failures_of(rows: Sequence[Row]) -> list[Failure]:
    """Returns what has not finished, runs that have not been started in one."""
    all_of = [failure for row in rows for failure in row.failures]
    waiting = [failure.cell for failure in all_of if failure.reason == NOT_RUN]
    told = [failure for failure in all_of if failure.reason != NOT_RUN]
    if waiting:
        runs = "1 run" if len(waiting) == 1 else f"{len(waiting)} runs"
        told.append(Failure(f"{runs} not started", ", ".join(waiting)))
    return told
