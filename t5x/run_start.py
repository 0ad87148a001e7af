"""How a training run begins: what it starts from, and what it says of itself."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
from absl import logging

from t5x import checkpoints, config_checks, hosts, utils
from t5x.data import CheckedSource
from t5x.errors import ConfigError
from t5x.initialization import count_parameters
from t5x.metric_writing import is_evaluated
from t5x.model_costs import COSTS, step_flops, trained_parameters
from t5x.models import EncoderDecoderModel
from t5x.network_description import NETWORK, describe
from t5x.partitioning import DataLayout, PjitPartitioner
from t5x.results import reported_step
from t5x.train_state import FlaxOptimTrainState

BATCHES = "batches"
BEGAN_AT = "began_at"

TRIAL_STEPS = 10
"""A run of fewer steps is a trial of the machinery and is not evaluated at its end: that would take
longer than the run itself, and the predictions of an untrained model never end early."""


@dataclasses.dataclass
class Start:
    """Where a run begins, or goes on.

    Attributes:
        state: the state; its memory goes to the first step's.
        step: steps done.
        batches_read: batches that earlier parts of the run have consumed.
        began_at: the step at which its first part began.
        origin: where the state comes from, in words.
    """

    state: FlaxOptimTrainState
    step: int
    batches_read: int
    began_at: int
    origin: str


def find_start(
    initializer: utils.TrainStateInitializer,
    manager: checkpoints.CheckpointManager,
    restore_cfg: checkpoints.RestoreCheckpointConfig | None,
    init_rng: jax.Array,
) -> Start:
    """Returns where the run begins, in order of precedence."""
    # 1. the newest checkpoint of this run
    step = manager.latest_step()
    if step is not None:
        state, position = manager.restore(step, initializer.global_train_state_shape)
        batches_read = int(position.get(BATCHES, 0))
        began_at = int(position.get(BEGAN_AT, step - batches_read))
        return Start(state, step, batches_read, began_at, f"own checkpoint of step {step}")
    # 2. the checkpoint that the configuration names
    if restore_cfg is not None:
        restored = initializer.restore(restore_cfg, init_rng)
        if restored is not None:
            batches_read = int(restored.data_position.get(BATCHES, 0))
            step = int(restored.state.step)
            origin = f"checkpoint {restored.checkpoint}"
            return Start(restored.state, step, batches_read, began_at=step, origin=origin)
    # 3. the seed
    return Start(initializer.from_scratch(init_rng), 0, 0, 0, initializer.scratch)


def last_step_of(start: Start, total_steps: int, relative_steps: int | None, model_dir: str) -> int:
    """Returns the step to train to.

    A run that was killed after its last step, before it was evaluated and had reported, may go on
    from there.

    Args:
        start: of this part of the run.
        total_steps: counted as the restored checkpoint counts.
        relative_steps: counted from the step at which the run's first part began; None: not given.
        model_dir: of the run.

    Raises:
        ConfigError: it is reached already.
    """
    last_step = total_steps if relative_steps is None else start.began_at + relative_steps
    if start.step == last_step and hosts.from_first(_lacks_its_report(start, model_dir)):
        return last_step
    if start.step >= last_step:
        name = "TRAIN_STEPS" if relative_steps is None else "TRAIN_STEPS_RELATIVE"
        asked = total_steps if relative_steps is None else relative_steps
        raise ConfigError(
            f"There is nothing to train: {name} is {asked}, up to step {last_step}, and the "
            f"{start.origin} (MODEL_DIR: {os.path.abspath(model_dir)}) has {start.step} already. "
            f"Give more steps to go on, or another MODEL_DIR to begin anew; `python -m t5x.eval` "
            "evaluates what is there.",
            "train.total_steps" if relative_steps is None else "train.relative_steps",
            "train.model_dir",
        )
    return last_step


def _lacks_its_report(start: Start, model_dir: str) -> bool:
    """Tells whether the evaluation or the report of a run's last step was cut short."""
    if start.step - start.began_at < TRIAL_STEPS:
        return False
    if not is_evaluated(model_dir, start.step):
        return True
    is_scored = os.path.isdir(os.path.join(model_dir, "inference_eval"))
    return is_scored and reported_step(model_dir) != start.step


def check_configuration(
    train_cfg: utils.DatasetConfig,
    train_eval_cfg: utils.DatasetConfig | None,
    infer_eval_cfg: utils.DatasetConfig | None,
    model: EncoderDecoderModel,
    partitioner: PjitPartitioner,
    verify_vocabularies: Callable[..., None] | None,
    train_source: Callable[..., Any] = utils.get_dataset,
    train_eval_source: Callable[..., Any] = utils.get_training_eval_datasets,
) -> tuple[DataLayout, list[Any], list[str]]:
    """Refuses what cannot work, before data are read.

    A `CheckedSource` checks its own configuration; what is read through SeqIO is checked here.

    Returns:
        The layout of the training data, its SeqIO tasks (none of a `CheckedSource`), and the names
        of the datasets whose loss is watched.

    Raises:
        ConfigError: what cannot work.
    """
    compared = None if verify_vocabularies is None else model
    layout = config_checks.check_batch(train_cfg, partitioner, "train")
    tasks, _ = _check_source(train_source, train_cfg, compared, "train")
    config_checks.check_embedding(model)
    if tasks and verify_vocabularies is not None:
        config_checks.check_vocabularies(train_cfg, model, verify_vocabularies, "train")
    watched: list[str] = []
    if train_eval_cfg is not None:
        config_checks.check_batch(train_eval_cfg, partitioner, "train_eval")
        _, watched = _check_source(train_eval_source, train_eval_cfg, compared, "train_eval")
    if infer_eval_cfg is not None:
        config_checks.check_batch(infer_eval_cfg, partitioner, "infer_eval")
        config_checks.check_dataset(infer_eval_cfg, "infer_eval")
    return layout, tasks, watched


