"""The predictor on a tiny random model: which answers, in which order, with which numbers."""

import dataclasses
import subprocess
import sys
import threading
from pathlib import Path

import jax
import numpy as np
import pytest

from t5chem import generation
from t5chem.compatibility import NO_PROMPTS, Compatibility, read_unknowns
from t5chem.predictor import Predictor
from t5chem.prompts import add_prompt
from t5chem.vocabularies import chem
from t5x.examples.t5.network import Transformer
from tests.t5chem.toy_predictor import toy_loaded_model, toy_predictor

TEXTS = ["The molecule is ethanol.", "water", "", "a long story " * 40, "an acid"]


@pytest.fixture(scope="module")
def predictor():
    return toy_predictor()


def test_importing_the_class_is_light():
    root = Path(__file__).resolve().parents[2]
    code = "import t5chem, sys; print('jax' in sys.modules); from t5chem import Predictor; "
    code += "import t5chem.predict_command; print("
    code += "sorted({'tensorflow','seqio','gin','clu','orbax','torch'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert result.stdout.split("\n")[:2] == ["False", "[]"]


def test_one_text_gives_a_result_and_a_list_gives_a_list(predictor):
    one = predictor.text2mol("water", num_beams=1)
    several = predictor.text2mol(TEXTS, num_beams=1)
    assert [r.input for r in several] == TEXTS
    assert one.best.text == several[1].best.text
    assert one.best.log_likelihood == pytest.approx(several[1].best.log_likelihood, abs=1e-4)


def test_a_bad_input_stops_no_other(predictor):
    results = predictor.text2mol(TEXTS, num_beams=1)
    errors = [r.error for r in results]
    assert errors[2] == "empty input"
    assert errors[3] is not None and errors[3].startswith("too long: ")
    assert errors[3].endswith(" tokens with the prompt, the model reads 64")
    assert [errors[i] for i in (0, 1, 4)] == [None] * 3
    with pytest.raises(ValueError, match="empty input"):
        _ = results[2].best
    for text in ("C1CC", "CCO ethanol", "CCO日", "C\tC"):  # RDKit alone reads the last three
        assert predictor.mol2text(text, num_beams=1).error == f"not a valid SMILES: {text}"
    assert predictor.mol2text(" CCO\n", num_beams=1).error is None


@pytest.mark.parametrize("semantics", ["t5x", pytest.param("hf", marks=pytest.mark.slow)])
def test_candidates_of_a_search_carry_the_models_own_log_likelihood(semantics):
    predictor = toy_predictor(semantics)
    result = predictor.text2mol("water", num_beams=3)
    assert [c.rank for c in result.candidates] == [1, 2, 3][: len(result.candidates)]
    ids = chem().encode(result.best.text)
    if len(ids) < 11:  # the text's ids are the ones the model wrote, and it ended
        score = predictor.score("text2mol", ["water"], [result.best.text])[0]
        assert result.best.log_likelihood == pytest.approx(score, abs=1e-3)


def test_score_is_the_sum_of_the_tokens_log_probabilities(predictor):
    model = predictor.model
    source = [*chem().encode(add_prompt("text2mol", "water")), 1]
    target = [*chem().encode("CCO"), 1]
    logits = Transformer(model.config).apply(
        {"params": model.params},
        np.array([source]),
        np.array([[0, *target[:-1]]]),
        np.array([target]),
        enable_dropout=False,
    )
    expected = sum(jax.nn.log_softmax(logits[0])[i, token] for i, token in enumerate(target))
    scores = predictor.score("text2mol", ["water", "water"], ["CCO", "C"])
    assert scores[0] == pytest.approx(float(expected), abs=1e-4)
    assert scores[1] > scores[0]
    with pytest.raises(ValueError, match=r"1 of 2 rows cannot be asked; row 1: empty input\."):
        predictor.score("text2mol", ["water", " "], ["C", "C"])


def test_embeddings_do_not_depend_on_padding(predictor):
    several = predictor.embed("text2mol", ["water", "an acid", "a longer description of it"])
    assert several.shape == (3, 8)
    assert np.allclose(predictor.embed("text2mol", ["an acid"])[0], several[1], atol=1e-5)


def test_draws_depend_on_seed_and_input_alone(predictor):
    def draw(texts, seed=0):
        return predictor.text2mol(texts, num_samples=3, seed=seed, max_length=8)

    several = draw(["water", "an acid", "a base", "a salt", "an ester", "an acid"])
    alone = draw("an acid")
    for result in (several[1], several[5], *draw(["a longer description", "an acid"])[1:]):
        assert [c.text for c in result.candidates] == [c.text for c in alone.candidates]
        found = [c.log_likelihood for c in result.candidates]
        assert found == pytest.approx([c.log_likelihood for c in alone.candidates], abs=1e-4)
    assert draw("an acid", seed=1) != alone
    assert len({c.text for result in several[:5] for c in result.candidates}) == 15
    likelihoods = [c.log_likelihood for c in alone.candidates]
    assert likelihoods == sorted(likelihoods, reverse=True)


