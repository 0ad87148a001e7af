"""Averages the last checkpoints of a run: one model, usually a better one than each.

    python -m t5x.average_checkpoints --model_dir runs/forward --last 5 --output runs/averaged

The mean of the parameters along a run's last stretch (Vaswani et al. 2017, section 6.1) is written
as a checkpoint of ours, without an optimizer's state: `t5x.eval`, `t5x.infer` and `t5chem export`
read it, and a run begins from it with `RestoreCheckpointConfig.strict = False`.
"""

from __future__ import annotations

import argparse
import glob
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from absl import logging

from t5x.checkpoint_integrity import STEP_PREFIX, checkpoints_in, find_damage
from t5x.checkpoint_network import STEP, TARGET
from t5x.checkpoint_reading import GROUP_BYTES, CheckpointReader, open_checkpoint, unflatten
from t5x.checkpoints import CheckpointManager, SaveCheckpointConfig
from t5x.errors import ConfigError, RunError
from t5x.restoring import NoOptimizer
from t5x.train_state import FlaxOptimTrainState

BESIDE = ("config.gin", "network.json", "*.model")
"""Files of a run's folder that say what its checkpoints are; they are copied."""


def average_run(model_dir: str, last: int, output: str) -> str:
    """Averages the newest checkpoints of a run and returns the path of the mean.

    Args:
        model_dir: of the run. Damaged checkpoints are reported and passed over.
        last: how many.
        output: another folder; the mean has the step of the newest in it.

    Raises:
        ConfigError: fewer checkpoints are whole, they differ in names or shapes, a parameter is
            not finite, or the mean would stand among what is averaged or replace a checkpoint.
    """
    chosen = newest_whole(model_dir, last)
    written = average_checkpoints(chosen, output)
    for pattern in BESIDE:
        for file in glob.glob(os.path.join(glob.escape(model_dir), pattern)):
            shutil.copy(file, output)
    return written


def newest_whole(model_dir: str, count: int) -> list[str]:
    """Returns the newest whole checkpoints of a run, newest first.

    Args:
        model_dir: of the run; damaged checkpoints are reported and passed over.
        count: how many.

    Raises:
        ConfigError: there are fewer.
    """
    if count < 1:
        raise ConfigError(f"{count} checkpoints are to be averaged: give 1 or more.")
    whole: list[str] = []
    candidates = checkpoints_in(model_dir)
    for checkpoint in candidates:
        if len(whole) == count:
            break
        if damage := find_damage(checkpoint):
            logging.warning("%s is damaged: %s. It is passed over.", checkpoint, damage)
        else:
            whole.append(checkpoint)
    if len(whole) < count:
        raise ConfigError(
            f"{model_dir} has {len(whole)} whole checkpoints of {len(candidates)}, and the last "
            f"{count} are to be averaged: give fewer, or train with SaveCheckpointConfig.keep of "
            "as many and a shorter period."
        )
    return whole


def average_checkpoints(checkpoints: Sequence[str], output: str) -> str:
    """Writes the mean of checkpoints' parameters as a checkpoint and returns its path.

    Memory holds the mean in float32 and, of one checkpoint at a time, a group of tensors.

    Args:
        checkpoints: paths `.../checkpoint_<step>`, in our layout or T5X's, one or more.
        output: folder in which `checkpoint_<step>` is made, the step being the highest of theirs.

    Raises:
        ConfigError: as for `average_run`.
    """
    readers = {path: open_checkpoint(path) for path in checkpoints}
    names = _common_names(readers)
    step = max(int(reader.read_numpy([STEP])[STEP]) for reader in readers.values())
    target = os.path.join(os.path.abspath(output), f"{STEP_PREFIX}_{step}")
    if os.path.exists(target):
        raise ConfigError(f"{target} exists: give another --output than a run's own folder.")
    means: dict[str, np.ndarray] = {}
    for group in _groups(names, next(iter(readers.values()))):
        means |= _mean(readers, group)
    state = FlaxOptimTrainState(
        step=jnp.int32(step),
        params=unflatten({name.removeprefix(TARGET): mean for name, mean in means.items()}),
        param_states={},
        flax_mutables={},
        optimizer_def=NoOptimizer(),
    )
    manager = CheckpointManager(output, SaveCheckpointConfig())
    manager.save(state, {})
    manager.close()
    return target


def _common_names(readers: Mapping[str, CheckpointReader]) -> list[str]:
    """The parameters, which all checkpoints must have alike."""
    found = {
        path: {n: leaf.shape for n, leaf in reader.shapes.items() if n.startswith(TARGET)}
        for path, reader in readers.items()
    }
    (first, wanted), *others = found.items()
    for path, shapes in others:
        for name in sorted(wanted.keys() | shapes.keys()):
            if wanted.get(name) != shapes.get(name):
                raise ConfigError(
                    f"{path} is of another model than {first}: {name} is "
                    f"{shapes.get(name, 'absent')} there and {wanted.get(name, 'absent')} here. "
                    "Average checkpoints of one run."
                )
    return list(wanted)


def _groups(names: Sequence[str], reader: CheckpointReader) -> Iterator[list[str]]:
    """Cuts the names into groups whose tensors take about `GROUP_BYTES`."""
    group: list[str] = []
    size = 0
    for name in names:
        group.append(name)
        size += reader.shapes[name].size * reader.shapes[name].dtype.itemsize
        if size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _mean(readers: Mapping[str, CheckpointReader], names: list[str]) -> dict[str, np.ndarray]:
    sums: dict[str, np.ndarray] = {}
    for path, reader in readers.items():
        for name, leaf in reader.read_numpy(names).items():
            values = np.asarray(leaf, np.float64)
            if not np.isfinite(values).all():
                raise ConfigError(
                    f"{name} {values.shape} of {path} holds values that are NaN or infinite: "
                    "average checkpoints from before the training diverged."
                )
            sums[name] = sums[name] + values if name in sums else values
    return {name: (total / len(readers)).astype(np.float32) for name, total in sums.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Averages as the arguments say and returns the exit code.

    Args:
        argv: the arguments; those of the process when None.
    """
    parser = argparse.ArgumentParser(
        prog="python -m t5x.average_checkpoints",
        description="Averages the parameters of a run's newest checkpoints.",
    )
    parser.add_argument("--model_dir", required=True, help="of the run")
    parser.add_argument("--last", type=int, default=5, help="how many checkpoints (5)")
    parser.add_argument("--output", required=True, help="folder of the averaged checkpoint")
    values = parser.parse_args(argv)
    try:
        written = average_run(values.model_dir, values.last, values.output)
    except RunError as error:
        print(f"Error: {error.message}", file=sys.stderr)
        return error.exit_code
    print(f"{written} is the mean of the last {values.last} checkpoints of {values.model_dir}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
