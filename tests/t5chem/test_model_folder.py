"""Model folders: what is written is read, and what is damaged is named."""

import json
import os
import pickle
import struct
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from flax import traverse_util

from t5chem.model_folder import ModelFolderError, load_model, load_model_folder, save_model_folder
from t5chem.prompts import PROMPTS
from t5chem.vocabularies import chem
from t5x import huggingface
from t5x.checkpoint_network import read_network
from t5x.examples.t5 import network
from t5x.tensor_files import read_safetensors, read_tensors, write_safetensors
from tests.t5chem.small_models import small_config, small_model

WEIGHTS = "model.safetensors"
NORM = "encoder.final_layer_norm.weight"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    save_model_folder(small_model(), tmp_path / "model")
    return str(tmp_path / "model")


def edit_json(folder: str, name: str, **changes) -> None:
    file = Path(folder, name)
    content = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**content, **changes}))


def edit_weights(folder: str, **changes) -> None:
    """Replaces tensors, `__` standing for a dot; None removes one."""
    tensors = {name: np.array(value) for name, value in read_tensors(folder).items()}
    for name, value in changes.items():
        tensors.pop(name.replace("__", "."), None)
        if value is not None:
            tensors[name.replace("__", ".")] = value
    write_safetensors(os.path.join(folder, WEIGHTS), tensors)


def write_raw(file: str, tensors: dict[str, tuple[str, np.ndarray]]) -> None:
    """The format by hand, for dtypes that we do not write."""
    header, data = {}, b""
    for name, (dtype, array) in tensors.items():
        end = len(data) + array.nbytes
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [len(data), end]}
        data += array.tobytes()
    content = json.dumps(header).encode()
    Path(file).write_bytes(struct.pack("<Q", len(content)) + content + data)


def assert_same_params(actual: dict, expected: dict) -> None:
    actual, expected = (traverse_util.flatten_dict(t, sep="/") for t in (actual, expected))
    assert set(actual) == set(expected)
    for name, leaf in expected.items():
        np.testing.assert_array_equal(actual[name], leaf, err_msg=name)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_places_are_the_parameters_of_the_network(version):
    config = small_config(version)
    tokens = jnp.ones((1, 2), jnp.int32)
    model = network.Transformer(config)
    made = jax.eval_shape(
        lambda: model.init(jax.random.key(0), tokens, tokens, tokens, enable_dropout=False)
    )["params"]
    shapes = {name: leaf.shape for name, leaf in traverse_util.flatten_dict(made, sep="/").items()}
    assert shapes == {n: place.shape for n, place in huggingface.tensor_places(config).items()}


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("rows", [4608, 4736])
def test_what_is_saved_is_loaded_and_saved_again_to_the_same_bytes(tmp_path, version, rows):
    model = small_model(version, vocab_size=rows)
    save_model_folder(model, tmp_path / "first")
    loaded = load_model(tmp_path / "first")
    assert_same_params(loaded.params, model.params)
    assert loaded.config == model.config and loaded.vocabulary == model.vocabulary
    assert loaded.generation == model.generation and loaded.max_lengths == model.max_lengths
    assert (loaded.info, loaded.beam_semantics) == (model.info, "hf")
    save_model_folder(loaded, tmp_path / "second")
    names = sorted(file.name for file in (tmp_path / "first").iterdir())
    assert names == sorted(file.name for file in (tmp_path / "second").iterdir())
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_a_folder_may_be_saved_onto_itself(folder):
    before = Path(folder, WEIGHTS).read_bytes()
    save_model_folder(load_model_folder(folder), folder)
    assert Path(folder, WEIGHTS).read_bytes() == before


def test_the_card_says_what_is_known(folder):
    card = Path(folder, "README.md").read_text()
    assert "| text2mol | exact | 0.25 |" in card and "Trained for 12 steps" in card
    assert "| mol2text | `Caption the following SMILES: ` |" in card
    sha256 = json.loads(Path(folder, "vocabulary.json").read_text())["sha256"]
    assert sha256.startswith(chem().fingerprint) and sha256 in card


