"""The T5 encoder-decoder (1.0 and 1.1), with T5X's configuration and parameter names.

`T5Config` decides the variant: ReLU and logits through the embedding make T5 1.0; gated GELU
(`mlp_activations=('gelu', 'linear')`) and a logits layer of its own make T5 1.1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from flax import struct
from flax.linen.partitioning import with_sharding_constraint
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from t5x.examples.t5 import attention, layers
from t5x.examples.t5.attention import RelativeBias, SegmentMask, segment_mask
from t5x.examples.t5.stacking import RematPolicy, call_layers, check_remat_policy


@struct.dataclass
class T5Config:
    """Sizes and numerics of a T5 network.

    Attributes:
        vocab_size: rows of the embedding; at least the vocabulary's size.
        dtype: arithmetic of activations; parameters are always float32.
        emb_dim: width of the residual stream.
        num_heads: attention heads.
        num_encoder_layers: encoder layers.
        num_decoder_layers: decoder layers.
        head_dim: width of a head.
        mlp_dim: width inside the feed-forward block.
        mlp_activations: one activation, or several for a gated block.
        dropout_rate: share of activations dropped in training.
        logits_via_embedding: score the vocabulary with the embedding (T5 1.0).
        float32_attention_logits: compute attention logits in float32 whatever `dtype` says.
        scan_layers: compile one layer of a stack and loop over it (`stacking`).
        remat_policy: what the backward pass makes again (`stacking.RematPolicy`).
        attention_kernel: how attention is computed (`attention.AttentionKernel`).

    Raises:
        ConfigError: `remat_policy` or `attention_kernel` is none that there is.
    """

    vocab_size: int
    dtype: DTypeLike = jnp.float32
    emb_dim: int = 512
    num_heads: int = 8
    num_encoder_layers: int = 6
    num_decoder_layers: int = 6
    head_dim: int = 64
    mlp_dim: int = 2048
    mlp_activations: Sequence[str] = ("relu",)
    dropout_rate: float = 0.1
    logits_via_embedding: bool = False
    float32_attention_logits: bool = False
    scan_layers: bool = False
    remat_policy: RematPolicy = "none"
    attention_kernel: attention.AttentionKernel = "plain"

    def __post_init__(self) -> None:
        """Refuses what there is not."""
        check_remat_policy(self.remat_policy)
        attention.check_attention_kernel(self.attention_kernel)


COMPUTATION = ("scan_layers", "remat_policy", "attention_kernel")
"""Fields of `T5Config` that say how a training step is computed, and nothing of what a network is:
they are not written beside checkpoints."""


def _attention(config: T5Config, name: str, cross: bool = False) -> nn.Module:
    return layers.MultiHeadDotProductAttention(
        num_heads=config.num_heads,
        head_dim=config.head_dim,
        dtype=config.dtype,
        dropout_rate=config.dropout_rate,
        float32_logits=config.float32_attention_logits,
        cross=cross,
        kernel=config.attention_kernel,
        name=name,
    )


def _mlp(config: T5Config) -> nn.Module:
    return layers.MlpBlock(
        mlp_dim=config.mlp_dim,
        activations=config.mlp_activations,
        dtype=config.dtype,
        dropout_rate=config.dropout_rate,
        name="mlp",
    )


def _dropout(config: T5Config, x: Array, enable_dropout: bool) -> Array:
    """Drops whole features of a row, the same at every place (broadcast over length)."""
    return nn.Dropout(config.dropout_rate, broadcast_dims=(-2,))(
        x, deterministic=not enable_dropout
    )


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each normalised before and added to the stream after."""

    config: T5Config

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch length embed"],
        mask: Bool[Array, "batch 1 length length"] | SegmentMask,
        bias: Float[Array, "1 heads length length"] | RelativeBias,
        enable_dropout: bool = True,
    ) -> Float[Array, "batch length embed"]:
        """Applies the layer."""
        cfg = self.config
        x = with_sharding_constraint(x, ("batch", "length", "embed"))
        y = layers.RMSNorm(cfg.dtype, name="pre_attention_layer_norm")(x)
        y = _attention(cfg, "attention")(y, y, mask, bias, enable_dropout=enable_dropout)
        x = x + _dropout(cfg, y, enable_dropout)
        y = layers.RMSNorm(cfg.dtype, name="pre_mlp_layer_norm")(x)
        y = _mlp(cfg)(y, enable_dropout=enable_dropout)
        return x + _dropout(cfg, y, enable_dropout)


