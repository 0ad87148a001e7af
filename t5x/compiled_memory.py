"""What a compiled program needs of a device's HBM, by kind.

How much it is in all, XLA's own memory analysis says. What the arguments are for is told by their
names, which stand in the program; their sizes are those of the layout they have on the device.
Temporaries are divided into activations, arrays that the forward pass makes and the backward pass
reads, and all others: gradients and what an operation needs while it runs.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax
from jax.sharding import NamedSharding

from t5x import hlo
from t5x.hlo import Computation, Instruction, Module, Shape
from t5x.optimizers import Tree

_KINDS = {
    "parameters": r"(state\.)?params\b",
    "optimizer": r"state\.param_states\b",
    "batch": r"batch\b",
}
"""By kind, how the names of its arguments begin: those of `Trainer` and `inference`."""

_FORWARD, _BACKWARD = "jvp(", "transpose(jvp("
"""JAX says so of every instruction."""

_MOVES = {
    "bitcast", "copy", "copy-done", "copy-start", "custom-call", "opt-barrier", "slice-done",
    "slice-start",
}  # fmt: skip
"""What only fetches an array that stays where it is; of custom calls, `ConcatBitcast`."""

Origin = tuple[str, int]
"""An instruction, and which of its results."""


@dataclasses.dataclass(frozen=True)
class Memory:
    """Bytes of HBM of a device.

    Attributes:
        parameters: the model's.
        optimizer: its state.
        batch: what it reads.
        other: other arguments (step, seed), and results that take no argument's place.
        activations: kept by the forward pass for the backward pass.
        temporaries: all others.
        program: the instructions themselves.
    """

    parameters: float
    optimizer: float
    batch: float
    other: float
    activations: float
    temporaries: float
    program: float

    @property
    def total(self) -> float:
        """All of it."""
        return sum(dataclasses.astuple(self))

    @property
    def scaling(self) -> float:
        """What grows with the rows of a batch."""
        return self.batch + self.activations + self.temporaries


def compiled_memory(compiled: Any, by_shape: Memory | None = None) -> Memory:
    """Returns what a compiled function needs of a device's HBM.

    Args:
        compiled: of `jax.jit(...).lower(...).compile()`.
        by_shape: what its arguments are for by their shapes alone (`refused_memory`), for programs
            whose arguments have lost their names.
    """
    analysis = compiled.memory_analysis()
    module = hlo.parse(compiled.as_text())
    arguments = argument_bytes(module)
    if not arguments["parameters"] and by_shape is not None:
        kinds = {kind: getattr(by_shape, kind) for kind in _KINDS}
        arguments = kinds | {"other": arguments["other"] - sum(kinds.values())}
    kept = min(saved_activations(module), analysis.temp_size_in_bytes)
    new_results = analysis.output_size_in_bytes - analysis.alias_size_in_bytes
    return Memory(
        **{kind: arguments[kind] for kind in _KINDS},
        other=arguments["other"] + new_results,
        activations=kept,
        temporaries=analysis.temp_size_in_bytes - kept,
        program=analysis.generated_code_size_in_bytes,
    )


def argument_bytes(module: Module) -> dict[str, float]:
    """Returns the bytes of a program's arguments by kind.

    Args:
        module: the program of one device.
    """
    sizes = dict.fromkeys([*_KINDS, "other"], 0.0)
    for parameter in module.computations[module.entry].parameters:
        kinds = (kind for kind, start in _KINDS.items() if re.match(start, parameter.op_name))
        sizes[next(kinds, "other")] += sum(shape.bytes for shape in parameter.shapes)
    return sizes


def saved_activations(module: Module) -> float:
    """Returns the bytes in HBM that the forward pass makes and the backward pass reads.

    Both passes are looked for in the program and in the bodies of its loops, where micro-batches
    have them.

    Args:
        module: the program of one device.
    """
    return max(_Passes(module, computation).saved for computation in _running(module, module.entry))


def _running(module: Module, name: str) -> Iterator[Computation]:
    """The computation, and the bodies of the loops in it."""
    computation = module.computations[name]
    yield computation
    for instruction in computation:
        if instruction.opcode == "while":
            yield from _running(module, instruction.computations("body")[0])


class _Passes:
    """Forward and backward pass in a computation."""

    def __init__(self, module: Module, computation: Computation) -> None:
        self._module = module
        self._computation = computation

    @property
    def saved(self) -> float:
        """Bytes in HBM that the one makes and the other reads."""
        read: dict[Origin, Shape] = {}
        for instruction in self._computation:
            if _BACKWARD in instruction.op_name and instruction.opcode not in _MOVES:
                for name in instruction.operands:
                    read |= self._origins(name)
        return sum(
            shape.bytes
            for (name, _), shape in read.items()
            if shape.space == hlo.HBM and self._is_forward(name)
        )

    def _is_forward(self, name: str) -> bool:
        made_by = self._computation.instructions[name].op_name
        return _FORWARD in made_by and _BACKWARD not in made_by

    def _origins(self, name: str) -> dict[Origin, Shape]:
        """The arrays that a value was fetched from, with their shapes."""
        instruction = self._computation.instructions[name]
        if instruction.opcode == "tuple":
            return _union(self._origins(operand) for operand in instruction.operands)
        if instruction.opcode == "get-tuple-element":
            return self._element(instruction)
        if instruction.opcode in _MOVES and instruction.operands:
            return _union(self._origins(operand) for operand in instruction.operands)
        return {(name, 0): instruction.shapes[0]} if instruction.shapes else {}

    def _element(self, element: Instruction) -> dict[Origin, Shape]:
        """Where an element of a tuple comes from; what a loop only hands on is older than it."""
        index = int(element.attribute("index"))
        (source,) = self._computation.operands(element)
        if source.opcode == "while" and _hands_on(self._module, source, index):
            (source,) = self._computation.operands(source)
        if source.opcode == "tuple":
            return self._origins(source.operands[index])
        return {(source.name, index): element.shapes[0]}


def _union(parts: Iterable[dict[Origin, Shape]]) -> dict[Origin, Shape]:
    return {origin: shape for part in parts for origin, shape in part.items()}


def _hands_on(module: Module, loop: Instruction, index: int) -> bool:
    """Whether a loop leaves an element of its state as it is."""
    body = module.computations[loop.computations("body")[0]]
    root = body.instructions[body.root]
    if root.opcode != "tuple":
        return False
    result = body.instructions[root.operands[index]]
    return (
        result.opcode == "get-tuple-element"
        and int(result.attribute("index")) == index
        and body.instructions[result.operands[0]].opcode == "parameter"
    )


def refused_memory(
    parameters: Tree,
    optimizer: Tree,
    batch: Mapping[str, Any],
    data: NamedSharding,
    temporaries: float,
) -> Memory:
    """Returns what a program would need that XLA gave none for.

    Args:
        parameters: shapes and shardings.
        optimizer: its state's, likewise; None for a program that does without.
        batch: shapes of a global batch.
        data: how it is divided.
        temporaries: that XLA asked for, activations among them.
    """
    rows = (jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=data) for x in batch.values())
    return Memory(
        parameters=sum(map(shard_bytes, jax.tree.leaves(parameters))),
        optimizer=sum(map(shard_bytes, jax.tree.leaves(optimizer))),
        batch=sum(map(shard_bytes, rows)),
        other=0,
        activations=0,
        temporaries=temporaries,
        program=0,
    )


def shard_bytes(array: jax.ShapeDtypeStruct) -> int:
    """Returns the bytes of an array that one device holds.

    Args:
        array: its shape, with a sharding.
    """
    shape = array.shape if array.sharding is None else array.sharding.shard_shape(array.shape)
    return math.prod(shape) * array.dtype.itemsize
