"""The layers of T5: attention with relative position biases, feed-forward blocks, RMS norm.

Every parameter carries the logical names of its axes (`embed`, `mlp`, `heads`, ...), which
`t5x.partitioning` maps onto the axes of a device mesh. Kernels are stored in two dimensions,
`[embed, heads * head_dim]`, as every public T5X checkpoint stores them.

References: Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
Transformer" (JMLR 2020); Shazeer, "GLU Variants Improve Transformer" (2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.partitioning import param_with_axes, with_sharding_constraint
from jax.ad_checkpoint import checkpoint_name
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from t5x.examples.t5.attention import (
    MASKED_LOGIT,
    AttentionKernel,
    RelativeBias,
    SegmentMask,
    fused_attention,
    make_attention_mask,
    make_decoder_mask,
    relative_position_bucket,
)

__all__ = [
    "Dense",
    "Embed",
    "MlpBlock",
    "MultiHeadDotProductAttention",
    "RMSNorm",
    "RelativePositionBiases",
    "make_attention_mask",
    "make_decoder_mask",
    "relative_position_bucket",
]

Initializer = Callable[..., Array]

fan_in_normal: Initializer = nn.initializers.variance_scaling(1.0, "fan_in", "truncated_normal")


class RMSNorm(nn.Module):
    """Scale-only layer normalisation (Zhang and Sennrich 2019), computed in float32."""

    dtype: DTypeLike = jnp.float32
    epsilon: float = 1e-6

    @nn.compact
    def __call__(self, x: Float[Array, "*batch embed"]) -> Float[Array, "*batch embed"]:
        """Normalises the last axis to root mean square 1 and scales it."""
        scale = param_with_axes(
            "scale", nn.initializers.ones, (x.shape[-1],), jnp.float32, axes=("embed",)
        )
        x = x.astype(jnp.float32)
        mean_square = jnp.mean(jax.lax.square(x), axis=-1, keepdims=True)
        x = (x * jax.lax.rsqrt(mean_square + self.epsilon)).astype(self.dtype)
        return x * _broadcast_last(scale.astype(self.dtype), x.ndim)


class Dense(nn.Module):
    """A linear map without bias on the last axis; float32 parameters, `dtype` arithmetic."""

    features: int
    kernel_axes: tuple[str, str]
    dtype: DTypeLike = jnp.float32
    kernel_init: Initializer = fan_in_normal

    @nn.compact
    def kernel(self, inputs: int) -> Float[Array, "inputs features"]:
        """Returns the map as a matrix for `inputs` features."""
        shape = (inputs, self.features)
        kernel = param_with_axes(
            "kernel", self.kernel_init, shape, jnp.float32, axes=self.kernel_axes
        )
        return kernel.astype(self.dtype)

    def __call__(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch features"]:
        """Applies the map."""
        return _matmul(x.astype(self.dtype), self.kernel(x.shape[-1]))


class Embed(nn.Module):
    """Token embeddings, which can also score the vocabulary."""

    num_embeddings: int
    features: int
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        """Declares the table `[vocab, embed]`."""
        self.embedding = param_with_axes(
            "embedding",
            nn.initializers.normal(stddev=1.0),
            (self.num_embeddings, self.features),
            jnp.float32,
            axes=("vocab", "embed"),
        )

    def __call__(self, tokens: Int[Array, "batch length"]) -> Float[Array, "batch length embed"]:
        """Looks the tokens up."""
        return jnp.take(self.table(), tokens, axis=0)

    def table(self) -> Float[Array, "vocab embed"]:
        """Returns all embeddings."""
        return self.embedding.astype(self.dtype)

    def attend(self, x: Float[Array, "batch length embed"]) -> Float[Array, "batch length vocab"]:
        """Returns the inner product of `x` with every embedding, in float32 whatever `dtype`."""
        return _matmul(x.astype(self.dtype), self.table().T, jnp.float32)


class RelativePositionBiases(nn.Module):
    """One learned bias a head and bucket of relative distance, shared by all layers of a stack."""

    num_heads: int
    bidirectional: bool
    dtype: DTypeLike = jnp.float32
    num_buckets: int = 32
    max_distance: int = 128

    def setup(self) -> None:
        """Declares the table `[heads, buckets]`."""
        self.rel_embedding = param_with_axes(
            "rel_embedding",
            nn.initializers.variance_scaling(1.0, "fan_avg", "uniform"),
            (self.num_heads, self.num_buckets),
            jnp.float32,
            axes=("heads", "relpos_buckets"),
        )

    def __call__(
        self, query_positions: Int[Array, " query"], key_positions: Int[Array, " key"]
    ) -> Float[Array, "1 heads query key"]:
        """Returns the bias added to the attention logits.

        Args:
            query_positions: positions in the row (in a packed row differences within a segment
                are the same as those of the example alone).
            key_positions: likewise.
        """
        return self.by_bucket().dense(query_positions, key_positions)

    def by_bucket(self) -> RelativeBias:
        """Returns the biases not spread over queries and keys, for fused attention."""
        table = self.rel_embedding.astype(self.dtype)
        return RelativeBias(table, self.bidirectional, self.max_distance)


class KeyValueLayout(NamedTuple):
    """The axes of keys and values, in einsum's letters: batch, heads, key and head_dim."""

    key: str
    value: str


