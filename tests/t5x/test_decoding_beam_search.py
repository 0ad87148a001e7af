"""Beam search against enumeration and against a plain restatement."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.t5x.markov_chains import (
    EOS,
    LENGTH,
    VOCAB,
    bos,
    chain_log_prob,
    count_steps,
    counting,
    ended_sequences,
    log_softmax,
    markov,
    pad,
    penalty,
    prompts,
    random_table,
    search,
    tables,
)

NEVER = -1e7
seeds = st.integers(0, 2**31 - 1)


@pytest.fixture(autouse=True, scope="module")
def strict_promotion():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


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
