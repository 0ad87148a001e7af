"""USPTO-50k for retrosynthesis, with the classes of its reactions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from t5chem.datasets.dataset import Bad, Dataset, Row, SourceFile
from t5chem.datasets.reaction_rows import Origin, from_parts
from t5chem.datasets.reading import read_pairs

NO_CLASS: Final = "no reaction class"

# Schneider, Stiefl, Landrum: What's What: The (Nearly) Definitive Guide to Reaction Role
# Assignment, J. Chem. Inf. Model. 2016.
CLASSES: Final = (
    "heteroatom alkylation and arylation",
    "acylation and related processes",
    "C-C bond formation",
    "heterocycle formation",
    "protection",
    "deprotection",
    "reduction",
    "oxidation",
    "functional group interconversion",
    "functional group addition",
)
"""Names of the classes `<RX_1>` to `<RX_10>`."""

_RAW: Final = (
    "https://raw.githubusercontent.com/pandegroup/reaction_prediction_seq2seq/HEAD/processed_data"
)
_SPLITS: Final = {"validation": "valid", "test": "test", "train": "train"}
_SHA256: Final = {
    "valid_sources": "40459c9e5c0f63c1ca08a8ebda2cc80bde42f5dbf0d520cd6c9f9069ae694f48",
    "valid_targets": "b856e45c5b762e416fbe93e75432c5cc4d3ee0dd90582d8b4c0d9cacaf3a6dee",
    "test_sources": "dd10431c929eb9f7fe8952d263c1fed118b8fb4c6e8f8004b73c528adf1989c9",
    "test_targets": "408504846efaafcfc2c0559a507a40232dcf3393fb7263aa83f583ececbd8179",
    "train_sources": "a09a5700f1fe3f91aea33d122eda870bd1d99ad2ec0fd81fa37f43b0e2871747",
    "train_targets": "af8fb61d23357618d45a2009020e5354d0325e96d6d3f5b1d9ffd781b6a147ca",
}
_SOURCE: Final = re.compile(r"<RX_(\d+)> (.+)")


def read(folder: Path) -> Iterator[Row | Bad]:
    """Yields its reactions: `<RX_n> P r o d u c t` in one file, `R e a c t a n t s` in the other.

    Raises:
        ConfigError: a file cannot be read, or two that belong together differ in length.
    """
    for split, stem in _SPLITS.items():
        sources, targets = folder / f"{stem}_sources", folder / f"{stem}_targets"
        for pair in read_pairs(sources, targets):
            if isinstance(pair, Bad):
                yield pair
                continue
            source, target = pair
            found = _SOURCE.fullmatch(source.text)
            if found is None or not 1 <= int(found[1]) <= len(CLASSES):
                yield Bad(sources.name, source.number, NO_CLASS, source.text)
                continue
            name = CLASSES[int(found[1]) - 1]
            origin = Origin(split, sources.name, source.number, "", name, keep_identity=True)
            yield from_parts(origin, _join(target.text), "", _join(found[2]))


def _join(characters: str) -> str:
    return characters.replace(" ", "")


DATASETS: Final = (
    Dataset(
        name="uspto50k",
        kind="reactions",
        title="USPTO-50k: reactions of ten classes from US patents, without reagents",
        homepage="https://github.com/pandegroup/reaction_prediction_seq2seq",
        licence="not stated",
        citation=(
            "Liu et al.: Retrosynthetic Reaction Prediction Using Neural Sequence-to-Sequence "
            "Models, ACS Central Science 2017"
        ),
        files=tuple(SourceFile(name, f"{_RAW}/{name}", sha) for name, sha in _SHA256.items()),
        counts={"train": 40029, "validation": 5004, "test": 5004},
        notes=(
            "SMILES are made canonical; the class is its name. No row is dropped: 8 reactions with "
            "their product among their reactants (7 of train, 1 of validation) are kept, and so "
            "are 257 of train and validation whose product a later split has too."
        ),
        read=read,
        drops=frozenset(),
    ),
)
