"""Helpers of decoding, greedy decoding and sampling, on made-up logits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t5x import decoding
from t5x.decode_state import read_prompt
from t5x.sampling import _keep_nucleus
from tests.t5x.markov_chains import (
    EOS,
    LENGTH,
    VOCAB,
    bos,
    chain_log_prob,
    count_steps,
    counting,
    log_softmax,
    markov,
    pad,
    prompts,
    random_table,
    sample,
    search,
    tables,
)

seeds = st.integers(0, 2**31 - 1)


@pytest.fixture(autouse=True, scope="module")
def strict_promotion():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


# The caches' helpers


def test_brevity_penalty_literal():
    assert float(decoding.brevity_penalty(0.0, 9)) == 1.0
    assert float(decoding.brevity_penalty(0.6, 1)) == 1.0
    np.testing.assert_allclose(decoding.brevity_penalty(0.5, jnp.array([1, 19])), [1.0, 2.0])


@pytest.mark.parametrize("offset", [0, 1])
def test_beam_dimension_round_trip(offset):
    x = jnp.arange(3 * 2 * 4 * 5).reshape((3, 8, 5) if offset else (8, 3, 5))
    nested = decoding.unflatten_beam_dim(x, 2, 4, offset)
    assert nested.shape == ((3, 2, 4, 5) if offset else (2, 4, 3, 5))
    np.testing.assert_array_equal(decoding.flatten_beam_dim(nested, offset), x)


def test_gather_beams_literal():
    nested = {"a": jnp.array([[10, 11, 12], [20, 21, 22]]), "b": jnp.arange(12).reshape(2, 3, 2)}
    picked = decoding.gather_beams(nested, jnp.array([[2, 2], [0, 1]]))
    assert picked["a"].tolist() == [[12, 12], [20, 21]]
    assert picked["b"].tolist() == [[[4, 5], [4, 5]], [[6, 7], [8, 9]]]


def test_gather_beams_behind_a_layer_axis():
    nested = jnp.arange(2 * 2 * 3).reshape(2, 2, 3)
    picked = decoding.gather_beams(nested, jnp.array([[0], [2]]), offset=1)
    assert picked.tolist() == [[[0], [5]], [[6], [11]]]


def test_cache_map_skips_scalars_and_shared_leaves():
    cache = {
        "layers_0": {"cached_key": jnp.ones((2, 3)), "cache_index": jnp.array(4)},
        "layers_1": {"cross_value": jnp.ones((2, 3)), "encoder_mask": jnp.ones((2, 7))},
    }
    doubled = decoding.cache_map(lambda x: jnp.repeat(x, 2, axis=0), cache)
    assert jax.tree.map(jnp.shape, doubled) == {
        "layers_0": {"cached_key": (4, 3), "cache_index": ()},
        "layers_1": {"cross_value": (2, 3), "encoder_mask": (2, 7)},
    }
    # With the batch on axis 1, a vector (one index a layer) has no batch.
    scanned = {"cached_key": jnp.ones((5, 2)), "cache_index": jnp.ones((5,))}
    doubled = decoding.cache_map(lambda x: jnp.repeat(x, 2, axis=1), scanned, cache_offset=1)
    assert jax.tree.map(jnp.shape, doubled) == {"cached_key": (5, 4), "cache_index": (5,)}


def test_cache_map_judges_the_last_name_alone():
    cache = {"encoder_decoder_attention": {"cached_key": jnp.ones((2,))}}
    assert decoding.cache_map(jnp.zeros_like, cache)["encoder_decoder_attention"][
        "cached_key"
    ].tolist() == [0.0, 0.0]


def test_prompt_literal():
    prompt = read_prompt(prompts([0, 7, 0, 8, 0], [0, 0, 0, 0, 0]), jnp.array([1, 0]), 3)
    assert prompt.sequences.tolist() == [[7, 0, 8, 0, 0], [0, 0, 0, 0, 0]]
    assert prompt.cur_token.tolist() == [[7], [0]]
    assert prompt.forced.tolist() == [3, 0]
    assert prompt.limit.tolist() == [5, 3]


# Greedy


def test_greedy_ends_and_pads_rows_at_different_times():
    inputs = prompts([0, 4, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 6, 0, 0, 0, 0])
    tokens, scores = sample(inputs, {}, counting, eos_id=7, temperature=0)
    assert tokens[:, 0].tolist() == [[4, 5, 6, 7, 0, 0], [2, 3, 4, 5, 6, 7], [6, 7, 0, 0, 0, 0]]
    assert scores.tolist() == [[0.0], [0.0], [0.0]]


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_greedy_is_the_argmax_chain(seed):
    table = random_table(seed)
    chain, last = [], 0
    while len(chain) < LENGTH and last != EOS:
        last = int(np.argmax(table[len(chain), last]))
        chain.append(last)
    for topk, temperature in [(1, 1.0), (0, 0.0)]:
        tokens, log_probs = sample(
            bos(),
            tables(table),
            markov,
            EOS,
            topk=topk,
            temperature=temperature,
            rescale_log_probs=False,
        )
        assert tokens.tolist() == [[pad(chain)]]
        np.testing.assert_allclose(log_probs, chain_log_prob(table, chain), rtol=1e-5, atol=1e-6)


# Sampling

DRAWS = 4000
LOGITS = np.array([0.3, -0.5, 1.0, 0.0, -1.5], np.float32)


def draw(seed, **kwargs):
    tokens, log_probs = sample(
        bos(1, 1),
        tables(np.tile(LOGITS, (1, VOCAB, 1))),
        markov,
        eos_id=EOS,
        decode_rng=jax.random.key(seed),
        num_decodes=DRAWS,
        **kwargs,
    )
    return np.asarray(tokens[0, :, 0]), np.asarray(log_probs[0])


def expected_choice(topk, temperature=1.0, topp=0.0):
    """The distribution to be drawn from, in float64."""
    probs = np.exp(log_softmax(LOGITS / temperature))
    order = np.argsort(-probs)
    kept = order[:topk] if topk else order
    if topp:
        kept = order[: 1 + np.searchsorted(np.cumsum(probs[order]), topp)]
    mask = np.zeros(VOCAB)
    mask[kept] = 1
    return probs * mask / np.sum(probs * mask)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"topk": 0, "temperature": 0.6},
        {"topk": 3, "temperature": 2.0},
        {"topk": 99},
        {"topk": 0, "topp": 0.7, "temperature": 3.0},
    ],
)
def test_frequencies_follow_the_truncated_distribution(kwargs):
    tokens, log_probs = draw(3, **kwargs)
    expected = expected_choice(**kwargs)
    support = np.flatnonzero(expected)
    assert set(np.unique(tokens)) == set(support)
    counts = np.bincount(tokens, minlength=VOCAB)[support]
    chi_square = np.sum((counts - DRAWS * expected[support]) ** 2 / (DRAWS * expected[support]))
    assert chi_square < {2: 10.83, 3: 13.82, 4: 16.27, 5: 18.47}[len(support)]  # p = 0.001
    np.testing.assert_allclose(log_probs, np.log(expected[tokens]), atol=1e-5)
    assert np.all(np.diff(log_probs) >= 0)


def test_log_probs_of_the_raw_logits():
    tokens, log_probs = draw(3, topk=2, temperature=0.5, rescale_log_probs=False)
    assert set(np.unique(tokens)) == {0, 2}
    np.testing.assert_allclose(log_probs, log_softmax(LOGITS)[tokens], atol=1e-6)


def test_a_key_fixes_the_draw():
    first, second, other = (draw(seed, topk=99)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@settings(max_examples=50, deadline=None)
@given(seeds, st.floats(0.05, 0.95))
def test_nucleus_is_the_smallest_sufficient_set(seed, topp):
    logits = np.random.default_rng(seed).normal(size=(3, 17)).astype(np.float32) * 2
    kept = np.asarray(nucleus(logits, topp)) > -np.inf
    for row, mask in zip(np.exp(log_softmax(logits)), kept, strict=True):
        assert row[mask].sum() >= topp - 1e-5
        assert row[mask].sum() - row[mask].min() < topp + 1e-5
        assert mask.all() or row[mask].min() > row[~mask].max()


nucleus = jax.jit(_keep_nucleus)


def test_nucleus_keeps_ties():
    kept = nucleus(jnp.log(jnp.array([[0.25, 0.25, 0.5], [0.1, 0.8, 0.1]])), 0.6)
    assert (kept > -jnp.inf).tolist() == [[True, True, True], [False, True, False]]


def test_temperature_for_each_row():
    @jax.jit
    def run(temperature):
        return decoding.temperature_sample(
            bos(2), cache, markov, 9, num_decodes=50, temperature=temperature, topk=3
        )

    cache = tables(*[np.tile(LOGITS, (LENGTH, VOCAB, 1))] * 2)
    tokens, log_probs = run(jnp.array([0.0, 50.0]))
    assert np.all(np.asarray(tokens[0]) == 2) and np.all(np.asarray(log_probs[0]) == 0.0)
    assert set(np.unique(tokens[1])) == {0, 2, 3}
    np.testing.assert_allclose(log_probs[1], -LENGTH * np.log(3), atol=0.1)


def test_sequence_log_probs_stop_at_eos():
    both = [random_table(5, length=6), random_table(6, length=6)]
    tokens, log_probs = sample(
        bos(2, 6), tables(*both), markov, EOS, jax.random.key(0), num_decodes=20, topk=0
    )
    assert tokens.shape == (2, 20, 6)
    assert np.all(np.diff(log_probs, axis=1) >= 0)
    for row, table in enumerate(both):
        for sequence, log_prob in zip(tokens[row].tolist(), log_probs[row], strict=True):
            np.testing.assert_allclose(log_prob, chain_log_prob(table, sequence), rtol=1e-5)
            if EOS in sequence:
                assert not any(sequence[sequence.index(EOS) + 1 :])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"topk": 1, "topp": 0.9}, "topk=1 and topp=0.9 both restrict.*pass topk=0"),
        ({"topk": -1}, "topk=-1"),
        ({"topk": 0, "topp": 1.5}, "topp=1.5"),
        ({"temperature": -0.1}, "temperature=-0.1"),
    ],
)
def test_arguments_out_of_range(kwargs, message):
    with pytest.raises(ValueError, match=message):
        decoding.temperature_sample(bos(), {}, counting, EOS, **kwargs)


# Prompts, bounds and callbacks of the sampler


def test_forced_prefix_is_repeated_and_not_scored():
    table = random_table(1, length=6)
    table[3, 3, EOS] += 9.0
    tokens, log_probs = sample(
        prompts([0, 4, 2, 3, 0, 0]), tables(table), markov, EOS, rescale_log_probs=False
    )
    assert tokens.tolist() == [[[4, 2, 3, EOS, 0, 0]]]
    np.testing.assert_allclose(log_probs, log_softmax(table)[3, 3, EOS], atol=1e-6)


def test_eos_inside_the_prompt_ends_nothing():
    inputs = prompts([0, 7, 4, 0, 0], [0, 0, 0, 0, 0])
    tokens, _ = sample(inputs, {}, counting, eos_id=7)
    assert tokens[0].tolist() == [[7, 4, 5, 6, 7]]
    tokens, _ = search(inputs, {}, counting, eos_id=7, num_decodes=1)
    assert tokens[0].tolist() == [[7, 4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("steps", "hard_limit", "expected"),
    [
        (None, None, [[2, 3, 4, 5, 6], [5, 6, 7, 0, 0]]),
        (1, None, [[2, 0, 0, 0, 0], [5, 6, 0, 0, 0]]),
        (3, 2, [[2, 3, 0, 0, 0], [5, 6, 7, 0, 0]]),
        (0, None, [[0, 0, 0, 0, 0], [5, 0, 0, 0, 0]]),
    ],
)
def test_bounds_count_from_the_end_of_the_prompt(steps, hard_limit, expected):
    tokens, _ = sample(
        prompts([0, 0, 0, 0, 0], [0, 5, 0, 0, 0]),
        {},
        counting,
        eos_id=7,
        max_decode_steps=steps if steps is None else jnp.array(steps),
        max_decode_steps_hard_limit=hard_limit,
    )
    assert tokens[:, 0].tolist() == expected


def test_state_callback_can_stop_rows():
    def stop_first_row(state):
        return state.replace(ended=state.ended | ((state.cur_index >= 2) & (jnp.arange(2) == 0)))

    tokens, _ = sample(bos(2, 5), {}, counting, eos_id=9, state_callback_fn=stop_first_row)
    assert tokens[:, 0].tolist() == [[2, 3, 0, 0, 0], [2, 3, 4, 5, 6]]


def test_logit_callback_can_forbid_tokens():
    def forbid(logits, state):
        assert logits.shape == (1, 10) and state.sequences.shape == (1, 4)
        return logits.at[:, 3].set(-jnp.inf).at[:, 8].add(1.0)

    tokens, _ = sample(bos(1, 4), {}, counting, eos_id=9, logit_callback_fn=forbid)
    assert tokens.tolist() == [[[2, 8, 9, 0]]]


def test_sampling_stops_when_all_rows_have_ended():
    table = np.zeros((20, VOCAB, VOCAB))
    table[2, :, EOS] = table[3:, :, 4] = table[:2, :, 3] = 9.0
    (tokens, _), steps = count_steps(sample, bos(1, 20), tables(table), markov, EOS)
    assert tokens[0, 0].tolist() == pad([3, 3, EOS], 20)
    assert steps == 3
