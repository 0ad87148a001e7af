"""A model folder in the layout of `transformers`, read as if it were a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import numpy as np
from jaxtyping import Array

from t5x.checkpoint_network import TARGET
from t5x.huggingface import open_folder
from t5x.legacy_checkpoints import place


class ModelFolderReader:
    """The weights of a model folder: parameters and nothing else.

    Args:
        path: of the folder.

    Attributes:
        shapes: shape and dtype of every parameter by its name, such as `target/decoder/...`.

    Raises:
        ModelFolderError: it is no T5, or a tensor is missing, unknown, of a wrong shape or damaged.
    """

    def __init__(self, path: str) -> None:
        self._folder = open_folder(path)
        self.shapes = {
            TARGET + name: jax.ShapeDtypeStruct(found.shape, np.float32)
            for name, found in self._folder.places.items()
        }

    def read(self, wanted: Mapping[str, jax.ShapeDtypeStruct]) -> dict[str, Array]:
        """Returns parameters; each device takes its own part, a tensor at a time.

        Args:
            wanted: by name: shape, dtype to cast to, and sharding.
        """
        return {name: place(self._read(name), target) for name, target in wanted.items()}

    def read_numpy(self, names: list[str]) -> dict[str, np.ndarray]:
        """Returns whole parameters in the memory of this host."""
        return {name: self._read(name) for name in names}

    def _read(self, name: str) -> np.ndarray:
        return self._folder.read(name.removeprefix(TARGET))
