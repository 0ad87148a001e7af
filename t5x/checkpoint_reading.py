"""Reads the tensors of a checkpoint by name, whichever layout it has.

A tensor's name is its path in the tree of the checkpoint joined with '/', such as
`target/encoder/encoder_norm/scale` or `state/step`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import jax
import numpy as np
import orbax.checkpoint as ocp
from etils import epath
from flax import traverse_util
from jaxtyping import Array

from t5x.legacy_checkpoints import INDEX, LegacyReader, place
from t5x.optimizers import Tree

STATE = "state"
DATASET = "dataset"
GROUP_BYTES = 2**28


class CheckpointReader(Protocol):
    """Reads a checkpoint.

    Attributes:
        shapes: shape and dtype of every tensor by its name.
    """

    shapes: dict[str, jax.ShapeDtypeStruct]

    def read(self, wanted: Mapping[str, jax.ShapeDtypeStruct]) -> dict[str, Array]:
        """Returns tensors by name, of the dtypes and shardings that `wanted` says."""
        ...

    def read_numpy(self, names: list[str]) -> dict[str, np.ndarray]:
        """Returns whole tensors in the memory of this host."""
        ...


class OrbaxReader:
    """A checkpoint whose item `state` Orbax wrote.

    Args:
        path: the folder of the checkpoint.

    Attributes:
        shapes: shape and dtype of every tensor by its name.
    """

    def __init__(self, path: str) -> None:
        self._path = epath.Path(path) / STATE
        metadata = ocp.PyTreeCheckpointHandler().metadata(self._path)
        self.shapes = {
            name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
            for name, leaf in flatten(metadata.tree).items()
        }

    def read(self, wanted: Mapping[str, jax.ShapeDtypeStruct]) -> dict[str, Array]:
        """Returns tensors; each device reads its own part."""
        args = {
            name: ocp.ArrayRestoreArgs(
                sharding=target.sharding, global_shape=target.shape, dtype=target.dtype
            )
            for name, target in wanted.items()
        }
        return self._restore(wanted, args)

    def read_numpy(self, names: list[str]) -> dict[str, np.ndarray]:
        """Returns whole tensors in the memory of this host."""
        args = {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in names}
        return self._restore({name: self.shapes[name] for name in names}, args)

    def _restore(self, wanted: Mapping[str, Any], args: Mapping[str, Any]) -> dict[str, Any]:
        if not wanted:
            return {}
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
            tree = checkpointer.restore(
                self._path,
                args=ocp.args.PyTreeRestore(
                    unflatten(wanted), restore_args=unflatten(args), partial_restore=True
                ),
            )
        return flatten(tree)


class TreeReader:
    """A tree in the memory of this host, read as if it were a checkpoint.

    Args:
        tree: nested dictionaries of NumPy arrays.

    Attributes:
        shapes: shape and dtype of every tensor by its name.
    """

    def __init__(self, tree: Tree) -> None:
        self._leaves = {name: np.asarray(leaf) for name, leaf in flatten(tree).items()}
        self.shapes = {
            name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
            for name, leaf in self._leaves.items()
        }

    def read(self, wanted: Mapping[str, jax.ShapeDtypeStruct]) -> dict[str, Array]:
        """Returns tensors; each device takes its own part."""
        return {name: place(self._leaves[name], target) for name, target in wanted.items()}

    def read_numpy(self, names: list[str]) -> dict[str, np.ndarray]:
        """Returns the tensors themselves."""
        return {name: self._leaves[name] for name in names}


def open_checkpoint(path: str) -> CheckpointReader:
    """Returns a reader of the layout that the checkpoint has.

    Args:
        path: `.../checkpoint_100`.

    Raises:
        FileNotFoundError: the folder holds neither layout.
    """
    if os.path.isfile(os.path.join(path, INDEX)):
        return LegacyReader(path)
    if os.path.isdir(os.path.join(path, STATE)):
        return OrbaxReader(path)
    raise FileNotFoundError(f"it holds neither the folder '{STATE}' nor the file '{INDEX}'")


def read_as(
    reader: CheckpointReader,
    targets: Mapping[str, jax.ShapeDtypeStruct],
    sources: Mapping[str, str],
) -> dict[str, Array]:
    """Returns tensors by our name.

    Args:
        reader: of the checkpoint.
        targets: by our name: shape, dtype to cast to, and sharding.
        sources: our name -> name in the checkpoint; several of ours may have one source.
    """
    arrays: dict[str, Array] = {}
    while waiting := {ours: theirs for ours, theirs in sources.items() if ours not in arrays}:
        once = {theirs: ours for ours, theirs in waiting.items()}
        read = reader.read({theirs: targets[ours] for theirs, ours in once.items()})
        arrays |= {ours: read[theirs] for theirs, ours in once.items()}
    return arrays


def read_groups(reader: CheckpointReader) -> Iterator[dict[str, np.ndarray]]:
    """Reads everything, group by group so that memory stays bounded."""
    group: list[str] = []
    size = 0
    for name, leaf in reader.shapes.items():
        group.append(name)
        size += leaf.size * leaf.dtype.itemsize
        if size >= GROUP_BYTES:
            yield reader.read_numpy(group)
            group, size = [], 0
    yield reader.read_numpy(group)


def read_data_position(path: str) -> dict[str, Any]:
    """Returns where in the data a run was; empty when the checkpoint does not say.

    Args:
        path: `.../checkpoint_100`.

    Raises:
        ValueError: the file is not JSON.
    """
    # Orbax's JSON item is one file; what T5X writes there is state of tf.data, of no use to us.
    file = os.path.join(path, DATASET, "metadata")
    if not os.path.exists(file):
        return {}
    with open(file, encoding="utf-8") as opened:
        return json.load(opened) or {}


def flatten(tree: Tree) -> dict[str, Any]:
    """Returns leaves by name.

    Example:
        >>> flatten({"target": {"scale": 1}, "state": {"step": 2, "param_states": {}}})
        {'state/step': 2, 'target/scale': 1}
    """
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


def fill(tree: Tree, leaves: Mapping[str, Any]) -> Tree:
    """Returns a tree with the structure of `tree`, its leaves taken by name.

    Example:
        >>> fill({"target": {"scale": 0}, "state": {}}, {"target/scale": 1})
        {'state': {}, 'target': {'scale': 1}}
    """
    return jax.tree.map_with_path(
        lambda path, _: leaves[jax.tree_util.keystr(path, simple=True, separator="/")], tree
    )


def unflatten(leaves: Mapping[str, Any]) -> Tree:
    """Returns nested dictionaries, the inverse of `flatten` for trees of them."""
    return traverse_util.unflatten_dict(dict(leaves), sep="/")
