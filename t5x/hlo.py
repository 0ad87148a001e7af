"""Programs that XLA has compiled, read from their text: computations, instructions, shapes.

The text is what `compiled.as_text()` returns on every backend. Shapes carry their layout, so that
an array's size is the one it has in memory, and the memory it lies in: on a TPU, `S(1)` is the
chip's own vector memory, and an array without a mark lies in HBM.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Iterator

BYTES_OF = {
    "pred": 1, "bf16": 2, "f16": 2, "f32": 4, "f64": 8, "c64": 8, "c128": 16,
    "s2": 0.25, "s4": 0.5, "s8": 1, "s16": 2, "s32": 4, "s64": 8,
    "u2": 0.25, "u4": 0.5, "u8": 1, "u16": 2, "u32": 4, "u64": 8,
    "f4e2m1fn": 0.5, "f8e3m4": 1, "f8e4m3": 1, "f8e4m3b11fnuz": 1, "f8e4m3fn": 1,
    "f8e4m3fnuz": 1, "f8e5m2": 1, "f8e5m2fnuz": 1, "f8e8m0fnu": 1,
}  # fmt: skip
"""Size of an element; types that are no data, such as `token`, are missing and take none."""

HBM = 0
"""The memory space of arrays without a mark."""

_ARRAY = re.compile(r"([a-z]\w*)\[([\d,<=]*)\](?:\{([^}]*)\})?")
_INSTRUCTION = re.compile(r"\s+(ROOT )?%?([\w.\-]+) = ")
_COMPUTATION = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\) -> .* \{")
_OPCODE = re.compile(r"\s*([\w\-]+)\(")
_NAME = re.compile(r"%([\w.\-]+)")
_COMMENT = re.compile(r"/\*.*?\*/")


@dataclasses.dataclass(frozen=True)
class Shape:
    """Type, sizes and layout of an array.

    Attributes:
        dtype: such as 'bf16'.
        dims: sizes.
        layout: such as '1,0:T(8,128)(2,1)S(1)': axes from minor to major, tiles, memory.
    """

    dtype: str
    dims: tuple[int, ...]
    layout: str = ""

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.dims)

    @property
    def space(self) -> int:
        """The memory that it lies in."""
        match = re.search(r"S\((\d+)\)", self.layout)
        return int(match[1]) if match else HBM

    @functools.cached_property
    def bytes(self) -> float:
        """Its size in memory: the axes that are tiled are filled up to whole tiles.

        Example:
            >>> Shape("f32", (10, 100), "1,0:T(8,128)").bytes == 16 * 128 * 4
            True
        """
        size = BYTES_OF.get(self.dtype, 0)
        order, _, rest = self.layout.partition(":")
        tile = re.match(r"T\(([\d,]+)\)", rest)
        if not tile or not self.dims:
            return size * self.elements
        minor_to_major = [int(axis) for axis in order.split(",") if axis]
        dims = [self.dims[axis] for axis in reversed(minor_to_major)]
        sizes = [int(n) for n in tile[1].split(",")][-len(dims) :]
        for position, n in enumerate(sizes, len(dims) - len(sizes)):
            dims[position] = -(-dims[position] // n) * n
        return size * math.prod(dims)


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One line of a computation.

    Attributes:
        name: unique in its computation.
        opcode: such as 'fusion'.
        shapes: of its results: one, or the elements of its tuple, nested ones one after another.
        operands: names of the instructions that it reads.
        arguments: the text between its parentheses, which is a constant's value.
        attributes: the text behind them.
    """

    name: str
    opcode: str
    shapes: tuple[Shape, ...]
    operands: tuple[str, ...]
    arguments: str
    attributes: str

    def attribute(self, name: str) -> str:
        """Returns an attribute's text, without its braces; '' where it is not given.

        Example:
            >>> parse_instruction("  %d = f32[] dot(%a, %b), lhs_contracting_dims={1}").attribute(
            ...     "lhs_contracting_dims")
            '1'
        """
        # What follows is text of others, where anything may stand.
        own = re.split(r"(?:metadata|frontend_attributes|backend_config)=", self.attributes)[0]
        match = re.search(rf"(?:^|[ ,]){name}=(?:\{{([^}}]*)\}}|([^,\s]+))", own)
        return (match[1] if match[1] is not None else match[2]) if match else ""

    def numbers(self, name: str) -> tuple[int, ...]:
        """Returns an attribute that is a list of numbers."""
        return tuple(int(n) for n in self.attribute(name).split(",") if n)

    def computations(self, name: str) -> tuple[str, ...]:
        """Returns the names of the computations that an attribute calls."""
        return tuple(part.strip().lstrip("%") for part in self.attribute(name).split(",") if part)

    @property
    def op_name(self) -> str:
        """What it was in the traced function, such as 'jit(f)/transpose(jvp())/dot_general'."""
        match = re.search(r'op_name="([^"]*)"', self.attributes)
        return match[1] if match else ""


