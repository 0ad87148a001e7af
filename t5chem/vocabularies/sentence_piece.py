"""A SentencePiece vocabulary as T5 uses one, without TensorFlow and SeqIO.

Numbered as by `seqio.SentencePieceVocabulary(file, extra_ids=100)`: 0 pads, 1 ends a text, 2 is
unknown, then the pieces of the file, then T5's sentinels from `<extra_id_99>` down to
`<extra_id_0>`, which has the last id.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Final

import sentencepiece

from t5chem.vocabularies import model_proto
from t5chem.vocabularies.vocabulary import Vocabulary

SENTINELS: Final = 100


class SentencePieceVocabulary(Vocabulary):
    r"""The pieces of a SentencePiece model, then T5's sentinels.

    Equal when made from the same model with as many sentinels, wherever the file lies.

    Args:
        model_file: path of a SentencePiece model with pad id 0, end id 1 and unknown id 2.
        extra_ids: number of sentinels after the file's pieces.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no SentencePiece model, or numbers its special pieces differently.

    Example:
        >>> from t5chem.vocabularies import chem
        >>> chem().pieces("F/C=C\\Cl")
        ['F', '/', 'C', '=', 'C', '\\', 'Cl']
        >>> chem().decode(chem().encode(" two  spaces"))
        ' two  spaces'
    """

    kind: ClassVar[str] = "sentencepiece"

    def __init__(self, model_file: str | Path, extra_ids: int = SENTINELS) -> None:
        self.model_file = str(model_file)
        self.extra_ids = extra_ids
        model = Path(model_file).read_bytes()
        self.fingerprint = hashlib.sha256(model).hexdigest()[:16]
        """First 16 hexadecimal digits of the model file's SHA-256."""
        self._model_proto = model + _sentinels(extra_ids)
        self._processor = load_processor(self._model_proto, self.model_file)
        found = (self._processor.pad_id(), self._processor.eos_id(), self._processor.unk_id())
        if found != (self.pad_id, self.eos_id, self.unk_id):
            raise ValueError(
                f"{model_file} has pad, end and unknown ids {found}, T5 needs (0, 1, 2): train it "
                "with pad_id=0, eos_id=1, unk_id=2, bos_id=-1."
            )

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
        return str(self._processor.decode(self._before_end(ids)))

    def _before_end(self, ids: Iterable[int]) -> list[int]:
        vocab_size = self.vocab_size
        before_end = itertools.takewhile(lambda number: number != self.eos_id, map(int, ids))
        return [number if 0 <= number < vocab_size else self.unk_id for number in before_end]

    def __reduce__(self) -> tuple[type[SentencePieceVocabulary], tuple[Any, ...]]:
        return type(self), (self.model_file, self.extra_ids)

    def __repr__(self) -> str:
        return f"{super().__repr__()} of {self.model_file}"


def load_processor(proto: bytes, model_file: str) -> sentencepiece.SentencePieceProcessor:
    """Returns SentencePiece over a model.

    Args:
        proto: the model.
        model_file: where it is from, for the error.

    Raises:
        ValueError: it is no model.
    """
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=proto)
    except RuntimeError as error:
        raise ValueError(f"{model_file} is no SentencePiece model: {error}.") from error


def _sentinels(count: int) -> bytes:
    names = [f"▁<extra_id_{n}>" for n in reversed(range(count))]
    return b"".join(model_proto.piece(name, model_proto.USER_DEFINED) for name in names)
