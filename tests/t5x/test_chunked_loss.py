"""The loss made a slice at a time, against the loss made of all logits."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t5x import losses, metrics
from t5x.chunked_loss import Settings, chunked_cross_entropy

BATCH, LENGTH, EMBED, VOCAB = 2, 12, 8, 40


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    hidden = jnp.asarray(rng.normal(size=(BATCH, LENGTH, EMBED)), jnp.float32)
    table = jnp.asarray(rng.normal(size=(VOCAB, EMBED)), jnp.float32)
    targets = jnp.asarray(rng.integers(0, VOCAB, (BATCH, LENGTH)))
    weights = jnp.asarray(rng.integers(0, 3, (BATCH, LENGTH)), jnp.float32)
    return hidden, table, targets, weights


def of_all_logits(hidden, table, targets, weights, scale=1.0, **kwargs):
    logits = jnp.einsum("ble,ve->blv", hidden, table) * scale
    return losses.compute_weighted_cross_entropy(logits, targets, weights, **kwargs), logits


@pytest.mark.parametrize("num_chunks", [1, 4])
@pytest.mark.parametrize(
    "settings",
    [{}, {"z_loss": 0.01}, {"label_smoothing": 0.1}, {"z_loss": 0.1, "label_smoothing": 0.2}],
)
def test_losses_and_gradients_are_those_of_all_logits(settings, num_chunks):
    inputs, scale = arrays(), 0.5

    @functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
    def expected(*inputs):
        (loss, z_loss, _), logits = of_all_logits(*inputs, scale, **settings)
        return 3.0 * loss, (z_loss, metrics.count_correct(logits, *inputs[2:]))

    @functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
    def chunked(*inputs):
        sums = chunked_cross_entropy(*inputs, Settings(num_chunks, scale, **settings))
        return 3.0 * sums.loss, (sums.z_loss, sums.correct)

    (loss, others), gradients = jax.jit(chunked)(*inputs)
    (wanted, wanted_others), wanted_gradients = expected(*inputs)
    np.testing.assert_allclose(loss, wanted, rtol=1e-5)
    np.testing.assert_allclose(others, wanted_others, rtol=1e-5)
    for gradient, other in zip(gradients, wanted_gradients, strict=True):
        np.testing.assert_allclose(gradient, other, atol=1e-5 * float(jnp.abs(other).max()))
    # Without a gradient to make, the forward pass is another one.
    alone = chunked_cross_entropy(*inputs, Settings(num_chunks, scale, **settings))
    np.testing.assert_allclose(3.0 * alone.loss, wanted, rtol=1e-5)


def test_the_logits_of_all_places_are_never_there():
    def loss(*inputs):
        return chunked_cross_entropy(*inputs, Settings(4)).loss

    text = str(jax.make_jaxpr(jax.grad(loss, (0, 1)))(*arrays()))
    assert f"f32[{BATCH},{LENGTH // 4},{VOCAB}]" in text
    assert f"[{BATCH},{LENGTH},{VOCAB}]" not in text


def test_only_the_loss_has_a_gradient():
    def z_loss(hidden, *others):
        return chunked_cross_entropy(hidden, *others, Settings(2, z_loss=1.0)).z_loss

    assert not jnp.any(jax.grad(z_loss)(*arrays()))


def test_slices_that_would_not_be_equal():
    with pytest.raises(ValueError, match=r"12 places cannot be cut into loss_chunks=5"):
        chunked_cross_entropy(*arrays(), Settings(5))
