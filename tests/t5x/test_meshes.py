"""Where arrays live changes no number: gradients, losses and checkpoints on every mesh."""

import functools

import jax
import numpy as np
import pytest

from t5x import checkpoints
from t5x.optimizers import adamw
from tests.t5x.toy_model import (
    leaves,
    losses_of,
    one_device_partitioner,
    toy_batch,
    toy_model,
    toy_partitioner,
    toy_trainer,
)

MESHES = {
    "one device": one_device_partitioner,
    "8x1": toy_partitioner,
    "4x2": functools.partial(toy_partitioner, 2),
    "2x4": functools.partial(toy_partitioner, 4),
    "4x2, parameters on both axes": functools.partial(toy_partitioner, 2, 2),
}
# The others take a compilation each: `-m slow` runs them.
FAST = ("one device", "4x2, parameters on both axes")
ALL = [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in MESHES]
STEPS = 10
# The first moment without memory is the gradient itself.
MODEL = toy_model(adamw(b1=0.0), dropout_rate=0.1)


class Run:
    """Ten steps on a mesh from the same parameters, and what is compared of them."""

    def __init__(self, partitioner, folder, initial):
        trainer = toy_trainer(MODEL, partitioner, train_state=initial)
        self.initial = initial or jax.device_get(trainer.train_state)
        self.shapes = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding),
            trainer.train_state,
        )
        first = losses_of(trainer, 1)
        self.gradients = leaves(trainer.train_state.param_states[0].mu)
        later = (toy_batch(seed) for seed in range(1, STEPS))
        self.losses = [*first, *(trainer.train(later, 1)["loss"] for _ in range(STEPS - 1))]
        self.state = trainer.train_state
        self.checkpoints = checkpoints.CheckpointManager(folder, checkpoints.SaveCheckpointConfig())
        self.checkpoints.save(self.state, {"batches": STEPS})
        self.checkpoints.wait()


@pytest.fixture(scope="module")
def run_on(tmp_path_factory):
    """A function from a mesh's name to its run, made once."""

    @functools.cache
    def run(name):
        initial = None if name == "one device" else run("one device").initial
        return Run(MESHES[name](), str(tmp_path_factory.mktemp("run")), initial)

    return run


@pytest.mark.parametrize("name", ALL[1:])
def test_gradients_and_losses_are_those_of_one_device(run_on, name):
    run, one_device = run_on(name), run_on("one device")
    for gradient, expected in zip(run.gradients, one_device.gradients, strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(run.losses, one_device.losses, rtol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_parameters_are_split_as_the_mesh_says(run_on, name):
    kernel = run_on(name).state.params["encoder"]["layers_0"]["mlp"]["wi_0"]["kernel"]
    shapes = dict(zip(MESHES, [(16, 32), (16, 32), (16, 16), (16, 8), (4, 16)], strict=True))
    assert kernel.addressable_shards[0].data.shape == shapes[name]


def test_the_moments_of_adafactor_are_split_as_their_parameter():
    trainer = toy_trainer(toy_model(), toy_partitioner(num_partitions=4, parameter_dims=2))
    state = trainer.train_state
    kernel = state.params["encoder"]["layers_0"]["mlp"]["wi_0"]["kernel"]  # [embed, mlp]
    assert kernel.sharding.spec == jax.sharding.PartitionSpec("data", "model")
    assert kernel.addressable_shards[0].data.shape == (16 // 2, 32 // 4)
    moments = state.param_states["encoder"]["layers_0"]["mlp"]["wi_0"]["kernel"]
    assert moments["v_row"].sharding.spec == jax.sharding.PartitionSpec("data")
    assert moments["v_col"].sharding.spec == jax.sharding.PartitionSpec("model")


@pytest.mark.slow
def test_adafactor_learns_on_a_mesh_as_on_one_device():
    one_device, mesh = (
        losses_of(toy_trainer(toy_model(), partitioner), 5)
        for partitioner in (one_device_partitioner(), toy_partitioner(2, 2))
    )
    np.testing.assert_allclose(mesh, one_device, rtol=1e-4)


@pytest.mark.parametrize(
    ("source", "targets"),
    [(name, FAST) for name in FAST]
    + [pytest.param(name, tuple(MESHES), marks=pytest.mark.slow) for name in MESHES],
)
def test_a_checkpoint_of_one_mesh_restores_on_the_others(run_on, source, targets):
    saved = run_on(source)
    for name in targets:
        target = run_on(name).shapes
        restored, position = saved.checkpoints.restore(STEPS, target)
        assert position == {"batches": STEPS}
        for leaf, expected in zip(leaves(restored), leaves(saved.state), strict=True):
            np.testing.assert_array_equal(leaf, expected)
        assert jax.tree.map(lambda x: x.sharding, restored) == jax.tree.map(
            lambda x: x.sharding, target
        )


@pytest.mark.slow
def test_micro_batches_lower_the_temporary_memory():
    batch = jax.eval_shape(lambda: toy_batch(0, rows=64, source=96, target=96))

    def temporaries(num_microbatches):
        trainer = toy_trainer(toy_model(), one_device_partitioner(), num_microbatches)
        step = trainer._train_step.lower(trainer.train_state, batch, jax.random.key(0))
        return step.compile().memory_analysis().temp_size_in_bytes

    one, two, four = (temporaries(n) for n in (1, 2, 4))
    assert two < 0.7 * one and four < 0.7 * two
