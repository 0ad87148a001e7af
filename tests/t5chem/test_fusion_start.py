"""Two-encoder runs begin from checkpoints of either kind, and freeze any part."""

import logging

import jax
import numpy as np
import pytest

from t5chem.model_folder import save_model_folder
from t5x.checkpoint_reading import flatten
from t5x.checkpoint_restoring import NoCheckpointError
from t5x.checkpoints import CheckpointManager, SaveCheckpointConfig
from t5x.errors import ConfigError
from t5x.initialization import TrainStateInitializer
from tests.t5chem.small_models import small_model
from tests.t5chem.two_encoders import batch_of, fused_model
from tests.t5x.toy_model import one_device_partitioner, toy_model, toy_partitioner, toy_trainer

SMALL = {"num_heads": 2, "head_dim": 4, "mlp_dim": 24, "emb_dim": 16, "num_encoder_layers": 2}
GATED = ("gelu", "linear")


def initializer_of(model, partitioner=None, **checkpoints):
    shapes = {name: value.shape for name, value in batch_of(model).items()}
    return TrainStateInitializer(
        model.optimizer_def,
        model.get_initial_variables,
        shapes,
        partitioner or one_device_partitioner(),
        initial_checkpoints=checkpoints,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a plain T5 with gated GELU, and its parameters."""
    folder = tmp_path_factory.mktemp("run")
    trainer = toy_trainer(toy_model(), one_device_partitioner())
    manager = CheckpointManager(str(folder), SaveCheckpointConfig())
    manager.save(trainer.train_state, {"batches": 0})
    manager.close()
    return str(folder), flatten(trainer.train_state.params)


TOY = {"emb_dim": 16, "num_heads": 4, "head_dim": 8, "mlp_dim": 32, "mlp_activations": GATED}
TOY_ENCODER = {**TOY, "num_encoder_layers": 1}


def test_a_part_from_a_run_of_ours(run):
    folder, source = run
    model = fused_model("average", **TOY_ENCODER)
    begun = initializer_of(model, toy_partitioner(2, 2), chemistry_encoder=folder, decoder=None)
    assert begun.scratch == f"random initialisation, chemistry_encoder from {folder}"
    state = begun.from_scratch(jax.random.key(3))
    found = flatten(state.params)
    fresh = flatten(initializer_of(model).from_scratch(jax.random.key(3)).params)
    taken = 0
    for name, leaf in found.items():
        part, _, rest = name.partition("/")
        expected = source[rest] if part == "chemistry_encoder" else fresh[name]
        taken += part == "chemistry_encoder"
        np.testing.assert_array_equal(np.asarray(leaf), np.asarray(expected), err_msg=name)
    assert taken == len([name for name in source if not name.startswith("decoder/")])
    kernel = state.params["chemistry_encoder"]["encoder"]["layers_0"]["mlp"]["wo"]["kernel"]
    assert kernel.addressable_shards[0].data.shape == (32 // 2, 16 // 4)  # born sharded


def test_a_part_from_a_folder_of_hugging_faces(tmp_path):
    folder = small_model()
    save_model_folder(folder, tmp_path)
    model = fused_model(
        two_vocabularies=True, vocab_size=folder.config.vocab_size, mlp_activations=GATED, **SMALL
    )
    state = initializer_of(model, chemistry_encoder=str(tmp_path)).from_scratch(jax.random.key(0))
    expected = flatten({name: folder.params[name] for name in ("encoder", "token_embedder")})
    found = flatten(state.params["chemistry_encoder"])
    assert found.keys() == expected.keys()
    for name, leaf in expected.items():
        np.testing.assert_array_equal(np.asarray(found[name]), leaf)


@pytest.mark.parametrize("layout", ["orbax", "legacy"])
def test_a_part_from_a_checkpoint_of_t5x(shared, layout):
    checkpoint = shared / "golden" / "t5x_checkpoints" / f"{layout}_checkpoint_4"
    with np.load(f"{checkpoint}.expected.npz") as file:
        expected = {name: file[name] for name in file}
    rows, width = expected["target/token_embedder/embedding"].shape
    model = fused_model(
        two_vocabularies=True, vocab_size=rows, emb_dim=width, num_heads=4, head_dim=8,
        mlp_dim=64, mlp_activations=GATED, num_encoder_layers=2,
    )  # fmt: skip
    begun = initializer_of(model, chemistry_encoder=str(checkpoint))
    found = flatten(begun.from_scratch(jax.random.key(0)).params["chemistry_encoder"])
    for name, leaf in found.items():
        np.testing.assert_array_equal(np.asarray(leaf), expected[f"target/{name}"])


def test_a_part_of_another_size_is_refused_with_names_and_remedy(run):
    folder, _ = run
    other = fused_model(**{**TOY_ENCODER, "mlp_dim": 16})
    with pytest.raises(ConfigError) as raised:
        initializer_of(other, chemistry_encoder=folder).from_scratch(jax.random.key(0))
    assert (
        "chemistry_encoder/encoder/layers_0/mlp/wi_0/kernel: (16, 32) in the checkpoint, (16, 16)"
        in raised.value.message
    )
    rows = fused_model(two_vocabularies=True, **TOY_ENCODER, vocab_size=32)
    with pytest.raises(ConfigError, match=r"\(64, 16\) in the checkpoint, \(32, 16\)") as raised:
        initializer_of(rows, chemistry_encoder=folder).from_scratch(jax.random.key(0))
    assert "belongs to another vocabulary: train with that of the checkpoint" in str(raised.value)


def test_a_part_that_is_not_there(run, tmp_path):
    folder, _ = run
    with pytest.raises(NoCheckpointError, match=r"No checkpoint for decoder at .*Hugging Face's"):
        initializer_of(fused_model(), decoder=str(tmp_path)).from_scratch(jax.random.key(0))
    with pytest.raises(ConfigError, match=r"'txt_encoder', .* Did you mean 'text_encoder'"):
        initializer_of(fused_model(), txt_encoder=folder).from_scratch(jax.random.key(0))


def test_random_values_that_are_frozen_are_reported(run, caplog):
    folder, _ = run
    model = fused_model(frozen=("text_encoder/.*", "chemistry_encoder/.*"), **TOY_ENCODER)
    with caplog.at_level(logging.WARNING, "absl"):
        initializer_of(model, chemistry_encoder=folder).from_scratch(jax.random.key(0))
    (message,) = [text for text in caplog.messages if "Frozen at random values" in text]
    assert "text_encoder/encoder/encoder_norm/scale" in message
    assert "chemistry_encoder" not in message


@pytest.mark.parametrize(
    "frozen",
    [
        ("text_encoder", "chemistry_encoder"),
        pytest.param(("text_encoder",), marks=pytest.mark.slow),
        pytest.param(("decoder", "aggregation", "chemistry_projection"), marks=pytest.mark.slow),
    ],
)
def test_any_parts_may_be_frozen(frozen):
    model = fused_model(frozen=[f"{part}/.*" for part in frozen])
    trainer = toy_trainer(model, one_device_partitioner(), batch=batch_of(model))
    before = {name: np.array(leaf) for name, leaf in flatten(trainer.train_state.params).items()}
    moments = flatten(trainer.train_state.param_states)
    trainer.train((batch_of(model, seed) for seed in range(2)), 2)
    for name, leaf in flatten(trainer.train_state.params).items():
        is_frozen = name.partition("/")[0] in frozen
        assert np.array_equal(leaf, before[name]) == is_frozen, name
        assert any(path.endswith(name) for path in moments) != is_frozen, name
