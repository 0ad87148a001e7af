"""Both of T5X's layouts restore to the numbers that were in them, on any mesh."""

import os
import shutil
from pathlib import Path

import flax.serialization
import jax
import numpy as np
import pytest

from t5x.adafactor import Adafactor, standard_logical_factor_rules
from t5x.checkpoint_integrity import find_damage
from t5x.checkpoint_reading import flatten, open_checkpoint
from t5x.checkpoints import CheckpointManager, RestoreCheckpointConfig, SaveCheckpointConfig
from t5x.examples.t5 import network
from t5x.initialization import TrainStateInitializer
from t5x.models import EncoderDecoderModel
from tests.t5x.golden import Vocabulary
from tests.t5x.toy_model import toy_partitioner

LAYOUTS = ("orbax_checkpoint_4", "legacy_checkpoint_4")


@pytest.fixture(scope="module")
def samples(shared: Path) -> Path:
    return shared / "golden" / "t5x_checkpoints"


def initializer_for(num_partitions: int = 1, parameter_dims: int = 1) -> TrainStateInitializer:
    """Of the model that the samples hold."""
    config = network.T5Config(
        vocab_size=Vocabulary.vocab_size,
        emb_dim=32,
        num_heads=4,
        num_encoder_layers=2,
        num_decoder_layers=2,
        head_dim=8,
        mlp_dim=64,
        mlp_activations=("gelu", "linear"),
    )
    optimizer = Adafactor(logical_factor_rules=standard_logical_factor_rules())
    model = EncoderDecoderModel(network.Transformer(config), Vocabulary(), Vocabulary(), optimizer)
    features = ("encoder_input_tokens", "decoder_input_tokens", "decoder_target_tokens")
    return TrainStateInitializer(
        optimizer,
        model.get_initial_variables,
        dict.fromkeys(features, (8, 4)),
        toy_partitioner(num_partitions, parameter_dims),
    )


@pytest.fixture(scope="module")
def replicated() -> TrainStateInitializer:
    return initializer_for()


@pytest.fixture(scope="module")
def sharded() -> TrainStateInitializer:
    return initializer_for(num_partitions=4, parameter_dims=2)


@jax.jit
def step(state):
    return state.apply_gradient(state.params, learning_rate=0.01)


def expected(samples: Path, layout: str) -> dict[str, np.ndarray]:
    with np.load(samples / f"{layout}.expected.npz") as arrays:
        return dict(arrays)


def assert_holds(state, values):
    found = flatten(state.state_dict())
    assert set(found) == set(values)
    for name, leaf in found.items():
        assert leaf.dtype == values[name].dtype
        np.testing.assert_array_equal(leaf, values[name], err_msg=name)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_samples_restore_exactly_and_training_goes_on(samples, replicated, layout, tmp_path):
    cfg = RestoreCheckpointConfig(str(samples / layout))
    state = replicated.from_checkpoint(cfg)
    assert_holds(state, expected(samples, layout))
    after = step(state)
    assert int(after.step) == int(state.step) + 1
    moved = [
        bool((a != b).any()) and bool(np.isfinite(a).all())
        for a, b in zip(jax.tree.leaves(after.params), jax.tree.leaves(state.params), strict=True)
    ]
    assert all(moved)
    # What we write has the tree of the sample.
    manager = CheckpointManager(str(tmp_path), SaveCheckpointConfig())
    manager.save(after, {"batches": 5})
    manager.close()
    written = open_checkpoint(str(tmp_path / f"checkpoint_{int(after.step)}")).shapes
    assert written == open_checkpoint(str(samples / LAYOUTS[0])).shapes


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_device_reads_its_own_part(samples, sharded, layout):
    state = sharded.from_checkpoint(RestoreCheckpointConfig(str(samples / layout)))
    assert_holds(state, expected(samples, layout))
    shardings = jax.tree.leaves(sharded.train_state_axes)
    for leaf, sharding in zip(jax.tree.leaves(state), shardings, strict=True):
        assert leaf.sharding.is_equivalent_to(sharding, leaf.ndim)
    kernel = state.params["encoder"]["layers_0"]["mlp"]["wo"]["kernel"]
    assert kernel.addressable_shards[0].data.size == kernel.size // 8


def test_a_parent_of_legacy_checkpoints(samples, tmp_path, replicated):
    shutil.copytree(samples / LAYOUTS[1], tmp_path / "checkpoint_4")
    state = replicated.from_checkpoint(RestoreCheckpointConfig(str(tmp_path)))
    assert_holds(state, expected(samples, LAYOUTS[1]))


@pytest.fixture
def legacy(samples: Path, tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(samples / LAYOUTS[1], tmp_path / "checkpoint_4"))
    for path in (copy, *copy.rglob("*")):  # the samples are read-only
        path.chmod(0o755)
    return copy


def test_damaged_legacy_checkpoints_are_recognised(legacy):
    assert find_damage(str(legacy)) is None
    chunk = legacy / "target.token_embedder.embedding" / "0.0"
    whole = chunk.read_bytes()
    for damaged in (whole[:-100], b"", whole[:500] + b"\0" + whole[501:], None):
        if damaged is None:
            chunk.unlink()  # would read as zeros
        else:
            chunk.write_bytes(damaged)
        assert "embedding" in (find_damage(str(legacy)) or "")
    chunk.write_bytes(whole)
    assert find_damage(str(legacy)) is None
    os.truncate(legacy / "checkpoint", 1000)
    assert "cannot be read" in (find_damage(str(legacy)) or "")


def test_an_index_of_something_else_is_refused(tmp_path):
    (tmp_path / "checkpoint").write_bytes(flax.serialization.msgpack_serialize({"model": {}}))
    assert "is not an index of T5X's" in (find_damage(str(tmp_path)) or "")
