"""T5 as Hugging Face's `transformers` stores it: sizes and tensor names, to ours and back.

Its linear layers hold `[out, in]` where ours hold `[in, out]`, and its table of position biases
`[buckets, heads]` where ours is `[heads, buckets]`. T5 1.0 scores the vocabulary by the embedding,
the decoder's output scaled by d_model ** -0.5; T5 1.1 has `lm_head`, unscaled. `transformers` 5
calls that scaling `scale_decoder_outputs`; before, `tie_word_embeddings` meant both.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from t5x.examples.t5.network import T5Config
from t5x.optimizers import Tree
from t5x.tensor_files import (
    SAFETENSORS,
    ModelFolderError,
    read_json,
    read_tensors,
    write_safetensors,
)

CONFIG = "config.json"
BUCKETS = 32
LISTED = 6

_ACTIVATIONS = {"relu": ("relu",), "gated-gelu": ("gelu", "linear")}
_FIXED = {
    "relative_attention_num_buckets": BUCKETS,
    "relative_attention_max_distance": 128,
    "layer_norm_epsilon": 1e-6,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "decoder_start_token_id": 0,
}
_SIZES = {
    "vocab_size": "vocab_size",
    "d_model": "emb_dim",
    "num_heads": "num_heads",
    "num_layers": "num_encoder_layers",
    "d_kv": "head_dim",
    "d_ff": "mlp_dim",
}
_EMBEDDING = "shared.weight"
_HEAD = "lm_head.weight"
_COPIES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
# Early versions stored it and never used it.
_UNUSED = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"


class Place(NamedTuple):
    """Where a tensor of ours is in a file of theirs.

    Attributes:
        name: theirs.
        shape: ours.
        transposed: theirs has its two axes exchanged.
    """

    name: str
    shape: tuple[int, ...]
    transposed: bool

    @property
    def their_shape(self) -> tuple[int, ...]:
        """Shape in the file."""
        return self.shape[::-1] if self.transposed else self.shape


def tensor_places(config: T5Config) -> dict[str, Place]:
    """Returns T5X's name of every parameter -> where `transformers` keeps it.

    Args:
        config: of the network.

    Example:
        >>> places = tensor_places(T5Config(vocab_size=64, emb_dim=16, num_heads=2, head_dim=8))
        >>> places["decoder/relpos_bias/rel_embedding"].shape
        (2, 32)
        >>> places["encoder/layers_3/mlp/wo/kernel"].name
        'encoder.block.3.layer.1.DenseReluDense.wo.weight'
    """
    places = {
        "token_embedder/embedding": Place(_EMBEDDING, (config.vocab_size, config.emb_dim), False)
    }
    if not config.logits_via_embedding:
        places["decoder/logits_dense/kernel"] = Place(
            _HEAD, (config.emb_dim, config.vocab_size), True
        )
    places |= _stack_places("encoder", config.num_encoder_layers, config)
    return places | _stack_places("decoder", config.num_decoder_layers, config)


def _stack_places(stack: str, layers: int, config: T5Config) -> dict[str, Place]:
    bias = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    norm = f"{stack}.final_layer_norm.weight"
    places = {
        f"{stack}/relpos_bias/rel_embedding": Place(bias, (config.num_heads, BUCKETS), True),
        f"{stack}/{stack}_norm/scale": Place(norm, (config.emb_dim,), False),
    }
    for i in range(layers):
        places |= _layer_places(stack, i, config)
    return places


def _layer_places(stack: str, i: int, config: T5Config) -> dict[str, Place]:
    """One layer: its blocks in their order, each with the norm before it."""
    if stack == "encoder":
        attentions = [("pre_attention_layer_norm", "attention", "SelfAttention")]
    else:
        attentions = [
            ("pre_self_attention_layer_norm", "self_attention", "SelfAttention"),
            ("pre_cross_attention_layer_norm", "encoder_decoder_attention", "EncDecAttention"),
        ]
    embed, joined, mlp = config.emb_dim, config.num_heads * config.head_dim, config.mlp_dim
    ours, theirs = f"{stack}/layers_{i}", f"{stack}.block.{i}.layer"
    places = {}
    for block, (norm, attention, name) in enumerate(attentions):
        places[f"{ours}/{norm}/scale"] = Place(
            f"{theirs}.{block}.layer_norm.weight", (embed,), False
        )
        for kernel in ("query", "key", "value", "out"):
            shape = (joined, embed) if kernel == "out" else (embed, joined)
            places[f"{ours}/{attention}/{kernel}/kernel"] = Place(
                f"{theirs}.{block}.{name}.{kernel[0]}.weight", shape, True
            )
    block = len(attentions)
    places[f"{ours}/pre_mlp_layer_norm/scale"] = Place(
        f"{theirs}.{block}.layer_norm.weight", (embed,), False
    )
    gated = len(config.mlp_activations) > 1
    for kernel in ("wi_0", "wi_1", "wo") if gated else ("wi", "wo"):
        shape = (mlp, embed) if kernel == "wo" else (embed, mlp)
        places[f"{ours}/mlp/{kernel}/kernel"] = Place(
            f"{theirs}.{block}.DenseReluDense.{kernel}.weight", shape, True
        )
    return places


def config_from_json(content: Mapping[str, Any], file: str = CONFIG) -> T5Config:
    """Returns the network that a `config.json` describes.

    Args:
        content: of the file.
        file: its path, for messages.

    Raises:
        ModelFolderError: it describes no T5, or one that our network cannot be.

    Example:
        >>> sizes = {"vocab_size": 64, "d_model": 16, "num_heads": 2, "num_layers": 3, "d_kv": 8,
        ...          "d_ff": 32}
        >>> config_from_json({"model_type": "t5", **sizes}).logits_via_embedding
        True
    """
    if content.get("model_type") != "t5":
        raise ModelFolderError(
            f"{file} describes a model of type {content.get('model_type')!r}, not 't5'."
        )
    for name, value in _FIXED.items():
        if content.get(name, value) != value:
            raise ModelFolderError(f"{file}: {name} is {content[name]!r}; our T5 has {value!r}.")
    projection = content.get("feed_forward_proj", "relu")
    if projection not in _ACTIVATIONS:
        raise ModelFolderError(
            f"{file}: feed_forward_proj is {projection!r}; it must be one of "
            f"{', '.join(_ACTIVATIONS)}."
        )
    sizes: dict[str, Any] = {ours: _size(content, theirs, file) for theirs, ours in _SIZES.items()}
    decoder_layers = content.get("num_decoder_layers")
    if decoder_layers is not None:
        decoder_layers = _size(content, "num_decoder_layers", file)
    return T5Config(
        **sizes,
        dtype=jnp.float32,
        num_decoder_layers=decoder_layers or sizes["num_encoder_layers"],
        mlp_activations=_ACTIVATIONS[projection],
        dropout_rate=float(content.get("dropout_rate", 0.1)),
        logits_via_embedding=bool(
            content.get("scale_decoder_outputs", content.get("tie_word_embeddings") is not False)
        ),
    )


def _size(content: Mapping[str, Any], name: str, file: str) -> int:
    value = content.get(name)
    if not isinstance(value, int) or value < 1:
        raise ModelFolderError(f"{file}: {name} is {value!r}; it must be a positive integer.")
    return value


def config_to_json(config: T5Config) -> dict[str, Any]:
    """Returns the content of a `config.json`, the inverse of `config_from_json`.

    Args:
        config: of the network.

    Raises:
        ModelFolderError: `transformers` has no such T5.
    """
    projections = {activations: name for name, activations in _ACTIVATIONS.items()}
    projection = projections.get(tuple(config.mlp_activations))
    if projection is None:
        raise ModelFolderError(
            f"mlp_activations {tuple(config.mlp_activations)} cannot be written for transformers: "
            f"it must be one of {', '.join(map(str, projections))}."
        )
    return {
        "architectures": ["T5ForConditionalGeneration"],
        "model_type": "t5",
        **{theirs: getattr(config, ours) for theirs, ours in _SIZES.items()},
        "num_decoder_layers": config.num_decoder_layers,
        "feed_forward_proj": projection,
        "dropout_rate": config.dropout_rate,
        # transformers before 5 reads the first, from 5 on both.
        "tie_word_embeddings": config.logits_via_embedding,
        "scale_decoder_outputs": config.logits_via_embedding,
        "is_encoder_decoder": True,
        "dtype": "float32",
        **_FIXED,
    }


@dataclasses.dataclass(frozen=True)
class ModelFolder:
    """The network of a model folder, whose parameters are read one by one.

    Attributes:
        path: of the folder.
        config: sizes; arithmetic in float32.
        tensors: by their names, each with the shape that `config` gives it.
    """

    path: str
    config: T5Config
    tensors: Mapping[str, np.ndarray]

    @functools.cached_property
    def places(self) -> dict[str, Place]:
        """T5X's name of every parameter -> where the folder keeps it."""
        return tensor_places(self.config)

    def read(self, name: str) -> np.ndarray:
        """Returns a parameter in float32.

        Args:
            name: T5X's, joined with '/'.

        Raises:
            ModelFolderError: it is not finite.
        """
        place = self.places[name]
        return _exchanged(self.tensors[place.name], place, f"{self.path}: {place.name}")


