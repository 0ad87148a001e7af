"""A two-encoder model in files: a run's checkpoint, a model folder, and the answers of each."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from flax import traverse_util

from t5chem import own_networks
from t5chem.cli import main
from t5chem.export import export_run
from t5chem.fusion import FusedTransformer, FusionConfig
from t5chem.generation import network_of
from t5chem.model_folder import LoadedModel, ModelFolderError, load_model, save_model_folder
from t5chem.predictor import Predictor
from t5chem.vocabularies import CHEM_MODEL_FILE, chem
from t5x.examples.t5.network import T5Config
from t5x.models import EncoderDecoderModel
from t5x.network_description import describe
from t5x.run_start import write_network

ROWS = chem().vocab_size + 100
TEXTS = ["The molecule is ethanol.", "water", "an acid that is rather long"]


def config_of(two_vocabularies: bool) -> FusionConfig:
    small = {"num_heads": 2, "head_dim": 4, "mlp_dim": 16, "num_encoder_layers": 1}
    text = T5Config(vocab_size=ROWS, emb_dim=8, num_decoder_layers=1, **small)
    chemistry = dataclasses.replace(text, emb_dim=12, num_encoder_layers=2)
    return FusionConfig(text, chemistry, text, "cross_attention", two_vocabularies)


def loaded(two_vocabularies: bool = False) -> LoadedModel:
    config = config_of(two_vocabularies)
    rng = np.random.default_rng(3)
    shapes = own_networks.parameter_shapes(config)
    params = {name: rng.normal(0, 0.3, s).astype(np.float32) for name, s in shapes.items()}
    return LoadedModel(
        config=config,
        params=traverse_util.unflatten_dict(params, sep="/"),
        vocabulary=chem(),
        beam_semantics="hf",
        generation={"num_beams": 2, "length_penalty": 1.0, "early_stopping": False},
        max_lengths={"inputs": 64, "targets": 8},
        info={"step": 7},
        chemistry_vocabulary=chem() if two_vocabularies else None,
    )


@pytest.mark.parametrize("two_vocabularies", [False, True])
def test_a_folder_gives_the_model_back_and_equal_bytes(tmp_path, two_vocabularies):
    model = loaded(two_vocabularies)
    save_model_folder(model, tmp_path / "a")
    back = load_model(tmp_path / "a")
    assert (back.config, back.vocabulary, back.info) == (model.config, chem(), {"step": 7})
    assert back.chemistry_vocabulary == model.chemistry_vocabulary
    jax.tree.map(np.testing.assert_array_equal, back.params, model.params)
    save_model_folder(back, tmp_path / "b")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert ("chemistry_spiece.model" in files) == two_vocabularies
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    card = (tmp_path / "a" / "README.md").read_text()
    assert "library_name: t5chem" in card and "from transformers" not in card
    assert "a text encoder of 1 layers of width 8 and a chemistry encoder of 2 of 12" in card
    assert card.count("SHA-256 of") == 1 + two_vocabularies


@pytest.mark.parametrize("two_vocabularies", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_answers_are_those_of_the_network(two_vocabularies):
    model = loaded(two_vocabularies)
    predictor = Predictor(model, batch_size=4)
    answers = predictor.text2mol(TEXTS, num_beams=1)
    source = [*chem().encode(model.prompts["text2mol"] + TEXTS[1]), 1]
    tokens = np.array([source])
    further = {"chemistry_input_tokens": tokens} if two_vocabularies else {}
    target = [*chem().encode("CCO"), 1]
    logits = network_of(model.config).apply(
        {"params": model.params},
        tokens,
        np.array([[0, *target[:-1]]]),
        np.array([target]),
        enable_dropout=False,
        **further,
    )
    expected = sum(jax.nn.log_softmax(logits[0])[i, token] for i, token in enumerate(target))
    assert predictor.score("text2mol", TEXTS[1:2], ["CCO"])[0] == pytest.approx(
        float(expected), abs=1e-3
    )
    assert [answer.best.text for answer in answers] == [
        predictor.text2mol(text, num_beams=1).best.text for text in TEXTS
    ]
    assert predictor.embed("text2mol", TEXTS).shape == (3, 8)


def saved_run(folder: Path, model: LoadedModel) -> Path:
    """What a training run leaves of a model."""
    tree = {"target": model.params, "state": {"step": np.int32(7), "param_states": {}}}
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        checkpointer.save(folder / "checkpoint_7" / "state", args=ocp.args.PyTreeSave(tree))
    vocabulary = chem()
    write_network(
        str(folder), EncoderDecoderModel(FusedTransformer(model.config), vocabulary, vocabulary)
    )
    return folder


def test_a_run_its_export_and_the_command_answer_alike(tmp_path, capsys):
    model = loaded()
    run = saved_run(tmp_path / "run", model)
    export_run(run, tmp_path / "folder")
    from_folder, from_run = load_model(tmp_path / "folder"), load_model(run)
    assert from_folder.config == from_run.config == model.config
    jax.tree.map(np.testing.assert_array_equal, from_folder.params, model.params)
    short = {"num_beams": 1, "max_length": 8}
    expected = Predictor(from_run, 4).mol2text("CCO", **short)
    assert Predictor.load(tmp_path / "folder", 4).mol2text("CCO", **short) == expected
    command = ["predict", "mol2text", "CCO", "--beams", "1", "--max-length", "8"]
    assert main([*command, "--model", str(tmp_path / "folder"), "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["text"] == expected.best.text


def test_damaged_and_foreign_folders(tmp_path):
    save_model_folder(loaded(), tmp_path / "good")
    file = tmp_path / "good" / "config.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "aggregation": "sum"}))
    with pytest.raises(ModelFolderError, match=r"describes no two-encoder network: .*'sum'"):
        load_model(tmp_path / "good")
    decoder = {**content["decoder"], "mlp_dim": 20}
    file.write_text(json.dumps({**content, "decoder": decoder}))
    with pytest.raises(ModelFolderError, match=r"wi/kernel is \(8, 16\), and \(8, 20\) in the net"):
        load_model(tmp_path / "good")
    file.write_text(json.dumps({**content, "two_vocabularies": True}))
    with pytest.raises(ModelFolderError, match=r"relpos_bias.* absent in the network"):
        load_model(tmp_path / "good")


def test_checkpoints_that_are_not_of_their_network(tmp_path):
    model = loaded()
    run = saved_run(tmp_path / "run", model)
    said = json.loads((run / "network.json").read_text())
    assert said == json.loads(json.dumps(describe(model.config)))
    said["decoder"]["num_decoder_layers"] = 2
    (run / "network.json").write_text(json.dumps(said))
    with pytest.raises(ModelFolderError, match=r"decoder/decoder/layers_1/.* is absent in the che"):
        load_model(run)


def test_a_second_vocabulary_comes_with_the_run(tmp_path):
    run = saved_run(tmp_path / "run", loaded(two_vocabularies=True))
    assert load_model(run).chemistry_vocabulary == chem()  # by its number of rows
    shutil.copyfile(CHEM_MODEL_FILE, run / "chemistry_spiece.model")
    assert load_model(run).chemistry_vocabulary == chem()


def test_two_encoders_need_nothing_that_training_needs():
    code = (
        "import sys, t5chem.fusion, t5chem.own_networks, t5chem.predictor; "
        "print(*{'tensorflow', 'seqio', 'gin', 'orbax'} & set(sys.modules))"
    )
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert result.stdout.strip() == ""
