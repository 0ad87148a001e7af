r"""T5's vocabulary: Google's ids, and nothing lost in rows that released embeddings have."""

from __future__ import annotations

import copy
import pickle
import re

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from t5chem.vocabularies import (
    CHEM_MODEL_FILE,
    LosslessT5Vocabulary,
    SentencePieceVocabulary,
    t5,
)
from t5chem.vocabularies.lossless_t5 import MISSING
from t5x.errors import ConfigError
from tests.t5chem.vocabularies.strategies import ASCII, EVERY_TEXT, SMILES, SMILES_LIKE

many = settings(deadline=None, max_examples=200)


@pytest.fixture(scope="module")
def toy(toy_t5_file):
    return LosslessT5Vocabulary(toy_t5_file)


@pytest.fixture(scope="module")
def google(google_file):
    return LosslessT5Vocabulary(google_file)


@pytest.fixture(scope="module")
def judge(google_file):
    """SentencePiece itself over Google's file."""
    return sentencepiece.SentencePieceProcessor(model_file=google_file)


def assert_survives(vocabulary, text):
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert vocabulary.unk_id not in ids
    assert not ids or max(ids) < vocabulary.vocab_size
    assert len(vocabulary.pieces(text)) == len(ids)


@many
@given(st.text(alphabet=ASCII) | EVERY_TEXT | SMILES | SMILES_LIKE)
def test_every_text_survives_a_toy_of_its_kind(toy, text):
    assert_survives(toy, text)


@many
@given(st.text(alphabet=ASCII) | EVERY_TEXT | SMILES | SMILES_LIKE)
def test_every_text_survives(google, text):
    assert_survives(google, text)


def test_every_ascii_character_survives_at_every_place(google):
    for character in ASCII:
        for text in (character, character * 3, f"C{character}C", f" {character} "):
            assert_survives(google, text)


def test_the_one_exception_becomes_a_space(toy):
    assert toy.decode(toy.encode("a▁b")) == "a b"


def test_rows_of_googles_file(google):
    assert (google.first_missing, google.first_digit, google.vocab_size) == (32100, 32107, 32123)
    assert google.encode("<\\^`{}~") == [3, *range(32100, 32107)]
    assert google.pieces("C\\C") == ["▁C", "\\", "C"]
    assert google.encode("C\\C") == [205, 32101, 254]
    assert google.pieces("\t ß α") == ["▁", "<0>", "<9>", "▁", "ß", "▁", "<C>", "<E>", "<B>", "<1>"]
    assert google.encode("α") == [3, 32107 + 0xC, 32107 + 0xE, 32107 + 0xB, 32107 + 0x1]
    assert google.encode("<extra_id_0> a <extra_id_99>") == [32099, 3, 9, 32000]
    assert google.decode([32000, 32099]) == "<extra_id_99> <extra_id_0>"


def test_spaces_are_kept(google):
    assert google.pieces(" a  b ") == ["▁", "▁", "a", "▁", "▁", "b", "▁"]
    assert google.encode("") == []
    assert google.encode(" ") == [3, 3]


def test_a_digit_without_its_partner_is_unknown(google):
    four, one = 32107 + 4, 32107 + 1
    assert google.decode([four, one]) == "A"
    assert google.decode([four, one, four]) == "A ⁇ "
    assert google.decode([254, four, 254, one, four, one]) == "C ⁇ C\x14 ⁇ "
    assert google.decode([254, 32123]) == google.decode([254, 40_000]) == "C ⁇ "
    assert google.decode([254, 32107 + 15, 32107 + 15]) == "C\ufffd"
    assert google.decode([254, 1, 254]) == "C"


@many
@given(st.text(alphabet=ASCII) | SMILES | SMILES_LIKE)
def test_what_google_can_write_has_googles_ids(google, judge, text):
    """Single spaces inside, no missing character, nothing that is not printable."""
    plain = " ".join(re.sub(f"[^ -~]|[{re.escape(MISSING)}]", "", text).split(" ")).strip()
    plain = re.sub(" +", " ", plain)
    assert google.encode(plain) == judge.encode(plain)


def test_missing_characters_change_no_other_id(google, judge):
    text = r"Write F/C=C\Cl~[Na+] as {SMILES} ^2 `now`, x<y"
    own = {number: 2 for number in range(32100, 32107)}
    assert [own.get(number, number) for number in google.encode(text)] == judge.encode(text)


@many
@given(st.text(alphabet=ASCII) | EVERY_TEXT | SMILES | SMILES_LIKE)
def test_compatible_gives_googles_ids_exactly(google_file, judge, text):
    compatible = t5(google_file, compatible=True)
    ids = compatible.encode(text)
    assert ids == judge.encode(text)
    assert compatible.decode(ids) == judge.decode(ids)


def test_compatible_has_googles_size_and_loses_what_google_loses(google_file):
    compatible = t5(google_file, compatible=True)
    assert compatible.vocab_size == 32_100
    assert compatible.decode(compatible.encode("F/C=C\\F")) == "F/C=C ⁇ F"
    assert compatible.unknown_characters("{C\\C``") == "{\\``"
    assert t5(google_file).unknown_characters("{C\\C``α") == ""


def test_equal_copies_and_different_kinds(google, google_file):
    again = LosslessT5Vocabulary(google_file)
    assert again == google == pickle.loads(pickle.dumps(google)) == copy.deepcopy(google)
    assert hash(again) == hash(google)
    assert google != t5(google_file, compatible=True) == SentencePieceVocabulary(google_file)
    assert t5(google_file) is t5(google_file)
    assert google.fingerprint in repr(google) and google_file in repr(google)


def test_the_file_comes_from_the_environment(monkeypatch, toy_t5_file):
    monkeypatch.setenv("T5CHEM_T5_VOCAB", toy_t5_file)
    assert t5() == LosslessT5Vocabulary(toy_t5_file)
    monkeypatch.delenv("T5CHEM_T5_VOCAB")
    with pytest.raises(ConfigError, match="set T5CHEM_T5_VOCAB to its path"):
        t5()


def test_what_is_not_t5s_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"No such file.*nowhere"):
        t5(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"it has < \\ \^ ` \{ \} ~\. Use it as it is"):
        t5(CHEM_MODEL_FILE)
    (tmp_path / "text").write_text("no model")
    with pytest.raises(ConfigError, match="is no SentencePiece model"):
        t5(tmp_path / "text")


def test_sentinels_are_googles_and_not_the_last_ids(google):
    assert (google.sentinel_ids[0], google.sentinel_ids[99]) == (32099, 32000)
    assert google.decode([32099]).strip() == "<extra_id_0>"
