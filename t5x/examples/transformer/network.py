"""The encoder-decoder Transformer as Vaswani et al. 2017 describe it, behind T5's interface.

What differs from `t5x.examples.t5.network`: positions are absolute, sinusoids added to the scaled
embeddings; attention logits are divided by sqrt(head_dim) and have no bias; layer norms have a mean
and a bias, feed-forward layers biases; dropout falls on every activation by itself. One embedding
serves both inputs and, unscaled, the logits (their section 3.4).

Blocks are normalised before they are applied, and each stack once more at its end, where the paper
normalises after the residual sum. After such a sum the gradients of the last layers are large at
the start unless a long warm-up holds them (Xiong et al. 2020, "On Layer Normalization in the
Transformer Architecture"), and the baseline "Transformer" has 400 steps of it.

References: Vaswani et al., "Attention Is All You Need" (2017); Schwaller et al., "Molecular
Transformer" (2019), which applies it to reactions.
"""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from flax.linen.partitioning import param_with_axes, with_sharding_constraint
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from t5x.examples.t5 import layers
from t5x.examples.t5.network import T5Config

LONGEST_WAVE = 10_000.0


@struct.dataclass
class TransformerConfig:
    """Sizes and numerics of a Transformer; the names are those of `T5Config`.

    Attributes:
        vocab_size: rows of the embedding; at least the vocabulary's size.
        dtype: arithmetic of activations; parameters are always float32.
        emb_dim: width of the residual stream, an even number.
        num_heads: attention heads.
        num_encoder_layers: encoder layers.
        num_decoder_layers: decoder layers.
        head_dim: width of a head.
        mlp_dim: width inside the feed-forward block.
        dropout_rate: share of activations dropped in training.
        float32_attention_logits: compute attention logits in float32 whatever `dtype` says.
    """

    vocab_size: int
    dtype: DTypeLike = jnp.float32
    emb_dim: int = 512
    num_heads: int = 8
    num_encoder_layers: int = 6
    num_decoder_layers: int = 6
    head_dim: int = 64
    mlp_dim: int = 2048
    dropout_rate: float = 0.1
    float32_attention_logits: bool = False


def of_size(t5: T5Config) -> TransformerConfig:
    """Returns a Transformer of a T5's sizes, so that one gin file of a scale serves both.

    Args:
        t5: whose sizes and numerics are taken.

    Example:
        >>> of_size(T5Config(vocab_size=64, emb_dim=128)).emb_dim
        128
    """
    names = [field.name for field in dataclasses.fields(TransformerConfig)]
    return TransformerConfig(**{name: getattr(t5, name) for name in names})


def sinusoids(positions: Int[Array, "batch length"], width: int) -> Float[Array, "batch length d"]:
    """Returns the encoding of positions: sin(p w_i) and cos(p w_i) with w_i = 10000^(-2i/d).

    Sines and cosines alternate (Vaswani et al. 2017, section 3.5).

    Args:
        positions: counted from 0 in each example.
        width: of the encoding, an even number.

    Raises:
        ValueError: the width is odd.
    """
    if width % 2:
        raise ValueError(f"Sinusoids come in pairs: emb_dim is {width}, give an even number.")
    rates = LONGEST_WAVE ** (-np.arange(0, width, 2, dtype=np.float32) / width)
    angles = positions.astype(jnp.float32)[..., None] * rates[None, None]
    return jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1).reshape(*positions.shape, width)


class LayerNorm(nn.Module):
    """Layer normalisation with scale and bias (Ba et al. 2016), computed in float32."""

    dtype: DTypeLike = jnp.float32
    epsilon: float = 1e-6

    @nn.compact
    def __call__(self, x: Float[Array, "batch length embed"]) -> Float[Array, "batch length embed"]:
        """Normalises the last axis to mean 0 and variance 1, scales and shifts it."""
        scale = _vector("scale", nn.initializers.ones, x.shape[-1], "embed")
        bias = _vector("bias", nn.initializers.zeros, x.shape[-1], "embed")
        x = x.astype(jnp.float32)
        x = x - jnp.mean(x, axis=-1, keepdims=True)
        x = x * jax.lax.rsqrt(jnp.mean(jax.lax.square(x), axis=-1, keepdims=True) + self.epsilon)
        return (x * scale + bias).astype(self.dtype)


