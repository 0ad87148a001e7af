"""Metrics that live on the device until somebody reads them.

A step returns a dictionary of metrics; those of several steps merge by addition, and only
`summarize` brings numbers to the host. So a training step never waits for its own logging.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Int


@struct.dataclass
class Sum:
    """A total over the span."""

    total: Float[Array, ""]

    def merge(self, other: Sum) -> Sum:
        """Adds the totals."""
        return Sum(self.total + other.total)

    def value(self, steps: int, seconds: float) -> float:
        """Returns the total."""
        return float(self.total)


@struct.dataclass
class PerStep:
    """A total divided by the number of steps."""

    total: Float[Array, ""]

    def merge(self, other: PerStep) -> PerStep:
        """Adds the totals."""
        return PerStep(self.total + other.total)

    def value(self, steps: int, seconds: float) -> float:
        """Returns the mean over steps."""
        return float(self.total) / max(steps, 1)


@struct.dataclass
class PerSecond:
    """A total divided by the wall-clock seconds of the span."""

    total: Float[Array, ""]

    def merge(self, other: PerSecond) -> PerSecond:
        """Adds the totals."""
        return PerSecond(self.total + other.total)

    def value(self, steps: int, seconds: float) -> float:
        """Returns the rate."""
        return float(self.total) / max(seconds, 1e-9)


@struct.dataclass
class Ratio:
    """A mean whose denominator is measured too, such as loss over tokens."""

    total: Float[Array, ""]
    count: Float[Array, ""]

    def merge(self, other: Ratio) -> Ratio:
        """Adds both parts."""
        return Ratio(self.total + other.total, self.count + other.count)

    def value(self, steps: int, seconds: float) -> float:
        """Returns total / count; NaN when nothing was counted."""
        count = float(self.count)
        return float(self.total) / count if count else float("nan")


MetricsMap = Mapping[str, Any]


def merge(first: MetricsMap | None, second: MetricsMap) -> MetricsMap:
    """Merges two dictionaries of metrics of the same names; `first` may be None.

    Example:
        >>> one = {"loss": PerStep(jnp.float32(2.0))}
        >>> summarize(merge(one, one), steps=2, seconds=1.0)
        {'loss': 2.0}
    """
    if first is None:
        return second
    return {name: metric.merge(second[name]) for name, metric in first.items()}


def summarize(metrics: MetricsMap, steps: int, seconds: float) -> dict[str, float]:
    """Brings metrics to the host.

    Args:
        metrics: merged metrics of a span.
        steps: steps in the span.
        seconds: its wall-clock duration.

    Returns:
        Numbers by name. Metrics of `clu` (which have `compute()`) are welcome too.
    """
    on_host = jax.device_get(dict(metrics))
    return {name: _number(metric, steps, seconds) for name, metric in on_host.items()}


def _number(metric: Any, steps: int, seconds: float) -> float:
    if hasattr(metric, "value"):
        return metric.value(steps, seconds)
    return float(np.asarray(metric.compute()))


def count_correct(
    logits: Float[Array, "batch length vocab"],
    targets: Int[Array, "batch length"],
    weights: Float[Array, "batch length"],
) -> Float[Array, ""]:
    """Returns the number of targets of positive weight whose logit is the largest.

    Args:
        logits: scores of the vocabulary.
        targets: target ids.
        weights: weight of each target in the loss (0 for padding).
    """
    # The largest logit is at hand from the loss; finding its place would read all logits again.
    target_logits = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    correct = (target_logits >= jnp.max(logits, axis=-1)).astype(jnp.float32)
    return jnp.sum(correct * (weights > 0).astype(jnp.float32))


def compute_base_metrics(
    num_correct: Float[Array, ""],
    targets: Array,
    weights: Array,
    loss: Float[Array, ""],
    z_loss: Float[Array, ""],
    segment_ids: Mapping[str, Array] | None = None,
    inputs: Mapping[str, Array] | None = None,
) -> dict[str, Any]:
    """Returns the training metrics of one step, under T5X's names.

    Args:
        num_correct: targets that were predicted, as `count_correct` counts them.
        targets: target ids.
        weights: weight of each target in the loss (0 for padding).
        loss: the step's loss, z-loss included.
        z_loss: the z-loss within it.
        segment_ids: segment ids by side (`encoder`, `decoder`) when the rows are packed.
        inputs: token ids by feature name (`encoder_input_tokens`, ...) when they are not.
    """
    real = jnp.sum((weights > 0).astype(jnp.float32))
    everything = jnp.float32(targets.size)
    cross_entropy = loss - z_loss
    metrics: dict[str, Any] = {
        "accuracy": Ratio(num_correct, real),
        "loss": PerStep(loss),
        "cross_ent_loss": PerStep(cross_entropy),
        "z_loss": PerStep(z_loss),
        "loss_per_nonpadding_target_token": Ratio(loss, real),
        "loss_per_all_target_tokens": Ratio(loss, everything),
        "cross_ent_loss_per_all_target_tokens": Ratio(cross_entropy, everything),
        "z_loss_per_all_target_tokens": Ratio(z_loss, everything),
        "non_padding_fraction/loss_weights": Ratio(real, everything),
        "timing/target_tokens_per_second": PerSecond(real),
        "timing/target_tokens_per_second_per_core": PerSecond(real / jax.device_count()),
    }
    return metrics | _batch_metrics(segment_ids or inputs or {}, packed=bool(segment_ids))


def _batch_metrics(features: Mapping[str, Array], packed: bool) -> dict[str, Any]:
    """How full the batch is: features are segment ids when packed, else token ids; 0 is empty."""
    metrics: dict[str, Any] = {}
    filled = places = jnp.float32(0.0)
    sequences = jnp.float32(0.0)
    for name, ids in features.items():
        non_padding = jnp.sum((ids > 0).astype(jnp.float32))
        # The largest segment id of a packed row is the number of its examples.
        per_row = jnp.max(ids, axis=-1) if packed else jnp.any(ids > 0, axis=-1)
        sequences = jnp.sum(per_row.astype(jnp.float32))
        metrics[f"non_padding_fraction/{name}"] = Ratio(non_padding, jnp.float32(ids.size))
        metrics[f"effective_batch_size/{name}"] = PerStep(sequences)
        filled, places = filled + non_padding, places + jnp.float32(ids.size)
    if features:
        metrics["non_padding_fraction/overall"] = Ratio(filled, places)
        metrics["timing/seqs_per_second"] = PerSecond(sequences)
        metrics["timing/seqs_per_second_per_core"] = PerSecond(sequences / jax.device_count())
        metrics["timing/seqs"] = Sum(sequences)
    return metrics
