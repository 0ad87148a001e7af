"""Says before a run what it takes: `python -m t5x.preflight --gin_file=... --topology=v5e:2x4`.

The very programs of the run that the gin file configures, its training step and its decoding, are
compiled for a slice of accelerators that is not here; no data are read. Exit code: 0 it fits, 3 it
does not, 2 wrong usage, 1 it could not be found out.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import gin
import jax
from absl import flags

from t5x import gin_utils, model_costs, quiet
from t5x.abstract_devices import OutOfMemory, abstract_devices, available_hbm, compiled
from t5x.compiled_costs import Costs, compiled_costs
from t5x.compiled_memory import Memory, compiled_memory, refused_memory
from t5x.errors import ConfigError
from t5x.fitting import Suggestion, decoding_suggestions, estimated, search, suggestions
from t5x.hardware import Topology, parse_topology
from t5x.optimizers import Tree
from t5x.partitioning import in_place_of_own
from t5x.preflight_text import as_json, as_text
from t5x.roofline import Roofline, roofline
from t5x.run_programs import ConfiguredRun, Features, configured_run
from t5x.sharding_table import ShardedGroup, sharded_groups
from t5x.train import train

__all__ = ["Preflight", "ProgramReport", "main", "preflight", "train"]

DOES_NOT_FIT = 3


@dataclasses.dataclass(frozen=True)
class ProgramReport:
    """A program, compiled.

    Attributes:
        name: 'training step' or 'decoding'.
        rows: of a global batch.
        tokens: that it takes in or gives out: places of the batch, or of the predictions.
        model_flops: arithmetic of all devices by the model's own count; None where it has none.
        compile_seconds: on this machine.
        memory: of a device.
        fits: it has room in what XLA lets a program have.
        costs: of a device; None where XLA found no room and gave no program.
        roofline: likewise.
    """

    name: str
    rows: int
    tokens: int
    model_flops: float | None
    compile_seconds: float
    memory: Memory
    fits: bool
    costs: Costs | None
    roofline: Roofline | None


@dataclasses.dataclass(frozen=True)
class Preflight:
    """What a run takes.

    Attributes:
        topology: that it was compiled for.
        available: bytes of HBM that a device's program may have.
        mesh: devices by axis.
        steps: to train.
        programs: of the run.
        groups: who is sharded how.
        suggestions: what to change where it does not fit.
        price: of a chip and hour, in the unit it was given in.
        has_vocabularies: that the embedding has a row for each of their ids was checked.
    """

    topology: Topology
    available: float
    mesh: dict[str, int]
    steps: int
    programs: tuple[ProgramReport, ...]
    groups: tuple[ShardedGroup, ...]
    suggestions: tuple[Suggestion, ...] = ()
    price: float | None = None
    has_vocabularies: bool = True

    @property
    def fits(self) -> bool:
        """Whether all programs do."""
        return all(program.fits for program in self.programs)


def preflight(
    read_run: Callable[[Sequence[str]], ConfiguredRun],
    topology: Topology,
    device: Any,
    decode: bool = True,
    look_further: bool = False,
    price: float | None = None,
) -> Preflight:
    """Compiles a run's programs and says what they take.

    Args:
        read_run: returns the run, with some bindings more than its configuration has.
        topology: that its partitioner is made for.
        device: one of its devices.
        decode: look at decoding too.
        look_further: compile what is suggested until it fits, rather than calculate it.
        price: of a chip and hour.
    """
    run = read_run([])
    available = available_hbm(device) or topology.chip.hbm_bytes
    programs = [_train_step(run, topology, available)]
    if decode and (decoding := _decoding(run, topology, available)):
        programs.append(decoding)
    advice: list[Suggestion] = []
    step, others = programs[0], programs[1:]
    if not step.fits and look_further:

        def needs(bindings: Sequence[str]) -> float:
            return _train_step(read_run(bindings), topology, available).memory.total

        advice += search(run, step.memory, available, needs)
    elif not step.fits:
        found = suggestions(run, step.memory, available)
        advice += map(estimated, found) if step.costs is None else found
    for other in others:
        if not other.fits:
            advice += decoding_suggestions(run, other.rows, other.memory, available)
    return Preflight(
        topology, available, dict(run.partitioner.mesh.shape), run.steps, tuple(programs),
        tuple(sharded_groups(run.state, run.partitioner)), tuple(advice), price,
        run.has_vocabularies,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Program:
    """What is to be compiled: its name, what it computes with, and what it counts for."""

    name: str
    lower: Callable[[], Any]
    optimizer: Tree
    batch: Features
    tokens: int
    model_flops: float | None = None
    data_trips: int = 1


def _train_step(run: ConfiguredRun, topology: Topology, available: float) -> ProgramReport:
    shapes = {name: x.shape for name, x in run.batch.items()}
    flops = model_costs.step_flops(run.state.params, shapes, run.state.optimizer_def.trains)
    program = _Program(
        "training step", run.lower_train_step, run.state.param_states, run.batch, run.tokens, flops
    )
    return _report(program, run, topology, available)


def _decoding(run: ConfiguredRun, topology: Topology, available: float) -> ProgramReport | None:
    if run.decoding_batch is None:
        return None
    predicted = run.decoding_batch["decoder_input_tokens"]
    program = _Program(
        "decoding", run.lower_decoding, None, run.decoding_batch, predicted.size,
        data_trips=predicted.shape[1],  # a step predicts a place; shorter answers end it sooner
    )  # fmt: skip
    return _report(program, run, topology, available)


def _report(
    program: _Program, run: ConfiguredRun, topology: Topology, available: float
) -> ProgramReport:
    rows = next(iter(program.batch.values())).shape[0]
    by_shape = functools.partial(
        refused_memory, run.state.params, program.optimizer, program.batch,
        run.partitioner.data_sharding,
    )  # fmt: skip
    begin = time.monotonic()
    lowered = program.lower()
    try:
        executable = compiled(lowered)
    except OutOfMemory as refusal:
        seconds = time.monotonic() - begin
        return ProgramReport(
            program.name, rows, program.tokens, program.model_flops, seconds,
            by_shape(refusal.needed), fits=False, costs=None, roofline=None,
        )  # fmt: skip
    seconds = time.monotonic() - begin
    memory = compiled_memory(executable, by_shape(temporaries=0))
    costs = compiled_costs(executable, data_trips=program.data_trips)
    return ProgramReport(
        program.name, rows, program.tokens, program.model_flops, seconds, memory,
        memory.total <= available, costs, roofline(costs, topology.chip),
    )  # fmt: skip


def define_flags() -> None:
    """Declares the command's flags."""
    gin_utils.define_flags()
    flags.DEFINE_string("topology", None, "Slice, such as v5e:2x4, v5p:2x2x4 or h100:8.")
    flags.DEFINE_integer("slices", 1, "Slices of this kind that the data center's network joins.")
    flags.DEFINE_string("json", None, "File to write everything to.")
    flags.DEFINE_float("price", None, "Of a chip and hour, in any unit: the run's price follows.")
    flags.DEFINE_bool("decode", True, "Look at the decoding of the run's evaluation too.")
    flags.DEFINE_bool("search", False, "Where it does not fit: compile what is suggested.")


