"""Decoding is tested with made-up logits: Markov chains whose best sequences can be enumerated."""

import functools
import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t5x import decoding
from t5x.decode_state import read_prompt
from t5x.sampling import _keep_nucleus

EOS = 1
VOCAB = 5
LENGTH = 4
NEVER = -1e7
seeds = st.integers(0, 2**31 - 1)


@pytest.fixture(autouse=True, scope="module")
def strict_promotion():
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)  # the tests compile more than they run
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield
    jax.config.update("jax_disable_most_optimizations", before)


def random_table(seed, vocab=VOCAB, scale=2.0):
    """Logits [previous token, token]."""
    return (np.random.default_rng(seed).normal(size=(vocab, vocab)) * scale).astype(np.float32)


def log_softmax(logits):
    logits = np.asarray(logits, np.float64)
    return logits - np.log(np.sum(np.exp(logits), axis=-1, keepdims=True))


def markov(table):
    """Logits of the next token, from the last one alone."""
    return lambda state: (jnp.asarray(table)[state.cur_token[:, 0]], state.cache)


def counting(rate=50.0, vocab=10):
    """Each token is followed by the next number; 2 follows BOS."""

    def tokens_to_logits(state):
        last = state.cur_token[:, 0]
        following = jnp.where(last == 0, 2, last + 1)
        return jax.nn.one_hot(following, vocab, dtype=jnp.float32) * rate, state.cache

    return tokens_to_logits


def bos(batch=1, length=LENGTH):
    return jnp.zeros((batch, length), jnp.int32)


def prompts(*rows):
    return jnp.array(rows, jnp.int32)


def chain_log_prob(table, tokens, first=0):
    """Log-probability of a sequence to its EOS, in float64."""
    log_probs, total, last = log_softmax(table), 0.0, first
    for token in tokens:
        total += log_probs[last, token]
        last = token
        if token == EOS:
            break
    return total


def ended_sequences(vocab, length):
    """All sequences of at most `length` tokens that end in their only EOS."""
    others = [token for token in range(vocab) if token != EOS]
    for n in range(length):
        for head in itertools.product(others, repeat=n):
            yield (*head, EOS)


def pad(tokens, length=LENGTH):
    return list(tokens) + [0] * (length - len(tokens))


def penalty(n, alpha):
    return ((5 + n) / 6) ** alpha


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
    tokens, scores = decoding.temperature_sample(
        prompts([0, 4, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 6, 0, 0, 0, 0]),
        {},
        counting(),
        eos_id=7,
        temperature=0,
    )
    assert tokens[:, 0].tolist() == [[4, 5, 6, 7, 0, 0], [2, 3, 4, 5, 6, 7], [6, 7, 0, 0, 0, 0]]
    assert scores.tolist() == [[0.0], [0.0], [0.0]]


@functools.partial(jax.jit, static_argnames=("topk", "temperature"))
def greedy(table, topk, temperature):
    return decoding.temperature_sample(
        bos(2), {}, markov(table), EOS, topk=topk, temperature=temperature, rescale_log_probs=False
    )


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_greedy_is_the_argmax_chain(seed):
    table = random_table(seed)
    chain, last = [], 0
    while len(chain) < LENGTH and last != EOS:
        last = int(np.argmax(table[last]))
        chain.append(last)
    for topk, temperature in [(1, 1.0), (0, 0.0)]:
        tokens, log_probs = greedy(table, topk, temperature)
        assert tokens.tolist() == [[pad(chain)]] * 2
        np.testing.assert_allclose(log_probs, chain_log_prob(table, chain), rtol=1e-5)


# Sampling

DRAWS = 4000
LOGITS = np.array([0.3, -0.5, 1.0, 0.0, -1.5], np.float32)


@functools.partial(jax.jit, static_argnames=("kwargs",))
def draw(key, kwargs=()):
    tokens, log_probs = decoding.temperature_sample(
        bos(1, 1),
        {},
        lambda state: (jnp.broadcast_to(LOGITS, (DRAWS, VOCAB)), state.cache),
        eos_id=EOS,
        decode_rng=key,
        num_decodes=DRAWS,
        **dict(kwargs),
    )
    return tokens[0, :, 0], log_probs[0]


