"""Who is sharded how, and why: parameters and their optimizer state in groups of equals."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Sequence

import jax
from jax.sharding import PartitionSpec

from t5x.checkpoint_reading import flatten
from t5x.compiled_memory import shard_bytes
from t5x.optimizers import Tree
from t5x.partitioning import PjitPartitioner
from t5x.train_state import FlaxOptimTrainState


@dataclasses.dataclass(frozen=True)
class ShardedGroup:
    """Parameters of one name in all layers.

    Attributes:
        name: with `*` for the number of the layer.
        arrays: how many.
        shape: of each, whole.
        axes: names of its axes.
        spec: mesh axis of each, None where it is whole.
        why: the rule that decided for each axis, or why it is whole.
        parameter_bytes: of all of them, on a device.
        optimizer_bytes: of their optimizer state, likewise.
    """

    name: str
    arrays: int
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    spec: tuple[str | None, ...]
    why: str
    parameter_bytes: int
    optimizer_bytes: int


def sharded_groups(state: FlaxOptimTrainState, partitioner: PjitPartitioner) -> list[ShardedGroup]:
    """Returns the parameters of a state in groups, the largest on a device first.

    Args:
        state: shapes and shardings.
        partitioner: that divided it.
    """
    parameters = flatten(state.params)
    axes = {
        jax.tree_util.keystr(path, simple=True, separator="/"): names
        for path, names in jax.tree.leaves_with_path(
            state.as_logical_axes().params, is_leaf=lambda x: type(x) is tuple
        )
    }
    optimizer = _optimizer_bytes(state.param_states, list(parameters))

    def group_of(name: str) -> tuple[str, tuple[int, ...]]:
        return re.sub(r"_\d+(?=/)", "_*", name), parameters[name].shape

    groups = []
    ordered = sorted(parameters, key=group_of)
    for (group, shape), members in itertools.groupby(ordered, key=group_of):
        names = list(members)
        spec = _padded(parameters[names[0]].sharding.spec, len(shape))
        groups.append(
            ShardedGroup(
                name=group,
                arrays=len(names),
                shape=shape,
                axes=axes[names[0]],
                spec=spec,
                why=_why(axes[names[0]], shape, spec, partitioner),
                parameter_bytes=sum(shard_bytes(parameters[name]) for name in names),
                optimizer_bytes=sum(optimizer[name] for name in names),
            )
        )
    return sorted(groups, key=lambda g: -(g.parameter_bytes + g.optimizer_bytes))


def _padded(spec: PartitionSpec, rank: int) -> tuple[str | None, ...]:
    return (*spec, *(None for _ in range(rank - len(spec))))


def _optimizer_bytes(states: Tree, parameters: Sequence[str]) -> dict[str, int]:
    """Bytes on a device of the optimizer state that stands under each parameter's path."""
    sizes = dict.fromkeys(parameters, 0)
    for path, leaf in jax.tree.leaves_with_path(states):
        parts = jax.tree_util.keystr(path, simple=True, separator="/").split("/")
        owner = next(
            (
                name
                for begin, end in itertools.combinations(range(len(parts) + 1), 2)
                if (name := "/".join(parts[begin:end])) in sizes
            ),
            None,
        )
        if owner is not None:
            sizes[owner] += shard_bytes(leaf)
    return sizes


def _why(
    axes: Sequence[str],
    shape: Sequence[int],
    spec: Sequence[str | None],
    partitioner: PjitPartitioner,
) -> str:
    rules: dict[str, list[str | None]] = {}
    for name, mesh_axis in partitioner.logical_axis_rules:
        rules.setdefault(name, []).append(mesh_axis)
    sizes = partitioner.mesh.shape
    reasons = []
    for name, size, taken in zip(axes, shape, spec, strict=True):
        wanted = [axis for axis in rules.get(name, []) if axis is not None]
        if taken is not None:
            reasons.append(f"{name} -> {taken}" + (" (1 device)" if sizes[taken] == 1 else ""))
        elif not wanted:
            reasons.append(f"{name} whole by rule" if name in rules else f"{name}: no rule")
        elif all(size % sizes[axis] for axis in wanted):
            reasons.append(f"{name} whole: {size} over {sizes[wanted[0]]} leaves a rest")
        else:
            reasons.append(f"{name} whole: {wanted[0]} is taken")
    return ", ".join(reasons)
