"""The vocabularies for SeqIO tasks: same files, same ids.

Apart from the rest because it imports TensorFlow, which predicting does not need. A file is read
when an id is asked for, not before: tasks may be registered in vocabularies that are not there.

TensorFlow's graph calls our vocabulary rather than a tokenizer of its own. TensorFlow Text has an
older SentencePiece inside, which decides otherwise when two splits are equally likely: `CCC` is
`CC`, `C` there and `C`, `CC` here, and so the ids of 308 of the 3,300 SMILES of ChEBI-20's test
split would differ between training and predicting with T5's vocabulary.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from t5chem import vocabularies
from t5x.quiet import import_seqio, import_tensorflow

tf: Any = import_tensorflow()
seqio: Any = import_seqio()


class SeqioVocabulary(seqio.Vocabulary):
    """One of ours, as SeqIO wants vocabularies.

    Equal when ours are, and printed with their fingerprint. Can be pickled and deep-copied, as gin
    does with arguments.

    Args:
        open_ours: returns ours; called once, when it is needed, and picklable.
    """

    def __init__(self, open_ours: Callable[[], vocabularies.Vocabulary]) -> None:
        super().__init__()
        self._open_ours = open_ours

    @functools.cached_property
    def ours(self) -> vocabularies.Vocabulary:
        """The vocabulary that TensorFlow has no part in."""
        return self._open_ours()

    @property
    def bos_id(self) -> None:
        """T5's decoder starts with the pad id."""
        return None

    @property
    def eos_id(self) -> int:
        """Ends a text."""
        return vocabularies.Vocabulary.eos_id

    @property
    def unk_id(self) -> int:
        """Stands for what the vocabulary cannot write."""
        return vocabularies.Vocabulary.unk_id

    @property
    def extra_ids(self) -> int:
        """How many of the ids are sentinels."""
        return self.ours.extra_ids

    @property
    def vocab_size(self) -> int:
        """Number of ids, sentinels included."""
        return self.ours.vocab_size

    @property
    def sentinel_ids(self) -> range:
        """Ids of `<extra_id_0>`, `<extra_id_1>`, ..."""
        return self.ours.sentinel_ids

    @property
    def _base_vocab_size(self) -> int:
        return self.vocab_size

    def _encode(self, s: str) -> list[int]:
        return self.ours.encode(s)

    def _decode(self, ids: Iterable[int]) -> str:
        return self.ours.decode(ids)

    # AutoGraph would rewrite the function that TensorFlow calls back, and slow every call.
    @tf.autograph.experimental.do_not_convert
    def _encode_tf(self, s: Any) -> Any:
        def encode(text: bytes | np.ndarray) -> np.ndarray:
            # Bytes in a graph; outside one, an array without dimensions that holds them.
            content: bytes = np.asarray(text, object).item()
            return np.array(self.ours.encode(content.decode(errors="replace")), np.int32)

        ids = tf.numpy_function(encode, [tf.ensure_shape(s, ())], tf.int32, stateful=False)
        return tf.ensure_shape(ids, [None])

    @tf.autograph.experimental.do_not_convert
    def _decode_tf(self, ids: Any) -> Any:
        if ids.shape.rank > 1:
            return tf.map_fn(self._decode_tf, ids, fn_output_signature=tf.string)

        def decode(numbers: np.ndarray) -> np.ndarray:
            # As an object: numpy's own strings lose zero bytes at their end.
            return np.array(self.ours.decode(numbers.tolist()).encode(), object)

        return tf.ensure_shape(tf.numpy_function(decode, [ids], tf.string, stateful=False), ())

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "ours"}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SeqioVocabulary):
            return NotImplemented
        return self.ours == other.ours

    def __hash__(self) -> int:
        return hash(self.ours)

    def __repr__(self) -> str:
        return repr(self.ours)


def chem() -> SeqioVocabulary:
    """Returns `t5chem.vocabularies.chem` for SeqIO."""
    return SeqioVocabulary(vocabularies.chem)


def t5(model_file: str | None = None, compatible: bool = False) -> SeqioVocabulary:
    """Returns `t5chem.vocabularies.t5` for SeqIO.

    Args:
        model_file: Google's SentencePiece model; None takes the path in `T5CHEM_T5_VOCAB`, as the
            tasks do.
        compatible: give Google's ids exactly.
    """
    return SeqioVocabulary(functools.partial(vocabularies.t5, model_file, compatible))


def byte() -> SeqioVocabulary:
    """Returns `t5chem.vocabularies.byte` for SeqIO."""
    return SeqioVocabulary(vocabularies.byte)


def atoms() -> SeqioVocabulary:
    """Returns `t5chem.vocabularies.atoms` for SeqIO."""
    return SeqioVocabulary(vocabularies.atoms)


def sentence_piece(model_file: str) -> SeqioVocabulary:
    """Returns any SentencePiece model with T5's special ids, and 100 sentinels, for SeqIO.

    Args:
        model_file: such as `t5chem vocab train` writes.
    """
    return SeqioVocabulary(functools.partial(vocabularies.open_vocabulary, model_file))
