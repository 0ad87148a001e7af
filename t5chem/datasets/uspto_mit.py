"""USPTO-480k, also called USPTO-MIT: mapped reactions of US patents, for forward prediction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from t5chem.datasets.dataset import Bad, Dataset, Row, SourceFile
from t5chem.datasets.manual import present
from t5chem.datasets.reaction_rows import Origin, from_smiles
from t5chem.datasets.reading import read_member

_RAW: Final = "https://github.com/connorcoley/rexgen_direct/raw/HEAD/rexgen_direct/data"


def _file(stem: str, sha256: str | None, required: bool = True) -> SourceFile:
    name = f"{stem}.txt.tar.gz"
    return SourceFile(name, f"{_RAW}/{name}", sha256, required, (f"{stem}.txt",))


_SPLITS: Final = {
    "validation": _file(
        "valid", "63efb7a1a0e33182db71ce4c3c8ee4260f5e69225d3bf21dfba987458ff40927"
    ),
    "test": _file("test", "5c94cf795ea38548d73e010a382ae6f164c0757fc5d2aa0550e82cbe63200d0c"),
    "train": _file("train", None, required=False),
}


def read(folder: Path) -> Iterator[Row | Bad]:
    """Yields its reactions, a line each: `reactants.reagents>>products` and the edited bonds.

    Raises:
        ConfigError: a file cannot be read.
    """
    for split, file in _SPLITS.items():
        for path in present(folder, file):
            for line in read_member(path, file.alternatives[0]):
                if isinstance(line, Bad):
                    yield line
                    continue
                # Models are compared by all rows of validation and test.
                origin = Origin(split, path.name, line.number, keep_identity=split != "train")
                yield from_smiles(origin, line.text)


DATASETS: Final = (
    Dataset(
        name="uspto_mit",
        kind="reactions",
        title="USPTO-480k (USPTO-MIT): reactions from US patents",
        homepage="https://github.com/connorcoley/rexgen_direct",
        licence="not stated",
        citation=(
            "Jin, Coley, Barzilay, Jaakkola: Predicting Organic Reaction Outcomes with "
            "Weisfeiler-Lehman Network, NIPS 2017"
        ),
        files=tuple(_SPLITS.values()),
        counts={"validation": 29998, "test": 39994},
        notes=(
            "Atom maps are removed, SMILES made canonical, ions of one compound joined; compounds "
            "without an atom of the product are the reagents. RDKit does not accept a SMILES of 2 "
            "reactions of validation and 6 of test (30,000 and 40,000 are published): these are "
            "dropped. Reactions whose product stands among their reactants (53 and 86) are kept in "
            "both, and dropped from train. Train has 409,035 rows as published; other rows of it "
            "are counted, not dropped."
        ),
        read=read,
        drops=frozenset(),
        held_out_from=("uspto50k",),
    ),
)
