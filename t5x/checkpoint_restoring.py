"""Begins a run, or evaluates, from checkpoints of another run or from a model folder."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from absl import logging
from jax.typing import DTypeLike
from jaxtyping import Array

from t5x.checkpoint_integrity import (
    STEP_PREFIX,
    checkpoints_in,
    find_damage,
    is_checkpoint,
    newest_whole,
    refuse_if_all_were_set_aside,
    report_unfinished,
)
from t5x.checkpoint_network import TARGET
from t5x.checkpoint_reading import (
    CheckpointReader,
    TreeReader,
    fill,
    flatten,
    open_checkpoint,
    read_as,
    read_data_position,
    unflatten,
)
from t5x.checkpoints import RestoreCheckpointConfig
from t5x.errors import ConfigError, did_you_mean
from t5x.huggingface import is_model_folder
from t5x.model_folder_reading import ModelFolderReader
from t5x.state_transformations import find_sources, listed
from t5x.train_state import FlaxOptimTrainState


class NoCheckpointError(ConfigError, FileNotFoundError):
    """There is no checkpoint at the path that was given."""


@dataclasses.dataclass
class Restored:
    """What a checkpoint of another run, or a model folder, gave.

    Attributes:
        state: the state.
        checkpoint: path of the checkpoint or of the model folder.
        data_position: where in the data it stopped; empty unless `restore_dataset` asked for it.
    """

    state: FlaxOptimTrainState
    checkpoint: str
    data_position: dict[str, Any]


def restore_from_path(
    cfg: RestoreCheckpointConfig,
    target: FlaxOptimTrainState,
    initial: Callable[[], FlaxOptimTrainState],
) -> Restored | None:
    """Restores the state of another run; returns None when `cfg` asks for scratch.

    A model folder gives the parameters: step and optimizer's state are the initial ones.

    Args:
        cfg: where, and how strictly.
        target: shapes with shardings; each device reads its own part of the checkpoint. Without
            an optimizer's state, that of the checkpoint is not read.
        initial: makes the initial state, called when some tensors keep their initial value.

    Raises:
        NoCheckpointError: there is no checkpoint at any path, and scratch is no fallback.
        DamagedCheckpointError: the checkpoint, or every one of the folder, is damaged.
        ModelFolderError: the model folder is damaged, or is not of a T5 that we have.
        ConfigError: names or shapes differ from the target's.
    """
    path = choose_checkpoint(cfg)
    if path is None:
        return None
    tree = target.state_dict()
    targets = _with_dtype(flatten(tree), cfg.dtype)
    reader = _reader(path, cfg)
    offered = targets if is_checkpoint(path) else _parameters(targets)
    sources = find_sources(offered, reader.shapes, path, cfg.assignment_map, cfg.strict)
    arrays = read_as(reader, targets, sources)
    if len(arrays) < len(targets):
        fresh = flatten(initial().state_dict())
        arrays = {
            name: arrays[name] if name in arrays else fresh[name].astype(leaf.dtype)
            for name, leaf in targets.items()
        }
    position = read_data_position(path) if cfg.restore_dataset else {}
    return Restored(target.restore_state(fill(tree, arrays)), path, position)


def read_part(
    part: str, path: str, targets: Mapping[str, jax.ShapeDtypeStruct]
) -> dict[str, Array]:
    """Returns the parameters of a part of a model, from a checkpoint of a network that has them.

    The checkpoint may hold more: of a whole encoder-decoder a part that is an encoder takes the
    embedding and the encoder.

    Args:
        part: what the names of its parameters begin with in the model, and not in the checkpoint:
            `text_encoder` for `text_encoder/encoder/encoder_norm/scale`.
        path: a checkpoint, a folder of them (its newest whole one), or a model folder.
        targets: all parameters of the model by name: shape, dtype and sharding.

    Raises:
        NoCheckpointError: there is none.
        DamagedCheckpointError: it is damaged.
        ModelFolderError: the model folder is damaged, or is not of a T5 that we have.
        ConfigError: the model has no such part, or the checkpoint has other names or shapes.
    """
    setting = "TrainStateInitializer.initial_checkpoints"
    wanted = {
        ours: TARGET + ours.removeprefix(f"{part}/")
        for ours in targets
        if ours.startswith(f"{part}/")
    }
    if not wanted:
        parts = sorted({name.partition("/")[0] for name in targets})
        raise ConfigError(
            f"initial_checkpoints has a checkpoint for {part!r}, which the model lacks."
            f"{did_you_mean(part, parts)} Its parts: {', '.join(parts)}.",
            setting,
        )
    checkpoint = find_checkpoint(path) or (os.path.abspath(path) if is_model_folder(path) else None)
    if checkpoint is None:
        raise NoCheckpointError(
            f"No checkpoint for {part} at {path}: give a folder {STEP_PREFIX}_<step>, one that "
            "holds such folders, or a model folder in Hugging Face's layout; None begins from "
            "random values.",
            setting,
        )
    reader = _open(checkpoint)
    problems = [
        f"{ours}: {_shape(reader.shapes, theirs)} in the checkpoint, {targets[ours].shape} in the "
        "model"
        for ours, theirs in wanted.items()
        if _shape(reader.shapes, theirs) != targets[ours].shape
    ]
    if problems:
        raise ConfigError(
            f"{checkpoint} does not fit {part}:\n{listed(problems)}\nAn embedding of other rows "
            "belongs to another vocabulary: train with that of the checkpoint. Other differences "
            f"are of size: give {part} the sizes that the checkpoint has.",
            setting,
        )
    return read_as(reader, targets, wanted)


def _shape(shapes: Mapping[str, jax.ShapeDtypeStruct], name: str) -> tuple[int, ...] | str:
    return tuple(shapes[name].shape) if name in shapes else "absent"


def choose_checkpoint(cfg: RestoreCheckpointConfig) -> str | None:
    """Returns the whole checkpoint, or the model folder, that is meant; None means scratch.

    Args:
        cfg: of its paths, the first that has one counts; of a folder of checkpoints, the newest
            whole one.

    Raises:
        NoCheckpointError: there is none, and scratch is no fallback.
        DamagedCheckpointError: it, or every one of the folder, is damaged.
        ConfigError: mode 'all', which is for evaluation, or a folder in mode 'specific'.
    """
    if cfg.mode == "all":
        raise ConfigError(
            "RestoreCheckpointConfig.mode is 'all', which is for evaluation: set 'latest' to begin "
            "from the newest checkpoint.",
            "RestoreCheckpointConfig.mode",
        )
    for path in cfg.paths:
        if found := find_checkpoint(path, cfg.mode == "specific"):
            return found
        if is_model_folder(path):
            return os.path.abspath(path)
    if not cfg.paths:
        return None
    if cfg.fallback_to_scratch:
        logging.warning("No checkpoint at %s: falling back to scratch.", ", ".join(cfg.paths))
        return None
    raise NoCheckpointError(
        f"No checkpoint at {', '.join(cfg.paths)}: set INITIAL_CHECKPOINT_PATH to a folder "
        f"{STEP_PREFIX}_<step>, to one that holds such folders, or to a model folder in Hugging "
        "Face's layout (config.json, model.safetensors). A path in a cloud bucket must be mounted "
        "or copied here first.",
        "INITIAL_CHECKPOINT_PATH",
        "RestoreCheckpointConfig.path",
    )


def find_checkpoint(path: str, specific: bool = False) -> str | None:
    """Returns the whole checkpoint that a path means: itself, or the newest of a folder of them.

    Args:
        path: `.../checkpoint_100`, or a folder that holds such folders.
        specific: it must be a checkpoint itself.

    Raises:
        DamagedCheckpointError: it, or every one of the folder, is damaged.
        ConfigError: it is a folder of checkpoints and a specific one was asked for.
    """
    path = os.path.abspath(path)
    if is_checkpoint(path):
        return newest_whole([path])
    candidates = checkpoints_in(path)
    if specific and candidates:
        raise ConfigError(
            f"{path} is a folder of checkpoints, and RestoreCheckpointConfig.mode is 'specific': "
            f"name one, such as {candidates[0]}, or set mode = 'latest'.",
            "RestoreCheckpointConfig.path",
        )
    report_unfinished(path)
    if not candidates:
        refuse_if_all_were_set_aside(path)
        return None
    return newest_whole(candidates)


def checkpoints_to_evaluate(cfg: RestoreCheckpointConfig) -> list[str]:
    """Returns the checkpoints to evaluate, one after the other.

    Args:
        cfg: in mode 'all' every whole checkpoint of each folder by rising step, damaged ones being
            reported and passed over; else one for each path. A path without any checkpoint stays
            in the list, so that restoring it says so or falls back to scratch.

    Raises:
        DamagedCheckpointError: a checkpoint named by its own path, or every one of a folder, is
            damaged.
    """
    chosen: list[str] = []
    for path in cfg.paths:
        candidates = checkpoints_in(path)
        if cfg.mode == "all" and candidates and not is_checkpoint(path):
            chosen += _all_whole(candidates)
        else:
            chosen.append(find_checkpoint(path, cfg.mode == "specific") or path)
    return chosen


def _all_whole(candidates: list[str]) -> list[str]:
    newest = newest_whole(candidates)
    whole = [newest]
    for checkpoint in candidates[candidates.index(newest) + 1 :]:
        if damage := find_damage(checkpoint):
            logging.warning("%s is damaged: %s. It is passed over.", checkpoint, damage)
        else:
            whole.append(checkpoint)
    return whole[::-1]


def _open(path: str) -> CheckpointReader:
    return open_checkpoint(path) if is_checkpoint(path) else ModelFolderReader(path)


def _reader(path: str, cfg: RestoreCheckpointConfig) -> CheckpointReader:
    reader = _open(path)
    if not cfg.state_transformation_fns:
        return reader
    tree = unflatten(reader.read_numpy(list(reader.shapes)))
    for transform in cfg.state_transformation_fns:
        tree = transform(tree)
    return TreeReader(tree)


def _parameters(targets: dict[str, jax.ShapeDtypeStruct]) -> dict[str, jax.ShapeDtypeStruct]:
    return {name: leaf for name, leaf in targets.items() if name.startswith(TARGET)}


def _with_dtype(
    targets: dict[str, jax.ShapeDtypeStruct], dtype: DTypeLike | None
) -> dict[str, jax.ShapeDtypeStruct]:
    """Casts floating parameters."""
    if dtype is None:
        return targets
    return {
        name: leaf.update(dtype=jnp.dtype(dtype))
        if name.startswith(TARGET) and jnp.issubdtype(leaf.dtype, jnp.floating)
        else leaf
        for name, leaf in targets.items()
    }