def expected_choice(kwargs):
    """The distribution to be drawn from, in float64."""
    probs = np.exp(log_softmax(LOGITS / kwargs.get("temperature", 1.0)))
    order = np.argsort(-probs)
    kept = order[: kwargs["topk"]] if kwargs["topk"] else order
    if kwargs.get("topp"):
        kept = order[: 1 + np.searchsorted(np.cumsum(probs[order]), kwargs["topp"])]
    mask = np.zeros(VOCAB)
    mask[kept] = 1
    return probs * mask / np.sum(probs * mask)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"topk": 0},
        {"topk": 0, "temperature": 0.6},
        {"topk": 3, "temperature": 2.0},
        {"topk": 99},
        {"topk": 0, "topp": 0.7},
        {"topk": 0, "topp": 0.7, "temperature": 3.0},
        {"topk": 0, "topp": 1.0},
    ],
)
def test_frequencies_follow_the_truncated_distribution(kwargs):
    tokens, log_probs = draw(jax.random.key(3), tuple(kwargs.items()))
    expected = expected_choice(kwargs)
    support = np.flatnonzero(expected)
    assert set(np.unique(tokens)) == set(support)
    counts = np.bincount(tokens, minlength=VOCAB)[support]
    chi_square = np.sum((counts - DRAWS * expected[support]) ** 2 / (DRAWS * expected[support]))
    assert chi_square < {2: 10.83, 3: 13.82, 4: 16.27, 5: 18.47}[len(support)]  # p = 0.001
    np.testing.assert_allclose(log_probs, np.log(expected[tokens]), atol=1e-5)
    assert np.all(np.diff(log_probs) >= 0)


def test_log_probs_of_the_raw_logits():
    kwargs = {"topk": 2, "temperature": 0.5, "rescale_log_probs": False}
    tokens, log_probs = draw(jax.random.key(3), tuple(kwargs.items()))
    assert set(np.unique(tokens)) == {0, 2}
    np.testing.assert_allclose(log_probs, log_softmax(LOGITS)[tokens], atol=1e-6)


