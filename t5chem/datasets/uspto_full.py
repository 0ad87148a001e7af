"""USPTO-full: a million reactions of US patents, as the authors of GLN split them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from t5chem.datasets.dataset import DUPLICATE, HELD_OUT, Bad, Dataset, Row, SourceFile
from t5chem.datasets.reaction_rows import Origin, from_smiles
from t5chem.datasets.reading import read_table
from t5chem.datasets.tables import Layout

_FOLDER: Final = "https://www.dropbox.com/sh/6ideflxcakrak10/AADTbFBC0F8ax55-z-EDgrIza?dl=0"
_SPLITS: Final = {"validation": "raw_val.csv", "test": "raw_test.csv", "train": "raw_train.csv"}
_REACTION: Final = "reactants>reagents>production"


def read(folder: Path) -> Iterator[Row | Bad]:
    """Yields its reactions: CSV with the patent's number and the mapped reaction.

    Raises:
        ConfigError: a file cannot be read or lacks a column.
    """
    for split, name in _SPLITS.items():
        for row in read_table(folder / name, ("id", _REACTION), Layout("csv")):
            if isinstance(row, Bad):
                yield row
                continue
            keep = split != "train"
            origin = Origin(split, name, row.number, row.values["id"], keep_identity=keep)
            yield from_smiles(origin, row.values[_REACTION])


DATASETS: Final = (
    Dataset(
        name="uspto_full",
        kind="reactions",
        title="USPTO-full: reactions from US patents, without reagents",
        homepage="https://github.com/Hanjun-Dai/GLN",
        licence="MIT (of the repository)",
        citation=(
            "Dai, Li, Coley, Dai, Song: Retrosynthesis Prediction with Conditional Graph Logic "
            "Network, NeurIPS 2019"
        ),
        files=tuple(
            SourceFile(name, f"{_FOLDER} (folder uspto_multi)") for name in _SPLITS.values()
        ),
        counts={},
        notes=(
            "Atom maps are removed and SMILES made canonical. Dropped from train are reactions "
            "with their product among their reactants, duplicates, and reactions to a product that "
            "USPTO-50k or USPTO-480k validates or tests with: all three come from the same "
            "patents. Products that stand on two sides of its own split are counted."
        ),
        read=read,
        drops=frozenset({DUPLICATE, HELD_OUT}),
        held_out_from=("uspto50k", "uspto_mit"),
    ),
)
