"""A step's cost by the model's own count, against closed forms."""

import jax
import jax.numpy as jnp
import pytest

from t5x.examples.t5.network import T5Config, Transformer
from t5x.model_costs import step_flops, trained_parameters

ROWS, SOURCE, TARGET = 3, 11, 7
SHAPES = {"encoder_input_tokens": (ROWS, SOURCE), "decoder_target_tokens": (ROWS, TARGET)}
VOCAB, EMBED, HEADS, HEAD, MLP = 40, 8, 2, 6, 20
INNER = HEADS * HEAD


def params_of(**changes):
    config = T5Config(
        vocab_size=VOCAB, emb_dim=EMBED, num_heads=HEADS, head_dim=HEAD, mlp_dim=MLP,
        num_encoder_layers=2, num_decoder_layers=3, **changes,
    )  # fmt: skip
    tokens = jnp.ones((1, 4), jnp.int32)
    init = Transformer(config).init
    make = lambda key: init(key, tokens, tokens, tokens, enable_dropout=False)  # noqa: E731
    return jax.eval_shape(make, jax.random.key(0))["params"]


def expected(matrices_in_mlp=2):
    """Multiplications and additions forward, written out: twice a weight and token."""
    attention, mlp = 4 * EMBED * INNER, matrices_in_mlp * EMBED * MLP
    encoder = 2 * (SOURCE * (attention + mlp) + 2 * SOURCE * SOURCE * INNER)
    self_attention = TARGET * attention + 2 * TARGET * TARGET * INNER
    cross = (TARGET + SOURCE) * 2 * EMBED * INNER + 2 * TARGET * SOURCE * INNER
    decoder = 3 * (self_attention + cross + TARGET * mlp)
    return 2 * encoder, 2 * (decoder + TARGET * EMBED * VOCAB)


@pytest.mark.parametrize(
    ("changes", "matrices"),
    [
        ({"logits_via_embedding": True}, 2),
        ({"logits_via_embedding": False, "mlp_activations": ("gelu", "linear")}, 3),
    ],
)
def test_every_product_is_counted_three_times(changes, matrices):
    encoder, decoder = expected(matrices)
    assert step_flops(params_of(**changes), SHAPES) == 3 * ROWS * (encoder + decoder)


def test_frozen_weights_are_counted_once():
    encoder, decoder = expected()
    params = params_of(logits_via_embedding=True)
    flops = step_flops(params, SHAPES, lambda path: not path.startswith("encoder"))
    assert flops == ROWS * (encoder + 3 * decoder)


def test_two_encoders_are_counted_both():
    encoder, decoder = expected()
    one = params_of(logits_via_embedding=True)
    embedding = {"embedding": one["token_embedder"]["embedding"]}
    two = {
        "text_encoder": {"encoder": one["encoder"], "token_embedder": embedding},
        "chemistry_encoder": {"encoder": one["encoder"], "token_embedder": embedding},
        "decoder": {"decoder": one["decoder"], "token_embedder": embedding},
    }
    assert step_flops(two, SHAPES) == 3 * ROWS * (2 * encoder + decoder)


def test_trained_parameters():
    params = params_of(logits_via_embedding=True)
    everything = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert trained_parameters(params, lambda path: True) == everything
    assert trained_parameters(params, lambda path: path == "token_embedder/embedding") == 320