def is_model_folder(path: str | os.PathLike[str]) -> bool:
    """Returns whether a folder says that it holds a model in the layout of `transformers`."""
    return os.path.isfile(os.path.join(path, CONFIG))


def open_folder(folder: str) -> ModelFolder:
    """Returns a model folder whose tensors are all there; their values are read later.

    Args:
        folder: with `config.json` and the weights (see `t5x.tensor_files.read_tensors`).

    Raises:
        ModelFolderError: it is no T5, or a tensor is missing, unknown, of a wrong shape or damaged.
    """
    config = config_from_json(read_json(os.path.join(folder, CONFIG)), os.path.join(folder, CONFIG))
    tensors = _without_copies(read_tensors(folder), config.logits_via_embedding, folder)
    opened = ModelFolder(folder, config, tensors)
    _check_names_and_shapes(opened.places, tensors, folder)
    return opened


def read_folder(folder: str) -> tuple[T5Config, dict[str, np.ndarray]]:
    """Returns the network and its float32 parameters by T5X's names joined with '/'.

    Args:
        folder: as for `open_folder`.

    Raises:
        ModelFolderError: as `open_folder`, or a parameter is not finite.
    """
    opened = open_folder(folder)
    return opened.config, {name: opened.read(name) for name in opened.places}


def _without_copies(
    tensors: dict[str, np.ndarray], scaled: bool, folder: str
) -> dict[str, np.ndarray]:
    """Drops copies of the shared embedding, and adds the one that stands for a missing head."""
    tensors = {name: tensor for name, tensor in tensors.items() if name != _UNUSED}
    shared = tensors.get(_EMBEDDING)
    # Some folders hold the embedding under the names of its copies alone.
    for name in _COPIES:
        if shared is None and name in tensors:
            shared = tensors[_EMBEDDING] = tensors[name]
    for name in (*_COPIES, _HEAD) if scaled else _COPIES:
        if name in tensors and shared is not None:
            if not np.array_equal(tensors[name], shared, equal_nan=True):
                raise ModelFolderError(
                    f"{folder}: {name} {tensors[name].shape} differs from {_EMBEDDING} "
                    f"{shared.shape}, which {CONFIG} says are one."
                )
            del tensors[name]
    if not scaled and _HEAD not in tensors and shared is not None:
        # transformers 5 makes such models: scores by the embedding, yet unscaled.
        tensors[_HEAD] = shared
    return tensors


