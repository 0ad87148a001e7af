"""Cross entropy with z-loss and label smoothing, and what the sum is divided by."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


class SpecialLossNormalizingFactor(enum.Enum):
    """What a batch's loss is divided by, when that depends on the batch.

    Attributes:
        NUM_REAL_TARGET_TOKENS: target tokens that carry loss.
        NUM_TOTAL_TARGET_TOKENS: all target places, padding included.
        AVERAGE_PER_SEQUENCE: every sequence weighs the same, however long it is.
    """

    NUM_REAL_TARGET_TOKENS = 1
    NUM_TOTAL_TARGET_TOKENS = 2
    AVERAGE_PER_SEQUENCE = 3


LossNormalizingFactor = float | int | str | SpecialLossNormalizingFactor | None


def compute_weighted_cross_entropy(
    logits: Float[Array, "batch length vocab"],
    targets: Int[Array, "batch length"],
    weights: Float[Array, "batch length"] | Int[Array, "batch length"] | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    loss_normalizing_factor: float | Float[Array, ""] | None = None,
) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
    """Returns (loss, its z-loss part, sum of weights), summed over the batch.

    With Z the softmax denominator of a token, the z-loss `z_loss * log(Z)**2` is added to its
    cross entropy: it keeps logits from drifting (Mesh TensorFlow; Chowdhery et al. 2022, PaLM,
    section 5). Label smoothing spreads its mass evenly over the other words and subtracts the
    constant that makes a perfect prediction cost 0 (Szegedy et al. 2016).

    Args:
        logits: scores of the vocabulary.
        targets: ids.
        weights: weight of each token's loss; 1 everywhere when None.
        label_smoothing: mass taken from the target word, in [0, 1).
        z_loss: coefficient of the z-loss.
        loss_normalizing_factor: what both losses are divided by; None leaves the sum.

    Raises:
        ValueError: targets do not have one id for each position of the logits.
    """
    if logits.shape[:-1] != targets.shape:
        raise ValueError(
            f"Targets of shape {targets.shape} do not fit logits of shape {logits.shape}: "
            f"expected {logits.shape[:-1]}, one id a position."
        )
    logits = logits.astype(jnp.float32)
    log_z = jax.nn.logsumexp(logits, axis=-1)
    target_logit = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    token_loss = smoothed_loss(log_z - target_logit, logits, log_z, label_smoothing)
    token_z_loss = z_loss * jax.lax.square(log_z)

    weights = (
        jnp.ones(targets.shape, jnp.float32) if weights is None else weights.astype(jnp.float32)
    )
    total_z_loss = jnp.sum(token_z_loss * weights)
    total_loss = jnp.sum(token_loss * weights) + total_z_loss
    if loss_normalizing_factor is not None:
        total_loss = total_loss / loss_normalizing_factor
        total_z_loss = total_z_loss / loss_normalizing_factor
    return total_loss, total_z_loss, jnp.sum(weights)


def smoothed_loss(
    token_loss: Float[Array, "batch length"],
    logits: Float[Array, "batch length vocab"],
    log_z: Float[Array, "batch length"],
    label_smoothing: float,
) -> Float[Array, "batch length"]:
    """Returns each token's cross entropy with its smoothed target, less that of a perfect one.

    Args:
        token_loss: cross entropy with the target alone.
        logits: scores of the vocabulary.
        log_z: logarithm of each token's softmax denominator.
        label_smoothing: mass taken from the target word, in [0, 1).
    """
    if not label_smoothing:
        return token_loss
    vocab_size = logits.shape[-1]
    confidence = 1.0 - label_smoothing
    other = label_smoothing / (vocab_size - 1)
    # The entropy of the smoothed target: what a perfect prediction would cost.
    floor = -(confidence * np.log(confidence) + (vocab_size - 1) * other * np.log(other))
    all_losses = vocab_size * log_z - jnp.sum(logits, axis=-1)
    smoothed = confidence * token_loss + other * (all_losses - token_loss)
    return smoothed - float(floor)


def parse_normalizing_factor(
    factor: LossNormalizingFactor,
) -> float | SpecialLossNormalizingFactor | None:
    """Turns what a gin file says into a number, a special factor or None.

    Args:
        factor: None, a number, or the name of a `SpecialLossNormalizingFactor`.

    Raises:
        ValueError: a name that is none of them.
    """
    if factor is None or isinstance(factor, SpecialLossNormalizingFactor):
        return factor
    if not isinstance(factor, str):
        return float(factor)
    try:
        return SpecialLossNormalizingFactor[factor.strip().upper()]
    except KeyError:
        names = ", ".join(f"'{member.name}'" for member in SpecialLossNormalizingFactor)
        raise ValueError(
            f"Unknown loss_normalizing_factor {factor!r}: use None, a number, or one of {names}."
        ) from None


def get_loss_normalizing_factor_and_weights(
    factor: LossNormalizingFactor, batch: Mapping[str, Array]
) -> tuple[float | Float[Array, ""] | None, Float[Array, "batch length"]]:
    """Returns what to divide a batch's loss by, and the weight of each of its tokens.

    Args:
        factor: see `LossNormalizingFactor`.
        batch: model features; `decoder_target_tokens` and, when present, `decoder_loss_weights`
            and `decoder_segment_ids` (packed rows hold several sequences) are read.
    """
    targets = batch["decoder_target_tokens"]
    weights = batch.get("decoder_loss_weights", targets > 0).astype(jnp.float32)
    parsed = parse_normalizing_factor(factor)
    if parsed is SpecialLossNormalizingFactor.NUM_REAL_TARGET_TOKENS:
        return jnp.sum(weights), weights
    if parsed is SpecialLossNormalizingFactor.NUM_TOTAL_TARGET_TOKENS:
        return float(targets.size), weights
    if parsed is SpecialLossNormalizingFactor.AVERAGE_PER_SEQUENCE:
        weights = _weights_per_sequence(weights, batch.get("decoder_segment_ids"))
        return jnp.sum(weights), weights
    assert parsed is None or isinstance(parsed, float)
    return parsed, weights


def _weights_per_sequence(
    weights: Float[Array, "batch length"], segment_ids: Int[Array, "batch length"] | None
) -> Float[Array, "batch length"]:
    """Scales the weights so that those of each sequence sum to 1."""
    if segment_ids is None:
        total = jnp.sum(weights, axis=-1, keepdims=True)
    else:
        same = segment_ids[:, :, None] == segment_ids[:, None, :]
        total = jnp.einsum("bqk,bk->bq", same.astype(weights.dtype), weights)
    return jnp.where(weights > 0, weights / jnp.maximum(total, jnp.finfo(jnp.float32).tiny), 0.0)
