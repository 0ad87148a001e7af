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

# Networks are module-level functions and read their tables from the cache, so that tests share what
# is compiled.
SAMPLE_STATIC = (
    "tokens_to_logits eos_id num_decodes temperature topk topp max_decode_steps_hard_limit "
    "rescale_log_probs cache_offset state_callback_fn logit_callback_fn"
)
SEARCH_STATIC = "tokens_to_logits eos_id num_decodes alpha max_decode_len cache_offset"
sample = jax.jit(decoding.temperature_sample, static_argnames=SAMPLE_STATIC.split())
search = jax.jit(decoding.beam_search, static_argnames=SEARCH_STATIC.split())
STEPS: list[np.ndarray] = []


@pytest.fixture(autouse=True, scope="module")
def strict_promotion():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


def random_table(seed, vocab=VOCAB, length=LENGTH, scale=2.0):
    """Logits [position, previous token, token]; they differ by position, so no two paths tie."""
    table = np.random.default_rng(seed).normal(size=(length, vocab, vocab))
    return (table * scale).astype(np.float32)


def tables(*each):
    """A cache with one table for each row of the batch."""
    return {"cross_table": jnp.stack([jnp.asarray(table, jnp.float32) for table in each])}


def markov(state):
    """Logits of the next token, from its position and the last one; counts its calls in STEPS."""
    jax.debug.callback(STEPS.append, state.cur_index[0])
    table = state.cache["cross_table"]
    rows = state.cur_index.shape[0]
    row = jnp.arange(rows) // (rows // table.shape[0])
    return table[row, state.cur_index, state.cur_token[:, 0]], state.cache


def counting(state):
    """Each token is followed by the next number; 2 follows BOS."""
    last = state.cur_token[:, 0]
    following = jnp.where(last == 0, 2, last + 1)
    return jax.nn.one_hot(following, 10, dtype=jnp.float32) * 50.0, state.cache


def count_steps(decode, *args, **kwargs):
    """The result of a search with `markov`, and how many steps it took."""
    jax.effects_barrier()
    STEPS.clear()
    result = jax.block_until_ready(decode(*args, **kwargs))
    jax.effects_barrier()
    return result, len(STEPS)


def bos(batch=1, length=LENGTH):
    return jnp.zeros((batch, length), jnp.int32)


def prompts(*rows):
    return jnp.array(rows, jnp.int32)


def log_softmax(logits):
    logits = np.asarray(logits, np.float64)
    return logits - np.log(np.sum(np.exp(logits), axis=-1, keepdims=True))


def chain_log_prob(table, tokens, first=0, start=0):
    """Log-probability of the tokens to their EOS, from position `start` on, in float64."""
    log_probs, total, last = log_softmax(table), 0.0, first
    for position, token in enumerate(tokens, start):
        total += log_probs[position, last, token]
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


# Beam search against enumeration and against a plain restatement


def test_wide_enough_beam_finds_all_sequences_in_order():
    table = random_table(7, vocab=4)
    ranked = sorted(
        (chain_log_prob(table, s) / penalty(len(s), 0.6), pad(s)) for s in ended_sequences(4, 4)
    )
    assert len(ranked) == 40
    tokens, scores = search(bos(), tables(table), markov, EOS, num_decodes=54, alpha=0.6)
    assert tokens[0, -40:].tolist() == [sequence for _, sequence in ranked]
    np.testing.assert_allclose(scores[0, -40:], [score for score, _ in ranked], rtol=1e-5)
    assert np.all(np.asarray(scores[0, :-40]) == NEVER) and not np.any(tokens[0, :-40])


def test_beam_search_from_a_forced_prefix():
    table = random_table(11, vocab=4)
    ranked = sorted(
        (chain_log_prob(table, s, first=3, start=1) / penalty(len(s), 0.6), [3, *pad(s, 3)])
        for s in ended_sequences(4, 3)
    )
    tokens, scores = search(
        prompts([0, 3, 0, 0]), tables(table), markov, EOS, num_decodes=54, alpha=0.6
    )
    assert tokens[0, -len(ranked) :].tolist() == [sequence for _, sequence in ranked]
    np.testing.assert_allclose(scores[0, -len(ranked) :], [score for score, _ in ranked], rtol=1e-5)


