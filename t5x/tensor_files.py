"""Tensors by name in files of other people: safetensors and, through torch, `pytorch_model.bin`.

The safetensors format is eight bytes with the length of a header, the header as JSON, and the
tensors' bytes, little-endian. It is read here rather than by its library because NumPy's part of
that has no bfloat16, and because a damaged file should be described by the tensor that is damaged.
Nothing that is read is ever executed.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

from t5x.errors import RunError

SAFETENSORS = "model.safetensors"
PICKLE = "pytorch_model.bin"

_DTYPES = {
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F64": np.dtype(np.float64),
}
_LONGEST_HEADER = 10**8
_ALIGNMENT = 8


class ModelFolderError(RunError, ValueError):
    """A model folder cannot be used: says which file, which tensor, and what was expected."""

    exit_code = 2


def read_tensors(folder: str) -> dict[str, np.ndarray]:
    """Returns every floating tensor of a model folder by its name, in the dtype of the file.

    Tensors of safetensors files are mapped: they take memory when they are used.

    Args:
        folder: with `model.safetensors` or `pytorch_model.bin`, whole or in shards that
            `<file>.index.json` lists.

    Raises:
        ModelFolderError: there is none, or it is damaged, or it is a pickle that cannot be read
            without executing it.
    """
    for name, read in ((SAFETENSORS, read_safetensors), (PICKLE, _read_pickle)):
        if os.path.isfile(os.path.join(folder, name)):
            return read(os.path.join(folder, name))
        index = os.path.join(folder, name + ".index.json")
        if os.path.isfile(index):
            tensors: dict[str, np.ndarray] = {}
            for shard in _shards(index):
                tensors |= read(os.path.join(folder, shard))
            return tensors
    raise ModelFolderError(
        f"{folder} holds neither {SAFETENSORS} nor {PICKLE} (nor an index of shards of one): is it "
        "a folder that save_pretrained wrote?"
    )


def read_json(file: str) -> dict[str, Any]:
    """Returns the object that a JSON file holds.

    Raises:
        ModelFolderError: there is no such file, or it holds something else.
    """
    try:
        with open(file, encoding="utf-8") as opened:
            content = json.load(opened)
    except FileNotFoundError:
        raise ModelFolderError(f"{file} is missing.") from None
    except (ValueError, OSError) as error:
        raise ModelFolderError(f"{file} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise ModelFolderError(f"{file} holds a {type(content).__name__}, not a JSON object.")
    return content


def _shards(index: str) -> list[str]:
    """Returns the files of an index, which must lie beside it."""
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelFolderError(f"{index} has no 'weight_map' from tensors to files.")
    shards = sorted({str(shard) for shard in weight_map.values()})
    for shard in shards:
        path = os.path.join(os.path.dirname(index), shard)
        if os.path.basename(shard) != shard or not os.path.isfile(path):
            tensor = next(name for name, file in weight_map.items() if file == shard)
            raise ModelFolderError(
                f"{index} says that {tensor} is in {shard!r}: there is no such file beside it."
            )
    return shards


def read_safetensors(file: str) -> dict[str, np.ndarray]:
    """Returns the floating tensors of one safetensors file, mapped into memory.

    Args:
        file: its path.

    Raises:
        ModelFolderError: the file is damaged; names the tensor where the damage is in one.
    """
    header, start = _read_header(file)
    size = os.path.getsize(file) - start
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            dtype, shape = _DTYPES.get(entry["dtype"]), tuple(map(int, entry["shape"]))
            begin, end = map(int, entry["data_offsets"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFolderError(f"{file}: the header says nothing usable of {name}.") from error
        if not 0 <= begin <= end <= size:
            raise ModelFolderError(
                f"{file} is truncated: {name} {shape} ends at byte {start + end:,} and the file at "
                f"{start + size:,}. Copy it again."
            )
        if dtype is None:  # integers, such as buffers of positions, are no parameters
            continue
        if min(shape, default=0) < 0 or end - begin != math.prod(shape) * dtype.itemsize:
            raise ModelFolderError(
                f"{file}: {name} {shape} of {entry['dtype']} cannot take {end - begin:,} bytes."
            )
        tensors[name] = _map(file, start + begin, dtype, shape)
    return tensors


def _read_header(file: str) -> tuple[dict[str, Any], int]:
    """Returns (header, where the tensors' bytes begin)."""
    with open(file, "rb") as opened:
        prefix = opened.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        content = opened.read(length) if length <= _LONGEST_HEADER else b""
    if not length or len(content) != length:
        raise ModelFolderError(
            f"{file} is not a safetensors file, or is cut short within its header."
        )
    try:
        header = json.loads(content)
    except ValueError as error:
        raise ModelFolderError(f"{file} is no safetensors file: {error}.") from error
    if not isinstance(header, dict):
        raise ModelFolderError(f"{file} is no safetensors file: its header is no JSON object.")
    return header, 8 + length


def _map(file: str, offset: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    if not math.prod(shape):
        return np.zeros(shape, dtype)
    return np.memmap(file, dtype, "r", offset, shape)


def write_safetensors(file: str, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes float32 tensors as a safetensors file; equal tensors give equal bytes.

    The file appears under its name when it is complete.

    Args:
        file: path to write.
        tensors: by name.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name in sorted(tensors):
        size = math.prod(tensors[name].shape) * 4
        header[name] = {
            "dtype": "F32",
            "shape": list(tensors[name].shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    content = json.dumps(header, separators=(",", ":")).encode()
    content += b" " * (-len(content) % _ALIGNMENT)
    with open(file + ".tmp", "wb") as opened:
        opened.write(struct.pack("<Q", len(content)) + content)
        for name in sorted(tensors):
            opened.write(np.ascontiguousarray(tensors[name], "<f4").data)
    os.replace(file + ".tmp", file)


def _read_pickle(file: str) -> dict[str, np.ndarray]:
    """Reads what `torch.save` wrote, by torch's reader that builds tensors and nothing else."""
    try:
        import torch
    except ModuleNotFoundError:
        raise ModelFolderError(
            f"{file} is a pickle, which only torch reads safely, and torch is not installed. Where "
            f"torch and transformers are, convert it:\n{_conversion(file)}"
        ) from None
    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
        return {
            str(name): tensor.to(torch.float32).numpy()
            for name, tensor in loaded.items()
            if tensor.is_floating_point()
        }
    except Exception as error:  # torch raises what its zip and pickle readers do
        reason = (str(error) or repr(error)).splitlines()[0]
        raise ModelFolderError(
            f"{file} is damaged or holds more than tensors, and is not executed: {reason}"
        ) from error


def _conversion(file: str) -> str:
    folder = os.path.dirname(file) or "."
    return (
        'python -c "from transformers import T5ForConditionalGeneration as T; '
        f'T.from_pretrained({folder!r}).save_pretrained({folder!r})"'
    )