class FeedForward(nn.Module):
    """`relu(x W1 + b1) W2 + b2` (Vaswani et al. 2017, equation 2)."""

    config: TransformerConfig

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch length embed"], enable_dropout: bool = True
    ) -> Float[Array, "batch length embed"]:
        """Applies the block."""
        cfg = self.config
        hidden = layers.Dense(cfg.mlp_dim, ("embed", "mlp"), cfg.dtype, name="wi")(x)
        bias = _vector("wi_bias", nn.initializers.zeros, cfg.mlp_dim, "mlp")
        hidden = jax.nn.relu(hidden + bias.astype(cfg.dtype))
        hidden = with_sharding_constraint(hidden, ("batch", "length", "mlp"))
        hidden = _dropout(cfg, hidden, enable_dropout)
        out = layers.Dense(cfg.emb_dim, ("mlp", "embed"), cfg.dtype, name="wo")(hidden)
        bias = _vector("wo_bias", nn.initializers.zeros, cfg.emb_dim, "embed")
        return out + bias.astype(cfg.dtype)


class Embedding(nn.Module):
    """One table for inputs and logits, of variance 1/d, so that scaled inputs have variance 1."""

    config: TransformerConfig

    def setup(self) -> None:
        """Declares the table `[vocab, embed]`."""
        cfg = self.config
        self.embedding = param_with_axes(
            "embedding",
            nn.initializers.normal(stddev=cfg.emb_dim**-0.5),
            (cfg.vocab_size, cfg.emb_dim),
            jnp.float32,
            axes=("vocab", "embed"),
        )

    def __call__(
        self, tokens: Int[Array, "batch length"], positions: Int[Array, "batch length"]
    ) -> Float[Array, "batch length embed"]:
        """Looks the tokens up, scales them by sqrt(d) and adds their positions."""
        cfg = self.config
        x = jnp.take(self.embedding, tokens, axis=0) * cfg.emb_dim**0.5
        return (x + sinusoids(positions, cfg.emb_dim)).astype(cfg.dtype)

    def attend(self, x: Float[Array, "batch length embed"]) -> Float[Array, "batch length vocab"]:
        """Returns the inner product of `x` with every embedding."""
        flat = x.reshape(-1, x.shape[-1]) @ self.embedding.astype(x.dtype).T
        return flat.reshape(*x.shape[:-1], -1)


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each normalised before and added to the stream after."""

    config: TransformerConfig

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch length embed"],
        mask: Bool[Array, "batch 1 length length"],
        enable_dropout: bool = True,
    ) -> Float[Array, "batch length embed"]:
        """Applies the layer."""
        cfg = self.config
        x = with_sharding_constraint(x, ("batch", "length", "embed"))
        y = LayerNorm(cfg.dtype, name="pre_attention_layer_norm")(x)
        y = _attention(cfg, "attention")(y, y, mask, enable_dropout=enable_dropout)
        x = x + _dropout(cfg, y, enable_dropout)
        y = LayerNorm(cfg.dtype, name="pre_mlp_layer_norm")(x)
        y = FeedForward(cfg, name="mlp")(y, enable_dropout)
        return x + _dropout(cfg, y, enable_dropout)


class DecoderLayer(nn.Module):
    """Causal self-attention, attention to the encoder's output, feed-forward."""

    config: TransformerConfig

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch length embed"],
        encoded: Float[Array, "encoded_batch source embed"],
        self_mask: Bool[Array, "mask_batch 1 mask_length key"],
        cross_mask: Bool[Array, "encoded_batch 1 mask_query source"],
        enable_dropout: bool = True,
        decode: bool = False,
    ) -> Float[Array, "batch length embed"]:
        """Applies the layer."""
        cfg = self.config
        x = with_sharding_constraint(x, ("batch", "length", "embed"))
        y = LayerNorm(cfg.dtype, name="pre_self_attention_layer_norm")(x)
        y = _attention(cfg, "self_attention")(
            y, y, self_mask, enable_dropout=enable_dropout, decode=decode
        )
        x = x + _dropout(cfg, y, enable_dropout)
        y = LayerNorm(cfg.dtype, name="pre_cross_attention_layer_norm")(x)
        y = _attention(cfg, "encoder_decoder_attention", cross=True)(
            y, encoded, cross_mask, enable_dropout=enable_dropout, decode=decode
        )
        x = x + _dropout(cfg, y, enable_dropout)
        y = LayerNorm(cfg.dtype, name="pre_mlp_layer_norm")(x)
        y = FeedForward(cfg, name="mlp")(y, enable_dropout)
        return x + _dropout(cfg, y, enable_dropout)


