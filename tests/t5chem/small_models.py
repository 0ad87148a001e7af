"""Models of random weights, small enough to be written and read in a moment."""

import numpy as np
from flax import traverse_util

from t5chem.model_folder import LoadedModel
from t5chem.vocabularies import chem
from t5x import huggingface
from t5x.examples.t5.network import T5Config

SIZES = {
    "vocab_size": chem().vocab_size,
    "emb_dim": 16,
    "num_heads": 2,
    "num_encoder_layers": 2,
    "num_decoder_layers": 1,
    "head_dim": 4,
    "mlp_dim": 24,
}


def small_config(version: str = "1.1", **sizes) -> T5Config:
    """T5 1.0 is ReLU and scaled logits by the embedding, 1.1 gated GELU and a head."""
    old = version == "1.0"
    return T5Config(
        **{**SIZES, **sizes},
        mlp_activations=("relu",) if old else ("gelu", "linear"),
        logits_via_embedding=old,
    )


def random_params(config: T5Config, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    places = huggingface.tensor_places(config)
    return {
        name: rng.normal(0, 0.3, place.shape).astype(np.float32) for name, place in places.items()
    }


def small_model(version: str = "1.1", seed: int = 0, **sizes) -> LoadedModel:
    config = small_config(version, **sizes)
    return LoadedModel(
        config=config,
        params=traverse_util.unflatten_dict(random_params(config, seed), sep="/"),
        vocabulary=chem(),
        beam_semantics="hf",
        generation={"num_beams": 3, "length_penalty": 0.6, "early_stopping": True},
        max_lengths={"inputs": 200, "targets": 100},
        info={"step": 12, "tasks": ["text2mol"], "metrics": {"text2mol": {"exact": 0.25}}},
    )