def test_a_key_fixes_the_draw():
    first, second, other = (draw(jax.random.key(s), (("topk", 0),))[0] for s in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@settings(max_examples=50, deadline=None)
@given(seeds, st.floats(0.05, 0.95))
def test_nucleus_is_the_smallest_sufficient_set(seed, topp):
    logits = np.random.default_rng(seed).normal(size=(3, 17)).astype(np.float32) * 2
    kept = np.asarray(jax.jit(_keep_nucleus)(logits, topp)) > -np.inf
    for row, mask in zip(np.exp(log_softmax(logits)), kept, strict=True):
        assert row[mask].sum() >= topp - 1e-5
        assert row[mask].sum() - row[mask].min() < topp + 1e-5
        assert mask.all() or row[mask].min() > row[~mask].max()


def test_nucleus_keeps_ties():
    kept = _keep_nucleus(jnp.log(jnp.array([[0.25, 0.25, 0.5], [0.1, 0.8, 0.1]])), 0.6)
    assert (kept > -jnp.inf).tolist() == [[True, True, True], [False, True, False]]


def test_temperature_for_each_row():
    table = np.tile(LOGITS, (VOCAB, 1))
    tokens, log_probs = decoding.temperature_sample(
        bos(2), {}, markov(table), 9, num_decodes=50, temperature=jnp.array([0.0, 50.0]), topk=3
    )
    assert np.all(np.asarray(tokens[0]) == 2) and np.all(np.asarray(log_probs[0]) == 0.0)
    assert set(np.unique(tokens[1])) == {0, 2, 3}
    np.testing.assert_allclose(log_probs[1], -LENGTH * np.log(3), atol=0.1)


def test_sequence_log_probs_stop_at_eos():
    table = random_table(5)
    tokens, log_probs = decoding.temperature_sample(
        bos(2, 6), {}, markov(table), EOS, jax.random.key(0), num_decodes=20, topk=0
    )
    assert tokens.shape == (2, 20, 6)
    for sequence, log_prob in zip(tokens.reshape(-1, 6), log_probs.reshape(-1), strict=True):
        sequence = sequence.tolist()
        np.testing.assert_allclose(log_prob, chain_log_prob(table, sequence), rtol=1e-5)
        if EOS in sequence:
            assert not any(sequence[sequence.index(EOS) + 1 :])
    assert np.all(np.diff(log_probs, axis=1) >= 0)


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
        decoding.temperature_sample(bos(), {}, counting(), EOS, **kwargs)


# Prompts, bounds and callbacks of the sampler


def test_forced_prefix_is_repeated_and_not_scored():
    table = random_table(1)
    table[3, EOS] += 9.0
    tokens, log_probs = decoding.temperature_sample(
        prompts([0, 4, 2, 3, 0, 0]), {}, markov(table), EOS, rescale_log_probs=False
    )
    assert tokens.tolist() == [[[4, 2, 3, EOS, 0, 0]]]
    np.testing.assert_allclose(log_probs, log_softmax(table)[3, EOS], rtol=1e-5)


def test_eos_inside_the_prompt_ends_nothing():
    tokens, _ = decoding.temperature_sample(prompts([0, 7, 4, 0, 0]), {}, counting(), eos_id=7)
    assert tokens.tolist() == [[[7, 4, 5, 6, 7]]]
    tokens, _ = decoding.beam_search(prompts([0, 7, 4, 0, 0]), {}, counting(), 7, num_decodes=2)
    assert tokens[0, -1].tolist() == [7, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("steps", "hard_limit", "expected"),
    [
        (None, None, [[2, 3, 4, 5, 6], [5, 6, 7, 0, 0]]),
        (1, None, [[2, 0, 0, 0, 0], [5, 6, 0, 0, 0]]),
        (3, 2, [[2, 3, 0, 0, 0], [5, 6, 7, 0, 0]]),
        (None, 1, [[2, 0, 0, 0, 0], [5, 6, 0, 0, 0]]),
        (0, None, [[0, 0, 0, 0, 0], [5, 0, 0, 0, 0]]),
    ],
)
def test_bounds_count_from_the_end_of_the_prompt(steps, hard_limit, expected):
    @jax.jit
    def run(inputs, steps):
        return decoding.temperature_sample(
            inputs,
            {},
            counting(),
            eos_id=7,
            max_decode_steps=steps,
            max_decode_steps_hard_limit=hard_limit,
        )[0][:, 0]

    steps = None if steps is None else jnp.array(steps)
    assert run(prompts([0] * 5, [0, 5, 0, 0, 0]), steps).tolist() == expected


def test_state_callback_can_stop_rows():
    def stop_first_row(state):
        return state.replace(ended=state.ended | ((state.cur_index >= 2) & (jnp.arange(2) == 0)))

    tokens, _ = decoding.temperature_sample(
        bos(2, 5), {}, counting(), eos_id=9, state_callback_fn=stop_first_row
    )
    assert tokens[:, 0].tolist() == [[2, 3, 0, 0, 0], [2, 3, 4, 5, 6]]


def test_logit_callback_can_forbid_tokens():
    def forbid(logits, state):
        assert logits.shape == (1, 10) and state.sequences.shape == (1, 4)
        return logits.at[:, 3].set(-jnp.inf).at[:, 8].add(1.0)

    tokens, _ = decoding.temperature_sample(
        bos(1, 4), {}, counting(), eos_id=9, logit_callback_fn=forbid
    )
    assert tokens.tolist() == [[[2, 8, 9, 0]]]


def count_steps(search, *args, **kwargs):
    """Runs a search and counts its calls of the network; the third argument is the network."""
    calls = []
    inputs, cache, network, *rest = args

    def counted(state):
        jax.debug.callback(calls.append, state.cur_index[0])
        return network(state)

    result = search(inputs, cache, counted, *rest, **kwargs)
    jax.effects_barrier()
    return result, len(calls)


def test_sampling_stops_when_all_rows_have_ended():
    inputs = prompts([0, 5] + [0] * 20, [0, 3] + [0] * 20)
    _, steps = count_steps(decoding.temperature_sample, inputs, {}, counting(), 7)
    assert steps == 5  # 3 4 5 6 7


# Beam search against enumeration and against a plain restatement


@functools.partial(jax.jit, static_argnames=("num_decodes", "alpha"))
def beams(table, num_decodes, alpha, inputs=None):
    inputs = bos() if inputs is None else inputs
    return decoding.beam_search(
        inputs, {}, markov(table), EOS, num_decodes=num_decodes, alpha=alpha
    )


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0, -0.5])
def test_wide_enough_beam_finds_all_sequences_in_order(alpha):
    table = random_table(7, vocab=4)
    ranked = sorted(
        (chain_log_prob(table, s) / penalty(len(s), alpha), pad(s)) for s in ended_sequences(4, 4)
    )
    assert len(ranked) == 40
    tokens, scores = beams(table, 54, alpha)
    assert tokens[0, -40:].tolist() == [sequence for _, sequence in ranked]
    np.testing.assert_allclose(scores[0, -40:], [score for score, _ in ranked], rtol=1e-5)
    assert np.all(np.asarray(scores[0, :-40]) == NEVER) and not np.any(tokens[0, :-40])


