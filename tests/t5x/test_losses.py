"""Losses against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t5x import losses
from t5x.errors import ConfigError
from t5x.losses import SpecialLossNormalizingFactor as Special
from tests.t5x.toy_model import toy_batch, toy_model

LOGITS = jnp.array([[[2.0, 0.0, -1.0], [0.0, 0.0, 0.0]]])
TARGETS = jnp.array([[0, 2]])


def test_cross_entropy_is_minus_log_softmax():
    loss, z_loss, weight = losses.compute_weighted_cross_entropy(LOGITS, TARGETS)
    first = np.log(np.exp(2) + 1 + np.exp(-1)) - 2.0
    np.testing.assert_allclose(loss, first + np.log(3), rtol=1e-6)
    assert (float(z_loss), float(weight)) == (0.0, 2.0)


def test_z_loss_is_log_z_squared_and_part_of_the_loss():
    plain, _, _ = losses.compute_weighted_cross_entropy(LOGITS, TARGETS)
    loss, z_loss, _ = losses.compute_weighted_cross_entropy(LOGITS, TARGETS, z_loss=0.1)
    expected = 0.1 * (np.log(np.exp(2) + 1 + np.exp(-1)) ** 2 + np.log(3) ** 2)
    np.testing.assert_allclose(z_loss, expected, rtol=1e-6)
    np.testing.assert_allclose(loss, plain + z_loss, rtol=1e-6)


def test_weights_select_tokens():
    weights = jnp.array([[0.0, 2.0]])
    loss, _, weight = losses.compute_weighted_cross_entropy(LOGITS, TARGETS, weights)
    np.testing.assert_allclose(loss, 2 * np.log(3), rtol=1e-6)
    assert float(weight) == 2.0


def test_label_smoothing_costs_nothing_for_a_perfect_prediction():
    smoothing = 0.1
    probabilities = np.full((1, 1, 3), smoothing / 2)
    probabilities[0, 0, 1] = 1 - smoothing
    loss, _, _ = losses.compute_weighted_cross_entropy(
        jnp.log(probabilities), jnp.array([[1]]), label_smoothing=smoothing
    )
    np.testing.assert_allclose(loss, 0.0, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 0.5), st.integers(0, 10_000))
def test_label_smoothing_is_the_divergence_from_the_smoothed_target(smoothing, seed):
    logits = jax.random.normal(jax.random.key(seed), (2, 3, 7))
    targets = jax.random.randint(jax.random.key(seed + 1), (2, 3), 0, 7)
    loss, _, _ = losses.compute_weighted_cross_entropy(logits, targets, label_smoothing=smoothing)
    q = np.full((2, 3, 7), smoothing / 6)
    np.put_along_axis(q, np.asarray(targets)[..., None], 1 - smoothing, axis=-1)
    divergence = np.sum(q * (np.log(q) - np.asarray(jax.nn.log_softmax(logits))))
    np.testing.assert_allclose(loss, divergence, rtol=1e-4, atol=1e-4)


def test_targets_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"Targets of shape \(1, 3\).*expected \(1, 2\)"):
        losses.compute_weighted_cross_entropy(LOGITS, jnp.zeros((1, 3), jnp.int32))


BATCH = {
    "decoder_target_tokens": jnp.array([[5, 6, 1, 7, 1, 0], [5, 1, 0, 0, 0, 0]]),
    "decoder_segment_ids": jnp.array([[1, 1, 1, 2, 2, 0], [1, 1, 0, 0, 0, 0]]),
}


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (None, None),
        (233472, 233472.0),
        ("NUM_REAL_TARGET_TOKENS", 7.0),
        (Special.NUM_TOTAL_TARGET_TOKENS, 12.0),
        ("average_per_sequence", 3.0),
    ],
)
def test_normalizing_factors(factor, expected):
    value, _ = losses.get_loss_normalizing_factor_and_weights(factor, BATCH)
    assert value is None if expected is None else abs(float(value) - expected) < 1e-6


def test_average_per_sequence_weighs_packed_examples_alike():
    _, weights = losses.get_loss_normalizing_factor_and_weights("AVERAGE_PER_SEQUENCE", BATCH)
    third = 1 / 3
    expected = [[third, third, third, 0.5, 0.5, 0], [0.5, 0.5, 0, 0, 0, 0]]
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_an_unknown_factor_is_named():
    with pytest.raises(ValueError, match=r"NUM_TOKENS.*NUM_REAL_TARGET_TOKENS"):
        losses.parse_normalizing_factor("NUM_TOKENS")


def over_padding(**kwargs):
    return toy_model(loss_over_padding=True, **kwargs)


def test_loss_over_padding_is_the_mean_over_all_places():
    model, batch = over_padding(), toy_batch(0, rows=3)
    shapes = {name: value.shape for name, value in batch.items()}
    params = model.get_initial_variables(jax.random.key(0), shapes)["params"]
    everywhere = np.ones_like(batch["decoder_target_tokens"])
    # The network reads of the targets only which of them are padding: here none is.
    logits = model.module.apply(
        {"params": params}, batch["encoder_input_tokens"], batch["decoder_input_tokens"],
        everywhere, enable_dropout=False,
    )  # fmt: skip
    log_z = np.log(np.exp(np.asarray(logits)).sum(-1))
    targets = batch["decoder_target_tokens"]
    chosen = np.take_along_axis(np.asarray(logits), targets[..., None], -1)[..., 0]
    expected = np.mean(log_z - chosen + 1e-3 * log_z**2)
    loss, _ = model.loss_fn(params, batch, None)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert float(model.loss_normalizer(batch)) == targets.size
    masked, _ = toy_model().loss_fn(params, batch, None)
    real = targets > 0
    expected = np.mean((log_z - chosen + 1e-3 * log_z**2)[real])
    np.testing.assert_allclose(masked, expected, rtol=1e-5)


def test_padding_of_packed_rows_is_nobodys():
    batch = toy_batch(0)
    batch["decoder_segment_ids"] = (batch["decoder_target_tokens"] > 0).astype(np.int32)
    with pytest.raises(ConfigError, match=r"loss_over_padding .* rows are packed.*pack to False"):
        over_padding().loss_normalizer(batch)