def _check_names_and_shapes(
    places: Mapping[str, Place], tensors: Mapping[str, np.ndarray], folder: str
) -> None:
    problems = []
    for place in places.values():
        if place.name not in tensors:
            problems.append(f"{place.name}: missing, {place.their_shape} by {CONFIG}")
        elif tensors[place.name].shape != place.their_shape:
            found = tensors[place.name].shape
            problems.append(f"{place.name}: {found} in the file, {place.their_shape} by {CONFIG}")
    known = {place.name for place in places.values()}
    problems += [
        f"{name}: {tensors[name].shape} in the file, no part of a T5 by {CONFIG}"
        for name in sorted(set(tensors) - known)
    ]
    if problems:
        more = [f"and {len(problems) - LISTED} more"] if len(problems) > LISTED else []
        lines = "".join(f"\n  {problem}" for problem in [*problems[:LISTED], *more])
        raise ModelFolderError(f"The weights in {folder} are not those of its {CONFIG}:{lines}")


def _exchanged(tensor: np.ndarray, place: Place, named: str) -> np.ndarray:
    """Returns a tensor in float32, its axes exchanged if ours and theirs differ."""
    exchanged = np.asarray(tensor.T if place.transposed else tensor, np.float32, order="C")
    if count := int(np.size(exchanged) - np.isfinite(exchanged).sum()):
        raise ModelFolderError(
            f"{named} {tensor.shape} holds {count:,} values that are NaN or infinite: the training "
            "diverged or the file is damaged."
        )
    return exchanged


def write_weights(folder: str, config: T5Config, params: Tree) -> None:
    """Writes `model.safetensors`, the weights as `transformers` names them, in float32.

    Args:
        folder: exists.
        config: of the network.
        params: nested dictionaries under T5X's names.

    Raises:
        ModelFolderError: the parameters are not those of such a network, or not finite.
    """
    flat = traverse_util.flatten_dict(params, sep="/")
    places = tensor_places(config)
    if set(flat) != set(places):
        different = sorted(set(flat) ^ set(places))
        raise ModelFolderError(f"The parameters are not those of the network: {different[:LISTED]}")
    tensors = {}
    for ours, place in places.items():
        leaf = np.asarray(flat[ours])
        if leaf.shape != place.shape:
            raise ModelFolderError(
                f"The parameter {ours} is {leaf.shape}; the network has {place.shape}."
            )
        tensors[place.name] = _exchanged(leaf, place, f"The parameter {ours}")
    write_safetensors(os.path.join(folder, SAFETENSORS), tensors)
