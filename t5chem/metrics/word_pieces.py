"""BERT's uncased WordPiece, which published caption scores count with SciBERT's vocabulary."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MAX_PIECES: Final = 512
_UNKNOWN: Final = "[UNK]"
# BERT does not look for the pieces of a longer word.
_LONGEST_WORD: Final = 100
# Chinese characters are words of their own (the blocks BERT's tokenizer lists).
_CHINESE: Final = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


class WordPieces:
    """Splits text into word pieces: lower case, no accents, longest match first.

    No special tokens are added, and at most 512 pieces are kept, as MolT5's evaluation does.

    Args:
        path: the vocabulary, one piece a line (SciBERT's is `vocab.txt` of
            `allenai/scibert_scivocab_uncased`).

    Raises:
        ValueError: the file holds no `[UNK]`, so is no such vocabulary.
        OSError: it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        content = Path(path).read_bytes()
        self.digest = hashlib.sha256(content).hexdigest()
        self._pieces = frozenset(content.decode("utf-8").splitlines())
        if _UNKNOWN not in self._pieces:
            raise ValueError(
                f"{path} has no line {_UNKNOWN}: give a WordPiece vocabulary, one piece a line."
            )
        self._of_word: dict[str, tuple[str, ...]] = {}

    def __call__(self, text: str) -> list[str]:
        """Returns the first 512 pieces of the text."""
        pieces: list[str] = []
        for word in _words(text):
            if word not in self._of_word:
                self._of_word[word] = tuple(self._split(word))
            pieces += self._of_word[word]
            if len(pieces) >= MAX_PIECES:
                break
        return pieces[:MAX_PIECES]

    def _split(self, word: str) -> list[str]:
        if len(word) > _LONGEST_WORD:
            return [_UNKNOWN]
        pieces: list[str] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                if (piece := prefix + word[start:end]) in self._pieces:
                    break
            else:
                return [_UNKNOWN]
            pieces.append(piece)
            start = end
        return pieces


def _words(text: str) -> Iterator[str]:
    """The words of a text, lower-cased, without accents; punctuation characters alone."""
    spaced = "".join(map(_spaced, text))
    plain = (c for c in unicodedata.normalize("NFD", spaced) if unicodedata.category(c) != "Mn")
    for word in "".join(plain).lower().split():
        start = 0
        for position, character in enumerate(word):
            if _is_punctuation(character):
                if start < position:
                    yield word[start:position]
                yield character
                start = position + 1
        if start < len(word):
            yield word[start:]


def _spaced(character: str) -> str:
    """Drops what cannot be seen and puts spaces around a Chinese character."""
    if character in " \t\n\r":
        return " "
    category = unicodedata.category(character)
    if category[0] == "C" or character == "\ufffd":
        return ""
    if category == "Zs":
        return " "
    code = ord(character)
    if any(first <= code <= last for first, last in _CHINESE):
        return f" {character} "
    return character


def _is_punctuation(character: str) -> bool:
    """Unicode's punctuation, and every ASCII character that is no letter, digit or space."""
    code = ord(character)
    if code < 128:
        return 33 <= code <= 126 and not character.isalnum()
    return unicodedata.category(character).startswith("P")