@pytest.mark.parametrize(
    ("code", "dtype"), [("F32", np.float32), ("F16", np.float16), ("BF16", ml_dtypes.bfloat16)]
)
def test_weights_of_each_precision(folder, code, dtype):
    tensors = read_tensors(folder)
    halved = {name: np.asarray(value).astype(dtype) for name, value in tensors.items()}
    write_raw(os.path.join(folder, WEIGHTS), {n: (code, value) for n, value in halved.items()})
    params = traverse_util.flatten_dict(load_model_folder(folder).params, sep="/")
    expected = halved["encoder.block.1.layer.1.DenseReluDense.wo.weight"].astype(np.float32).T
    np.testing.assert_array_equal(params["encoder/layers_1/mlp/wo/kernel"], expected)


def test_sharded_weights(folder):
    expected = load_model_folder(folder)
    tensors = {name: np.array(value) for name, value in read_tensors(folder).items()}
    os.remove(os.path.join(folder, WEIGHTS))
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    weight_map = {name: files[i % 2] for i, name in enumerate(sorted(tensors))}
    for file in files:
        part = {name: tensors[name] for name, where in weight_map.items() if where == file}
        write_safetensors(os.path.join(folder, file), part)
    edit_json(folder, WEIGHTS + ".index.json", weight_map=weight_map)
    assert_same_params(load_model_folder(folder).params, expected.params)
    os.remove(os.path.join(folder, files[1]))
    with pytest.raises(ModelFolderError, match="model-00002-of-00002"):
        load_model_folder(folder)
    edit_json(folder, WEIGHTS + ".index.json", weight_map={"shared.weight": "../elsewhere"})
    with pytest.raises(ModelFolderError, match=r"shared.weight is in '../elsewhere'"):
        load_model_folder(folder)


