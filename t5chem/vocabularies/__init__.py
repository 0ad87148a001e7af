"""The vocabularies a model can read and write with: one interface.

- `chem` is ours and comes with the package: it loses no text and splits SMILES at atoms and bonds.
- `t5` is Google's, made to lose no text either; `compatible` gives Google's ids exactly.
- `byte` has an id for every byte, as ByT5.
- `atoms` has the tokens of the RXN models, for models of reactions alone; it loses no text either.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from t5chem.vocabularies.byte_vocabulary import ByteVocabulary
from t5chem.vocabularies.lossless_t5 import LosslessT5Vocabulary
from t5chem.vocabularies.sentence_piece import SentencePieceVocabulary
from t5chem.vocabularies.vocabulary import Vocabulary
from t5x.errors import ConfigError

__all__ = [
    "ATOMS_MODEL_FILE",
    "CHEM_MODEL_FILE",
    "SHIPPED",
    "T5_MODEL_VARIABLE",
    "VOCABULARIES",
    "ByteVocabulary",
    "LosslessT5Vocabulary",
    "SentencePieceVocabulary",
    "Vocabulary",
    "atoms",
    "byte",
    "chem",
    "open_vocabulary",
    "t5",
]

ATOMS_MODEL_FILE: Final = str(Path(__file__).with_name("atoms.model"))
"""Path of the SentencePiece model of the vocabulary `atoms`."""

CHEM_MODEL_FILE: Final = str(Path(__file__).with_name("chem.model"))
"""Path of the SentencePiece model of the vocabulary `chem`."""

T5_MODEL_VARIABLE: Final = "T5CHEM_T5_VOCAB"
"""Environment variable with the path of Google's SentencePiece model of T5."""


@functools.cache
def chem() -> SentencePieceVocabulary:
    """Returns the vocabulary `chem`, with T5's 100 sentinels.

    Example:
        >>> chem().pieces("C[C@@H](N)C(=O)O")
        ['C', '[C@@H]', '(', 'N', ')', 'C', '(', '=', 'O', ')', 'O']
    """
    return SentencePieceVocabulary(CHEM_MODEL_FILE)


def t5(model_file: str | Path | None = None, compatible: bool = False) -> SentencePieceVocabulary:
    """Returns Google's vocabulary of T5, with 100 sentinels.

    Args:
        model_file: Google's SentencePiece model; None takes the path in `T5CHEM_T5_VOCAB`.
        compatible: give Google's ids exactly, which lose text; otherwise the characters that have
            no piece are written with rows that released embeddings have and never used.

    Raises:
        ConfigError: the file is not named, not there, or not T5's.
    """
    file = str(model_file or os.environ.get(T5_MODEL_VARIABLE, ""))
    if not file:
        raise ConfigError(
            "The vocabulary t5 needs T5's SentencePiece model, which is not ours to hand on: get "
            "`spiece.model` of any released T5 (google-t5/t5-small on the Hugging Face hub) and "
            f"set {T5_MODEL_VARIABLE} to its path."
        )
    try:
        return _t5(file, compatible)
    except (OSError, ValueError) as error:
        raise ConfigError(f"The vocabulary t5 cannot be read: {error}") from error


@functools.cache
def _t5(model_file: str, compatible: bool) -> SentencePieceVocabulary:
    kind = SentencePieceVocabulary if compatible else LosslessT5Vocabulary
    return kind(model_file)


@functools.cache
def byte() -> ByteVocabulary:
    """Returns the vocabulary of bytes, with ByT5's 125 sentinels.

    Example:
        >>> byte().vocab_size, byte().encode("CO")
        (384, [70, 82])
    """
    return ByteVocabulary()


@functools.cache
def atoms() -> SentencePieceVocabulary:
    """Returns the vocabulary `atoms`, with T5's 100 sentinels (see `atom_tokens`).

    Example:
        >>> atoms().pieces("C[C@@H](Cl)C%12")
        ['C', '[C@@H]', '(', 'Cl', ')', 'C', '%12']
    """
    return SentencePieceVocabulary(ATOMS_MODEL_FILE)


SHIPPED: Final[Mapping[str, Callable[[], SentencePieceVocabulary]]] = MappingProxyType(
    {"chem": chem, "atoms": atoms}
)
"""What opens the SentencePiece vocabularies that come with the package."""

VOCABULARIES: Final[Mapping[str, Callable[[], Vocabulary]]] = MappingProxyType(
    {
        "chem": chem,
        "t5": t5,
        "t5_compatible": functools.partial(t5, compatible=True),
        "byte": byte,
        "atoms": atoms,
    }
)
"""What opens the vocabulary of a name."""


def open_vocabulary(name_or_file: str) -> Vocabulary:
    """Returns the vocabulary of a name in `VOCABULARIES`, or of a SentencePiece model's path.

    Args:
        name_or_file: a name counts before a file of that name.

    Raises:
        ConfigError: there is neither, or it cannot be read.

    Example:
        >>> open_vocabulary("byte").vocab_size
        384
    """
    if name_or_file in VOCABULARIES:
        return VOCABULARIES[name_or_file]()
    try:
        return SentencePieceVocabulary(name_or_file)
    except OSError as error:
        raise ConfigError(
            f"{name_or_file!r} is neither a vocabulary ({', '.join(VOCABULARIES)}) nor a file that "
            f"can be read: {error.strerror}."
        ) from error
    except ValueError as error:
        raise ConfigError(str(error)) from error
