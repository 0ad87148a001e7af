"""Sentences: where a description may be cut, and what moves."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.augmentation.sentences import drop_sentences, sentences_of, shuffle_sentences

PTEROCARPAN = (
    "The molecule is a pterocarpan carrying a hydroxy substituent. It has a role as a plant"
    " metabolite. It is a member of phenols and an aromatic ether."
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (PTEROCARPAN, 3),
        ("", 1),
        ("The molecule is R. It is isolated from Streptomyces sp. SN-593. It is Z.", 3),
        ("The molecule is in E. coli. The strain is K. It is nice.", 3),
        ("The molecule is A. The latter is B. The R centre is C. Both rings are D.", 2),
        ("The molecule is A. These are B. It is C. However, it is D. Its size is E.", 3),
        ("The molecule is 7.3 Da. Formula: C2H6O. One ring is B. By its other groups it is C.", 4),
        ("The molecule is A. Itself it is B. Itaconic acid is C.", 1),
        ("The molecule is A.  It is B.", 1),
    ],
)
def test_parts(text, parts):
    assert len(sentences_of(text)) == parts
    assert " ".join(sentences_of(text)) == text


TEXTS = st.lists(
    st.sampled_from(["It is B.", "Its size is C.", "This is D.", "One ring is E.", "It is F"]),
    max_size=6,
).map(lambda others: " ".join(["The molecule is A.", *others]))


@given(TEXTS, st.integers(0, 10**6))
def test_shuffling_keeps_the_first_and_loses_nothing(text, seed):
    shuffled = shuffle_sentences(text, random.Random(seed))
    first, *others = sentences_of(text)
    assert shuffled.startswith(first)
    assert sorted(shuffled.split(" ")) == sorted(text.split(" "))
    assert (shuffled == text) == (len(set(others)) < 2)
    for follower in (other for other in others if " This" in other):
        assert follower in shuffled


@given(TEXTS, st.integers(0, 10**6))
def test_dropping_keeps_the_first_the_order_and_one_more(text, seed):
    kept = drop_sentences(text, random.Random(seed))
    parts = sentences_of(text)
    if len(parts) < 3:
        assert kept == text
        return
    left = iter(parts)
    assert all(part in left for part in sentences_of(kept)) or "It is F" in text
    assert sentences_of(kept)[0] == parts[0]
    assert len(parts) // 2 < len(kept.split(".")) <= len(text.split("."))
    assert len(kept) < len(text)


def test_how_many_are_dropped():
    text = " ".join(["The molecule is A.", *(f"It is {name}." for name in "BCDEFGHIJ")])
    counts = {10 - len(sentences_of(drop_sentences(text, random.Random(n)))) for n in range(50)}
    assert counts == {1, 2, 3}
