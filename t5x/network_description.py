"""A network's sizes as JSON: what `network.json` beside the checkpoints of a run holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from t5x.examples.t5.network import T5Config
from t5x.tensor_files import ModelFolderError

NETWORK = "network.json"


def describe(config: Any) -> dict[str, Any]:
    """Returns a network's sizes as JSON holds them.

    Args:
        config: a dataclass; its fields may be dataclasses too.

    Example:
        >>> describe(T5Config(vocab_size=64))["dtype"]
        'float32'
    """
    content = {}
    for field in dataclasses.fields(config):
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
    known = {field.name for field in dataclasses.fields(T5Config)} - {"dtype"}
    values = {name: value for name, value in content.items() if name in known}
    try:
        values["mlp_activations"] = tuple(values.get("mlp_activations", ("relu",)))
        return T5Config(**values, dtype=jnp.float32)
    except TypeError as error:
        raise ModelFolderError(f"{file} does not describe a network: {error}.") from error
