"""The networks that a model may have, and the files of those that are ours alone.

`transformers` has no two-encoder T5 and no Transformer of 2017 as ours is, so that their model
folders are ours: `config.json` of the model type `t5chem_two_encoders` or `t5chem_transformer`, and
`model.safetensors` with the parameters' names joined by '/'.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from t5chem.fusion import FusedTransformer, FusionConfig
from t5x.errors import ConfigError
from t5x.examples.t5 import network
from t5x.examples.transformer import network as transformer
from t5x.huggingface import CONFIG
from t5x.network_description import describe, is_transformer, t5_config, transformer_config
from t5x.tensor_files import (
    SAFETENSORS,
    ModelFolderError,
    read_json,
    read_tensors,
    write_safetensors,
)

OwnConfig: TypeAlias = FusionConfig | transformer.TransformerConfig
Config: TypeAlias = network.T5Config | OwnConfig

MODEL_TYPES = {
    FusionConfig: "t5chem_two_encoders",
    transformer.TransformerConfig: "t5chem_transformer",
}
_PARTS = ("text_encoder", "chemistry_encoder", "decoder")


def network_of(config: Config) -> nn.Module:
    """Returns the network that a configuration describes.

    Args:
        config: sizes.
    """
    if isinstance(config, FusionConfig):
        return FusedTransformer(config)
    if isinstance(config, transformer.TransformerConfig):
        return transformer.Transformer(config)
    return network.Transformer(config)


def is_own(content: Mapping[str, Any]) -> bool:
    """Tells whether a `network.json` or `config.json` describes a network that is ours alone."""
    return _is_fused(content) or is_transformer(content)


def _is_fused(content: Mapping[str, Any]) -> bool:
    return all(isinstance(content.get(part), dict) for part in _PARTS)


def config_from_json(content: Mapping[str, Any], file: str) -> OwnConfig:
    """Returns the network that a file describes, with arithmetic in float32.

    Args:
        content: of the file, as `config_to_json` returns it.
        file: its path, for messages.

    Raises:
        ModelFolderError: it describes none.
    """
    if is_transformer(content):
        return transformer_config(content, file)
    try:
        return FusionConfig(
            **{part: t5_config(content[part], file) for part in _PARTS},
            aggregation=content["aggregation"],
            two_vocabularies=bool(content.get("two_vocabularies", False)),
        )
    except (KeyError, ConfigError) as error:
        raise ModelFolderError(f"{file} describes no two-encoder network: {error}.") from error


def config_to_json(config: OwnConfig) -> dict[str, Any]:
    """Returns the content of a `config.json`, the inverse of `config_from_json`.

    Args:
        config: of the network.
    """
    return {"model_type": MODEL_TYPES[type(config)], **describe(config)}


def parameter_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of a network's parameters, by their names joined with '/'.

    Args:
        config: of the network.
    """
    tokens = jax.ShapeDtypeStruct((1, 2), jnp.int32)
    has_two = isinstance(config, FusionConfig) and config.two_vocabularies
    further = {"chemistry_input_tokens": tokens} if has_two else {}

    def init(tokens: Any, further: dict[str, Any]) -> Any:
        module = network_of(config)
        key = jax.random.key(0)
        return module.init(key, tokens, tokens, tokens, enable_dropout=False, **further)["params"]

    shapes = jax.eval_shape(init, tokens, further)
    flat = traverse_util.flatten_dict(shapes, sep="/")
    return {name: tuple(leaf.shape) for name, leaf in flat.items()}


def read_folder(folder: str) -> tuple[OwnConfig, dict[str, np.ndarray]]:
    """Returns the network of a model folder and its float32 parameters by name.

    Args:
        folder: with `config.json` and `model.safetensors`.

    Raises:
        ModelFolderError: a file is missing or damaged, or the weights are not the network's.
    """
    file = os.path.join(folder, CONFIG)
    config = config_from_json(read_json(file), file)
    tensors = read_tensors(folder)
    _check(parameter_shapes(config), tensors, f"The weights in {folder}")
    return config, {name: np.asarray(tensor, np.float32) for name, tensor in tensors.items()}


def write_weights(folder: str, config: OwnConfig, params: Any) -> None:
    """Writes `model.safetensors` in float32.

    Args:
        folder: exists.
        config: of the network.
        params: nested dictionaries.

    Raises:
        ModelFolderError: the parameters are not those of such a network, or not finite.
    """
    flat = traverse_util.flatten_dict(params, sep="/")
    tensors = {name: np.asarray(leaf, np.float32, order="C") for name, leaf in flat.items()}
    _check(parameter_shapes(config), tensors, "The parameters")
    write_safetensors(os.path.join(folder, SAFETENSORS), tensors)


def _check(
    expected: Mapping[str, tuple[int, ...]], found: Mapping[str, np.ndarray], named: str
) -> None:
    for name in sorted(set(expected) | set(found)):
        shape = found[name].shape if name in found else "absent"
        if shape != expected.get(name, "absent"):
            raise ModelFolderError(
                f"{named} are not those of the network: {name} is {shape}, and "
                f"{expected.get(name, 'absent')} in the network."
            )
        if not np.isfinite(found[name]).all():
            raise ModelFolderError(
                f"{named} hold values that are NaN or infinite, in {name} {shape}: the training "
                "diverged or the file is damaged."
            )
