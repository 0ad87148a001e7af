"""A predictor of a few thousand parameters with the vocabulary `chem`."""

from typing import Any

import jax
import jax.numpy as jnp

from t5chem.model_folder import LoadedModel
from t5chem.predictor import Predictor
from t5chem.vocabularies import chem
from t5x.examples.t5.network import T5Config, Transformer


def toy_loaded_model(semantics: Any = "t5x", seed: int = 0) -> LoadedModel:
    config = T5Config(
        vocab_size=4608,
        emb_dim=8,
        num_heads=2,
        num_encoder_layers=1,
        num_decoder_layers=1,
        head_dim=4,
        mlp_dim=16,
        logits_via_embedding=True,
    )
    tokens = jnp.ones((1, 2), jnp.int32)
    variables = Transformer(config).init(
        jax.random.key(seed), tokens, tokens, tokens, enable_dropout=False
    )
    generation: dict[str, Any] = {"num_beams": 2}
    generation |= {"length_penalty": 1.0} if semantics == "hf" else {"alpha": 0.6}
    return LoadedModel(
        config=config,
        params=variables["params"],
        vocabulary=chem(),
        beam_semantics=semantics,
        generation=generation,
        max_lengths={"inputs": 64, "targets": 12},
        info={},
    )


def toy_predictor(semantics: Any = "t5x") -> Predictor:
    return Predictor(toy_loaded_model(semantics), batch_size=4)
