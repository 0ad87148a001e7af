"""Exports of questions and answers as the authors of Text+Chem T5 trained on: five tasks in a file.

Each line is `{"source": PROMPT + QUESTION, "target": ANSWER}`. Their reactions come from Pistachio,
which is not public; the form is, with a sample. One dataset a kind of records, from the same files.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from t5chem.datasets.dataset import (
    DUPLICATE,
    INVALID_SMILES,
    TWO_SIDES,
    Bad,
    Dataset,
    Row,
    SourceFile,
    row_id,
)
from t5chem.datasets.reaction_rows import Origin, from_parts
from t5chem.datasets.reading import halve_backslashes, read_table
from t5chem.datasets.tables import Layout
from t5chem.prompts import PROMPTS

NO_PROMPT: Final = "no known prompt"

_HOMEPAGE: Final = "https://github.com/GT4SD/multitask_text_and_chemistry_t5"
_SPLITS: Final = {"validation": "valid.jsonl", "test": "test.jsonl", "train": "train.jsonl"}
_TASKS: Final = {
    "molecules": ("text2mol", "mol2text"),
    "reactions": ("forward", "retrosynthesis"),
    "procedures": ("paragraph2actions",),
}


def read(folder: Path, kind: str) -> Iterator[Row | Bad]:
    """Yields the rows of one kind.

    Args:
        folder: the files are in.
        kind: of the records wanted; rows of tasks on others are passed over.

    Raises:
        ConfigError: a file cannot be read or lacks a key.
    """
    for split, name in _SPLITS.items():
        for row in read_table(folder / name, ("source", "target"), Layout("jsonl")):
            if isinstance(row, Bad):
                yield row
                continue
            task, question = _asked(row.values["source"])
            if task is None:
                yield Bad(name, row.number, NO_PROMPT, question)
            elif task in _TASKS[kind]:
                origin = Origin(split, name, row.number)
                yield _record(origin, task, question, row.values["target"])


def _asked(source: str) -> tuple[str | None, str]:
    for task, prompt in PROMPTS.items():
        if source.startswith(prompt):
            return task, source.removeprefix(prompt)
    return None, source


def _record(origin: Origin, task: str, question: str, answer: str) -> Row | Bad:
    if task == "forward":
        return from_parts(origin, question, "", answer)
    if task == "retrosynthesis":
        return from_parts(origin, answer, "", question)
    changes: tuple[str, ...] = ()
    if task == "paragraph2actions":
        fields = {"paragraph": question, "actions": answer}
    else:
        smiles, text = (answer, question) if task == "text2mol" else (question, answer)
        smiles, changes = halve_backslashes(smiles)
        fields = {"smiles": smiles, "description": text}
    name = row_id(origin.split, origin.number)
    return Row(origin.split, name, fields, origin.file, origin.number, changes)


def _dataset(kind: str, title: str, notes: str, held_out_from: tuple[str, ...]) -> Dataset:
    return Dataset(
        name=f"pistachio_{kind}",
        kind=kind,
        title=title,
        homepage=_HOMEPAGE,
        licence="MIT (of the sample); Pistachio itself is NextMove Software's",
        citation=(
            "Christofidellis et al.: Unifying Molecular and Textual Representations via Multi-task "
            "Language Modelling, ICML 2023"
        ),
        files=tuple(
            SourceFile(name, f"{_HOMEPAGE}/tree/main/dataset-sample (a sample)")
            for name in _SPLITS.values()
        ),
        counts={},
        notes=notes,
        read=functools.partial(read, kind=kind),
        drops=frozenset({INVALID_SMILES, DUPLICATE, TWO_SIDES}),
        held_out_from=held_out_from,
        folder="pistachio",
    )


DATASETS: Final = (
    _dataset(
        "molecules",
        "Text+Chem T5's export: molecules and descriptions",
        "Rows of both directions; the second of a pair is a duplicate and dropped from train. Rows "
        "that ChEBI-20 validates or tests with are counted, where its files are there: the splits "
        "differ, and valid of the sample holds molecules of ChEBI-20's test.",
        ("chebi20",),
    ),
    _dataset(
        "reactions",
        "Text+Chem T5's export: reactions",
        "Rows of both directions; the second of a pair is a duplicate and dropped from train. The "
        "source mixes reagents with the reactants, so `reagents` is empty. Rows to a product that "
        "USPTO-50k or USPTO-480k validates or tests with are counted, where their files are there.",
        ("uspto50k", "uspto_mit"),
    ),
    _dataset(
        "procedures",
        "Text+Chem T5's export: sentences and actions",
        "Actions stay as they are written.",
        (),
    ),
)