PROJECTED = KeyValueLayout("bkhd", "bkhd")
CACHED = KeyValueLayout("bhdk", "bhkd")
CACHED_KEY_AXES = ("batch", "heads", "kv", "length")
CACHED_VALUE_AXES = ("batch", "heads", "length", "kv")


class MultiHeadDotProductAttention(nn.Module):
    """Multi-head attention without biases; T5 leaves the logits unscaled (see `scale_logits`).

    With `decode=True` keys and values are kept in the `cache` collection:

    * self-attention: `cached_key` `[batch, heads, head_dim, length]`, `cached_value`
      `[batch, heads, length, head_dim]` and the scalar `cache_index`; each call appends one place,
    * cross-attention: `cross_key` and `cross_value`, likewise, projected once. The queries' batch
      may be a multiple of theirs (beams of a row follow each other): all beams of a row share its
      one copy.

    These are the layouts that the two products read as they stand: in another, every step would
    transpose the whole cache first, which took a third of a small model's step on a CPU.
    """

    num_heads: int
    head_dim: int
    dtype: DTypeLike = jnp.float32
    dropout_rate: float = 0.0
    float32_logits: bool = False
    cross: bool = False
    scale_logits: bool = False
    kernel: AttentionKernel = "plain"

    @nn.compact
    def __call__(
        self,
        inputs_q: Float[Array, "batch query embed"],
        inputs_kv: Float[Array, "kv_batch key embed"],
        mask: Bool[Array, "kv_batch 1 mask_query mask_key"] | SegmentMask | None = None,
        bias: Float[Array, "1 heads query bias_key"] | RelativeBias | None = None,
        *,
        enable_dropout: bool = True,
        decode: bool = False,
    ) -> Float[Array, "batch query embed"]:
        """Attends from `inputs_q` to `inputs_kv`.

        Args:
            inputs_q: what asks.
            inputs_kv: what is read; the same array for self-attention.
            mask: True where attention is allowed; when decoding, over the cached keys. A
                `SegmentMask` lets `kernel` do the work.
            bias: added to the logits; a `RelativeBias` goes with a `SegmentMask`.
            enable_dropout: drop attention weights (needs the `dropout` random stream).
            decode: use the cache, as the class describes.
        """
        embed = inputs_q.shape[-1]

        def project(x: Array, name: str, kernel_init: Initializer = fan_in_normal) -> Array:
            width = self.num_heads * self.head_dim
            y = Dense(width, ("embed", "joined_kv"), self.dtype, kernel_init, name=name)(x)
            return with_sharding_constraint(y, ("batch", "length", "joined_kv"))

        # T5 folds the usual 1/sqrt(head_dim) of the logits into the query's initialiser.
        scale = self.head_dim**-0.5
        if self.scale_logits:
            query = project(inputs_q, "query") * scale
        else:
            query = project(inputs_q, "query", _scaled(fan_in_normal, scale))

        def project_key_value() -> tuple[Array, Array]:
            return project(inputs_kv, "key"), project(inputs_kv, "value")

        if decode:
            out = self._attend_to_cache(query, project_key_value, *_arrays(mask, bias))
        else:
            key, value = project_key_value()
            value = self._drop_keys(value, enable_dropout)
            if not self.cross:
                key, value = checkpoint_name(key, "key"), checkpoint_name(value, "value")
            out = self._attend(query, key, value, mask, bias)
            out = checkpoint_name(out, "attention")
        return Dense(embed, ("joined_kv", "embed"), self.dtype, name="out")(out)

    def _drop_keys(
        self, value: Float[Array, "batch key width"], enable_dropout: bool
    ) -> Float[Array, "batch key width"]:
        """Drops attention weights, by dropping what they would have weighed.

        T5 draws one mask for all queries: a key is dropped whole, a head. So its value may be
        dropped instead, which is `query / head_dim` times less to do.
        """
        if not enable_dropout or self.dropout_rate == 0.0:
            return value
        share = 1.0 - self.dropout_rate
        shape = (*value.shape[:2], self.num_heads)
        kept = jax.random.bernoulli(self.make_rng("dropout"), share, shape).astype(value.dtype)
        # A product repeats each head's number over its features: splitting the last axis would have
        # a TPU rearrange the whole array. Ones and zeros survive it in every arithmetic.
        features_of_head = jnp.repeat(jnp.eye(self.num_heads, dtype=value.dtype), self.head_dim, 1)
        return value * _matmul(kept, features_of_head) / share

    def _split_heads(
        self, x: Float[Array, "batch length width"]
    ) -> Float[Array, "batch length heads head_dim"]:
        x = x.reshape(*x.shape[:2], self.num_heads, self.head_dim)
        return with_sharding_constraint(x, ("batch", "length", "heads", "kv"))

    def _attend(
        self,
        query: Float[Array, "batch query width"],
        key: Float[Array, "batch key width"],
        value: Float[Array, "batch key width"],
        mask: Bool[Array, "batch 1 mask_query key"] | SegmentMask | None,
        bias: Float[Array, "1 heads query key"] | RelativeBias | None,
    ) -> Float[Array, "batch query width"]:
        if isinstance(mask, SegmentMask) and isinstance(bias, RelativeBias | None):
            return fused_attention(self.kernel, query, key, value, mask, bias, self.num_heads)
        split_query, key, value = (self._split_heads(x) for x in (query, key, value))
        out = self._plain_attention(split_query, key, value, *_arrays(mask, bias), PROJECTED)
        return out.reshape(query.shape)

    def _attend_to_cache(
        self,
        query: Float[Array, "batch query width"],
        project_key_value: Callable[[], tuple[Array, Array]],
        mask: Bool[Array, "kv_batch 1 mask_query key"] | None,
        bias: Float[Array, "1 heads query key"] | None,
    ) -> Float[Array, "batch query width"]:
        def split_key_value() -> tuple[Array, Array]:
            key, value = project_key_value()
            return self._split_heads(key), self._split_heads(value)

        split_query = self._split_heads(query)
        if self.cross:
            key, value = self._project_once(split_key_value)
            # [batch * beams, query] -> [batch, beams * query]: beams are just more queries.
            split_query = split_query.reshape(key.shape[0], -1, *split_query.shape[2:])
        else:
            key, value = self._append(*split_key_value())
        out = self._plain_attention(split_query, key, value, mask, bias, CACHED)
        return out.reshape(query.shape)

    def _plain_attention(
        self,
        query: Float[Array, "batch query heads head_dim"],
        key: Array,
        value: Array,
        mask: Array | None,
        bias: Array | None,
        layout: KeyValueLayout,
    ) -> Float[Array, "batch query heads head_dim"]:
        if self.float32_logits:
            query, key = query.astype(jnp.float32), key.astype(jnp.float32)
        logits = jnp.einsum(f"bqhd,{layout.key}->bhqk", query, key)
        if bias is not None:
            logits += bias.astype(logits.dtype)
        if mask is not None:
            logits = jnp.where(mask, logits, jnp.asarray(MASKED_LOGIT, logits.dtype))
        weights = jax.nn.softmax(logits.astype(jnp.float32)).astype(self.dtype)
        return jnp.einsum(f"bhqk,{layout.value}->bqhd", weights, value)

    def _project_once(self, project: Callable[[], tuple[Array, Array]]) -> tuple[Array, Array]:
        """Returns the cross-attention keys and values, computed by the first call alone."""
        if self.has_variable("cache", "cross_key"):
            return self.get_variable("cache", "cross_key"), self.get_variable(
                "cache", "cross_value"
            )
        key, value = _as_cached(*project())
        self.put_variable("cache", "cross_key", key)
        self.put_variable("cache", "cross_value", value)
        return key, value

    def _append(self, key: Array, value: Array) -> tuple[Array, Array]:
        """Writes one place into the cache; the first call only makes room of its own length."""
        is_initialized = self.has_variable("cache", "cached_key")
        if is_initialized and key.shape[1] != 1:
            raise ValueError(
                f"Decoding takes one place a step, got {key.shape[1]}: call with tokens [batch, 1]."
            )
        key, value = _as_cached(key, value)
        cached_key = self.variable(
            "cache", "cached_key", _divided_zeros, key.shape, key.dtype, CACHED_KEY_AXES
        )
        cached_value = self.variable(
            "cache", "cached_value", _divided_zeros, value.shape, value.dtype, CACHED_VALUE_AXES
        )
        index = self.variable("cache", "cache_index", jnp.zeros, (), jnp.int32)
        if not is_initialized:
            return key, value
        cached_key.value = _write_place(cached_key.value, key, index.value, axis=3)
        cached_value.value = _write_place(cached_value.value, value, index.value, axis=2)
        index.value += 1
        return cached_key.value, cached_value.value