@pytest.mark.parametrize(("semantics", "lengths"), [("hf", [4, 6, 12]), ("t5x", [12])])
def test_short_searches_come_first_where_they_do_not_look_ahead(monkeypatch, semantics, lengths):
    predictor, asked = toy_predictor(semantics), []
    generate = generation.generate

    def spy(config, settings, *arguments):
        asked.append((settings.length, settings.drop_unfinished))
        return generate(config, settings, *arguments)

    expected = predictor.text2mol(["water", "an acid"], num_beams=2)
    monkeypatch.setattr(generation, "generate", spy)
    monkeypatch.setattr("t5chem.predictor._SHORT_ANSWERS", (4, 6))
    assert predictor.text2mol(["water", "an acid"], num_beams=2) == expected
    assert asked == [(length, length < 12) for length in lengths]


def test_a_model_asked_without_prompts(predictor):
    alone = Predictor(dataclasses.replace(predictor.model, prompts=NO_PROMPTS), batch_size=4)
    asked = add_prompt("mol2text", "CCO")
    expected = predictor.embed("mol2text", ["CCO"])
    # The prompt written by hand is the prompt; text2mol takes any text.
    np.testing.assert_allclose(alone.embed("text2mol", [asked]), expected, atol=1e-6)
    assert not np.allclose(alone.embed("mol2text", ["CCO"]), expected, atol=1e-3)
    longest = "C" * 63  # and the end token
    assert alone.mol2text(longest, num_beams=1).error is None
    assert predictor.mol2text(longest, num_beams=1).error.startswith("too long: 70 tokens")


def test_top_keeps_the_best(predictor):
    draws = {"num_samples": 3, "max_length": 8}
    everything = predictor.text2mol("water", **draws)
    assert predictor.text2mol("water", top=1, **draws).candidates == everything.candidates[:1]


@pytest.mark.slow
def test_valid_smiles_parse_and_round_trips_are_asked(predictor):
    trips = predictor.round_trip(["CCO", "not one"], num_beams=2, valid_smiles=True)
    assert trips[1].error == "not a valid SMILES: not one"
    assert trips[1].routes == ()
    assert len(trips[0].routes) >= 1
    for route in trips[0].routes:
        assert (route.product is None) == (route.precursors.canonical is None)
    greedy = predictor.text2mol("water", num_beams=1, valid_smiles=True).best
    assert greedy.text and set(greedy.text).isdisjoint(" ")


def test_many_threads_may_ask_one_predictor(predictor):
    answers: dict[int, object] = {}
    threads = [
        threading.Thread(
            target=lambda n=n: answers.update({n: predictor.text2mol("water", num_beams=1)})
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answers[n] for n in range(4)}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        predictor.batch_size = 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": 0}, "num_beams=0: at least 1"),
        ({"num_beams": 2, "num_samples": 2}, "search for answers or draw them"),
        ({"temperature": 0.0}, "num_beams=1 decodes greedily"),
        ({"max_length": 13}, "at most the model's 12"),
        ({"max_length": 1}, "at least 2"),
    ],
)
def test_options_out_of_range(predictor, options, message):
    with pytest.raises(ValueError, match=message):
        predictor.text2mol("water", **options)


def test_tasks_that_do_not_exist_or_do_not_write_smiles(predictor):
    with pytest.raises(ValueError, match="Unknown task 'text2moll'"):
        predictor.predict("text2moll", "water")
    with pytest.raises(ValueError, match="answers of mol2text are not SMILES"):
        predictor.mol2text("CCO", valid_smiles=True)


class TestUnknowns:
    def test_molecule(self):
        assert read_unknowns("text2mol", "C/C=C<unk>C") == "C/C=C\\C"

    def test_reactions_take_the_only_sensible_reading(self):
        read = "CC(=O)[O-]<unk>[Na+].C/C=C<unk>C"
        assert read_unknowns("retrosynthesis", read) == "CC(=O)[O-]~[Na+].C/C=C\\C"

    def test_what_has_no_sensible_reading_stays_visible(self):
        assert read_unknowns("forward", "CC<unk>CC") == "CC<unk>CC"
        assert read_unknowns("mol2text", "an <unk>-acid") == "an <unk>-acid"

    def test_t5s_vocabulary(self):
        class T5:
            unk_id, eos_id, pad_id = 2, 1, 0

            def encode(self, text):
                return [2] if text == "\\" else [5]

            def decode(self, ids):
                return "".join({2: " ⁇ ", 3: "C/C=C", 4: "C"}[i] for i in ids)

        mode = Compatibility.of(T5())
        assert mode.mode == "t5-vocabulary"
        assert mode.text("text2mol", [3, 2, 4, 1, 3], T5()) == "C/C=C\\C"
        assert mode.text("mol2text", [3, 2, 4, 1, 3], T5()) == "C/C=C<unk>C"
        assert Compatibility.of(chem()).mode == "lossless"


def test_params_of_another_type_of_activations_list():
    model = toy_loaded_model()
    config = model.config.replace(mlp_activations=["relu"])
    assert Predictor(dataclasses.replace(model, config=config)).embed("text2mol", ["a"]).shape
