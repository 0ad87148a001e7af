"""The Transformer baseline: its equations, its cache, its packed rows, its shardings."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t5x import decoding
from t5x.examples.t5.network import T5Config
from t5x.examples.transformer import network
from t5x.models import EncoderDecoderModel
from t5x.optimizers import adam
from tests.t5x.toy_model import (
    VOCAB_SIZE,
    Vocabulary,
    leaves,
    one_device_partitioner,
    toy_batch,
    toy_partitioner,
    toy_trainer,
)

CONFIG = network.TransformerConfig(
    vocab_size=VOCAB_SIZE,
    emb_dim=16,
    num_heads=2,
    num_encoder_layers=2,
    num_decoder_layers=2,
    head_dim=4,
    mlp_dim=24,
    dropout_rate=0.1,
)


def model(**kwargs):
    return EncoderDecoderModel(
        network.Transformer(CONFIG), Vocabulary(), Vocabulary(), optimizer_def=adam(), **kwargs
    )


@functools.cache
def params():
    """As initialised, but with norms and biases away from 1 and 0, so that each is seen."""
    shapes = {name: value.shape for name, value in toy_batch(0).items()}
    variables = model().get_initial_variables(jax.random.key(0), shapes)
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda x: x + rng.normal(scale=0.1, size=x.shape).astype(np.float32), variables["params"]
    )


def test_sinusoids_are_those_of_the_paper():
    table = np.asarray(network.sinusoids(jnp.arange(60)[None], 6))[0]
    for position in (0, 1, 59):
        for i in range(3):
            angle = position / 10_000 ** (2 * i / 6)
            np.testing.assert_allclose(table[position, 2 * i], np.sin(angle), atol=1e-5)
            np.testing.assert_allclose(table[position, 2 * i + 1], np.cos(angle), atol=1e-5)
    np.testing.assert_array_equal(table[0], [0, 1, 0, 1, 0, 1])


def test_an_odd_width_is_refused():
    with pytest.raises(ValueError, match="emb_dim is 7, give an even number"):
        network.sinusoids(jnp.arange(3)[None], 7)


def test_sizes_are_taken_over_from_a_t5():
    t5 = T5Config(vocab_size=64, emb_dim=24, num_heads=3, mlp_dim=40, dropout_rate=0.2)
    config = network.of_size(t5)
    assert (config.emb_dim, config.num_heads, config.mlp_dim) == (24, 3, 40)
    assert (config.vocab_size, config.dropout_rate) == (64, 0.2)


# The network once more, in NumPy, from the equations.


def norm(p, x):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * p["scale"] + p["bias"]


def attend(p, x, memory, allowed):
    def heads(name, y):
        return (y @ p[name]["kernel"]).reshape(len(y), 2, 4).transpose(1, 0, 2)

    query, key, value = heads("query", x), heads("key", memory), heads("value", memory)
    logits = np.where(allowed, query @ key.transpose(0, 2, 1) / np.sqrt(4), -np.inf)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return (weights @ value).transpose(1, 0, 2).reshape(len(x), 8) @ p["out"]["kernel"]


def feed(p, x):
    hidden = np.maximum(x @ p["wi"]["kernel"] + p["wi_bias"], 0)
    return hidden @ p["wo"]["kernel"] + p["wo_bias"]


def embed(p, tokens):
    table = p["token_embedder"]["embedding"]
    i = np.arange(8)
    angles = np.arange(len(tokens))[:, None] / 10_000 ** (2 * i / 16)
    places = np.stack([np.sin(angles), np.cos(angles)], -1).reshape(len(tokens), 16)
    return table[tokens] * 4 + places


def reference_logits(p, inputs, shifted):
    x = embed(p, inputs)
    for layer in (p["encoder"]["layers_0"], p["encoder"]["layers_1"]):
        y = norm(layer["pre_attention_layer_norm"], x)
        x = x + attend(layer["attention"], y, y, True)
        x = x + feed(layer["mlp"], norm(layer["pre_mlp_layer_norm"], x))
    encoded = norm(p["encoder"]["encoder_norm"], x)
    x = embed(p, shifted)
    causal = np.tril(np.ones((len(shifted), len(shifted)), bool))
    for layer in (p["decoder"]["layers_0"], p["decoder"]["layers_1"]):
        y = norm(layer["pre_self_attention_layer_norm"], x)
        x = x + attend(layer["self_attention"], y, y, causal)
        y = norm(layer["pre_cross_attention_layer_norm"], x)
        x = x + attend(layer["encoder_decoder_attention"], y, encoded, True)
        x = x + feed(layer["mlp"], norm(layer["pre_mlp_layer_norm"], x))
    return norm(p["decoder"]["decoder_norm"], x) @ p["token_embedder"]["embedding"].T


def test_logits_are_those_of_the_equations():
    batch = toy_batch(1, rows=3)
    logits = np.asarray(jax.jit(model()._logits)(params(), batch))
    weights = jax.tree.map(lambda x: np.asarray(x, np.float64), params())
    for row in range(3):
        source = (batch["encoder_input_tokens"][row] > 0).sum()
        target = (batch["decoder_target_tokens"][row] > 0).sum()
        expected = reference_logits(
            weights,
            batch["encoder_input_tokens"][row, :source],
            batch["decoder_input_tokens"][row, :target],
        )
        np.testing.assert_allclose(logits[row, :target], expected, atol=1e-4)


def test_initial_inputs_and_logits_have_variance_one():
    shapes = {name: (8, 12) for name in ("encoder_input_tokens", "decoder_target_tokens")}
    initial = model().get_initial_variables(jax.random.key(0), shapes)["params"]
    table = initial["token_embedder"]["embedding"]
    assert np.var(np.asarray(table)) == pytest.approx(1 / 16, rel=0.1)


def test_greedy_with_a_cache_is_the_argmax_of_teacher_forcing():
    batch = toy_batch(2, rows=4)
    greedy = model(decode_fn=decoding.temperature_sample)
    tokens = np.asarray(
        jax.jit(
            lambda p: greedy.predict_batch_with_aux(p, batch, decoder_params={"temperature": 0.0})
        )(params())[0]
    )
    teacher = {
        **batch,
        "decoder_target_tokens": np.maximum(tokens, 1),
        "decoder_input_tokens": np.pad(tokens, ((0, 0), (1, 0)))[:, :-1],
    }
    likeliest = np.asarray(jnp.argmax(greedy._logits(params(), teacher), axis=-1))
    checked = 0
    for row, written in zip(likeliest, tokens, strict=True):
        ended = np.flatnonzero(written == 1)
        length = ended[0] + 1 if len(ended) else len(written)
        assert row[:length].tolist() == written[:length].tolist()
        checked += length
    assert checked > 20


def test_beams_score_as_teacher_forcing_does():
    batch = toy_batch(3, rows=2)
    tokens, aux = model().predict_batch_with_aux(
        params(), batch, decoder_params={"alpha": 0.0}, num_decodes=3, return_all_decodes=True
    )
    for beam in range(3):
        targets = np.asarray(tokens[:, beam])
        answer = {
            **batch,
            "decoder_target_tokens": targets,
            "decoder_input_tokens": np.pad(targets, ((0, 0), (1, 0)))[:, :-1],
            "decoder_loss_weights": (targets > 0).astype(np.int32),
        }
        np.testing.assert_allclose(
            model().score_batch(params(), answer), aux["scores"][:, beam], rtol=1e-4
        )


def packed_and_alone():
    """Two examples in one row, and each in a row of its own."""
    sources, targets = [[5, 6, 7, 1], [8, 9, 1]], [[10, 11, 1], [12, 1]]

    def joined(parts, fill):
        return np.array([[x for part in parts for x in part] + [fill] * 2], np.int32)

    def numbered(parts):
        return [[n + 1] * len(part) for n, part in enumerate(parts)]

    packed = {
        "encoder_input_tokens": joined(sources, 0),
        "decoder_target_tokens": joined(targets, 0),
        "decoder_input_tokens": joined([[0, *part[:-1]] for part in targets], 0),
        "encoder_segment_ids": joined(numbered(sources), 0),
        "decoder_segment_ids": joined(numbered(targets), 0),
        "encoder_positions": joined([range(len(part)) for part in sources], 0),
        "decoder_positions": joined([range(len(part)) for part in targets], 0),
    }
    alone = [
        {
            "encoder_input_tokens": np.array([source]),
            "decoder_target_tokens": np.array([target]),
            "decoder_input_tokens": np.array([[0, *target[:-1]]]),
        }
        for source, target in zip(sources, targets, strict=True)
    ]
    return packed, alone


def test_packed_examples_are_read_as_if_alone():
    packed, alone = packed_and_alone()
    logits = np.asarray(model()._logits(params(), packed))[0]
    separate = [np.asarray(model()._logits(params(), one))[0] for one in alone]
    np.testing.assert_allclose(logits[:5], np.concatenate(separate), atol=1e-5)


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_packed_rows_without_positions_are_refused(side):
    packed, _ = packed_and_alone()
    del packed[f"{side}_positions"]
    with pytest.raises(ValueError, match="Packed rows have segment ids and no positions"):
        model()._logits(params(), packed)


def test_training_is_the_same_on_every_mesh():
    config = CONFIG.replace(num_encoder_layers=1, num_decoder_layers=1)
    trained = EncoderDecoderModel(network.Transformer(config), Vocabulary(), Vocabulary(), adam())
    runs = {}
    initial = None
    for name, partitioner in (
        ("one", one_device_partitioner()),
        ("4x2", toy_partitioner(2, 2)),
    ):
        trainer = toy_trainer(trained, partitioner, train_state=initial)
        initial = initial or jax.device_get(trainer.train_state)
        batches = (toy_batch(seed) for seed in range(3))
        losses = [trainer.train(batches, 1)["loss"] for _ in range(3)]
        shardings = jax.tree.map(lambda x: x.sharding.spec, trainer.train_state.params)
        runs[name] = losses, leaves(trainer.train_state.params), shardings
    np.testing.assert_allclose(runs["one"][0], runs["4x2"][0], rtol=1e-5)
    for ours, theirs in zip(runs["one"][1], runs["4x2"][1], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    sharded = runs["4x2"][2]["encoder"]["layers_0"]["mlp"]
    assert sharded["wi"]["kernel"] == jax.sharding.PartitionSpec("data", "model")
    assert sharded["wi_bias"] == jax.sharding.PartitionSpec("model")