class MlpBlock(nn.Module):
    """Feed-forward block: `wo(act(wi(x)))`, or gated, `wo(act0(wi_0(x)) * act1(wi_1(x)))`."""

    mlp_dim: int
    activations: Sequence[str] = ("relu",)
    dtype: DTypeLike = jnp.float32
    dropout_rate: float = 0.0

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch length embed"], *, enable_dropout: bool = True
    ) -> Float[Array, "batch length embed"]:
        """Applies the block."""
        hidden: Array | None = None
        for i, activation in enumerate(self.activations):
            name = "wi" if len(self.activations) == 1 else f"wi_{i}"
            y = Dense(self.mlp_dim, ("embed", "mlp"), self.dtype, name=name)(x)
            y = _activation(activation)(checkpoint_name(y, "mlp"))
            hidden = y if hidden is None else hidden * y
        hidden = nn.Dropout(self.dropout_rate, broadcast_dims=(-2,))(
            hidden, deterministic=not enable_dropout
        )
        hidden = with_sharding_constraint(hidden, ("batch", "length", "mlp"))
        return Dense(x.shape[-1], ("mlp", "embed"), self.dtype, name="wo")(hidden)


def _activation(name: str) -> Callable[[Array], Array]:
    """Returns the activation called `name`: `linear`, or any function of `jax.nn`."""
    if name == "linear":
        return lambda x: x
    activation = getattr(jax.nn, name, None)
    if activation is None:
        raise ValueError(
            f"Unknown activation {name!r} in mlp_activations: use 'linear' or the name of a "
            "function in jax.nn, such as 'relu', 'gelu' or 'silu'."
        )
    return activation


