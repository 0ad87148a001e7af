"""The model that a run trained, with what its folder says about it: `load_run`."""

from __future__ import annotations

import ast
import glob
import json
import os
import re
from typing import Any

import numpy as np
from flax import traverse_util

from t5chem.compatibility import NO_PROMPTS
from t5chem.fusion import FusionConfig
from t5chem.model_folder import LENGTH, LoadedModel, ModelFolderError, vocabulary_facts
from t5chem.own_networks import Config, config_from_json, is_own
from t5chem.own_networks import parameter_shapes as shapes_of
from t5chem.prompts import PROMPTS
from t5chem.tokenizer_files import CHEMISTRY_SPIECE, SPIECE
from t5chem.vocabularies import SentencePieceVocabulary, atoms, chem
from t5x.checkpoint_integrity import STEP_PREFIX, checkpoints_in, is_checkpoint, step_of
from t5x.checkpoint_network import (
    check_shapes,
    parameter_shapes,
    read_description,
    read_network,
    read_parameters,
)
from t5x.checkpoint_reading import open_checkpoint
from t5x.checkpoint_restoring import find_checkpoint
from t5x.errors import RunError

CONFIG = "config.gin"
EMBEDDING_MULTIPLE = 128
"""Embeddings have as many rows as the vocabulary has ids, rounded up to a multiple of this."""

T5X_GENERATION = {"num_beams": 4, "alpha": 0.6}
"""The defaults of `t5x.beam_search.beam_search`."""


def load_run(path: str | os.PathLike[str], step: int | None = None) -> LoadedModel:
    """Returns the model of a run, with T5X's beams.

    The vocabulary is the file `spiece.model` in the run's folder or beside the tensors, or `chem`
    or `atoms` if the embedding has its number of rows; that of a chemistry encoder with its own
    vocabulary likewise is `chemistry_spiece.model`. Lengths and tasks are read from the run's
    `config.gin`. Models of `atoms` learn one task, and are asked without its prompt.

    Args:
        path: the run's `model_dir` or a `checkpoint_<step>`.
        step: of a `model_dir`, which checkpoint; None takes the newest whole one.

    Raises:
        ModelFolderError: there is no checkpoint of a network of ours, it is damaged, or its
            vocabulary is not known.
    """
    checkpoint = _checkpoint(os.path.abspath(path), step)
    try:
        config, params, trained_steps = _network(checkpoint)
    except (FileNotFoundError, RunError) as error:
        raise ModelFolderError(str(error)) from error
    model_dir = os.path.dirname(checkpoint)
    folders = [checkpoint, model_dir]
    vocabulary, chemistry = _vocabulary(folders, config.vocab_size, checkpoint), None
    if isinstance(config, FusionConfig) and config.two_vocabularies:
        rows = config.chemistry_encoder.vocab_size
        chemistry = _vocabulary(folders, rows, checkpoint, CHEMISTRY_SPIECE)
    training = _read_config(model_dir)
    lengths = _macro(training, "TASK_FEATURE_LENGTHS") or {}
    return LoadedModel(
        config=config,
        params=traverse_util.unflatten_dict(params, sep="/"),
        vocabulary=vocabulary,
        beam_semantics="t5x",
        generation=dict(T5X_GENERATION),
        max_lengths={name: lengths.get(name, LENGTH) for name in ("inputs", "targets")},
        info=_info(model_dir, trained_steps, training, vocabulary),
        prompts=NO_PROMPTS if vocabulary == atoms() else PROMPTS,
        chemistry_vocabulary=chemistry,
    )


def _network(checkpoint: str) -> tuple[Config, dict[str, np.ndarray], int | None]:
    """Returns sizes, parameters and step of a network."""
    described = read_description(checkpoint)
    if described is None or not is_own(described[0]):
        return read_network(checkpoint)
    config = config_from_json(*described)
    reader = open_checkpoint(checkpoint)
    check_shapes(shapes_of(config), parameter_shapes(reader), checkpoint)
    return (config, *read_parameters(reader))


def _checkpoint(path: str, step: int | None) -> str:
    if step is not None:
        wanted = os.path.join(path, f"{STEP_PREFIX}_{step}")
        if not is_checkpoint(wanted):
            steps = [str(step_of(found)) for found in reversed(checkpoints_in(path))]
            raise ModelFolderError(
                f"{path} has no checkpoint of step {step}; it has {', '.join(steps) or 'none'}."
            )
        path = wanted
    try:
        found = find_checkpoint(path)
    except RunError as error:
        raise ModelFolderError(error.message) from error
    if found is None:
        raise ModelFolderError(
            f"{path} is no model: it holds neither a config.json, as a folder of transformers "
            f"does, nor {STEP_PREFIX}_<step>, as a run does."
        )
    return found


def _vocabulary(
    folders: list[str], rows: int, checkpoint: str, name: str = SPIECE
) -> SentencePieceVocabulary:
    for folder in folders:
        file = os.path.join(folder, name)
        if os.path.isfile(file):
            return SentencePieceVocabulary(file)
    for vocabulary in (chem(), atoms()):
        if 0 <= rows - vocabulary.vocab_size < EMBEDDING_MULTIPLE:
            return vocabulary
    raise ModelFolderError(
        f"{checkpoint} has an embedding of {rows} rows, which is not that of the vocabulary chem "
        f"({chem().vocab_size} ids) or atoms ({atoms().vocab_size}): put the SentencePiece model "
        f"that it was trained with into the run's folder as {name}."
    )


def _read_config(model_dir: str) -> str:
    file = os.path.join(model_dir, CONFIG)
    if not os.path.isfile(file):
        return ""
    with open(file, encoding="utf-8") as opened:
        return opened.read()


def _macro(config: str, name: str) -> Any:
    r"""Returns the value of a macro in the text of a gin file; None if it is no literal.

    Example:
        >>> _macro("A = 1\nLENGTHS = \\\n    {'inputs': 256,\n     'targets': 8}\n", "LENGTHS")
        {'inputs': 256, 'targets': 8}
    """
    match = re.search(rf"^{name} =(.*(?:\n[ \t]+.*)*)", config, re.MULTILINE)
    try:
        return ast.literal_eval(match[1].replace("\\\n", "").strip()) if match else None
    except (ValueError, SyntaxError):
        return None


def _info(
    model_dir: str, step: int | None, training: str, vocabulary: SentencePieceVocabulary
) -> dict[str, Any]:
    mixture = _macro(training, "MIXTURE_OR_TASK_NAME")
    facts = {
        "step": step,
        "tasks": [mixture] if mixture else None,
        "metrics": _metrics(model_dir, step),
        "vocabulary": vocabulary_facts(vocabulary),
        "training_config": training,
    }
    return {name: fact for name, fact in facts.items() if fact not in (None, "", {})}


def _metrics(model_dir: str, step: int | None) -> dict[str, dict[str, float]]:
    """Returns what the run measured at this very step, by task and name."""
    found = {}
    pattern = os.path.join(glob.escape(model_dir), "inference_eval", "*-metrics.jsonl")
    for file in sorted(glob.glob(pattern)):
        with open(file, encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
        for row in rows:
            if row.get("step") == step:
                task = os.path.basename(file).removesuffix("-metrics.jsonl")
                found[task] = {
                    name: value
                    for name, value in row.items()
                    if name != "step" and isinstance(value, int | float)
                }
    return found
