"""Initial parameters that can copy: the token after the last one written stands out."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from t5x.examples.t5 import induction, network

VOCAB, LENGTH = 256, 24


@functools.cache
def make(num_heads: int = 2, layers: int = 2) -> tuple[network.Transformer, dict]:
    config = network.T5Config(
        vocab_size=VOCAB,
        emb_dim=128,
        num_heads=num_heads,
        num_encoder_layers=layers,
        num_decoder_layers=layers,
        head_dim=64,
        mlp_dim=128,
        dropout_rate=0.0,
        logits_via_embedding=True,
    )
    module = network.Transformer(config)
    tokens = jnp.ones((1, LENGTH), jnp.int32)
    init = jax.jit(functools.partial(module.init, enable_dropout=False))
    variables = init(jax.random.key(0), tokens, tokens, tokens)
    return module, variables["params"]


def rank_of_successor(module: network.Transformer, params: dict) -> np.ndarray:
    """Returns, for every place, how many tokens other than the last one beat the next one."""
    rng = np.random.default_rng(0)
    rows = np.stack([rng.permutation(np.arange(2, VOCAB))[:LENGTH] for _ in range(4)])
    shifted = np.pad(rows[:, :-1], ((0, 0), (1, 0)))
    apply = jax.jit(functools.partial(module.apply, enable_dropout=False))
    logits = apply({"params": params}, rows, shifted, rows)
    scores = np.array(logits)
    np.put_along_axis(scores, shifted[..., None], -np.inf, axis=-1)
    right = np.take_along_axis(scores, rows[..., None], axis=-1)
    return (scores > right).sum(axis=-1)[:, 1:]


def test_copying_is_there_before_training() -> None:
    module, params = make()
    installed = induction.install_induction(params, jax.random.key(1))
    # By chance one place in 254 would be right; the rest of the network still speaks at random.
    assert np.mean(rank_of_successor(module, params) == 0) < 0.02
    assert np.mean(rank_of_successor(module, installed) == 0) > 0.25


def test_shapes_and_the_other_parameters_stay() -> None:
    _, params = make(num_heads=3, layers=1)
    installed = induction.install_induction(params, jax.random.key(1))
    assert jax.tree.map(jnp.shape, installed) == jax.tree.map(jnp.shape, params)
    kept = ("encoder", "layers_0", "mlp", "wi", "kernel")
    before, after = params, installed
    for key in kept:
        before, after = before[key], after[key]
    assert_array_equal(before, after)


def test_neighbours_are_preferred() -> None:
    _, params = make()
    installed = induction.install_induction(params, jax.random.key(1), neighbour_bias=5.0)
    encoder = np.zeros((2, 32))
    encoder[0, 1] = encoder[1, 17] = 5.0  # one place back, one ahead
    decoder = np.zeros((2, 32))
    decoder[0, 1] = 5.0
    assert_array_equal(installed["encoder"]["relpos_bias"]["rel_embedding"], encoder)
    assert_array_equal(installed["decoder"]["relpos_bias"]["rel_embedding"], decoder)


def test_one_head_is_not_enough() -> None:
    _, params = make(num_heads=1, layers=1)
    with pytest.raises(ValueError, match=r"needs two heads or more.*'encoder': 1"):
        induction.install_induction(params, jax.random.key(1))
