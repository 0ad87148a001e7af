"""What one run of a compiled program costs a device: arithmetic, bytes moved, collectives.

XLA's own cost analysis counts the body of a loop once and sees nothing inside a kernel. Here every
loop's body counts as often as it runs (`t5x.trip_counts`), and:

* FLOPs are those of matrix products and convolutions, fused ones included, two a multiplication
  with its addition; a product that XLA wrote as a convolution over dilated axes counts without the
  zeros. A kernel's are what its author said of it, `cost_estimate` of `pallas_call`, which stands
  in the program; a kernel that says nothing is named in `Costs.uncounted`, and a caller who knows
  better gives `kernel_flops`. Elementwise arithmetic is counted apart: it runs on other units.
* Bytes are those of every operand and result of every fusion, product, kernel, copy and
  collective: what a fusion keeps inside itself is not moved. A slice out of an array, or into one
  in place, moves the slice. `hbm_bytes` leaves out arrays that the compiler has placed in the
  chip's own vector memory; `bytes_accessed` has them too, as XLA's analysis does.
* Collectives count with the bytes that a device contributes or receives whole, and with those that
  leave it when the group is a ring. What goes from slice to slice, by the hosts' network, is a kind
  of its own: 'all-reduce between slices'.

All numbers are of one device; a program for many is the same on each.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from t5x import hlo
from t5x.collectives import BETWEEN_SLICES, Collective, collective
from t5x.hlo import Computation, Instruction, Module, Shape
from t5x.product_flops import PRODUCTS, product_flops
from t5x.trip_counts import Evaluation, called_by, trip_count

_FREE = {
    "add-dependency", "after-all", "bitcast", "constant", "domain", "get-dimension-size",
    "get-tuple-element", "opt-barrier", "parameter", "partition-id", "replica-id", "tuple",
}  # fmt: skip
_FREE_TARGETS = {"AllocateBuffer", "ConcatBitcast", "Sharding", "SPMDFullToShardShape",
                 "SPMDShardToFullShape"}  # fmt: skip
_KERNELS = re.compile("tpu_custom_call|triton|mosaic|matmul|gemm|conv|cudnn")
"""Targets that compute; all others rearrange."""
_ELEMENTWISE = {
    "abs", "add", "and", "atan2", "cbrt", "ceil", "clamp", "compare", "cosine", "divide", "erf",
    "exponential", "exponential-minus-one", "floor", "log", "log-plus-one", "logistic", "maximum",
    "minimum", "multiply", "negate", "not", "or", "power", "remainder", "round-nearest-afz",
    "round-nearest-even", "rsqrt", "select", "shift-left", "shift-right-arithmetic",
    "shift-right-logical", "sign", "sine", "sqrt", "subtract", "tan", "tanh", "xor",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class InstructionCost:
    """What an instruction costs each time, and how often it runs.

    Attributes:
        name: of the instruction.
        opcode: such as 'fusion'.
        op_name: what it was in the traced function.
        times: how often it runs.
        flops: of products, convolutions and kernels.
        elementwise_flops: of everything else.
        bytes_accessed: operands and results.
        hbm_bytes: those of them that lie in HBM.
        collective: the exchange that it is.
    """

    name: str
    opcode: str
    op_name: str
    times: int
    flops: float = 0
    elementwise_flops: float = 0
    bytes_accessed: float = 0
    hbm_bytes: float = 0
    collective: Collective | None = None


@dataclasses.dataclass(frozen=True)
class CollectiveTotal:
    """All exchanges of a kind in one run of a program.

    Attributes:
        count: how many.
        bytes: of their arrays, as `Collective.bytes`.
        link_bytes: that leave a device.
    """

    count: int
    bytes: float
    link_bytes: float


@dataclasses.dataclass(frozen=True)
class Costs:
    """What one run of a program costs a device.

    Attributes:
        instructions: those that cost anything, with how often they run.
        unknown_loops: loops whose number of trips depends on data alone.
        data_trips: how often the body of each of them was counted.
        uncounted: kernels that do not say how much they compute, counted as none.
    """

    instructions: tuple[InstructionCost, ...]
    unknown_loops: tuple[str, ...] = ()
    uncounted: tuple[str, ...] = ()
    data_trips: int = 1

    def _total(self, name: str) -> float:
        return sum(i.times * getattr(i, name) for i in self.instructions)

    @property
    def flops(self) -> float:
        """Of products, convolutions and kernels."""
        return self._total("flops")

    @property
    def elementwise_flops(self) -> float:
        """Of everything else."""
        return self._total("elementwise_flops")

    @property
    def bytes_accessed(self) -> float:
        """Operands and results, wherever they lie."""
        return self._total("bytes_accessed")

    @property
    def hbm_bytes(self) -> float:
        """Operands and results that lie in HBM."""
        return self._total("hbm_bytes")

    @property
    def collectives(self) -> dict[str, CollectiveTotal]:
        """Exchanges by kind."""
        totals: dict[str, CollectiveTotal] = {}
        for i in self.instructions:
            if i.collective is not None:
                before = totals.get(i.collective.kind, CollectiveTotal(0, 0, 0))
                totals[i.collective.kind] = CollectiveTotal(
                    before.count + i.times,
                    before.bytes + i.times * i.collective.bytes,
                    before.link_bytes + i.times * i.collective.link_bytes,
                )
        return dict(sorted(totals.items()))

    @property
    def link_bytes(self) -> float:
        """Bytes that leave the device by the links of its slice."""
        return self._leaving(between_slices=False)

    @property
    def network_bytes(self) -> float:
        """Bytes that leave the device for other slices."""
        return self._leaving(between_slices=True)

    def _leaving(self, between_slices: bool) -> float:
        return sum(
            total.link_bytes
            for kind, total in self.collectives.items()
            if kind.endswith(BETWEEN_SLICES) == between_slices
        )

    def largest(self, number: int, by: str = "hbm_bytes") -> list[InstructionCost]:
        """Returns the instructions that cost most in all their runs.

        Args:
            number: of instructions.
            by: an attribute that is a number.
        """
        ordered = sorted(self.instructions, key=lambda i: -i.times * getattr(i, by))
        return ordered[:number]


def compiled_costs(
    compiled: Any, kernel_flops: Mapping[str, float] | None = None, data_trips: int = 1
) -> Costs:
    """Returns what one run of a compiled function costs a device.

    Args:
        compiled: of `jax.jit(...).lower(...).compile()`.
        kernel_flops: by name of a kernel, its arithmetic a call; it beats what the kernel says.
        data_trips: how often to count a loop that data alone end, such as decoding, whose most
            steps the caller knows.
    """
    return costs_of_text(compiled.as_text(), kernel_flops, data_trips)


def costs_of_text(
    text: str, kernel_flops: Mapping[str, float] | None = None, data_trips: int = 1
) -> Costs:
    """Returns what one run of a program costs a device.

    Args:
        text: as `compiled.as_text()` returns it.
        kernel_flops: as for `compiled_costs`.
        data_trips: likewise.

    Example:
        >>> costs = costs_of_text('''
        ... ENTRY %main (a: f32[8,16], b: f32[16,4]) -> f32[8,4] {
        ...   %a = f32[8,16]{1,0} parameter(0)
        ...   %b = f32[16,4]{1,0} parameter(1)
        ...   ROOT %dot = f32[8,4]{1,0} dot(%a, %b), lhs_contracting_dims={1}
        ... }''')
        >>> costs.flops == 2 * 8 * 16 * 4, costs.hbm_bytes == 4 * (8 * 16 + 16 * 4 + 8 * 4)
        (True, True)
    """
    module = hlo.parse(text)
    counter = _Counter(module, kernel_flops or {}, data_trips)
    entry = module.computations[module.entry]
    counter.run(entry, [None] * len(entry.parameters), times=1)
    return Costs(
        tuple(counter.found),
        tuple(counter.unknown_loops),
        tuple(dict.fromkeys(counter.uncounted)),
        data_trips,
    )


class _Counter:
    """Goes through a program as it runs, and collects what its instructions cost."""

    def __init__(self, module: Module, kernel_flops: Mapping[str, float], data_trips: int) -> None:
        self._module = module
        self._kernel_flops = kernel_flops
        self._data_trips = data_trips
        self._arithmetic_of: dict[str, tuple[float, float, Collective | None]] = {}
        self.found: list[InstructionCost] = []
        self.unknown_loops: list[str] = []
        self.uncounted: list[str] = []

    def run(self, computation: Computation, arguments: Sequence[Any], times: int) -> None:
        """Counts a computation that runs so often, with its arguments as far as known."""
        values = Evaluation(self._module, computation, arguments)
        for instruction in computation:
            if instruction.opcode == "while":
                init = values.value(instruction.operands[0])
                trips = trip_count(self._module, instruction, init)
                if trips is None:
                    self.unknown_loops.append(instruction.name)
                    trips = self._data_trips
                body = self._module.computations[instruction.computations("body")[0]]
                self.run(body, [init], times * trips)
            elif instruction.opcode in ("call", "async-start"):
                called = self._module.computations[called_by(instruction)]
                self.run(called, [values.value(name) for name in instruction.operands], times)
            elif instruction.opcode == "conditional":
                self._run_costliest(instruction, times)
            else:
                self._add(computation, instruction, times)

    def _run_costliest(self, conditional: Instruction, times: int) -> None:
        """Counts the branch that costs most: which one is taken depends on data."""
        names = [
            name
            for attribute in ("branch_computations", "true_computation", "false_computation")
            for name in conditional.computations(attribute)
        ]
        branches = []
        for name in names:
            counter = _Counter(self._module, self._kernel_flops, self._data_trips)
            branch = self._module.computations[name]
            counter.run(branch, [None] * len(branch.parameters), times)
            branches.append(counter)
        costliest = max(
            branches, key=lambda c: sum(i.times * (i.flops + i.bytes_accessed) for i in c.found)
        )
        self.found += costliest.found
        self.unknown_loops += costliest.unknown_loops
        self.uncounted += costliest.uncounted

    def _add(self, computation: Computation, instruction: Instruction, times: int) -> None:
        opcode = instruction.opcode
        target = instruction.attribute("custom_call_target").strip('"')
        if opcode in _FREE or target in _FREE_TARGETS or opcode.endswith(("-done", "-update")):
            return
        flops, elementwise, collective = self._arithmetic(computation, instruction)
        moved = list(_moved(self._module, computation, instruction))
        self.found.append(
            InstructionCost(
                name=instruction.name,
                opcode=opcode,
                op_name=instruction.op_name,
                times=times,
                flops=flops,
                elementwise_flops=elementwise,
                bytes_accessed=sum(size for size, _ in moved),
                hbm_bytes=sum(size for size, space in moved if space == hlo.HBM),
                collective=collective,
            )
        )

    def _arithmetic(
        self, computation: Computation, instruction: Instruction
    ) -> tuple[float, float, Collective | None]:
        """FLOPs of products and of the rest, and the exchange, what is fused included."""
        opcode = instruction.opcode
        if opcode == "fusion":
            return self._fused_arithmetic(called_by(instruction))
        operands = computation.operands(instruction)
        if opcode in PRODUCTS:
            return product_flops(instruction, *(o.shapes[0] for o in operands[:2])), 0, None
        if opcode == "custom-call":
            return self._kernel_arithmetic(instruction), 0, None
        if opcode in _ELEMENTWISE:
            return 0, instruction.shapes[0].elements, None
        if opcode in ("reduce", "reduce-window"):
            return 0, operands[0].shapes[0].elements, None
        if opcode == "scatter":
            return 0, operands[-1].shapes[0].elements, None
        return 0, 0, collective(instruction, operands)

    def _fused_arithmetic(self, name: str) -> tuple[float, float, Collective | None]:
        if name not in self._arithmetic_of:
            computation = self._module.computations[name]
            parts = [self._arithmetic(computation, instruction) for instruction in computation]
            collectives = [collective for _, _, collective in parts if collective is not None]
            self._arithmetic_of[name] = (
                sum(flops for flops, _, _ in parts),
                sum(elementwise for _, elementwise, _ in parts),
                collectives[0] if collectives else None,
            )
        return self._arithmetic_of[name]

    def _kernel_arithmetic(self, instruction: Instruction) -> float:
        names = [instruction.name.split(".")[0], *instruction.op_name.split("/")]
        given = [self._kernel_flops[name] for name in names if name in self._kernel_flops]
        if given:
            return given[0]
        said = re.search(r'"cost_estimate":\s*\{[^}]*"flops":\s*"?(\d+)', instruction.attributes)
        if said:
            return float(said[1])
        if _KERNELS.search(instruction.attribute("custom_call_target")):
            self.uncounted.append(instruction.name)
        return 0


def _moved(
    module: Module, computation: Computation, instruction: Instruction
) -> Iterator[tuple[float, int]]:
    """Yields the bytes that an instruction reads or writes, with the memory they lie in."""
    operands = computation.operands(instruction)
    opcode, results = instruction.opcode, instruction.shapes
    if opcode == "fusion":
        called = module.computations[called_by(instruction)]
        for parameter, operand in zip(called.parameters, operands, strict=True):
            yield _read(module, called, parameter), operand.shapes[0].space
        for size, shape in zip(_written(module, called), results, strict=True):
            yield size, shape.space
        return
    if opcode in ("dynamic-slice", "slice", "slice-start", "gather"):
        sliced = _own_results(instruction)[0].bytes
        read = [sliced, *(o.shapes[0].bytes for o in operands[1:])]
        yield from zip(read, (o.shapes[0].space for o in operands), strict=True)
    elif opcode in ("dynamic-update-slice", "scatter"):
        updates = operands[-1 if opcode == "scatter" else 1].shapes[0]
        yield from ((o.shapes[0].bytes, o.shapes[0].space) for o in operands[1:])
        yield updates.bytes, results[0].space
        return
    else:
        yield from ((shape.bytes, shape.space) for o in operands for shape in o.shapes)
    yield from ((shape.bytes, shape.space) for shape in _own_results(instruction))


def _own_results(instruction: Instruction) -> Sequence[Shape]:
    """What an instruction writes: the result of a start holds its operands too."""
    results = instruction.shapes
    if instruction.opcode in ("copy-start", "recv"):
        return results[:1]
    if instruction.opcode == "send":
        return ()
    if instruction.opcode == "all-reduce-start":
        return results
    if instruction.opcode.endswith("-start") and len(results) > 1:
        count = len(instruction.operands)
        return results[count : 2 * count]
    return results


def _read(module: Module, computation: Computation, parameter: Instruction) -> float:
    """Bytes that a fused computation reads of a parameter: slices where all who ask take slices."""
    whole = sum(shape.bytes for shape in parameter.shapes)
    total = 0.0
    for user in computation.users[parameter.name]:
        first = user.operands[0] == parameter.name
        if user.opcode in ("dynamic-slice", "slice", "gather") and first:
            total += user.shapes[0].bytes
        elif user.opcode == "bitcast":
            total += _read(module, computation, user)
        elif user.opcode == "fusion":
            called = module.computations[called_by(user)]
            total += sum(
                _read(module, called, inner)
                for inner, name in zip(called.parameters, user.operands, strict=True)
                if name == parameter.name
            )
        elif not (user.opcode == "dynamic-update-slice" and first):
            return whole
    return min(total, whole)


def _written(module: Module, computation: Computation) -> list[float]:
    """Bytes that a fused computation writes of each result: slices where it updates in place."""
    root = computation.instructions[computation.root]
    results = computation.operands(root) if root.opcode == "tuple" else [root]
    written = []
    for result in results:
        if result.opcode == "fusion":
            written += _written(module, module.computations[called_by(result)])
        elif len(result.shapes) > 1:
            written += [shape.bytes for shape in result.shapes]
        else:
            written.append(_updated(computation, result))
    return written


def _updated(computation: Computation, result: Instruction) -> float:
    while result.opcode == "bitcast":
        (result,) = computation.operands(result)
    if result.opcode == "dynamic-update-slice" and _is_parameter(computation, result.operands[0]):
        return computation.instructions[result.operands[1]].shapes[0].bytes
    return result.shapes[0].bytes


def _is_parameter(computation: Computation, name: str) -> bool:
    instruction = computation.instructions[name]
    while instruction.opcode == "bitcast":
        (instruction,) = computation.operands(instruction)
    return instruction.opcode == "parameter"
