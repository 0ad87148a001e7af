"""Cross entropy from hidden states, a slice of the targets at a time.

The logits of all places are the largest array of a training step: at 16,384 target tokens a device
and 32,128 words they take 2 GB in float32. Here those of one slice exist at once. The gradient of a
sum of token losses needs nothing that comes after it but a factor, so it is made with the loss,
while the slice's logits are there: they are made once, and never kept for the backward pass.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float, Int

from t5x.losses import smoothed_loss
from t5x.per_device import mesh_axes, per_device


class LossSums(NamedTuple):
    """Sums over a batch.

    Attributes:
        loss: of every token's weighted loss, its z-loss included.
        z_loss: the z-loss within it.
        correct: number of tokens of positive weight whose logit is the largest.
    """

    loss: Float[Array, ""]
    z_loss: Float[Array, ""]
    correct: Float[Array, ""]


class Settings(NamedTuple):
    """What the loss is made of.

    Attributes:
        num_chunks: slices that the targets are cut into; it must divide their length.
        scale: of the logits.
        label_smoothing: see `losses.compute_weighted_cross_entropy`.
        z_loss: likewise.
    """

    num_chunks: int
    scale: float = 1.0
    label_smoothing: float = 0.0
    z_loss: float = 0.0


def chunked_cross_entropy(
    hidden: Float[Array, "batch length embed"],
    table: Float[Array, "vocab embed"],
    targets: Int[Array, "batch length"],
    weights: Float[Array, "batch length"],
    settings: Settings,
) -> LossSums:
    """Returns the sums that `losses.compute_weighted_cross_entropy` makes of `hidden table^T`.

    Products take the arrays in their type and give float32. Only the loss has a gradient, with
    respect to `hidden` and `table`.

    Args:
        hidden: what the decoder makes of every place.
        table: a vector a word; the logits are inner products with it, times `settings.scale`.
        targets: ids.
        weights: weight of each token's loss.
        settings: see `Settings`.

    Raises:
        ValueError: the slices would not be equal.
    """
    if targets.shape[1] % settings.num_chunks:
        raise ValueError(
            f"Targets of {targets.shape[1]} places cannot be cut into "
            f"loss_chunks={settings.num_chunks} equal slices: choose a divisor."
        )
    sums = LossSums(*_sums(hidden, table, targets, weights, settings))
    return LossSums(sums.loss, *jax.lax.stop_gradient(sums[1:]))


@functools.partial(jax.custom_vjp, nondiff_argnums=(4,))
def _sums(
    hidden: Array, table: Array, targets: Array, weights: Array, settings: Settings
) -> tuple[Array, Array, Array]:
    def scan(hidden: Array, table: Array, targets: Array, weights: Array) -> Array:
        def body(sums: Array, index: Array) -> tuple[Array, None]:
            own_hidden, own_targets, own_weights = (
                _slice(x, index, settings) for x in (hidden, targets, weights)
            )
            own_sums, _ = _loss_of_slice(table, own_hidden, own_targets, own_weights, settings)
            return sums + own_sums, None

        return jax.lax.scan(body, jnp.zeros(3), jnp.arange(settings.num_chunks))[0][None]

    sums = _on_own_rows(scan, hidden, table, targets, weights, num_results=1)
    return tuple(jnp.sum(sums, axis=0))


def _sums_fwd(
    hidden: Array, table: Array, targets: Array, weights: Array, settings: Settings
) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
    def scan(
        hidden: Array, table: Array, targets: Array, weights: Array
    ) -> tuple[Array, Array, Array]:
        def body(carry: tuple[Array, Array], index: Array) -> tuple[tuple[Array, Array], Array]:
            sums, table_grad = carry
            own_hidden, own_targets, own_weights = (
                _slice(x, index, settings) for x in (hidden, targets, weights)
            )
            own_sums, logits_grad = _loss_of_slice(
                table, own_hidden, own_targets, own_weights, settings
            )
            logits_grad = (logits_grad * settings.scale).astype(hidden.dtype)
            hidden_grad = jnp.einsum("blv,ve->ble", logits_grad, table.astype(hidden.dtype))
            table_grad += jnp.einsum(
                "blv,ble->ve", logits_grad, own_hidden, preferred_element_type=jnp.float32
            )
            return (sums + own_sums, table_grad), hidden_grad

        zeros = jnp.zeros(3), jnp.zeros(table.shape, jnp.float32)
        (sums, table_grad), hidden_grad = jax.lax.scan(body, zeros, jnp.arange(settings.num_chunks))
        return sums[None], table_grad[None], jnp.moveaxis(hidden_grad, 0, 1).reshape(hidden.shape)

    sums, table_grad, hidden_grad = _on_own_rows(
        scan, hidden, table, targets, weights, num_results=3
    )
    table_grad = jnp.sum(table_grad, axis=0)
    return tuple(jnp.sum(sums, axis=0)), (hidden_grad, table_grad.astype(table.dtype))


def _sums_bwd(
    settings: Settings, grads: tuple[Array, Array], cotangents: tuple[Array, ...]
) -> tuple[Array | None, ...]:
    hidden_grad, table_grad = ((x * cotangents[0]).astype(x.dtype) for x in grads)
    return hidden_grad, table_grad, None, None


_sums.defvjp(_sums_fwd, _sums_bwd)


def _on_own_rows(
    function: Callable[..., Any],
    hidden: Array,
    table: Array,
    targets: Array,
    weights: Array,
    num_results: int,
) -> Any:
    """Has each device sum over its own rows: sums are exchanged once, not a slice at a time."""
    axis = mesh_axes(("batch",), (hidden.shape[0],))[0]
    if axis is None:
        return function(hidden, table, targets, weights)
    rows = PartitionSpec(axis)
    in_specs = (rows, PartitionSpec(), rows, rows)
    out_specs = rows if num_results == 1 else (rows,) * num_results
    return per_device(function, in_specs, out_specs, axis)(hidden, table, targets, weights)


def _slice(x: Array, index: Array, settings: Settings) -> Array:
    length = x.shape[1] // settings.num_chunks
    return jax.lax.dynamic_slice_in_dim(x, index * length, length, axis=1)


def _loss_of_slice(
    table: Array, hidden: Array, targets: Array, weights: Array, settings: Settings
) -> tuple[Float[Array, "3"], Float[Array, "batch slice vocab"]]:
    """Returns the slice's `LossSums`, and the gradient of its loss with respect to its logits."""
    logits = settings.scale * jnp.einsum(
        "ble,ve->blv", hidden, table.astype(hidden.dtype), preferred_element_type=jnp.float32
    )
    # Compared and summed rather than gathered: the gradient of that is no scatter.
    words = jax.lax.broadcasted_iota(targets.dtype, logits.shape, 2)
    is_target = words == targets[..., None]
    target_logit = jnp.sum(jnp.where(is_target, logits, 0.0), axis=-1)
    log_z = jax.nn.logsumexp(logits, axis=-1)
    loss = smoothed_loss(log_z - target_logit, logits, log_z, settings.label_smoothing)
    z_loss = settings.z_loss * jax.lax.square(log_z)
    correct = (target_logit >= jnp.max(logits, axis=-1)) & (weights > 0)
    sums = jnp.stack(
        [jnp.sum(x) for x in ((loss + z_loss) * weights, z_loss * weights, correct * 1.0)]
    )
    other = settings.label_smoothing / (logits.shape[-1] - 1)
    wanted = jnp.where(is_target, 1.0 - settings.label_smoothing, other)
    found = jnp.exp(logits - log_z[..., None]) * (1.0 + 2.0 * settings.z_loss * log_z)[..., None]
    return sums, (found - wanted) * weights[..., None]
