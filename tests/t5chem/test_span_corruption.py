"""Span corruption: lengths in closed form, texts that can be put together again, seeds."""

import itertools
from collections import Counter

import gin
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.span_corruption import FEWEST, Lengths, SpanCorruption, noise_mask
from t5x.errors import ConfigError
from t5x.quiet import import_seqio

seqio = import_seqio()

T5 = SpanCorruption()
SENTINELS = list(range(999, 899, -1))


def rng(seed=0):
    return np.random.default_rng(seed)


def test_t5s_recipe():
    # Raffel et al. 2020: 512 tokens of inputs and 114 of targets are made of 568.
    assert T5.noise(568) == (85, 28)
    assert T5.lengths(568) == (568 - 85 + 28 + 1, 85 + 28 + 1) == (512, 114)
    assert T5.longest(512, 114) == 568
    assert T5.longest(512, 10_000) == 568
    assert T5.lengths(569).inputs == 513


@pytest.mark.parametrize(
    ("length", "noise", "spans"),
    [(2, 1, 1), (3, 1, 1), (10, 2, 1), (20, 3, 1), (40, 6, 2), (100, 15, 5), (200, 30, 10)],
)
def test_noise_and_spans_literally(length, noise, spans):
    assert T5.noise(length) == (noise, spans)
    assert T5.lengths(length) == Lengths(length - noise + spans + 1, noise + spans + 1)


def put_together(inputs, targets):
    """The text again: each sentinel of the inputs replaced by what it stands for."""
    spans = {}
    for token in targets.tolist():
        if token in SENTINELS:
            span = spans.setdefault(token, [])
        else:
            span.append(token)
    parts = [spans.get(token, [token]) for token in inputs.tolist()]
    return list(itertools.chain(*parts)), list(spans)


@given(
    st.integers(FEWEST, 400),
    st.integers(0, 10**6),
    st.floats(0.02, 0.6),
    st.floats(1, 12),
)
def test_nothing_is_lost_and_lengths_are_the_closed_form(length, seed, density, mean):
    corruption = SpanCorruption(density, mean)
    tokens = np.arange(length, dtype=np.int32)
    sentinels = SENTINELS + list(range(2000, 2400))
    inputs, targets = corruption.corrupt(tokens, sentinels, rng(seed))
    assert (len(inputs) + 1, len(targets) + 1) == corruption.lengths(length)
    if corruption.noise(length)[1] <= len(SENTINELS):
        text, used = put_together(inputs, targets)
        assert text == tokens.tolist()
        assert used == SENTINELS[: len(used)]
        assert [token for token in inputs.tolist() if token in SENTINELS] == used


def test_every_way_to_place_the_spans_is_equally_likely():
    draw = rng()
    drawn = Counter(tuple(noise_mask(7, 3, 2, draw).tolist()) for _ in range(3000))
    # 3 noise tokens in two spans: 2 ways; of the 5 places about 4 kept ones two are theirs: 10.
    assert len(drawn) == 20
    assert min(drawn.values()) > 90
    assert all(sum(mask) == 3 for mask in drawn)


def test_what_is_refused():
    with pytest.raises(ConfigError, match=r"noise_density is 1.5: give a share"):
        SpanCorruption(noise_density=1.5)
    with pytest.raises(ConfigError, match=r"mean_noise_span_length is 0.5: give 1 or more"):
        SpanCorruption(mean_noise_span_length=0.5)
    with pytest.raises(ConfigError, match=r"inputs 2 and targets 9 tokens; .* becomes \(3, 3\)"):
        T5.longest(2, 9)
    with pytest.raises(ConfigError, match="5 spans, the vocabulary 4 sentinels"):
        T5.corrupt(np.arange(100), SENTINELS[:4], rng())


# As a step of SeqIO


@pytest.fixture
def texts():
    """Three texts of ids: one that fits, one that is cut, one that is cut with a token over."""
    import tensorflow as tf

    sizes = (10, 25, 31)
    return tf.data.Dataset.from_generator(
        lambda: ({"targets": np.arange(10, 10 + size)} for size in sizes),
        output_signature={"targets": tf.TensorSpec([None], tf.int64)},
    )


def corrupted(texts, seed, lengths):
    from t5chem import preprocessors
    from t5chem.vocabularies import seqio_vocabulary

    features = {
        name: seqio.Feature(seqio_vocabulary.chem(), add_eos=True) for name in ("inputs", "targets")
    }
    with seqio.map_seed_manager(seed):
        dataset = preprocessors.corrupt_spans(texts, features, lengths)
    return [
        (row["inputs"].tolist(), row["targets"].tolist()) for row in dataset.as_numpy_iterator()
    ]


def test_texts_are_cut_to_fit_and_the_seed_decides(texts):
    lengths = {"inputs": 13, "targets": 6}
    assert T5.longest(13, 6) == 13 and T5.lengths(13) == (13, 4)
    rows = corrupted(texts, 0, lengths)
    # 10; 13 + 12; 13 + 13 + 5
    assert [len(i) - 1 + len(t) - 1 for i, t in rows] == [10, 13, 12, 13, 13, 5]
    assert all(i.count(4607) == t.count(4607) == 1 and t[0] == 4607 for i, t in rows)
    assert len({tuple(t) for _, t in rows if len(t) == 3}) > 1
    assert corrupted(texts, 0, lengths) == rows
    assert corrupted(texts, 1, lengths) != rows
    # 31 tokens at 15 leave one over, which has nothing beside it to keep.
    assert len(corrupted(texts, 0, {"inputs": 15, "targets": 6})) == 5
    assert len(corrupted(texts, 0, None)) == 3


def test_gin_sets_it(texts):
    gin.parse_config(
        "from __gin__ import dynamic_registration\n"
        "from t5chem import preprocessors\n"
        "preprocessors.SpanCorruption.noise_density = 0.5\n"
    )
    try:
        inputs, targets = corrupted(texts, 0, None)[0]
        assert (len(inputs), len(targets)) == (5 + 2, 5 + 2)
    finally:
        gin.clear_config()
