"""Examples of a dataset as a model sees them: prompts included, molecules drawn."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from t5chem import evaluation_page as page
from t5chem.datasets.dataset import Dataset, Row
from t5chem.datasets.examples import ask, tasks_of
from t5chem.datasets.report import place
from t5chem.drawing import molecule_svg
from t5chem.prompts import PROMPTS, SMILES_INPUT, SMILES_OUTPUT

_SIZE = (300, 190)  # pixels of a molecule


def draw_rows(rows: Mapping[str, Sequence[Row]], count: int, seed: int) -> list[Row]:
    """Draws rows at random, without replacement, in the order in which they stand.

    Args:
        rows: by split.
        count: how many, at most.
        seed: of the draw.
    """
    every = [row for of_split in rows.values() for row in of_split]
    drawn = random.Random(seed).sample(range(len(every)), min(count, len(every)))
    return [every[place] for place in sorted(drawn)]


def describe(dataset: Dataset, rows: Sequence[Row]) -> str:
    """Returns the examples that every task makes of some rows, for a terminal."""
    return "\n".join(
        f"{dataset.name}_{task}, {row.split}, {place(row.file, row.number)}\n"
        f"  inputs   {example.inputs}\n"
        f"  targets  {example.targets}\n"
        for task in tasks_of(dataset.kind)
        for row in rows
        for example in [ask(task, row.fields)]
    ).rstrip("\n")


def to_page(dataset: Dataset, rows: Sequence[Row], seed: int) -> str:
    """Returns the examples as an HTML page that loads nothing."""
    facts = {"Kind": dataset.kind, "Examples": f"{len(rows):,} of each task", "Seed": str(seed)}
    sections = {
        f"{dataset.name}_{task}": page.examples(
            PROMPTS[task].strip(), f"{len(rows):,} rows at random", _cells(task, rows)
        )
        for task in tasks_of(dataset.kind)
    }
    return page.document(dataset.name, "Dataset", facts, sections)


def _cells(task: str, rows: Sequence[Row]) -> Iterator[list[page.Cell]]:
    for row in rows:
        example = ask(task, row.fields)
        source = example.inputs.removeprefix(PROMPTS[task])
        where = f"{row.split}, row {row.number:,}"
        yield [
            _cell("Inputs", source, example.inputs, task in SMILES_INPUT, where),
            _cell("Targets", example.targets, example.targets, task in SMILES_OUTPUT),
        ]


def _cell(label: str, smiles: str, text: str, is_smiles: bool, note: str = "") -> page.Cell:
    picture = molecule_svg(smiles, *_SIZE) if is_smiles else None
    return page.Cell(label, escape(text), picture, code=is_smiles, note=note)
