"""Our network and that of `transformers` on the same weights."""

import dataclasses
import json
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from t5chem import parity
from t5chem.model_folder import ModelFolderError, load_model_folder, save_model_folder
from t5chem.tokenizer_files import write_tokenizer_files
from t5chem.vocabularies import atoms, chem
from tests.t5chem.small_models import small_model

INPUTS = [
    "Caption the following SMILES: C[C@@H](N)C(=O)O",
    "Write in SMILES the described molecule: An acid of  two carbons.",
    "F/C=C\\Cl.[Po+4]~{}^`",
    "Which actions are described in the following paragraph: 5 °C, 日本, é.",
    " ",
]
LENGTH = 8
GATED, UNTIED = {"feed_forward_proj": "gated-gelu"}, {"tie_word_embeddings": False}
# (sizes and kind of a T5 that transformers makes, has it a head of its own)
MADE = {
    "1.0": ({"feed_forward_proj": "relu", "num_layers": 1}, False),
    "1.1": ({**GATED, **UNTIED, "d_kv": 16}, True),
    "gated, tied": ({**GATED, "num_heads": 3, "num_decoder_layers": 1}, False),
    "gated, tied, unscaled": ({**GATED, **UNTIED, "vocab_size": 4700}, False),
    "relu, untied": ({"feed_forward_proj": "relu", **UNTIED, "d_model": 24}, True),
}
SLOW = ("gated, tied", "gated, tied, unscaled", "relu, untied")
SHAPES = [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in MADE]


@pytest.fixture(scope="module")
def same() -> parity.ParityReport:
    side = parity.OurSide(small_model("1.0"), "a")
    return parity.compare(side, side, INPUTS[:2], length=LENGTH, num_beams=2)


def test_a_model_agrees_with_itself(same):
    assert same.exit_code == 0 and same.verdict == "the same model, but for rounding"
    assert (same.inputs, same.largest_logit_difference, same.largest_kl) == (2, 0.0, 0.0)
    shares = (same.token_agreement, same.top_k_overlap, same.greedy_agreement, same.beam_agreement)
    assert shares == (1.0, 1.0, 1.0, 1.0)
    assert "largest logit difference  0\n" in str(same)


def test_another_model_does_not():
    model = small_model("1.0")
    # One kernel transposed: what a wrong conversion does.
    layer = model.params["decoder"]["layers_0"]["self_attention"]
    layer["query"]["kernel"] = layer["query"]["kernel"][::-1]
    sides = parity.OurSide(model), parity.OurSide(small_model("1.0"))
    report = parity.compare(*sides, INPUTS[:2], length=LENGTH, num_beams=2)
    assert report.exit_code == 1 and "logits" in report.differences
    assert report.largest_kl > 0 and report.verdict.startswith("DIFFERENT in")


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({"beam_agreement": 0.99}, []),
        ({"beam_agreement": 0.98}, ["beams"]),
        ({"greedy_agreement": 0.99}, ["greedy answers"]),
        ({"largest_logit": 20.0, "largest_logit_difference": 0.0019}, []),
        ({"largest_logit": 20.0, "largest_logit_difference": 0.0021}, ["logits"]),
        ({"token_agreement": 0.5}, ["tokens"]),
    ],
)
def test_verdicts(same, changes, differences):
    report = dataclasses.replace(same, **changes)
    assert report.differences == differences and report.exit_code == bool(differences)


def test_kl_and_overlap_of_known_logits():
    p, q = np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]])
    np.testing.assert_allclose(parity._kl(p, q), [0.5 * np.log(2) + 0.5 * np.log(2 / 3)])
    ranks = np.arange(20.0)[None]
    np.testing.assert_allclose(parity._overlap(ranks, np.roll(ranks, 3)), [0.7])


def test_nothing_to_compare():
    side = parity.OurSide(small_model("1.0"))
    with pytest.raises(ValueError, match="at least one input"):
        parity.compare(side, side, [])
    with pytest.raises(ValueError, match=r"scores 4608 tokens, .* 4736"):
        other = parity.OurSide(small_model("1.0", vocab_size=4736))
        parity.compare(side, other, INPUTS[:1], length=LENGTH, num_beams=2)


def test_without_transformers(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelFolderError, match="pip install torch transformers"):
        parity.open_side(tmp_path, "transformers")


def make(folder: Path, shape: str) -> None:
    """Saves a random model of `transformers`, and our vocabulary with it."""
    options, own_head = MADE[shape]
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    torch.manual_seed(0)
    torch.set_num_threads(1)  # more of them wait for each other on a busy machine
    sizes = {"vocab_size": 4608, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2}
    config = transformers.T5Config(
        **{**sizes, "num_heads": 4, "decoder_start_token_id": 0, **options}
    )
    model = transformers.T5ForConditionalGeneration(config)
    if own_head:
        model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.shared.weight) * 0.5)
    with torch.no_grad():
        model.lm_head.weight[parity.EOS] *= 3  # so that some answers end
        model.shared.weight[0] *= 0.1  # and not all repeat what starts the decoder
    model.save_pretrained(folder)
    write_tokenizer_files(chem(), 64, str(folder))


@pytest.mark.parametrize("shape", SHAPES)
def test_models_of_transformers_answer_alike_and_so_do_ours_there(tmp_path, shape):
    made, exported = tmp_path / "made", tmp_path / "exported"
    make(made, shape)
    ours = parity.open_side(made, "jax")
    theirs = parity.TransformersSide(made)
    report = parity.compare(ours, theirs, INPUTS, length=LENGTH, num_beams=10)
    assert report.differences == [] and report.largest_logit_difference < 1e-4
    assert (report.token_agreement, report.beam_agreement) == (1.0, 1.0)

    save_model_folder(load_model_folder(made), exported)
    back = parity.TransformersSide(exported)
    inputs = np.array([ours.encode(INPUTS[0])], np.int32)
    targets = np.array([[5, 6, 1]], np.int32)
    np.testing.assert_array_equal(back.logits(inputs, targets), theirs.logits(inputs, targets))
    assert jax.tree.all(
        jax.tree.map(
            np.array_equal, load_model_folder(exported).params, load_model_folder(made).params
        )
    )


def hundred_inputs() -> list[str]:
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list("CNO()=1c[]@ aeé"), rng.integers(1, 40))) for _ in range(100)]


@pytest.mark.slow
@pytest.mark.parametrize("shape", MADE)
def test_a_hundred_inputs_there_and_back(tmp_path, shape):
    made, exported = tmp_path / "made", tmp_path / "exported"
    make(made, shape)
    save_model_folder(load_model_folder(made), exported)
    for folder in (made, exported):
        sides = parity.open_side(folder, "jax"), parity.TransformersSide(folder)
        report = parity.compare(*sides, hundred_inputs(), length=16, num_beams=10)
        print(report)
        assert report.largest_logit_difference < 1e-4 and report.token_agreement == 1.0
        assert report.greedy_agreement == 1.0 and report.beam_agreement >= 0.99


@pytest.mark.parametrize("vocabulary", [chem(), atoms()], ids=["chem", "atoms"])
def test_transformers_reads_what_our_vocabularies_write(tmp_path, vocabulary):
    transformers = pytest.importorskip("transformers")
    write_tokenizer_files(vocabulary, 64, str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in INPUTS:
        ids = vocabulary.encode(text)
        assert tokenizer(text)["input_ids"] == [*ids, 1]
        assert tokenizer.decode([*ids, 1], skip_special_tokens=True) == text
    assert tokenizer.convert_tokens_to_ids("<extra_id_0>") == vocabulary.vocab_size - 1
    assert tokenizer.model_max_length == 64
