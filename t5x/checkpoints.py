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
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from absl import logging
from jax.typing import DTypeLike

from t5x import hosts, storage
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
from t5x.checkpoint_policies import DropTemporary, KeepBest, MetricMode
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
from t5x.save_barrier import SaveBarrier
from t5x.state_transformations import AssignmentMap, find_sources
from t5x.train_state import FlaxOptimTrainState

RestoreMode = Literal["latest", "specific", "all"]
Transformation = Callable[[Tree], Tree]

TEMPORARY = "temporary"
"""Marks, beside the position in the data, a checkpoint that goes when the next is complete."""


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
        temporary_every_minutes: save besides when the last checkpoint is so old, at the next step
            at which metrics are written (`train.stats_period`). These checkpoints, and then those
            of a run that a signal ended too, are temporary: each goes when the next one is
            complete, and `keep` does not count them. None saves by steps alone, and all are kept
            as `keep` says.

    Raises:
        ConfigError: `keep`, `metric_mode` or `temporary_every_minutes` is none of these.
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
    temporary_every_minutes: float | None = None

    def __post_init__(self) -> None:
        if self.temporary_every_minutes is not None and self.temporary_every_minutes <= 0:
            raise ConfigError(
                f"SaveCheckpointConfig.temporary_every_minutes is {self.temporary_every_minutes}: "
                "give a positive number, or None for no checkpoints by time.",
                "SaveCheckpointConfig.temporary_every_minutes",
            )
        if self.keep is not None and self.keep < 1:
            raise ConfigError(
                f"SaveCheckpointConfig.keep is {self.keep}: keep at least 1, or None for all.",
                "SaveCheckpointConfig.keep",
            )
        _check_choice("SaveCheckpointConfig.metric_mode", self.metric_mode, get_args(MetricMode))
        for name in ("keep_dataset_checkpoints", "checkpointer_cls", "checkpoint_manager_cls"):
            _warn_if_ignored(self, name)

    @property
    def temporary_seconds(self) -> float | None:
        """Seconds after which a checkpoint is due by time."""
        minutes = self.temporary_every_minutes
        return None if minutes is None else 60 * minutes


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
        self._temporary: set[int] = set()
        self._failures = 0
        # Made by the first save: reading needs none.
        self._orbax: ocp.CheckpointManager | None = None
        self._barrier: SaveBarrier

    def latest_step(self) -> int | None:
        """Returns the step of the newest whole checkpoint, after the save that is under way.

        Damaged ones that are newer are reported and renamed `checkpoint_<step>.damaged`, so that
        their steps can be saved again.

        Raises:
            DamagedCheckpointError: the run has checkpoints and none is whole.
            StorageError: they cannot be read now.
        """
        self.wait()
        if hosts.is_first():
            report_unfinished(self._directory)
        names = hosts.from_first([os.path.basename(p) for p in checkpoints_in(self._directory)])
        checkpoints = [os.path.join(self._directory, name) for name in names]
        if not checkpoints:
            refuse_if_all_were_set_aside(self._directory)
            return None
        newest = newest_whole(checkpoints)
        if damaged := checkpoints[: checkpoints.index(newest)]:
            if hosts.is_first():
                for checkpoint in damaged:
                    set_aside(checkpoint)
            hosts.wait_for_all("damaged checkpoints to be set aside")
            if self._orbax is not None:
                self._orbax.reload()
        return step_of(newest)

    def save(
        self,
        state: FlaxOptimTrainState,
        data_position: Mapping[str, Any],
        is_temporary: bool = False,
    ) -> bool:
        """Saves in the background; the state may be donated as soon as this returns.

        Where storage has failed the save before this one for a while, this one makes good for it.

        Args:
            state: to be saved under its own step.
            data_position: JSON values that say where in the data the run is.
            is_temporary: it goes when the next one is complete.

        Returns:
            False when this step is saved already.

        Raises:
            SaveError: this checkpoint could not be written, or the one before it could not for a
                reason that does not pass.
        """
        self._wait_patiently()
        step = int(state.step)
        self._saving = os.path.join(self._directory, f"{STEP_PREFIX}_{step}")
        if hosts.from_first(os.path.exists(self._saving)):
            return False
        position = dict(data_position)
        if is_temporary:
            self._temporary.add(step)
            position[TEMPORARY] = True
        begin = functools.partial(self._begin_save, state, position)
        return storage.retried(begin, f"Saving {self._saving}", is_joint=True)

    def has_failed(self) -> bool:
        """Returns at once whether storage has failed the last save for a while: save again.

        Raises:
            SaveError: it has failed for a reason that does not pass, or too often.
        """
        if self._orbax is None:
            return False
        if self._orbax.is_saving_in_progress() and not self._barrier.has_failed:
            return False
        return self._wait_patiently()

    def finish(self, state: FlaxOptimTrainState, data_position: Mapping[str, Any]) -> None:
        """Returns when a step is on disk, and stops the background work.

        Storage that fails for a while is tried again (see `t5x.storage`).

        Args:
            state: as for `save`; it may be saved already.
            data_position: likewise.

        Raises:
            SaveError: it could not be written.
        """

        def save_to_the_end() -> None:
            self.save(state, data_position)
            self.wait()

        step = int(state.step)
        storage.retried(save_to_the_end, f"Saving step {step} to the end", is_joint=True)
        self.close()

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

        def read() -> tuple[FlaxOptimTrainState, dict[str, Any]]:
            reader = open_checkpoint(path)
            tree = target.state_dict()
            targets = flatten(tree)
            arrays = read_as(reader, targets, find_sources(targets, reader.shapes, path))
            return target.restore_state(fill(tree, arrays)), read_data_position(path)

        return storage.retried(read, f"Reading {path}", is_joint=True)

    def wait(self) -> None:
        """Returns when the last save is on disk.

        Raises:
            SaveError: it could not be written.
        """
        if self._orbax is not None:
            try:
                with self._explained():
                    self._orbax.wait_until_finished()
            except SaveError:
                self._orbax = None  # the next save begins with a new one
                raise

    def close(self) -> None:
        """Finishes the last save and stops the background work.

        Raises:
            SaveError: it could not be written.
        """
        if self._orbax is not None:
            with self._explained():
                self._orbax.close()

    def _wait_patiently(self) -> bool:
        """Returns when the last save is on disk, or has failed where another may succeed (True)."""
        try:
            self.wait()
        except SaveError as error:
            self._failures += 1
            # The hosts of several that did not fail wait for the one that did: it has to end.
            is_hopeless = jax.process_count() > 1 or self._failures > len(storage.PAUSES)
            if is_hopeless or not storage.is_passing(error):
                raise
            logging.warning("%s\nThe next step that can be is saved instead.", error.message)
            return True
        self._failures = 0
        return False

    def _begin_save(self, state: FlaxOptimTrainState, data_position: Mapping[str, Any]) -> bool:
        tree = state.state_dict()
        for transform in self._cfg.state_transformation_fns:
            tree = transform(tree)
        items = {
            STATE: ocp.args.PyTreeSave(tree, _save_args(tree, self._cfg.dtype)),
            DATASET: ocp.args.JsonSave(dict(data_position)),
        }
        with self._explained():
            self._orbax = self._orbax or self._make_orbax()
            return self._orbax.save(int(state.step), args=ocp.args.Composite(**items), force=True)

    def _make_orbax(self) -> ocp.CheckpointManager:
        self._barrier = SaveBarrier()
        options = ocp.CheckpointManagerOptions(
            step_prefix=STEP_PREFIX,
            preservation_policy=self._preservation_policy(),
            async_options=ocp.AsyncOptions(
                post_finalization_callback=self._write_digests,
                barrier_sync_fn=self._barrier,
                # Where a folder cannot be made, Orbax's threads would wait for it for ever.
                create_directories_asynchronously=False,
            ),
            cleanup_tmp_directories=True,
            # Older checkpoints may be damaged: listing them must not read them.
            lightweight_initialize=True,
        )
        self._temporary.update(self._temporary_on_disk())
        return ocp.CheckpointManager(self._directory, item_names=(STATE, DATASET), options=options)

    def _preservation_policy(self) -> ocp.checkpoint_managers.PreservationPolicy:
        policies = ocp.checkpoint_managers
        keep, metric = self._cfg.keep, self._cfg.metric_name_to_monitor
        if keep is not None and metric is not None:
            by_merit = KeepBest(self._directory, metric, self._cfg.metric_mode, keep)
        else:
            by_merit = policies.LatestN(keep)
        fixed = policies.CustomSteps(list(self._cfg.checkpoint_steps or ()))
        kept = policies.AnyPreservationPolicy([by_merit, fixed])
        return DropTemporary(self._temporary, kept)

    def _temporary_on_disk(self) -> list[int]:
        """Returns the steps that an earlier part of the run has saved for the time being."""
        if not hosts.is_first():
            return hosts.from_first(None)
        found = []
        for checkpoint in checkpoints_in(self._directory):
            with contextlib.suppress(ValueError, OSError):  # a damaged one is kept
                if read_data_position(checkpoint).get(TEMPORARY):
                    found.append(step_of(checkpoint))
        return hosts.from_first(found)

    def _write_digests(self) -> None:
        """Called by Orbax, on the first host, when all is written and the folder not yet renamed.

        A failure here fails the save, as it should on a full disk.
        """
        for folder in glob.glob(glob.escape(self._saving) + ".orbax-checkpoint-tmp*"):
            storage.retried(functools.partial(write_digests, folder), f"Reading {folder} again")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns whatever writing raises into a `SaveError`."""
        try:
            yield
        except Exception as error:
            if hosts.is_about_lost_process(error):
                raise
            steps = sorted(map(step_of, checkpoints_in(self._directory)))  # type: ignore[type-var]
            before = f"steps {', '.join(map(str, steps))}" if steps else "none"
            raise SaveError(
                f"{self._saving} could not be written: {storage.first_line(error)}.\n"
                f"Checkpoints saved before it are untouched ({before}). Make room or make the "
                "folder writable, then start again: the run goes on from the newest of them.",
                "MODEL_DIR",
            ) from error


def _save_args(tree: Tree, dtype: DTypeLike) -> Tree:
    """Casts floating parameters; everything else is saved as it is."""

    def args(name: str, leaf: Any) -> ocp.SaveArgs:
        casts = name.startswith("target/") and jnp.issubdtype(leaf.dtype, jnp.floating)
        return ocp.SaveArgs(dtype=jnp.dtype(dtype)) if casts else ocp.SaveArgs()

    return jax.tree.map_with_path(
        lambda path, leaf: args(jax.tree_util.keystr(path, simple=True, separator="/"), leaf), tree
    )
