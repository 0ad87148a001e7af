"""Frozen parameters: no gradient, no state, not a bit of change; the others learn as ever."""

import jax
import numpy as np
import pytest
from flax import traverse_util

from t5x import optimizers
from t5x.adafactor import Adafactor
from t5x.checkpoint_reading import flatten
from t5x.checkpoints import CheckpointManager, SaveCheckpointConfig
from t5x.errors import ConfigError
from t5x.optimizers import Freezing, adamw
from t5x.trainer import accumulate_grads
from tests.t5x.toy_model import one_device_partitioner, toy_batch, toy_model, toy_trainer

FROZEN = ("encoder/.*", "token_embedder/embedding")
OPTIMIZERS = {
    "adamw": lambda: adamw(weight_decay=0.1),
    "adafactor": lambda: Adafactor(weight_decay_rate=0.1, min_dim_size_to_factor=16),
}


def is_frozen(name):
    return name.startswith(("encoder/", "token_embedder/"))


def by_name(params):
    return {name: np.array(leaf) for name, leaf in flatten(params).items()}


def take_steps(trainer, first, count):
    trainer.train((toy_batch(seed) for seed in range(first, first + count)), count)


@pytest.mark.parametrize("name", ["adamw", pytest.param("adafactor", marks=pytest.mark.slow)])
def test_frozen_parameters_keep_their_bits_and_have_no_state(tmp_path, name):
    model = toy_model(Freezing(OPTIMIZERS[name](), FROZEN), dropout_rate=0.1)
    trainer = toy_trainer(model, one_device_partitioner())
    before = by_name(trainer.train_state.params)
    states = flatten(trainer.train_state.state_dict()["state"]["param_states"])
    assert not [
        path for path in states if "encoder/encoder_norm" in path or "token_embedder" in path
    ]
    assert [path for path in states if "decoder/decoder_norm" in path]
    take_steps(trainer, 0, 3)
    manager = CheckpointManager(str(tmp_path), SaveCheckpointConfig())
    manager.save(trainer.train_state, {"batches": 3})
    manager.wait()
    shapes = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), trainer.train_state
    )
    restored, _ = manager.restore(3, shapes)
    manager.close()
    take_steps(trainer, 3, 2)
    uninterrupted = by_name(trainer.train_state.params)

    resumed = toy_trainer(model, one_device_partitioner(), train_state=restored)
    take_steps(resumed, 3, 2)
    for path, leaf in by_name(resumed.train_state.params).items():
        np.testing.assert_array_equal(leaf, uninterrupted[path], err_msg=path)
        assert np.array_equal(leaf, before[path]) == is_frozen(path), path


def test_gradients_of_frozen_parameters_are_not_computed():
    model = toy_model()
    params = toy_trainer(model, one_device_partitioner()).train_state.params
    batch = toy_batch(0)
    trains = Freezing(optimizers.sgd(), FROZEN).trains

    def grads(params, trains):
        return accumulate_grads(model, params, batch, None, 2, trains)[0]

    some, all_of_them = (
        jax.jit(lambda params, trains=trains: grads(params, trains)).lower(params).compile()
        for trains in (trains, lambda path: True)
    )
    found, expected = (traverse_util.flatten_dict(f(params), sep="/") for f in (some, all_of_them))
    assert sorted(found) == sorted(path for path in expected if not is_frozen(path))
    for path, leaf in found.items():
        np.testing.assert_allclose(leaf, expected[path], rtol=1e-4, atol=1e-7)
    # Of the encoder's three products a kernel (forward, two backward) one is left, of equal stacks.
    flops = [f.cost_analysis()["flops"] for f in (some, all_of_them)]
    assert flops[0] < 0.8 * flops[1]


def test_frozen_and_trained_together_are_the_optimizer_alone():
    """What is trained moves as if nothing were frozen, where the optimizer looks at one alone."""
    params = {"a": {"w": np.ones((2, 2), np.float32)}, "b": {"w": np.ones(3, np.float32)}}
    grads = {"b": {"w": np.full(3, 0.5, np.float32)}}
    freezing = Freezing(adamw(weight_decay=0.1), ["a/w"])
    state = freezing.init_state(params)
    updated, _ = freezing.apply_gradient(grads, params, state, 0, 0.1)
    alone = adamw(weight_decay=0.1)
    own = {"b": params["b"]}
    expected, _ = alone.apply_gradient(grads, own, alone.init_state(own), 0, 0.1)
    np.testing.assert_array_equal(updated["b"]["w"], expected["b"]["w"])
    assert updated["a"]["w"] is params["a"]["w"]


def test_a_pattern_that_matches_nothing():
    with pytest.raises(ConfigError, match=r"'encodr/\.\*', which matches no parameter.*'a/w'"):
        Freezing(adamw(), ["encodr/.*"]).init_state({"a": {"w": np.ones(2)}, "b": np.ones(2)})
    with pytest.raises(ConfigError, match="'a', which matches no"):  # the whole of a path
        Freezing(adamw(), ["a"]).init_state({"a": {"w": np.ones(2)}, "b": np.ones(2)})
