"""ChEBI-20 as MolT5 released it, and two sets for training that are made from its train molecules.

The SMILES stay as they are, PubChem's way: a model's captions fall apart when it reads others.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from t5chem.datasets.dataset import HELD_OUT, Bad, Dataset, Row, SourceFile, row_id
from t5chem.datasets.manual import present
from t5chem.datasets.reading import free_braces, halve_backslashes, read_table
from t5chem.datasets.tables import Layout

TSV: Final = Layout("tsv", quoted=False)

_HOMEPAGE: Final = "https://github.com/blender-nlp/MolT5"
_RAW: Final = "https://raw.githubusercontent.com/blender-nlp/MolT5/HEAD/ChEBI-20_data"
_CITATION: Final = (
    "Edwards, Zhai, Ji: Text2Mol: Cross-Modal Molecule Retrieval with Natural Language Queries, "
    "EMNLP 2021; Edwards et al.: Translation between Molecules and Natural Language, EMNLP 2022"
)


def read_molecules(
    folder: Path,
    files: Sequence[tuple[str, SourceFile]],
    own_id: str = "CID",
    smiles: str = "SMILES",
    description: str = "description",
) -> Iterator[Row | Bad]:
    """Yields the rows of tab-separated tables of molecules.

    Args:
        folder: the files are in.
        files: split and file; one that is not there is left out.
        own_id: column with the source's own identifier.
        smiles: column with the molecule, its backslashes doubled or not.
        description: column with the text.

    Raises:
        ConfigError: a file cannot be read or lacks a column.
    """
    for split, file in files:
        for path in present(folder, file):
            for row in read_table(path, (own_id, smiles, description), TSV):
                if isinstance(row, Bad):
                    yield row
                    continue
                molecule, halved = halve_backslashes(row.values[smiles])
                text, freed = free_braces(row.values[description])
                fields = {"smiles": molecule, "description": text}
                name = row_id(split, row.number, row.values[own_id])
                yield Row(split, name, fields, path.name, row.number, halved + freed)


# Validation and test first: who looks for held-out molecules stops at train.
_SPLITS: Final = (
    (
        "validation",
        SourceFile(
            "validation.txt",
            f"{_RAW}/validation.txt",
            "f410b58e6825986577d01b4f0c14b59ed61c1343a15118ba584de4bbcea1508c",
        ),
    ),
    (
        "test",
        SourceFile(
            "test.txt",
            f"{_RAW}/test.txt",
            "91776254b54ef13ad701ede0ecdbd7bcd30c19a66e52aa34a6dac8d0e7306d72",
        ),
    ),
    ("train", SourceFile("train.txt", f"{_RAW}/train.txt", required=False)),
)

CHEBI20: Final = Dataset(
    name="chebi20",
    kind="molecules",
    title="ChEBI-20: molecules and their descriptions in ChEBI",
    homepage=_HOMEPAGE,
    licence="BSD 3-Clause (of the repository)",
    citation=_CITATION,
    files=tuple(file for _, file in _SPLITS),
    counts={"validation": 3301, "test": 3300},
    notes=(
        "Every backslash of a SMILES is stored doubled and halved on reading: 502 SMILES of "
        "validation and 484 of test have one. SMILES are PubChem's, Kekulé, and stay so. No row is "
        "dropped. Validation and test share no molecule; 94 when stereochemistry and isotopes are "
        "set aside."
    ),
    read=functools.partial(read_molecules, files=_SPLITS),
    drops=frozenset(),
)

_REBUILT: Final = SourceFile(
    "train_rebuilt.tsv",
    sha256="00772ace6f3f1f5d44f20b35530abb1bcab0acdd0cd0019412b8c237bc8fc758",
)

CHEBI20_REBUILT: Final = Dataset(
    name="chebi20_rebuilt",
    kind="molecules",
    title="ChEBI-20's train molecules with descriptions rebuilt from ChEBI's relations",
    homepage="https://www.ebi.ac.uk/chebi",
    licence="not stated",
    citation="",
    files=(_REBUILT,),
    counts={"train": 26391},
    notes=(
        "This is not ChEBI-20, and scores of what was trained on it must say so: the sentence that "
        "defines the molecule is missing; what is left is told by ChEBI's relations. Train only. "
        "Backslashes before the braces of 119 names are removed. Its file has no public address."
    ),
    read=functools.partial(read_molecules, files=[("train", _REBUILT)]),
    drops=frozenset({HELD_OUT}),
    held_out_from=("chebi20",),
    folder="chebi20",
)

_SUBSET: Final = SourceFile(
    "train_subset_real.tsv",
    sha256="94eb872994be482f1215ba3320fb4a0714c9754e65007879bdb3a5e93737c44e",
)

CHEBI20_SUBSET: Final = Dataset(
    name="chebi20_subset",
    kind="molecules",
    title="Real descriptions of some of ChEBI-20's train molecules",
    homepage="https://www.ebi.ac.uk/chebi",
    licence="not stated",
    citation="",
    files=(_SUBSET,),
    counts={"train": 3637},
    notes=(
        "This is not ChEBI-20: 3,535 of its train molecules, 104 rows describe one of them again. "
        "Train only; no molecule of ChEBI-20's validation and test is in it. Dropped are 2 rows "
        "whose description is, word for word, that of another molecule there. Its file has no "
        "public address."
    ),
    read=functools.partial(read_molecules, files=[("train", _SUBSET)]),
    drops=frozenset({HELD_OUT}),
    held_out_from=("chebi20",),
    folder="chebi20",
)

DATASETS: Final = (CHEBI20, CHEBI20_REBUILT, CHEBI20_SUBSET)
