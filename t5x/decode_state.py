"""What sampling and beam search share: the state, the cache and its beams, the prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jax import lax
from jaxtyping import Array, Float, Int, Num

PyTree = Any
Number = int | float
TokensToLogits = Callable[["DecodingState"], tuple[Float[Array, "rows vocab"], PyTree]]

SHARED_CACHE_PREFIXES = ("encoder_", "cross_")
"""A cache leaf so named is common to all beams of a row; see `t5x.decoding`."""


@struct.dataclass
class DecodingState:
    """What `tokens_to_logits` sees; rows are [batch * num_decodes], a row's beams side by side.

    Attributes:
        cur_index: [rows] position of `cur_token` in the decoder's input, and of the token to
            predict in `sequences`. Equal in all rows unless `initial_index` differs. Rows that are
            done may run past the end; what is predicted for them is ignored.
        sequences: [rows, length] outputs so far: decoded or forced tokens, forced ones also ahead
            of `cur_index`, 0 elsewhere. The decoder's inputs are these shifted right by one.
        cur_token: [rows, 1] the token to feed.
        cache: The decoder's cache.
    """

    cur_index: jax.Array
    sequences: jax.Array
    cur_token: jax.Array
    cache: PyTree


# Beams and caches


def flatten_beam_dim(x: jax.Array, offset: int = 0) -> jax.Array:
    """Merges [..., batch, beam, ...] into [..., batch * beam, ...]; batch is axis `offset`."""
    return x.reshape(*x.shape[:offset], -1, *x.shape[offset + 2 :])


def unflatten_beam_dim(x: jax.Array, batch_size: int, beam_size: int, offset: int = 0) -> jax.Array:
    """Splits [..., batch * beam, ...] into [..., batch, beam, ...]; batch is axis `offset`."""
    return x.reshape(*x.shape[:offset], batch_size, beam_size, *x.shape[offset + 1 :])


def cache_map(fn: Callable[[jax.Array], jax.Array], cache: PyTree, cache_offset: int = 0) -> PyTree:
    """Applies `fn` to the leaves that belong to the beams and leaves the others as they are.

    Args:
        fn: Function of one array.
        cache: Pytree, usually Flax's 'cache' collection.
        cache_offset: The batch axis; leaves of no more dimensions than that have none.

    Returns:
        A pytree of the same structure.

    Example:
        >>> cache = {"cached_key": jnp.ones((2, 3)), "cross_key": jnp.ones((2, 3)),
        ...          "cache_index": jnp.array(0)}
        >>> jax.tree.map(jnp.shape, cache_map(lambda x: jnp.repeat(x, 2, axis=0), cache))
        {'cache_index': (), 'cached_key': (4, 3), 'cross_key': (2, 3)}
    """

    def visit(path: tuple[Any, ...], leaf: Any) -> Any:
        names = [str(entry.key) for entry in path if isinstance(entry, jax.tree_util.DictKey)]
        shared = bool(names) and names[-1].startswith(SHARED_CACHE_PREFIXES)
        return leaf if shared or jnp.ndim(leaf) <= cache_offset else fn(leaf)

    return jax.tree_util.tree_map_with_path(visit, cache)


def gather_beams(
    nested: PyTree, beam_indices: Int[Array, "batch new_beams"], offset: int = 0
) -> PyTree:
    """Picks beams row by row.

    Args:
        nested: Pytree of arrays [..., batch, beam, ...] with batch on axis `offset`.
        beam_indices: Which beams to take, for each row.
        offset: The batch axis.

    Returns:
        A pytree of arrays [..., batch, new_beams, ...].
    """
    # vmap keeps batch a batching dimension of the gather, so a sharded batch stays in place.
    take = jax.vmap(
        lambda x, indices: jnp.take(x, indices, axis=offset, mode="clip"),
        in_axes=(offset, 0),
        out_axes=offset,
    )
    return jax.tree.map(lambda x: take(x, beam_indices), nested)


def gather_cache(cache: PyTree, beam_indices: Int[Array, "batch beam"], offset: int) -> PyTree:
    """Reorders the beams of a cache whose leaves are [..., batch * beam, ...]."""
    batch, beams = beam_indices.shape

    def gather(leaf: jax.Array) -> jax.Array:
        nested = unflatten_beam_dim(leaf, batch, beams, offset)
        return flatten_beam_dim(gather_beams(nested, beam_indices, offset), offset)

    return cache_map(gather, cache, offset)


# Where rows start and end


class Prompt(NamedTuple):
    """Where each row starts, what is forced on it, and where it must end.

    Positions of the output below `forced` repeat the prompt; those from `first` to before `limit`
    are decoded and scored.
    """

    sequences: Int[Array, "rows length"]
    cur_token: Int[Array, "rows 1"]
    cur_index: Int[Array, " rows"]
    forced: Int[Array, " rows"]
    first: Int[Array, " rows"]
    limit: Int[Array, " rows"]


def read_prompt(
    inputs: Int[Array, "batch length"],
    initial_index: Int[Array, " batch"] | None,
    max_steps: int | Int[Array, ""] | None,
) -> Prompt:
    """Reads prompt and bounds; `max_steps` is the most tokens to decode after the prompt."""
    inputs = inputs.astype(jnp.int32)
    batch, length = inputs.shape
    # The token after position i of the input is the output's position i.
    sequences = jnp.pad(inputs[:, 1:], ((0, 0), (0, 1)))
    # Up to the last token that is not padding: a 0 inside the prompt is part of it.
    ends = jnp.where(sequences != 0, jnp.arange(1, length + 1, dtype=jnp.int32)[None], 0)
    forced = jnp.max(ends, axis=1)
    if initial_index is None:
        cur_index = jnp.zeros((batch,), jnp.int32)
    else:
        cur_index = jnp.asarray(initial_index, jnp.int32)
    first = jnp.maximum(forced, cur_index)
    limit = jnp.full((batch,), length, jnp.int32)
    if max_steps is not None:
        limit = jnp.minimum(limit, first + jnp.asarray(max_steps, jnp.int32))
    cur_token = jnp.take_along_axis(inputs, cur_index[:, None], axis=1, mode="clip")
    return Prompt(sequences, cur_token, cur_index, forced, first, limit)


def repeat_rows(tree: PyTree, times: int) -> PyTree:
    """Copies each row `times` times, side by side: [rows, ...] to [rows * times, ...]."""
    return jax.tree.map(lambda x: jnp.repeat(x, times, axis=0), tree)


def value_at(values: Num[Array, "rows length"], index: Int[Array, " rows"]) -> Num[Array, " rows"]:
    """Picks values [rows, length] at index [rows]; past the end it picks the last."""
    return jnp.take_along_axis(values, index[:, None], axis=1, mode="clip")[:, 0]


def write(sequences: jax.Array, index: jax.Array, tokens: jax.Array) -> jax.Array:
    """Sets sequences [..., length] to tokens [...] at index [...]; past the end it does nothing."""
    axis = sequences.ndim - 1
    positions = lax.broadcasted_iota(jnp.int32, (1,) * axis + sequences.shape[-1:], axis)
    return jnp.where(positions == index[..., None], tokens[..., None], sequences)
