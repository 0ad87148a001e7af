"""Procedures from parallel files: a paragraph a line in one, its actions in the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from t5chem.datasets.dataset import Bad, Row, row_id
from t5chem.datasets.reading import read_pairs

COLLAPSED: Final = "runs of white space made one space"


def read_procedures(split: str, paragraphs: Path, actions: Path) -> Iterator[Row | Bad]:
    """Yields the procedures of two files.

    White space is collapsed: T5's vocabulary cannot tell a run of spaces from one, so an answer
    with runs could never be matched.

    Raises:
        ConfigError: a file cannot be read, or they differ in length.
    """
    for pair in read_pairs(paragraphs, actions):
        if isinstance(pair, Bad):
            yield pair
            continue
        raw = {"paragraph": pair[0].text, "actions": pair[1].text}
        fields = {name: " ".join(text.split()) for name, text in raw.items()}
        number = pair[0].number
        changes = () if fields == raw else (COLLAPSED,)
        yield Row(split, row_id(split, number), fields, paragraphs.name, number, changes)
