"""Two encoders and one decoder: the "e2-CLM" systems that Text+Chem T5 is compared with.

A text encoder and a chemistry encoder, each a T5 encoder of its own size with its own embedding,
read the input; their states are aggregated into one memory, which one T5 decoder reads. Published
is no more than the names of two aggregations, "average" and "cross-attention" (Christofidellis et
al. 2023); how they are wired here, and why, stands below and is drawn in docs/systems.md.

**Both.** The memory has the places of the text encoder's tokens, so that masks, packing and the
decoder's cache are those of a plain T5. Each encoder's states are first projected to the decoder's
width. Where the widths agree a projection begins as the identity: what a trained encoder says then
arrives as it was said, and training may turn it.

**Average** (`Average`). The mean of the two projected states of a place. With one vocabulary both
encoders have the same places. With two the input is two token sequences of other lengths, and each
place of the text takes the mean of the chemistry states that cover the same stretch of the example
(`proportional_pooling`); sequences of one length are pooled place by place, so that there is one
rule. The average of two equal encoders is the one encoder.

**Cross-attention** (`CrossAttention`). Each stream adds to itself, through a gate, what it finds in
the other (co-attention, Lu et al. 2019, "ViLBERT"; gates as in Alayrac et al. 2022, "Flamingo"):

    chemistry = chemistry + tanh(gate) * attention(from norm(chemistry), to norm(text))
    text      = text      + tanh(gate) * attention(from norm(text), to norm(chemistry))
    memory    = text

One after the other, so that the memory need not be both streams: at twice the places the decoder
would pay for the comparison, and half of what it attends to would be the encoder that does not
speak the input's language. The text stream is the one that goes on because the prompts are
English. With the gates closed (0) the memory is the text stream alone. They begin half open, at
`GATE`: Flamingo closes them to spare a trained decoder the noise of untrained attention, but here
the decoder learns as well, and behind two closed gates neither attention nor the inner gate would
have a gradient; an optimizer that moves a parameter by a share of its size, as Adafactor does,
would hardly open them. With one vocabulary the two streams have the same places, and the attention
has T5's relative position biases, a table for each direction: else it could not find the place that
the average gets for nothing. With two vocabularies distances mean nothing and there are none.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import flax.linen as nn
import jax.numpy as jnp
from flax import struct
from flax.linen.partitioning import param_with_axes, with_sharding_constraint
from jaxtyping import Array, Bool, Float, Int

from t5x.errors import ConfigError, did_you_mean
from t5x.examples.t5 import layers, network

Aggregation = Literal["average", "cross_attention"]

FURTHER_INPUTS = ("chemistry_input_tokens", "chemistry_segment_ids")
"""The input in the chemistry encoder's own vocabulary, as model features."""

GATE = 0.5
"""Where gates begin; tanh of it is 0.46."""


@struct.dataclass
class FusionConfig:
    """Sizes and numerics of a two-encoder network.

    Attributes:
        text_encoder: of which the encoder and the embedding are used.
        chemistry_encoder: likewise; with one vocabulary its embedding has the text encoder's rows.
        decoder: of which the decoder, its embedding and its logits are used. Its width is the
            memory's, and the aggregation has its heads, numerics and dropout.
        aggregation: 'average' or 'cross_attention'.
        two_vocabularies: the chemistry encoder reads tokens of its own; otherwise both encoders
            read the same.

    Raises:
        ConfigError: there is no such aggregation, or the encoders read the same tokens and their
            embeddings have other rows.
    """

    text_encoder: network.T5Config
    chemistry_encoder: network.T5Config
    decoder: network.T5Config
    aggregation: Aggregation = "cross_attention"
    two_vocabularies: bool = False

    def __post_init__(self) -> None:
        known = get_args(Aggregation)
        if self.aggregation not in known:
            raise ConfigError(
                f"FusionConfig.aggregation is {self.aggregation!r}."
                f"{did_you_mean(str(self.aggregation), known)} It must be one of "
                f"{', '.join(map(repr, known))}.",
                "FusionConfig.aggregation",
            )
        rows = self.text_encoder.vocab_size, self.chemistry_encoder.vocab_size
        if rows[0] != rows[1] and not self.two_vocabularies:
            raise ConfigError(
                f"The text encoder's embedding has {rows[0]} rows and the chemistry encoder's "
                f"{rows[1]}, and they read the same tokens: give both the rows of the one "
                "vocabulary (NUM_EMBEDDINGS), or the chemistry encoder a vocabulary of its own "
                "(two_vocabularies).",
                "T5Config.vocab_size",
                "FusionConfig.two_vocabularies",
            )

    @property
    def vocab_size(self) -> int:
        """Rows of the logits."""
        return self.decoder.vocab_size

    @property
    def emb_dim(self) -> int:
        """Width of the memory."""
        return self.decoder.emb_dim