def plain_beam_search(table, num_decodes, alpha):
    """The specification in plain Python, without stopping early: (sequences, scores)."""
    log_probs = log_softmax(table)
    live, finished = [(0.0, ())], []
    for n in range(1, LENGTH + 1):
        extensions = [
            (log_prob + log_probs[n - 1, s[-1] if s else 0, token], (*s, token))
            for log_prob, s in live
            for token in range(VOCAB)
            if log_probs[n - 1, s[-1] if s else 0, token] > -np.inf
        ]
        extensions = sorted(extensions, reverse=True)[: 2 * num_decodes]
        finished += [(p / penalty(n, alpha), s) for p, s in extensions if s[-1] == EOS]
        finished = sorted(finished, reverse=True)[:num_decodes]
        live = [(p, s) for p, s in extensions if s[-1] != EOS][:num_decodes]
    best = sorted(finished or live)
    missing = num_decodes - len(best)
    sequences = [[0] * LENGTH] * missing + [pad(s) for _, s in best]
    return sequences, [NEVER] * missing + [score for score, _ in best]


@pytest.mark.parametrize(("num_decodes", "alpha"), [(1, 0.6), (3, 0.6), (2, -1.0)])
@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_beam_search_equals_the_full_run_of_the_specification(num_decodes, alpha, seed):
    both = [random_table(seed), random_table(seed + 1, scale=0.5)]
    tokens, scores = search(
        bos(2), tables(*both), markov, EOS, num_decodes=num_decodes, alpha=alpha
    )
    for row, table in enumerate(both):
        expected_tokens, expected_scores = plain_beam_search(table, num_decodes, alpha)
        np.testing.assert_allclose(scores[row], expected_scores, rtol=1e-5, atol=1e-5)
        if np.min(np.diff(expected_scores), initial=1.0) > 1e-4:
            assert tokens[row].tolist() == expected_tokens


def three_beams(*both, **kwargs):
    return search(bos(2), tables(*both), markov, EOS, num_decodes=3, alpha=0.6, **kwargs)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_scores_are_the_penalised_log_probs_of_the_tokens(seed):
    table = random_table(seed)
    table[-1, :, EOS] += 9.0
    tokens, scores = three_beams(table, table)
    assert np.all(np.diff(scores[0]) >= 0)
    for sequence, score in zip(tokens[0].tolist(), scores[0].tolist(), strict=True):
        n = sequence.index(EOS) + 1
        assert not any(sequence[n:])
        expected = chain_log_prob(table, sequence) / penalty(n, 0.6)
        np.testing.assert_allclose(score, expected, rtol=1e-5, atol=1e-6)


def test_one_row_does_not_change_another():
    quick, slow = random_table(0), random_table(2)
    quick[..., EOS] += 4.0
    slow[..., EOS] -= 2.0
    tokens, scores = three_beams(quick, slow)
    for row, table in enumerate([quick, slow]):
        same_tokens, same_scores = three_beams(table, table)
        np.testing.assert_array_equal(tokens[row], same_tokens[row])
        np.testing.assert_array_equal(scores[row], same_scores[row])


def test_unfinished_row_returns_its_live_beams_without_penalty():
    finishing, endless = random_table(0), random_table(3)
    finishing[-1, :, EOS] += 9.0
    endless[..., EOS] = -np.inf
    tokens, scores = three_beams(finishing, endless)
    assert all(EOS in sequence for sequence in tokens[0].tolist())
    assert tokens[1].tolist() == plain_beam_search(endless, 3, 0.6)[0]
    expected = [chain_log_prob(endless, sequence) for sequence in tokens[1].tolist()]
    np.testing.assert_allclose(scores[1], expected, rtol=1e-5)


