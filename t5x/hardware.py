"""What accelerators can do, as their makers state it, and slices of them by name.

Sources: docs.cloud.google.com/tpu/docs/{v4,v5e,v5p,v6e}, tables of specifications; NVIDIA's data
sheets of the H200, H100, A100 and L4 (dense, without sparsity). All numbers are decimal and of one
chip; the network's are a pod's divided by its chips, and not stated for v4. How much of its memory
a program may have, XLA itself is asked (`abstract_devices.available_hbm`).
"""

from __future__ import annotations

import dataclasses
import math
import re

from t5x.errors import ConfigError, did_you_mean


@dataclasses.dataclass(frozen=True)
class Chip:
    """An accelerator.

    Attributes:
        name: as topologies name it.
        flops: dense bfloat16 operations a second.
        hbm_bytes: memory.
        hbm_bandwidth: bytes a second.
        link_bandwidth: bytes a second that leave it for others of its slice, over all its links.
        network_bandwidth: bytes a second that leave it for other slices; 0 where it is not stated.
        axes: of the torus that a slice is; 0 for a GPU, whose slices are a number of chips.
        most: chips of the largest slice there is; of GPUs, those of a node, which their links join.
    """

    name: str
    flops: float
    hbm_bytes: float
    hbm_bandwidth: float
    link_bandwidth: float
    network_bandwidth: float = 0
    axes: int = 0
    most: int = 8

    @property
    def is_tpu(self) -> bool:
        """Whether XLA compiles for it here; a GPU's program is compiled for the CPU instead."""
        return self.axes > 0


CHIPS = {
    chip.name: chip
    for chip in (
        Chip("v4", 275e12, 32e9, 1228e9, 300e9, axes=3, most=4096),
        Chip("v5e", 197e12, 16e9, 819e9, 200e9, 3.125e9, axes=2, most=256),
        Chip("v5p", 459e12, 95e9, 2765e9, 600e9, 6.25e9, axes=3, most=6144),
        Chip("v6e", 918e12, 32e9, 1640e9, 400e9, 12.5e9, axes=2, most=256),
        Chip("l4", 121e12, 24e9, 300e9, 32e9),
        Chip("a100", 312e12, 40e9, 1555e9, 300e9),
        Chip("a100-80gb", 312e12, 80e9, 2039e9, 300e9),
        Chip("h100", 989e12, 80e9, 3350e9, 450e9),
        Chip("h200", 989e12, 141e9, 4800e9, 450e9),
    )
}
"""By name; `a100` has 40 GB, as on Google Cloud."""

LISTED = 256
"""Chips of the largest slice that messages name."""

_HOST_SHAPES = ((1, 1, 1), (2, 2, 1))
"""Chips of a host: parts of a host are one chip, others are whole."""


@dataclasses.dataclass(frozen=True)
class Topology:
    """A slice, or several that the data center's network joins.

    Attributes:
        chip: what it is made of.
        shape: chips along each axis; one number for GPUs.
        slices: how many.
    """

    chip: Chip
    shape: tuple[int, ...]
    slices: int = 1

    @property
    def name(self) -> str:
        """As `parse_topology` reads it."""
        return f"{self.chip.name}:{'x'.join(map(str, self.shape))}"

    @property
    def chips(self) -> int:
        """Number of chips in all slices."""
        return math.prod(self.shape) * self.slices

    @property
    def host_shape(self) -> tuple[int, ...]:
        """Chips of a host along the three axes that XLA knows."""
        return _HOST_SHAPES[0] if math.prod(self.shape) == 1 else _HOST_SHAPES[1]


def parse_topology(name: str, slices: int = 1) -> Topology:
    """Reads the name of a slice.

    Args:
        name: the chip and how many along each axis of the torus, such as 'v5e:2x4' or 'v5p:2x2x4';
            for GPUs their number, such as 'h100:8'.
        slices: of this kind.

    Raises:
        ConfigError: there is no such slice, and the message gives the nearest; or not so many.

    Example:
        >>> topology = parse_topology("v5p:2x2x4")
        >>> topology.chip.name, topology.chips
        ('v5p', 16)
    """
    chip_name, _, sizes = name.strip().lower().partition(":")
    chip = CHIPS.get(chip_name)
    if chip is None or not re.fullmatch(r"\d+(x\d+)*", sizes):
        raise _unknown(name)
    shape = tuple(int(size) for size in sizes.split("x"))
    if not _is_slice(chip, shape):
        raise _unknown(name)
    if slices < 1 or (slices > 1 and not chip.is_tpu):
        raise ConfigError(
            f"--slices={slices} of {name}: give 1 or more for TPUs; GPUs are looked at within one "
            "node, whose links join them."
        )
    return Topology(chip, shape, slices)


def known_topologies(chip: Chip) -> list[str]:
    """Returns the usual slices of a chip, the smallest first.

    Example:
        >>> known_topologies(CHIPS["v5e"])
        ['v5e:1x1', 'v5e:2x2', 'v5e:2x4', 'v5e:4x4', 'v5e:4x8', 'v5e:8x8', 'v5e:8x16', 'v5e:16x16']
    """
    if not chip.is_tpu:
        return [f"{chip.name}:{n}" for n in (1, 2, 4, 8)]
    shape = [1] * chip.axes
    shapes = [tuple(shape)]
    shape[:2] = [2, 2]
    while math.prod(shape) <= LISTED:
        shapes.append(tuple(sorted(shape) if chip.axes == 2 else shape))
        smallest = min(range(chip.axes), key=lambda axis: (shape[axis], -axis))
        shape[smallest] *= 2
    return [Topology(chip, shape).name for shape in shapes]


def _is_slice(chip: Chip, shape: tuple[int, ...]) -> bool:
    chips = math.prod(shape)
    if chips < 1 or chips > chip.most:
        return False
    if not chip.is_tpu:
        return len(shape) == 1
    if len(shape) != chip.axes:
        return False
    return chips == 1 or all(size % 2 == 0 for size in shape[:2])


def _unknown(name: str) -> ConfigError:
    known = [topology for chip in CHIPS.values() for topology in known_topologies(chip)]
    by_chip = "\n".join(f"  {', '.join(known_topologies(chip))}" for chip in CHIPS.values())
    return ConfigError(
        f"There is no slice --topology={name}.{did_you_mean(name.lower(), known)} A name is a chip "
        "and its number along each axis of the torus (for GPUs their number); other even numbers "
        f"than these go too:\n{by_chip}"
    )
