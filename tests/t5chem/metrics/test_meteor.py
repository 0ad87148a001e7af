"""METEOR in closed form, with a WordNet of one synset."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from t5chem.metrics import meteor as module
from t5chem.metrics.meteor import Meteor, WordNetMissing

pytest.importorskip("nltk", exc_type=ImportError)


@pytest.fixture(scope="module")
def meteor(small_wordnet) -> Meteor:
    return Meteor(str(small_wordnet))


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        # All match in one chunk of n words: 1 - 0.5 / n^3.
        ("a red car", 1 - 0.5 / 27),
        ("a red auto", 1 - 0.5 / 27),
        ("a red cars", 1 - 0.5 / 27),
        # Three chunks of three.
        ("car red a", 1 - 0.5),
        # One of one matches one of three: P = 1, R = 1/3, F = PR / (.9 P + .1 R), one chunk.
        ("car", (1 / 3) / (0.9 + 0.1 / 3) * (1 - 0.5)),
        ("blue", 0.0),
        ("", 0.0),
    ],
)
def test_closed_forms(meteor, prediction, expected):
    assert meteor(["a", "red", "car"], prediction.split()) == pytest.approx(expected)


def test_versions(meteor):
    assert list(meteor.versions) == ["text-chem-t5", "nltk", "WordNet"]
    assert meteor.versions["WordNet"] == "3.0"


def test_a_folder_that_is_no_wordnet_says_what_it_lacks(tmp_path):
    with pytest.raises(ValueError, match=r"is not WordNet: it has no data\.adj, index\.adj"):
        Meteor(str(tmp_path))


def test_debian_comes_after_nltk(monkeypatch, small_wordnet, tmp_path):
    def missing() -> None:
        raise LookupError("no corpora/wordnet")

    monkeypatch.setattr("nltk.corpus.wordnet", SimpleNamespace(ensure_loaded=missing))
    monkeypatch.setattr(module, "DEBIAN", str(small_wordnet))
    assert Meteor()(["car"], ["auto"]) == pytest.approx(0.5)
    monkeypatch.setattr(module, "DEBIAN", str(tmp_path))
    with pytest.raises(WordNetMissing, match="No WordNet in NLTK's data, nor in"):
        Meteor()
