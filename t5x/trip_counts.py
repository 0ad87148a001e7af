"""How often a compiled loop runs: its counter is followed through condition and body.

XLA keeps the number of trips of a loop only where a later pass asks for it. Everywhere else it
stands in the program itself: an integer begins at a constant, the body adds to it, the condition
compares it. So the few instructions that compute such scalars are evaluated here, and whatever
depends on data is unknown.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from t5x.hlo import Computation, Instruction, Module

Value = Any
"""An integer, a Boolean, a list of values (a tuple of the program), or None: not known."""

MOST_TRIPS = 100_000
"""A loop that runs longer is taken for one whose end depends on data."""

_COMPARISONS = {
    "EQ": operator.eq, "NE": operator.ne, "LT": operator.lt,
    "LE": operator.le, "GT": operator.gt, "GE": operator.ge,
}  # fmt: skip
_ARITHMETIC: dict[str, Callable[..., Value]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "negate": operator.neg, "minimum": min, "maximum": max,
    "divide": lambda a, b: int(a / b) if b else None,
}  # fmt: skip
_COPIES = {"copy", "bitcast", "convert", "reshape", "broadcast", "copy-done", "opt-barrier"}


def trip_count(module: Module, loop: Instruction, init: Value) -> int | None:
    """Returns how often the body of a `while` runs.

    A loop that may also end early, such as decoding once every row is done, counts as long as it
    can run.

    Args:
        module: holds its computations.
        loop: the instruction.
        init: what it begins with, as far as that is known.

    Returns:
        None where its end depends on data alone.
    """
    known = re.search(r'"known_trip_count":\s*\{\s*"n":\s*"(\d+)"', loop.attributes)
    if known:
        return int(known[1])
    condition = module.computations[loop.computations("condition")[0]]
    body = module.computations[loop.computations("body")[0]]
    state, trips = init, 0
    while trips <= MOST_TRIPS:
        if evaluate(module, condition, [state]) is False:
            return trips
        following = evaluate(module, body, [state])
        if following == state:  # nothing that is known changes: it would go on for ever
            return None
        state, trips = following, trips + 1
    return None


def evaluate(module: Module, computation: Computation, arguments: Sequence[Value]) -> Value:
    """Returns the result of a computation, as far as its scalars are known.

    Args:
        module: holds the computations that it calls.
        computation: to evaluate.
        arguments: one a parameter.
    """
    return Evaluation(module, computation, arguments).value(computation.root)


class Evaluation:
    """The values of a computation's instructions, each found when it is asked for.

    Args:
        module: holds the computations that it calls.
        computation: to evaluate.
        arguments: one a parameter.
    """

    def __init__(
        self, module: Module, computation: Computation, arguments: Sequence[Value]
    ) -> None:
        self._module = module
        self._computation = computation
        self._arguments = arguments
        self._values: dict[str, Value] = {}

    def value(self, name: str) -> Value:
        """Returns an instruction's result."""
        if name not in self._values:
            self._values[name] = self._evaluated(self._computation.instructions[name])
        return self._values[name]

    def _evaluated(self, instruction: Instruction) -> Value:
        opcode, operands = instruction.opcode, instruction.operands
        if opcode == "parameter":
            return self._arguments[int(instruction.arguments)]
        if opcode == "tuple":
            return [self.value(name) for name in operands]
        if opcode == "get-tuple-element":
            values = self.value(operands[0])
            return values[int(instruction.attribute("index"))] if values is not None else None
        if opcode in ("fusion", "call"):
            if all(shape.elements > 1 for shape in instruction.shapes):
                return None
            called = self._module.computations[called_by(instruction)]
            return evaluate(self._module, called, [self.value(name) for name in operands])
        if opcode == "while" or any(shape.elements > 1 for shape in instruction.shapes[:1]):
            return None
        return self._scalar(instruction)

    def _scalar(self, instruction: Instruction) -> Value:
        opcode = instruction.opcode
        if opcode == "constant":
            return _constant(instruction.arguments)
        if opcode == "copy-start":
            return self.value(instruction.operands[0])
        values = [self.value(name) for name in instruction.operands]
        if opcode in ("and", "or") and instruction.shapes[0].dtype == "pred":
            return _logical(opcode == "or", values)
        if any(value is None or isinstance(value, list) for value in values):
            return None
        if opcode in _COPIES:
            return values[0]
        if opcode == "compare":
            return _COMPARISONS[instruction.attribute("direction")](*values)
        if opcode == "not":
            return not values[0]
        if opcode == "select":
            return values[1] if values[0] else values[2]
        return _ARITHMETIC[opcode](*values) if opcode in _ARITHMETIC else None


def called_by(instruction: Instruction) -> str:
    """Returns the name of the computation that a fusion or a call runs."""
    return (instruction.computations("calls") or instruction.computations("to_apply"))[0]


def _constant(text: str) -> Value:
    text = text.strip("{} ")
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?\d+", text) else None


def _logical(decides: bool, values: Sequence[Value]) -> Value:
    """`or` where True decides, `and` where False does, with operands that may be unknown."""
    if any(value is decides for value in values):
        return decides
    return None if any(value is None for value in values) else not decides