@dataclasses.dataclass
class Computation:
    """Instructions in the order in which they run.

    Attributes:
        instructions: by name.
        root: name of the one whose result is the computation's.
    """

    instructions: dict[str, Instruction] = dataclasses.field(default_factory=dict)
    root: str = ""

    def __iter__(self) -> Iterator[Instruction]:
        return iter(self.instructions.values())

    def operands(self, instruction: Instruction) -> list[Instruction]:
        """Returns what an instruction of this computation reads."""
        return [self.instructions[name] for name in instruction.operands]

    @functools.cached_property
    def parameters(self) -> list[Instruction]:
        """Its parameters, in their order."""
        parameters = (i for i in self if i.opcode == "parameter")
        return sorted(parameters, key=lambda i: int(i.arguments))

    @functools.cached_property
    def users(self) -> dict[str, list[Instruction]]:
        """By name of an instruction, those that read it."""
        users: dict[str, list[Instruction]] = {name: [] for name in self.instructions}
        for instruction in self:
            for name in dict.fromkeys(instruction.operands):
                users[name].append(instruction)
        return users


@dataclasses.dataclass
class Module:
    """A program.

    Attributes:
        computations: by name.
        entry: name of the one that is the program.
    """

    computations: dict[str, Computation]
    entry: str


def parse(text: str) -> Module:
    """Reads a program.

    Args:
        text: as `compiled.as_text()` returns it.

    Raises:
        ValueError: it has no entry computation.
    """
    computations: dict[str, Computation] = {}
    entry, current = "", None
    for line in text.splitlines():
        if line[:1] not in (" ", "}") and (heading := _COMPUTATION.match(line)):
            current = computations[heading[2]] = Computation()
            entry = heading[2] if heading[1] else entry
        elif line.startswith("}"):
            current = None
        elif current is not None and (instruction := parse_instruction(line)):
            current.instructions[instruction.name] = instruction
            if line.lstrip().startswith("ROOT "):
                current.root = instruction.name
    if not entry:
        raise ValueError("This is no text of a compiled program: it has no ENTRY computation.")
    return Module(computations, entry)


def parse_instruction(line: str) -> Instruction | None:
    """Reads a line of a computation; None if it holds no instruction.

    Example:
        >>> instruction = parse_instruction("  ROOT %e = f32[8]{0} exponential(%x), metadata={}")
        >>> instruction.opcode, instruction.operands, instruction.shapes[0].dims
        ('exponential', ('x',), (8,))
    """
    head = _INSTRUCTION.match(line)
    if not head:
        return None
    rest = _COMMENT.sub("", line[head.end() :])
    end_of_shape = _end_of_shape(rest)
    opcode = _OPCODE.match(rest, end_of_shape)
    if not opcode:
        return None
    end = _closing(rest, opcode.end() - 1)
    arguments = rest[opcode.end() : end]
    operands = () if opcode[1] in ("constant", "parameter") else tuple(_NAME.findall(arguments))
    shapes = parse_shapes(rest[:end_of_shape])
    return Instruction(head[2], opcode[1], shapes, operands, arguments, rest[end + 1 :])


def parse_shapes(text: str) -> tuple[Shape, ...]:
    """Reads an array's shape, or those of a tuple's arrays.

    Example:
        >>> parse_shapes("(s32[], bf16[8,128]{1,0:T(8,128)(2,1)})")[1]
        Shape(dtype='bf16', dims=(8, 128), layout='1,0:T(8,128)(2,1)')
    """
    return tuple(
        Shape(dtype, tuple(int(n.lstrip("<=")) for n in dims.split(",") if n), layout)
        for dtype, dims, layout in _ARRAY.findall(text)
    )


def _end_of_shape(text: str) -> int:
    """Where the result's shape ends: behind a tuple's parenthesis, or at the first space."""
    if text.startswith("("):
        return _closing(text, 0) + 1
    return text.index(" ") if " " in text else len(text)


def _closing(text: str, opening: int) -> int:
    """The place of the parenthesis that closes the one at `opening`; texts in quotes are passed."""
    depth, quoted = 0, False
    for match in re.finditer(r'[()"]', text[opening:]):
        character = match[0]
        if character == '"':
            quoted = not quoted
        elif not quoted:
            depth += 1 if character == "(" else -1
            if depth == 0:
                return opening + match.start()
    raise ValueError(f"This instruction's parentheses do not close: {text[:200]}")
