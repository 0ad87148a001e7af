"""WordPiece by hand, and against the tokenizers library."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t5chem.metrics.word_pieces import MAX_PIECES, WordPieces

PIECES = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "mol", "##ec", "##ule", "##e", "acid", "β", "中"),
    *"-,.()[]!$^`~0123456789acdeo",
    *(f"##{c}" for c in "0123456789acdeo"),
]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    return path


def test_longest_match_first(vocabulary):
    pieces = WordPieces(vocabulary)
    assert pieces("The molecule") == ["the", "mol", "##ec", "##ule"]
    assert pieces("mole") == ["mol", "##e"]
    assert pieces("acid-(2)") == ["acid", "-", "(", "2", ")"]


def test_what_has_no_pieces_is_unknown(vocabulary):
    pieces = WordPieces(vocabulary)
    assert pieces("molx acid") == ["[UNK]", "acid"]
    assert pieces("a" * 100) == ["a"] + ["##a"] * 99
    assert pieces("a" * 101) == ["[UNK]"]
    assert pieces(" \t\n") == []


def test_case_accents_and_invisible_characters(vocabulary):
    pieces = WordPieces(vocabulary)
    assert pieces("ÁCID\u200b\u0000 ΒÉta") == ["acid", "[UNK]"]
    assert pieces("β中β") == ["β", "中", "β"]


def test_512_pieces_at_most(vocabulary):
    assert len(WordPieces(vocabulary)("acid, " * 600)) == MAX_PIECES == 512


def test_no_vocabulary_is_refused(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("a\nb\n")
    with pytest.raises(ValueError, match=r"vocab\.txt has no line \[UNK\]"):
        WordPieces(path)


# The two may know different versions of Unicode, so none of what one might not know.
KNOWN = st.characters(max_codepoint=0x3000, exclude_categories=("Cn", "Cs"))
WORDS = st.lists(st.sampled_from([*PIECES[4:12], "Acid", "ÉC", "\u00a0", "中acid", "x", " "]))


@settings(deadline=None)  # the first example imports the library
@given(WORDS.map("".join) | st.text(KNOWN, max_size=20))
def test_equals_the_tokenizers_library(vocabulary, text):
    tokenizers = pytest.importorskip("tokenizers")
    reference = tokenizers.BertWordPieceTokenizer(str(vocabulary), lowercase=True)
    expected = reference.encode(text, add_special_tokens=False).tokens
    assert WordPieces(vocabulary)(text) == expected
