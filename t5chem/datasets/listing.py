"""Datasets for a person at a terminal: all of them as a table, one of them as its card."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping

from t5chem.columns import in_columns
from t5chem.corpora.splits import SPLITS
from t5chem.datasets import cards
from t5chem.datasets.dataset import Dataset
from t5chem.datasets.examples import tasks_of


def table(datasets: Iterable[Dataset], rows: Mapping[str, Mapping[str, int]]) -> str:
    """Returns a line a dataset: name, kind, rows, tasks, where its files are.

    Args:
        datasets: to list.
        rows: by name and split, as far as known.
    """
    lines: list[tuple[str, ...]] = [("name", "kind", *SPLITS, "tasks", "files")]
    for one in datasets:
        counts = rows.get(one.name, {})
        lines.append(
            (
                one.name,
                one.kind,
                *(f"{counts[split]:,}" if split in counts else "–" for split in SPLITS),
                ", ".join(tasks_of(one.kind)),
                one.homepage or ", ".join(_from_here(file.name) for file in one.files),
            )
        )
    return in_columns(lines, left=(0, 1, 5, 6))


def _from_here(path: str) -> str:
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


def card(dataset: Dataset, rows: Mapping[str, int]) -> str:
    """Returns all that is known of a dataset, and the names of its tasks.

    Args:
        dataset: to describe.
        rows: by split; {} where that is not known.
    """
    shown = dataclasses.replace(dataset, counts=rows)
    if all(os.path.isabs(file.name) for file in dataset.files):
        folder = os.path.commonpath([os.path.dirname(file.name) for file in dataset.files])
        files = tuple(
            dataclasses.replace(file, name=os.path.relpath(file.name, folder))
            for file in dataset.files
        )
        shown = dataclasses.replace(shown, folder=folder, files=files)
    tasks = ", ".join(f"{dataset.name}_{task}" for task in tasks_of(dataset.kind))
    return f"{cards.card(shown)}- Tasks: {tasks}; all of them: {dataset.name}"
