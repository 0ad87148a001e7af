"""The vocabulary `chem`: loses nothing, and splits SMILES at atoms and bonds."""

from __future__ import annotations

import copy
import pickle
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t5chem.prompts import PROMPTS
from t5chem.vocabularies import CHEM_MODEL_FILE, SentencePieceVocabulary, chem
from t5chem.vocabularies.training import joins_smiles_tokens

ASCII = "".join(map(chr, range(128)))
SMILES_TOKEN = re.compile(r"\[[^\[\]]+\]|Cl|Br|%\d\d|.", re.DOTALL)


PIECES = [
    chem()._processor.id_to_piece(number) for number in range(chem().vocab_size - chem().extra_ids)
]
KNOWN = frozenset(PIECES)


def assert_survives(text: str) -> None:
    ids = chem().encode(text)
    assert chem().decode(ids) == text
    assert chem().unk_id not in ids


def assert_atomwise(smiles: str) -> None:
    """Every piece is a token, or one character of a bracket atom that is no piece."""
    expected: list[str] = []
    for token in SMILES_TOKEN.findall(smiles):
        expected += [token] if token in KNOWN else re.findall("Cl|Br|.", token)
    assert [PIECES[number] for number in chem().encode(smiles)] == expected


@pytest.mark.parametrize(
    ("smiles", "pieces"),
    [
        ("C[C@@H](N)C(=O)O", "C [C@@H] ( N ) C ( = O ) O"),
        (r"F/C=C\Cl", r"F / C = C \ Cl"),
        ("[Na+]~[OH-]", "[Na+] ~ [OH-]"),
        ("C%10CC%10", "C %10 C C %10"),
        ("c1ccc2[nH]ccc2c1", "c 1 c c c 2 [nH] c c c 2 c 1"),
        ("CN1CC#N.BrI", "C N 1 C C # N . Br I"),
        ("[13CH3][Po+4]", "[ 1 3 C H 3 ] [ P o + 4 ]"),
        (" CO", "▁ C O"),
        (" In1cccc1", "▁ I n 1 c c c c 1"),
    ],
)
def test_smiles_split_at_atoms_and_bonds(smiles: str, pieces: str) -> None:
    assert chem().pieces(smiles) == pieces.split()


@pytest.mark.parametrize(
    ("task", "pieces"),
    [
        ("forward", "Predict ▁the ▁product ▁of ▁the ▁following ▁reaction : ▁"),
        (
            "retrosynthesis",
            "Predict ▁the ▁reaction ▁that ▁produces ▁the ▁following ▁product : ▁",
        ),
        (
            "paragraph2actions",
            "Which ▁actions ▁are ▁described ▁in ▁the ▁following ▁paragraph : ▁",
        ),
        ("text2mol", "Write ▁in ▁SMILES ▁the ▁described ▁molecule : ▁"),
        ("mol2text", "Caption ▁the ▁following ▁SMILES : ▁"),
    ],
)
def test_prompts_take_one_piece_a_word(task: str, pieces: str) -> None:
    assert chem().pieces(PROMPTS[task]) == pieces.split()
    assert_survives(PROMPTS[task])


def test_names_split_at_morphemes() -> None:
    pieces = chem().pieces("2-methyl-3-oxo-1-phenyl")
    assert " ".join(pieces) == "2 - methyl - 3 - oxo - 1 - phenyl"
    assert chem().pieces(" carboxylic acid") == ["▁carboxylic", "▁acid"]


def test_special_ids_and_size() -> None:
    vocabulary = chem()
    assert (vocabulary.pad_id, vocabulary.eos_id, vocabulary.unk_id) == (0, 1, 2)
    assert vocabulary.vocab_size == 4_608
    assert vocabulary.decode([vocabulary.vocab_size - 1]) == " <extra_id_0>"
    assert vocabulary.decode([vocabulary.vocab_size - 100]) == " <extra_id_99>"


def test_every_ascii_character_survives() -> None:
    for character in ASCII:
        for text in (character, character * 3, f"C{character}C", f" {character} "):
            assert_survives(text)
    for character in string.printable[:95]:
        assert len(chem().encode(character)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "  two  spaces  ",
        "\tC\r\n\n",
        "<unk></s><pad>",
        "<0x41>",
        "\x00",
        "25 °C, δ 7.2 → ±",
    ],
)
def test_odd_texts_survive(text: str) -> None:
    assert_survives(text)


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet=ASCII))
def test_ascii_survives(text: str) -> None:
    assert_survives(text)


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(exclude_characters="▁", exclude_categories=["Cs"])))
def test_unicode_survives(text: str) -> None:
    assert_survives(text)


def test_the_one_exception_becomes_a_space() -> None:
    assert chem().decode(chem().encode("a▁b")) == "a b"


def test_no_piece_joins_tokens_of_a_smiles() -> None:
    given_symbol = re.compile(r"<pad>|</s>|<unk>|<0x..>|Cl|Br|%[12]\d|\[[^\[\]]+\]")
    learned = [piece for piece in PIECES if not given_symbol.fullmatch(piece)]
    assert len(PIECES) == len(set(PIECES)) == 4_508
    assert [piece for piece in learned if joins_smiles_tokens(piece)] == []
    # The same rule, said more simply and for atoms outside brackets only.
    joined = re.compile(r"▁[BCNOPSFIbcnops*]|▁?(?:Cl|Br|[-BCNOPSFIbcnops*=#/\\.~()%\d]){2,}")
    assert [piece for piece in learned if joined.fullmatch(piece)] == []


def test_digits_stand_alone() -> None:
    with_digit = [piece for piece in PIECES if re.search(r"\d", piece)]
    learned = [piece for piece in with_digit if not re.match(r"<0x|\[|%", piece)]
    assert sorted(learned) == list("0123456789")


def test_real_smiles_survive_and_split_at_atoms(shared) -> None:
    for split in ("validation", "test"):
        lines = (shared / "data/chebi20" / f"{split}.txt").read_text().splitlines()[1:]
        smiles = [line.split("\t")[1].replace("\\\\", "\\") for line in lines]
        assert len(smiles) > 3_000
        for text in smiles:
            assert_survives(text)
            assert_atomwise(text)


def test_real_reactions_survive_and_split_at_atoms(shared) -> None:
    lines = (shared / "data/uspto50k/test_targets").read_text().splitlines()[:2_000]
    for line in lines:
        assert_survives(line.replace(" ", ""))
        assert_atomwise(line.replace(" ", ""))


def test_decode_stops_at_the_end_and_tells_unknown_ids() -> None:
    ids = chem().encode("CO")
    assert chem().decode([*ids, 1, *ids]) == "CO"
    assert chem().decode([0, *ids, 0]) == "CO"
    assert chem().decode([-1]) == chem().decode([10**6]) == chem().decode([2]) == " ⁇ "


def test_equal_copies() -> None:
    other = SentencePieceVocabulary(CHEM_MODEL_FILE)
    assert other == chem() == pickle.loads(pickle.dumps(other)) == copy.deepcopy(other)
    assert hash(other) == hash(chem())
    assert other != SentencePieceVocabulary(CHEM_MODEL_FILE, extra_ids=0)
    assert len(other.fingerprint) == 16


def test_a_vocabulary_of_other_special_ids_is_refused(tmp_path) -> None:
    import sentencepiece

    file = tmp_path / "other.model"
    with file.open("wb") as writer:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["abc"] * 9), model_writer=writer, vocab_size=8, minloglevel=2
        )
    with pytest.raises(ValueError, match=r"needs \(0, 1, 2\)"):
        SentencePieceVocabulary(file)
