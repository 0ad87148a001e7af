"""What the tasks ask and answer of a record: the same for SeqIO and for looking at data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from t5chem.prompts import PROMPTS, add_prompt
from t5chem.smiles import join_mixtures


@dataclass(frozen=True)
class Question:
    """A task's direction.

    Attributes:
        kind: of the records, a key of `records.FIELDS`.
        inputs: fields that ask; several are mixtures, which are merged and sorted.
        targets: fields that answer, likewise.
    """

    kind: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]


QUESTIONS: Final[Mapping[str, Question]] = MappingProxyType(
    {
        "forward": Question("reactions", ("reactants", "reagents"), ("products",)),
        "retrosynthesis": Question("reactions", ("products",), ("reactants", "reagents")),
        "paragraph2actions": Question("procedures", ("paragraph",), ("actions",)),
        "text2mol": Question("molecules", ("description",), ("smiles",)),
        "mol2text": Question("molecules", ("smiles",), ("description",)),
    }
)
"""The direction of each of the five tasks."""


@dataclass(frozen=True)
class Example:
    """What a model reads, prompt included, and what it is to write."""

    inputs: str
    targets: str


def tasks_of(kind: str) -> list[str]:
    """Returns the tasks that records of a kind can ask.

    Example:
        >>> tasks_of("molecules")
        ['text2mol', 'mol2text']
    """
    return [task for task in PROMPTS if QUESTIONS[task].kind == kind]


def ask(task: str, fields: Mapping[str, str]) -> Example:
    """Returns the example that a task makes of a record.

    Args:
        task: one of `QUESTIONS`.
        fields: of a record of its kind.

    Example:
        >>> fields = {"reactants": "OCC", "reagents": "", "products": "CC=O"}
        >>> ask("retrosynthesis", fields).targets
        'OCC'
    """
    question = QUESTIONS[task]
    return Example(
        add_prompt(task, _merged(fields, question.inputs)), _merged(fields, question.targets)
    )


def _merged(fields: Mapping[str, str], names: Sequence[str]) -> str:
    if len(names) == 1:
        return fields[names[0]]
    return join_mixtures(fields[name] for name in names if fields[name])