def plain_beam_search(table, num_decodes, alpha, length=LENGTH):
    """The specification in plain Python, without stopping early: (tokens, score), worst first."""
    log_probs = log_softmax(table)
    live, finished = [(0.0, ())], []
    for n in range(1, length + 1):
        extensions = [
            (log_prob + log_probs[s[-1] if s else 0, token], (*s, token))
            for log_prob, s in live
            for token in range(len(table))
        ]
        extensions = sorted(extensions, reverse=True)[: 2 * num_decodes]
        finished += [(p / penalty(n, alpha), s) for p, s in extensions if s[-1] == EOS]
        finished = sorted(finished, reverse=True)[:num_decodes]
        live = [(p, s) for p, s in extensions if s[-1] != EOS][:num_decodes]
    best = sorted(finished or live)
    missing = num_decodes - len(best)
    return [[0] * length] * missing + [pad(s, length) for _, s in best], [NEVER] * missing + [
        score for score, _ in best
    ]


@pytest.mark.parametrize(("num_decodes", "alpha"), [(1, 0.6), (3, 0.6), (4, 0.0), (2, -1.0)])
@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_beam_search_equals_the_full_run_of_the_specification(num_decodes, alpha, seed):
    table = random_table(seed)
    tokens, scores = beams(table, num_decodes, alpha)
    expected_tokens, expected_scores = plain_beam_search(table, num_decodes, alpha)
    np.testing.assert_allclose(scores[0], expected_scores, rtol=1e-5, atol=1e-5)
    if np.min(np.diff(sorted(expected_scores)), initial=1.0) > 1e-4:
        assert tokens[0].tolist() == expected_tokens


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_scores_are_the_penalised_log_probs_of_the_tokens(seed):
    table = random_table(seed)
    tokens, scores = beams(table, 3, 0.6)
    assert np.all(np.diff(scores[0]) >= 0)
    for sequence, score in zip(tokens[0].tolist(), scores[0].tolist(), strict=True):
        if EOS in sequence:
            n = sequence.index(EOS) + 1
            assert not any(sequence[n:])
            expected = chain_log_prob(table, sequence) / penalty(n, 0.6)
            np.testing.assert_allclose(score, expected, rtol=1e-5)


def test_one_row_does_not_change_another():
    quick, slow = random_table(0), random_table(2)
    quick[:, EOS] += 4.0
    slow[:, EOS] -= 4.0
    both = jnp.stack([quick, slow])

    def network(state):
        row = jnp.arange(6) // 3
        return both[row, state.cur_token[:, 0]], state.cache

    tokens, scores = decoding.beam_search(bos(2), {}, network, EOS, num_decodes=3)
    for row, table in enumerate([quick, slow]):
        alone_tokens, alone_scores = beams(table, 3, 0.6)
        assert tokens[row].tolist() == alone_tokens[0].tolist()
        np.testing.assert_array_equal(scores[row], alone_scores[0])


