"""Trains a model: `python -m t5x.train --gin_file=gin/base.gin`."""

from __future__ import annotations

import dataclasses
import datetime
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from absl import flags

from t5x import checkpoints, gin_utils, quiet, report, results, trainer, utils
from t5x.data import batches, input_shapes, seqio
from t5x.evaluation import InferenceEvaluator
from t5x.initialization import count_parameters
from t5x.models import EncoderDecoderModel
from t5x.partitioning import PjitPartitioner
from t5x.progress import Progress, format_duration
from t5x.train_state import FlaxOptimTrainState

DEFAULT_SEED = 0
SAMPLES_A_TASK = 12
TRIAL_STEPS = 10


def train(
    *,
    model: EncoderDecoderModel,
    train_dataset_cfg: utils.DatasetConfig,
    train_eval_dataset_cfg: utils.DatasetConfig | None,
    infer_eval_dataset_cfg: utils.DatasetConfig | None,
    checkpoint_cfg: utils.CheckpointConfig,
    partitioner: PjitPartitioner,
    trainer_cls: Callable[..., trainer.Trainer],
    model_dir: str,
    total_steps: int,
    eval_steps: int,
    eval_period: int,
    relative_steps: int | None = None,
    stats_period: int | None = None,
    random_seed: int | None = None,
    use_hardware_rng: bool = False,
    summarize_config_fn: Callable[..., None] = gin_utils.summarize_gin_config,
    inference_evaluator_cls: Callable[..., Any] = seqio.Evaluator,
    get_dataset_fn: Callable[..., Any] = utils.get_dataset,
    concurrent_metrics: bool = True,
    actions: Mapping[str, Sequence[trainer.BaseAction]] | None = None,
    train_eval_get_dataset_fn: Callable[..., Any] = utils.get_training_eval_datasets,
    run_eval_before_training: bool = False,
    train_state_initializer_cls: Callable[..., Any] = utils.TrainStateInitializer,
    use_orbax: bool = True,
    verify_matching_vocabs_fn: Callable[..., None] | None = utils.verify_matching_vocabs,
    gc_period: int = 0,
    report_fn: Callable[[str], str] | None = report.write_report,
) -> tuple[int, FlaxOptimTrainState]:
    """Trains a model, watches it on the validation data, and reports what it has learned.

    Parameters come from, in this order: the newest checkpoint in `model_dir`;
    `checkpoint_cfg.restore.path`; initialisation.

    Args:
        model: what to train.
        train_dataset_cfg: examples to learn from.
        train_eval_dataset_cfg: examples whose loss is watched; None watches none.
        infer_eval_dataset_cfg: examples that are predicted and scored; None scores none.
        checkpoint_cfg: when to save, where to begin.
        partitioner: which device holds what.
        trainer_cls: makes the trainer.
        model_dir: where everything is written.
        total_steps: step to train to, counted as the restored checkpoint counts.
        eval_steps: batches a task whose loss is watched.
        eval_period: steps between evaluations.
        relative_steps: train so many steps from where the run begins, instead of to `total_steps`.
        stats_period: steps between two records of training metrics; at most `eval_period`.
        random_seed: of initialisation, dropout and (where its own is None) data.
        use_hardware_rng: draw dropout with the accelerator's own generator: faster on a TPU, still
            reproducible there.
        summarize_config_fn: called with `(model_dir, summary_writer, step)`.
        inference_evaluator_cls: a configured `seqio.Evaluator`.
        get_dataset_fn: makes the training data.
        concurrent_metrics: accepted for T5X's sake.
        actions: by mode, what looks at the metrics and may end the run.
        train_eval_get_dataset_fn: makes the data whose loss is watched.
        run_eval_before_training: watch the loss of the initial parameters too.
        train_state_initializer_cls: makes the state.
        use_orbax: accepted for T5X's sake: checkpoints are always Orbax's.
        verify_matching_vocabs_fn: compares the model's vocabularies with the tasks'; None does not.
        gc_period: accepted for T5X's sake.
        report_fn: called with `model_dir` when the run ends; returns the path of its page.

    Returns:
        The last step and the final state.
    """
    # ---------------------------------------------------------------- settings
    seed = DEFAULT_SEED if random_seed is None else random_seed
    if use_hardware_rng:
        jax.config.update("jax_default_prng_impl", "unsafe_rbg")
    init_rng, dropout_rng = jax.random.split(jax.random.key(seed))
    train_dataset_cfg = _with_seed(train_dataset_cfg, seed)
    os.makedirs(model_dir, exist_ok=True)

    # -------------------------------------------------------------------- data
    layout = partitioner.get_data_layout(train_dataset_cfg.batch_size)
    shard_info = seqio.ShardInfo(layout.shard_id, layout.num_shards)
    converter = model.FEATURE_CONVERTER_CLS
    if verify_matching_vocabs_fn is not None:
        verify_matching_vocabs_fn(train_dataset_cfg, model)
    train_dataset = get_dataset_fn(train_dataset_cfg, shard_info, converter)
    watched: Mapping[str, Any] = {}
    if train_eval_dataset_cfg is not None:
        watched = train_eval_get_dataset_fn(
            _with_seed(train_eval_dataset_cfg, seed), shard_info, converter, eval_steps
        )
    evaluator = None
    if infer_eval_dataset_cfg is not None:
        evaluator = InferenceEvaluator(
            _with_seed(infer_eval_dataset_cfg, seed),
            inference_evaluator_cls, model, partitioner, log_dir=model_dir,
        )  # fmt: skip

    # ------------------------------------------------------------------- state
    initializer = train_state_initializer_cls(
        optimizer_def=model.optimizer_def,
        init_fn=model.get_initial_variables,
        input_shapes=input_shapes(train_dataset, layout.batch_size),
        partitioner=partitioner,
    )
    save_cfg = checkpoint_cfg.save or checkpoints.SaveCheckpointConfig()
    manager = checkpoints.CheckpointManager(model_dir, save_cfg)
    state, batches_read, origin = _initial_state(
        initializer, manager, checkpoint_cfg.restore, init_rng
    )
    first_step = int(state.step)
    last_step = total_steps if relative_steps is None else first_step + relative_steps

    # ----------------------------------------------------------------- trainer
    loop = trainer_cls(
        model=model,
        train_state=state,
        partitioner=partitioner,
        eval_names=list(watched),
        summary_dir=model_dir,
        train_state_axes=initializer.train_state_axes,
        rng=dropout_rng,
    )
    loop.train_metrics_manager.truncate_after(first_step)
    utils.log_model_info(model_dir, state, initializer.train_state_axes)
    summarize_config_fn(model_dir, loop.train_metrics_manager, first_step)
    settings = _settings(
        model_dir, train_dataset_cfg, state, origin, first_step, last_step, partitioner
    )
    print(_heading(settings), flush=True)

    # -------------------------------------------------------------------- loop
    begin, started = time.monotonic(), datetime.datetime.now(datetime.UTC)
    progress = Progress(first_step, last_step)
    stats_period = min(stats_period or eval_period, eval_period)
    batch_iter = batches(train_dataset, start=batches_read)
    scores: dict[str, dict[str, float]] = {}
    step = first_step

    def evaluate(predict: bool = True) -> dict[str, dict[str, float]]:
        paused = time.monotonic()
        losses = loop.eval({name: ds.as_numpy_iterator() for name, ds in watched.items()})
        progress.say(_losses_line(step, losses))
        result = {}
        if evaluator is not None and predict:
            result = evaluator.evaluate(loop.train_state.params, step)
        progress.pause(time.monotonic() - paused)
        return result

    if run_eval_before_training:
        evaluate(predict=False)
    while step < last_step:
        stop = _next_stop(step, last_step, stats_period, eval_period, save_cfg)
        numbers = loop.train(batch_iter, stop - step, start_step=step)
        batches_read += stop - step
        step = stop
        progress.update(step, numbers)
        if step == last_step or _saves_at(step, save_cfg):
            manager.save(loop.train_state, {"batches": batches_read})
        # A run of a few steps is a trial of the machinery: evaluating it would take longer than
        # the run itself, and the predictions of an untrained model never end early.
        ends = step == last_step and step - first_step >= TRIAL_STEPS
        if ends or step % eval_period == 0:
            scores = evaluate()

    # ------------------------------------------------------------------ finish
    progress.close()
    manager.close()
    loop.close()
    if evaluator is not None and jax.process_index() == 0:
        summary = {
            "title": str(train_dataset_cfg.mixture_or_task_name),
            "step": step,
            "started": started.isoformat(timespec="seconds"),
            "seconds": time.monotonic() - begin,
            "parameters": count_parameters(loop.train_state),
            "settings": settings,
            "tasks": results.task_results(evaluator, scores, model_dir, step, SAMPLES_A_TASK),
        }
        _report(summary, model_dir, report_fn)
        evaluator.close()
    return step, loop.train_state


