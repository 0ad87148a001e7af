"""Meshes of devices: how many share a copy of the model, and which network joins them.

The devices of a slice (of a TPU; the GPUs of a machine) are joined by fast links, slices by the
data centre's network: what crosses it should be little, such as the gradients of data parallelism.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import numpy as np
from jax.experimental import mesh_utils
from jax.sharding import Mesh

from t5x.errors import ConfigError

HardwareMesh = Sequence[int]

MESH_AXES = ("data", "model")


def make_mesh(
    devices: Sequence[jax.Device],
    num_partitions: int = 1,
    ici_mesh_shape: HardwareMesh | None = None,
    dcn_mesh_shape: HardwareMesh | None = None,
) -> Mesh:
    """Arranges devices as `data` x `model`.

    Args:
        devices: all of which are to be in it.
        num_partitions: devices of the model axis, where `ici_mesh_shape` is not given. Where they
            divide a slice, several slices are joined along the data axis.
        ici_mesh_shape: `(data, model)` within a slice.
        dcn_mesh_shape: `(data, model)` across slices, or, where devices know of no slices, across
            processes; None: there is one slice.

    Raises:
        ConfigError: the devices cannot be arranged so.
    """
    for name, shape in (("ici_mesh_shape", ici_mesh_shape), ("dcn_mesh_shape", dcn_mesh_shape)):
        if shape is not None and len(shape) != len(MESH_AXES):
            raise ConfigError(
                f"{name}={tuple(shape)} must have two numbers, (data, model).",
                f"PjitPartitioner.{name}",
            )
    if ici_mesh_shape is None:
        if dcn_mesh_shape is not None:
            raise ConfigError(
                f"dcn_mesh_shape={tuple(dcn_mesh_shape)} says how slices are arranged, and nothing "
                "how the devices within one are: set ici_mesh_shape too.",
                "PjitPartitioner.dcn_mesh_shape",
            )
        ici_mesh_shape, dcn_mesh_shape = _shapes_of(devices, num_partitions)
    if dcn_mesh_shape is None:
        return Mesh(_within_slice(devices, tuple(ici_mesh_shape)), MESH_AXES)
    grid = _across_slices(devices, tuple(ici_mesh_shape), tuple(dcn_mesh_shape))
    return Mesh(grid, MESH_AXES)


def _shapes_of(
    devices: Sequence[jax.Device], num_partitions: int
) -> tuple[HardwareMesh, HardwareMesh | None]:
    """Returns the shapes within and across slices that a number of partitions stands for."""
    settings = ("PjitPartitioner.num_partitions", "PjitPartitioner.model_parallel_submesh")
    count, platform = len(devices), devices[0].platform
    if num_partitions < 1 or count % num_partitions:
        raise ConfigError(
            f"num_partitions={num_partitions} does not divide the {count} {platform} devices: "
            f"choose a divisor of {count}.",
            *settings,
        )
    slices = _sizes(devices, "slice_index")
    each = slices[0]
    if len(slices) > 1 and set(slices) == {each} and each % num_partitions == 0:
        return (each // num_partitions, num_partitions), (len(slices), 1)
    if len(slices) > 1 and platform == "tpu":
        raise ConfigError(
            f"num_partitions={num_partitions} does not divide the {each} chips of each of the "
            f"{len(slices)} TPU slices: choose a divisor of {each}, or say by ici_mesh_shape and "
            "dcn_mesh_shape how the model is divided within and across slices.",
            *settings,
        )
    return (count // num_partitions, num_partitions), None


def _within_slice(devices: Sequence[jax.Device], shape: tuple[int, ...]) -> np.ndarray:
    """Arranges all devices by one shape, near each other what is near in the torus of a TPU."""
    if math.prod(shape) != len(devices):
        raise ConfigError(
            f"ici_mesh_shape={shape} needs {math.prod(shape)} devices, there are {len(devices)}.",
            "PjitPartitioner.ici_mesh_shape",
        )
    slices = len(_sizes(devices, "slice_index"))
    if slices > 1 and devices[0].platform == "tpu":
        raise ConfigError(
            f"ici_mesh_shape={shape} arranges the chips of a TPU slice, of which there are "
            f"{slices}: divide it by them and set dcn_mesh_shape, such as ({slices}, 1).",
            "PjitPartitioner.ici_mesh_shape",
        )
    # A torus of 4 x 4 x 4 has no axes of 8: they are split where that is needed.
    return mesh_utils.create_device_mesh(shape, devices=devices, allow_split_physical_axes=True)


def _across_slices(
    devices: Sequence[jax.Device], ici_shape: tuple[int, ...], dcn_shape: tuple[int, ...]
) -> np.ndarray:
    """Arranges the devices of each slice by one shape, and the slices by another."""
    slices, joined = _sizes(devices, "slice_index"), "slices"
    by_process = len(slices) == 1 and devices[0].platform != "tpu"
    if by_process:
        slices, joined = _sizes(devices, "process_index"), "processes"
    if math.prod(dcn_shape) != len(slices):
        raise ConfigError(
            f"dcn_mesh_shape={dcn_shape} joins {math.prod(dcn_shape)} {joined}, there are "
            f"{len(slices)}: the product of its numbers must be that.",
            "PjitPartitioner.dcn_mesh_shape",
        )
    if {math.prod(ici_shape)} != set(slices):
        sizes = " or ".join(str(size) for size in sorted(set(slices)))
        raise ConfigError(
            f"ici_mesh_shape={ici_shape} needs {math.prod(ici_shape)} devices of each of the "
            f"{len(slices)} {joined}, which have {sizes}.",
            "PjitPartitioner.ici_mesh_shape",
        )
    return mesh_utils.create_hybrid_device_mesh(
        ici_shape, dcn_shape, devices=devices, process_is_granule=by_process,
        allow_split_physical_axes=True,
    )  # fmt: skip


def _sizes(devices: Sequence[jax.Device], attribute: str) -> list[int]:
    """Returns how many devices each slice or process has; devices without slices are one."""
    sizes: dict[int, int] = {}
    for device in devices:
        index = getattr(device, attribute, None) or 0
        sizes[index] = sizes.get(index, 0) + 1
    return [sizes[index] for index in sorted(sizes)]
