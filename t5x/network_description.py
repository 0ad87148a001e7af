"""A network's sizes as JSON: what `network.json` beside the checkpoints of a run holds."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax.numpy as jnp

from t5x.examples.t5.network import COMPUTATION, T5Config
from t5x.examples.transformer.network import TransformerConfig
from t5x.tensor_files import ModelFolderError

NETWORK = "network.json"
T = TypeVar("T")

CLASS = "class"
"""Names the configuration's class; a description without it is of a T5."""


def describe(config: Any) -> dict[str, Any]:
    """Returns a network's sizes as JSON holds them.

    Args:
        config: a dataclass; its fields may be dataclasses too.

    Example:
        >>> describe(T5Config(vocab_size=64))["dtype"]
        'float32'
    """
    content: dict[str, Any] = {CLASS: type(config).__name__}
    for field in dataclasses.fields(config):
        if field.name in COMPUTATION:
            continue
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            value = describe(value)
        content[field.name] = jnp.dtype(value).name if field.name == "dtype" else value
    return content


def t5_config(content: Mapping[str, Any], file: str) -> T5Config:
    """Returns the T5 that was described, with arithmetic in float32.

    Args:
        content: as `describe` returns it; what is no field of a `T5Config` is passed over.
        file: where it stands, for messages.

    Raises:
        ModelFolderError: it describes none.
    """
    values = dict(content)
    try:
        values["mlp_activations"] = tuple(values.get("mlp_activations", ("relu",)))
    except TypeError as error:
        raise ModelFolderError(f"{file} does not describe a network: {error}.") from error
    return _config(T5Config, values, file)


def is_transformer(content: Mapping[str, Any]) -> bool:
    """Tells whether a description is of a Transformer of 2017."""
    return content.get(CLASS) == TransformerConfig.__name__


def transformer_config(content: Mapping[str, Any], file: str) -> TransformerConfig:
    """Returns the Transformer that was described, as `t5_config` does.

    Args:
        content: as `describe` returns it.
        file: where it stands, for messages.

    Raises:
        ModelFolderError: it describes none.
    """
    return _config(TransformerConfig, content, file)


def _config(cls: Callable[..., T], content: Mapping[str, Any], file: str) -> T:
    known = {name: p.annotation for name, p in inspect.signature(cls).parameters.items()}
    values = {name: content[name] for name in known if name in content and name != "dtype"}
    for name, value in values.items():
        if known[name] == "int" and not (isinstance(value, int) and value > 0):
            raise ModelFolderError(f"{file}: {name} is {value!r}, not a positive integer.")
    try:
        return cls(**values, dtype=jnp.float32)
    except TypeError as error:
        raise ModelFolderError(f"{file} does not describe a network: {error}.") from error
