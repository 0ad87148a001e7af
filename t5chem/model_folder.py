"""One model, whole: weights, sizes, vocabulary and how it was meant to answer.

A model folder is what Hugging Face's `transformers` calls one: `config.json`,
`generation_config.json`, `model.safetensors`, `spiece.model` and files of the tokenizer. Ours add
`prompts.json` (what stands before the input of each task), `vocabulary.json` (which vocabulary it
is), `training.json` (what is known of the training) and `README.md`, the model card. A model that
`transformers` does not have, of two encoders or a Transformer of 2017, is a folder of the same
files; its weights have our names and a second vocabulary is `chemistry_spiece.model`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from flax import traverse_util

from t5chem import own_networks
from t5chem.fusion import FusionConfig
from t5chem.model_card import model_card
from t5chem.own_networks import Config
from t5chem.prompts import PROMPTS
from t5chem.tokenizer_files import (
    CHEMISTRY_SPIECE,
    SPIECE,
    TOKENIZER_CONFIG,
    copy_file,
    write_tokenizer_files,
)
from t5chem.vocabularies import SHIPPED, SentencePieceVocabulary
from t5x import huggingface
from t5x.errors import did_you_mean
from t5x.examples.t5.network import T5Config
from t5x.tensor_files import ModelFolderError, read_json

__all__ = [
    "BeamSemantics",
    "LoadedModel",
    "ModelFolderError",
    "load_model",
    "load_model_folder",
    "save_model_folder",
]

BeamSemantics = Literal["t5x", "hf"]

GENERATION_CONFIG = "generation_config.json"
TASK_PROMPTS = "prompts.json"
VOCABULARY = "vocabulary.json"
CHEMISTRY = "chemistry"
"""What `vocabulary.json` says of the chemistry encoder's vocabulary stands under this name."""
TRAINING = "training.json"
CARD = "README.md"
LENGTH = 512
"""Most tokens where a folder does not say."""

HF_GENERATION = {"num_beams": 1, "length_penalty": 1.0, "early_stopping": False}
"""What `transformers` does where a folder does not say: greedy."""


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A model that can answer.

    Attributes:
        config: sizes of the network; `own_networks.network_of(config)` runs it.
        params: nested dictionaries of float32 arrays under T5X's names.
        vocabulary: of inputs and targets.
        beam_semantics: 'hf' for `t5x.beam_search.hf_beam_search`, 't5x' for `beam_search`.
        generation: how it answers unless told otherwise: `num_beams`; 'hf' adds `length_penalty`
            and `early_stopping`, 't5x' adds `alpha`.
        max_lengths: most tokens of `inputs` and `targets`, the end token included.
        info: facts for the model card, whatever is known of: `step`, `tasks`, `metrics`,
            `vocabulary` and `training_config`; empty for a folder that does not say.
        prompts: what stands before the input of each task; '' where the input stands alone.
        chemistry_vocabulary: of the chemistry encoder of a two-encoder model with two; else None.
    """

    config: Config
    params: dict[str, Any]
    vocabulary: SentencePieceVocabulary
    beam_semantics: BeamSemantics
    generation: dict[str, Any]
    max_lengths: dict[str, int]
    info: dict[str, Any]
    prompts: Mapping[str, str] = dataclasses.field(default_factory=lambda: PROMPTS)
    chemistry_vocabulary: SentencePieceVocabulary | None = None


def load_model(path: str | os.PathLike[str]) -> LoadedModel:
    """Returns the model at `path`: a model folder, a run's `model_dir` or one `checkpoint_<step>`.

    Args:
        path: of the folder.

    Raises:
        ModelFolderError: it is none of these, or it is damaged.
    """
    if os.path.isfile(os.path.join(path, huggingface.CONFIG)):
        return load_model_folder(path)
    # Orbax and TensorStore take two seconds, which who has a folder need not wait.
    from t5chem.run_model import load_run

    return load_run(path)


def load_model_folder(path: str | os.PathLike[str]) -> LoadedModel:
    """Returns the model of a folder in Hugging Face's layout; it answers as `transformers` does.

    Args:
        path: of the folder.

    Raises:
        ModelFolderError: a file is missing or damaged, or is not of a T5 that we have.
    """
    folder = os.fspath(path)
    vocabulary, chemistry_vocabulary = _read_vocabulary(folder, SPIECE), None
    content = read_json(os.path.join(folder, huggingface.CONFIG))
    config: Config
    if content.get("model_type") in own_networks.MODEL_TYPES.values():
        config, params = own_networks.read_folder(folder)
        if isinstance(config, FusionConfig) and config.two_vocabularies:
            chemistry_vocabulary = _read_vocabulary(folder, CHEMISTRY_SPIECE)
            _check_rows(folder, chemistry_vocabulary, config.chemistry_encoder.vocab_size)
    else:
        config, params = huggingface.read_folder(folder)
    _check_rows(folder, vocabulary, config.vocab_size)
    generation = _read_if_there(folder, GENERATION_CONFIG)
    return LoadedModel(
        config=config,
        params=traverse_util.unflatten_dict(params, sep="/"),
        vocabulary=vocabulary,
        beam_semantics="hf",
        generation={
            # transformers 5 writes null where it means its default.
            name: default if generation.get(name) is None else generation[name]
            for name, default in HF_GENERATION.items()
        },
        max_lengths={
            "inputs": _input_length(_read_if_there(folder, TOKENIZER_CONFIG)),
            "targets": _target_length(generation),
        },
        info=_read_if_there(folder, TRAINING),
        prompts=_read_prompts(folder),
        chemistry_vocabulary=chemistry_vocabulary,
    )


def _check_rows(folder: str, vocabulary: SentencePieceVocabulary, rows: int) -> None:
    if vocabulary.vocab_size > rows:
        raise ModelFolderError(
            f"{folder}: {os.path.basename(vocabulary.model_file)} with its sentinels has "
            f"{vocabulary.vocab_size} ids, the embedding {rows} rows: they do not belong together."
        )


def _read_if_there(folder: str, name: str) -> dict[str, Any]:
    file = os.path.join(folder, name)
    return read_json(file) if os.path.isfile(file) else {}


def _read_prompts(folder: str) -> dict[str, str]:
    """Returns the prompts of all tasks, the published ones where the folder says nothing."""
    said = _read_if_there(folder, TASK_PROMPTS)
    file = os.path.join(folder, TASK_PROMPTS)
    for task, prompt in said.items():
        if task not in PROMPTS:
            raise ModelFolderError(
                f"{file} has a prompt for {task!r}, which is no task.{did_you_mean(task, PROMPTS)} "
                f"The tasks are {', '.join(PROMPTS)}."
            )
        if not isinstance(prompt, str):
            raise ModelFolderError(f"{file}: the prompt of {task} is {prompt!r}, which is no text.")
    return {**PROMPTS, **said}


def _read_vocabulary(folder: str, name: str) -> SentencePieceVocabulary:
    """Returns the vocabulary of `spiece.model`, or of the chemistry encoder's."""
    file = os.path.join(folder, name)
    if not os.path.isfile(file):
        raise ModelFolderError(
            f"{file} is missing: it is the SentencePiece model that the vocabulary is read from. "
            "Copy it from where the folder came from (T5's own is in every google-t5 folder)."
        )
    facts = _read_if_there(folder, VOCABULARY)
    if name == CHEMISTRY_SPIECE:
        facts = facts.get(CHEMISTRY, {})
        extra_ids = facts.get("extra_ids", 100)
    else:
        extra_ids = _read_if_there(folder, TOKENIZER_CONFIG).get("extra_ids", 100)
    try:
        vocabulary = SentencePieceVocabulary(file, int(extra_ids))
    except (RuntimeError, TypeError, ValueError) as error:
        raise ModelFolderError(f"{file} is not a vocabulary of a T5: {error}") from error
    expected = facts.get("sha256")
    if expected not in (None, _sha256(file)):
        raise ModelFolderError(
            f"{file} has SHA-256 {_sha256(file)}, and {VOCABULARY} says {expected}: the model was "
            "trained with another vocabulary."
        )
    return vocabulary