class Encoder(nn.Module):
    """The stack of encoder layers."""

    config: TransformerConfig
    embedding: nn.Module

    @nn.compact
    def __call__(
        self,
        tokens: Int[Array, "batch length"],
        positions: Int[Array, "batch length"],
        mask: Bool[Array, "batch 1 length length"],
        enable_dropout: bool = True,
    ) -> Float[Array, "batch length embed"]:
        """Encodes the tokens."""
        cfg = self.config
        x = _dropout(cfg, self.embedding(tokens, positions), enable_dropout)
        for i in range(cfg.num_encoder_layers):
            x = EncoderLayer(cfg, name=f"layers_{i}")(x, mask, enable_dropout)
        return LayerNorm(cfg.dtype, name="encoder_norm")(x)


class Decoder(nn.Module):
    """The stack of decoder layers and the scores over the vocabulary."""

    config: TransformerConfig
    embedding: nn.Module

    @nn.compact
    def __call__(
        self,
        encoded: Float[Array, "encoded_batch source embed"],
        tokens: Int[Array, "batch length"],
        positions: Int[Array, "batch length"],
        self_mask: Bool[Array, "batch 1 length length"] | None,
        cross_mask: Bool[Array, "encoded_batch 1 mask_query source"],
        enable_dropout: bool = True,
        decode: bool = False,
        max_decode_length: int | None = None,
    ) -> Float[Array, "batch length vocab"]:
        """Returns the logits; when decoding, of one place (see `Transformer.decode`)."""
        cfg = self.config
        if self_mask is None:
            queries, keys = self._decode_positions(tokens.shape[1], max_decode_length)
            positions = jnp.broadcast_to(queries[None], tokens.shape)
            self_mask = (keys[None, :] <= queries[:, None])[None, None]
        x = _dropout(cfg, self.embedding(tokens, positions), enable_dropout)
        for i in range(cfg.num_decoder_layers):
            x = DecoderLayer(cfg, name=f"layers_{i}")(
                x, encoded, self_mask, cross_mask, enable_dropout, decode
            )
        x = LayerNorm(cfg.dtype, name="decoder_norm")(x)
        return with_sharding_constraint(self.embedding.attend(x), ("batch", "length", "vocab"))

    def _decode_positions(
        self, length: int, max_decode_length: int | None
    ) -> tuple[Int[Array, " query"], Int[Array, " key"]]:
        """Returns the positions of the queries and of the cached keys in this decoding step."""
        is_initialized = self.has_variable("cache", "position")
        position = self.variable("cache", "position", jnp.zeros, (), jnp.int32)
        if not is_initialized:
            return jnp.arange(length), jnp.arange(length)
        if max_decode_length is None:
            raise ValueError("A decoding step needs max_decode_length, the length of its cache.")
        query_positions = position.value[None]
        position.value += 1
        return query_positions, jnp.arange(max_decode_length)


