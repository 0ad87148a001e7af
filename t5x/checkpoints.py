"""Saving and restoring runs with Orbax: asynchronous, atomic, in T5X's layout.

A checkpoint is a folder `checkpoint_<step>` with two items: `state`, the tree
`{"target": parameters, "state": {"step", "param_states"}}`, and `dataset`, the position in the
data.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from jax.typing import DTypeLike

from t5x.optimizers import Tree
from t5x.train_state import FlaxOptimTrainState

STATE = "state"
DATASET = "dataset"
STEP_PREFIX = "checkpoint"


@dataclasses.dataclass
class SaveCheckpointConfig:
    """When to save, and what to keep.

    Attributes:
        dtype: of saved parameters.
        period: save every so many steps.
        checkpoint_steps: save at these steps too, and never delete them.
        keep: how many of the newest to keep; None keeps all.
        keep_dataset_checkpoints: accepted for T5X's sake: the data position is always kept.
        save_dataset: accepted for T5X's sake: the data position is always saved.
        checkpointer_cls: accepted for T5X's sake.
        state_transformation_fns: applied to the tree before it is saved.
        checkpoint_manager_cls: accepted for T5X's sake.
    """

    dtype: DTypeLike = "float32"
    period: int | None = None
    checkpoint_steps: Sequence[int] | None = None
    keep: int | None = None
    keep_dataset_checkpoints: int | None = None
    save_dataset: bool = False
    checkpointer_cls: Any = None
    state_transformation_fns: Sequence[Any] = ()
    checkpoint_manager_cls: Any = None


@dataclasses.dataclass
class RestoreCheckpointConfig:
    """Where to begin when the run has no checkpoint of its own.

    Attributes:
        path: a checkpoint (`.../checkpoint_100`) or a folder of them, or a list; `[]` is scratch.
        mode: 'latest' of a folder, or 'specific' for a checkpoint itself.
        assignment_map: pairs of (regular expression of our parameter, name in the checkpoint).
        strict: every parameter must be in the checkpoint.
        fallback_to_scratch: begin from scratch when there is no checkpoint at the path.
        dtype: parameters are cast to it.
        restore_dataset: go on in the data where the checkpoint stopped.
        checkpointer_cls: accepted for T5X's sake.
        state_transformation_fns: applied to the tree that was read.
        checkpoint_manager_cls: accepted for T5X's sake.
    """

    path: str | Sequence[str]
    mode: str = "latest"
    assignment_map: Sequence[tuple[str, str | None]] | None = None
    strict: bool = True
    fallback_to_scratch: bool = False
    dtype: DTypeLike | None = None
    restore_dataset: bool = False
    checkpointer_cls: Any = None
    state_transformation_fns: Sequence[Any] = ()
    checkpoint_manager_cls: Any = None


@dataclasses.dataclass
class CheckpointConfig:
    """Saving and restoring of a run."""

    save: SaveCheckpointConfig | None = None
    restore: RestoreCheckpointConfig | None = None


class CheckpointManager:
    """The checkpoints of one run.

    Args:
        directory: `model_dir`.
        cfg: when to save and what to keep.
    """

    def __init__(self, directory: str, cfg: SaveCheckpointConfig) -> None:
        self._dtype = jnp.dtype(cfg.dtype)
        fixed_steps = list(cfg.checkpoint_steps or ())
        policies = ocp.checkpoint_managers
        self._manager = ocp.CheckpointManager(
            os.path.abspath(directory),
            item_names=(STATE, DATASET),
            options=ocp.CheckpointManagerOptions(
                step_prefix=STEP_PREFIX,
                preservation_policy=policies.AnyPreservationPolicy(
                    [policies.LatestN(cfg.keep), policies.CustomSteps(fixed_steps)]
                ),
                enable_async_checkpointing=True,
                cleanup_tmp_directories=True,
            ),
        )

    def latest_step(self) -> int | None:
        """Returns the step of the newest whole checkpoint."""
        return self._manager.latest_step()

    def save(self, state: FlaxOptimTrainState, data_position: Mapping[str, Any]) -> bool:
        """Saves in the background; the state may be donated as soon as this returns.

        Args:
            state: to be saved under its own step.
            data_position: JSON values that say where in the data the run is.

        Returns:
            False when this step is saved already.
        """
        step = int(state.step)
        if step in self._manager.all_steps():
            return False
        tree = state.state_dict()
        save_args = jax.tree.map(lambda _: ocp.SaveArgs(), tree)
        save_args["target"] = jax.tree.map(
            lambda _: ocp.SaveArgs(dtype=self._dtype), tree["target"]
        )
        return self._manager.save(
            step,
            args=ocp.args.Composite(
                **{
                    STATE: ocp.args.PyTreeSave(tree, save_args),
                    DATASET: ocp.args.JsonSave(dict(data_position)),
                }
            ),
        )

    def restore(
        self, step: int, target: FlaxOptimTrainState
    ) -> tuple[FlaxOptimTrainState, dict[str, Any]]:
        """Returns (state, data position) of a step.

        Args:
            step: of a checkpoint of this run.
            target: shapes with shardings (`jax.ShapeDtypeStruct`), as the state shall be.
        """
        tree = target.state_dict()
        restored = self._manager.restore(
            step,
            args=ocp.args.Composite(
                **{
                    STATE: ocp.args.PyTreeRestore(tree, restore_args=_restore_args(tree)),
                    DATASET: ocp.args.JsonRestore(),
                }
            ),
        )
        return target.restore_state(restored[STATE]), dict(restored[DATASET] or {})

    def wait(self) -> None:
        """Returns when the last save is on disk."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        """Finishes the last save and stops the background work."""
        self._manager.close()


def _restore_args(tree: Tree) -> Tree:
    return jax.tree.map(
        lambda leaf: ocp.ArrayRestoreArgs(
            sharding=leaf.sharding, global_shape=leaf.shape, dtype=leaf.dtype
        ),
        tree,
    )


def find_checkpoint(path: str) -> str | None:
    """Returns the checkpoint that a path means: itself, or the newest in a folder of them.

    Args:
        path: `.../checkpoint_100`, or a folder that holds such folders.
    """
    path = os.path.abspath(path)
    if not os.path.isdir(path):
        return None
    if os.path.isdir(os.path.join(path, STATE)):
        return path
    pattern = re.compile(rf"{STEP_PREFIX}_(\d+)")
    steps = [int(m[1]) for name in os.listdir(path) if (m := pattern.fullmatch(name))]
    return os.path.join(path, f"{STEP_PREFIX}_{max(steps)}") if steps else None


def restore_from_path(
    cfg: RestoreCheckpointConfig, target: FlaxOptimTrainState
) -> FlaxOptimTrainState | None:
    """Returns the state of a checkpoint of another run; None when `cfg` asks for scratch.

    Args:
        cfg: where, and how strictly.
        target: shapes with shardings.

    Raises:
        FileNotFoundError: there is no checkpoint at any path, and scratch is no fallback.
    """
    paths = [cfg.path] if isinstance(cfg.path, str) else list(cfg.path)
    found = [checkpoint for path in paths if (checkpoint := find_checkpoint(path))]
    if not found:
        if not paths or cfg.fallback_to_scratch:
            return None
        raise FileNotFoundError(
            f"No checkpoint at {', '.join(paths)}: set INITIAL_CHECKPOINT_PATH to a folder "
            f"{STEP_PREFIX}_<step> or to one that holds such folders."
        )
    tree = target.state_dict()
    handler = ocp.Checkpointer(ocp.PyTreeCheckpointHandler())
    restored = handler.restore(
        os.path.join(found[0], STATE),
        args=ocp.args.PyTreeRestore(tree, restore_args=_restore_args(tree)),
    )
    return target.restore_state(restored)
