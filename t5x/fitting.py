"""What to change of a run that does not fit, calculated from its memory or found by compiling.

The calculation takes a device's memory for a sum: what depends on the model (parameters, optimizer,
program), and what grows with the rows that a device computes at once (batch, activations,
temporaries). The second part holds the gradients too, which do not grow, so that a batch it calls
too large may fit after all; compiling finds out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import jax

from t5x.compiled_memory import Memory
from t5x.run_programs import ConfiguredRun

CALCULATED, ESTIMATED, COMPILED, UNKNOWN = (
    "calculated", "estimated", "compiled", "not calculated",
)  # fmt: skip

_BATCH = "BATCH_SIZE = "

TRIALS = 3
"""Batches that are compiled, at most, in search of the largest."""


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """A change.

    Attributes:
        what: in words.
        bindings: of gin, as the command line takes them.
        needs: bytes of HBM of a device then; None where they cannot be calculated.
        found_by: 'calculated' from the memory of the program as it is; 'estimated' where XLA gave
            none and told its temporaries roughly; 'compiled'; or 'not calculated'.
    """

    what: str
    bindings: tuple[str, ...]
    needs: float | None = None
    found_by: str = CALCULATED


def suggestions(run: ConfiguredRun, memory: Memory, available: float) -> list[Suggestion]:
    """Returns changes with which a training step may fit.

    Args:
        run: as it is.
        memory: that its training step needs of a device.
        available: that there is.
    """
    found = [_smaller_batch(run, memory, available), _micro_batches(run, memory, available)]
    config = getattr(run.model.module, "config", None)
    for policy in ("minimal", "full"):
        if getattr(config, "remat_policy", policy) != policy:
            found.append(
                Suggestion(
                    f"compute activations again: rematerialisation {policy!r}",
                    (f"network.T5Config.remat_policy = '{policy}'",),
                    found_by=UNKNOWN,
                )
            )
    found += [_divided_parameters(run, memory), _more_partitions(run, memory)]
    return [suggestion for suggestion in found if suggestion is not None]


def estimated(suggestion: Suggestion) -> Suggestion:
    """Returns a suggestion that was calculated from what XLA said when it gave no program."""
    if suggestion.found_by != CALCULATED:
        return suggestion
    return dataclasses.replace(suggestion, found_by=ESTIMATED)


def search(
    run: ConfiguredRun,
    memory: Memory,
    available: float,
    needs: Callable[[Sequence[str]], float],
) -> list[Suggestion]:
    """Compiles what `suggestions` returns, and looks on for the largest batch.

    Args:
        run: as it is.
        memory: that its training step needs of a device.
        available: that there is.
        needs: compiles the training step with further bindings and returns its bytes.

    Returns:
        Those that fit.
    """
    fitting = []
    for suggestion in suggestions(run, memory, available):
        if suggestion.bindings[0].startswith(_BATCH):
            found = _largest_batch(run, memory, available, suggestion, needs)
        else:
            needed = needs(suggestion.bindings)
            found = dataclasses.replace(suggestion, needs=needed, found_by=COMPILED)
        if found is not None and found.needs is not None and found.needs <= available:
            fitting.append(found)
    return fitting


def _largest_batch(
    run: ConfiguredRun,
    memory: Memory,
    available: float,
    first: Suggestion,
    needs: Callable[[Sequence[str]], float],
) -> Suggestion | None:
    """Tries batches, each where a line through the two smallest meets what there is."""
    devices = run.partitioner.mesh.shape["data"]
    points = {run.train_cfg.batch_size: memory.total}
    rows = int(first.bindings[0].removeprefix(_BATCH))
    for _ in range(TRIALS):
        points[rows] = needs((f"{_BATCH}{rows}",))
        (low, low_needs), (high, high_needs) = sorted(points.items())[:2]
        slope = (high_needs - low_needs) / (high - low)
        rows = int(low + (available - low_needs) / slope) // devices * devices if slope > 0 else 0
        if rows < devices or rows in points:
            break
    fitting = [n for n, needed in points.items() if needed <= available]
    return _batch(max(fitting), points[max(fitting)], COMPILED) if fitting else None


def decoding_suggestions(
    run: ConfiguredRun, rows: int, memory: Memory, available: float
) -> list[Suggestion]:
    """Returns the largest batch whose decoding may fit, if any.

    Args:
        run: as it is.
        rows: of the batch that it decodes.
        memory: that this needs of a device.
        available: that there is.
    """
    most = _most_rows(run, rows, memory, available)
    if most is None:
        return []
    return [
        Suggestion(
            f"decoding of {most[0]} rows",
            (f"infer_eval/utils.DatasetConfig.batch_size = {most[0]}",),
            most[1],
        )
    ]


def _smaller_batch(run: ConfiguredRun, memory: Memory, available: float) -> Suggestion | None:
    most = _most_rows(run, run.train_cfg.batch_size, memory, available)
    return None if most is None else _batch(*most, CALCULATED)


def _most_rows(
    run: ConfiguredRun, rows: int, memory: Memory, available: float
) -> tuple[int, float] | None:
    """The largest batch, and what it needs, where a batch of some rows needs so much."""
    devices = run.partitioner.mesh.shape["data"]
    fixed = memory.total - memory.scaling
    a_row = memory.scaling / (rows // devices)
    most = int((available - fixed) // a_row)
    return (most * devices, fixed + a_row * most) if most >= 1 else None


def _batch(rows: int, needs: float, found_by: str) -> Suggestion:
    return Suggestion(f"the largest batch: {rows} rows", (f"{_BATCH}{rows}",), needs, found_by)


def _micro_batches(run: ConfiguredRun, memory: Memory, available: float) -> Suggestion | None:
    """The fewest parts of a batch, of which gradients are summed in float32."""
    rows = run.train_cfg.batch_size // run.partitioner.mesh.shape["data"]
    fixed = memory.total - memory.scaling + memory.parameters
    for parts in (n for n in range(2, rows + 1) if rows % n == 0):
        needed = fixed + memory.batch + (memory.scaling - memory.batch) / parts
        if needed <= available:
            return Suggestion(
                f"the same batch in {parts} micro-batches",
                (f"trainer.Trainer.num_microbatches = {parts}",),
                needed,
            )
    return None


def _divided_parameters(run: ConfiguredRun, memory: Memory) -> Suggestion | None:
    """Parameters and optimizer divided over the data axis as well."""
    devices = run.partitioner.mesh.shape["data"]
    whole = all(axis != "data" for axis in _parameter_axes(run))
    if devices == 1 or not whole:
        return None
    divided = memory.parameters + memory.optimizer
    return Suggestion(
        f"parameters and optimizer over the {devices} devices of the data axis",
        ("partitioning.standard_logical_axis_rules.parameter_partitioning_dims = 2",),
        memory.total - divided * (1 - 1 / devices),
    )


def _parameter_axes(run: ConfiguredRun) -> set[str | None]:
    return {axis for leaf in jax.tree.leaves(run.state.params) for axis in leaf.sharding.spec}


def _more_partitions(run: ConfiguredRun, memory: Memory) -> Suggestion | None:
    """Twice the devices for a copy of the model: each has half of it, and of twice the rows."""
    mesh = run.partitioner.mesh.shape
    slices = {getattr(d, "slice_index", 0) for d in run.partitioner.mesh.devices.flat}
    if mesh["data"] % 2 or len(slices) > 1:  # several slices: `ici_mesh_shape` says it, not this
        return None
    partitions = 2 * mesh["model"]
    return Suggestion(
        f"{partitions} devices for a copy of the model",
        (f"partitioning.PjitPartitioner.num_partitions = {partitions}",),
        memory.total - (memory.parameters + memory.optimizer) / 2,
    )