def _with_seed(cfg: utils.DatasetConfig, seed: int) -> utils.DatasetConfig:
    return cfg if cfg.seed is not None else dataclasses.replace(cfg, seed=seed)


def _initial_state(
    initializer: utils.TrainStateInitializer,
    manager: checkpoints.CheckpointManager,
    restore_cfg: checkpoints.RestoreCheckpointConfig | None,
    init_rng: jax.Array,
) -> tuple[FlaxOptimTrainState, int, str]:
    """Returns (state, batches read so far, where it comes from), in order of precedence."""
    # 1. the newest checkpoint of this run
    step = manager.latest_step()
    if step is not None:
        state, position = manager.restore(step, initializer.global_train_state_shape)
        return state, int(position.get("batches", 0)), f"own checkpoint of step {step}"
    # 2. the checkpoint that the configuration names
    if restore_cfg is not None:
        restored = initializer.from_checkpoint(restore_cfg)
        if restored is not None:
            return restored, 0, f"checkpoint {restore_cfg.path}"
    # 3. the seed
    return initializer.from_scratch(init_rng), 0, "random initialisation"


def _saves_at(step: int, cfg: checkpoints.SaveCheckpointConfig) -> bool:
    return bool(cfg.period and step % cfg.period == 0) or step in (cfg.checkpoint_steps or ())


