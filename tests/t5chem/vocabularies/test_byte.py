"""The vocabulary of bytes: ByT5's ids."""

import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from t5chem.vocabularies import ByteVocabulary, byte, chem, open_vocabulary
from t5x.quiet import import_seqio
from tests.t5chem.vocabularies.strategies import SMILES, SMILES_LIKE

seqio = import_seqio()
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@settings(deadline=None, max_examples=300)
@given(ANY_TEXT | SMILES | SMILES_LIKE)
def test_every_text_survives_with_byt5s_ids(text):
    ids = byte().encode(text)
    assert ids == list(seqio.ByteVocabulary(125).encode(text))
    assert byte().decode(ids) == text
    assert len(byte().pieces(text)) == len(ids)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.integers(0, 400)))
def test_any_ids_are_read_as_byt5_reads_them(ids):
    assert byte().decode(ids) == seqio.ByteVocabulary(125).decode(ids)


def test_size_pieces_and_equality():
    assert byte().vocab_size == seqio.ByteVocabulary(125).vocab_size == 384
    assert byte().pieces("C °") == ["C", "<0x20>", "<0xC2>", "<0xB0>"]
    assert byte() == ByteVocabulary() == pickle.loads(pickle.dumps(byte()))
    assert byte() != ByteVocabulary(extra_ids=0)
    assert byte() != chem()
    assert byte().unknown_characters("\\α") == ""
    assert open_vocabulary("byte") is byte()
