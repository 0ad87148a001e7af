"""The audit's counts, on rows whose answers are known."""

from hypothesis import given
from hypothesis import strategies as st

from t5chem.vocabularies import SentencePieceVocabulary, byte
from t5chem.vocabularies.audit import Audit, audit, describe


def test_unknowns_rows_and_lengths(toy_t5_file):
    plain = SentencePieceVocabulary(toy_t5_file)
    rows = [(1, "C"), (3, "F/C=C\\F"), (4, "{C\\C\\C~~"), (7, "two  spaces")]
    found = audit(rows, plain)
    assert found.unknown == {"\\": [3, 4], "{": [4], "~": [4]}
    assert found.unknown_tokens == 1 + 4  # a run is one token
    assert found.unknown_rows == [3, 4]
    assert found.lost == [3, 4, 7]
    assert list(found.lengths) == [1, 3, 4, 7]
    assert found.lengths[1] == len(plain.encode("C")) + 1


def test_limits_count_the_end():
    found = audit([(1, "CCC"), (2, "CCCC"), (3, "C" * 10)], byte())
    assert found.lengths == {1: 4, 2: 5, 3: 11}
    assert found.cut(4) == [2, 3]
    assert found.cut(11) == []


def test_the_report_says_it_all(toy_t5_file):
    plain = SentencePieceVocabulary(toy_t5_file)
    text = describe(audit([(1, "C"), (2, "C\\C"), (3, "C\\\0")], plain), plain, [2, 512])
    assert plain.fingerprint in text
    assert "rows        3\n" in text
    assert "unknown     2 tokens in 2 rows (66.7 %; 2, 3)" in text.replace("%", " %")
    assert "\\  U+005C REVERSE SOLIDUS: 2 rows" in text
    assert "   U+0000 no name: 1 rows" in text
    assert "limit 512   would cut 0 rows: 0 tokens, 0.00% of all" in text


@given(st.lists(st.integers(1, 1000), min_size=1), st.sampled_from([1, 50, 90, 99, 100]))
def test_percentiles_are_nearest_rank(lengths, percent):
    found = Audit(lengths=dict(enumerate(lengths)))
    value = found.percentile(percent)
    assert value in lengths
    assert sum(length <= value for length in lengths) >= len(lengths) * percent / 100
    assert sum(length < value for length in lengths) < len(lengths) * percent / 100
