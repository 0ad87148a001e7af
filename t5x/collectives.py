"""Exchanges between devices, as compiled programs write them.

Within a slice they are instructions of their own. From slice to slice, the hosts carry them over
the data center's network: the program sends them an array and receives another, and says in the
attributes what they are to do with it.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence

from t5x.hlo import Instruction

COLLECTIVES = (
    "all-gather", "all-reduce", "all-to-all", "collective-broadcast", "collective-permute",
    "ragged-all-to-all", "reduce-scatter",
)  # fmt: skip

BETWEEN_SLICES = " between slices"
"""What the kind of an exchange ends with that the data center's network carries."""

_SLICES_KINDS = {
    "ALL_GATHER": "all-gather", "ALL_REDUCE": "all-reduce", "ALL_TO_ALL": "all-to-all",
    "ONE_TO_ONE": "collective-permute", "REDUCE_SCATTER": "reduce-scatter",
}  # fmt: skip
"""As `send` and `recv` of a program for several slices call them."""


@dataclasses.dataclass(frozen=True)
class Collective:
    """An exchange between devices.

    Attributes:
        kind: such as 'all-reduce'.
        bytes: the array that it begins with, or that it makes if that is larger.
        group: devices that take part together.
    """

    kind: str
    bytes: float
    group: int

    @property
    def link_bytes(self) -> float:
        """Bytes that leave a device when the group is a ring."""
        share = (self.group - 1) / self.group
        if self.kind.startswith("collective-permute"):
            return self.bytes
        return self.bytes * share * (2 if self.kind.startswith("all-reduce") else 1)


def collective(instruction: Instruction, operands: Sequence[Instruction]) -> Collective | None:
    """Returns the exchange that an instruction is or begins; None if it is none.

    Args:
        instruction: of a compiled program.
        operands: what it reads.
    """
    kind, suffix = instruction.opcode.removesuffix("-start"), ""
    group = group_size(instruction.attributes)
    if kind == "send" and (
        slices := re.search(r'_xla_megascale_transfer_type="(\w+)"', instruction.attributes)
    ):
        kind, suffix = _SLICES_KINDS.get(slices[1], "collective-permute"), BETWEEN_SLICES
    if kind not in COLLECTIVES:
        return None
    size = sum(shape.bytes for operand in operands for shape in operand.shapes)
    return Collective(kind + suffix, size * group if kind == "all-gather" else size, group)


def group_size(attributes: str) -> int:
    """Returns how many devices a collective joins.

    Args:
        attributes: of the instruction: its groups are listed, or given as a grid whose last axis is
            a group, or as axes of a mesh; where it joins slices, as slices times devices of each.

    Example:
        >>> group_size("replica_groups={{0,1,2,3},{4,5,6,7}}, channel_id=1")
        4
        >>> group_size("replica_groups=[2,4]<=[8]")
        4
        >>> group_size("replica_groups=mesh['data'=8,'model'=2] {'data'}")
        8
        >>> group_size('_xla_megascale_target="{1,2,3}x{0:15}"')
        3
    """
    if slices := re.search(r'_xla_megascale_target="\{([\d,:]+)\}x', attributes):
        return sum(_in_range(part) for part in slices[1].split(","))
    if listed := re.search(r"replica_groups=\{\{([\d,]*)\}", attributes):
        return len(listed[1].split(","))
    if grid := re.search(r"replica_groups=\[([\d,]+)\]<=", attributes):
        return int(grid[1].split(",")[-1])
    if mesh := re.search(r"replica_groups=\w*\[([^\]]*)\]\s*\{([^}]*)\}", attributes):
        sizes = dict(re.findall(r"('[^']*')=(\d+)", mesh[1]))
        axes = re.findall(r"('[^']*')(?::\(\d+\)(\d+))?", mesh[2])  # of an axis or a part of it
        return math.prod(int(part or sizes[axis]) for axis, part in axes)
    if pairs := re.search(r"source_target_pairs=\{(.*?)\}\}", attributes):
        return pairs[1].count("{")
    return 1


def _in_range(text: str) -> int:
    """How many numbers '7' and '0:15' stand for."""
    first, _, last = text.partition(":")
    return int(last or first) - int(first) + 1