class DecoderLayer(nn.Module):
    """Causal self-attention, attention to the encoder's output, feed-forward."""

    config: T5Config

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch length embed"],
        encoded: Float[Array, "encoded_batch source embed"],
        self_mask: Bool[Array, "mask_batch 1 mask_length key"] | SegmentMask | None,
        cross_mask: Bool[Array, "encoded_batch 1 mask_query source"] | SegmentMask,
        bias: Float[Array, "1 heads length key"] | RelativeBias,
        enable_dropout: bool = True,
        decode: bool = False,
    ) -> Float[Array, "batch length embed"]:
        """Applies the layer."""
        cfg = self.config
        x = with_sharding_constraint(x, ("batch", "length", "embed"))
        y = layers.RMSNorm(cfg.dtype, name="pre_self_attention_layer_norm")(x)
        y = _attention(cfg, "self_attention")(
            y, y, self_mask, bias, enable_dropout=enable_dropout, decode=decode
        )
        x = x + _dropout(cfg, y, enable_dropout)
        y = layers.RMSNorm(cfg.dtype, name="pre_cross_attention_layer_norm")(x)
        y = _attention(cfg, "encoder_decoder_attention", cross=True)(
            y, encoded, cross_mask, enable_dropout=enable_dropout, decode=decode
        )
        x = x + _dropout(cfg, y, enable_dropout)
        y = layers.RMSNorm(cfg.dtype, name="pre_mlp_layer_norm")(x)
        y = _mlp(cfg)(y, enable_dropout=enable_dropout)
        return x + _dropout(cfg, y, enable_dropout)


def _call_layers(
    stack: Encoder | Decoder, layer: type[nn.Module], num_layers: int, x: Array, *args: Any
) -> Array:
    cfg = stack.config
    return call_layers(
        stack,
        functools.partial(layer, cfg),
        num_layers,
        x,
        *args,
        scan=cfg.scan_layers,
        remat_policy=cfg.remat_policy,
        dtype=cfg.dtype,
    )


Head = Callable[[Array, Array, float], Any]
"""What may be made of the decoder's output instead of logits: called with the output, a vector a
word `[vocab, embed]`, and the factor with which their inner products are logits."""


class Encoder(nn.Module):
    """The stack of encoder layers; one relative bias serves them all."""

    config: T5Config
    shared_embedding: nn.Module

    @nn.compact
    def __call__(
        self,
        tokens: Int[Array, "batch length"],
        mask: Bool[Array, "batch 1 length length"] | SegmentMask,
        enable_dropout: bool = True,
    ) -> Float[Array, "batch length embed"]:
        """Encodes the tokens."""
        cfg = self.config
        biases = layers.RelativePositionBiases(
            cfg.num_heads, bidirectional=True, dtype=cfg.dtype, name="relpos_bias"
        )
        bias: Array | RelativeBias = biases.by_bucket()
        if not isinstance(mask, SegmentMask):
            positions = jnp.arange(tokens.shape[1])
            bias = biases(positions, positions)
        x = _dropout(cfg, self.shared_embedding(tokens), enable_dropout)
        x = _call_layers(self, EncoderLayer, cfg.num_encoder_layers, x, mask, bias, enable_dropout)
        x = layers.RMSNorm(cfg.dtype, name="encoder_norm")(x)
        return _dropout(cfg, x, enable_dropout)


class Decoder(nn.Module):
    """The stack of decoder layers and the scores over the vocabulary."""

    config: T5Config
    shared_embedding: nn.Module

    @nn.compact
    def __call__(
        self,
        encoded: Float[Array, "encoded_batch source embed"],
        tokens: Int[Array, "batch length"],
        self_mask: Bool[Array, "batch 1 length length"] | SegmentMask | None,
        cross_mask: Bool[Array, "encoded_batch 1 mask_query source"] | SegmentMask,
        enable_dropout: bool = True,
        decode: bool = False,
        max_decode_length: int | None = None,
        head: Head | None = None,
    ) -> Any:
        """Returns the logits, or what `head` makes instead; when decoding, of one place."""
        cfg = self.config
        query_positions = key_positions = jnp.arange(tokens.shape[1])
        if decode:
            query_positions, key_positions = self._decode_positions(
                tokens.shape[1], max_decode_length
            )
            self_mask = (key_positions[None, :] <= query_positions[:, None])[None, None]
        biases = layers.RelativePositionBiases(
            cfg.num_heads, bidirectional=False, dtype=cfg.dtype, name="relpos_bias"
        )
        bias: Array | RelativeBias = biases.by_bucket()
        if not isinstance(self_mask, SegmentMask):
            bias = biases(query_positions, key_positions)
        x = _dropout(cfg, self.shared_embedding(tokens), enable_dropout)
        x = _call_layers(
            self, DecoderLayer, cfg.num_decoder_layers, x,
            encoded, self_mask, cross_mask, bias, enable_dropout, decode,
        )  # fmt: skip
        x = layers.RMSNorm(cfg.dtype, name="decoder_norm")(x)
        x = _dropout(cfg, x, enable_dropout)
        return self._logits(x) if head is None else self._call_head(head, x)

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

    def _call_head(self, head: Head, x: Float[Array, "batch length embed"]) -> Any:
        cfg = self.config
        if cfg.logits_via_embedding:
            return head(x, self.shared_embedding.table(), cfg.emb_dim**-0.5)
        return head(x.astype(jnp.float32), self._logits_dense().kernel(cfg.emb_dim).T, 1.0)

    def _logits_dense(self) -> layers.Dense:
        # Scores need more than bfloat16's eight bits; the hidden state does not.
        axes = ("embed", "vocab")
        return layers.Dense(self.config.vocab_size, axes, jnp.float32, name="logits_dense")

    def _logits(self, x: Float[Array, "batch length embed"]) -> Float[Array, "batch length vocab"]:
        cfg = self.config
        if cfg.logits_via_embedding:
            # The embedding has unit variance, hence the scale (Raffel et al. 2020, T5 1.0).
            logits = self.shared_embedding.attend(x) * cfg.emb_dim**-0.5
        else:
            logits = self._logits_dense()(x)
        return with_sharding_constraint(logits, ("batch", "length", "vocab"))


