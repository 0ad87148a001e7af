"""Reads checkpoints in T5X's older layout: a msgpack index and a zarr folder an array.

A checkpoint is a folder with the file `checkpoint`, a msgpack map `{"version", "optimizer":
{"target", "state"}}`. A leaf is either a small array inline (flax's msgpack encoding) or a
TensorStore specification, whose folder `target.encoder...` lies beside the index.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import tensorstore as ts
from jax.typing import DTypeLike
from jaxtyping import Array

INDEX = "checkpoint"
READERS = 8


class LegacyReader:
    """One checkpoint in the older layout.

    Args:
        path: the folder of the checkpoint.

    Attributes:
        shapes: shape and dtype of every tensor by its name, such as `target/decoder/...`.

    Raises:
        ValueError: the index is not one of T5X's.
    """

    def __init__(self, path: str) -> None:
        with open(os.path.join(path, INDEX), "rb") as file:
            index = flax.serialization.msgpack_restore(file.read())
        if not isinstance(index, dict) or "target" not in index.get("optimizer", {}):
            raise ValueError(f"{os.path.join(path, INDEX)} is not an index of T5X's")
        self._leaves = {
            name: _open(path, leaf) if isinstance(leaf, dict) else np.asarray(leaf)
            for name, leaf in _flatten(index["optimizer"])
        }
        self.shapes = {
            name: jax.ShapeDtypeStruct(tuple(leaf.shape), _dtype(leaf))
            for name, leaf in self._leaves.items()
        }

    def read(self, wanted: Mapping[str, jax.ShapeDtypeStruct]) -> dict[str, Array]:
        """Returns tensors; each device reads its own part.

        Args:
            wanted: by name in the checkpoint: shape, dtype to cast to, and sharding.
        """
        with ThreadPoolExecutor(READERS) as pool:
            arrays = pool.map(
                lambda item: place(self._leaves[item[0]], item[1]), list(wanted.items())
            )
            return dict(zip(wanted, arrays, strict=True))

    def read_numpy(self, names: list[str]) -> dict[str, np.ndarray]:
        """Returns whole tensors in the memory of this host."""
        return {name: np.asarray(_read(self._leaves[name], ())) for name in names}


def place(leaf: Any, target: jax.ShapeDtypeStruct) -> Array:
    """Returns an array on devices, each of which reads its own part.

    Args:
        leaf: a NumPy array or an open TensorStore.
        target: shape, dtype to cast to, and sharding.
    """
    parts: dict[str, np.ndarray] = {}

    def part(index: tuple[slice, ...] | None) -> np.ndarray:
        # Replicas ask for the same part: it is read once.
        if str(index) not in parts:
            parts[str(index)] = np.asarray(_read(leaf, index or ())).astype(target.dtype)
        return parts[str(index)]

    return jax.make_array_from_callback(target.shape, target.sharding, part)


def _read(leaf: Any, index: tuple[slice, ...]) -> np.ndarray:
    return leaf[index].read().result() if isinstance(leaf, ts.TensorStore) else leaf[index]


def _dtype(leaf: Any) -> DTypeLike:
    return jnp.dtype(leaf.dtype.name if isinstance(leaf, ts.TensorStore) else leaf.dtype)


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Lists (name, leaf); a TensorStore specification is a leaf."""
    leaves: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, dict) and "driver" not in value:
            leaves += _flatten(value, f"{prefix}{key}/")
        elif value is not None:
            leaves.append((prefix + key, value))
    return leaves


def _open(path: str, spec: Mapping[str, Any]) -> ts.TensorStore:
    """Opens an array: the path in its specification may be where the checkpoint once lay."""
    folder = os.path.basename(spec["kvstore"]["path"].rstrip("/"))
    store = ts.open(
        {
            "driver": spec["driver"],
            "kvstore": {"driver": "file", "path": os.path.join(path, folder) + "/"},
            # A file that is gone would otherwise read as zeros.
            "fill_missing_data_reads": False,
        },
        read=True,
    ).result()
    expected = spec.get("metadata", {}).get("shape", store.shape)
    if tuple(expected) != tuple(store.shape):
        raise ValueError(
            f"{folder}: shape {store.shape} on disk, {tuple(expected)} in the index '{INDEX}'"
        )
    return store
