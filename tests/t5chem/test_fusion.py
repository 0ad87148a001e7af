"""Two encoders, one decoder: what the memory is, and that everything of a plain T5 still holds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t5chem import fusion
from t5x import decoding
from t5x.errors import ConfigError
from t5x.examples.t5 import network
from tests.t5chem.two_encoders import (
    batch_of,
    fused_model,
    fusion_config,
    initial_params,
    packed,
    t5,
)
from tests.t5x.toy_model import (
    leaves,
    losses_of,
    one_device_partitioner,
    toy_batch,
    toy_partitioner,
    toy_trainer,
)

KINDS = [
    (aggregation, two) for aggregation in ("average", "cross_attention") for two in (False, True)
]
every_kind = pytest.mark.parametrize(("aggregation", "two_vocabularies"), KINDS)


def pooling(text, chemistry):
    arrays = [jnp.asarray([row]) for row in (text, chemistry)]
    return fusion.proportional_pooling(*arrays)[0].tolist()


def test_pooling_literally():
    assert pooling([1, 1, 1], [1, 1, 1]) == np.eye(3).tolist()
    assert pooling([1, 1], [1, 1, 1, 1]) == [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]
    assert pooling([1, 1, 1, 1], [1, 1]) == [[1, 0], [1, 0], [0, 1], [0, 1]]
    # The middle of three is half over the first of two and half over the second.
    assert pooling([1, 1, 1], [1, 1]) == [[1, 0], [0.5, 0.5], [0, 1]]
    assert pooling([1, 1], [1, 1, 1]) == [
        pytest.approx([2 / 3, 1 / 3, 0]),
        pytest.approx([0, 1 / 3, 2 / 3]),
    ]


def test_pooling_stays_within_an_example_and_off_the_padding():
    assert pooling([1, 2, 2, 0], [1, 1, 2, 0]) == [
        [0.5, 0.5, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 0],
    ]
    assert pooling([1, 2], [2, 0]) == [[0, 0], [1, 0]]  # nothing to take: zero, not NaN


def aggregate(config, variables, text, chemistry, method=None):
    ones = [jnp.ones(stream.shape[:2], int) for stream in (text, chemistry)]
    module = fusion.AGGREGATIONS[config.aggregation](config)
    return module.apply(variables, text, chemistry, *ones, enable_dropout=False)


def test_the_average_literally():
    text = jnp.array([[[1.0, 2.0], [3.0, 4.0]]])
    one = fusion_config("average")
    mean = aggregate(one, {}, text, jnp.array([[[3.0, 0.0], [5.0, 8.0]]]))
    assert mean.tolist() == [[[2.0, 1.0], [4.0, 6.0]]]
    two = fusion_config("average", two_vocabularies=True)
    chemistry = jnp.array([[[1.0, 0.0], [3.0, 0.0], [0.0, 2.0], [0.0, 6.0]]])  # means (2,0) (0,4)
    assert aggregate(two, {}, text, chemistry).tolist() == [[[1.5, 1.0], [1.5, 4.0]]]


def test_gated_attention_literally():
    """Queries that see one key return its value, through norm, kernels and gate."""
    config = t5(emb_dim=2, num_heads=1, head_dim=2)
    layer = fusion.GatedAttention(config, same_places=False)
    x, other = jnp.array([[[3.0, 4.0]]]), jnp.array([[[6.0, 8.0], [1.0, 0.0]]])
    eye = {"kernel": jnp.eye(2)}
    params = {
        "gate": jnp.array([0.5, 0.0]),
        "attention": dict.fromkeys(("query", "key", "value", "out"), eye),
        "pre_attention_layer_norm": {"scale": jnp.ones(2)},
        "other_layer_norm": {"scale": jnp.ones(2)},
    }
    mask = jnp.array([[[[True, False]]]])
    out = layer.apply({"params": params}, x, other, mask, enable_dropout=False)
    normed = 6.0 / np.sqrt(50.0)  # root mean square of (6, 8)
    np.testing.assert_allclose(out, [[[3.0 + np.tanh(0.5) * normed, 4.0]]], rtol=1e-5)


def memory(module, params):
    """What a network's encoder makes of a batch."""

    def encode(params, tokens):
        return module.apply({"params": params}, tokens, enable_dropout=False, method="encode")

    return np.asarray(jax.jit(encode)(params, toy_batch(0)["encoder_input_tokens"]))


def test_the_average_of_two_equal_encoders_is_the_one():
    model = fused_model("average", emb_dim=16, num_encoder_layers=1)
    params = initial_params(model)
    params = {**params, "chemistry_encoder": params["text_encoder"]}
    alone = memory(network.Transformer(t5()), params["text_encoder"])
    np.testing.assert_allclose(memory(model.module, params), alone, atol=1e-6)