def _sha256(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _input_length(tokenizer: dict[str, Any]) -> int:
    length = tokenizer.get("model_max_length")
    # transformers writes 1e30 where there is no bound.
    return length if isinstance(length, int) and 0 < length <= 10**6 else LENGTH


def _target_length(generation: dict[str, Any]) -> int:
    if isinstance(length := generation.get("max_new_tokens"), int):
        return length
    if isinstance(length := generation.get("max_length"), int):
        return max(length - 1, 1)  # of which the token that starts the decoder is one
    return LENGTH


def save_model_folder(model: LoadedModel, path: str | os.PathLike[str]) -> None:
    """Writes a model folder; the same model gives the same bytes.

    The folder answers as `transformers` does, whatever `beam_semantics` the model has. That of a
    two-encoder model is read by this package alone.

    Args:
        model: to be written, weights in float32.
        path: of the folder, made if need be; files that are there already are replaced.

    Raises:
        ModelFolderError: the network is none that `transformers` has, or a weight is not finite.
    """
    folder = os.fspath(path)
    if isinstance(model.config, T5Config):
        described = huggingface.config_to_json(model.config)
        os.makedirs(folder, exist_ok=True)
        huggingface.write_weights(folder, model.config, model.params)
    else:
        described = own_networks.config_to_json(model.config)
        os.makedirs(folder, exist_ok=True)
        own_networks.write_weights(folder, model.config, model.params)
    write_tokenizer_files(model.vocabulary, model.max_lengths["inputs"], folder)
    vocabulary = vocabulary_facts(model.vocabulary)
    if model.chemistry_vocabulary is not None:
        copy_file(model.chemistry_vocabulary.model_file, os.path.join(folder, CHEMISTRY_SPIECE))
        vocabulary[CHEMISTRY] = vocabulary_facts(model.chemistry_vocabulary)
    _write_json(folder, VOCABULARY, vocabulary)
    _write_json(folder, TRAINING, model.info)
    _write_json(folder, TASK_PROMPTS, dict(model.prompts))
    _write_json(folder, GENERATION_CONFIG, _generation_config(model))
    card = model_card(model.config, vocabulary, model.max_lengths, model.info, model.prompts)
    Path(folder, CARD).write_text(card, encoding="utf-8")
    # Last, for it makes the folder one.
    _write_json(folder, huggingface.CONFIG, described)


def _generation_config(model: LoadedModel) -> dict[str, Any]:
    known = {name: model.generation.get(name, value) for name, value in HF_GENERATION.items()}
    return {
        **known,
        "max_new_tokens": model.max_lengths["targets"],
        "decoder_start_token_id": 0,
        "eos_token_id": model.vocabulary.eos_id,
        "pad_token_id": 0,
    }


def vocabulary_facts(vocabulary: SentencePieceVocabulary) -> dict[str, Any]:
    """Returns what tells a vocabulary: `name`, `sha256` of its model file, `vocab_size`."""
    return {
        "name": next((n for n, v in SHIPPED.items() if v() == vocabulary), "sentencepiece"),
        "sha256": _sha256(vocabulary.model_file),
        "extra_ids": vocabulary.extra_ids,
        "vocab_size": vocabulary.vocab_size,
    }


def _write_json(folder: str, name: str, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    Path(folder, name).write_text(text, encoding="utf-8")