def test_impossible_beams_are_empty_places():
    # In the first row EOS or 2 may come first, and after 2 only EOS; in the second all is 2.
    first = np.full((LENGTH, VOCAB, VOCAB), -np.inf, np.float32)
    first[:, 0, [EOS, 2]] = np.log([0.25, 0.75])
    first[:, 2, EOS] = first[:, EOS, 0] = first[:, 3:, 0] = 0.0
    second = np.full((LENGTH, VOCAB, VOCAB), -np.inf, np.float32)
    second[:, :, 2] = 0.0
    tokens, scores = three_beams(first, second)
    assert tokens.tolist() == [
        [[0, 0, 0, 0], [EOS, 0, 0, 0], [2, EOS, 0, 0]],
        [[0, 0, 0, 0], [0, 0, 0, 0], [2, 2, 2, 2]],
    ]
    expected = [[NEVER, np.log(0.25), np.log(0.75) / penalty(2, 0.6)], [NEVER, NEVER, 0.0]]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    _, steps = count_steps(three_beams, first, first)
    assert steps == 2


def one_beam(table):
    return search(bos(2), tables(table, table), markov, EOS, num_decodes=1, alpha=0.6)


def test_early_stop_spares_steps():
    table = np.zeros((LENGTH, VOCAB, VOCAB), np.float32)
    table[..., EOS] = 8.0
    (tokens, _), steps = count_steps(one_beam, table)
    assert tokens[0].tolist() == [pad([EOS])]
    assert steps == 1


def test_stop_waits_for_beams_that_the_penalty_may_still_lift():
    # EOS is likeliest at first, but 2 2 2 EOS loses nothing more and has the kinder penalty.
    table = np.full((LENGTH, VOCAB, VOCAB), -50.0, np.float32)
    table[0, 0, [EOS, 2]] = np.log([0.52, 0.48])
    table[1:3, 2, 2] = table[3, 2, EOS] = 0.0
    (tokens, scores), steps = count_steps(one_beam, table)
    assert tokens[0].tolist() == [[2, 2, 2, EOS]]
    np.testing.assert_allclose(scores[0], np.log(0.48) / penalty(4, 0.6), rtol=1e-5)
    assert np.log(0.48) < np.log(0.52) < scores[0, 0]
    assert steps == 4


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({"max_decode_step": jnp.array(2)}, [[2, 3, 0, 0, 0], [5, 6, 7, 0, 0]]),
        ({"max_decode_step": jnp.array(1)}, [[2, 0, 0, 0, 0], [5, 6, 0, 0, 0]]),
        ({"max_decode_len": 3}, [[2, 3, 4], [5, 6, 7]]),
        ({"max_decode_len": 6}, [[2, 3, 4, 5, 6, 7], [5, 6, 7, 8, 9, 0]]),
    ],
)
def test_beam_bounds(kwargs, expected):
    inputs = prompts([0, 0, 0, 0, 0], [0, 5, 0, 0, 0])
    tokens, _ = search(inputs, {}, counting, eos_id=9, num_decodes=1, **kwargs)
    assert tokens[:, 0].tolist() == expected


# Caches

SEARCHES = {
    "beam": functools.partial(search, num_decodes=3),
    "sample": functools.partial(sample, num_decodes=3, topk=0, rescale_log_probs=False),
}
PROBLEMS: list[np.ndarray] = []
SIX = 6


