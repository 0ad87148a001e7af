"""Devices that are not here, to compile for: a TPU slice by PyPI's `libtpu`, a node of GPUs.

A program for a TPU is compiled by the very compiler that runs there. GPUs have none that works
without them: their programs are compiled for as many CPU devices.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from t5x.errors import RunError
from t5x.hardware import Topology
from t5x.quiet import silent_stderr

_LIBTPU_SETTINGS = {
    "TPU_SKIP_MDS_QUERY": "1",  # this is no TPU's host: there is no metadata server to wait for
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # several may compile at once: none of them opens a device
    "TPU_STDERR_LOG_LEVEL": "3",
    "TPU_MIN_LOG_LEVEL": "3",
    "TPU_LOG_DIR": "disabled",
}
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class OutOfMemory(RunError):
    """XLA found no room for a program.

    Attributes:
        needed: bytes of temporaries that it asked for, of a device.
        available: bytes that there are for programs.
    """

    def __init__(self, needed: float, available: float) -> None:
        super().__init__(
            f"XLA needs {needed / 1e9:.2f} GB of HBM for temporaries alone, of "
            f"{available / 1e9:.2f} GB."
        )
        self.needed = needed
        self.available = available


def abstract_devices(topology: Topology) -> Sequence[Any]:
    """Returns the devices of a slice.

    Call it before JAX has looked for the devices of this machine, which then are its CPU alone.

    Args:
        topology: of the slice.

    Raises:
        RunError: `libtpu` is not installed, or knows no such slice.
    """
    jax.config.update("jax_platforms", "cpu")
    if not topology.chip.is_tpu:
        jax.config.update("jax_num_cpu_devices", topology.chips)
        return jax.devices("cpu")[: topology.chips]
    if importlib.util.find_spec("libtpu") is None:
        raise RunError(
            "Compiling for a TPU needs the package libtpu, which is not installed: `pip install "
            "'text-chem-t5[preflight]'` (or `pip install 'jax[tpu]'`). No TPU is needed."
        )
    from jax.experimental import topologies

    for name, value in _LIBTPU_SETTINGS.items():
        os.environ.setdefault(name, value)
    options: dict[str, Any] = {"chips_per_host_bounds": topology.host_shape}
    if topology.slices > 1:
        options["num_slices"] = topology.slices
    if topology.chip.name == "v4":
        options["chip_config_name"] = "megacore"  # both cores of a chip as one device, as JAX does
    try:
        with silent_stderr():
            return topologies.get_topology_desc(topology.name, "tpu", **options).devices
    except jax.errors.JaxRuntimeError as error:
        raise RunError(f"libtpu does not know the slice {topology.name}: {error}") from error


@functools.cache
def available_hbm(device: Any) -> float | None:
    """Returns the bytes of HBM that XLA lets a program have; None where it sets no limit.

    It is asked for more than any chip has, and says in its refusal what there is.

    Args:
        device: of `abstract_devices`.
    """
    if device.platform != "tpu":
        return None
    whole = NamedSharding(Mesh(np.array([device]), ("one",)), PartitionSpec())

    def ask(x: jax.Array) -> jax.Array:
        impossible = jnp.broadcast_to(x, (2**30, 256))
        return jax.lax.optimization_barrier(impossible).T[3, 5:8]

    try:
        lowered = jax.jit(ask, out_shardings=whole).lower(jax.ShapeDtypeStruct((), jnp.float32))
        compiled(lowered)
    except OutOfMemory as refusal:
        return refusal.available
    return None


def compiled(lowered: Any) -> Any:
    """Compiles a program.

    Args:
        lowered: of `jax.jit(...).lower(...)`.

    Raises:
        OutOfMemory: XLA found no room for its temporaries.
    """
    try:
        return lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        refusal = read_refusal(str(error))
        if refusal is None:
            raise
        raise refusal from error


def read_refusal(message: str) -> OutOfMemory | None:
    """Reads XLA's message that memory does not suffice; None if it is another.

    Example:
        >>> refusal = read_refusal("RESOURCE_EXHAUSTED: Ran out of memory on HBM, the total memory "
        ...     "required for HLO temporaries (23.48G) exceeds available HBM (15.75G).")
        >>> refusal.needed == 23.48 * 2**30, refusal.available == 15.75 * 2**30
        (True, True)
    """
    patterns = (
        r"temporaries \((?P<needed>[\d.]+)(?P<unit>[KMGT]?)\) exceeds available HBM "
        r"\((?P<available>[\d.]+)(?P<unit2>[KMGT]?)\)",
        r"Used (?P<needed>[\d.]+)(?P<unit>[KMGT]?) of (?P<available>[\d.]+)(?P<unit2>[KMGT]?) hbm",
    )
    for pattern in patterns:
        if match := re.search(pattern, message):
            return OutOfMemory(
                float(match["needed"]) * _UNITS[match["unit"]],
                float(match["available"]) * _UNITS[match["unit2"]],
            )
    return None
