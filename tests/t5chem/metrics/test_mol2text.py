"""The full evaluation of captions on toy rows."""

from __future__ import annotations

import sys

import pytest

from t5chem.metrics import Settings, evaluate_mol2text
from t5chem.metrics import mol2text as module
from t5chem.metrics.meteor import WordNetMissing

pytest.importorskip("nltk", exc_type=ImportError)

TARGETS = ["the molecule is a red car", "the molecule is water", "it is an acid"]
PREDICTIONS = ["the molecule is a red auto", "", "it is an acid"]


@pytest.fixture(scope="module")
def settings(small_wordnet, tmp_path_factory) -> Settings:
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    pieces = ["[UNK]", *sorted({word for text in TARGETS for word in text.split()}), "aut", "##o"]
    path.write_text("\n".join(pieces), encoding="utf-8")
    return Settings(samples=50, scibert=str(path), wordnet=str(small_wordnet))


def test_toy_rows(settings):
    evaluation = evaluate_mol2text(TARGETS, PREDICTIONS, settings)
    values = {name: score.value for name, score in evaluation.scores.items()}
    assert list(values) == ["bleu2", "bleu4", "meteor", "rouge1", "rouge2", "rougeL", "exact"]
    # Pieces: 6 + 4 + 4 wanted, 7 ("aut", "##o") + 0 + 4 offered, 9 matched; the empty
    # row adds one n-gram to the 7 + 4 and 6 + 3 of the others, of which 5 + 4 and 4 + 3 matched.
    penalty = 2.718281828459045 ** (1 - 14 / 11)
    assert values["bleu2"] == pytest.approx(penalty * ((9 / 12) * (7 / 10)) ** 0.5)
    assert values["rouge1"] == pytest.approx((5 / 6 + 0 + 1) / 3)
    assert values["rouge2"] == pytest.approx((4 / 5 + 0 + 1) / 3)
    assert values["exact"] == pytest.approx(1 / 3)
    assert evaluation.left_out == {}


def test_scores_know_their_rows_and_tokens(settings):
    scores = evaluate_mol2text(TARGETS, PREDICTIONS, settings).scores
    assert {score.count for score in scores.values()} == {3}
    assert {score.invalid for score in scores.values()} == {(1,)}
    assert scores["bleu2"].versions["tokens"].startswith("WordPiece, vocabulary sha256 ")
    assert scores["meteor"].versions["WordNet"] == "3.0"
    assert scores["meteor"].row_values[2] == pytest.approx(1 - 0.5 / 4**3)


def test_other_tokens_have_other_names(monkeypatch, settings, small_wordnet):
    monkeypatch.delenv("T5CHEM_SCIBERT_VOCAB", raising=False)
    evaluation = evaluate_mol2text(
        TARGETS, PREDICTIONS, Settings(samples=0, wordnet=str(small_wordnet))
    )
    assert list(evaluation.scores)[:3] == ["bleu2_words", "bleu4_words", "meteor_words"]
    assert evaluation.scores["bleu2_words"].versions["tokens"] == "t5chem.metrics.bleu.words"
    # The synonym is one word here, so METEOR finds it.
    assert evaluation.scores["meteor_words"].row_values[0] == pytest.approx(1 - 0.5 / 6**3)
    assert set(evaluation.left_out) == {"bleu2", "bleu4", "meteor"}
    assert "T5CHEM_SCIBERT_VOCAB=" in evaluation.left_out["bleu2"]
    monkeypatch.setenv("T5CHEM_SCIBERT_VOCAB", settings.scibert)
    monkeypatch.setenv("T5CHEM_WORDNET", str(small_wordnet))
    assert "bleu2" in evaluate_mol2text(TARGETS, PREDICTIONS, Settings(samples=0)).scores


def test_meteor_is_left_out_with_the_command_that_adds_it(monkeypatch, settings):
    def missing(folder):
        raise WordNetMissing("nowhere")

    monkeypatch.setattr(module, "Meteor", type("Meteor", (), {"__init__": lambda s, f: missing(f)}))
    evaluation = evaluate_mol2text(TARGETS, PREDICTIONS, settings)
    assert evaluation.left_out == {"meteor": "needs WordNet: python -m nltk.downloader wordnet"}
    assert "meteor" not in evaluation.scores


def test_without_nltk(monkeypatch, settings):
    monkeypatch.setitem(sys.modules, "nltk.stem.porter", None)
    left_out = evaluate_mol2text(TARGETS, PREDICTIONS, settings).left_out
    assert left_out == {"meteor": "needs nltk: pip install 'text-chem-t5[metrics]'"}


def test_a_wrong_vocabulary_or_folder_is_an_error_not_left_out(settings, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.txt"):
        evaluate_mol2text(TARGETS, PREDICTIONS, Settings(scibert=str(tmp_path / "no.txt")))
    with pytest.raises(ValueError, match="is not WordNet"):
        evaluate_mol2text(
            TARGETS, PREDICTIONS, Settings(scibert=settings.scibert, wordnet=str(tmp_path))
        )


def test_all_blank(settings):
    scores = evaluate_mol2text(["water", "ice"], ["", " "], settings).scores
    assert {score.value for score in scores.values()} == {0.0}
    assert {score.invalid for score in scores.values()} == {(0, 1)}


def test_input_errors(settings):
    with pytest.raises(ValueError, match="predictions is empty"):
        evaluate_mol2text(["water"], [], settings)
    with pytest.raises(ValueError, match=r"predictions\[0\] is \['water'\] of type list"):
        evaluate_mol2text(["water"], [["water"]], settings)


@pytest.mark.slow
def test_100_000_rows(settings):
    rows = 100_000
    scores = evaluate_mol2text(
        (TARGETS * rows)[:rows], (PREDICTIONS * rows)[:rows], Settings(wordnet=settings.wordnet)
    ).scores
    assert scores["exact"].count == rows
    assert scores["exact"].value == pytest.approx(1 / 3, abs=1e-5)