def remembering(state, offset):
    """Logits from all the tokens fed so far, as the cache remembers them, checked on the way.

    `history` is [rows, length], and `cross_weights` [batch, length, vocab, vocab] must stay that,
    both behind a layer axis where `offset` is 1.
    """
    cache, rows = state.cache["layer"], state.cur_index.shape[0]
    history, weights = cache["history"], cache["cross_weights"]
    if offset:
        history, weights = history[0], weights[0]
    assert rows == 6 and history.shape == (rows, SIX) and weights.shape == (2, SIX, VOCAB, VOCAB)
    positions = jnp.arange(SIX)[None]
    history = jnp.where(positions == state.cur_index[:, None], state.cur_token, history)
    past = positions <= state.cur_index[:, None]
    inputs = jnp.pad(state.sequences, ((0, 0), (1, 0)))[:, :-1]
    jax.debug.callback(PROBLEMS.append, jnp.any(past & (history != inputs)))
    one_hot = jnp.where(past[..., None], jax.nn.one_hot(history, VOCAB, dtype=jnp.float32), 0.0)
    nested = decoding.unflatten_beam_dim(one_hot, 2, rows // 2)
    logits = decoding.flatten_beam_dim(jnp.einsum("bklv,blvw->bkw", nested, weights))
    kept = {"history": history[None] if offset else history, "index": cache["index"] + 1}
    return logits, {"layer": {**cache, **kept}}


REMEMBERING = [functools.partial(remembering, offset=offset) for offset in (0, 1)]


def remember(name, inputs, history, seed, offset=0, initial_index=(0, 0)):
    """Searches with `remembering`; returns the result, and asserts that no cache was wrong."""
    weights = np.random.default_rng(seed).normal(size=(2, SIX, VOCAB, VOCAB)) * 1.5
    layer = {"history": history, "cross_weights": jnp.asarray(weights, jnp.float32)}
    if offset:
        layer = jax.tree.map(lambda x: x[None], layer)
    PROBLEMS.clear()
    result = SEARCHES[name](
        inputs,
        {"layer": {**layer, "index": jnp.array(0)}},
        REMEMBERING[offset],
        EOS,
        decode_rng=jax.random.key(0),
        cache_offset=offset,
        initial_index=jnp.array(initial_index),
    )
    jax.block_until_ready(result)
    jax.effects_barrier()
    assert len(PROBLEMS) >= 2 and not any(PROBLEMS)
    return result


@pytest.mark.parametrize(("name", "offset"), [("beam", 0), ("beam", 1), ("sample", 0)])
def test_cache_follows_its_beam_and_shared_leaves_stay(name, offset):
    crossed = False
    for seed in range(5):
        nothing = jnp.full((2, SIX), -1, jnp.int32)
        tokens, scores = remember(name, bos(2, SIX), nothing, seed, offset)
        assert tokens.shape == (2, 3, SIX) and scores.shape == (2, 3)
        crossed |= len({tuple(s[:1]) for s in tokens[0].tolist()}) < 3
    assert crossed  # or nothing has been tested: beams with one ancestor replaced another's


@pytest.mark.parametrize("name", SEARCHES)
def test_a_prefilled_cache_continues_where_it_ends(name):
    inputs = prompts([0, 2, 3, 4, 0, 0], [0, 3, 0, 0, 0, 0])
    nothing = jnp.full((2, SIX), -1, jnp.int32)
    filled = jnp.where(jnp.arange(SIX)[None] < jnp.array([[3], [1]]), inputs, -1)
    whole = remember(name, inputs, nothing, seed=4)
    continued = remember(name, inputs, filled, seed=4, initial_index=(3, 1))
    assert continued[0][:, :, :3].tolist()[0] == [[2, 3, 4]] * 3
    assert continued[0][1, :, 0].tolist() == [3, 3, 3]
    assert whole[0].tolist() == continued[0].tolist()
    np.testing.assert_allclose(whole[1], continued[1], rtol=1e-5)


@pytest.mark.slow
def test_sharded_batch_keeps_its_cache_in_place():
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), ("data",))
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    cache = {"cached_key": jnp.zeros((4, 6, 77)), "cross_key": jnp.zeros((4, 6, 77))}
    inputs, cache = jax.device_put((bos(4, 6), cache), rows)

    def network(state):
        keys = state.cache["cached_key"] + state.cur_token[..., None].astype(jnp.float32)
        return jnp.sum(keys, axis=1)[:, :VOCAB], {**state.cache, "cached_key": keys}

    compiled = search.lower(inputs, cache, network, EOS).compile().as_text()
    assert "77]" in compiled
    assert not re.search(r"77\]\S* all-(gather|to-all)", compiled)
