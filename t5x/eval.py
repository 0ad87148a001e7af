"""Evaluates checkpoints: `python -m t5x.eval --gin_file=gin/eval.gin`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from t5x import gin_utils, hosts, report, results, trainer, utils
from t5x.config_checks import check_checkpoints, check_folder, check_inference
from t5x.data import ShardInfo
from t5x.errors import ConfigError
from t5x.evaluation import InferenceEvaluator, seqio_evaluator
from t5x.models import EncoderDecoderModel
from t5x.partitioning import PjitPartitioner
from t5x.restoring import NoOptimizer, restored_states

TRAINING_EVAL_STEPS = 20

Scores = dict[str, dict[str, float]]


def evaluate(
    *,
    model: EncoderDecoderModel,
    dataset_cfg: utils.DatasetConfig,
    restore_checkpoint_cfg: utils.RestoreCheckpointConfig,
    partitioner: PjitPartitioner,
    output_dir: str,
    inference_evaluator_cls: Callable[..., Any] = seqio_evaluator,
    training_evaluator_cls: Callable[..., trainer.Trainer] | None = None,
    summarize_config_fn: Callable[..., None] = gin_utils.summarize_gin_config,
    train_state_initializer_cls: Callable[..., Any] = utils.TrainStateInitializer,
    train_eval_get_dataset_fn: Callable[..., Any] = utils.get_training_eval_datasets,
    fallback_init_rng: int | None = None,
    use_orbax: bool = True,
) -> dict[int, Scores]:
    """Predicts every example of a split with each checkpoint, and scores the predictions.

    The loggers of `inference_evaluator_cls` write; `seqio.JSONLogger` writes
    `output_dir/inference_eval/<task>-metrics.jsonl`, a line a checkpoint, and
    `<task>-<step>.jsonl` with inputs, targets and predictions.

    Args:
        model: predicts and scores.
        dataset_cfg: examples; `task_feature_lengths=None` means the longest of them.
        restore_checkpoint_cfg: one checkpoint, the newest of a folder, or (mode 'all', or a list of
            paths) each in turn.
        partitioner: which device holds what.
        output_dir: where everything is written.
        inference_evaluator_cls: a configured `seqio.Evaluator`.
        training_evaluator_cls: a configured `trainer.Trainer`; with it the loss on the first 20
            batches of each task is measured too, and written to `training_eval/<task>`.
        summarize_config_fn: called with `(output_dir, None, 0)`.
        train_state_initializer_cls: makes the state that is restored.
        train_eval_get_dataset_fn: makes the data whose loss is measured.
        fallback_init_rng: seed of random parameters where `restore_checkpoint_cfg` allows them.
        use_orbax: accepted for T5X's sake: the layout of a checkpoint is recognised.

    Returns:
        Numbers by step, task and metric.

    Raises:
        ConfigError: the configuration cannot work, or no task has metrics.
    """
    tasks = check_inference(dataset_cfg, model, partitioner)
    _check_metrics(tasks, dataset_cfg)
    check_folder(output_dir, "EVAL_OUTPUT_DIR")
    check_checkpoints(restore_checkpoint_cfg)
    summarize_config_fn(output_dir, None, 0)
    evaluator = InferenceEvaluator(
        dataset_cfg, inference_evaluator_cls, model, partitioner, log_dir=output_dir
    )
    initializer = train_state_initializer_cls(
        optimizer_def=NoOptimizer(),
        init_fn=model.get_initial_variables,
        input_shapes=evaluator.input_shapes,
        partitioner=partitioner,
    )
    watched: Mapping[str, Any] = {}
    if training_evaluator_cls is not None:
        layout = partitioner.get_data_layout(dataset_cfg.batch_size)
        shard_info = ShardInfo(layout.shard_id, layout.num_shards)
        watched = train_eval_get_dataset_fn(
            dataset_cfg, shard_info, model.FEATURE_CONVERTER_CLS, TRAINING_EVAL_STEPS
        )
    loop: trainer.Trainer | None = None
    output = hosts.output()

    scores: dict[int, Scores] = {}
    entries: list[dict[str, Any]] | None = None
    for origin, state in restored_states(initializer, restore_checkpoint_cfg, fallback_init_rng):
        step = int(state.step)
        print(f"\nStep {step}, from {origin}", flush=True, file=output)
        if training_evaluator_cls is not None:
            loop = loop or training_evaluator_cls(
                model=model,
                train_state=state,
                partitioner=partitioner,
                eval_names=list(watched),
                summary_dir=output_dir,
                train_state_axes=initializer.train_state_axes,
                rng=jax.random.key(0),
            )
            loop.train_state = state
            losses = loop.eval({name: ds.as_numpy_iterator() for name, ds in watched.items()})
            print(losses_text(losses), flush=True, file=output)
        scores[step] = evaluator.evaluate(state.params, step)
        if hosts.is_first():
            # What trivial answers score is the same for every checkpoint.
            entries = entries or results.task_results(evaluator, scores[step], output_dir, step, 0)
            tasks = [{**entry, "scores": scores[step][entry["task"]]} for entry in entries]
            print("\n" + report.results_table({"tasks": tasks}), flush=True)
    evaluator.close()
    if loop is not None:
        loop.close()
    written = os.path.abspath(os.path.join(output_dir, "inference_eval"))
    print(f"\nWritten to {written}", file=output)
    return scores


def _check_metrics(tasks: Sequence[Any], cfg: utils.DatasetConfig) -> None:
    if not any(task.metric_objs or task.metric_fns for task in tasks):
        names = ", ".join(task.name for task in tasks)
        raise ConfigError(
            f"No task of {cfg.mixture_or_task_name!r} has metrics ({names}): give it metric_fns, "
            "or predict without scores by `python -m t5x.infer`.",
            "MIXTURE_OR_TASK_NAME",
            "DatasetConfig.mixture_or_task_name",
        )


def losses_text(losses: Mapping[str, Mapping[str, float]]) -> str:
    """Writes the loss of each task.

    Example:
        >>> losses_text({"copy": {"token_loss": 1.25}})
        'loss: copy 1.250'
    """
    name = "token_loss"
    return "loss: " + "   ".join(f"{task} {numbers[name]:.3f}" for task, numbers in losses.items())


def main(argv: Sequence[str]) -> None:
    """Parses the configuration and evaluates."""
    gin_utils.run_configured(evaluate, argv, "gin/eval.gin")


if __name__ == "__main__":
    gin_utils.define_flags()
    gin_utils.run(main, sys.argv)
