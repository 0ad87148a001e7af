"""Fields of serialised protocol buffers, for readers that know the numbers of those they want.

The schema of the Open Reaction Database is published as a package that pins protobuf below the
version that TensorFlow wants, so the two cannot be installed together. Its few fields that make a
reaction are read here by number, from the wire format (protobuf.dev, Encoding).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final, Protocol

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTH: Final = {_FIXED64: 8, _FIXED32: 4}
_LARGEST: Final = 1 << 31  # protobuf's own limit of a message


class Stream(Protocol):
    """What can be read from, such as a file that gzip opens."""

    def read(self, size: int, /) -> bytes:
        """Returns as many bytes, fewer at the end."""


class WireError(ValueError):
    """The bytes are no serialised message."""


def fields(message: bytes | Stream) -> Iterator[tuple[int, int | bytes]]:
    r"""Yields the fields of a message in their order.

    Args:
        message: serialised, or a stream of it.

    Yields:
        The number of the field, and an integer, or the bytes of a text, a message or a fixed width.

    Raises:
        WireError: it breaks off, or is no message.

    Example:
        >>> list(fields(b"\x08\x02\x1a\x03CCO"))
        [(1, 2), (3, b'CCO')]
    """
    stream = io.BytesIO(message) if isinstance(message, bytes) else message
    while (tag := _varint(stream, end_is_fine=True)) is not None:
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            yield number, _varint(stream) or 0
        elif wire == _BYTES:
            yield number, _read(stream, _varint(stream) or 0)
        elif wire in _WIDTH:
            yield number, _read(stream, _WIDTH[wire])
        else:
            raise WireError(f"wire type {wire} of field {number}")


def messages(message: bytes | Stream, number: int) -> Iterator[bytes]:
    """Yields the messages that a repeated field of a message holds.

    Raises:
        WireError: as `fields`; or the field holds integers.
    """
    for found, value in fields(message):
        if found == number:
            if isinstance(value, int):
                raise WireError(f"field {number} holds {value} and no message")
            yield value


def _varint(stream: Stream, end_is_fine: bool = False) -> int | None:
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            if end_is_fine and not shift:
                return None
            raise WireError("it breaks off")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise WireError("an integer of more than 64 bits")


def _read(stream: Stream, length: int) -> bytes:
    if length > _LARGEST:
        raise WireError(f"a field of {length:,} bytes")
    value = stream.read(length)
    if len(value) < length:
        raise WireError("it breaks off")
    return value
