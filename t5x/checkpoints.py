"""Saving and restoring runs with Orbax: asynchronous, atomic, checked, in T5X's layout.

A checkpoint is a folder `checkpoint_<step>` with two items: `state`, the tree
`{"target": parameters, "state": {"step", "param_states"}}`, and `dataset`, the position in the
data. Orbax alone reads it. It appears under its name when it is complete, with the digests that
tell whether it still is (see `t5x.checkpoint_integrity`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import glob
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from absl import logging
from jax.experimental import multihost_utils
from jax.typing import DTypeLike

from t5x.checkpoint_integrity import (
    STEP_PREFIX,
    checkpoints_in,
    newest_whole,
    refuse_if_all_were_set_aside,
    report_unfinished,
    set_aside,
    step_of,
    write_digests,
)
from t5x.checkpoint_policies import KeepBest, MetricMode
from t5x.checkpoint_reading import (
    DATASET,
    STATE,
    fill,
    flatten,
    open_checkpoint,
    read_as,
    read_data_position,
)
from t5x.errors import ConfigError, RunError
from t5x.optimizers import Tree
from t5x.state_transformations import AssignmentMap, find_sources
from t5x.train_state import FlaxOptimTrainState

RestoreMode = Literal["latest", "specific", "all"]
Transformation = Callable[[Tree], Tree]


class SaveError(RunError, OSError):
    """A checkpoint could not be written; those before it are untouched."""


@dataclasses.dataclass
class SaveCheckpointConfig:
    """When to save, and what to keep.

    Attributes:
        dtype: of saved parameters; the optimizer's state keeps its own.
        period: save every so many steps; None saves at the end and at `checkpoint_steps`.
        checkpoint_steps: save at these steps too, and never delete them.
        keep: how many of the newest to keep, or of the best with `metric_name_to_monitor`; None
            keeps all. An old one goes only when the new one is complete.
        keep_dataset_checkpoints: ignored: the data position is part of its checkpoint.
        save_dataset: the data position is saved either way.
        checkpointer_cls: ignored: Orbax saves.
        state_transformation_fns: each takes the tree `{"target": ..., "state": ...}` that is about
            to be saved and returns the one to save instead. A run resumes only from a tree with
            the names and shapes of its own.
        checkpoint_manager_cls: ignored: `metric_name_to_monitor` keeps the best.
        metric_name_to_monitor: folder and name of a metric that the run writes, such as
            `training_eval/<task>/loss` or `inference_eval/<task>/exact`, or `training_eval/*/loss`,
            the mean over the tasks; the `keep` best by it are kept, and the newest.
        metric_mode: 'max' or 'min', what is best.

    Raises:
        ConfigError: `keep` or `metric_mode` is none of these.
    """

    dtype: DTypeLike = "float32"
    period: int | None = None
    checkpoint_steps: Sequence[int] | None = None
    keep: int | None = None
    keep_dataset_checkpoints: int | None = None
    save_dataset: bool = False
    checkpointer_cls: Any = None
    state_transformation_fns: Sequence[Transformation] = ()
    checkpoint_manager_cls: Any = None
    metric_name_to_monitor: str | None = None
    metric_mode: MetricMode = "max"

    def __post_init__(self) -> None:
        if self.keep is not None and self.keep < 1:
            raise ConfigError(
                f"SaveCheckpointConfig.keep is {self.keep}: keep at least 1, or None for all.",
                "SaveCheckpointConfig.keep",
            )
        _check_choice("SaveCheckpointConfig.metric_mode", self.metric_mode, get_args(MetricMode))
        for name in ("keep_dataset_checkpoints", "checkpointer_cls", "checkpoint_manager_cls"):
            _warn_if_ignored(self, name)


@dataclasses.dataclass
class RestoreCheckpointConfig:
    """Where to begin when the run has no checkpoint of its own.

    Attributes:
        path: a checkpoint (`.../checkpoint_100`) or a folder of them, in our layout or either of
            T5X's; or a model folder of Hugging Face's; or a list, of which training takes the
            first with a checkpoint; `[]` is scratch.
        mode: 'latest' takes the newest whole checkpoint of a folder; 'specific' wants the path of
            a checkpoint itself; 'all', for evaluation, means every checkpoint of a folder.
        assignment_map: pairs of (regular expression for our tensor's whole name, its name in the
            checkpoint or None to keep the initial value); the first match decides. Names are such
            as `target/encoder/encoder_norm/scale` and `state/param_states/...`.
        strict: everything must be in the checkpoint, and without an `assignment_map` nothing more.
            False lets missing tensors keep their initial value and ignores further ones, and says
            which. Shapes must agree either way.
        fallback_to_scratch: begin from scratch when there is no checkpoint at the path. A damaged
            one is refused all the same.
        dtype: parameters are cast to it; None takes the model's.
        restore_dataset: go on in the data where the checkpoint stopped.
        checkpointer_cls: ignored: the layout is recognised.
        state_transformation_fns: each takes the tree that was read, NumPy arrays whole in memory,
            and returns the one to restore from.
        checkpoint_manager_cls: ignored.

    Raises:
        ConfigError: `mode` is none of these.
    """

    path: str | Sequence[str]
    mode: RestoreMode = "latest"
    assignment_map: AssignmentMap | None = None
    strict: bool = True
    fallback_to_scratch: bool = False
    dtype: DTypeLike | None = None
    restore_dataset: bool = False
    checkpointer_cls: Any = None
    state_transformation_fns: Sequence[Transformation] = ()
    checkpoint_manager_cls: Any = None

    def __post_init__(self) -> None:
        _check_choice("RestoreCheckpointConfig.mode", self.mode, get_args(RestoreMode))
        for name in ("checkpointer_cls", "checkpoint_manager_cls"):
            _warn_if_ignored(self, name)

    @property
    def paths(self) -> list[str]:
        """The paths as a list."""
        return [self.path] if isinstance(self.path, str) else list(self.path)


@dataclasses.dataclass
class CheckpointConfig:
    """Saving and restoring of a run."""

    save: SaveCheckpointConfig | None = None
    restore: RestoreCheckpointConfig | None = None


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ConfigError(f"{name} is {value!r}: it must be one of {', '.join(choices)}.", name)


def _warn_if_ignored(cfg: SaveCheckpointConfig | RestoreCheckpointConfig, name: str) -> None:
    if getattr(cfg, name) is not None:
        _warn_once(f"{type(cfg).__name__}.{name} is ignored: see its documentation.")


@functools.cache
def _warn_once(text: str) -> None:
    logging.warning(text)


class CheckpointManager:
    """The checkpoints of one run.

    Args:
        directory: `model_dir`.
        cfg: when to save and what to keep.
    """

    def __init__(self, directory: str, cfg: SaveCheckpointConfig) -> None:
        self._directory = os.path.abspath(directory)
        self._cfg = cfg
        self._saving = ""
        # Made by the first save: reading needs none.
        self._orbax: ocp.CheckpointManager | None = None

    def latest_step(self) -> int | None:
        """Returns the step of the newest whole checkpoint, after the save that is under way.

        Damaged ones that are newer are reported and renamed `checkpoint_<step>.damaged`, so that
        their steps can be saved again.

        Raises:
            DamagedCheckpointError: the run has checkpoints and none is whole.
        """
        self.wait()
        if jax.process_index() == 0:
            report_unfinished(self._directory)
        checkpoints = checkpoints_in(self._directory)
        if not checkpoints:
            refuse_if_all_were_set_aside(self._directory)
            return None
        newest = newest_whole(checkpoints)
        if damaged := checkpoints[: checkpoints.index(newest)]:
            if jax.process_index() == 0:
                for checkpoint in damaged:
                    set_aside(checkpoint)
            multihost_utils.sync_global_devices("damaged checkpoints are set aside")
            if self._orbax is not None:
                self._orbax.reload()
        return step_of(newest)

    def save(self, state: FlaxOptimTrainState, data_position: Mapping[str, Any]) -> bool:
        """Saves in the background; the state may be donated as soon as this returns.

        Args:
            state: to be saved under its own step.
            data_position: JSON values that say where in the data the run is.

        Returns:
            False when this step is saved already.

        Raises:
            SaveError: this checkpoint, or the one before it, could not be written.
        """
        self.wait()
        step = int(state.step)
        self._saving = os.path.join(self._directory, f"{STEP_PREFIX}_{step}")
        if os.path.exists(self._saving):
            return False
        tree = state.state_dict()
        for transform in self._cfg.state_transformation_fns:
            tree = transform(tree)
        items = {
            STATE: ocp.args.PyTreeSave(tree, _save_args(tree, self._cfg.dtype)),
            DATASET: ocp.args.JsonSave(dict(data_position)),
        }
        with self._explained():
            self._orbax = self._orbax or self._make_orbax()
            return self._orbax.save(step, args=ocp.args.Composite(**items), force=True)

    def restore(
        self, step: int, target: FlaxOptimTrainState
    ) -> tuple[FlaxOptimTrainState, dict[str, Any]]:
        """Returns (state, data position) of a step.

        Args:
            step: of a checkpoint of this run.
            target: shapes with shardings (`jax.ShapeDtypeStruct`), as the state shall be.

        Raises:
            ConfigError: the checkpoint is of another model or optimizer.
        """
        path = os.path.join(self._directory, f"{STEP_PREFIX}_{step}")
        reader = open_checkpoint(path)
        tree = target.state_dict()
        targets = flatten(tree)
        arrays = read_as(reader, targets, find_sources(targets, reader.shapes, path))
        return target.restore_state(fill(tree, arrays)), read_data_position(path)

    def wait(self) -> None:
        """Returns when the last save is on disk.

        Raises:
            SaveError: it could not be written.
        """
        if self._orbax is not None:
            with self._explained():
                self._orbax.wait_until_finished()

    def close(self) -> None:
        """Finishes the last save and stops the background work.

        Raises:
            SaveError: it could not be written.
        """
        if self._orbax is not None:
            with self._explained():
                self._orbax.close()

    def _make_orbax(self) -> ocp.CheckpointManager:
        options = ocp.CheckpointManagerOptions(
            step_prefix=STEP_PREFIX,
            preservation_policy=self._preservation_policy(),
            async_options=ocp.AsyncOptions(
                post_finalization_callback=self._write_digests,
                # Where a folder cannot be made, Orbax's threads would wait for it for ever.
                create_directories_asynchronously=False,
            ),
            cleanup_tmp_directories=True,
            # Older checkpoints may be damaged: listing them must not read them.
            lightweight_initialize=True,
        )
        return ocp.CheckpointManager(self._directory, item_names=(STATE, DATASET), options=options)

    def _preservation_policy(self) -> ocp.checkpoint_managers.PreservationPolicy:
        policies = ocp.checkpoint_managers
        keep, metric = self._cfg.keep, self._cfg.metric_name_to_monitor
        if keep is not None and metric is not None:
            by_merit = KeepBest(self._directory, metric, self._cfg.metric_mode, keep)
        else:
            by_merit = policies.LatestN(keep)
        fixed = policies.CustomSteps(list(self._cfg.checkpoint_steps or ()))
        return policies.AnyPreservationPolicy([by_merit, fixed])

    def _write_digests(self) -> None:
        """Called by Orbax, on the first host, when all is written and the folder not yet renamed.

        A failure here fails the save, as it should on a full disk.
        """
        for folder in glob.glob(glob.escape(self._saving) + ".orbax-checkpoint-tmp*"):
            write_digests(folder)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns whatever writing raises into a `SaveError`."""
        try:
            yield
        except Exception as error:
            steps = sorted(map(step_of, checkpoints_in(self._directory)))  # type: ignore[type-var]
            before = f"steps {', '.join(map(str, steps))}" if steps else "none"
            raise SaveError(
                f"{self._saving} could not be written: {_reason(error)}.\n"
                f"Checkpoints saved before it are untouched ({before}). Make room or make the "
                "folder writable, then start again: the run goes on from the newest of them.",
                "MODEL_DIR",
            ) from error


def _reason(error: Exception) -> str:
    """Returns the system's words where TensorStore wraps them in a paragraph."""
    if match := re.search(r"os_error_code='(\d+)'", str(error)):
        return os.strerror(int(match[1]))
    return (str(error) or repr(error)).splitlines()[0]


def _save_args(tree: Tree, dtype: DTypeLike) -> Tree:
    """Casts floating parameters; everything else is saved as it is."""

    def args(name: str, leaf: Any) -> ocp.SaveArgs:
        casts = name.startswith("target/") and jnp.issubdtype(leaf.dtype, jnp.floating)
        return ocp.SaveArgs(dtype=jnp.dtype(dtype)) if casts else ocp.SaveArgs()

    return jax.tree.map_with_path(
        lambda path, leaf: args(jax.tree_util.keystr(path, simple=True, separator="/"), leaf), tree
    )
