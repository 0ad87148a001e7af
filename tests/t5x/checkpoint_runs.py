"""Runs of a few small tensors, saved as a training run saves its state."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from t5x.checkpoint_reading import flatten
from t5x.checkpoints import CheckpointManager, SaveCheckpointConfig
from t5x.optimizers import sgd
from t5x.train_state import FlaxOptimTrainState

NAMES = ("target/decoder/wo/kernel", "target/encoder/scale", "target/encoder/wi/kernel")


def state_of(step: int, width: int = 32) -> FlaxOptimTrainState:
    """A state whose numbers depend on the step."""
    rng = np.random.default_rng(step)
    params = {
        "encoder": {
            "wi": {"kernel": jnp.asarray(rng.normal(size=(64, width)), jnp.float32)},
            "scale": jnp.asarray(rng.normal(size=64), jnp.float32),
        },
        "decoder": {"wo": {"kernel": jnp.asarray(rng.normal(size=(width, 64)), jnp.float32)}},
    }
    optimizer = sgd(momentum=0.9)
    return FlaxOptimTrainState(
        step=jnp.int32(step),
        params=params,
        param_states=jax.tree.map(lambda x: x + step, optimizer.init_state(params)),
        flax_mutables={},
        optimizer_def=optimizer,
    )


def shapes_of(state: FlaxOptimTrainState) -> FlaxOptimTrainState:
    sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), state)


def save_run(directory: Path, steps: tuple[int, ...], **cfg) -> None:
    manager = CheckpointManager(str(directory), SaveCheckpointConfig(**cfg))
    for step in steps:
        assert manager.save(state_of(step), {"batches": 10 * step})
    manager.close()


def steps_in(directory: Path) -> list[int]:
    return sorted(int(path.name.split("_")[1]) for path in directory.glob("checkpoint_*[0-9]"))


def assert_states_equal(actual: FlaxOptimTrainState, expected: FlaxOptimTrainState) -> None:
    found, wanted = flatten(actual.state_dict()), flatten(expected.state_dict())
    assert list(found) == list(wanted)
    for name, leaf in found.items():
        np.testing.assert_array_equal(np.asarray(leaf), np.asarray(wanted[name]), err_msg=name)