def _check_source(
    source: Callable[..., Any], cfg: utils.DatasetConfig, model: Any, scope: str
) -> tuple[list[Any], list[str]]:
    """The SeqIO tasks that a source reads, and the names of its datasets."""
    if isinstance(source, CheckedSource):
        return [], source.check(cfg, model, scope)
    tasks = config_checks.check_dataset(cfg, scope)
    return tasks, [task.name for task in tasks]


def warn_of_ignored(**given: tuple[Any, Any]) -> None:
    """Warns once of each argument that is set away from its default and has no effect.

    Args:
        given: (value, default) by name.
    """
    for name, (value, default) in given.items():
        if value != default:
            logging.warning("train.%s=%r has no effect in this engine.", name, value)


def in_background(*calls: Callable[[], Any]) -> list[concurrent.futures.Future[Any]]:
    """Makes calls one after another in a thread of their own, while the caller compiles.

    One after another, because SeqIO counts the seeds of its preprocessors in a global variable.

    Args:
        calls: TensorFlow's work, which leaves the interpreter to others most of the time.

    Returns:
        The result of each.
    """
    pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="ahead")
    futures = [pool.submit(call) for call in calls]
    pool.shutdown(wait=False)
    return futures


def first_batch_ahead(iterator: Iterator[Any]) -> Iterator[Any]:
    """Begins to fetch the first batch in the background.

    Args:
        iterator: endless.

    Example:
        >>> import itertools
        >>> list(itertools.islice(first_batch_ahead(itertools.count()), 3))
        [0, 1, 2]
    """
    (first,) = in_background(functools.partial(next, iterator))

    def chained() -> Iterator[Any]:
        yield first.result()
        yield from iterator

    return chained()


def write_network(model_dir: str, model: EncoderDecoderModel) -> None:
    """Writes the network's sizes to `network.json`, for those who load its checkpoints.

    Args:
        model_dir: of the run; the first host writes.
        model: its module has a dataclass `config`; without one nothing is written.
    """
    config = getattr(model.module, "config", None)
    if not hosts.is_first() or not dataclasses.is_dataclass(config):
        return
    with open(os.path.join(model_dir, NETWORK), "w", encoding="utf-8") as file:
        json.dump(describe(config), file, indent=2)


def write_costs(
    model_dir: str, state: FlaxOptimTrainState, shapes: Mapping[str, tuple[int, ...]], steps: int
) -> None:
    """Writes the run's size and what its steps cost to `costs.json`.

    Args:
        model_dir: of the run; the first host writes.
        state: of the run.
        shapes: of a global batch's features.
        steps: that the run takes in all.
    """
    if jax.process_index() != 0:
        return
    trains = state.optimizer_def.trains
    costs = {
        "parameters": count_parameters(state),
        "trained_parameters": trained_parameters(state.params, trains),
        "flops_a_step": step_flops(state.params, shapes, trains),
        "places_a_step": sum(
            math.prod(shapes[name]) for name in ("encoder_input_tokens", "decoder_target_tokens")
        ),
        "steps": steps,
    }
    with open(os.path.join(model_dir, COSTS), "w", encoding="utf-8") as file:
        json.dump(costs, file, indent=2)


def settings(
    model_dir: str,
    cfg: utils.DatasetConfig,
    start: Start,
    last_step: int,
    partitioner: PjitPartitioner,
) -> dict[str, str]:
    """Returns what a person wants to know before the first step."""
    lengths = dict(cfg.task_feature_lengths or {})
    tokens = cfg.batch_size * sum(lengths.values())
    devices = partitioner.mesh.devices
    packed = ", packed" if cfg.pack else ""
    shape = " x ".join(str(n) for n in devices.shape)
    on_hosts = f" on {jax.process_count()} hosts" if jax.process_count() > 1 else ""
    return {
        "task or mixture": f"{cfg.mixture_or_task_name}, split {cfg.split}",
        "parameters": f"{count_parameters(start.state):,}, from {start.origin}",
        "steps": f"{start.step} to {last_step}",
        "batch": f"{cfg.batch_size} rows of {lengths}{packed}: {tokens:,} tokens a step",
        "devices": f"{devices.size} {devices.flat[0].platform}{on_hosts} (data x model: {shape})",
        "writes to": os.path.abspath(model_dir),
    }


def heading(settings: Mapping[str, str]) -> str:
    """Writes settings below each other."""
    width = max(map(len, settings))
    lines = [f"  {name:<{width}}  {value}" for name, value in settings.items()]
    return "\n" + "\n".join(lines) + "\n"
