"""The programs of a configured run, traced without its data and without its devices."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from t5x import config_checks, stream_features
from t5x.data import CheckedSource, DatasetConfig, feature_lengths
from t5x.errors import ConfigError, RunError
from t5x.inference import infer_program
from t5x.models import EncoderDecoderModel
from t5x.partitioning import PjitPartitioner
from t5x.quiet import tf
from t5x.train_state import FlaxOptimTrainState

Features = dict[str, jax.ShapeDtypeStruct]


@dataclasses.dataclass(frozen=True)
class AbsentVocabulary:
    """Stands in for a vocabulary whose file is not here: programs depend on nothing else of it.

    Attributes:
        vocab_size: taken to be what the embedding has rows for.
        eos_id: ends a prediction, as in every vocabulary of T5.
    """

    vocab_size: int
    eos_id: int = 1


@dataclasses.dataclass(frozen=True)
class ConfiguredRun:
    """A run as its configuration says.

    Attributes:
        model: what is trained.
        partitioner: of the devices that are compiled for.
        steps: to train.
        batch: shapes and types of a global batch.
        state: shapes and shardings of the training state.
        settings: arguments of `train`.
        has_vocabularies: they are on this machine.
    """

    model: EncoderDecoderModel
    partitioner: PjitPartitioner
    steps: int
    batch: Features
    state: FlaxOptimTrainState
    settings: Mapping[str, Any]
    has_vocabularies: bool = True

    @property
    def train_cfg(self) -> DatasetConfig:
        """Of the training data."""
        return self.settings["train_dataset_cfg"]

    @property
    def tokens(self) -> int:
        """Places of a global batch, inputs and targets."""
        return sum(
            feature.size
            for name, feature in self.batch.items()
            if name.endswith(("input_tokens", "target_tokens")) and name != "decoder_input_tokens"
        )

    def lower_train_step(self) -> Any:
        """Traces the training step."""
        trainer = self.settings["trainer_cls"](
            model=self.model,
            train_state=self.state,
            partitioner=self.partitioner,
            eval_names=[],
            summary_dir=None,
            train_state_axes=self.partitioner.get_shardings(self.state),
            rng=jax.eval_shape(lambda: jax.random.key(0)),
        )
        try:
            return trainer.lower(self.batch)
        finally:
            trainer.close()

    @functools.cached_property
    def decoding_batch(self) -> Features | None:
        """Shapes and types of a global batch to decode; None: the run decodes nothing."""
        cfg = self.settings.get("infer_eval_dataset_cfg")
        if cfg is None:
            return None
        config_checks.check_batch(cfg, self.partitioner, "infer_eval")
        lengths = cfg.task_feature_lengths or feature_lengths(self.train_cfg)
        return model_features(self.model, lengths, cfg.batch_size, pack=False)

    def lower_decoding(self) -> Any:
        """Traces the decoding of a batch."""
        sharded = {
            name: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=self.partitioner.data_sharding)
            for name, x in (self.decoding_batch or {}).items()
        }
        rng = jax.random.key(self.settings["infer_eval_dataset_cfg"].seed or 0)
        program = infer_program(self.model.predict_batch, self.partitioner, rng=rng)
        return program.lower(self.state.params, sharded, np.int32(0))


def configured_run(
    train: Callable[..., Any], bindings: Mapping[str, Any], devices: Sequence[Any]
) -> ConfiguredRun:
    """Returns the run that `train` would do with some arguments.

    Args:
        train: `t5x.train.train`; it is not called.
        bindings: its arguments.
        devices: that the partitioner among them was made for.

    Raises:
        ConfigError: it cannot work, or the partitioner has other devices.
    """
    arguments = inspect.signature(train).bind_partial(**bindings)
    arguments.apply_defaults()
    settings = arguments.arguments
    model, partitioner = settings["model"], settings["partitioner"]
    cfg = settings["train_dataset_cfg"]
    if not set(partitioner.mesh.devices.flat) <= set(devices):
        raise ConfigError(
            f"The partitioner {type(partitioner).__name__} computes on devices of its own choice, "
            "so that nothing can be compiled for others: take partitioning.PjitPartitioner.",
            "train.partitioner",
        )
    config_checks.check_batch(cfg, partitioner, "train")
    has_vocabularies = _reads_vocabularies(model)
    config_checks.check_embedding(model)
    lengths = feature_lengths(cfg)
    if settings["use_hardware_rng"]:
        jax.config.update("jax_default_prng_impl", "unsafe_rbg")
    streamed = isinstance(settings["get_dataset_fn"], CheckedSource)
    batch = model_features(model, lengths, cfg.batch_size, cfg.pack, streamed)
    initializer = settings["train_state_initializer_cls"](
        optimizer_def=model.optimizer_def,
        init_fn=model.get_initial_variables,
        input_shapes={name: x.shape for name, x in batch.items()},
        partitioner=partitioner,
    )
    total, relative = settings["total_steps"], settings["relative_steps"]
    return ConfiguredRun(
        model, partitioner, total if relative is None else relative, batch,
        initializer.global_train_state_shape, settings, has_vocabularies,
    )  # fmt: skip


def _reads_vocabularies(model: EncoderDecoderModel) -> bool:
    """Whether the model's vocabularies are here; gives it others in place of those that are not."""
    readable = True
    for name in ("input_vocabulary", "output_vocabulary"):
        try:
            _ = getattr(model, name).vocab_size
        except (RunError, OSError, tf.errors.OpError):
            rows = getattr(getattr(model.module, "config", None), "vocab_size", 0)
            setattr(model, name, AbsentVocabulary(rows))
            readable = False
    return readable


def model_features(
    model: EncoderDecoderModel,
    lengths: Mapping[str, int],
    rows: int,
    pack: bool,
    streamed: bool = False,
) -> Features:
    """Returns shapes and types of a global batch, as the model's feature converter makes it.

    Args:
        model: has the converter.
        lengths: of the task's features, in tokens.
        rows: of the batch.
        pack: put several examples into a row.
        streamed: the batch comes from a stream, which knows no converter.
    """
    if streamed:
        empty = stream_features.model_features([], lengths, pack)
        return {
            name: jax.ShapeDtypeStruct((rows, *x.shape[1:]), x.dtype) for name, x in empty.items()
        }
    converter = model.FEATURE_CONVERTER_CLS(pack=pack)
    types = converter.MODEL_FEATURES
    return {
        name: jax.ShapeDtypeStruct(
            (rows, length), types[name].dtype.as_numpy_dtype if name in types else np.int32
        )
        for name, length in converter.get_model_feature_lengths(dict(lengths)).items()
    }
