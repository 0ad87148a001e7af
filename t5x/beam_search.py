"""Beam search with GNMT's length penalty, `beam_search`, and as `transformers` does it.

`hf_beam_search` answers as `generate(num_beams=...)` of Hugging Face's `transformers`: scores are
log-probabilities over length ** length_penalty, and its rules say which beams may end and when a
row is done. Weights published for one are evaluated with its own search.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from flax import struct
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from t5x.decode_state import (
    DecodingState,
    Number,
    Prompt,
    PyTree,
    TokensToLogits,
    cache_map,
    flatten_beam_dim,
    gather_beams,
    gather_cache,
    read_prompt,
    repeat_rows,
    unflatten_beam_dim,
    value_at,
    write,
)


@struct.dataclass
class _BeamState(DecodingState):
    """The loop of the beam search; the fields it adds are [batch, beam, ...], best beam first.

    An empty place among the beams has the score `min_log_prob`. `active` [batch] says which rows go
    on; a row that is done stays so.
    """

    live_log_probs: jax.Array
    finished_sequences: jax.Array
    finished_scores: jax.Array
    active: jax.Array


@dataclasses.dataclass(frozen=True)
class _BeamRule:
    """What tells one kind of beam search from another.

    Attributes:
        score: (log_probs, n) -> scores of beams that end after n decoded tokens.
        bound: (log_probs, n, n_max) -> a score that no continuation of live beams with these
            log-probabilities can pass, the next token being the n-th, the last the n_max-th. A
            row is done when its worst finished beam reaches the bound of its best live one.
        best_half_ends: of the 2 * num_decodes extensions of a step only the better half may end;
            and at the last place every beam ends, with EOS or without.
    """

    score: Callable[[jax.Array, jax.Array], jax.Array]
    bound: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
    best_half_ends: bool = False


def brevity_penalty(alpha: Number, length: int | Int[Array, "..."]) -> Float[Array, "..."]:
    """Length penalty ((5 + length) / 6) ** alpha of Wu et al. 2016, https://arxiv.org/abs/1609.08144.

    Args:
        alpha: 0 leaves scores as they are; larger favours longer sequences.
        length: Number of decoded tokens, EOS included.

    Returns:
        What a log-probability is divided by.

    Example:
        >>> float(brevity_penalty(1.0, 7))
        2.0
    """
    return ((5.0 + jnp.asarray(length, jnp.float32)) / 6.0) ** alpha


def _gnmt_rule(alpha: Number) -> _BeamRule:
    def score(log_probs: jax.Array, n: jax.Array) -> jax.Array:
        return log_probs / brevity_penalty(alpha, n)

    def bound(log_probs: jax.Array, n: jax.Array, n_max: jax.Array) -> jax.Array:
        # Log-probabilities only fall, and the penalty is monotone: one of the two ends is best.
        return jnp.maximum(score(log_probs, n), score(log_probs, n_max))

    return _BeamRule(score, bound)


def beam_search(
    inputs: Int[Array, "batch input_length"],
    cache: PyTree,
    tokens_to_logits: TokensToLogits,
    eos_id: int,
    num_decodes: int = 4,
    alpha: Number = 0.6,
    max_decode_len: int | None = None,
    max_decode_step: int | Int[Array, ""] = -1,
    min_log_prob: Number = -1e7,
    decode_rng: jax.Array | None = None,
    cache_offset: int = 0,
    initial_index: Int[Array, " batch"] | None = None,
) -> tuple[Int[Array, "batch num_decodes length"], Float[Array, "batch num_decodes"]]:
    """Beam search with the length penalty of GNMT (Wu et al. 2016).

    Each step ranks the 2 * num_decodes best extensions of a row's live beams, so that enough go on
    even if every beam could end. A row is done when none of its live beams can still beat its worst
    finished one; its result depends on no other row.

    Args:
        inputs: Decoder prompt, as for `temperature_sample`; forced tokens do not count as decoded.
        cache: Decoder cache with the batch on axis `cache_offset`.
        tokens_to_logits: From a state of batch * num_decodes rows to logits and the new cache.
        eos_id: The token that ends a beam.
        num_decodes: Number of beams.
        alpha: Exponent of the length penalty, see `brevity_penalty`.
        max_decode_len: Length of the outputs; that of `inputs` when None.
        max_decode_step: Most tokens to decode after a row's prompt; negative for no bound.
        min_log_prob: Stands for a log-probability of minus infinity.
        decode_rng: Ignored: the search is deterministic.
        cache_offset: The batch axis of the cache's leaves.
        initial_index: Number of positions the cache already holds.

    Returns:
        Tokens and scores, worst beam first. The scores are log_prob / brevity_penalty of beams that
        reached EOS; missing ones are all 0 with the score `min_log_prob`. A row in which no beam
        reached EOS returns its live beams and their log-probabilities, without penalty.

    Example:
        >>> def counts_up(state):
        ...     return jax.nn.one_hot(state.cur_token[:, 0] + 2, 6) * 9.0, state.cache
        >>> tokens, _ = beam_search(jnp.zeros((1, 4), jnp.int32), {}, counts_up, 4, num_decodes=2)
        >>> tokens[0, -1].tolist()
        [2, 4, 0, 0]
    """
    del decode_rng
    inputs = _fit(inputs, max_decode_len)
    unbounded = isinstance(max_decode_step, int) and max_decode_step < 0
    prompt = read_prompt(inputs, initial_index, None if unbounded else max_decode_step)
    end = _search(
        _gnmt_rule(alpha),
        prompt,
        cache,
        tokens_to_logits,
        eos_id=eos_id,
        num_decodes=num_decodes,
        min_log_prob=min_log_prob,
        cache_offset=cache_offset,
    )
    return _best_decodes(end, min_log_prob)


EarlyStopping = bool | Literal["never"]


def hf_beam_search(
    inputs: Int[Array, "batch input_length"],
    cache: PyTree,
    tokens_to_logits: TokensToLogits,
    eos_id: int,
    num_decodes: int = 4,
    length_penalty: Number = 1.0,
    early_stopping: EarlyStopping = False,
    max_decode_len: int | None = None,
    drop_unfinished: bool = False,
    min_log_prob: Number = -1e7,
    decode_rng: jax.Array | None = None,
    cache_offset: int = 0,
    initial_index: Int[Array, " batch"] | None = None,
) -> tuple[Int[Array, "batch num_decodes length"], Float[Array, "batch num_decodes"]]:
    """Beam search as `generate(num_beams=num_decodes)` of Hugging Face's `transformers` 5 does it.

    A beam that ends after n decoded tokens, EOS included, scores log_prob / n ** length_penalty. It
    differs from `beam_search` in more than that: of the 2 * num_decodes extensions of a step only
    the better half may end; at the last place every beam ends, with EOS or without; and a row is
    done, once num_decodes beams have ended, by the rule that `early_stopping` names.

    Args:
        inputs: as for `beam_search`; `max_new_tokens` is their length.
        cache: likewise.
        tokens_to_logits: likewise.
        eos_id: the token that ends a beam.
        num_decodes: number of beams.
        length_penalty: exponent of the length; larger favours longer sequences.
        early_stopping: True: done at once. False: done when the best live beam, scored by its
            length so far, is no better than the worst ended one (with a positive penalty it might
            still become so). 'never': done when it cannot become better by any length.
        max_decode_len: length of the outputs; that of `inputs` when None.
        drop_unfinished: no beam ends for want of places: a row that is not done by then is all 0
            with the score `min_log_prob`, and may be searched again with longer outputs. The other
            rows are what longer outputs would give. Not for 'never', which looks ahead.
        min_log_prob: stands for a log-probability of minus infinity.
        decode_rng: ignored: the search is deterministic.
        cache_offset: the batch axis of the cache's leaves.
        initial_index: number of positions the cache already holds.

    Returns:
        Tokens and scores, worst beam first.

    Raises:
        ValueError: `drop_unfinished` with `early_stopping='never'`.

    Example:
        >>> def counts_up(state):
        ...     return jax.nn.one_hot(state.cur_token[:, 0] + 2, 6) * 9.0, state.cache
        >>> tokens, _ = hf_beam_search(jnp.zeros((1, 3), jnp.int32), {}, counts_up, 4, 2)
        >>> tokens[0, -1].tolist()
        [2, 4, 0]
    """
    del decode_rng
    if drop_unfinished and early_stopping == "never":
        raise ValueError("hf_beam_search: early_stopping='never' looks ahead to the last place.")
    prompt = read_prompt(_fit(inputs, max_decode_len), initial_index, None)
    if drop_unfinished:  # the last place is none of these
        prompt = prompt._replace(limit=prompt.limit + 1)
    end = _search(
        _hf_rule(length_penalty, early_stopping, min_log_prob),
        prompt,
        cache,
        tokens_to_logits,
        eos_id=eos_id,
        num_decodes=num_decodes,
        min_log_prob=min_log_prob,
        cache_offset=cache_offset,
    )
    sequences, scores = _best_decodes(end, min_log_prob)
    sequences = _where_rows(end.active, jnp.zeros_like(sequences), sequences)
    return sequences, _where_rows(end.active, jnp.full_like(scores, min_log_prob), scores)


def _hf_rule(
    length_penalty: Number, early_stopping: EarlyStopping, min_log_prob: Number
) -> _BeamRule:
    def score(log_probs: jax.Array, n: jax.Array) -> jax.Array:
        return log_probs / n.astype(jnp.float32) ** length_penalty

    def bound(log_probs: jax.Array, n: jax.Array, n_max: jax.Array) -> jax.Array:
        if early_stopping is True:
            # Above an empty place and below every ended beam: done when no place is empty.
            return jnp.full_like(log_probs, 0.99 * min_log_prob)
        if early_stopping == "never" and length_penalty > 0:
            return score(log_probs, n_max)
        return score(log_probs, jnp.maximum(n - 1, 1))

    return _BeamRule(score, bound, best_half_ends=True)


def _fit(
    inputs: Int[Array, "batch input_length"], length: int | None
) -> Int[Array, "batch length"]:
    """Cuts or pads the prompts to the length of the outputs."""
    if length is None:
        return inputs
    return jnp.pad(inputs[:, :length], ((0, 0), (0, max(0, length - inputs.shape[1]))))


def _search(
    rule: _BeamRule,
    prompt: Prompt,
    cache: PyTree,
    tokens_to_logits: TokensToLogits,
    *,
    eos_id: int,
    num_decodes: int,
    min_log_prob: Number,
    cache_offset: int,
) -> _BeamState:
    """The loop, for any rule of scoring and stopping."""
    step = functools.partial(
        _beam_step,
        tokens_to_logits=tokens_to_logits,
        eos_id=eos_id,
        rule=rule,
        prompt=prompt,
        min_log_prob=min_log_prob,
        cache_offset=cache_offset,
    )
    start = _first_beams(prompt, cache, num_decodes, min_log_prob, cache_offset)
    return lax.while_loop(lambda state: jnp.any(_goes_on(state)), step, start)


def _goes_on(state: _BeamState) -> Bool[Array, " batch"]:
    """Which rows are not done and have a place left."""
    batch, beams = state.live_log_probs.shape
    index = unflatten_beam_dim(state.cur_index, batch, beams)[:, 0]
    return state.active & (index < state.sequences.shape[1])


def _first_beams(
    prompt: Prompt, cache: PyTree, beams: int, min_log_prob: Number, cache_offset: int
) -> _BeamState:
    batch, length = prompt.sequences.shape
    empty = jnp.full((batch, beams), min_log_prob, jnp.float32)
    return _BeamState(
        cur_index=repeat_rows(prompt.cur_index, beams),
        sequences=repeat_rows(prompt.sequences, beams),
        cur_token=repeat_rows(prompt.cur_token, beams),
        cache=cache_map(lambda x: jnp.repeat(x, beams, axis=cache_offset), cache, cache_offset),
        # All beams start alike: one of them alone is live, or all would decode the same.
        live_log_probs=empty.at[:, 0].set(0.0),
        finished_sequences=jnp.zeros((batch, beams, length), jnp.int32),
        finished_scores=empty,
        active=prompt.cur_index < prompt.limit,
    )


def _next_count(index: Int[Array, " batch"], prompt: Prompt) -> Int[Array, " batch"]:
    """How many decoded tokens a beam has with the one to be predicted at `index`."""
    return jnp.maximum(index + 1 - prompt.first, 1)


def _can_improve(
    state: _BeamState, rule: _BeamRule, prompt: Prompt, min_log_prob: Number
) -> Bool[Array, " batch"]:
    """Whether a row has room left and a live beam that can still enter its finished ones."""
    batch, beams = state.live_log_probs.shape
    index = unflatten_beam_dim(state.cur_index, batch, beams)[:, 0]
    n = _next_count(index, prompt)
    best = state.live_log_probs[:, 0]
    bound = rule.bound(best, n, prompt.limit - prompt.first)
    can_improve = (best > min_log_prob) & (bound > state.finished_scores[:, -1])
    return (index < prompt.limit) & can_improve


def _beam_step(
    state: _BeamState,
    tokens_to_logits: TokensToLogits,
    eos_id: int,
    rule: _BeamRule,
    prompt: Prompt,
    min_log_prob: Number,
    cache_offset: int,
) -> _BeamState:
    """Extends every row's live beams by one token and moves those that end to the finished ones."""
    batch, beams = state.live_log_probs.shape
    # [batch]
    index = unflatten_beam_dim(state.cur_index, batch, beams)[:, 0]
    # [batch, beam, length]
    sequences = unflatten_beam_dim(state.sequences, batch, beams)
    # [batch * beam, vocab]
    logits, cache = tokens_to_logits(state)
    # [batch, beam, vocab]
    logits = unflatten_beam_dim(logits.astype(jnp.float32), batch, beams)
    # [batch, 2 * beam] each
    log_probs, parents, tokens = _extend(logits, state.live_log_probs, min_log_prob)
    log_probs, parents, tokens = _force(
        (log_probs, parents, tokens), state.live_log_probs, sequences, index, prompt, min_log_prob
    )
    # [batch, 2 * beam] each
    ended, counts = _endings(tokens == eos_id, index, prompt, rule)
    # [batch, 2 * beam, length]
    candidates = gather_beams(sequences, parents)
    candidates = write(candidates, index[:, None], tokens)

    # [batch, 2 * beam]
    live = jnp.where(ended, min_log_prob, log_probs)
    # [batch, beam] each
    live_log_probs, order = lax.top_k(live, beams)
    # [batch, beam] each
    live_parents, live_tokens = gather_beams((parents, tokens), order)
    # [batch, beam, length]
    live_sequences = gather_beams(candidates, order)

    # [batch, 2 * beam]; an impossible beam (at min_log_prob) stays one when it ends
    scores = rule.score(log_probs, _next_count(index, prompt)[:, None])
    scores = jnp.where(counts & (log_probs > min_log_prob), scores, min_log_prob)
    # [batch, beam + 2 * beam]
    scores = jnp.concatenate([state.finished_scores, scores], axis=1)
    # [batch, beam] each
    finished_scores, order = lax.top_k(scores, beams)
    # [batch, beam + 2 * beam, length]
    finished = jnp.concatenate([state.finished_sequences, candidates], axis=1)
    # [batch, beam, length]
    finished_sequences = gather_beams(finished, order)

    # A row that is done keeps its beams, so that no result depends on the rest of the batch.
    goes_on = _goes_on(state)
    keep = functools.partial(_where_rows, goes_on)
    state = _BeamState(
        cur_index=state.cur_index + 1,
        sequences=flatten_beam_dim(keep(live_sequences, sequences)),
        cur_token=live_tokens.reshape(-1, 1),
        cache=gather_cache(cache, live_parents, cache_offset),
        live_log_probs=keep(live_log_probs, state.live_log_probs),
        finished_sequences=keep(finished_sequences, state.finished_sequences),
        finished_scores=keep(finished_scores, state.finished_scores),
        active=state.active,
    )
    can_improve = _can_improve(state, rule, prompt, min_log_prob)
    return dataclasses.replace(state, active=jnp.where(goes_on, can_improve, state.active))