class Transformer(nn.Module):
    """An encoder and a decoder that share one embedding; the interface is that of T5's.

    Example:
        >>> config = TransformerConfig(vocab_size=64, emb_dim=16, num_heads=2, head_dim=8)
        >>> tokens = jnp.ones((2, 5), jnp.int32)
        >>> model = Transformer(config)
        >>> variables = model.init(jax.random.key(0), tokens, tokens, tokens, enable_dropout=False)
        >>> model.apply(variables, tokens, tokens, tokens, enable_dropout=False).shape
        (2, 5, 64)
    """

    config: TransformerConfig

    def setup(self) -> None:
        """Declares the shared embedding and the two stacks."""
        self.token_embedder = Embedding(self.config)
        self.encoder = Encoder(self.config, embedding=self.token_embedder)
        self.decoder = Decoder(self.config, embedding=self.token_embedder)

    def encode(
        self,
        encoder_input_tokens: Int[Array, "batch source"],
        encoder_segment_ids: Int[Array, "batch source"] | None = None,
        enable_dropout: bool = True,
        encoder_positions: Int[Array, "batch source"] | None = None,
    ) -> Float[Array, "batch source embed"]:
        """Encodes the inputs.

        Args:
            encoder_input_tokens: ids; 0 is padding.
            encoder_segment_ids: for packed rows, which example a place belongs to.
            enable_dropout: needs the `dropout` random stream.
            encoder_positions: for packed rows, the place within its example.

        Raises:
            ValueError: packed rows without positions.
        """
        valid = encoder_input_tokens > 0
        mask = layers.make_attention_mask(valid, valid)
        if encoder_segment_ids is not None:
            mask &= layers.make_attention_mask(encoder_segment_ids, encoder_segment_ids, jnp.equal)
        positions = _positions(encoder_input_tokens, encoder_segment_ids, encoder_positions)
        return self.encoder(encoder_input_tokens, positions, mask, enable_dropout)

    def decode(
        self,
        encoded: Float[Array, "encoded_batch source embed"],
        encoder_input_tokens: Int[Array, "encoded_batch source"],
        decoder_input_tokens: Int[Array, "batch target"],
        decoder_target_tokens: Int[Array, "batch target"],
        encoder_segment_ids: Int[Array, "encoded_batch source"] | None = None,
        decoder_segment_ids: Int[Array, "batch target"] | None = None,
        enable_dropout: bool = True,
        decode: bool = False,
        max_decode_length: int | None = None,
        decoder_positions: Int[Array, "batch target"] | None = None,
    ) -> Float[Array, "batch target vocab"]:
        """Returns the logits of every target place.

        With `decode=True` places are taken one by one with a cache, as by T5's `decode`.

        Args:
            encoded: output of `encode`.
            encoder_input_tokens: ids the encoder read; padding is not attended to.
            decoder_input_tokens: targets shifted right, beginning with 0.
            decoder_target_tokens: targets; 0 is padding.
            encoder_segment_ids: for packed rows.
            decoder_segment_ids: for packed rows.
            enable_dropout: needs the `dropout` random stream.
            decode: step by step, with a cache.
            max_decode_length: places in the cache, required in every call but the first.
            decoder_positions: for packed rows, the place within its example.

        Raises:
            ValueError: packed rows without positions.
        """
        if decode:
            self_mask = None
            queries = jnp.ones((encoder_input_tokens.shape[0], 1), bool)
        else:
            self_mask = layers.make_decoder_mask(decoder_target_tokens, decoder_segment_ids)
            queries = decoder_target_tokens > 0
        cross_mask = layers.make_attention_mask(queries, encoder_input_tokens > 0)
        if encoder_segment_ids is not None and decoder_segment_ids is not None:
            cross_mask &= layers.make_attention_mask(
                decoder_segment_ids, encoder_segment_ids, jnp.equal
            )
        positions = _positions(decoder_input_tokens, decoder_segment_ids, decoder_positions)
        return self.decoder(
            encoded,
            decoder_input_tokens,
            positions,
            self_mask,
            cross_mask,
            enable_dropout,
            decode,
            max_decode_length,
        )

    def __call__(
        self,
        encoder_input_tokens: Int[Array, "batch source"],
        decoder_input_tokens: Int[Array, "batch target"],
        decoder_target_tokens: Int[Array, "batch target"],
        encoder_segment_ids: Int[Array, "batch source"] | None = None,
        decoder_segment_ids: Int[Array, "batch target"] | None = None,
        encoder_positions: Int[Array, "batch source"] | None = None,
        decoder_positions: Int[Array, "batch target"] | None = None,
        enable_dropout: bool = True,
        decode: bool = False,
    ) -> Float[Array, "batch target vocab"]:
        """Encodes and decodes; arguments as in `encode` and `decode`."""
        encoded = self.encode(
            encoder_input_tokens, encoder_segment_ids, enable_dropout, encoder_positions
        )
        return self.decode(
            encoded,
            encoder_input_tokens,
            decoder_input_tokens,
            decoder_target_tokens,
            encoder_segment_ids,
            decoder_segment_ids,
            enable_dropout,
            decode,
            decoder_positions=decoder_positions,
        )


def _attention(config: TransformerConfig, name: str, cross: bool = False) -> nn.Module:
    return layers.MultiHeadDotProductAttention(
        num_heads=config.num_heads,
        head_dim=config.head_dim,
        dtype=config.dtype,
        dropout_rate=config.dropout_rate,
        float32_logits=config.float32_attention_logits,
        cross=cross,
        scale_logits=True,
        name=name,
    )


def _dropout(config: TransformerConfig, x: Array, enable_dropout: bool) -> Array:
    return nn.Dropout(config.dropout_rate)(x, deterministic=not enable_dropout)


def _vector(
    name: str, initializer: layers.Initializer, size: int, axis: str
) -> Float[Array, "1 1 size"]:
    """Declares a parameter `[size]` and returns it with the axes of a batch before it."""
    vector = param_with_axes(name, initializer, (size,), jnp.float32, axes=(axis,))
    return vector[None, None]


def _positions(
    tokens: Int[Array, "batch length"],
    segment_ids: Int[Array, "batch length"] | None,
    positions: Int[Array, "batch length"] | None,
) -> Int[Array, "batch length"]:
    """Returns the position of every place within its example."""
    if positions is not None:
        return positions
    if segment_ids is not None:
        raise ValueError(
            "Packed rows have segment ids and no positions, which absolute positions need: pass "
            "encoder_positions and decoder_positions, as SeqIO's packing makes them."
        )
    return jnp.broadcast_to(jnp.arange(tokens.shape[1]), tokens.shape)
