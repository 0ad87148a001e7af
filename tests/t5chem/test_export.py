"""From a run's checkpoint to a model folder."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import orbax.checkpoint as ocp
import pytest
from flax import traverse_util

from t5chem.export import export_run
from t5chem.model_folder import ModelFolderError, load_model, load_model_folder
from t5chem.vocabularies import CHEM_MODEL_FILE, chem
from tests.t5chem.small_models import random_params, small_config

CONFIG = """\
MIXTURE_OR_TASK_NAME = 'starter'
TASK_FEATURE_LENGTHS = \\
    {'inputs': 256,
     'targets': 192}
"""


def save_checkpoint(run: Path, step: int, params: dict[str, np.ndarray]) -> None:
    """In T5X's tree, with a bit of an optimizer's state."""
    tree = {
        "target": traverse_util.unflatten_dict(params, sep="/"),
        "state": {"step": np.int32(step), "param_states": {"scale": np.ones(3)}},
    }
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        checkpointer.save(run / f"checkpoint_{step}" / "state", args=ocp.args.PyTreeSave(tree))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    for step in (3, 20):
        save_checkpoint(folder, step, random_params(small_config("1.0"), seed=step))
    (folder / "config.gin").write_text(CONFIG)
    (folder / "inference_eval").mkdir()
    rows = [{"step": 3, "exact": 0.1}, {"step": 20, "exact": 0.2}]
    file = folder / "inference_eval" / "text2mol-metrics.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.mark.parametrize(("asked", "step", "exact"), [(None, 20, 0.2), (3, 3, 0.1)])
def test_a_run_exported(run, tmp_path, asked, step, exact):
    export_run(run, tmp_path, asked)
    model = load_model_folder(tmp_path)
    expected = random_params(small_config("1.0"), seed=step)
    for name, leaf in traverse_util.flatten_dict(model.params, sep="/").items():
        np.testing.assert_array_equal(leaf, expected[name])
    assert model.config.logits_via_embedding and model.config.num_heads == 2
    assert model.max_lengths == {"inputs": 256, "targets": 192}
    assert model.generation == {"num_beams": 4, "length_penalty": 1.0, "early_stopping": False}
    assert model.info["step"] == step and model.info["tasks"] == ["starter"]
    assert model.info["metrics"] == {"text2mol": {"exact": exact}}
    assert model.info["vocabulary"]["name"] == "chem"
    assert CONFIG in (tmp_path / "README.md").read_text()


def test_a_run_itself_answers_with_the_beams_of_t5x(run):
    for path, step in ((run, 20), (run / "checkpoint_3", 3)):
        model = load_model(path)
        assert model.beam_semantics == "t5x" and model.info["step"] == step
        assert model.generation == {"num_beams": 4, "alpha": 0.6} and model.vocabulary == chem()


def test_steps_and_runs_that_are_not_there(run, tmp_path):
    with pytest.raises(ModelFolderError, match="no checkpoint of step 4; it has 3, 20"):
        export_run(run, tmp_path / "out", 4)
    with pytest.raises(ModelFolderError, match="is no model"):
        export_run(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_vocabularies_come_with_the_run(tmp_path):
    save_checkpoint(tmp_path, 1, random_params(small_config(vocab_size=5120)))
    with pytest.raises(ModelFolderError, match="embedding of 5120 rows"):
        load_model(tmp_path)
    (tmp_path / "spiece.model").write_bytes(Path(CHEM_MODEL_FILE).read_bytes())
    assert load_model(tmp_path).vocabulary == chem()


def test_what_shapes_do_not_say_is_beside_the_checkpoints(tmp_path):
    config = small_config()
    save_checkpoint(tmp_path, 1, random_params(config))
    assert load_model(tmp_path).config == config
    said = {name: value for name, value in vars(config).items() if name != "dtype"}
    (tmp_path / "network.json").write_text(
        json.dumps({**said, "mlp_activations": ["silu", "linear"]})
    )
    assert load_model(tmp_path).config.mlp_activations == ("silu", "linear")
    (tmp_path / "network.json").write_text(json.dumps({**said, "mlp_dim": 25}))
    with pytest.raises(ModelFolderError, match=r"wi_0/kernel is \(16, 24\) .*, \(16, 25\) in"):
        load_model(tmp_path)


def test_checkpoints_that_are_no_t5(tmp_path):
    params = random_params(small_config())
    del params["decoder/layers_0/self_attention/key/kernel"]
    save_checkpoint(tmp_path / "a", 1, params)
    with pytest.raises(ModelFolderError, match=r"key/kernel is absent .*, \(16, 8\) in"):
        load_model(tmp_path / "a")
    save_checkpoint(tmp_path / "b", 1, {"dense/kernel": np.ones((2, 2), np.float32)})
    with pytest.raises(ModelFolderError, match="holds no T5: token_embedder/embedding is absent"):
        load_model(tmp_path / "b")


def test_damaged_checkpoints(tmp_path):
    params = random_params(small_config())
    params["decoder/decoder_norm/scale"][3] = np.nan
    save_checkpoint(tmp_path, 1, params)
    with pytest.raises(ModelFolderError, match=r"decoder_norm/scale \(16,\) holds values that"):
        load_model(tmp_path)
    next((tmp_path / "checkpoint_1" / "state").glob("**/_METADATA")).write_text("{")
    with pytest.raises(ModelFolderError, match="is damaged"):
        load_model(tmp_path)


def test_models_are_traded_without_the_libraries_of_training():
    code = (
        "import sys, t5chem.export, t5chem.parity; "
        "print(*{'tensorflow', 'seqio', 'gin', 'torch', 'transformers'} & set(sys.modules))"
    )
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert result.stdout.strip() == ""
