"""ChemTrans: paragraphs of syntheses and the operations in them, in a notation of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from t5chem.datasets.dataset import Bad, Dataset, Row, SourceFile
from t5chem.datasets.procedure_rows import read_procedures

_RAW: Final = "https://raw.githubusercontent.com/thunlp/ChemTrans/HEAD/data"
_SHA256: Final = {
    "dev_inp.txt": "927213cc4bc8879b8940e0afaa9316c89e6753d27723cddfdc42303fd4b492cd",
    "dev_out.txt": "e8ddf91d0bfcea55357a7633eaba8cc719b0858f342ffde7c55894529d84a788",
    "test_inp.txt": "0c3ddef5b5bddc23dc2f77e72cfabc85c94fcda834ec64e3fd4e1653aba4582c",
    "test_out.txt": "85fad40963d6eee45166c36e7232a306b95cc8b30b111f7df660ab87a69a7c50",
    "train_inp.txt": "f71df6352a68807759c3b9e5fc25db2cb3b8330a3723e9f0476f63cfafd221e2",
    "train_out.txt": "89f2038f8d86a711569600ed037719332bb127fa88ebcf223c370703db6ad8bf",
}
_SPLITS: Final = {"validation": "dev", "test": "test", "train": "train"}


def read(folder: Path) -> Iterator[Row | Bad]:
    """Yields its procedures.

    Raises:
        ConfigError: a file cannot be read, or two that belong together differ in length.
    """
    for split, stem in _SPLITS.items():
        yield from read_procedures(split, folder / f"{stem}_inp.txt", folder / f"{stem}_out.txt")


DATASETS: Final = (
    Dataset(
        name="chemtrans",
        kind="procedures",
        title="ChemTrans: paragraphs of syntheses and their operations",
        homepage="https://github.com/thunlp/ChemTrans",
        licence="not stated",
        citation=(
            "Zeng et al.: Transcription between human-readable synthetic descriptions and "
            "machine-executable instructions: an application of the latest pre-training "
            "technology, Chemical Science 2023"
        ),
        files=tuple(SourceFile(name, f"{_RAW}/{name}", sha) for name, sha in _SHA256.items()),
        counts={"train": 2765, "validation": 395, "test": 790},
        notes=(
            "Operations are in its own notation, 16 of them, and stay so; it is not that of "
            "paragraph2actions, so that scores of parsing say nothing here. Runs of white space "
            "are made one space. No row is dropped."
        ),
        read=read,
    ),
)