def segments(
    tokens: Int[Array, "batch length"], segment_ids: Int[Array, "batch length"] | None
) -> Int[Array, "batch length"]:
    """Returns which example each place belongs to; 0 is padding.

    Args:
        tokens: ids; 0 is padding.
        segment_ids: of packed rows; None: a row is one example.
    """
    return (tokens > 0) * (jnp.ones_like(tokens) if segment_ids is None else segment_ids)


def proportional_pooling(
    text: Int[Array, "batch text"], chemistry: Int[Array, "batch chemistry"]
) -> Float[Array, "batch text chemistry"]:
    """Returns how much of each chemistry place a text place takes.

    An example's places are laid side by side over one stretch, those of either sequence equally
    wide; a text place takes from each chemistry place by the part of itself that this one covers.

    Args:
        text: the example of each place (`segments`); the places of one follow each other.
        chemistry: likewise.

    Example:
        >>> one = jnp.ones((1, 3), int)
        >>> proportional_pooling(one, one[:, :2])[0].round(2).tolist()
        [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    same = (text[:, :, None] == chemistry[:, None, :]) & (text > 0)[:, :, None]
    # In units of which an example has (its text places) x (its chemistry places).
    text_width = jnp.sum(same, axis=2)[:, :, None]
    chemistry_width = jnp.sum(same, axis=1)[:, None, :]
    text_start = _place_in_example(text)[:, :, None] * text_width
    chemistry_start = _place_in_example(chemistry)[:, None, :] * chemistry_width
    end = jnp.minimum(text_start + text_width, chemistry_start + chemistry_width)
    covered = jnp.maximum(end - jnp.maximum(text_start, chemistry_start), 0)
    return jnp.where(same, covered / jnp.maximum(text_width, 1), 0.0)


def _place_in_example(examples: Int[Array, "batch length"]) -> Int[Array, "batch length"]:
    """Numbers the places of each example from 0."""
    same = examples[:, :, None] == examples[:, None, :]
    return jnp.sum(jnp.tril(same, -1), axis=2)


class Projection(nn.Module):
    """Brings an encoder's states to the decoder's width."""

    config: network.T5Config

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch length inputs"]
    ) -> Float[Array, "batch length embed"]:
        """Applies a linear map, at first the identity if the width stays the same."""
        cfg = self.config
        kept = x.shape[-1] == cfg.emb_dim
        # "mlp": split over the model axis as the kernels of a feed-forward block are.
        return layers.Dense(
            cfg.emb_dim,
            ("embed", "mlp"),
            cfg.dtype,
            _identity if kept else layers.fan_in_normal,
            name="dense",
        )(x)


def _identity(key: Array, shape: tuple[int, int], dtype: jnp.dtype) -> Array:
    del key
    return jnp.eye(*shape, dtype=dtype)


class Average(nn.Module):
    """The mean of the two streams, as the module's docstring describes it."""

    config: FusionConfig

    @nn.compact
    def __call__(
        self,
        text: Float[Array, "batch text embed"],
        chemistry: Float[Array, "batch chemistry embed"],
        text_segments: Int[Array, "batch text"],
        chemistry_segments: Int[Array, "batch chemistry"],
        enable_dropout: bool = True,
    ) -> Float[Array, "batch text embed"]:
        """Returns the memory."""
        if self.config.two_vocabularies:
            weights = proportional_pooling(text_segments, chemistry_segments)
            chemistry = jnp.einsum("btc,bce->bte", weights.astype(chemistry.dtype), chemistry)
        return (text + chemistry) / 2


