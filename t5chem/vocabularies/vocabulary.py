"""What every vocabulary can do."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import ClassVar


class Vocabulary(abc.ABC):
    """Turns text into ids and back.

    Vocabularies are equal when they give equal ids, wherever their files lie.

    Attributes:
        kind: 'sentencepiece', 't5' or 'byte'.
        fingerprint: 16 hexadecimal digits that tell vocabularies apart.
        extra_ids: how many of the ids are sentinels.
        vocab_size: number of ids, sentinels included.
        pad_id: fills a batch's rows up.
        eos_id: ends a text.
        unk_id: stands for what the vocabulary cannot write.
    """

    kind: ClassVar[str]
    pad_id: ClassVar[int] = 0
    eos_id: ClassVar[int] = 1
    unk_id: ClassVar[int] = 2
    fingerprint: str
    extra_ids: int

    @property
    @abc.abstractmethod
    def vocab_size(self) -> int:
        """Number of ids, sentinels included."""

    @property
    def sentinel_ids(self) -> range:
        """Ids of `<extra_id_0>`, `<extra_id_1>`, ...: the last ids, counted down."""
        return range(self.vocab_size - 1, self.vocab_size - 1 - self.extra_ids, -1)

    @abc.abstractmethod
    def encode(self, text: str) -> list[int]:
        """Returns the ids of `text`, without the end id."""

    @abc.abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text of `ids` before the first end id."""

    @abc.abstractmethod
    def pieces(self, text: str) -> list[str]:
        """Returns a name for each id that `encode` gives, for people to read."""

    def unknown_characters(self, text: str) -> str:
        """Returns the characters of `text` that have no id, in order, normalised."""
        named = zip(self.encode(text), self.pieces(text), strict=True)
        return "".join(piece for number, piece in named if number == self.unk_id)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return (self.fingerprint, self.extra_ids) == (other.fingerprint, other.extra_ids)

    def __hash__(self) -> int:
        return hash((self.fingerprint, self.extra_ids))

    def __repr__(self) -> str:
        return f"{self.kind} ({self.vocab_size:,} ids, sha256 {self.fingerprint})"
