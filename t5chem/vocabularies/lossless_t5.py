r"""T5's own vocabulary, made to lose nothing, within the rows that its embedding has anyway.

T5's SentencePiece model has 32,000 pieces; with 100 sentinels that is ids 0 to 32099. Released
embeddings have 32,128 rows, of which 32100 to 32127 were never used. Here they are:

| rows           | stand for                                                          |
|----------------|--------------------------------------------------------------------|
| 32100 to 32106 | ``< \ ^ ` { } ~``, the printable ASCII characters T5 cannot write   |
| 32107 to 32122 | the sixteen hexadecimal digits, two of them for one byte of UTF-8  |
| 32123 to 32127 | nothing                                                            |

All other ids are Google's, and so are the ids of every text that T5 loses nothing of. Google's
normaliser is switched off, for it loses text: it deletes spaces at both ends, makes one of several,
spaces of tabs and line breaks, deletes other control characters, and rewrites Unicode by NFKC
(`²` as `2`). What it would have changed is written as it is: a space by `▁`, which T5 has,
everything else that has no piece by bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

from t5chem.vocabularies import model_proto
from t5chem.vocabularies.sentence_piece import SentencePieceVocabulary, load_processor

MISSING: Final = "<\\^`{}~"
"""Printable ASCII characters that T5's model has no piece for, in the order of their new rows."""

DIGITS: Final = 16


class LosslessT5Vocabulary(SentencePieceVocabulary):
    r"""Google's pieces and sentinels, then `MISSING`, then hexadecimal digits.

    Args:
        model_file: path of T5's SentencePiece model.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no model of T5's kind.
    """

    kind: ClassVar[str] = "t5"

    def __init__(self, model_file: str | Path) -> None:
        super().__init__(model_file)
        present = [symbol for symbol in MISSING if self.unk_id not in self.encode_plainly(symbol)]
        if present:
            raise ValueError(
                f"{model_file} is not T5's vocabulary, which lacks {' '.join(MISSING)}: it has "
                f"{' '.join(present)}. Use it as it is, with SentencePieceVocabulary."
            )
        self.first_missing = super().vocab_size
        """Id of the first of `MISSING`: 32100 with Google's file."""
        self.first_digit = self.first_missing + len(MISSING)
        """Id of the hexadecimal digit 0: 32107 with Google's file."""
        own = b"".join(model_proto.piece(symbol, model_proto.USER_DEFINED) for symbol in MISSING)
        # SentencePiece itself numbers the 256 bytes from `first_digit`; only here are they digits.
        self._model_proto += own + model_proto.byte_fallback() + model_proto.no_normalisation()
        self.fingerprint = hashlib.sha256(self._model_proto).hexdigest()[:16]
        self._processor = load_processor(self._model_proto, self.model_file)

    @property
    def vocab_size(self) -> int:
        """Number of ids, sentinels and digits included: 32123 with Google's file."""
        return self.first_digit + DIGITS

    @property
    def sentinel_ids(self) -> range:
        """Ids of `<extra_id_0>`, `<extra_id_1>`, ...: Google's, before the rows of our own."""
        return range(self.first_missing - 1, self.first_missing - 1 - self.extra_ids, -1)

    def encode_plainly(self, text: str) -> list[int]:
        """Returns the ids that the SentencePiece model gives, bytes not yet spelt as digits."""
        return super().encode(text)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of `text`, without the end id."""
        return list(self._spell_bytes(self.encode_plainly(with_prefix(text))))

    def pieces(self, text: str) -> list[str]:
        """Returns the pieces that `encode` numbers; a digit is written `<0>` to `<F>`."""
        return [self._name(number) for number in self.encode(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text of `ids` before the first end id; ids that do not exist are unknown."""
        bytes_joined = list(self._join_digits(self._before_end(ids)))
        return str(self._processor.decode(bytes_joined)).removeprefix(" ")

    def _name(self, number: int) -> str:
        digit = number - self.first_digit
        return f"<{digit:X}>" if digit >= 0 else str(self._processor.id_to_piece(number))

    def _spell_bytes(self, ids: Iterable[int]) -> Iterator[int]:
        for number in ids:
            byte = number - self.first_digit
            if byte < 0:
                yield number
            else:
                yield self.first_digit + byte // DIGITS
                yield self.first_digit + byte % DIGITS

    def _join_digits(self, ids: Iterable[int]) -> Iterator[int]:
        """Yields bytes for pairs of digits; a digit without its partner is unknown."""
        waiting: int | None = None
        for number in ids:
            digit = number - self.first_digit
            if digit < 0:
                if waiting is not None:
                    yield self.unk_id
                    waiting = None
                yield number
            elif waiting is None:
                waiting = digit
            else:
                yield self.first_digit + waiting * DIGITS + digit
                waiting = None
        if waiting is not None:
            yield self.unk_id

    def __reduce__(self) -> tuple[type[SentencePieceVocabulary], tuple[Any, ...]]:
        return type(self), (self.model_file,)


def with_prefix(text: str) -> str:
    """Returns a text with the space that T5 puts before every one but the empty one.

    SentencePiece would put it there too, but older releases take away all leading spaces when they
    decode.
    """
    return f" {text}" if text else ""
