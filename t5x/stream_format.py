"""The files of a stream: a mixture materialised once (docs/stream.md says them byte by byte).

A stream is a folder of ArrayRecord shards and a header. A record is a row of the batches to be: the
examples that share it, as token ids, and the id of each. Plain little-endian numbers: nothing in a
file is ever executed.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from t5x.errors import ConfigError, RunError

FORMAT = "t5x-stream"
VERSION = 1
HEADER = "header.json"
PARTIAL = ".partial"
"""What the name of a folder ends with that is being written."""

WORD = np.dtype("<i4")
TASK, NUMBER = "task", "number"


class DamagedStreamError(RunError, ValueError):
    """A stream's files are not what its header says."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a stream was asked to be; with the same data and versions it gives the same files.

    Attributes:
        mixture: or task, as registered with SeqIO.
        module: that registers it.
        split: of its tasks.
        lengths: longest inputs and targets; of a row when packed.
        pack: whether examples share rows.
        open_rows: of packing (`t5x.first_fit`).
        seed: of random preprocessing and of the order.
        epochs: of the mixture that are one epoch of the stream.
        examples: of one epoch of the stream; None: whole passes.
        use_cached: whether SeqIO's offline cache was read.
        buckets: of the shuffle (`t5x.external_shuffle`).
        rows_per_shard: records of a file.
    """

    mixture: str
    module: str | None
    split: str
    lengths: Mapping[str, int]
    pack: bool
    open_rows: int
    seed: int
    epochs: int
    examples: int | None
    use_cached: bool
    buckets: int
    rows_per_shard: int


@dataclasses.dataclass(frozen=True)
class TaskCount:
    """What an epoch holds of a task.

    Attributes:
        name: of the task.
        rate: in the mixture.
        passes: examples of each pass over the task.
    """

    name: str
    rate: float
    passes: Sequence[int]

    @property
    def examples(self) -> int:
        """Examples of all passes."""
        return sum(self.passes)


@dataclasses.dataclass(frozen=True)
class VocabularyCard:
    """What tells one vocabulary from another.

    Attributes:
        name: of its class, for people.
        size: number of ids.
        eos_id: ends a sequence.
        digest: of what each id means.
    """

    name: str
    size: int
    eos_id: int | None
    digest: str


@dataclasses.dataclass(frozen=True)
class Shard:
    """One ArrayRecord file.

    Attributes:
        name: of the file.
        rows: records.
        bytes: its size.
        sha256: of its content.
    """

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Header:
    """What is in a stream.

    Attributes:
        recipe: what it was asked to be.
        tasks: what an epoch holds of each; a record names a task by its place in this list.
        rows: of an epoch.
        filled: share of the rows' places that hold a token, by feature.
        token_type: 'uint16' or 'int32'.
        vocabularies: by feature.
        configuration: lines of the gin configuration, such as that of preprocessors.
        versions: of what made it.
        shards: the files.
    """

    recipe: Recipe
    tasks: Sequence[TaskCount]
    rows: int
    filled: Mapping[str, float]
    token_type: str
    vocabularies: Mapping[str, VocabularyCard]
    configuration: Sequence[str]
    versions: Mapping[str, str]
    shards: Sequence[Shard]

    @property
    def examples(self) -> int:
        """Examples of an epoch."""
        return sum(task.examples for task in self.tasks)

    @functools.cached_property
    def codec(self) -> RowCodec:
        """Writes and reads its records."""
        return RowCodec(tuple(self.recipe.lengths), self.token_type)


@dataclasses.dataclass(frozen=True)
class Row:
    """The examples that share a row.

    Attributes:
        ids: of the examples, (task, number), `int32[examples, 2]`.
        sizes: tokens of each example by feature, `int32[examples]`.
        tokens: of all examples, one after the other, by feature, `[sum of sizes]`.
    """

    ids: np.ndarray
    sizes: Mapping[str, np.ndarray]
    tokens: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class RowCodec:
    """Rows as bytes.

    Attributes:
        features: names, in the order in which records have them.
        token_type: 'uint16' or 'int32'.

    Example:
        >>> codec = RowCodec(("x",), "uint16")
        >>> parts = [{"x": np.array([7, 8, 9]), "task": 0, "number": 41}]
        >>> row = codec.decode(codec.encode(parts))
        >>> row.ids.tolist(), row.tokens["x"].tolist()
        ([[0, 41]], [7, 8, 9])
    """

    features: tuple[str, ...]
    token_type: str

    def encode(self, examples: Sequence[Mapping[str, Any]]) -> bytes:
        """Returns the bytes of a row.

        Args:
            examples: each has its features, its `task` and its `number`.

        Raises:
            ConfigError: a token does not fit the type.
        """
        columns = [[example[key] for example in examples] for key in (TASK, NUMBER)]
        columns += [[len(example[name]) for example in examples] for name in self.features]
        words = np.array([len(examples), *(word for column in columns for word in column)], WORD)
        parts = [example[name] for name in self.features for example in examples]
        return words.tobytes() + self._checked(np.concatenate(parts)).tobytes()

    def decode(self, record: bytes | memoryview) -> Row:
        """Returns the row of some bytes, as views of them.

        Raises:
            ValueError: the bytes are no row.
        """
        (count,) = np.frombuffer(record, WORD, 1)
        words = np.frombuffer(record, WORD, (2 + len(self.features)) * count, WORD.itemsize)
        columns = words.reshape(2 + len(self.features), count)
        sizes = dict(zip(self.features, columns[2:], strict=True))
        everything = np.frombuffer(record, self._dtype, -1, WORD.itemsize * (1 + len(words)))
        tokens, end = {}, 0
        for name, column in sizes.items():
            begin, end = end, end + int(column.sum())
            tokens[name] = everything[begin:end]
        if end != len(everything):
            raise ValueError(f"a row of {end} tokens has {len(everything)}")
        return Row(columns[:2].T, sizes, tokens)

    @functools.cached_property
    def _dtype(self) -> np.dtype:
        return np.dtype(self.token_type).newbyteorder("<")

    def _checked(self, tokens: np.ndarray) -> np.ndarray:
        limits = np.iinfo(self._dtype)
        if len(tokens) and not limits.min <= tokens.min() <= tokens.max() <= limits.max:
            raise ConfigError(
                f"Token ids from {tokens.min()} to {tokens.max()} do not fit {self.token_type}: a "
                "task gives out ids that its vocabulary does not have."
            )
        return tokens.astype(self._dtype)


def vocabulary_card(vocabulary: Any) -> VocabularyCard:
    """Returns what tells a vocabulary from others: the meaning of each id, wherever its file lies.

    Args:
        vocabulary: SeqIO's, or has a `card`, as `stream.StreamVocabulary`.
    """
    if hasattr(vocabulary, "card"):
        return vocabulary.card
    size = int(vocabulary.vocab_size)
    meanings = [str(vocabulary.decode([number])) for number in range(size)]
    content = json.dumps([vocabulary.eos_id, meanings]).encode()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return VocabularyCard(type(vocabulary).__qualname__, size, vocabulary.eos_id, digest)


def write_header(folder: str, header: Header) -> None:
    """Writes a stream's header."""
    content = {"format": FORMAT, "version": VERSION, **dataclasses.asdict(header)}
    with open(os.path.join(folder, HEADER), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, ensure_ascii=False)


