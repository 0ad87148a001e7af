"""Sentences of procedures and their actions, in the files that paragraph2actions trains on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from t5chem.datasets.dataset import Bad, Dataset, Row, SourceFile
from t5chem.datasets.procedure_rows import read_procedures

_RAW: Final = "https://raw.githubusercontent.com/rxn4chemistry/paragraph2actions/HEAD/test_data"
_SPLITS: Final = {"validation": "valid", "test": "test", "train": "train"}


def read(folder: Path) -> Iterator[Row | Bad]:
    """Yields its procedures.

    Raises:
        ConfigError: a file cannot be read, or two that belong together differ in length.
    """
    for split, stem in _SPLITS.items():
        yield from read_procedures(split, folder / f"src-{stem}.txt", folder / f"tgt-{stem}.txt")


DATASETS: Final = (
    Dataset(
        name="paragraph2actions",
        kind="procedures",
        title="Sentences of procedures and their actions, in Vaucher's form",
        homepage="https://github.com/rxn4chemistry/paragraph2actions",
        licence="MIT (of the repository)",
        citation=(
            "Vaucher et al.: Automated extraction of chemical synthesis actions from experimental "
            "procedures, Nature Communications 2020"
        ),
        files=tuple(
            SourceFile(f"{side}-{stem}.txt", f"{_RAW}/{side}-{stem}.txt")
            for stem in _SPLITS.values()
            for side in ("src", "tgt")
        ),
        counts={},
        notes=(
            "Any files in this form. Published is a sample of 80, 10 and 10 rows; what the paper "
            "trained on is not public."
        ),
        read=read,
    ),
)
