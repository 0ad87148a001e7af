"""A tiny T5 that reads and writes bytes, as the toy tasks do, and checkpoints of it."""

import dataclasses
from pathlib import Path

import jax
import seqio

from t5x import decoding
from t5x.adafactor import Adafactor, standard_logical_factor_rules
from t5x.checkpoints import CheckpointManager, SaveCheckpointConfig
from t5x.examples.t5 import network
from t5x.initialization import TrainStateInitializer
from t5x.models import EncoderDecoderModel
from t5x.train_state import FlaxOptimTrainState
from tests.t5x.toy_model import toy_partitioner

LENGTHS = {"inputs": 16, "targets": 8}


class EchoModel(EncoderDecoderModel):
    """Predicts the first bytes of the inputs: compiled in no time, right by inspection."""

    def predict_batch(self, params, batch, rng=None):
        return batch["encoder_input_tokens"][:, : LENGTHS["targets"]]


class DiceModel(EncoderDecoderModel):
    """Predicts random letters."""

    def predict_batch(self, params, batch, rng=None):
        rows = batch["encoder_input_tokens"].shape[0]
        return jax.random.randint(rng, (rows, LENGTHS["targets"]), 100, 126)


def byte_model(cls=EncoderDecoderModel, **kwargs) -> EncoderDecoderModel:
    config = network.T5Config(
        vocab_size=384,
        emb_dim=16,
        num_heads=2,
        num_encoder_layers=1,
        num_decoder_layers=1,
        head_dim=8,
        mlp_dim=16,
        mlp_activations=("gelu", "linear"),
        dropout_rate=0.0,
    )
    vocabulary = seqio.ByteVocabulary()
    return cls(
        module=network.Transformer(config),
        input_vocabulary=vocabulary,
        output_vocabulary=vocabulary,
        optimizer_def=Adafactor(logical_factor_rules=standard_logical_factor_rules()),
        decode_fn=decoding.temperature_sample,
        **kwargs,
    )


def input_shapes(rows: int = 8) -> dict[str, tuple[int, ...]]:
    return {
        "encoder_input_tokens": (rows, LENGTHS["inputs"]),
        "decoder_target_tokens": (rows, LENGTHS["targets"]),
    }


def random_state(seed: int, step: int = 0) -> FlaxOptimTrainState:
    model = byte_model()
    assert model.optimizer_def is not None
    initializer = TrainStateInitializer(
        model.optimizer_def, model.get_initial_variables, input_shapes(), toy_partitioner()
    )
    state = initializer.from_scratch(jax.random.key(seed))
    return dataclasses.replace(state, step=state.step + step)


def save(directory: Path, *states: FlaxOptimTrainState) -> str:
    """Saves states and returns the folder of their checkpoints."""
    manager = CheckpointManager(str(directory), SaveCheckpointConfig())
    for state in states:
        manager.save(state, {"batches": 0})
    manager.close()
    return str(directory)