def test_behind_a_closed_gate_the_memory_is_the_text_stream():
    model = fused_model("cross_attention")
    params = initial_params(model)
    closed = jax.tree.map_with_path(
        lambda path, leaf: jnp.zeros_like(leaf) if path[-1].key == "gate" else leaf, params
    )
    alone = memory(network.Transformer(t5()), params["text_encoder"])
    np.testing.assert_allclose(memory(model.module, closed), alone, atol=1e-6)
    assert np.abs(memory(model.module, params) - alone).max() > 0.1


@every_kind
def test_packed_rows_lose_what_their_examples_lose(aggregation, two_vocabularies):
    model = fused_model(aggregation, two_vocabularies=two_vocabularies)
    params = initial_params(model)
    batch = {name: tokens[:2] for name, tokens in batch_of(model).items()}
    score = jax.jit(model.score_batch)
    scores = score(params, batch)
    together = packed(batch)
    assert together["encoder_input_tokens"].shape[0] == 1
    for n in (0, 1):  # neither example sees the other
        own = jnp.asarray(together["decoder_segment_ids"] == n + 1, jnp.int32)
        found = score(params, {**together, "decoder_loss_weights": own})
        np.testing.assert_allclose(found[0], scores[n], rtol=1e-5)


@every_kind
def test_greedy_decoding_with_its_cache_is_the_argmax_of_teacher_forcing(
    aggregation, two_vocabularies
):
    model = fused_model(aggregation, two_vocabularies=two_vocabularies)
    model._decode_fn = decoding.temperature_sample
    params = initial_params(model)
    batch = batch_of(model, rows=4)
    model.default_decoder_params = {"temperature": 0.0}
    tokens, aux = jax.jit(model.predict_batch_with_aux)(params, batch)
    shifted = jnp.pad(tokens, ((0, 0), (1, 0)))[:, :-1]
    # A predicted 0 is a token like another here, so the target is made of ones.
    forced = {**batch, "decoder_input_tokens": shifted}
    forced["decoder_target_tokens"] = jnp.ones_like(tokens)
    expected = jnp.argmax(jax.jit(model._logits)(params, forced), axis=-1)
    ended = jnp.cumsum(shifted == 1, axis=1) > 0
    np.testing.assert_array_equal(jnp.where(ended, 0, expected), tokens)
    assert np.isfinite(aux["scores"]).all()


@pytest.mark.parametrize(
    ("aggregation", "two_vocabularies"),
    [("cross_attention", False), *(pytest.param(*kind, marks=pytest.mark.slow) for kind in KINDS)],
)
def test_a_mesh_changes_no_loss(aggregation, two_vocabularies):
    """Two steps, the parameters split over both axes of 4 x 2 devices."""

    def losses(partitioner):
        model = fused_model(aggregation, two_vocabularies=two_vocabularies)
        trainer = fused_trainer(model, partitioner)
        batches = (batch_of(model, seed) for seed in range(100))
        found = [trainer.train(batches, 1)["loss"] for _ in range(2)]
        return found, trainer.train_state.params

    one, _ = losses(one_device_partitioner())
    many, params = losses(toy_partitioner(2, 2))
    np.testing.assert_allclose(many, one, rtol=1e-4)
    kernel = params["chemistry_projection"]["dense"]["kernel"]  # [24, 16]
    assert kernel.addressable_shards[0].data.shape == (24 // 4, 16 // 2)


def fused_trainer(model, partitioner, **arguments):
    return toy_trainer(model, partitioner, batch=batch_of(model), **arguments)


@pytest.mark.slow
def test_micro_batches_change_no_loss():
    model = fused_model("cross_attention", frozen=("text_encoder/.*",))
    whole, parts = (
        losses_of(fused_trainer(model, one_device_partitioner(), num_microbatches=n), 3)
        for n in (1, 4)
    )
    np.testing.assert_allclose(parts, whole, rtol=1e-4)


def test_it_learns():
    model = fused_model("average", frozen=("text_encoder/.*", "chemistry_encoder/.*"))
    trainer = fused_trainer(model, one_device_partitioner())
    same = iter(lambda: toy_batch(0), None)
    first, last = trainer.train(same, 1), trainer.train(same, 40)
    assert last["loss"] < 0.7 * first["loss"]
    assert all(np.isfinite(leaf).all() for leaf in leaves(trainer.train_state.params))


def test_an_unknown_aggregation():
    with pytest.raises(ConfigError, match=r"'avrage'. Did you mean 'average'\? .*cross_attention"):
        fusion_config("avrage")


def test_encoders_of_one_vocabulary_with_other_rows():
    with pytest.raises(ConfigError, match=r"has 64 rows and the chemistry encoder's 32, .*NUM_EMB"):
        fusion_config(vocab_size=32)
    assert fusion_config(two_vocabularies=True, vocab_size=32).chemistry_encoder.vocab_size == 32


def test_a_second_sequence_of_tokens_is_wanted_or_not():
    model = fused_model(two_vocabularies=True)
    with pytest.raises(ValueError, match=r"two_vocabularies is True, and .* are not given"):
        model.module.init(jax.random.key(0), *[jnp.ones((1, 2), int)] * 3, enable_dropout=False)
