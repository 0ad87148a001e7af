"""Predictions and scores of a model over SeqIO's evaluation sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax

from t5x import hosts
from t5x.data import DatasetConfig, get_mixture_or_task, import_module, seqio
from t5x.inference import get_batch_infer_fn, unzip_aux
from t5x.models import EncoderDecoderModel
from t5x.optimizers import Tree
from t5x.partitioning import PjitPartitioner

InferFn = Callable[..., list[tuple[int, Any]]]
"""From (dataset, parameters, what its batches pass through) to (index, result) pairs."""

Passing = Callable[[Iterable[Any]], Iterable[Any]]


def seqio_evaluator(**arguments: Any) -> Any:
    """Returns a `seqio.Evaluator`; SeqIO is imported when it is called, not before."""
    return seqio.Evaluator(**arguments)


def get_infer_fn(
    infer_step: Callable[..., Any],
    batch_size: int,
    partitioner: PjitPartitioner,
    params_sharding: Any = None,
    rng: jax.Array | None = None,
) -> InferFn:
    """Returns a function from an enumerated dataset to one result a row.

    Args:
        infer_step: `model.predict_batch`, `model.score_batch` or their kind.
        batch_size: rows of a batch; a multiple of the mesh's data axis. The last batch may have
            fewer (see `inference.get_batch_infer_fn`).
        partitioner: where arrays live.
        params_sharding: of the parameters; as they are when None.
        rng: for sampling (see `inference.get_batch_infer_fn`).

    Returns:
        `(dataset, params) -> [(index, result), ...]`, in the order of the dataset. A third
        argument is called with the iterator of batches, and may end it early by an exception.
    """
    infer_batch = get_batch_infer_fn(infer_step, batch_size, partitioner, params_sharding, rng)

    def infer(dataset: Any, params: Tree, passing: Passing = iter) -> list[tuple[int, Any]]:
        results: list[tuple[int, Any]] = []
        for indices, batch in passing(dataset.batch(batch_size).as_numpy_iterator()):
            answers = infer_batch(params, batch, int(indices[0]))
            results += zip(map(int, indices), answers, strict=True)
        return results

    return infer


class InferenceEvaluator:
    """Runs the metrics of a mixture's tasks on a model's predictions.

    Args:
        dataset_cfg: of the evaluation; `task_feature_lengths=None` means the longest example.
        inference_evaluator_cls: `seqio.Evaluator`, or what a gin file configures in its place.
        model: predicts and scores.
        partitioner: where arrays live.
        log_dir: for the evaluator's loggers.
        params_sharding: of the parameters.
    """

    def __init__(
        self,
        dataset_cfg: DatasetConfig,
        inference_evaluator_cls: Callable[..., Any],
        model: EncoderDecoderModel,
        partitioner: PjitPartitioner,
        log_dir: str | None = None,
        params_sharding: Any = None,
    ) -> None:
        import_module(dataset_cfg.module)
        name = dataset_cfg.mixture_or_task_name
        get_mixture_or_task(name)
        lengths = dataset_cfg.task_feature_lengths
        log_dir = None if log_dir is None else os.path.join(log_dir, "inference_eval")
        if log_dir is not None:
            os.makedirs(log_dir, exist_ok=True)  # seqio.JSONLogger alone does not make it
        self.seqio_evaluator = inference_evaluator_cls(
            mixture_or_task_name=name,
            feature_converter=model.FEATURE_CONVERTER_CLS(pack=False),
            eval_split=dataset_cfg.split,
            use_cached=dataset_cfg.use_cached,
            seed=dataset_cfg.seed,
            sequence_length=dict(lengths) if lengths else None,
            log_dir=log_dir,
            use_memory_cache=dataset_cfg.use_memory_cache,
        )
        self._batch_size = dataset_cfg.batch_size
        rng = jax.random.key(dataset_cfg.seed or 0)
        self._predict = get_infer_fn(
            model.predict_batch, dataset_cfg.batch_size, partitioner, params_sharding, rng
        )
        self._score = get_infer_fn(
            model.score_batch, dataset_cfg.batch_size, partitioner, params_sharding
        )
        self._predict_with_aux = get_infer_fn(
            model.predict_batch_with_aux,
            dataset_cfg.batch_size,
            partitioner,
            params_sharding,
            rng,
        )

    @property
    def eval_tasks(self) -> list[Any]:
        """The tasks that have the split and metrics."""
        return list(self.seqio_evaluator.eval_tasks)

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of a batch's model features."""
        shapes = self.seqio_evaluator.model_feature_shapes
        return {name: (self._batch_size, *shape) for name, shape in shapes.items()}

    def evaluate(
        self, params: Tree, step: int, passing: Passing = iter
    ) -> dict[str, dict[str, float]]:
        """Predicts every example, computes and writes the metrics of each task.

        Several hosts predict together; the first computes the metrics and writes them.

        Args:
            params: of the model.
            step: steps it has been trained for.
            passing: called with each iterator of batches, which it may end early by an exception.

        Returns:
            Numbers by task and metric, on every host.
        """
        if not self.eval_tasks:
            return {}
        future, _ = self.seqio_evaluator.evaluate(
            compute_metrics=hosts.is_first(),
            step=step,
            predict_fn=lambda dataset: self._predict(dataset, params, passing),
            score_fn=lambda dataset: self._score(dataset, params, passing),
            predict_with_aux_fn=lambda dataset: _unzip_aux(
                self._predict_with_aux(dataset, params, passing)
            ),
        )
        return hosts.from_first(_numbers(future.result() or {}))

    def close(self) -> None:
        """Waits until all metrics are written."""
        if self.eval_tasks:
            self.seqio_evaluator.close()


def _numbers(by_task: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Keeps the scalar metrics."""
    return {
        task: {
            name: float(getattr(value, "value", value))
            for name, value in values.items()
            if not isinstance(value, seqio.metrics.Text | seqio.metrics.Generic)
        }
        for task, values in by_task.items()
    }


def _unzip_aux(results: list[tuple[int, Any]]) -> tuple[list[tuple[int, Any]], dict[str, list]]:
    """Separates predictions from auxiliary values, as SeqIO wants them."""
    predictions, aux = unzip_aux(result for _, result in results)
    return [(index, p) for (index, _), p in zip(results, predictions, strict=True)], aux
