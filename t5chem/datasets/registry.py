"""The datasets by name: those of this package and, beside them, a user's own."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import Final

from t5chem.datasets.dataset import Dataset
from t5x.errors import ConfigError, did_you_mean

MODULES: Final = (
    "chebi20",
    "lpm24",
    "pubchem324k",
    "iupac",
    "uspto50k",
    "uspto_mit",
    "uspto_full",
    "ord",
    "chemtrans",
    "paragraph2actions",
    "pistachio",
)
"""One module a source; each has a tuple `DATASETS`."""


@functools.cache
def built_in() -> dict[str, Dataset]:
    """Returns the datasets of this package, by name, in the order of their cards."""
    modules = [importlib.import_module(f"t5chem.datasets.{name}") for name in MODULES]
    return {dataset.name: dataset for module in modules for dataset in module.DATASETS}


def all_datasets(path: str | Path | None = None) -> dict[str, Dataset]:
    """Returns the datasets of this package and a user's own, by name.

    Args:
        path: of the user's `datasets.yaml`; None looks where `user_datasets` says.

    Raises:
        ConfigError: the YAML file cannot be read, or a name in it is taken.
    """
    from t5chem.datasets import user_datasets

    own = user_datasets.read_datasets(path)
    taken = [name for name in own if name in built_in()]
    if taken:
        raise ConfigError(
            f"The dataset name {taken[0]!r} is taken by the package's own: give yours another one."
        )
    return {**built_in(), **own}


def find(name: str) -> Dataset:
    """Returns the dataset of a name.

    Raises:
        ConfigError: there is none; the message has the nearest names.
    """
    known = all_datasets()
    if name not in known:
        raise ConfigError(
            f"There is no dataset {name!r}.{did_you_mean(name, known)} "
            f"Known are {', '.join(sorted(known))}."
        )
    return known[name]
