"""A preflight as text that lines up, and as JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from t5x.compiled_costs import Costs
from t5x.progress import format_duration
from t5x.roofline import Roofline
from t5x.text_table import aligned

if TYPE_CHECKING:
    from t5x.preflight import Preflight, ProgramReport

GROUPS_SHOWN = 30

_FROM_CPU = (
    "compiled for CPU devices: XLA compiles for GPUs only where there is one. FLOPs and exchanges",
    "are the program's own; memory and bytes are those of the CPU's program, which keeps float32",
    "where a GPU keeps bfloat16, and fuses less",
)
_NO_VOCABULARY = (
    "the vocabulary is not on this machine: whether the embedding has a row for each of its ids",
    "was not checked",
)


def as_text(report: Preflight) -> str:
    """Writes a preflight for a terminal.

    Args:
        report: of a run.
    """
    lines = [*_heading(report)]
    for program in report.programs:
        lines += ["", f"{program.name}: {program.rows} rows", *_memory(report, program)]
        lines += _speed(report, program)
    lines += ["", *_run(report), "", "Who is sharded how, and why", *_groups(report)]
    if report.suggestions:
        lines += ["", "To make it fit", *_advice(report)]
    elif not report.fits:
        lines += ["", "No change alone makes it fit: several together may, or a larger slice."]
    verdict = "It fits." if report.fits else "It does not fit."
    return "\n".join(["", *lines, "", verdict])


def as_json(report: Preflight) -> dict[str, Any]:
    """Returns a preflight as what JSON can hold: bytes, seconds and operations, without units.

    Args:
        report: of a run.
    """
    return {
        "topology": {"name": report.topology.name, **dataclasses.asdict(report.topology)},
        "compiled_for": "tpu" if report.topology.chip.is_tpu else "cpu",
        "available_hbm": report.available,
        "has_vocabularies": report.has_vocabularies,
        "mesh": report.mesh,
        "fits": report.fits,
        "programs": [_program_json(report, program) for program in report.programs],
        "run": dataclasses.asdict(run_cost) if (run_cost := run_costs(report)) else None,
        "groups": [dataclasses.asdict(group) for group in report.groups],
        "suggestions": [dataclasses.asdict(suggestion) for suggestion in report.suggestions],
    }


@dataclasses.dataclass(frozen=True)
class RunCosts:
    """What all training steps take at the roofline's speed.

    Attributes:
        steps: to train.
        seconds: of all.
        chip_hours: of all chips.
        price: of them; None without a price of one.
    """

    steps: int
    seconds: float
    chip_hours: float
    price: float | None


def run_costs(report: Preflight) -> RunCosts | None:
    """Returns what all training steps take; None where there is no program of one.

    Args:
        report: of a run.
    """
    step = report.programs[0].roofline
    if step is None:
        return None
    seconds = report.steps * step.seconds
    chip_hours = seconds * report.topology.chips / 3600
    price = None if report.price is None else chip_hours * report.price
    return RunCosts(report.steps, seconds, chip_hours, price)


def mfu(report: Preflight, program: ProgramReport) -> float | None:
    """Returns the model's own arithmetic as a share of what all chips could do in that time."""
    if program.roofline is None or program.model_flops is None:
        return None
    peak = report.topology.chip.flops * report.topology.chips
    return program.model_flops / (peak * program.roofline.seconds)


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Writes rows below each other as `aligned` does, indented.

    Args:
        rows: of equal length.
        right: columns of numbers.
    """
    return [f"  {line}" for line in aligned(rows, right)]


def _heading(report: Preflight) -> Iterator[str]:
    chip, slices = report.topology.chip, report.topology.slices
    several = f"{slices} slices of " if slices > 1 else ""
    mesh = " x ".join(f"{size} {axis}" for axis, size in report.mesh.items())
    chips = "1 chip" if report.topology.chips == 1 else f"{report.topology.chips} chips"
    yield f"{several}{report.topology.name}: {chips}, mesh {mesh}"
    network = f", network {chip.network_bandwidth / 1e9:g} GB/s" if slices > 1 else ""
    yield (
        f"a chip: {chip.flops / 1e12:.0f} TFLOP/s in bfloat16, {chip.hbm_bytes / 1e9:.0f} GB of "
        f"HBM at {chip.hbm_bandwidth / 1e9:.0f} GB/s, links {chip.link_bandwidth / 1e9:.0f} GB/s"
        + network
    )
    if not chip.is_tpu:
        yield from _FROM_CPU
    if not report.has_vocabularies:
        yield from _NO_VOCABULARY


def _memory(report: Preflight, program: ProgramReport) -> list[str]:
    names = {"other": "results, step, seed"}
    rows = [
        (names.get(field.name, field.name), _size(getattr(program.memory, field.name)))
        for field in dataclasses.fields(program.memory)
    ]
    if program.costs is None:
        rows = [row for row in rows if row[0] in ("parameters", "optimizer", "batch")]
        rows.append(("activations, temporaries", _size(program.memory.temporaries)))
    rows.append(("all", _size(program.memory.total)))
    rows.append(("there are", _size(report.available)))
    verdict = "fits" if program.fits else "DOES NOT FIT"
    return [f"  HBM of a chip: {verdict}", *(f"  {line}" for line in columns(rows, right=[1]))]


def _speed(report: Preflight, program: ProgramReport) -> list[str]:
    rows = [("compiled in", f"{program.compile_seconds:.0f} s on this machine")]
    costs, line = program.costs, program.roofline
    if costs is None or line is None:
        return ["", *columns(rows)]
    rows += [
        ("FLOPs of a chip", f"{costs.flops / 1e12:.3f} TFLOP, {_time(line.products)} at its peak"),
        ("HBM traffic of a chip", f"{_size(costs.hbm_bytes)}, {_time(line.hbm)} at its peak"),
        *_exchanges(costs, line),
        ("time by roofline", f"{_time(line.seconds)}, bound by {line.bound_by}"),
        ("tokens a second", f"{program.tokens / line.seconds:,.0f}"),
    ]
    if (utilisation := mfu(report, program)) is not None:
        own = (program.model_flops or 0) / report.topology.chips
        rows.append(("FLOPs by the model's own count", f"{own / 1e12:.3f} TFLOP a chip"))
        rows.append(("MFU by roofline", f"{utilisation:.0%}"))
    if costs.unknown_loops:
        loops = f"{', '.join(costs.unknown_loops)}: counted as {costs.data_trips:,} trips"
        rows.append(("loops that data end", loops))
    if costs.uncounted:
        rows.append(("not counted", f"kernels without an estimate: {', '.join(costs.uncounted)}"))
    return ["", *columns(rows)]


def _exchanges(costs: Costs, line: Roofline) -> Iterator[tuple[str, str]]:
    for kind, total in costs.collectives.items():
        yield kind, f"{total.count:,} of together {_size(total.bytes)} a chip"
    if costs.link_bytes:
        yield "leaving a chip", f"{_size(costs.link_bytes)}, {_time(line.links)} over all links"
    if costs.network_bytes:
        rate = f"{_time(line.network)} over the network" if line.network else "at a rate not stated"
        yield "leaving a slice", f"{_size(costs.network_bytes)} a chip, {rate}"


def _run(report: Preflight) -> list[str]:
    run = run_costs(report)
    if run is None:
        return ["The whole run: unknown, XLA gave no program."]
    rows = [
        ("steps", f"{run.steps:,}"),
        ("time by roofline", format_duration(run.seconds)),
        ("chip-hours", f"{run.chip_hours:,.2f}"),
    ]
    if run.price is not None:
        rows.append(("price", f"{run.price:,.2f} at {report.price:g} a chip-hour"))
    return ["The whole run, at best", *columns(rows)]


def _groups(report: Preflight) -> list[str]:
    shown = report.groups[:GROUPS_SHOWN]
    rows = [("parameters", "arrays", "shape", "MB a chip", "optimizer", "divided")]
    for group in shown:
        rows.append(
            (
                group.name,
                str(group.arrays),
                " x ".join(map(str, group.shape)),
                f"{group.parameter_bytes / 1e6:.2f}",
                f"{group.optimizer_bytes / 1e6:.2f}",
                group.why,
            )
        )
    lines = columns(rows, right=[1, 3, 4])
    if rest := len(report.groups) - len(shown):
        lines.append(f"  and {rest} smaller groups: --json has them all")
    return lines


def _advice(report: Preflight) -> list[str]:
    return columns(
        [
            (
                suggestion.what,
                "" if suggestion.needs is None else _size(suggestion.needs),
                suggestion.found_by,
                " ".join(f"--gin.{binding.replace(' = ', '=')}" for binding in suggestion.bindings),
            )
            for suggestion in report.suggestions
        ],
        right=[1],
    )


def _program_json(report: Preflight, program: ProgramReport) -> dict[str, Any]:
    costs = program.costs
    told = dataclasses.asdict(dataclasses.replace(program, costs=None))
    told["memory"]["total"] = program.memory.total
    told["mfu"] = mfu(report, program)
    if program.roofline is not None:
        told["roofline"]["seconds"] = program.roofline.seconds
        told["tokens_per_second"] = program.tokens / program.roofline.seconds
    if costs is not None:
        told["costs"] = {
            "flops": costs.flops,
            "elementwise_flops": costs.elementwise_flops,
            "bytes_accessed": costs.bytes_accessed,
            "hbm_bytes": costs.hbm_bytes,
            "collectives": {
                kind: dataclasses.asdict(total) for kind, total in costs.collectives.items()
            },
            "unknown_loops": costs.unknown_loops,
            "data_trips": costs.data_trips,
            "uncounted": costs.uncounted,
        }
    return told


def _size(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.2f} MB"


def _time(seconds: float) -> str:
    if seconds == 0:
        return "0"
    digits = max(0, 3 - math.floor(math.log10(seconds * 1000)) - 1)
    return f"{seconds * 1000:.{digits}f} ms"