def test_the_library_reads_ours_and_we_read_the_librarys(folder, tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    ours = library.load_file(os.path.join(folder, WEIGHTS))
    assert ours.keys() == read_tensors(folder).keys()
    library.save_file(ours, str(tmp_path / "theirs"))
    for name, tensor in read_safetensors(str(tmp_path / "theirs")).items():
        np.testing.assert_array_equal(tensor, ours[name])


def test_scores_by_the_embedding_unscaled(folder):
    # What transformers 5 makes of T5Config(tie_word_embeddings=False).
    edit_weights(folder, lm_head__weight=None)
    edit_json(folder, "config.json", tie_word_embeddings=True, scale_decoder_outputs=False)
    loaded = load_model_folder(folder)
    assert not loaded.config.logits_via_embedding
    embedding = loaded.params["token_embedder"]["embedding"]
    np.testing.assert_array_equal(loaded.params["decoder"]["logits_dense"]["kernel"], embedding.T)


def test_prompts_are_the_folders_own_or_the_published_ones(folder):
    assert load_model_folder(folder).prompts == PROMPTS
    edit_json(folder, "prompts.json", mol2text="", text2mol="Molecule: ")
    loaded = load_model_folder(folder)
    assert loaded.prompts == {**PROMPTS, "mol2text": "", "text2mol": "Molecule: "}
    save_model_folder(loaded, folder)
    assert load_model_folder(folder).prompts == loaded.prompts
    card = Path(folder, "README.md").read_text()
    assert "| mol2text | none: the input stands alone |" in card and 'tokenizer("CCO"' in card
    os.remove(os.path.join(folder, "prompts.json"))
    assert load_model_folder(folder).prompts == PROMPTS
    edit_json(folder, "prompts.json", mol2txt="")
    with pytest.raises(ModelFolderError, match=r"'mol2txt', which is no task. Did you mean 'mol2t"):
        load_model_folder(folder)
    Path(folder, "prompts.json").write_text('{"mol2text": 3}')
    with pytest.raises(ModelFolderError, match="the prompt of mol2text is 3, which is no text"):
        load_model_folder(folder)


def test_copies_of_the_embedding_must_be_copies(tmp_path):
    model, folder = small_model("1.0"), str(tmp_path)
    save_model_folder(model, folder)
    shared = np.array(model.params["token_embedder"]["embedding"])
    unused = "decoder__block__0__layer__1__EncDecAttention__relative_attention_bias__weight"
    edit_weights(
        folder,
        lm_head__weight=shared,
        decoder__embed_tokens__weight=shared,
        **{unused: np.zeros((32, 2), np.float32)},
    )
    assert_same_params(load_model_folder(folder).params, model.params)
    edit_weights(folder, lm_head__weight=shared + 1)
    with pytest.raises(ModelFolderError, match=r"lm_head.weight \(4608, 16\) differs"):
        load_model_folder(folder)


def test_a_folder_that_says_nothing_of_generation_is_greedy(folder):
    for name in ("generation_config.json", "training.json", "vocabulary.json"):
        os.remove(os.path.join(folder, name))
    edit_json(folder, "tokenizer_config.json", model_max_length=int(1e30))
    loaded = load_model_folder(folder)
    assert loaded.generation == {"num_beams": 1, "length_penalty": 1.0, "early_stopping": False}
    assert loaded.max_lengths == {"inputs": 512, "targets": 512} and loaded.info == {}
    edit_json(folder, "generation_config.json", max_length=20, num_beams=None)
    assert load_model_folder(folder).max_lengths["targets"] == 19


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "bert"}, "type 'bert', not 't5'"),
        ({"d_model": "many"}, "d_model is 'many'"),
        ({"feed_forward_proj": "gated-swish"}, "feed_forward_proj is 'gated-swish'"),
        ({"relative_attention_num_buckets": 16}, "relative_attention_num_buckets is 16"),
        ({"d_ff": 25}, r"DenseReluDense.wi_0.weight: \(24, 16\) in the file, \(25, 16\) by"),
        ({"num_decoder_layers": 2}, r"SelfAttention.q.weight: missing, \(8, 16\) by config.json"),
        ({"num_layers": 1}, r"layer_norm.weight: \(16,\) in the file, no part of a T5"),
    ],
)
def test_configurations_that_do_not_fit(folder, changes, message):
    edit_json(folder, "config.json", **changes)
    with pytest.raises(ModelFolderError, match=message):
        load_model_folder(folder)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (None, rf"{NORM}: missing, \(16,\) by config.json"),
        (np.ones(17, np.float32), rf"{NORM}: \(17,\) in the file, \(16,\) by config.json"),
        (np.array([np.nan] * 2 + [1.0] * 14, np.float32), rf"{NORM} \(16,\) holds 2 values"),
        (np.array([np.inf] + [1.0] * 15, np.float32), rf"{NORM} \(16,\) holds 1 values"),
    ],
)
def test_damaged_tensors_are_named(folder, tensor, message):
    edit_weights(folder, encoder__final_layer_norm__weight=tensor)
    with pytest.raises(ModelFolderError, match=message):
        load_model_folder(folder)


def test_truncated_weights_name_the_tensor(folder):
    file = Path(folder, WEIGHTS)
    whole = file.read_bytes()
    file.write_bytes(whole[:-4])
    with pytest.raises(ModelFolderError, match=r"truncated: shared.weight \(4608, 16\) ends at"):
        load_model_folder(folder)
    for content in (b"", whole[:100], b"{" * 200, struct.pack("<Q", 4) + b"null"):
        file.write_bytes(content)
        with pytest.raises(ModelFolderError, match=WEIGHTS):
            load_model_folder(folder)
    file.unlink()
    with pytest.raises(ModelFolderError, match=r"neither model.safetensors nor pytorch_model.bin"):
        load_model_folder(folder)


def test_headers_that_lie(tmp_path):
    array = np.ones((2, 3), np.float32)
    file = str(tmp_path / WEIGHTS)
    for entry in (
        {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 24]},
        {"dtype": "F32", "shape": [-2, -3], "data_offsets": [0, 24]},
        {"dtype": "F32", "shape": [2, 3], "data_offsets": [24, 0]},
        {"dtype": "F32"},
        7,
    ):
        content = json.dumps({"a.weight": entry}).encode()
        Path(file).write_bytes(struct.pack("<Q", len(content)) + content + array.tobytes())
        with pytest.raises(ModelFolderError, match=r"a.weight"):
            read_safetensors(file)


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __reduce__(self):
        return open, (self.file, "w")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "a_shard.bin", WEIGHTS])
