"""The training step, and the loop around it."""

from __future__ import annotations

import collections
import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import traverse_util
from jaxtyping import Array, Float

from t5x import metrics
from t5x.actions import ActionMode, BaseAction, EarlyStoppingAction, TerminateOnNanAction
from t5x.errors import ConfigError
from t5x.metric_writing import MetricsManager
from t5x.models import Batch, EncoderDecoderModel
from t5x.optimizers import Tree
from t5x.partitioning import PjitPartitioner
from t5x.schedules import LearningRateCallable
from t5x.step_watch import StepWatch
from t5x.train_state import FlaxOptimTrainState

__all__ = [
    "ActionMode",
    "BaseAction",
    "EarlyStoppingAction",
    "MetricsManager",
    "TerminateOnNanAction",
    "Trainer",
    "WeightMetricsComputer",
]

STEPS_IN_FLIGHT = 2
"""The host prepares so many steps ahead of the device: enough to keep it busy, and no more, so that
batches do not pile up in its memory and a step that takes long is noticed when it does."""


class WeightMetricsComputer:
    """Root mean squares of every parameter and of its gradient and update."""

    def compute_metrics(
        self, gradients: Tree, old_params: Tree, new_params: Tree
    ) -> metrics.MetricsMap:
        """Returns `weight_rms/...`, `weight_gradient_rms/...` and `weight_update_rms/...`."""
        updates = jax.tree.map(jnp.subtract, new_params, old_params)
        trees = {
            "weight_rms": new_params,
            "weight_gradient_rms": gradients,
            "weight_update_rms": updates,
        }
        return {
            f"{name}/{_path_name(path)}": metrics.PerStep(jnp.sqrt(jnp.mean(jnp.square(leaf))))
            for name, tree in trees.items()
            for path, leaf in jax.tree.leaves_with_path(tree)
        }


def _path_name(path: Sequence[Any]) -> str:
    return "/".join(str(entry.key) for entry in path)