def main(argv: Sequence[str]) -> None:
    """Runs the command; ends the process with its exit code."""
    values = flags.FLAGS
    if len(argv) > 1:
        raise ConfigError(f"Unexpected arguments: {' '.join(argv[1:])}. See --help.")
    if not values.gin_file or not values.topology:
        raise ConfigError(
            "Give a configuration and a slice, such as --gin_file=gin/base.gin --topology=v5e:2x4."
        )
    topology = parse_topology(values.topology, values.slices)
    quiet.drop_native_chatter()
    quiet.quieten_absl()
    jax.config.update("jax_enable_compilation_cache", False)
    devices = abstract_devices(topology)

    def read_run(further: Sequence[str]) -> ConfiguredRun:
        gin.clear_config()
        with in_place_of_own(devices):
            gin_utils.parse_gin_flags(
                values.gin_search_paths, values.gin_file, [*values.gin_bindings, *further]
            )
            bindings = gin.get_bindings(gin.get_configurable(train))
            return configured_run(train, bindings, devices)

    report = preflight(read_run, topology, devices[0], values.decode, values.search, values.price)
    print(as_text(report), flush=True)
    if values.json:
        with open(values.json, "w", encoding="utf-8") as file:
            json.dump(as_json(report), file, indent=2)
    if not report.fits:
        raise SystemExit(DOES_NOT_FIT)


if __name__ == "__main__":
    define_flags()
    gin_utils.run(main, sys.argv)
