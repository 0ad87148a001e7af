"""Training data of two-encoder models with two vocabularies: the input as two token sequences.

Tasks have the feature `inputs_chemistry` besides `inputs` and `targets` (`tasks.two_vocabularies`);
it becomes the model features `chemistry_input_tokens` and, in packed rows, `chemistry_segment_ids`
and `chemistry_positions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t5chem.preprocessors import CHEMISTRY_INPUTS
from t5x import data
from t5x.errors import ConfigError
from t5x.models import EncoderDecoderModel
from t5x.packing import FirstFitFeatureConverter
from t5x.quiet import seqio, tf

_SPEC = seqio.FeatureConverter.FeatureSpec(dtype=tf.int32)


class TwoSequenceFeatureConverter(FirstFitFeatureConverter):
    """`FirstFitFeatureConverter` that carries the second sequence along.

    For `models.EncoderDecoderModel.feature_converter_cls`. An example fits a row if there is room
    for all three of its features.

    Args:
        **arguments: of `FirstFitFeatureConverter`.
    """

    TASK_FEATURES: Mapping[str, Any] = {
        **FirstFitFeatureConverter.TASK_FEATURES,
        CHEMISTRY_INPUTS: _SPEC,
    }
    MODEL_FEATURES: Mapping[str, Any] = {
        **FirstFitFeatureConverter.MODEL_FEATURES,
        "chemistry_input_tokens": _SPEC,
    }
    PACKING_FEATURE_DTYPES: Mapping[str, Any] = {
        **FirstFitFeatureConverter.PACKING_FEATURE_DTYPES,
        "chemistry_segment_ids": tf.int32,
        "chemistry_positions": tf.int32,
    }

    def _convert_example(self, features: Mapping[str, Any]) -> Mapping[str, Any]:
        converted = {**super()._convert_example(features)}
        converted["chemistry_input_tokens"] = features[CHEMISTRY_INPUTS]
        if self.pack:
            converted["chemistry_segment_ids"] = features[f"{CHEMISTRY_INPUTS}_segment_ids"]
            converted["chemistry_positions"] = features[f"{CHEMISTRY_INPUTS}_positions"]
        return converted

    def get_model_feature_lengths(self, task_feature_lengths: Mapping[str, int]) -> dict[str, int]:
        """Returns the length of every model feature."""
        lengths = {**super().get_model_feature_lengths(task_feature_lengths)}
        names = ["chemistry_input_tokens"]
        if self.pack:
            names += ["chemistry_segment_ids", "chemistry_positions"]
        return lengths | dict.fromkeys(names, task_feature_lengths[CHEMISTRY_INPUTS])


def verify_vocabularies(cfg: data.DatasetConfig, model: EncoderDecoderModel) -> None:
    """Checks that a model reads and writes its tasks' three vocabularies.

    For `train.verify_matching_vocabs_fn`.

    Args:
        cfg: of the dataset.
        model: of two encoders.

    Raises:
        ConfigError: the tasks have no second sequence, or more ids in it than the chemistry encoder
            has rows.
        ValueError: the vocabularies of inputs or targets differ.
    """
    data.verify_matching_vocabs(cfg, model)
    features = data.get_mixture_or_task(cfg.mixture_or_task_name).output_features
    if CHEMISTRY_INPUTS not in features:
        raise ConfigError(
            f"{cfg.mixture_or_task_name!r} has no feature {CHEMISTRY_INPUTS!r} for the chemistry "
            f"encoder, only {', '.join(features)}: register its tasks with two vocabularies "
            "(gin/vocabulary/two.gin).",
            "MIXTURE_OR_TASK_NAME",
        )
    size = features[CHEMISTRY_INPUTS].vocabulary.vocab_size
    rows = model.module.config.chemistry_encoder.vocab_size
    if size > rows:
        raise ConfigError(
            f"The chemistry encoder's vocabulary has {size} ids and its embedding {rows} rows "
            f"(CHEMISTRY_NUM_EMBEDDINGS): give at least {size}, better {-(-size // 128) * 128}, a "
            "multiple of 128.",
            "chemistry_encoder/T5Config.vocab_size",
        )
