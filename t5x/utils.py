"""The names that gin files expect in `t5x.utils`, handed on from the rooms they live in."""

from __future__ import annotations

from typing import Any

from t5x.checkpoints import CheckpointConfig, RestoreCheckpointConfig, SaveCheckpointConfig
from t5x.data import (
    DatasetConfig,
    get_dataset,
    get_mixture_or_task,
    get_training_eval_datasets,
    get_vocabulary,
    import_module,
    verify_matching_vocabs,
)
from t5x.evaluation import InferenceEvaluator, get_infer_fn
from t5x.initialization import TrainStateInitializer, log_model_info
from t5x.schedules import create_learning_rate_scheduler

__all__ = [
    "CheckpointConfig",
    "DatasetConfig",
    "InferenceEvaluator",
    "RestoreCheckpointConfig",
    "SaveCheckpointConfig",
    "TrainStateInitializer",
    "create_learning_rate_scheduler",
    "get_dataset",
    "get_infer_fn",
    "get_mixture_or_task",
    "get_training_eval_datasets",
    "get_vocabulary",
    "import_module",
    "log_model_info",
    "round_vocab_size_to_multiple",
    "verify_matching_vocabs",
]


def round_vocab_size_to_multiple(vocabulary: Any, divisor: int = 128) -> int:
    """Returns the vocabulary's size rounded up, so that the embedding divides over devices.

    Args:
        vocabulary: has `vocab_size`.
        divisor: the result is a multiple of it.
    """
    return -(-vocabulary.vocab_size // divisor) * divisor
