"""PubChem324k, second version: molecules of PubChem and what is written about them there."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from t5chem.datasets.dataset import Bad, Dataset, Row, SourceFile, row_id
from t5chem.datasets.reading import halve_backslashes, open_member
from t5chem.datasets.torch_files import read_texts
from t5x.errors import ConfigError

_ARCHIVE: Final = SourceFile(
    "PubChem324kV2.zip",
    "https://huggingface.co/datasets/acharkq/PubChem324kV2/resolve/main/PubChem324kV2.zip",
)
_SPLITS: Final = {"validation": "valid.pt", "test": "test.pt", "train": "train.pt"}
_PRETRAIN: Final = {"train": "pretrain.pt"}
_CITATION: Final = (
    "Liu et al.: MolCA: Molecular Graph-Language Modeling with Cross-Modal Projector and Uni-Modal "
    "Adapter, EMNLP 2023"
)


def read(folder: Path, members: Mapping[str, str]) -> Iterator[Row | Bad]:
    """Yields the molecules of some files of the archive; lines of a text are joined.

    Args:
        folder: the archive is in.
        members: file of a split.

    Raises:
        ConfigError: the archive cannot be read.
    """
    path = folder / _ARCHIVE.name
    for split, member in members.items():
        name = f"{path.name}/{member}"
        molecules, texts = _lists(path, member)
        if len(molecules) != len(texts):
            raise ConfigError(f"{name} has {len(molecules):,} SMILES and {len(texts):,} texts.")
        for number, (text, description) in enumerate(zip(molecules, texts, strict=True), start=1):
            smiles, changes = halve_backslashes(text.strip())
            fields = {"smiles": smiles, "description": " ".join(description.split())}
            yield Row(split, row_id(split, number), fields, name, number, changes)


def _lists(path: Path, member: str) -> list[list[str]]:
    # An archive within an archive is sought in, which is slow where it is compressed.
    with open_member(path, member) as stream, tempfile.TemporaryFile() as unpacked:
        shutil.copyfileobj(stream, unpacked)
        return read_texts(unpacked, f"{path}/{member}", ("smiles", "text"))


DATASETS: Final = (
    Dataset(
        name="pubchem324k",
        kind="molecules",
        title="PubChem324k: molecules of PubChem with long descriptions",
        homepage="https://huggingface.co/datasets/acharkq/PubChem324kV2",
        licence="not stated",
        citation=_CITATION,
        files=(_ARCHIVE,),
        counts={},
        notes=(
            "The splits train, valid and test of its second version, which comes as objects of "
            "PyTorch Geometric: their texts are read without either package. Dropped from train "
            "are duplicates, SMILES that RDKit does not accept, molecules of its own validation "
            "and test and of ChEBI-20's. Its test split shares molecules with ChEBI-20's train."
        ),
        read=functools.partial(read, members=_SPLITS),
        held_out_from=("chebi20",),
    ),
    Dataset(
        name="pubchem324k_pretrain",
        kind="molecules",
        title="PubChem324k: molecules of PubChem with short descriptions, for pretraining",
        homepage="https://huggingface.co/datasets/acharkq/PubChem324kV2",
        licence="not stated",
        citation=_CITATION,
        files=(_ARCHIVE,),
        counts={},
        notes=(
            "The split pretrain of the same archive. Train only. Dropped are duplicates, SMILES "
            "that RDKit does not accept, and molecules that PubChem324k and ChEBI-20 validate or "
            "test with."
        ),
        read=functools.partial(read, members=_PRETRAIN),
        held_out_from=("pubchem324k", "chebi20"),
        folder="pubchem324k",
    ),
)