def read_header(folder: str) -> Header:
    """Reads a stream's header and checks that its shards have their sizes.

    Args:
        folder: of the stream.

    Raises:
        ConfigError: there is no stream, or one of a later version.
        DamagedStreamError: a shard is missing or was cut short.
    """
    path = os.path.join(folder, HEADER)
    if not os.path.isfile(path):
        unfinished = os.path.isdir(folder.rstrip("/") + PARTIAL)
        why = "it was never finished: the same command begins it anew" if unfinished else "make it"
        raise ConfigError(
            f"There is no stream in {folder} ({HEADER} is not there); {why}:\n  python -m "
            f"t5x.materialize --mixture=... --module=... --lengths=inputs=512,targets=512 "
            f"--output={folder}",
            "Stream.folder",
        )
    with open(path, encoding="utf-8") as file:
        content = _parsed(file.read(), path)
    if content.pop("format", None) != FORMAT or content.pop("version", None) != VERSION:
        raise ConfigError(
            f"{path} is no header of {FORMAT}, version {VERSION}, which this release reads: make "
            "the stream anew.",
            "Stream.folder",
        )
    header = _header(content)
    for shard in header.shards:
        _check_size(folder, shard)
    return header


def _parsed(text: str, path: str) -> dict[str, Any]:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DamagedStreamError(
            f"{path} is no JSON ({error}): copy the stream again, or make it anew.", "Stream.folder"
        ) from error


def _header(content: Mapping[str, Any]) -> Header:
    vocabularies = content["vocabularies"].items()
    return Header(
        **{
            **content,
            "recipe": Recipe(**content["recipe"]),
            "tasks": [TaskCount(**task) for task in content["tasks"]],
            "vocabularies": {name: VocabularyCard(**card) for name, card in vocabularies},
            "shards": [Shard(**shard) for shard in content["shards"]],
        }
    )


def _check_size(folder: str, shard: Shard) -> None:
    path = os.path.join(folder, shard.name)
    found = os.path.getsize(path) if os.path.isfile(path) else None
    if found != shard.bytes:
        what = "is missing" if found is None else f"has {found:,} bytes"
        raise DamagedStreamError(
            f"{path} {what}, and its header says {shard.bytes:,} bytes: it was not copied whole. "
            "Copy the stream again, or make it anew with t5x.materialize.",
            "Stream.folder",
        )