def test_unfinished_row_returns_its_live_beams_without_penalty():
    finishing, endless = random_table(0), random_table(3)
    endless[:, EOS] = -np.inf
    both = jnp.stack([finishing, endless])

    def network(state):
        return both[jnp.arange(4) // 2, state.cur_token[:, 0]], state.cache

    tokens, scores = decoding.beam_search(bos(2), {}, network, EOS, num_decodes=2)
    assert all(EOS in sequence for sequence in tokens[0].tolist())
    assert tokens[1].tolist() == plain_beam_search(endless, 2, 0.6)[0]
    expected = [chain_log_prob(endless, sequence) for sequence in tokens[1].tolist()]
    np.testing.assert_allclose(scores[1], expected, rtol=1e-5)


def test_impossible_beams_are_empty_places():
    # From BOS only 2 and EOS may follow, from 2 only EOS.
    table = np.full((4, 4), -np.inf, np.float32)
    table[0, [EOS, 2]] = np.log([0.25, 0.75])
    table[2, EOS] = 0.0
    (tokens, scores), steps = count_steps(
        decoding.beam_search, bos(1, 6), {}, markov(table), EOS, alpha=0.0
    )
    assert tokens[0].tolist() == [[0] * 6, [0] * 6, pad([EOS], 6), pad([2, EOS], 6)]
    np.testing.assert_allclose(scores[0], [NEVER, NEVER, np.log(0.25), np.log(0.75)], rtol=1e-6)
    assert steps == 2

    def nowhere(state):
        only = jnp.where(jnp.arange(4) == 2, 0.0, -jnp.inf)
        return jnp.broadcast_to(only, (3, 4)), state.cache

    tokens, scores = decoding.beam_search(bos(1, 3), {}, nowhere, EOS, num_decodes=3)
    assert tokens[0].tolist() == [[0, 0, 0], [0, 0, 0], [2, 2, 2]]
    assert scores[0].tolist() == [NEVER, NEVER, 0.0]


def test_early_stop_spares_steps():
    # All is likeliest to end at once; with 2 beams the second ends one token later.
    table = np.zeros((4, 4), np.float32)
    table[:, EOS] = 8.0
    result, steps = count_steps(
        decoding.beam_search, bos(1, 30), {}, markov(table), EOS, num_decodes=2, alpha=0.0
    )
    assert steps == 2
    assert result[0][0, -1].tolist() == pad([EOS], 30)


def test_stop_waits_for_beams_the_penalty_may_still_lift():
    # 1 costs 2.0 at once; 2 costs 0.15 and leads, for nothing more, to a longer end.
    def network(state):
        first = jnp.log(jnp.array([1e-9, np.exp(-2.0), np.exp(-0.15), 1e-9], jnp.float32))
        on = jnp.array([-50.0, jnp.where(state.cur_index[0] >= 20, 50.0, -50.0), 0.0, -50.0])
        return jnp.where(state.cur_index[:, None] == 0, first[None], on[None]), state.cache

    (tokens, scores), steps = count_steps(
        decoding.beam_search, bos(1, 40), {}, network, EOS, num_decodes=1, alpha=0.6
    )
    assert tokens[0, 0].tolist() == pad([2] * 20 + [EOS], 40)
    assert steps == 21
    np.testing.assert_allclose(scores, -0.15 / penalty(21, 0.6), rtol=0.1)


def test_beam_search_from_a_forced_prefix():
    table = random_table(11, vocab=4)
    table = np.float32(table)
    ranked = sorted(
        (chain_log_prob(table, s, first=2) / penalty(len(s), 0.6), [3, 2, *pad(s, 3)])
        for s in ended_sequences(4, 3)
    )
    tokens, scores = beams(table, 18, 0.6, prompts([0, 3, 2, 0, 0]))
    assert tokens[0, -len(ranked) :].tolist() == [sequence for _, sequence in ranked]
    np.testing.assert_allclose(scores[0, -len(ranked) :], [score for score, _ in ranked], rtol=1e-5)


def test_beam_bounds():
    run = functools.partial(decoding.beam_search, cache={}, eos_id=9, num_decodes=2)
    inputs = prompts([0, 0, 0, 0, 0], [0, 5, 0, 0, 0])

    def best(**kwargs):
        return run(inputs, tokens_to_logits=counting(), **kwargs)[0][:, -1].tolist()

    assert best() == [[2, 3, 4, 5, 6], [5, 6, 7, 8, 9]]
    assert best(max_decode_step=2) == [[2, 3, 0, 0, 0], [5, 6, 7, 0, 0]]
    assert best(max_decode_step=jnp.array(1)) == [[2, 0, 0, 0, 0], [5, 6, 0, 0, 0]]
    assert best(max_decode_len=3) == [[2, 3, 4], [5, 6, 7]]
    assert best(max_decode_len=6) == [[2, 3, 4, 5, 6, 7], [5, 6, 7, 8, 9, 0]]


# Caches

SEARCHES = {
    "beam": functools.partial(decoding.beam_search, num_decodes=3),
    "sample": functools.partial(decoding.temperature_sample, num_decodes=3, topk=0),
}


def remembering(seed, offset, problems, length=6):
    """Logits from all tokens fed so far, as the cache remembers them, checked on the way.

    `history` is [..., rows, length]; `cross_bias` [batch, vocab] must never grow with the beams.
    """
    rng = np.random.default_rng(seed)
    weights = jnp.asarray(rng.normal(size=(length, VOCAB, VOCAB)), jnp.float32)

    def tokens_to_logits(state):
        cache, rows = state.cache["layer"], state.cur_index.shape[0]
        batch = cache["cross_bias"].shape[offset]
        assert batch == 2 and rows == 6
        history = cache["history"][0] if offset else cache["history"]
        assert history.shape == (rows, length)
        here = jnp.arange(length)[None] == state.cur_index[:, None]
        history = jnp.where(here, state.cur_token, history)
        past = jnp.arange(length)[None] <= state.cur_index[:, None]
        inputs = jnp.pad(state.sequences, ((0, 0), (1, 0)))[:, :-1]
        wrong = jnp.any(jnp.where(past, history != inputs, False))
        jax.debug.callback(problems.append, wrong)
        one_hot = jax.nn.one_hot(history, VOCAB, dtype=jnp.float32)
        one_hot = jnp.where(past[..., None], one_hot, 0.0)
        logits = jnp.einsum("nlv,lvw->nw", one_hot, weights) * 3.0
        bias = cache["cross_bias"][0] if offset else cache["cross_bias"]
        logits = logits + jnp.repeat(bias, rows // batch, axis=0)
        layer = {
            **cache,
            "history": history[None] if offset else history,
            "index": cache["index"] + 1,
        }
        return logits, {"layer": layer}

    return tokens_to_logits


def remembering_cache(offset, seed=0, length=6):
    bias = jnp.asarray(np.random.default_rng(seed).normal(size=(2, VOCAB)), jnp.float32)
    history = jnp.full((2, length), -1, jnp.int32)
    lead = (None,) if offset else ()
    layer = {"history": history[lead], "cross_bias": bias[lead], "index": jnp.array(0)}
    return {"layer": layer}


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("name", SEARCHES)
def test_cache_follows_its_beam_and_shared_leaves_stay(name, offset):
    problems = []
    # The bound method's jit is reused over the seeds: only the weights differ, and they are drawn
    # so that beams cross.
    for seed in range(2):
        network = remembering(seed, offset, problems)
        tokens, scores = SEARCHES[name](
            bos(2, 6), remembering_cache(offset), network, EOS, cache_offset=offset
        )
        assert tokens.shape == (2, 3, 6) and scores.shape == (2, 3)
    jax.effects_barrier()
    assert len(problems) >= 2 and not any(problems)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_prefilled_cache_continues_where_it_ends(name):
    inputs = prompts([0, 2, 3, 4, 0, 0], [0, 3, 0, 0, 0, 0])
    problems = []
    network = remembering(4, 0, problems)
    search = functools.partial(SEARCHES[name], decode_rng=jax.random.key(0))
    if name == "sample":
        search = functools.partial(search, topk=1, rescale_log_probs=False)
    whole = search(inputs, remembering_cache(0), network, EOS)
    cache = remembering_cache(0)
    filled = jnp.where(jnp.arange(6)[None] < jnp.array([[3], [1]]), inputs, -1)
    cache["layer"]["history"] = filled
    continued = search(inputs, cache, network, EOS, initial_index=jnp.array([3, 1]))
    jax.effects_barrier()
    assert not any(problems)
    assert whole[0].tolist() == continued[0].tolist()
    np.testing.assert_allclose(whole[1], continued[1], rtol=1e-5)


def test_sharded_batch_keeps_its_cache_in_place():
    devices = np.array(jax.devices()[:2])
    mesh = jax.sharding.Mesh(devices, ("data",))
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    cache = {"cached_key": jnp.zeros((4, 6, 77)), "cross_key": jnp.zeros((4, 6, 77))}
    inputs, cache = jax.device_put((bos(4, 6), cache), rows)

    def network(state):
        keys = state.cache["cached_key"] + state.cur_token[..., None].astype(jnp.float32)
        return jnp.sum(keys, axis=1)[:, :VOCAB], {**state.cache, "cached_key": keys}

    search = jax.jit(lambda inputs, cache: decoding.beam_search(inputs, cache, network, EOS))
    compiled = search.lower(inputs, cache).compile().as_text()
    assert "77]" in compiled
    assert not re.search(r"77\]\S* all-(gather|to-all)", compiled)
