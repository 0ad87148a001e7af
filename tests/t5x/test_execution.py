"""How a step is computed changes no result: scanned, rematerialised, fused, sliced, on meshes."""

import dataclasses
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t5x import checkpoints
from t5x.errors import ConfigError
from t5x.examples.t5 import layers, network
from t5x.models import EncoderDecoderModel
from tests.t5x.toy_model import (
    Vocabulary,
    leaves,
    one_device_partitioner,
    toy_batch,
    toy_model,
    toy_partitioner,
    toy_trainer,
)

EVERYTHING = {"scan_layers": True, "remat_policy": "minimal", "attention_kernel": "pallas"}
WAYS = {
    "scanned": {"scan_layers": True},
    "scanned, full": {"scan_layers": True, "remat_policy": "full"},
    "minimal": {"remat_policy": "minimal"},
    "fused": {"attention_kernel": "pallas"},
    "dot_product_attention": {"attention_kernel": "xla"},
    "everything": EVERYTHING,
}
SLOW = ("scanned, full", "minimal", "dot_product_attention")


def model_of(num_layers=2, dropout_rate=0.0, loss_chunks=None, **config):
    plain = toy_model(dropout_rate=dropout_rate)
    sizes = {"num_encoder_layers": num_layers, "num_decoder_layers": num_layers}
    module = network.Transformer(dataclasses.replace(plain.module.config, **sizes, **config))
    return EncoderDecoderModel(
        module, Vocabulary(), Vocabulary(), plain.optimizer_def,
        loss_normalizing_factor="NUM_REAL_TARGET_TOKENS",
        z_loss=1e-3, label_smoothing=0.1, loss_chunks=loss_chunks,
    )  # fmt: skip


def packed_batch(seed=0):
    """Two examples a row, and padding."""
    batch = {name: jnp.asarray(value) for name, value in toy_batch(seed).items()}
    for side, name in (("encoder", "encoder_input_tokens"), ("decoder", "decoder_target_tokens")):
        tokens = batch[name]
        second = jnp.arange(tokens.shape[1])[None] >= 2
        batch[f"{side}_segment_ids"] = jnp.where(tokens > 0, 1 + second, 0).astype(jnp.int32)
    return batch


@functools.cache
def params_of(num_layers=2):
    shapes = {name: value.shape for name, value in packed_batch().items()}
    return model_of(num_layers).get_initial_variables(jax.random.key(0), shapes)["params"]


def loss_and_gradients(model, dropout_rng=None):
    step = jax.jit(jax.value_and_grad(model.loss_fn, has_aux=True))
    (loss, numbers), gradients = step(params_of(), packed_batch(), dropout_rng)
    return float(loss), float(numbers["accuracy"].total), gradients


@functools.cache
def plain():
    return loss_and_gradients(model_of())


def assert_gradients_close(gradients, expected):
    assert jax.tree.structure(gradients) == jax.tree.structure(expected)
    for gradient, other in zip(leaves(gradients), leaves(expected), strict=True):
        np.testing.assert_allclose(gradient, other, atol=1e-5 * max(np.abs(other).max(), 1e-3))


@pytest.mark.parametrize(
    "way", [pytest.param(w, marks=pytest.mark.slow) if w in SLOW else w for w in WAYS]
)
def test_losses_and_gradients_are_those_of_the_plain_step(way):
    # The sliced loss by itself has its tests in test_chunked_loss.
    loss_chunks = 5 if way == "everything" else None
    loss, correct, gradients = loss_and_gradients(model_of(loss_chunks=loss_chunks, **WAYS[way]))
    np.testing.assert_allclose(loss, plain()[0], rtol=1e-5)
    assert correct == plain()[1]
    assert_gradients_close(gradients, plain()[2])


def test_fused_attention_drops_what_the_plain_one_drops():
    rng = jax.random.key(3)
    dropping, fused = (
        loss_and_gradients(model_of(dropout_rate=0.3, **way), rng)
        for way in ({}, {"attention_kernel": "pallas"})
    )
    np.testing.assert_allclose(fused[0], dropping[0], rtol=1e-5)
    assert_gradients_close(fused[2], dropping[2])
    assert abs(dropping[0] - plain()[0]) > 1e-3


def test_attention_drops_whole_keys_a_row_and_head_with_one_mask_for_all_queries():
    rows, places, heads, head_dim, rate = 8, 50, 4, 3, 0.2
    width = heads * head_dim
    layer = layers.MultiHeadDotProductAttention(heads, head_dim, dropout_rate=rate)
    nothing, identity = jnp.zeros((width, width)), jnp.eye(width)
    params = {"query": nothing, "key": nothing, "value": identity, "out": identity}
    params = {name: {"kernel": kernel} for name, kernel in params.items()}
    ones = jnp.ones((rows, places, width))
    out = layer.apply({"params": params}, ones, ones, rngs={"dropout": jax.random.key(0)})

    # All keys weigh the same and all values are 1: what is left is the share of keys kept.
    kept = np.asarray(out).reshape(rows, places, heads, head_dim) * places * (1 - rate)
    np.testing.assert_allclose(kept, np.round(kept[:, :1, :, :1]) + np.zeros_like(kept), rtol=1e-5)
    number = np.round(kept[:, 0, :, 0])
    assert len(np.unique(number)) > 4
    np.testing.assert_allclose(number.mean() / places, 1 - rate, atol=0.04)