class Trainer:
    """Holds the state of a run and moves it on.

    The program of a step is a pure function of (state, batch, seed): the dropout of step n comes
    from the seed and n alone, so that a resumed run draws what an uninterrupted one draws.

    Args:
        model: gives the loss.
        train_state: where to begin.
        partitioner: where arrays live.
        eval_names: names of the tasks that `eval` will be asked for.
        summary_dir: where metrics are written; None writes none.
        train_state_axes: shardings of the state, as `partitioner.get_shardings` returns them.
        rng: seed of dropout.
        learning_rate_fn: from step to learning rate.
        num_microbatches: cut every batch into so many, to lower peak memory; the result is the
            same. None is 1.
        weight_metrics_computer: adds metrics about parameters, at a price.

    Attributes:
        train_state: as the last step left it.
        step_watch: tells of steps that take far longer than others.
    """

    def __init__(
        self,
        model: EncoderDecoderModel,
        train_state: FlaxOptimTrainState,
        partitioner: PjitPartitioner,
        eval_names: Sequence[str],
        summary_dir: str | None,
        train_state_axes: Any,
        rng: Array,
        learning_rate_fn: LearningRateCallable,
        num_microbatches: int | None,
        weight_metrics_computer: WeightMetricsComputer | None = None,
    ) -> None:
        self.train_state = train_state
        self.step_watch = StepWatch()
        self._model = model
        self._partitioner = partitioner
        self._learning_rate_fn = learning_rate_fn
        self._num_microbatches = num_microbatches or 1
        self._weight_metrics_computer = weight_metrics_computer
        self._rng = rng
        self.train_metrics_manager = MetricsManager("train", summary_dir)
        self.eval_metrics_managers = {
            name: MetricsManager(f"training_eval/{name}", summary_dir) for name in eval_names
        }
        batch_sharding = partitioner.data_sharding
        self._train_step = partitioner.partition(
            self._step,
            in_axis_resources=(train_state_axes, batch_sharding, None),
            out_axis_resources=(train_state_axes, None),
            donate_argnums=0,
        )
        self._run_step: Callable[..., Any] = self._train_step
        self._merge = jax.jit(metrics.merge)  # one call a step, not one for every sum in it
        self._eval_step = partitioner.partition(
            model.eval_fn, in_axis_resources=(train_state_axes.params, batch_sharding)
        )

    def compile(self, batch: Mapping[str, jax.ShapeDtypeStruct]) -> None:
        """Compiles the training step before there is a batch.

        Args:
            batch: shapes and types of a global batch.

        Raises:
            ConfigError: micro-batches do not divide it.
        """
        self._run_step = self.lower(batch).compile()

    def lower(self, batch: Mapping[str, jax.ShapeDtypeStruct]) -> jax.stages.Lowered:
        """Returns the training step as it goes to the compiler.

        Args:
            batch: shapes and types of a global batch.

        Raises:
            ConfigError: micro-batches do not divide it.
        """
        sharding = self._partitioner.data_sharding
        sharded = {
            name: jax.ShapeDtypeStruct(feature.shape, feature.dtype, sharding=sharding)
            for name, feature in batch.items()
        }
        return self._train_step.lower(self.train_state, sharded, self._rng)

    def train(
        self,
        batch_iter: Iterator[Batch],
        num_steps: int,
        start_step: int | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> dict[str, float]:
        """Takes `num_steps` steps and writes their metrics.

        Args:
            batch_iter: batches of this host's rows.
            num_steps: how many to take.
            start_step: steps done so far; read from the state when None.
            should_stop: called before each step but the first; True leaves the rest.

        Returns:
            The metrics of the steps taken.
        """
        start_step = int(self.train_state.step) if start_step is None else start_step
        merged: metrics.MetricsMap | None = None
        begin = time.monotonic()
        in_flight: collections.deque[metrics.MetricsMap] = collections.deque()
        for taken in range(num_steps):
            if taken and should_stop is not None and should_stop():
                num_steps = taken
                break
            with self.step_watch.waiting("data"):
                batch = next(batch_iter)
            with self.step_watch.waiting("the device"):
                merged = self._merge(merged, self._take_step(batch))
                in_flight.append(merged)
                while len(in_flight) > (STEPS_IN_FLIGHT if taken + 1 < num_steps else 0):
                    jax.block_until_ready(in_flight.popleft())
            self.step_watch.end_of_step(start_step + taken + 1)
        return self._write(self.train_metrics_manager, merged, num_steps, begin, start_step)

    def _take_step(self, batch: Batch) -> metrics.MetricsMap:
        """Hands a step to the device, which may take it later."""
        sharded = self._partitioner.shard_batch(batch)
        self.train_state, step_metrics = self._run_step(self.train_state, sharded, self._rng)
        return step_metrics

    def eval(self, batch_iters: Mapping[str, Iterable[Batch]]) -> dict[str, dict[str, float]]:
        """Measures the loss on each task's batches and writes it.

        Args:
            batch_iters: batches by task.

        Returns:
            Numbers by task and name; a task without batches is left out.
        """
        results = {}
        for name, batch_iter in batch_iters.items():
            merged: metrics.MetricsMap | None = None
            begin, steps = time.monotonic(), 0
            for batch in batch_iter:
                sharded = self._partitioner.shard_batch(batch)
                _, step_metrics = self._eval_step(self.train_state.params, sharded)
                merged = self._merge(merged, step_metrics)
                steps += 1
            if merged is not None:
                step = int(self.train_state.step)
                results[name] = self._write(
                    self.eval_metrics_managers[name], merged, steps, begin, step, steps_taken=0
                )
        return results

    def _write(
        self,
        manager: MetricsManager,
        merged: metrics.MetricsMap | None,
        num_steps: int,
        begin: float,
        start_step: int,
        steps_taken: int | None = None,
    ) -> dict[str, float]:
        merged = jax.block_until_ready(merged or {})
        seconds = time.monotonic() - begin
        numbers = metrics.summarize(merged, num_steps, seconds)
        numbers |= {
            "timing/seconds": seconds,
            "timing/steps_per_second": num_steps / seconds,
            "timing/steps_per_second_per_core": num_steps / seconds / jax.device_count(),
        }
        steps_taken = num_steps if steps_taken is None else steps_taken
        manager.write_scalars(start_step + steps_taken, numbers)
        return numbers

    def close(self) -> None:
        """Closes the files that metrics go to."""
        for manager in (self.train_metrics_manager, *self.eval_metrics_managers.values()):
            manager.close()

    def _step(
        self, state: FlaxOptimTrainState, batch: Batch, rng: Array
    ) -> tuple[FlaxOptimTrainState, metrics.MetricsMap]:
        """One step: gradients, optimizer, metrics."""
        dropout_rng = jax.random.fold_in(rng, state.step)
        grads, step_metrics = accumulate_grads(
            self._model,
            state.params,
            batch,
            dropout_rng,
            self._num_microbatches,
            state.optimizer_def.trains,
        )
        learning_rate = self._learning_rate_fn(state.step)
        new_state = state.apply_gradient(grads, learning_rate)
        step_metrics = {**step_metrics, "learning_rate": metrics.PerStep(learning_rate)}
        if self._weight_metrics_computer is not None:
            step_metrics |= self._weight_metrics_computer.compute_metrics(
                grads, state.params, new_state.params
            )
        return new_state, step_metrics


def accumulate_grads(
    model: EncoderDecoderModel,
    params: Tree,
    batch: Batch,
    dropout_rng: Array | None,
    num_microbatches: int = 1,
    trains: Callable[[str], bool] = lambda path: True,
) -> tuple[Tree, metrics.MetricsMap]:
    """Returns the gradients and the metrics of a batch, computed a slice at a time.

    The slices are scanned over and their gradients added in float32. Each slice takes every
    `num_microbatches`-th row, so that the rows of a device stay on it; the loss of all is divided
    by what the whole batch's would be.

    Args:
        model: gives the loss.
        params: parameters.
        batch: model features.
        dropout_rng: None switches dropout off.
        num_microbatches: number of slices.
        trains: tells of a parameter's path (`OptimizerDef.trains`) whether its gradient is wanted;
            that of the others is neither computed nor part of the result.

    Raises:
        ConfigError: the slices would not be equal.
    """
    grad_fn = _grad_fn(model, params, trains)
    if num_microbatches == 1:
        (_, step_metrics), grads = grad_fn(batch, dropout_rng)
        return grads, step_metrics
    rows = next(iter(batch.values())).shape[0]
    if rows % num_microbatches:
        raise ConfigError(
            f"A batch of {rows} rows cannot be cut into num_microbatches={num_microbatches} equal "
            f"parts: choose a divisor of {rows}.",
            "Trainer.num_microbatches",
            "train/DatasetConfig.batch_size",
        )
    normalizer = model.loss_normalizer(batch)
    slices = jax.tree.map(lambda x: _interleaved_slices(x, num_microbatches), batch)

    def one(index: Array) -> tuple[Tree, metrics.MetricsMap]:
        part = jax.tree.map(lambda x: x[index], slices)
        rng = None if dropout_rng is None else jax.random.fold_in(dropout_rng, index)
        (_, part_metrics), grads = grad_fn(part, rng, normalizer)
        return jax.tree.map(lambda g: g.astype(jnp.float32), grads), part_metrics

    def body(carry: Any, index: Array) -> tuple[Any, None]:
        grads, merged = carry
        new_grads, part_metrics = one(index)
        return (jax.tree.map(jnp.add, grads, new_grads), metrics.merge(merged, part_metrics)), None

    zeros = jax.tree.map(
        lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(one, jnp.zeros((), jnp.int32))
    )
    (grads, merged), _ = jax.lax.scan(body, zeros, jnp.arange(num_microbatches))
    return grads, merged


def _grad_fn(
    model: EncoderDecoderModel, params: Tree, trains: Callable[[str], bool]
) -> Callable[..., Any]:
    """Returns the loss and its gradient as a function of what follows the parameters."""
    flat = traverse_util.flatten_dict(params, sep="/")
    frozen = {path: leaf for path, leaf in flat.items() if not trains(path)}

    def loss(trained: Tree, *arguments: Any) -> tuple[Array, metrics.MetricsMap]:
        whole = frozen | traverse_util.flatten_dict(trained, sep="/")
        return model.loss_fn(traverse_util.unflatten_dict(whole, sep="/"), *arguments)

    trained = {path: leaf for path, leaf in flat.items() if path not in frozen}
    grad = jax.value_and_grad(loss, has_aux=True)
    return functools.partial(grad, traverse_util.unflatten_dict(trained, sep="/"))


def _interleaved_slices(x: Array, n: int) -> Float[Array, "n rows ..."]:
    return jnp.moveaxis(x.reshape(x.shape[0] // n, n, *x.shape[1:]), 1, 0)
