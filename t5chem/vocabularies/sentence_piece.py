"""A SentencePiece vocabulary as T5 uses one, without TensorFlow and SeqIO.

Ids are those of `seqio.SentencePieceVocabulary(file, extra_ids=100)`, so a model trained through
SeqIO is asked through this class: 0 pads, 1 ends a text, 2 is unknown, then the pieces of the
file, then T5's sentinels from `<extra_id_99>` down to `<extra_id_0>`, which has the last id.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import sentencepiece

SENTINELS: Final = 100
_USER_DEFINED: Final = 4


class SentencePieceVocabulary:
    r"""Turns text into ids and back.

    Equal when made from the same model with as many sentinels, wherever the file lies.

    Args:
        model_file: path of a SentencePiece model with pad id 0, end id 1 and unknown id 2.
        extra_ids: number of sentinels after the file's pieces.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file numbers its special pieces differently.

    Example:
        >>> from t5chem.vocabularies import chem
        >>> chem().pieces("F/C=C\\Cl")
        ['F', '/', 'C', '=', 'C', '\\', 'Cl']
        >>> chem().decode(chem().encode(" two  spaces"))
        ' two  spaces'
    """

    def __init__(self, model_file: str | Path, extra_ids: int = SENTINELS) -> None:
        self.model_file = str(model_file)
        self.extra_ids = extra_ids
        model = Path(model_file).read_bytes()
        self.fingerprint = hashlib.sha256(model).hexdigest()[:16]
        """First 16 hexadecimal digits of the model file's SHA-256."""
        self._processor = sentencepiece.SentencePieceProcessor(
            model_proto=model + _sentinels(extra_ids)
        )
        found = (self.pad_id, self.eos_id, self.unk_id)
        if found != (0, 1, 2):
            raise ValueError(
                f"{model_file} has pad, end and unknown ids {found}, T5 needs (0, 1, 2): train it "
                "with pad_id=0, eos_id=1, unk_id=2, bos_id=-1."
            )

    @property
    def pad_id(self) -> int:
        """Id that fills a batch's rows up."""
        return int(self._processor.pad_id())

    @property
    def eos_id(self) -> int:
        """Id that ends a text."""
        return int(self._processor.eos_id())

    @property
    def unk_id(self) -> int:
        """Id of what the vocabulary cannot write."""
        return int(self._processor.unk_id())

    @property
    def vocab_size(self) -> int:
        """Number of ids, sentinels included."""
        return int(self._processor.get_piece_size())

    def encode(self, text: str) -> list[int]:
        """Returns the ids of `text`, without the end id."""
        return list(self._processor.encode(text))

    def pieces(self, text: str) -> list[str]:
        """Returns the pieces that `encode` numbers, a space written `▁`."""
        return list(self._processor.encode(text, out_type=str))

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text of `ids` before the first end id; ids that do not exist are unknown."""
        eos_id, unk_id, vocab_size = self.eos_id, self.unk_id, self.vocab_size
        before_end = itertools.takewhile(lambda number: number != eos_id, map(int, ids))
        known = [number if 0 <= number < vocab_size else unk_id for number in before_end]
        return str(self._processor.decode(known))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SentencePieceVocabulary):
            return NotImplemented
        return (self.fingerprint, self.extra_ids) == (other.fingerprint, other.extra_ids)

    def __hash__(self) -> int:
        return hash((self.fingerprint, self.extra_ids))

    def __reduce__(self) -> tuple[type[SentencePieceVocabulary], tuple[str, int]]:
        return type(self), (self.model_file, self.extra_ids)

    def __repr__(self) -> str:
        return f"SentencePieceVocabulary({self.model_file!r}, extra_ids={self.extra_ids})"


def _sentinels(count: int) -> bytes:
    """Returns the sentinels as a serialised `ModelProto`, to stand behind a model's bytes.

    Protocol buffers that follow each other are read as one, their repeated fields joined, so
    nothing has to parse the model to add pieces to it.
    """
    return b"".join(_user_defined_piece(f"▁<extra_id_{n}>") for n in reversed(range(count)))


def _user_defined_piece(text: str) -> bytes:
    # Both lengths are below 128 and take one byte. Field 1 of ModelProto is a piece; in a piece
    # field 1 is its text, field 3 its type.
    encoded = text.encode()
    piece = b"\x0a" + bytes([len(encoded)]) + encoded + b"\x18" + bytes([_USER_DEFINED])
    return b"\x0a" + bytes([len(piece)]) + piece
