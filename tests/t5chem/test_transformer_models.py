"""A Transformer of 2017 in files: a run's checkpoint, a model folder, and the answers of each."""

import dataclasses
import json

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from flax import traverse_util

from t5chem.compatibility import NO_PROMPTS
from t5chem.export import export_run
from t5chem.model_folder import LoadedModel, ModelFolderError, load_model, save_model_folder
from t5chem.own_networks import network_of, parameter_shapes
from t5chem.predictor import Predictor
from t5chem.vocabularies import atoms, chem
from t5x.examples.transformer.network import TransformerConfig
from t5x.models import EncoderDecoderModel
from t5x.run_start import write_network

CONFIG = TransformerConfig(
    vocab_size=768,
    emb_dim=8,
    num_heads=2,
    num_encoder_layers=1,
    num_decoder_layers=2,
    head_dim=4,
    mlp_dim=12,
)


def loaded() -> LoadedModel:
    rng = np.random.default_rng(3)
    shapes = parameter_shapes(CONFIG)
    params = {name: rng.normal(0, 0.3, s).astype(np.float32) for name, s in shapes.items()}
    return LoadedModel(
        config=CONFIG,
        params=traverse_util.unflatten_dict(params, sep="/"),
        vocabulary=atoms(),
        beam_semantics="hf",
        generation={"num_beams": 2, "length_penalty": 1.0, "early_stopping": False},
        max_lengths={"inputs": 64, "targets": 12},
        info={"step": 7},
        prompts=NO_PROMPTS,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What a training run leaves of a model."""
    folder = tmp_path_factory.mktemp("run")
    tree = {"target": loaded().params, "state": {"step": np.int32(7), "param_states": {}}}
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        checkpointer.save(folder / "checkpoint_7" / "state", args=ocp.args.PyTreeSave(tree))
    write_network(str(folder), EncoderDecoderModel(network_of(CONFIG), atoms(), atoms()))
    return folder


def test_a_folder_gives_the_model_back_and_equal_bytes(tmp_path):
    save_model_folder(loaded(), tmp_path / "a")
    back = load_model(tmp_path / "a")
    assert (back.config, back.vocabulary, back.prompts) == (CONFIG, atoms(), NO_PROMPTS)
    jax.tree.map(np.testing.assert_array_equal, back.params, loaded().params)
    save_model_folder(back, tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    card = (tmp_path / "a" / "README.md").read_text()
    assert "library_name: t5chem" in card and "from transformers" not in card
    assert "`atoms`, 753 ids" in card


def test_a_run_in_atoms_is_read_without_prompts_and_exported(run, tmp_path):
    model = load_model(run)
    assert (model.config, model.vocabulary, model.prompts) == (CONFIG, atoms(), NO_PROMPTS)
    export_run(run, tmp_path / "folder")
    short = {"num_beams": 1, "max_length": 8}
    answers = Predictor(model, 4).forward(["CCO.CC(=O)Cl", "CN"], **short)
    assert Predictor.load(tmp_path / "folder", 4).forward("CN", **short) == answers[1]


def test_scores_are_those_of_the_network():
    model = loaded()
    source, target = ([*atoms().encode(text), 1] for text in ("CCO", "C%12Cl"))
    logits = network_of(CONFIG).apply(
        {"params": model.params},
        np.array([source]),
        np.array([[0, *target[:-1]]]),
        np.array([target]),
        enable_dropout=False,
    )
    log_probs = jax.nn.log_softmax(logits[0])
    expected = sum(float(log_probs[i, token]) for i, token in enumerate(target))
    predictor = Predictor(model, batch_size=4)
    score = predictor.score("forward", ["CCO"], ["C%12Cl"])[0]
    assert score == pytest.approx(expected, abs=1e-3)
    assert predictor.embed("forward", ["CC", "CO"]).shape == (2, 8)


def test_answers_can_be_kept_to_smiles_that_parse():
    from rdkit import Chem

    answer = Predictor(loaded(), batch_size=1).forward("CCO", valid_smiles=True, num_beams=1)
    assert Chem.MolFromSmiles(answer.best.text.replace("~", "."), sanitize=False) is not None


def test_what_does_not_belong_together(run, tmp_path):
    save_model_folder(loaded(), tmp_path / "folder")
    file = tmp_path / "folder" / "config.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "mlp_dim": 20}))
    with pytest.raises(ModelFolderError, match=r"wi/kernel is \(8, 12\), and \(8, 20\) in the net"):
        load_model(tmp_path / "folder")
    file.write_text(json.dumps({**content, "emb_dim": "wide"}))
    with pytest.raises(ModelFolderError, match="emb_dim is 'wide', not a positive integer"):
        load_model(tmp_path / "folder")
    del content["vocab_size"]
    file.write_text(json.dumps(content))
    with pytest.raises(ModelFolderError, match=r"does not describe a network: .*vocab_size"):
        load_model(tmp_path / "folder")
    wide = dataclasses.replace(loaded(), vocabulary=chem())
    save_model_folder(wide, tmp_path / "wide")
    with pytest.raises(ModelFolderError, match="has 4608 ids, the embedding 768 rows"):
        load_model(tmp_path / "wide")
