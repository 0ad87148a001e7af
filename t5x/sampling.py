"""Greedy decoding and sampling: `temperature_sample`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import lax
from jaxtyping import Array, Float, Int

from t5x.decode_state import (
    DecodingState,
    Number,
    Prompt,
    PyTree,
    TokensToLogits,
    cache_map,
    gather_beams,
    read_prompt,
    repeat_rows,
    unflatten_beam_dim,
    value_at,
    write,
)


@struct.dataclass
class SamplingState(DecodingState):
    """The loop of `temperature_sample`, and what its callbacks see.

    Attributes:
        ended: [rows] whether the row is done; a callback may set it to stop a row.
        log_probs: [rows] summed log-probability of the decoded tokens.
    """

    ended: jax.Array
    log_probs: jax.Array


# One step's choice: (uniform [rows], logits [rows, vocab]) -> (tokens [rows], log_probs [rows]).
_Choose = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


def temperature_sample(
    inputs: Int[Array, "batch length"],
    cache: PyTree,
    tokens_to_logits: TokensToLogits,
    eos_id: int,
    decode_rng: jax.Array | None = None,
    num_decodes: int = 1,
    temperature: Number | Float[Array, ""] | Float[Array, " batch"] = 1.0,
    topk: int = 1,
    topp: Number = 0.0,
    cache_offset: int = 0,
    initial_index: Int[Array, " batch"] | None = None,
    max_decode_steps: int | Int[Array, ""] | None = None,
    max_decode_steps_hard_limit: int | None = None,
    rescale_log_probs: bool = True,
    state_callback_fn: Callable[[SamplingState], SamplingState] | None = None,
    logit_callback_fn: Callable[[jax.Array, SamplingState], jax.Array] | None = None,
) -> tuple[Int[Array, "batch num_decodes length"], Float[Array, "batch num_decodes"]]:
    """Decodes by drawing each token from the model's distribution, or greedily.

    Nucleus sampling (`topp`) follows Holtzman et al. 2020, https://arxiv.org/abs/1904.09751; logits
    are divided by the temperature before the nucleus is taken.

    Args:
        inputs: Decoder prompt, BOS first: all 0 without a prompt. What follows position 0, up to
            the last token that is not 0, is forced and neither scored nor able to end the row.
        cache: Decoder cache with the batch on axis `cache_offset`.
        tokens_to_logits: From a state of batch * num_decodes rows to logits and the new cache.
        eos_id: The token that ends a row; the row is padded with 0 after it.
        decode_rng: PRNG key; None means `jax.random.PRNGKey(0)`. An array of keys
            (`jax.random.key`) has one for each row, whose draws then depend on no other row.
        num_decodes: How many sequences to draw for each row.
        temperature: Divides the logits; 0 decodes greedily. One number, or one for each row.
        topk: Draws from the k best tokens; 1 is greedy, 0 does not restrict.
        topp: Draws from the fewest best tokens whose probability reaches `topp`; 0 and 1 do not
            restrict. Needs `topk=0`.
        cache_offset: The batch axis of the cache's leaves.
        initial_index: Number of positions the cache already holds; decoding begins by feeding the
            token of `inputs` at that position.
        max_decode_steps: Most tokens to decode after a row's prompt; may be traced.
        max_decode_steps_hard_limit: Static upper bound on the same.
        rescale_log_probs: Score with the tempered and truncated distribution that was drawn from
            (greedy choices then score 0), otherwise with the softmax of the logits.
        state_callback_fn: Applied to the state before each step.
        logit_callback_fn: Applied to each step's logits and state.

    Returns:
        Tokens, and their summed log-probabilities to EOS inclusive, worst decode first.

    Raises:
        ValueError: If `topk`, `topp` or `temperature` is out of range or both restrict the choice.

    Example:
        >>> def counts_up(state):
        ...     return jax.nn.one_hot(state.cur_token[:, 0] + 2, 6) * 9.0, state.cache
        >>> tokens, _ = temperature_sample(jnp.zeros((1, 4), jnp.int32), {}, counts_up, eos_id=4)
        >>> tokens.tolist()
        [[[2, 4, 0, 0]]]
    """
    _check_sampling(temperature, topk, topp)
    batch, _ = inputs.shape
    rows = functools.partial(repeat_rows, times=num_decodes)
    steps = _smaller(max_decode_steps, max_decode_steps_hard_limit)
    prompt = rows(read_prompt(inputs, initial_index, steps))
    if not isinstance(temperature, int | float):
        temperature = rows(jnp.broadcast_to(jnp.asarray(temperature, jnp.float32), (batch,)))
    choose = functools.partial(
        _choose_tokens, temperature=temperature, topk=topk, topp=topp, rescale=rescale_log_probs
    )
    step = functools.partial(
        _sampling_step,
        tokens_to_logits=tokens_to_logits,
        eos_id=eos_id,
        prompt=prompt,
        # One number for each token, drawn here once: decoding goes on alike from a filled cache.
        uniform=_uniform(decode_rng, batch, prompt.sequences.shape),
        choose=choose,
        state_callback_fn=state_callback_fn or (lambda state: state),
        logit_callback_fn=logit_callback_fn or (lambda logits, state: logits),
    )
    start = SamplingState(
        cur_index=prompt.cur_index,
        sequences=prompt.sequences,
        cur_token=prompt.cur_token,
        cache=cache_map(
            lambda x: jnp.repeat(x, num_decodes, axis=cache_offset), cache, cache_offset
        ),
        ended=prompt.cur_index >= prompt.limit,
        log_probs=jnp.zeros(prompt.cur_index.shape, jnp.float32),
    )
    end = lax.while_loop(lambda state: ~jnp.all(state.ended), step, start)
    log_probs = unflatten_beam_dim(end.log_probs, batch, num_decodes)
    sequences = unflatten_beam_dim(end.sequences, batch, num_decodes)
    return gather_beams((sequences, log_probs), jnp.argsort(log_probs, axis=1))


def _check_sampling(temperature: Any, topk: int, topp: Number) -> None:
    if topk < 0:
        raise ValueError(f"temperature_sample: topk={topk}, expected 0 (no restriction) or more.")
    if not 0.0 <= topp <= 1.0:
        raise ValueError(f"temperature_sample: topp={topp}, expected a probability from 0 to 1.")
    if topk and topp:
        raise ValueError(
            f"temperature_sample: topk={topk} and topp={topp} both restrict the choice; pass topk=0"
            " to sample from the nucleus, or topp=0.0 to sample from the k best."
        )
    if isinstance(temperature, int | float) and temperature < 0:
        raise ValueError(
            f"temperature_sample: temperature={temperature}, expected 0 (greedy) or more."
        )


def _uniform(
    rng: jax.Array | None, batch: int, shape: tuple[int, ...]
) -> Float[Array, "rows length"]:
    """Returns random numbers from 0 to 1: of one key, or of a key for each row of the batch."""
    if rng is None:
        rng = jax.random.PRNGKey(0)
    if not (jnp.issubdtype(rng.dtype, jax.dtypes.prng_key) and rng.ndim == 1):
        return jax.random.uniform(rng, shape, jnp.float32)
    rows, length = shape
    of_row = jax.vmap(lambda key: jax.random.uniform(key, (rows // batch, length), jnp.float32))
    return of_row(rng).reshape(shape)


def _smaller(steps: int | jax.Array | None, hard_limit: int | None) -> int | jax.Array | None:
    if steps is None or hard_limit is None:
        return hard_limit if steps is None else steps
    return jnp.minimum(jnp.asarray(steps, jnp.int32), hard_limit)


def _sampling_step(
    state: SamplingState,
    tokens_to_logits: TokensToLogits,
    eos_id: int,
    prompt: Prompt,
    uniform: Float[Array, "rows length"],
    choose: _Choose,
    state_callback_fn: Callable[[SamplingState], SamplingState],
    logit_callback_fn: Callable[[jax.Array, SamplingState], jax.Array],
) -> SamplingState:
    """Feeds one token to every row and writes down the next."""
    state = state_callback_fn(state)
    logits, cache = tokens_to_logits(state)
    logits = logit_callback_fn(logits, state).astype(jnp.float32)
    tokens, log_probs = choose(value_at(uniform, state.cur_index), logits)

    forced = state.cur_index < prompt.forced
    decoded = ~forced & ~state.ended
    # Ended and forced rows repeat what already stands there: padding or the prompt.
    tokens = jnp.where(decoded, tokens, value_at(state.sequences, state.cur_index))
    cur_index = state.cur_index + 1
    return state.replace(  # type: ignore[attr-defined]
        cur_index=cur_index,
        sequences=write(state.sequences, state.cur_index, tokens),
        cur_token=tokens[:, None],
        cache=cache,
        ended=state.ended | (decoded & (tokens == eos_id)) | (cur_index >= prompt.limit),
        log_probs=jnp.where(decoded, state.log_probs + log_probs, state.log_probs),
    )


def _choose_tokens(
    uniform: Float[Array, " rows"],
    logits: Float[Array, "rows vocab"],
    temperature: Number | Float[Array, " rows"],
    topk: int,
    topp: Number,
    rescale: bool,
) -> tuple[Int[Array, " rows"], Float[Array, " rows"]]:
    """Draws one token a row and gives its log-probability."""
    greedy = isinstance(temperature, int | float) and temperature == 0
    if greedy or topk == 1:
        tokens = jnp.argmax(logits, axis=-1).astype(jnp.int32)
        chances = jnp.zeros(tokens.shape, jnp.float32)
    else:
        tokens, chances = _draw(uniform, logits, temperature, topk, topp)
    if rescale:
        return tokens, chances
    return tokens, _token_log_prob(logits, tokens)


def _draw(
    uniform: Float[Array, " rows"],
    logits: Float[Array, "rows vocab"],
    temperature: Number | Float[Array, " rows"],
    topk: int,
    topp: Number,
) -> tuple[Int[Array, " rows"], Float[Array, " rows"]]:
    heat = jnp.broadcast_to(jnp.asarray(temperature, jnp.float32), logits.shape[:1])
    greedy = heat == 0
    ids = None
    if topk:
        logits, ids = lax.top_k(logits, min(topk, logits.shape[-1]))
    logits = logits / jnp.where(greedy, 1.0, heat)[:, None]
    if 0.0 < topp < 1.0:
        logits = _keep_nucleus(logits, topp)
    drawn = _draw_index(uniform, logits)
    choice = jnp.where(greedy, jnp.argmax(logits, axis=-1).astype(jnp.int32), drawn)
    log_probs = jnp.where(greedy, 0.0, _token_log_prob(logits, choice))
    return choice if ids is None else value_at(ids, choice), log_probs


def _draw_index(
    uniform: Float[Array, " rows"], logits: Float[Array, "rows choices"]
) -> Int[Array, " rows"]:
    """Draws from softmax(logits) by inverting the cumulative distribution at `uniform`."""
    # One random number a row: noise for every token of a vocabulary of 32,128, as Gumbel's trick
    # needs it, took three times as long on a CPU.
    total = jnp.cumsum(jax.nn.softmax(logits, axis=-1), axis=-1)
    return jnp.sum(total <= uniform[:, None] * total[:, -1:], axis=-1, dtype=jnp.int32)


def _keep_nucleus(logits: Float[Array, "rows vocab"], topp: Number) -> Float[Array, "rows vocab"]:
    """Sets to -inf what lies outside the fewest best tokens whose probability reaches `topp`.

    Tokens that tie with the last one kept are kept too.
    """
    # Bisects for the largest threshold with enough probability at or above it, over the bit
    # patterns, which order as the floats do: 31 halvings are exact, and 20 times as fast on a CPU
    # as sorting a vocabulary of 32,128.
    probs = jax.nn.softmax(logits, axis=-1)
    bits = lax.bitcast_convert_type(probs, jnp.int32)

    def halve(_: jax.Array, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = ends
        middle = low + (high - low) // 2
        mass = jnp.sum(jnp.where(bits >= middle[:, None], probs, 0.0), axis=-1)
        enough = mass >= topp
        return jnp.where(enough, middle, low), jnp.where(enough, high, middle)

    zeros = jnp.zeros(logits.shape[:1], jnp.int32)
    low, _ = lax.fori_loop(0, 31, halve, (zeros, jnp.max(bits, axis=-1) + 1))
    return jnp.where(bits < low[:, None], -jnp.inf, logits)


def _token_log_prob(logits: Float[Array, "rows vocab"], tokens: Int[Array, " rows"]) -> jax.Array:
    chosen = jnp.take_along_axis(logits, tokens[:, None], axis=-1, mode="clip")[:, 0]
    return chosen - jax.nn.logsumexp(logits, axis=-1)
