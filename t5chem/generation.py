"""The compiled functions behind `Predictor`: answers, scores and embeddings of a batch of ids.

Compiled programs are looked up by configuration and settings and shared by all predictors of a
process.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt32

from t5chem.constrained import constrain, smiles_tokens
from t5chem.model_folder import BeamSemantics
from t5chem.own_networks import Config, network_of
from t5x.beam_search import EarlyStopping, beam_search, brevity_penalty, hf_beam_search
from t5x.decoding import temperature_sample
from t5x.models import EncoderDecoderModel


@dataclasses.dataclass(frozen=True)
class Decoding:
    """Everything of a decoding that is compiled in.

    Attributes:
        semantics: 'hf' or 't5x', whose beam search.
        num_decodes: beams or samples of a row.
        samples: draw instead of searching.
        length: places of an answer.
        drop_unfinished: a search that needs more places gives no answer.
        penalty: exponent of the search's length penalty.
        early_stopping: of Hugging Face's search.
        valid_smiles: keep to SMILES that parse.
        with_ions: of which `~` may be part.
    """

    semantics: BeamSemantics
    num_decodes: int
    samples: bool
    length: int
    drop_unfinished: bool
    penalty: float
    early_stopping: EarlyStopping
    valid_smiles: bool
    with_ions: bool

    @property
    def is_search(self) -> bool:
        """Whether beams are searched; otherwise answers are drawn, or the greedy one taken."""
        return self.num_decodes > 1 and not self.samples


Inputs = Mapping[str, Any]
"""Model features of the encoder, `Int[Array, "rows source"]`: `encoder_input_tokens`, and
`chemistry_input_tokens` where the chemistry encoder has its own vocabulary; 0 is padding."""


def _model(config: Config, vocabulary: Any, decode_fn: Callable[..., Any]) -> EncoderDecoderModel:
    return EncoderDecoderModel(network_of(config), vocabulary, vocabulary, decode_fn=decode_fn)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def generate(
    config: Config,
    settings: Decoding,
    vocabulary: Any,
    params: Any,
    inputs: Inputs,
    hashes: UInt32[Array, " rows"],
    seed: UInt32[Array, ""],
    temperature: Float[Array, ""],
) -> tuple[Int[Array, "rows decodes length"], Float[Array, "rows decodes"]]:
    """Returns answers, best first, and their log-likelihoods.

    Args:
        config: of the network.
        settings: of the decoding.
        vocabulary: of the answers.
        params: of the network.
        inputs: features of the encoder.
        hashes: of what each row asks; its draws depend on this number and on the seed.
        seed: of the draws.
        temperature: of the draws.
    """
    keys = jax.vmap(lambda number: jax.random.fold_in(jax.random.key(seed), number))(hashes)
    decode_fn, arguments = _decoding(settings, temperature)
    if settings.valid_smiles:
        tokens = smiles_tokens(vocabulary, config.vocab_size, settings.with_ions)
        decode_fn = constrain(decode_fn, tokens)
    places = jnp.zeros((len(hashes), settings.length), jnp.int32)
    answers, aux = _model(config, vocabulary, decode_fn).predict_batch_with_aux(
        params,
        {**inputs, "decoder_input_tokens": places},
        rng=keys,
        decoder_params=arguments,
        return_all_decodes=True,
        num_decodes=settings.num_decodes,
    )
    scores = _log_likelihoods(answers, aux["scores"], settings, vocabulary.eos_id)
    return answers[:, ::-1], scores[:, ::-1]


def _decoding(
    settings: Decoding, temperature: Float[Array, ""]
) -> tuple[Callable[..., Any], dict[str, Any]]:
    if settings.samples:
        arguments = {"temperature": temperature, "topk": 0, "rescale_log_probs": False}
        return temperature_sample, arguments
    if settings.num_decodes == 1:
        return temperature_sample, {"topk": 1, "rescale_log_probs": False}
    if settings.semantics == "hf":
        arguments = {"early_stopping": settings.early_stopping}
        arguments |= {"drop_unfinished": settings.drop_unfinished}
        return hf_beam_search, {"length_penalty": settings.penalty, **arguments}
    return beam_search, {"alpha": settings.penalty}


def _log_likelihoods(
    tokens: Int[Array, "rows decodes length"],
    scores: Float[Array, "rows decodes"],
    settings: Decoding,
    eos_id: int,
) -> Float[Array, "rows decodes"]:
    """Takes the length penalty out of the scores of a search."""
    if not settings.is_search:
        return scores
    is_end = tokens == eos_id
    has_end = jnp.any(is_end, axis=-1)
    count = jnp.where(has_end, jnp.argmax(is_end, axis=-1) + 1, tokens.shape[-1])
    if settings.semantics == "hf":
        return scores * count.astype(jnp.float32) ** settings.penalty
    # A row in which no beam ended has its live beams, whose scores are without penalty.
    return jnp.where(has_end, scores * brevity_penalty(settings.penalty, count), scores)


@functools.partial(jax.jit, static_argnums=0)
def score(
    config: Config,
    params: Any,
    inputs: Inputs,
    targets: Int[Array, "rows target"],
) -> Float[Array, " rows"]:
    """Returns the log-likelihood of each row's targets."""
    batch = {
        **inputs,
        "decoder_target_tokens": targets,
        "decoder_input_tokens": jnp.pad(targets, ((0, 0), (1, 0)))[:, :-1],
    }
    scores: Any = _model(config, None, beam_search).score_batch(params, batch)
    return scores


@functools.partial(jax.jit, static_argnums=0)
def embed(config: Config, params: Any, inputs: Inputs) -> Float[Array, "rows width"]:
    """Returns what the decoder reads of the inputs, averaged over the tokens of each row."""
    states: Any = network_of(config).apply(
        {"params": params}, **inputs, enable_dropout=False, method="encode"
    )
    weights = (inputs["encoder_input_tokens"] > 0).astype(jnp.float32)[..., None]
    return jnp.sum(states.astype(jnp.float32) * weights, axis=1) / jnp.sum(weights, axis=1)