@pytest.mark.parametrize("kind", ["pickle", "torch", "without torch"])
def test_no_pickle_is_executed(folder, tmp_path, monkeypatch, kind, name):
    os.remove(os.path.join(folder, WEIGHTS))
    file, sprung = Path(folder, name), tmp_path / "sprung"
    payload = {"shared.weight": Trap(str(sprung))}
    if kind != "without torch":
        torch = pytest.importorskip("torch")
    if kind == "torch":
        torch.save(payload, file)
    else:
        file.write_bytes(pickle.dumps(payload, 2))
    if kind == "without torch":
        monkeypatch.setitem(sys.modules, "torch", None)
    if name == "a_shard.bin":
        index = "pytorch_model.bin.index.json"
        edit_json(folder, index, weight_map={"shared.weight": name})
    not_executed = "python -c .*save_pretrained" if kind == "without torch" else "is not executed"
    with pytest.raises(ModelFolderError, match=WEIGHTS if name == WEIGHTS else not_executed):
        load_model_folder(folder)
    assert not sprung.exists()
    if kind != "torch":  # it is a trap
        pickle.loads(file.read_bytes())
        assert sprung.exists()


def test_tensors_of_a_pickle_are_read_by_torch(folder):
    torch = pytest.importorskip("torch")
    expected = load_model_folder(folder)
    state = {name: torch.tensor(np.array(value)) for name, value in read_tensors(folder).items()}
    os.remove(os.path.join(folder, WEIGHTS))
    torch.save(state, os.path.join(folder, "pytorch_model.bin"))
    assert_same_params(load_model_folder(folder).params, expected.params)


def test_vocabularies_that_do_not_fit(folder):
    spiece = Path(folder, "spiece.model")
    edit_json(folder, "tokenizer_config.json", extra_ids=120)
    with pytest.raises(ModelFolderError, match="has 4628 ids, the embedding 4608 rows"):
        load_model_folder(folder)
    edit_json(folder, "vocabulary.json", sha256="0" * 64)
    with pytest.raises(ModelFolderError, match=f"says {'0' * 64}"):
        load_model_folder(folder)
    spiece.write_bytes(spiece.read_bytes()[:1000])
    with pytest.raises(ModelFolderError, match="is not a vocabulary of a T5"):
        load_model_folder(folder)
    spiece.unlink()
    with pytest.raises(ModelFolderError, match=r"spiece.model is missing"):
        load_model_folder(folder)


def test_a_network_that_transformers_has_not_is_not_written(tmp_path):
    model = small_model()
    strange = network.T5Config(**{**vars(model.config), "mlp_activations": ("silu", "linear")})
    with pytest.raises(ModelFolderError, match=r"\('silu', 'linear'\) cannot be written"):
        save_model_folder(type(model)(**{**vars(model), "config": strange}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_nothing(tmp_path):
    with pytest.raises(ModelFolderError, match=r"is no model: it holds neither a config.json"):
        load_model(tmp_path)


@pytest.mark.parametrize("layout", ["orbax", "legacy"])
def test_checkpoints_of_t5x(shared, layout):
    samples = shared / "golden" / "t5x_checkpoints"
    found = read_network(str(samples / f"{layout}_checkpoint_4"))
    with np.load(samples / f"{layout}_checkpoint_4.expected.npz") as expected:
        targets = {n.removeprefix("target/"): expected[n] for n in expected if n[:7] == "target/"}
    assert found.step == 4 and found.params.keys() == targets.keys()
    for name, leaf in targets.items():
        np.testing.assert_array_equal(found.params[name], leaf)
    assert found.config.mlp_activations == ("gelu", "linear")
    assert not found.config.logits_via_embedding


def test_parameters_of_another_network_are_not_written(tmp_path):
    model = small_model()
    del model.params["encoder"]["encoder_norm"]
    with pytest.raises(ModelFolderError, match="encoder/encoder_norm/scale"):
        save_model_folder(model, tmp_path)
    assert not (tmp_path / "config.json").exists()
