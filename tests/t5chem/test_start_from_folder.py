"""A run that begins from a model folder: its parameters, and nothing else."""

import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from t5chem.model_folder import ModelFolderError, save_model_folder
from t5x import utils
from t5x.adafactor import Adafactor
from t5x.checkpoint_reading import flatten
from t5x.checkpoint_restoring import NoCheckpointError, checkpoints_to_evaluate
from t5x.errors import ConfigError
from t5x.examples.t5 import network
from t5x.initialization import TrainStateInitializer
from t5x.models import EncoderDecoderModel
from t5x.restoring import NoOptimizer, restored_states
from tests.t5chem.small_models import random_params, small_config, small_model
from tests.t5x.checkpoint_runs import save_run
from tests.t5x.toy_model import Vocabulary, toy_partitioner


def initializer(optimizer=None, version="1.1", **sizes):
    model = EncoderDecoderModel(
        network.Transformer(small_config(version, **sizes)),
        Vocabulary(),
        Vocabulary(),
        optimizer_def=optimizer or Adafactor(min_dim_size_to_factor=16),
    )
    shapes = {"encoder_input_tokens": (8, 4), "decoder_target_tokens": (8, 3)}
    return TrainStateInitializer(
        model.optimizer_def, model.get_initial_variables, shapes, toy_partitioner(2)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("folder")
    save_model_folder(small_model(), path)
    return str(path)


@pytest.fixture(scope="module")
def scratch():
    """The run that begins, and the state that it would begin from without a folder."""
    run = initializer()
    return run, run.from_scratch(jax.random.key(5))


def assert_equal(actual, expected):
    assert list(actual) == list(expected)
    for name, leaf in expected.items():
        np.testing.assert_array_equal(np.asarray(actual[name]), np.asarray(leaf), err_msg=name)


@pytest.mark.parametrize("mode", ["latest", "specific"])
def test_parameters_are_the_folders_and_all_else_is_initial(folder, scratch, mode):
    run, fresh = scratch
    cfg = utils.RestoreCheckpointConfig(folder, mode=mode, dtype="float32")
    restored = run.restore(cfg, jax.random.key(5))
    assert (restored.checkpoint, restored.data_position) == (folder, {})
    expected = random_params(small_config())
    assert_equal(flatten(restored.state.params), dict(sorted(expected.items())))
    found, begun = restored.state.state_dict()["state"], fresh.state_dict()["state"]
    assert_equal(flatten(found), flatten(begun))
    assert int(restored.state.step) == 0 and len(flatten(found)) > len(expected)
    query = restored.state.params["encoder"]["layers_0"]["attention"]["query"]["kernel"]
    assert (
        query.sharding
        == run.train_state_axes.params["encoder"]["layers_0"]["attention"]["query"]["kernel"]
    )


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (
            {"vocab_size": 4736},
            r"target/token_embedder/embedding: \(4608, 16\) in the checkpoint, \(4736, 16\) in the",
        ),
        (
            {"mlp_dim": 32},
            r"layers_0/mlp/wi_0/kernel: \(16, 24\) in the checkpoint, \(16, 32\) in the model",
        ),
        (
            {"num_decoder_layers": 2},
            r"layers_1/encoder_decoder_attention/key/kernel: absent from the checkpoint, \(16, 8\)",
        ),
        (
            {"version": "1.0"},
            r"target/decoder/logits_dense/kernel: \(16, 4608\) in the checkpoint, absent from the",
        ),
    ],
)
def test_another_network_is_refused_with_name_and_shapes(folder, sizes, message):
    with pytest.raises(ConfigError, match=message):
        initializer(**sizes).restore(utils.RestoreCheckpointConfig(folder))


def test_some_tensors_may_keep_their_initial_value(folder, scratch):
    run, fresh = scratch
    keep = utils.RestoreCheckpointConfig(
        folder, assignment_map=[("target/token_embedder/.*", None)]
    )
    params = run.from_checkpoint(keep, jax.random.key(5)).params
    np.testing.assert_array_equal(
        params["token_embedder"]["embedding"], fresh.params["token_embedder"]["embedding"]
    )
    expected = random_params(small_config())["encoder/encoder_norm/scale"]
    np.testing.assert_array_equal(params["encoder"]["encoder_norm"]["scale"], expected)


def test_parameters_are_cast_and_transformed(folder):
    def louder(tree):
        return {"target": jax.tree.map(lambda leaf: 2 * leaf, tree["target"])}

    cfg = utils.RestoreCheckpointConfig(folder, dtype="bfloat16", state_transformation_fns=[louder])
    params = traverse_util.flatten_dict(
        initializer(NoOptimizer()).restore(cfg).state.params, sep="/"
    )
    for name, leaf in random_params(small_config()).items():
        assert params[name].dtype == jnp.bfloat16
        np.testing.assert_array_equal(params[name], (2 * leaf).astype(jnp.bfloat16))


def test_a_folder_is_evaluated_without_an_optimizer(folder):
    cfg = utils.RestoreCheckpointConfig(folder, mode="all")
    ((path, state),) = restored_states(initializer(NoOptimizer()), cfg)
    assert (path, int(state.step), state.param_states) == (folder, 0, {})
    expected = random_params(small_config())["decoder/logits_dense/kernel"]
    np.testing.assert_array_equal(state.params["decoder"]["logits_dense"]["kernel"], expected)


def test_a_damaged_folder_and_none(folder, tmp_path, scratch):
    run, _ = scratch
    save_model_folder(small_model(), tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ModelFolderError, match=r"truncated: shared.weight \(4608, 16\) ends at"):
        run.restore(utils.RestoreCheckpointConfig(str(tmp_path)))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelFolderError, match="type 'bert', not 't5'"):
        run.restore(utils.RestoreCheckpointConfig([str(tmp_path / "none"), str(tmp_path)]))
    os.remove(tmp_path / "config.json")
    with pytest.raises(NoCheckpointError, match=r"or to a model folder in Hugging Face's layout"):
        run.restore(utils.RestoreCheckpointConfig(str(tmp_path)))


def test_checkpoints_come_before_a_model_folder(folder, tmp_path):
    save_model_folder(small_model(), tmp_path)
    save_run(tmp_path, (3,))
    found = checkpoints_to_evaluate(utils.RestoreCheckpointConfig(str(tmp_path)))
    assert found == [str(tmp_path / "checkpoint_3")]
