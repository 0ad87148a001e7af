"""Trains a model: `python -m t5x.train --gin_file=gin/base.gin`."""

from __future__ import annotations

if __name__ == "__main__":
    from t5x.huge_pages import use_huge_pages

    use_huge_pages()

import dataclasses
import datetime
import functools
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from t5x import checkpoints, gin_utils, hosts, report, results, trainer, utils
from t5x.actions import by_mode
from t5x.config_checks import check_folder, check_lengths
from t5x.data import CheckedSource, ShardInfo, batch_struct, batches, input_shapes
from t5x.evaluation import InferenceEvaluator, seqio_evaluator
from t5x.initialization import count_parameters
from t5x.interruption import Interruption, command_line
from t5x.metric_writing import truncate_metrics_after
from t5x.models import EncoderDecoderModel
from t5x.partitioning import PjitPartitioner
from t5x.progress import Progress, format_duration
from t5x.run_loop import RunLoop, Stops
from t5x.run_start import (
    Start,
    check_configuration,
    find_start,
    first_batch_ahead,
    heading,
    in_background,
    last_step_of,
    settings,
    warn_of_ignored,
    write_costs,
    write_network,
)
from t5x.train_state import FlaxOptimTrainState
from t5x.watching import Watcher

DEFAULT_SEED = 0
SAMPLES_A_TASK = 12


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
    inference_evaluator_cls: Callable[..., Any] = seqio_evaluator,
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
    stop_on_nan: bool = True,
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
        relative_steps: train so many steps from where the run's first part began, instead of to
            `total_steps`: a killed run, started again, ends where it would have ended.
        stats_period: steps between two records of training metrics; at most `eval_period`.
        random_seed: of initialisation, dropout and (where its own is None) data.
        use_hardware_rng: draw dropout with the accelerator's own generator: faster on a TPU, still
            reproducible there.
        summarize_config_fn: called with `(model_dir, summary_writer, step)`.
        inference_evaluator_cls: a configured `seqio.Evaluator`.
        get_dataset_fn: makes the training data: a function as `utils.get_dataset`, or an object
            that checks its own configuration (`data.CheckedSource`), such as a `stream.Stream`.
        concurrent_metrics: accepted for T5X's sake; another value than the default warns.
        actions: by mode ('TRAIN', 'TRAIN_EVAL', 'INFER_EVAL'), what looks at the metrics and may
            end the run, with a checkpoint.
        train_eval_get_dataset_fn: makes the data whose loss is watched; likewise.
        run_eval_before_training: watch the loss of the initial parameters too.
        train_state_initializer_cls: makes the state.
        use_orbax: likewise: checkpoints are always Orbax's.
        verify_matching_vocabs_fn: compares the model's vocabularies with the tasks'; None does not.
        gc_period: likewise.
        report_fn: called with `model_dir` when the run ends; returns the path of its page.
        stop_on_nan: end the run when its loss or a parameter is NaN or infinite, and save no
            checkpoint of it; False goes on, for optimizers that skip such updates.

    Returns:
        The last step and the final state.

    Raises:
        ConfigError: the configuration cannot work.
        DivergedError: the loss or a parameter is NaN or infinite.
        SystemExit: a signal ended the run; 130 for Ctrl-C, 143 for SIGTERM.
    """
    # ---------------------------------------------------------------- settings
    warn_of_ignored(
        concurrent_metrics=(concurrent_metrics, True),
        use_orbax=(use_orbax, True),
        gc_period=(gc_period, 0),
    )
    actions_of = by_mode(actions)
    layout, tasks, watched = check_configuration(
        train_dataset_cfg, train_eval_dataset_cfg, infer_eval_dataset_cfg,
        model, partitioner, verify_matching_vocabs_fn, get_dataset_fn, train_eval_get_dataset_fn,
    )  # fmt: skip
    seed = DEFAULT_SEED if random_seed is None else random_seed
    if use_hardware_rng:
        jax.config.update("jax_default_prng_impl", "unsafe_rbg")
    init_rng, dropout_rng = jax.random.split(jax.random.key(seed))
    check_folder(model_dir, "MODEL_DIR")
    os.makedirs(model_dir, exist_ok=True)
    hosts.check_shared(model_dir)

    # -------------------------------------------------------------------- data
    shard_info = ShardInfo(layout.shard_id, layout.num_shards)
    train_dataset_cfg = _with_seed(train_dataset_cfg, seed)
    train_dataset = get_dataset_fn(
        train_dataset_cfg, shard_info, _converter_for(get_dataset_fn, model)
    )

    make_watched: Callable[[], Mapping[str, Any]] | None = None
    make_evaluator: Callable[[], InferenceEvaluator] | None = None
    if train_eval_dataset_cfg is not None:
        cfg = _with_seed(train_eval_dataset_cfg, seed)
        converter = _converter_for(train_eval_get_dataset_fn, model)
        make_watched = functools.partial(
            train_eval_get_dataset_fn, cfg, shard_info, converter, eval_steps
        )
    if infer_eval_dataset_cfg is not None:
        cfg = _with_seed(infer_eval_dataset_cfg, seed)
        make_evaluator = functools.partial(
            InferenceEvaluator, cfg, inference_evaluator_cls, model, partitioner, log_dir=model_dir
        )

    # ------------------------------------------------------------------- state
    initializer = train_state_initializer_cls(
        optimizer_def=model.optimizer_def,
        init_fn=model.get_initial_variables,
        input_shapes=input_shapes(train_dataset, layout.batch_size),
        partitioner=partitioner,
    )
    save_cfg = checkpoint_cfg.save or checkpoints.SaveCheckpointConfig()
    manager = checkpoints.CheckpointManager(model_dir, save_cfg)
    check = functools.partial(check_lengths, tasks, train_dataset_cfg, "train")
    if run_eval_before_training and make_watched is not None:
        lengths_checked, watched_ahead = in_background(check, make_watched)
        make_watched = watched_ahead.result
    else:
        (lengths_checked,) = in_background(check)
    start = find_start(initializer, manager, checkpoint_cfg.restore, init_rng)
    first_step = start.step
    last_step = last_step_of(start, total_steps, relative_steps, model_dir)
    batch_iter = first_batch_ahead(batches(train_dataset, start=start.batches_read))

    # ----------------------------------------------------------------- trainer
    loop = trainer_cls(
        model=model,
        train_state=start.state,
        partitioner=partitioner,
        eval_names=watched,
        summary_dir=model_dir,
        train_state_axes=initializer.train_state_axes,
        rng=dropout_rng,
    )
    truncate_metrics_after(model_dir, first_step)
    utils.log_model_info(model_dir, start.state, initializer.train_state_axes)
    write_network(model_dir, model)
    shapes = input_shapes(train_dataset, layout.batch_size)
    write_costs(model_dir, start.state, shapes, last_step - start.began_at)
    summarize_config_fn(model_dir, loop.train_metrics_manager, first_step)
    told = settings(model_dir, train_dataset_cfg, start, last_step, partitioner)
    print(heading(told), flush=True, file=hosts.output())
    loop.compile(batch_struct(train_dataset, layout.batch_size))
    lengths_checked.result()

    # -------------------------------------------------------------------- loop
    begin, started = time.monotonic(), datetime.datetime.now(datetime.UTC)
    progress = Progress(first_step, last_step, hosts.output())
    interruption = Interruption()
    watcher = Watcher(loop, make_watched, make_evaluator, progress.say, interruption.watched)
    stops = Stops(last_step, min(stats_period or eval_period, eval_period), eval_period, save_cfg)
    with interruption:
        run = RunLoop(
            loop, batch_iter, watcher, manager, start, stops, actions_of, interruption,
            progress, model_dir, stop_on_nan,
        )  # fmt: skip
        run.run(evaluate_first=run_eval_before_training)
    loop.close()
    watcher.close()

    # ------------------------------------------------------------------ finish
    if interruption.stopped:
        print(_how_to_go_on(interruption, run.step, start, last_step, model_dir), flush=True)
        raise SystemExit(interruption.exit_code)
    if run.reason:
        print(f"The run ends at step {run.step} of {last_step}: {run.reason}.", flush=True)
    if make_evaluator is not None and hosts.is_first():
        summary = {
            "title": str(train_dataset_cfg.mixture_or_task_name),
            "step": run.step,
            "started": started.isoformat(timespec="seconds"),
            "seconds": time.monotonic() - begin,
            "parameters": count_parameters(loop.train_state),
            "settings": told,
            "tasks": _task_results(watcher, run.step, model_dir),
        }
        _report(summary, model_dir, report_fn)
    return run.step, loop.train_state


def _with_seed(cfg: utils.DatasetConfig, seed: int) -> utils.DatasetConfig:
    return cfg if cfg.seed is not None else dataclasses.replace(cfg, seed=seed)


def _converter_for(source: Any, model: EncoderDecoderModel) -> Callable[..., Any] | None:
    """The model's feature converter, which is SeqIO's, for a source that reads SeqIO's tasks."""
    return None if isinstance(source, CheckedSource) else model.FEATURE_CONVERTER_CLS


def _how_to_go_on(
    interruption: Interruption, step: int, start: Start, last_step: int, model_dir: str
) -> str:
    saved = f"saved in {os.path.abspath(model_dir)}" if step > start.step else "as it was found"
    return (
        f"{interruption.name} ended the run at step {step} of {last_step}, which is {saved}. It "
        f"goes on from there with\n  {command_line()}"
    )


def _task_results(watcher: Watcher, step: int, model_dir: str) -> list[dict[str, Any]]:
    """The results of each task; none when the run was not scored at its last step."""
    if watcher.evaluator is None or watcher.scored_at != step:
        return []
    return results.task_results(
        watcher.evaluator, watcher.last_scores, model_dir, step, SAMPLES_A_TASK
    )


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
    gin_utils.run_configured(train, argv, "gin/tiny.gin", is_told_of_preemption=True)


if __name__ == "__main__":
    gin_utils.define_flags()
    gin_utils.run(main, sys.argv)
