"""Parts of a SentencePiece model, to stand behind a model's bytes and so change it.

Protocol buffers that follow each other are read as one: repeated fields are joined, and of others
the last one counts. So nothing has to parse a model to add pieces to it, and predicting does not
need the protobuf package. Field numbers are those of `sentencepiece_model.proto`.
"""

from __future__ import annotations

from typing import Final

USER_DEFINED: Final = 4
BYTE: Final = 6

_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3  # of ModelProto
_PIECE, _TYPE = 1, 3  # of SentencePiece
_BYTE_FALLBACK = 35  # of TrainerSpec
_CHARSMAP, _ADD_DUMMY_PREFIX, _REMOVE_EXTRA_WHITESPACES = 2, 3, 4  # of NormalizerSpec

_VARINT, _LENGTH_DELIMITED = 0, 2


def piece(text: str, kind: int) -> bytes:
    """Returns one more piece of a model.

    Args:
        text: of the piece.
        kind: `USER_DEFINED` or `BYTE`.
    """
    return _message(_PIECES, _message(_PIECE, text.encode()) + _number(_TYPE, kind))


def byte_fallback() -> bytes:
    """Returns the 256 pieces of bytes, and that characters without a piece are written by them."""
    pieces = b"".join(piece(f"<0x{byte:02X}>", BYTE) for byte in range(256))
    return pieces + _message(_TRAINER, _number(_BYTE_FALLBACK, 1))


def no_normalisation() -> bytes:
    """Returns a normaliser that leaves every text, and its spaces, as they are."""
    spaces = _number(_ADD_DUMMY_PREFIX, 0) + _number(_REMOVE_EXTRA_WHITESPACES, 0)
    return _message(_NORMALIZER, _message(_CHARSMAP, b"") + spaces)


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])