def _matmul(
    x: Array, matrix: Float[Array, "inputs features"], dtype: DTypeLike | None = None
) -> Array:
    """Multiplies the last axis: as one product of two matrices, which XLA runs fastest on a CPU."""
    product = jnp.matmul(x.reshape(-1, x.shape[-1]), matrix, preferred_element_type=dtype)
    return product.reshape(*x.shape[:-1], matrix.shape[1])


def _arrays(
    mask: Array | SegmentMask | None, bias: Array | RelativeBias | None
) -> tuple[Array | None, Array | None]:
    """Returns the arguments of plain attention, which takes arrays alone."""
    if isinstance(mask, SegmentMask) or isinstance(bias, RelativeBias):
        raise ValueError(
            "Attention with decode=True, an array for a mask or an array for a bias takes arrays "
            f"for both, got mask={type(mask).__name__}, bias={type(bias).__name__}: call dense()."
        )
    return mask, bias


def _as_cached(
    key: Float[Array, "batch key heads head_dim"], value: Float[Array, "batch key heads head_dim"]
) -> tuple[Float[Array, "batch heads head_dim key"], Float[Array, "batch heads key head_dim"]]:
    """Brings projected keys and values into the layouts of `CACHED`, each device its own heads."""
    key, value = jnp.transpose(key, (0, 2, 3, 1)), jnp.transpose(value, (0, 2, 1, 3))
    return (
        with_sharding_constraint(key, CACHED_KEY_AXES),
        with_sharding_constraint(value, CACHED_VALUE_AXES),
    )


def _divided_zeros(shape: tuple[int, ...], dtype: DTypeLike, axes: tuple[str, ...]) -> Array:
    return with_sharding_constraint(jnp.zeros(shape, dtype), axes)


def _write_place(cache: Array, update: Array, index: Array, axis: int) -> Array:
    return jax.lax.dynamic_update_slice_in_dim(cache, update, index, axis)


def _scaled(initializer: Initializer, factor: float) -> Initializer:
    return lambda *args, **kwargs: initializer(*args, **kwargs) * factor


def _broadcast_last(x: Array, ndim: int) -> Array:
    """Gives a vector leading axes of length 1, so that rank promotion is never implicit."""
    return x.reshape((1,) * (ndim - 1) + x.shape)
