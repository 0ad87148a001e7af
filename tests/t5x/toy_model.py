"""A T5 of a few thousand parameters, and batches for it, for tests of the engine."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t5x import losses
from t5x.adafactor import Adafactor, standard_logical_factor_rules
from t5x.examples.t5 import network
from t5x.initialization import TrainStateInitializer
from t5x.meshes import MESH_AXES
from t5x.models import EncoderDecoderModel
from t5x.optimizers import OptimizerDef
from t5x.partitioning import PjitPartitioner, standard_logical_axis_rules
from t5x.schedules import create_learning_rate_scheduler
from t5x.trainer import Trainer

VOCAB_SIZE = 64


class Vocabulary:
    eos_id = 1
    vocab_size = VOCAB_SIZE


def toy_model(
    optimizer: OptimizerDef | None = None,
    dropout_rate: float = 0.0,
    normalizer: losses.LossNormalizingFactor = "NUM_REAL_TARGET_TOKENS",
    vocab_size: int = VOCAB_SIZE,
    **kwargs: Any,
) -> EncoderDecoderModel:
    config = network.T5Config(
        vocab_size=vocab_size,
        emb_dim=16,
        num_heads=4,
        num_encoder_layers=1,
        num_decoder_layers=1,
        head_dim=8,
        mlp_dim=32,
        mlp_activations=("gelu", "linear"),
        dropout_rate=dropout_rate,
    )
    return EncoderDecoderModel(
        module=network.Transformer(config),
        input_vocabulary=Vocabulary(),
        output_vocabulary=Vocabulary(),
        optimizer_def=optimizer
        or Adafactor(
            min_dim_size_to_factor=16, logical_factor_rules=standard_logical_factor_rules()
        ),
        loss_normalizing_factor=normalizer,
        z_loss=1e-3,
        **kwargs,
    )


def toy_batch(seed: int, rows: int = 8, source: int = 12, target: int = 10) -> dict[str, Any]:
    """Rows of different lengths, as SeqIO's converter would make them."""
    rng = np.random.default_rng(seed)
    batch = {
        "encoder_input_tokens": rng.integers(2, VOCAB_SIZE, (rows, source)),
        "decoder_target_tokens": rng.integers(2, VOCAB_SIZE, (rows, target)),
    }
    for name, tokens in batch.items():
        lengths = rng.integers(3, tokens.shape[1] + 1, rows)
        places = np.arange(tokens.shape[1])
        tokens[places[None] == lengths[:, None] - 1] = 1
        tokens[places[None] >= lengths[:, None]] = 0
        batch[name] = tokens.astype(np.int32)
    targets = batch["decoder_target_tokens"]
    batch["decoder_input_tokens"] = np.pad(targets, ((0, 0), (1, 0)))[:, :-1]
    batch["decoder_loss_weights"] = (targets > 0).astype(np.int32)
    return batch


def toy_partitioner(num_partitions: int = 1, parameter_dims: int = 1) -> PjitPartitioner:
    return PjitPartitioner(
        num_partitions=num_partitions,
        logical_axis_rules=standard_logical_axis_rules(parameter_partitioning_dims=parameter_dims),
    )


def one_device_partitioner() -> PjitPartitioner:
    partitioner = PjitPartitioner()
    partitioner.mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]).reshape(1, 1), MESH_AXES)
    return partitioner


def toy_trainer(
    model: EncoderDecoderModel,
    partitioner: PjitPartitioner,
    num_microbatches: int | None = None,
    summary_dir: str | None = None,
    train_state: Any = None,
    batch: dict[str, Any] | None = None,
) -> Trainer:
    shapes = {name: value.shape for name, value in (batch or toy_batch(0)).items()}
    assert model.optimizer_def is not None
    initializer = TrainStateInitializer(
        model.optimizer_def, model.get_initial_variables, shapes, partitioner
    )
    if train_state is None:
        train_state = initializer.from_scratch(jax.random.key(0))
    return Trainer(
        model=model,
        train_state=jax.device_put(train_state, initializer.train_state_axes),
        partitioner=partitioner,
        eval_names=["toy"],
        summary_dir=summary_dir,
        train_state_axes=initializer.train_state_axes,
        rng=jax.random.key(1),
        learning_rate_fn=create_learning_rate_scheduler("constant", 0.01),
        num_microbatches=num_microbatches,
    )


def losses_of(trainer: Trainer, steps: int) -> np.ndarray:
    batches = (toy_batch(seed) for seed in range(1000))
    return np.array([trainer.train(batches, 1)["loss"] for _ in range(steps)], np.float64)


def leaves(tree: Any) -> list[np.ndarray]:
    return [np.asarray(jnp.asarray(leaf)) for leaf in jax.tree.leaves(tree)]