def _endings(
    is_eos: Bool[Array, "batch extensions"],
    index: Int[Array, " batch"],
    prompt: Prompt,
    rule: _BeamRule,
) -> tuple[Bool[Array, "batch extensions"], Bool[Array, "batch extensions"]]:
    """Returns which extensions, best first, go on no more, and which of those count as finished."""
    decoded = (index >= prompt.forced)[:, None]
    if not rule.best_half_ends:
        return is_eos & decoded, is_eos & decoded
    ended = (is_eos | (index + 1 >= prompt.limit)[:, None]) & decoded
    extensions = is_eos.shape[1]
    return ended, ended & (jnp.arange(extensions) < extensions // 2)[None]


def _where_rows(rows: Bool[Array, " batch"], new: jax.Array, old: jax.Array) -> jax.Array:
    return jnp.where(rows.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _extend(
    logits: Float[Array, "batch beam vocab"],
    live_log_probs: Float[Array, "batch beam"],
    min_log_prob: Number,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The 2 * beam best one-token extensions of a row: log-probabilities, parent beams, tokens."""
    _, beams, vocab = logits.shape
    # The best of each beam, then the best of those: the vocabulary is read twice, written never.
    # [batch, beam, each], each = 2 * beam where the vocabulary is that large
    best, tokens = lax.top_k(logits, min(2 * beams, vocab))
    # [batch, beam, 1]
    normalizer = jax.nn.logsumexp(logits, axis=-1, keepdims=True)
    # [batch, beam, each]
    log_probs = jnp.maximum(live_log_probs[..., None] + best - normalizer, min_log_prob)
    # [batch, 2 * beam] each
    log_probs, order = lax.top_k(flatten_beam_dim(log_probs, 1), 2 * beams)
    tokens = gather_beams(flatten_beam_dim(tokens, 1), order)
    return log_probs, order // best.shape[-1], tokens


def _force(
    extensions: tuple[jax.Array, jax.Array, jax.Array],
    live_log_probs: Float[Array, "batch beam"],
    sequences: Int[Array, "batch beam length"],
    index: Int[Array, " batch"],
    prompt: Prompt,
    min_log_prob: Number,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Replaces the extensions of rows still inside their prompt: its next token, for every beam."""
    batch, beams = live_log_probs.shape
    none = jnp.full((batch, beams), min_log_prob, jnp.float32)
    own = jnp.arange(2 * beams, dtype=jnp.int32) % beams
    token = value_at(sequences[:, 0], index)
    forced = (
        jnp.concatenate([live_log_probs, none], axis=1),
        jnp.broadcast_to(own[None], (batch, 2 * beams)),
        jnp.broadcast_to(token[:, None], (batch, 2 * beams)),
    )
    inside = index < prompt.forced
    return jax.tree.map(functools.partial(_where_rows, inside), forced, extensions)


def _best_decodes(state: _BeamState, min_log_prob: Number) -> tuple[jax.Array, jax.Array]:
    """Finished beams, or live ones in rows that have none, worst first."""
    batch, beams = state.live_log_probs.shape
    live_sequences = unflatten_beam_dim(state.sequences, batch, beams)
    exists = state.live_log_probs > min_log_prob
    live_sequences = jnp.where(exists[..., None], live_sequences, 0)
    finished = state.finished_scores[:, 0] > min_log_prob
    sequences = _where_rows(finished, state.finished_sequences, live_sequences)
    scores = _where_rows(finished, state.finished_scores, state.live_log_probs)
    return sequences[:, ::-1], scores[:, ::-1]
