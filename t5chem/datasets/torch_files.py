"""The texts in a file that PyTorch wrote, read without PyTorch and without running what it says.

`torch.save` writes a zip archive in which `*/data.pkl` is a pickle: programs hide in those. Here
every class and function that it names is replaced by one that does nothing but keep its arguments,
and numbers of tensors, which lie in other members, are not read.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from t5chem.datasets.reading import broken_archive
from t5x.errors import ConfigError

_LARGEST_PICKLE: Final = 4 << 30
_DEEPEST: Final = 12
_NO_PICKLE: Final = (pickle.UnpicklingError, AttributeError, TypeError, IndexError, ValueError)


class _Inert(dict[Any, Any]):
    """Stands for an object of any class: keeps what it was made of and given."""

    kept: list[Any]

    def __new__(cls, *arguments: Any, **_: Any) -> _Inert:
        made = super().__new__(cls)
        made.kept = list(arguments)
        return made

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    # Some are keys of dictionaries, which a dictionary cannot be.
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __setstate__(self, state: Any) -> None:
        self.kept.append(state)

    def append(self, item: Any) -> None:
        self.kept.append(item)

    def extend(self, items: Any) -> None:
        self.kept.extend(items)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _Inert

    def persistent_load(self, pid: Any) -> Any:
        return None


def read_texts(stream: IO[bytes], name: str, keys: tuple[str, ...]) -> list[list[str]]:
    """Returns the lists of texts that a saved object holds under some names.

    Args:
        stream: of the file, which can be sought.
        name: of the file, for messages.
        keys: names of attributes, or keys, each with a list of texts.

    Raises:
        ConfigError: it is no such file, or has no list of texts under one of the names.
    """
    with broken_archive(Path(name)), zipfile.ZipFile(stream) as archive:
        pickles = [info for info in archive.infolist() if info.filename.endswith("/data.pkl")]
        if len(pickles) != 1 or pickles[0].file_size > _LARGEST_PICKLE:
            raise ConfigError(f"{name} is no file that PyTorch's `torch.save` wrote.")
        with archive.open(pickles[0]) as member:
            try:
                loaded = _Unpickler(member).load()
            except (
                pickle.UnpicklingError,
                AttributeError,
                TypeError,
                IndexError,
                ValueError,
            ) as error:
                raise ConfigError(f"{name}: its objects cannot be read: {error}") from error
    found = [next(_lists(loaded, key, _DEEPEST), None) for key in keys]
    for key, texts in zip(keys, found, strict=True):
        if texts is None:
            raise ConfigError(f"{name} holds no list of texts under the name {key!r}.")
    return [texts for texts in found if texts is not None]


def _lists(node: Any, key: str, depth: int) -> Iterator[list[str]]:
    """Yields lists of texts under a key, at any depth."""
    if not depth:
        return
    if isinstance(node, dict):
        value = node.get(key)
        if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
            yield value
        for inner in node.values():
            yield from _lists(inner, key, depth - 1)
    if isinstance(node, _Inert):
        for inner in node.kept:
            yield from _lists(inner, key, depth - 1)
    elif isinstance(node, tuple):
        for inner in node:
            yield from _lists(inner, key, depth - 1)