class CrossAttention(nn.Module):
    """Gated attention between the streams, as the module's docstring describes it."""

    config: FusionConfig

    @nn.compact
    def __call__(
        self,
        text: Float[Array, "batch text embed"],
        chemistry: Float[Array, "batch chemistry embed"],
        text_segments: Int[Array, "batch text"],
        chemistry_segments: Int[Array, "batch chemistry"],
        enable_dropout: bool = True,
    ) -> Float[Array, "batch text embed"]:
        """Returns the memory."""
        mask = layers.make_attention_mask(text_segments, chemistry_segments, jnp.equal)
        mask &= layers.make_attention_mask(text_segments > 0, chemistry_segments > 0)
        decoder, same_places = self.config.decoder, not self.config.two_vocabularies
        chemistry = GatedAttention(decoder, same_places, name="chemistry_from_text")(
            chemistry, text, jnp.swapaxes(mask, 2, 3), enable_dropout
        )
        return GatedAttention(decoder, same_places, name="text_from_chemistry")(
            text, chemistry, mask, enable_dropout
        )


class GatedAttention(nn.Module):
    """Adds to a stream what it finds in the other, each feature through a gate of its own.

    Attributes:
        config: of the decoder.
        same_places: place i of either stream is the same token, so that distances have a meaning.
    """

    config: network.T5Config
    same_places: bool

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch query embed"],
        other: Float[Array, "batch key embed"],
        mask: Bool[Array, "batch 1 query key"],
        enable_dropout: bool = True,
    ) -> Float[Array, "batch query embed"]:
        """Returns the stream with what was added.

        Args:
            x: the stream.
            other: the other one.
            mask: True where `x` may attend.
            enable_dropout: needs the `dropout` random stream.
        """
        cfg = self.config
        bias = None
        if self.same_places:
            places = jnp.arange(x.shape[1])
            bias = layers.RelativePositionBiases(
                cfg.num_heads, bidirectional=True, dtype=cfg.dtype, name="relpos_bias"
            )(places, places)
        y = layers.MultiHeadDotProductAttention(
            num_heads=cfg.num_heads,
            head_dim=cfg.head_dim,
            dtype=cfg.dtype,
            dropout_rate=cfg.dropout_rate,
            float32_logits=cfg.float32_attention_logits,
            name="attention",
        )(
            layers.RMSNorm(cfg.dtype, name="pre_attention_layer_norm")(x),
            layers.RMSNorm(cfg.dtype, name="other_layer_norm")(other),
            mask,
            bias,
            enable_dropout=enable_dropout,
        )
        y = nn.Dropout(cfg.dropout_rate, broadcast_dims=(-2,))(y, deterministic=not enable_dropout)
        gate = param_with_axes(
            "gate", nn.initializers.constant(GATE), (cfg.emb_dim,), jnp.float32, axes=("embed",)
        )
        return x + y * jnp.tanh(gate).astype(cfg.dtype)[None, None]


AGGREGATIONS: dict[str, type[nn.Module]] = {"average": Average, "cross_attention": CrossAttention}


