"""Loads the reference numbers that Google's T5X produced (../shared/golden)."""

import json
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from t5x import decoding
from t5x.adafactor import Adafactor, standard_logical_factor_rules
from t5x.examples.t5 import network
from t5x.models import EncoderDecoderModel

NAMES = ("t5_1_0_tiny", "t5_1_1_tiny")


class Vocabulary:
    eos_id = 1
    vocab_size = 384


class Golden:
    """One reference model: configuration, arrays and scalar results."""

    def __init__(self, folder: Path, name: str) -> None:
        self.meta = json.loads((folder / f"{name}.json").read_text())
        with np.load(folder / f"{name}.npz") as arrays:
            self.arrays = dict(arrays)

    @property
    def config(self) -> network.T5Config:
        config = dict(self.meta["config"])
        config["dtype"] = jnp.dtype(config["dtype"])
        config["mlp_activations"] = tuple(config["mlp_activations"])
        return network.T5Config(**config)

    def model(self, decode_fn: Any = decoding.beam_search) -> EncoderDecoderModel:
        return EncoderDecoderModel(
            module=network.Transformer(self.config),
            input_vocabulary=Vocabulary(),
            output_vocabulary=Vocabulary(),
            optimizer_def=Adafactor(
                decay_rate=0.8,
                step_offset=0,
                logical_factor_rules=standard_logical_factor_rules(),
            ),
            decode_fn=decode_fn,
            label_smoothing=self.meta["label_smoothing"],
            z_loss=self.meta["z_loss"],
            loss_normalizing_factor=self.meta["loss_normalizing_factor"],
        )

    def tree(self, prefix: str) -> dict[str, Any]:
        flat = {
            tuple(key.split("/")[1:]): value
            for key, value in self.arrays.items()
            if key.startswith(prefix + "/")
        }
        return traverse_util.unflatten_dict(flat)

    def batch(self, kind: str) -> dict[str, np.ndarray]:
        return self.tree(kind)