def test_scanned_layers_drop_as_called_ones_and_each_its_own():
    rng = jax.random.key(3)
    scanned, called = (
        loss_and_gradients(model_of(dropout_rate=0.3, remat_policy="full", scan_layers=scan), rng)
        for scan in (True, False)
    )
    np.testing.assert_allclose(scanned[0], called[0], rtol=1e-5)
    assert_gradients_close(scanned[2], called[2])


def test_the_program_does_not_grow_with_the_layers():
    def products(num_layers, **config):
        model = model_of(num_layers, **config)
        grad = jax.jit(jax.grad(model.loss_fn, has_aux=True))
        text = grad.lower(params_of(num_layers), packed_batch(), jax.random.key(0)).as_text()
        return len(re.findall(r"dot_general", text))

    assert products(2, scan_layers=True) == products(4, scan_layers=True)
    assert products(2) < products(4)


def test_a_fused_step_never_holds_all_attention_weights():
    model = model_of(**EVERYTHING, loss_chunks=5)
    text = str(
        jax.make_jaxpr(jax.grad(model.loss_fn, has_aux=True))(params_of(), packed_batch(), None)
    )
    rows, source = packed_batch()["encoder_input_tokens"].shape
    heads = model.module.config.num_heads
    assert not re.search(rf"\[{rows},{heads},\d+,{source}\]", text)
    assert not re.search(rf"\[{rows},{packed_batch()['decoder_target_tokens'].shape[1]},64\]", text)


def test_a_checkpoint_of_either_restores_in_the_other(tmp_path):
    ways = ({}, EVERYTHING)
    trainers = [toy_trainer(model_of(**way), one_device_partitioner()) for way in ways]
    for i, (saving, other) in enumerate((trainers, trainers[::-1])):
        saving.train(iter([toy_batch(i)]), 1)
        manager = checkpoints.CheckpointManager(
            str(tmp_path / str(i)), checkpoints.SaveCheckpointConfig()
        )
        manager.save(saving.train_state, {})
        manager.wait()
        target = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding),
            other.train_state,
        )
        other.train_state, _ = manager.restore(int(saving.train_state.step), target)
        for leaf, expected in zip(
            leaves(other.train_state), leaves(saving.train_state), strict=True
        ):
            np.testing.assert_array_equal(leaf, expected)
        batch = toy_batch(10 + i)
        losses = [trainer.train(iter([batch]), 1)["loss"] for trainer in (saving, other)]
        np.testing.assert_allclose(*losses, rtol=1e-5)


def test_saved_names_are_those_of_single_layers():
    trainer = toy_trainer(model_of(**EVERYTHING), one_device_partitioner())
    tree = trainer.train_state.state_dict()["target"]
    assert {"layers_0", "layers_1"} < set(tree["encoder"])
    assert tree["decoder"]["layers_1"]["mlp"]["wo"]["kernel"].shape == (32, 16)


@pytest.mark.parametrize(
    "mesh",
    [
        functools.partial(toy_partitioner, 2, 2),
        pytest.param(toy_partitioner, marks=pytest.mark.slow),
        pytest.param(functools.partial(toy_partitioner, 4), marks=pytest.mark.slow),
    ],
)
def test_everything_on_a_mesh_learns_as_the_plain_step_on_one_device(mesh):
    def losses(model, partitioner):
        trainer = toy_trainer(model, partitioner)
        return [trainer.train(iter([toy_batch(i)]), 1)["loss"] for i in range(3)]

    expected = losses(model_of(), one_device_partitioner())
    found = losses(model_of(**EVERYTHING, loss_chunks=5), mesh())
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.fixture(scope="module")
def decoding_on():
    """A function from a partitioner to greedy predictions and the cache they begin with."""
    model = model_of(**EVERYTHING)
    batch = {name: toy_batch(4)[name] for name in ("encoder_input_tokens", "decoder_input_tokens")}

    def decode(params, batch):
        inputs, prompts = batch["encoder_input_tokens"], batch["decoder_input_tokens"]
        return model.predict_batch(params, batch), model._encode(params, inputs, prompts, {})[1]

    return lambda partitioner: partitioner.partition(decode)(
        params_of(), partitioner.shard_batch(batch)
    )


def test_decoding_on_a_mesh_is_that_of_one_device_and_its_caches_are_divided(decoding_on):
    expected, _ = decoding_on(one_device_partitioner())
    tokens, cache = decoding_on(toy_partitioner(2))
    np.testing.assert_array_equal(tokens, expected)
    kept = cache["decoder"]["layers_1"]
    for name in ("cross_key", "cross_value"):
        whole = kept["encoder_decoder_attention"][name]
        assert whole.shape[:2] == (8, 4)
        assert whole.addressable_shards[0].data.shape[:2] == (8 // 4, 4 // 2)
    whole = kept["self_attention"]["cached_key"]
    assert whole.addressable_shards[0].data.shape == (8 // 4, 4 // 2, *whole.shape[2:])


def test_an_unknown_policy_is_refused():
    with pytest.raises(ConfigError, match=r"remat_policy is 'some'.*none, minimal, full"):
        network.T5Config(vocab_size=8, remat_policy="some")
