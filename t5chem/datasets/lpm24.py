"""L+M-24: molecules with the captions of the shared task, and with the properties behind them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from t5chem.datasets.dataset import Bad, Dataset, Row, SourceFile, row_id
from t5chem.datasets.manual import present
from t5chem.datasets.reading import halve_backslashes, read_member, read_table
from t5chem.datasets.tables import Layout

NO_PROPERTIES: Final = "no set of properties"

_HOMEPAGE: Final = "https://github.com/language-plus-molecules/LPM-24-Dataset"
_HUB: Final = (
    "https://huggingface.co/datasets/language-plus-molecules/LPM-24_train/resolve/main/data"
)
_CITATION: Final = (
    "Edwards, Wang, Zhou, Ji: L+M-24: Building a Dataset for Language+Molecules @ ACL 2024, 2024"
)


def _table(stem: str) -> SourceFile:
    name = f"{stem}-00000-of-00001.parquet"
    return SourceFile(name, f"{_HUB}/{name}", alternatives=(f"{stem}.csv", f"{stem}.tsv"))


_SPLITS: Final = {"validation": _table("split_valid"), "train": _table("split_train")}
_PROPERTIES: Final = SourceFile(
    "additional_data.zip",
    "https://github.com/language-plus-molecules/LPM-24-Dataset/raw/HEAD/additional_data.zip",
    "05898bfa982c26159235ac2ae88360b3fb55e3471a235466b5dd6d619075d667",
    alternatives=("train_props.txt",),
)


def read_captions(folder: Path) -> Iterator[Row | Bad]:
    """Yields the molecules with their captions: Parquet as published, or CSV or TSV of the same.

    Raises:
        ConfigError: a file cannot be read or lacks a column.
    """
    for split, file in _SPLITS.items():
        for path in present(folder, file):
            for row in read_table(path, ("molecule", "caption"), Layout()):
                if isinstance(row, Bad):
                    yield row
                    continue
                smiles, changes = halve_backslashes(row.values["molecule"])
                fields = {"smiles": smiles, "description": row.values["caption"]}
                number = row.number
                yield Row(split, row_id(split, number), fields, path.name, number, changes)


def read_properties(folder: Path) -> Iterator[Row | Bad]:
    """Yields the molecules with their properties as one sentence.

    Raises:
        ConfigError: the file cannot be read.
    """
    for path in present(folder, _PROPERTIES):
        for line in read_member(path, "train_props.txt"):
            if isinstance(line, Bad):
                yield line
                continue
            text, _, literal = line.text.partition("\t")
            properties = _properties(literal)
            if not properties:
                yield Bad(path.name, line.number, NO_PROPERTIES, literal)
                continue
            smiles, changes = halve_backslashes(text)
            fields = {"smiles": smiles, "description": sentence(properties)}
            name = row_id("train", line.number)
            yield Row("train", name, fields, path.name, line.number, changes)


def sentence(properties: Collection[str]) -> str:
    """Returns what a molecule is said to have, its properties in alphabetical order.

    Example:
        >>> sentence({"nutrient", "Energy source", "Fat storage"})
        'The molecule has the properties Energy source, Fat storage and nutrient.'
        >>> sentence({"kinase inhibitor"})
        'The molecule has the property kinase inhibitor.'
    """
    *others, last = sorted(properties, key=lambda text: (text.casefold(), text))
    if not others:
        return f"The molecule has the property {last}."
    return f"The molecule has the properties {', '.join(others)} and {last}."


def _properties(literal: str) -> set[str]:
    """The file holds sets as Python prints them."""
    try:
        found = ast.literal_eval(literal.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return set()
    good = isinstance(found, set) and all(isinstance(text, str) and text.strip() for text in found)
    return found if good else set()


DATASETS: Final = (
    Dataset(
        name="lpm24",
        kind="molecules",
        title="L+M-24: molecules and captions made from their properties",
        homepage=_HOMEPAGE,
        licence="not stated",
        citation=_CITATION,
        files=tuple(_SPLITS.values()),
        counts={},
        notes=(
            "The two splits of the shared task's train set, published as 126,864 and 33,696 rows; "
            "answers to its test set are not public. Dropped from train are duplicates, SMILES "
            "that RDKit does not accept, and molecules of validation or of ChEBI-20's validation "
            "and test."
        ),
        read=read_captions,
        held_out_from=("chebi20",),
    ),
    Dataset(
        name="lpm24_properties",
        kind="molecules",
        title="L+M-24's train molecules and their properties",
        homepage=_HOMEPAGE,
        licence="not stated",
        citation=_CITATION,
        files=(_PROPERTIES,),
        counts={"train": 160192},
        notes=(
            "The captions' source: a set of properties a molecule, here one sentence, `The "
            "molecule has the properties A, B and C.`, in alphabetical order; nothing else is "
            "added. The 160,560 molecules have 5,062 different sets, 58,624 of them the same ten, "
            "so that a description rarely tells which molecule is meant. Train only. Dropped are "
            "367 molecules of ChEBI-20's validation and test, and 1 that RDKit does not accept."
        ),
        read=read_properties,
        held_out_from=("chebi20",),
        folder="lpm24",
    ),
)