class Transformer(nn.Module):
    """T5: an encoder and a decoder that share one embedding.

    Example:
        >>> import jax
        >>> model = Transformer(T5Config(vocab_size=64, emb_dim=16, num_heads=2, head_dim=8))
        >>> tokens = jnp.ones((2, 5), jnp.int32)
        >>> variables = model.init(jax.random.key(0), tokens, tokens, tokens, enable_dropout=False)
        >>> model.apply(variables, tokens, tokens, tokens, enable_dropout=False).shape
        (2, 5, 64)
    """

    config: T5Config

    def setup(self) -> None:
        """Declares the shared embedding and the two stacks."""
        cfg = self.config
        self.token_embedder = layers.Embed(cfg.vocab_size, cfg.emb_dim, cfg.dtype)
        self.encoder = Encoder(cfg, shared_embedding=self.token_embedder)
        self.decoder = Decoder(cfg, shared_embedding=self.token_embedder)

    def encode(
        self,
        encoder_input_tokens: Int[Array, "batch source"],
        encoder_segment_ids: Int[Array, "batch source"] | None = None,
        enable_dropout: bool = True,
    ) -> Float[Array, "batch source embed"]:
        """Encodes the inputs.

        Args:
            encoder_input_tokens: ids; 0 is padding.
            encoder_segment_ids: for packed rows, which example a place belongs to.
            enable_dropout: needs the `dropout` random stream.
        """
        valid = encoder_input_tokens > 0
        mask = segment_mask(valid, valid, encoder_segment_ids, encoder_segment_ids)
        return self.encoder(encoder_input_tokens, self._for_kernel(mask), enable_dropout)

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
        head: Head | None = None,
    ) -> Any:
        """Returns the logits of every target place, or what `head` makes instead.

        With `decode=True` (and the `cache` collection mutable) the first call makes the cache for
        outputs as long as `decoder_input_tokens`; each further call takes the tokens of one place,
        `[batch * beams, 1]`, against the same `[batch, source]` inputs, and extends the cache.

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
            head: see `Head`; None makes logits, `[batch, target, vocab]`.
        """
        keys = encoder_input_tokens > 0
        if decode:
            self_mask: SegmentMask | Array | None = None
            cross_mask: SegmentMask | Array = layers.make_attention_mask(
                jnp.ones_like(keys[:, :1]), keys
            )
        else:
            queries, ids = decoder_target_tokens > 0, decoder_segment_ids
            self_mask = self._for_kernel(segment_mask(queries, queries, ids, ids, causal=True))
            cross_mask = self._for_kernel(segment_mask(queries, keys, ids, encoder_segment_ids))
        return self.decoder(
            encoded,
            decoder_input_tokens,
            self_mask,
            cross_mask,
            enable_dropout,
            decode,
            max_decode_length,
            head,
        )

    def _for_kernel(self, mask: SegmentMask) -> SegmentMask | Array:
        return mask.dense() if self.config.attention_kernel == "plain" else mask

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
        head: Head | None = None,
    ) -> Any:
        """Encodes and decodes; arguments as in `encode` and `decode`.

        `encoder_positions` and `decoder_positions` belong to the interface; T5's biases are
        relative, so that a packed example needs no positions of its own.
        """
        del encoder_positions, decoder_positions
        encoded = self.encode(encoder_input_tokens, encoder_segment_ids, enable_dropout)
        return self.decode(
            encoded,
            encoder_input_tokens,
            decoder_input_tokens,
            decoder_target_tokens,
            encoder_segment_ids,
            decoder_segment_ids,
            enable_dropout,
            decode,
            head=head,
        )
