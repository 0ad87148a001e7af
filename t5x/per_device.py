"""Functions that each device runs on its own part of the arrays.

XLA divides most computations over a mesh by itself. A kernel it does not look into, and a loop
whose partial sums it would exchange in every iteration, are divided here, as the partitioner's
rules say. Outside of `PjitPartitioner.activate()` there is one device, and nothing to divide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from flax.linen import partitioning as flax_partitioning
from jax.sharding import PartitionSpec


def mesh_axes(names: Sequence[str | None], shape: Sequence[int]) -> PartitionSpec:
    """Returns how an array is divided; an axis that the devices do not divide stays whole.

    Args:
        names: of its logical axes.
        shape: of the whole array, or in units that must not be cut.
    """
    mesh, rules = jax.sharding.get_abstract_mesh(), flax_partitioning.get_axis_rules()
    if mesh.empty or not rules:
        return PartitionSpec(*(None for _ in names))
    axes = flax_partitioning.logical_to_mesh_axes(names, rules) or ()
    return PartitionSpec(
        *(
            axis if axis is not None and size % mesh.shape[axis] == 0 else None
            for axis, size in zip(axes, shape, strict=True)
        )
    )


def per_device(
    function: Callable[..., Any], in_specs: Any, out_specs: Any, axis: str | None = None
) -> Callable[..., Any]:
    """Returns `function`, called by each device with its part of the arguments.

    Args:
        function: of arrays.
        in_specs: how each argument is divided, `PartitionSpec`s.
        out_specs: how the results are put together.
        axis: the one mesh axis to divide by hand, the rest being left to XLA; None is all axes.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return function
    return jax.shard_map(
        function,
        in_specs=in_specs,
        out_specs=out_specs,
        axis_names=frozenset() if axis is None else {axis},
        check_vma=False,
    )
