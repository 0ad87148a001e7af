"""Training a vocabulary: deterministic, and never a piece across SMILES tokens."""

from __future__ import annotations

import hashlib

import pytest

from t5chem.vocabularies import CHEM_MODEL_FILE, SentencePieceVocabulary
from t5chem.vocabularies.training import (
    biochemical_texts,
    joins_smiles_tokens,
    smiles_symbols,
    starter_rows,
    starter_smiles,
    starter_texts,
    train_vocabulary,
)

TEXTS = [
    "The solution was concentrated and extracted; the condition of the action was conserved.",
    "ADD methanol (10 mL); STIR for 2 hours at 25 °C; CONCENTRATE; COOL the cocoon.",
] * 20


JOINING = "CO cc =O C( (1 -2- con ▁C ▁c ▁CO ▁In ▁[ [C @@H H] ]C ]( lc r1 Na 13C +] %1 no se ]-[ :1]"


@pytest.mark.parametrize("piece", JOINING.split())
def test_pieces_that_join(piece: str) -> None:
    assert joins_smiles_tokens(piece)


@pytest.mark.parametrize(
    "piece", ["C", "[", "▁", "tion", "CONCENTRATE", "▁(", "▁-", "ol", "),", "▁a"]
)
def test_pieces_that_do_not(piece: str) -> None:
    assert not joins_smiles_tokens(piece)


def test_frequent_bracket_atoms_become_symbols() -> None:
    symbols = smiles_symbols(["[Po+4]"] * 10 + ["[Pu+3]"] * 9 + ["[CH3:1]"] * 10)
    assert "[Po+4]" in symbols
    assert "[Pu+3]" not in symbols
    assert "[CH3:1]" not in symbols
    assert symbols[:3] == ["Cl", "Br", "%10"]
    assert symbols[21] == "%29"


def test_same_input_same_bytes_and_no_path_inside(tmp_path) -> None:
    files = [tmp_path / name for name in ("a.model", "b.model")]
    for file in files:
        train_vocabulary(iter(TEXTS), iter(["C[Po+4]"] * 10), str(file), size=700)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"/" + tmp_path.name.encode() not in files[0].read_bytes()
    vocabulary = SentencePieceVocabulary(files[0])
    assert vocabulary.vocab_size <= 800
    assert vocabulary.pieces("[Po+4]con") == ["[Po+4]", "c", "o", "n"]
    assert vocabulary.decode(vocabulary.encode("  ADD\t\\~é😀 ")) == "  ADD\t\\~é😀 "


def test_too_small_a_size_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="choose a larger size"):
        train_vocabulary(TEXTS, [], str(tmp_path / "x.model"), size=550)


def test_starter_rows_become_texts_and_smiles() -> None:
    rows = [
        {"smiles": "CO", "description": "The molecule is methanol."},
        {"reactants": "C=C", "reagents": "[H][H]", "products": "CC"},
        {"paragraph": "It was filtered.", "actions": "FILTER."},
    ]
    assert list(starter_texts(rows)) == [
        "Write in SMILES the described molecule: The molecule is methanol.",
        "The molecule is methanol.",
        "Caption the following SMILES: ",
        "Predict the product of the following reaction: ",
        "Predict the reaction that produces the following product: ",
        "Which actions are described in the following paragraph: It was filtered.",
        "FILTER.",
    ]
    assert [text for text in starter_smiles(rows) if text] == ["CO", "C=C", "[H][H]", "CC"]


@pytest.mark.slow
def test_a_rebuild_gives_the_shipped_file(tmp_path) -> None:
    file = tmp_path / "chem.model"
    rows = list(starter_rows())
    train_vocabulary([*starter_texts(rows), *biochemical_texts()], starter_smiles(rows), str(file))
    with open(CHEM_MODEL_FILE, "rb") as shipped:
        expected = hashlib.sha256(shipped.read()).hexdigest()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == expected, (
        "The starter corpus or SentencePiece has changed since chem.model was trained. Trained "
        "models depend on the shipped file: keep it, or train it again and every model with it."
    )
