"""Who attends to whom and with what bias, said in a few numbers; and the ways to compute it.

A `SegmentMask` is an id a place, a `RelativeBias` a number a head and bucket of distance. Spread
out (`dense`) they are arrays `[..., query, key]`, which is what the plain path adds and masks
with. The fused paths are given them as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, Float, Int

from t5x.errors import ConfigError
from t5x.per_device import mesh_axes, per_device

MASKED_LOGIT = -1e10
"""Attention logit of a masked place: finite, so that a fully masked row stays free of NaN."""

AttentionKernel = Literal["plain", "pallas", "xla", "cudnn"]
"""How attention is computed when neither decoding nor given a dense mask or bias.

* `plain`: two products and a softmax; the weights `[batch, heads, query, key]` are written.
* `pallas`: `attention_kernel`, for TPUs.
* `cudnn`: `jax.nn.dot_product_attention` on cuDNN's kernel, for GPUs: weights are not written, the
  mask and bias of every row are.
* `xla`: the same function without cuDNN, for tests of that path.
"""


def make_attention_mask(
    queries: Bool[Array, "batch query"] | Int[Array, "batch query"],
    keys: Bool[Array, "batch key"] | Int[Array, "batch key"],
    relation: Callable[[Array, Array], Array] = jnp.logical_and,
) -> Bool[Array, "batch 1 query key"]:
    """Returns where a query may attend: `relation(queries[:, q], keys[:, k])`.

    Args:
        queries: a value a query place (is it a token, its segment, its position).
        keys: a value a key place.
        relation: `jnp.logical_and` for padding, `jnp.equal` for packed segments,
            `jnp.greater_equal` on positions for causality.
    """
    return relation(queries[:, None, :, None], keys[:, None, None, :]).astype(bool)


def make_decoder_mask(
    target_tokens: Int[Array, "batch length"],
    segment_ids: Int[Array, "batch length"] | None = None,
) -> Bool[Array, "batch 1 length length"]:
    """Returns the decoder's self-attention mask: causal, within a segment, padding excluded.

    Args:
        target_tokens: ids that the decoder predicts; 0 is padding.
        segment_ids: which of the packed examples a place belongs to; None when not packed.
    """
    positions = jnp.broadcast_to(jnp.arange(target_tokens.shape[1]), target_tokens.shape)
    mask = make_attention_mask(positions, positions, jnp.greater_equal)
    mask &= make_attention_mask(target_tokens > 0, target_tokens > 0)
    if segment_ids is not None:
        mask &= make_attention_mask(segment_ids, segment_ids, jnp.equal)
    return mask


def relative_position_bucket(
    relative_position: Int[Array, "query key"],
    bidirectional: bool,
    num_buckets: int = 32,
    max_distance: int = 128,
) -> Int[Array, "query key"]:
    """Maps key position minus query position to one of T5's buckets.

    Half of the buckets (of each direction's share) hold one distance each; the others grow
    logarithmically up to `max_distance`, beyond which all distances share the last one.

    Args:
        relative_position: key position minus query position.
        bidirectional: True splits the buckets between keys before and after the query; False
            puts all keys after the query into bucket 0.
        num_buckets: how many buckets there are.
        max_distance: distance from which on the last bucket is used.

    Example:
        >>> relative_position_bucket(jnp.arange(-3, 3)[None], bidirectional=True)[0].tolist()
        [3, 2, 1, 0, 17, 18]
    """
    if bidirectional:
        num_buckets //= 2
        offset = jnp.where(relative_position > 0, num_buckets, 0)
        distance = jnp.abs(relative_position)
    else:
        offset = jnp.zeros_like(relative_position)
        distance = jnp.maximum(-relative_position, 0)
    num_exact = num_buckets // 2
    # The small constant keeps log(0) out of the branch that `where` discards.
    log_ratio = jnp.log(distance.astype(jnp.float32) / num_exact + np.finfo(np.float32).eps)
    log_range = np.log(max_distance / num_exact).astype(np.float32)
    logarithmic = num_exact + (log_ratio / log_range * (num_buckets - num_exact)).astype(jnp.int32)
    logarithmic = jnp.minimum(logarithmic, num_buckets - 1)
    return offset + jnp.where(distance < num_exact, distance, logarithmic)


@struct.dataclass
class SegmentMask:
    """A query attends to the keys of its own segment, and padding to nothing.

    Attributes:
        query_ids: segment of each query place, `[batch, query]`; `PADDED_QUERY` for padding.
        key_ids: segment of each key place, `[batch, key]`; `PADDED_KEY` for padding.
        causal: keys after the query are masked too.
    """

    query_ids: Int[Array, "batch query"]
    key_ids: Int[Array, "batch key"]
    causal: bool = struct.field(pytree_node=False, default=False)

    def dense(self) -> Bool[Array, "batch 1 query key"]:
        """Returns the mask of every query and key."""
        mask = make_attention_mask(self.query_ids, self.key_ids, jnp.equal)
        if self.causal:
            queries, keys = jnp.arange(self.query_ids.shape[1]), jnp.arange(self.key_ids.shape[1])
            mask &= (queries[:, None] >= keys[None, :])[None, None]
        return mask


PADDED_QUERY, PADDED_KEY = -2, -1


def segment_mask(
    queries: Bool[Array, "batch query"],
    keys: Bool[Array, "batch key"],
    query_segment_ids: Int[Array, "batch query"] | None = None,
    key_segment_ids: Int[Array, "batch key"] | None = None,
    causal: bool = False,
) -> SegmentMask:
    """Returns the mask of (maybe packed) rows.

    Args:
        queries: which query places are tokens.
        keys: which key places are tokens.
        query_segment_ids: which of the packed examples a place belongs to; None when not packed.
        key_segment_ids: likewise.
        causal: see `SegmentMask`.
    """
    if query_segment_ids is None or key_segment_ids is None:
        query_segment_ids = key_segment_ids = jnp.int32(0)
    return SegmentMask(
        jnp.where(queries, query_segment_ids, PADDED_QUERY),
        jnp.where(keys, key_segment_ids, PADDED_KEY),
        causal,
    )


@struct.dataclass
class RelativeBias:
    """One bias a head and bucket of relative position.

    Attributes:
        table: the biases.
        bidirectional: see `relative_position_bucket`.
        max_distance: likewise.
    """

    table: Float[Array, "heads buckets"]
    bidirectional: bool = struct.field(pytree_node=False)
    max_distance: int = struct.field(pytree_node=False)

    def dense(
        self, query_positions: Int[Array, " query"], key_positions: Int[Array, " key"]
    ) -> Float[Array, "1 heads query key"]:
        """Returns the bias of every query and key.

        Args:
            query_positions: positions in the row.
            key_positions: likewise.
        """
        relative = key_positions[None, :] - query_positions[:, None]
        buckets = relative_position_bucket(
            relative, self.bidirectional, self.table.shape[1], self.max_distance
        )
        return jnp.take(self.table, buckets, axis=1)[None]

    def bucket_starts(self) -> Int[Array, " buckets_of_a_direction"]:
        """Returns the least distance that falls into each bucket, for keys before the query."""
        buckets = self.table.shape[1] // (2 if self.bidirectional else 1)
        before = -jnp.arange(self.max_distance + 1)[None]
        bucket = relative_position_bucket(
            before, self.bidirectional, self.table.shape[1], self.max_distance
        )[0]
        return jnp.sum(bucket[None, :] < jnp.arange(buckets)[:, None], axis=1, dtype=jnp.int32)


def check_attention_kernel(kernel: str) -> None:
    """Raises `ConfigError` for a kernel that there is not."""
    if kernel not in get_args(AttentionKernel):
        raise ConfigError(
            f"attention_kernel is {kernel!r}: it must be one of "
            f"{', '.join(get_args(AttentionKernel))}.",
            "T5Config.attention_kernel",
        )


def fused_attention(
    kernel: AttentionKernel,
    query: Float[Array, "batch query width"],
    key: Float[Array, "batch key width"],
    value: Float[Array, "batch key width"],
    mask: SegmentMask,
    bias: RelativeBias | None,
    num_heads: int,
) -> Float[Array, "batch query width"]:
    """Returns the attention of every head, its weights nowhere written.

    Args:
        kernel: any but `plain`.
        query: heads side by side, `width` being heads times head_dim; unscaled.
        key: likewise.
        value: likewise.
        mask: who attends to whom.
        bias: of relative positions, for rows whose places are 0, 1, 2, ...; None for no bias.
        num_heads: how many heads there are.
    """
    if kernel == "pallas":
        return _pallas_attention(query, key, value, mask, bias, num_heads)
    places = (jnp.arange(query.shape[1]), jnp.arange(key.shape[1]))
    out = jax.nn.dot_product_attention(
        query.reshape(*query.shape[:2], num_heads, -1),
        key.reshape(*key.shape[:2], num_heads, -1),
        value.reshape(*value.shape[:2], num_heads, -1),
        bias=None if bias is None else bias.dense(*places).astype(query.dtype),
        mask=mask.dense(),
        scale=1.0,
        implementation="cudnn" if kernel == "cudnn" else "xla",
    )
    return out.reshape(query.shape)


def _pallas_attention(
    query: Array,
    key: Array,
    value: Array,
    mask: SegmentMask,
    bias: RelativeBias | None,
    num_heads: int,
) -> Array:
    """Runs the kernel on each device's rows and heads."""
    # Pallas takes a while to import, and only this asks for it.
    from t5x.examples.t5 import attention_kernel

    batch, length, width = query.shape
    split = mesh_axes(("batch", "length", "heads"), (batch, length, num_heads))
    rows, _, heads = split
    operands = [query, key, value, mask.query_ids, mask.key_ids]
    specs = [split] * 3 + [PartitionSpec(rows)] * 2
    if bias is not None:
        operands += [bias.table.astype(jnp.float32), bias.bucket_starts()]
        specs += [PartitionSpec(heads), PartitionSpec()]

    def attend(
        query: Array, key: Array, value: Array, query_ids: Array, key_ids: Array, *bias_parts: Array
    ) -> Array:
        own_heads = num_heads * query.shape[2] // width
        bidirectional = bias is not None and bias.bidirectional
        shape = attention_kernel.Shape(own_heads, mask.causal, bidirectional)
        own_bias = attention_kernel.Bias(*bias_parts) if bias_parts else None
        return attention_kernel.attend(query, key, value, query_ids, key_ids, own_bias, shape)

    return per_device(attend, tuple(specs), split)(*operands)
