"""The network that a checkpoint holds, told from the checkpoint itself.

A checkpoint names its tensors and their shapes; the sizes of the network follow from them. What
does not follow is written beside the checkpoints as `network.json` or is T5's own: ReLU, or GELU
where the feed-forward block is gated.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from t5x.checkpoint_reading import CheckpointReader, open_checkpoint
from t5x.examples.t5.network import T5Config
from t5x.huggingface import tensor_places
from t5x.network_description import NETWORK, t5_config
from t5x.tensor_files import ModelFolderError, read_json

TARGET = "target/"
STEP = "state/step"


class CheckpointNetwork(NamedTuple):
    """A network with its parameters.

    Attributes:
        config: sizes; arithmetic in float32.
        params: float32 arrays by T5X's names joined with '/'.
        step: steps that were trained; None if the checkpoint does not say.
    """

    config: T5Config
    params: dict[str, np.ndarray]
    step: int | None


def read_network(checkpoint: str) -> CheckpointNetwork:
    """Returns the network of a checkpoint, in Orbax's layout or T5X's older one.

    Args:
        checkpoint: `.../checkpoint_100`; its optimizer's state is not read.

    Raises:
        ModelFolderError: its tensors are not those of a T5.
    """
    reader = open_checkpoint(checkpoint)
    shapes = parameter_shapes(reader)
    described = read_description(checkpoint)
    if described is None:
        config = config_from_shapes(shapes, checkpoint)
    else:
        config = t5_config(*described)
    expected = {name: place.shape for name, place in tensor_places(config).items()}
    check_shapes(expected, shapes, checkpoint)
    return CheckpointNetwork(config, *read_parameters(reader))


def read_description(checkpoint: str) -> tuple[dict[str, Any], str] | None:
    """Returns what stands in the `network.json` beside a checkpoint, and its path; None without.

    Args:
        checkpoint: `.../checkpoint_100`.
    """
    beside = os.path.join(os.path.dirname(checkpoint), NETWORK)
    return (read_json(beside), beside) if os.path.isfile(beside) else None


def parameter_shapes(reader: CheckpointReader) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of a checkpoint's parameters, by T5X's names joined with '/'."""
    return {
        name.removeprefix(TARGET): tuple(leaf.shape)
        for name, leaf in reader.shapes.items()
        if name.startswith(TARGET)
    }


def read_parameters(reader: CheckpointReader) -> tuple[dict[str, np.ndarray], int | None]:
    """Returns a checkpoint's parameters in float32 by name, and its step if it says one.

    Raises:
        ModelFolderError: a parameter is not finite.
    """
    names = [TARGET + name for name in parameter_shapes(reader)]
    has_step = STEP in reader.shapes
    arrays = reader.read_numpy([*names, STEP] if has_step else names)
    step = int(arrays.pop(STEP)) if has_step else None
    return {name.removeprefix(TARGET): _finite(name, leaf) for name, leaf in arrays.items()}, step


def config_from_shapes(shapes: Mapping[str, tuple[int, ...]], named: str) -> T5Config:
    """Returns the sizes of the network whose parameters have these shapes.

    Args:
        shapes: by T5X's names joined with '/'.
        named: where they come from, for messages.

    Raises:
        ModelFolderError: a tensor that tells a size is missing.
    """

    def shape(name: str) -> tuple[int, ...]:
        if name not in shapes or len(shapes[name]) != 2:
            found = shapes.get(name, "absent")
            raise ModelFolderError(f"{named} holds no T5: {name} is {found}, not [rows, columns].")
        return shapes[name]

    gated = "encoder/layers_0/mlp/wi_0/kernel" in shapes
    vocab_size, emb_dim = shape("token_embedder/embedding")
    heads = shape("encoder/relpos_bias/rel_embedding")[0]
    return T5Config(
        vocab_size=vocab_size,
        dtype=jnp.float32,
        emb_dim=emb_dim,
        num_heads=heads,
        num_encoder_layers=_layers("encoder", shapes),
        num_decoder_layers=_layers("decoder", shapes),
        head_dim=shape("encoder/layers_0/attention/query/kernel")[1] // max(heads, 1),
        mlp_dim=shape(f"encoder/layers_0/mlp/{'wi_0' if gated else 'wi'}/kernel")[1],
        mlp_activations=("gelu", "linear") if gated else ("relu",),
        logits_via_embedding="decoder/logits_dense/kernel" not in shapes,
    )


def _layers(stack: str, shapes: Mapping[str, tuple[int, ...]]) -> int:
    found = [re.match(rf"{stack}/layers_(\d+)/", name) for name in shapes]
    return 1 + max((int(match[1]) for match in found if match), default=-1)


def check_shapes(
    expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]], checkpoint: str
) -> None:
    """Checks that a checkpoint has the parameters of a network.

    Args:
        expected: the network's, by name.
        found: the checkpoint's.
        checkpoint: its path, for messages.

    Raises:
        ModelFolderError: a name or a shape differs.
    """
    for name in sorted(set(expected) | set(found)):
        if expected.get(name) != found.get(name):
            raise ModelFolderError(
                f"{checkpoint} is not of the network that it seems to be: {name} is "
                f"{found.get(name, 'absent')} in the checkpoint, "
                f"{expected.get(name, 'absent')} in the network."
            )


def _finite(name: str, leaf: np.ndarray) -> np.ndarray:
    values = np.asarray(leaf, np.float32)
    if not np.isfinite(values).all():
        raise ModelFolderError(f"{name} {values.shape} holds values that are NaN or infinite.")
    return values
