"""Arithmetic of matrix products and convolutions, as compiled programs write them.

XLA turns most products for a TPU into convolutions: a batch axis becomes a spatial axis whose one
operand is dilated, so that each place of the window meets one element and otherwise zeros. What is
multiplied with padding or with the holes of dilation is no work and is not counted.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re

from t5x.hlo import Instruction, Shape

PRODUCTS = ("dot", "convolution")


def product_flops(instruction: Instruction, left: Shape, right: Shape) -> float:
    """Returns the FLOPs of a `dot` or a `convolution`: two a multiplication with its addition.

    Args:
        instruction: of the compiled program.
        left: shape of its first operand.
        right: of its second, for a convolution the kernel.
    """
    result = instruction.shapes[0]
    if instruction.opcode == "dot":
        axes = instruction.numbers("lhs_contracting_dims")
        return 2 * result.elements * math.prod(left.dims[axis] for axis in axes)
    return 2 * _multiplications(instruction, left, right, result)


def _multiplications(instruction: Instruction, left: Shape, right: Shape, result: Shape) -> int:
    inputs, kernel, outputs = re.split(r"_|->", instruction.attribute("dim_labels"))
    rows = result.dims[outputs.index("b")]
    if (groups := instruction.numbers("batch_group_count")) and groups[0] > 1:
        rows = left.dims[inputs.index("b")] // groups[0]
    features = result.dims[outputs.index("f")] * right.dims[kernel.index("i")]
    windows = _windows(instruction.attribute("window"), sum(c.isdigit() for c in kernel))
    places = 1
    for axis, window in enumerate(windows):
        base = left.dims[inputs.index(str(axis))]
        out = result.dims[outputs.index(str(axis))]
        places *= _valid_places(base, out, window)
    return rows * features * places


@dataclasses.dataclass(frozen=True)
class _Window:
    size: int
    stride: int = 1
    pad: int = 0
    base_dilation: int = 1
    window_dilation: int = 1


def _windows(text: str, axes: int) -> list[_Window]:
    """Reads `size=3x3 stride=2x2 pad=1_1x1_1 lhs_dilate=1x1 rhs_dilate=1x1`."""
    given = dict(part.split("=") for part in text.split())

    def numbers(name: str, default: int) -> list[int]:
        values = given[name].split("x") if name in given else [str(default)] * axes
        return [int(value.split("_")[0]) for value in values]

    columns = (
        numbers("size", 1), numbers("stride", 1), numbers("pad", 0),
        numbers("lhs_dilate", 1), numbers("rhs_dilate", 1),
    )  # fmt: skip
    return [_Window(*row) for row in zip(*columns, strict=True)]


@functools.cache
def _valid_places(base: int, out: int, window: _Window) -> int:
    """Pairs of a result and a place of its window that meet an element along an axis."""
    dilated = (base - 1) * window.base_dilation + 1
    starts = range(-window.pad, -window.pad + out * window.stride, window.stride)
    places = range(0, window.size * window.window_dilation, window.window_dilation)
    return sum(
        0 <= start + place < dilated and (start + place) % window.base_dilation == 0
        for start in starts
        for place in places
    )