def _next_stop(
    step: int,
    last_step: int,
    stats_period: int,
    eval_period: int,
    cfg: checkpoints.SaveCheckpointConfig,
) -> int:
    """Returns the next step at which something happens besides training."""
    periods = [p for p in (stats_period, eval_period, cfg.period) if p]
    stops = [(step // period + 1) * period for period in periods]
    stops += [s for s in cfg.checkpoint_steps or () if s > step]
    return min([*stops, last_step])


def _settings(
    model_dir: str,
    cfg: utils.DatasetConfig,
    state: FlaxOptimTrainState,
    origin: str,
    first_step: int,
    last_step: int,
    partitioner: PjitPartitioner,
) -> dict[str, str]:
    """Returns what a person wants to know before the first step."""
    lengths = dict(cfg.task_feature_lengths or {})
    tokens = cfg.batch_size * sum(lengths.values())
    devices = partitioner.mesh.devices
    packed = ", packed" if cfg.pack else ""
    shape = " x ".join(str(n) for n in devices.shape)
    return {
        "task or mixture": f"{cfg.mixture_or_task_name}, split {cfg.split}",
        "parameters": f"{count_parameters(state):,}, from {origin}",
        "steps": f"{first_step} to {last_step}",
        "batch": f"{cfg.batch_size} rows of {lengths}{packed}: {tokens:,} tokens a step",
        "devices": f"{devices.size} {devices.flat[0].platform} (data x model: {shape})",
        "writes to": os.path.abspath(model_dir),
    }


def _heading(settings: Mapping[str, str]) -> str:
    width = max(map(len, settings))
    return (
        "\n" + "\n".join(f"  {name:<{width}}  {value}" for name, value in settings.items()) + "\n"
    )


def _losses_line(step: int, losses: Mapping[str, Mapping[str, float]]) -> str:
    """Writes the validation loss of each task."""
    if not losses:
        return f"step {step}: no validation data"
    parts = [
        f"{task} {numbers['loss_per_nonpadding_target_token']:.3f}"
        for task, numbers in losses.items()
        if "loss_per_nonpadding_target_token" in numbers
    ]
    return f"step {step}   validation loss: " + "   ".join(parts)


def _report(
    summary: Mapping[str, Any], model_dir: str, report_fn: Callable[[str], str] | None
) -> None:
    results.write_results(model_dir, summary)
    print("\n" + report.samples_text(summary))
    print("\n" + report.results_table(summary))
    print(f"\n{format_duration(summary['seconds'])} for this part of the run.")
    if report_fn is not None:
        print(f"The whole report: {report_fn(model_dir)}", flush=True)


def main(argv: Sequence[str]) -> None:
    """Parses the configuration and trains."""
    if len(argv) > 1:
        raise SystemExit(f"Unexpected arguments: {' '.join(argv[1:])}. See --help.")
    values = flags.FLAGS
    if not values.gin_file:
        raise SystemExit("Give a configuration, such as --gin_file=gin/tiny.gin.")
    quiet.drop_native_chatter()
    quiet.quieten_absl()
    if values.tfds_data_dir:
        seqio.set_tfds_data_dir_override(values.tfds_data_dir)
    seqio.add_global_cache_dirs(values.seqio_additional_cache_dirs)
    gin_utils.parse_gin_flags(values.gin_search_paths, values.gin_file, values.gin_bindings)
    gin_utils.gin.get_configurable(train)()


if __name__ == "__main__":
    gin_utils.define_flags()
    gin_utils.run(main, sys.argv)
