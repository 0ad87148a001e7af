"""The bytes of UTF-8 as ids, as ByT5 reads and writes (Xue et al. 2022, arXiv:2105.13626)."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from typing import ClassVar, Final

from t5chem.vocabularies.vocabulary import Vocabulary

BYTE_SENTINELS: Final = 125
_BYTES: Final = 256
_SPECIAL: Final = 3


class ByteVocabulary(Vocabulary):
    """Every byte has the id of its value plus 3; the ids of ByT5.

    Args:
        extra_ids: number of sentinels after the bytes; ByT5 has 125, which makes 384 ids.

    Example:
        >>> ByteVocabulary().encode("C°")
        [70, 197, 179]
        >>> ByteVocabulary().decode([70, 197, 179, 1, 70])
        'C°'
    """

    kind: ClassVar[str] = "byte"

    def __init__(self, extra_ids: int = BYTE_SENTINELS) -> None:
        self.extra_ids = extra_ids
        self.fingerprint = hashlib.sha256(b"UTF-8 bytes plus 3").hexdigest()[:16]

    @property
    def vocab_size(self) -> int:
        """Number of ids, sentinels included."""
        return _SPECIAL + _BYTES + self.extra_ids

    def encode(self, text: str) -> list[int]:
        """Returns the ids of `text`, without the end id."""
        return [byte + _SPECIAL for byte in text.encode()]

    def pieces(self, text: str) -> list[str]:
        """Returns each byte, written as its character if that is visible ASCII."""
        return [chr(b) if 32 < b < 127 else f"<0x{b:02X}>" for b in text.encode()]

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text of `ids` before the first end id; what is no UTF-8 is left out."""
        before_end = itertools.takewhile(lambda number: number != self.eos_id, ids)
        values = (int(number) - _SPECIAL for number in before_end)
        return bytes(b for b in values if 0 <= b < _BYTES).decode(errors="ignore")
