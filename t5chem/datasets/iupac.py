"""Molecules and their IUPAC names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from t5chem.datasets.chebi20 import read_molecules
from t5chem.datasets.dataset import Bad, Dataset, Row, SourceFile

_SPLITS: Final = (
    (
        "validation",
        SourceFile(
            "validation.txt",
            sha256="53642bfb5875467a3ebcd788961b4a933a3ed40f45637f1e6ebeb0de87305fcb",
        ),
    ),
    (
        "test",
        SourceFile(
            "test.txt", sha256="e216b4fd99dc23ab6f16d1643cced45e7663f20dae82d6c607b83b9a1731e347"
        ),
    ),
    (
        "train",
        SourceFile(
            "train.txt", sha256="22e605ad33d371b24fee213c4655f7391648ebe7d76c1e5a727fa21d41477fbb"
        ),
    ),
)


def read(folder: Path) -> Iterator[Row | Bad]:
    """Yields its molecules, described by the sentence `The molecule is NAME.` and no more.

    Descriptions of ChEBI-20 begin so. A bare name would teach a model that learns from both to
    answer the same question in two ways.

    Raises:
        ConfigError: a file cannot be read or lacks a column.
    """
    for row in read_molecules(folder, _SPLITS, own_id="cid"):
        if isinstance(row, Bad) or not row.fields["description"].strip():
            yield row
            continue
        sentence = f"The molecule is {row.fields['description'].strip()}."
        yield dataclasses.replace(row, fields={**row.fields, "description": sentence})


DATASETS: Final = (
    Dataset(
        name="iupac",
        kind="molecules",
        title="Molecules of PubChem and their IUPAC names",
        homepage="https://pubchem.ncbi.nlm.nih.gov",
        licence="not stated",
        citation="",
        files=tuple(file for _, file in _SPLITS),
        counts={"train": 10350, "validation": 982, "test": 1985},
        notes=(
            "A description is the sentence `The molecule is NAME.`, as descriptions of ChEBI-20 "
            "begin: a bare name would answer one question in two ways where both are learned. Of "
            "11,856 rows of train 1,504 are molecules of ChEBI-20's validation and test, 1 is one "
            "of its own test split and 1 a duplicate: dropped. Its own validation and test hold "
            "353 of ChEBI-20's too."
        ),
        read=read,
        held_out_from=("chebi20",),
    ),
)