class FusedTransformer(nn.Module):
    """Two T5 encoders and a T5 decoder, with the interface of `network.Transformer`.

    The parameters of each part have T5X's names behind the name of the part:
    `text_encoder/{token_embedder,encoder}/...`, `chemistry_encoder/{token_embedder,encoder}/...`,
    `decoder/{token_embedder,decoder}/...`.

    Example:
        >>> import jax
        >>> size = network.T5Config(vocab_size=64, emb_dim=16, num_heads=2, head_dim=8)
        >>> model = FusedTransformer(FusionConfig(size, size, size))
        >>> tokens = jnp.ones((2, 5), jnp.int32)
        >>> variables = model.init(jax.random.key(0), tokens, tokens, tokens, enable_dropout=False)
        >>> model.apply(variables, tokens, tokens, tokens, enable_dropout=False).shape
        (2, 5, 64)
        >>> sorted(variables["params"]["decoder"])
        ['decoder', 'token_embedder']
    """

    config: FusionConfig

    @property
    def further_inputs(self) -> tuple[str, ...]:
        """Model features that are read besides those of a plain T5 (`EncoderDecoderModel`)."""
        return FURTHER_INPUTS if self.config.two_vocabularies else ()

    def setup(self) -> None:
        """Declares the parts; of each T5 the half that is called gets parameters."""
        cfg = self.config
        self.text_encoder = network.Transformer(cfg.text_encoder)
        self.chemistry_encoder = network.Transformer(cfg.chemistry_encoder)
        self.text_projection = Projection(cfg.decoder)
        self.chemistry_projection = Projection(cfg.decoder)
        self.aggregation = AGGREGATIONS[cfg.aggregation](cfg)
        self.decoder = network.Transformer(cfg.decoder)

    def encode(
        self,
        encoder_input_tokens: Int[Array, "batch text"],
        encoder_segment_ids: Int[Array, "batch text"] | None = None,
        enable_dropout: bool = True,
        chemistry_input_tokens: Int[Array, "batch chemistry"] | None = None,
        chemistry_segment_ids: Int[Array, "batch chemistry"] | None = None,
    ) -> Float[Array, "batch text embed"]:
        """Encodes the inputs into the memory.

        Args:
            encoder_input_tokens: ids; 0 is padding.
            encoder_segment_ids: for packed rows, which example a place belongs to.
            enable_dropout: needs the `dropout` random stream.
            chemistry_input_tokens: the input in the chemistry encoder's own vocabulary.
            chemistry_segment_ids: likewise of these.

        Raises:
            ValueError: there are tokens for two vocabularies where there is one, or the reverse.
        """
        if (chemistry_input_tokens is not None) != self.config.two_vocabularies:
            given = "not given" if chemistry_input_tokens is None else "given"
            raise ValueError(
                f"two_vocabularies is {self.config.two_vocabularies}, and chemistry_input_tokens "
                f"are {given}: they are the input in the second vocabulary."
            )
        if chemistry_input_tokens is None:
            chemistry_input_tokens = encoder_input_tokens
            chemistry_segment_ids = encoder_segment_ids
        text = self.text_encoder.encode(encoder_input_tokens, encoder_segment_ids, enable_dropout)
        chemistry = self.chemistry_encoder.encode(
            chemistry_input_tokens, chemistry_segment_ids, enable_dropout
        )
        memory = self.aggregation(
            self.text_projection(text),
            self.chemistry_projection(chemistry),
            segments(encoder_input_tokens, encoder_segment_ids),
            segments(chemistry_input_tokens, chemistry_segment_ids),
            enable_dropout,
        )
        return with_sharding_constraint(memory, ("batch", "length", "embed"))

    def decode(
        self,
        encoded: Float[Array, "encoded_batch text embed"],
        encoder_input_tokens: Int[Array, "encoded_batch text"],
        decoder_input_tokens: Int[Array, "batch target"],
        decoder_target_tokens: Int[Array, "batch target"],
        encoder_segment_ids: Int[Array, "encoded_batch text"] | None = None,
        decoder_segment_ids: Int[Array, "batch target"] | None = None,
        enable_dropout: bool = True,
        decode: bool = False,
        max_decode_length: int | None = None,
        head: network.Head | None = None,
    ) -> Any:
        """Returns the logits of every target place; arguments as in `network.Transformer.decode`.

        The memory has the places of `encoder_input_tokens`, whatever the chemistry encoder read.
        """
        return self.decoder.decode(
            encoded,
            encoder_input_tokens,
            decoder_input_tokens,
            decoder_target_tokens,
            encoder_segment_ids,
            decoder_segment_ids,
            enable_dropout,
            decode,
            max_decode_length,
            head,
        )

    def __call__(
        self,
        encoder_input_tokens: Int[Array, "batch text"],
        decoder_input_tokens: Int[Array, "batch target"],
        decoder_target_tokens: Int[Array, "batch target"],
        encoder_segment_ids: Int[Array, "batch text"] | None = None,
        decoder_segment_ids: Int[Array, "batch target"] | None = None,
        encoder_positions: Int[Array, "batch text"] | None = None,
        decoder_positions: Int[Array, "batch target"] | None = None,
        enable_dropout: bool = True,
        decode: bool = False,
        chemistry_input_tokens: Int[Array, "batch chemistry"] | None = None,
        chemistry_segment_ids: Int[Array, "batch chemistry"] | None = None,
        head: network.Head | None = None,
    ) -> Any:
        """Encodes and decodes; arguments as in `encode` and `decode`, positions are not used."""
        del encoder_positions, decoder_positions
        encoded = self.encode(
            encoder_input_tokens,
            encoder_segment_ids,
            enable_dropout,
            chemistry_input_tokens,
            chemistry_segment_ids,
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
            head=head,
        )
