r"""The vocabulary `atoms`: a token an atom, bond, parenthesis or ring number, as RXN models have.

`atom_tokens` splits a SMILES as Schwaller et al. 2018 define it ("Found in Translation", Chemical
Science 9, 6091): an atom in brackets is one token, so is a two-letter element and a ring number
after `%`; every other symbol stands alone. `atoms` has ids for these tokens. It is a SentencePiece
model, so that everything that reads `chem` reads it too: ring numbers 10 to 99, the bracket atoms
that `chem` has as pieces, every ASCII character, and bytes for the rest. A rarer bracket atom is
spelt, where a vocabulary learned from a training set would lose it.

    python -m t5chem.vocabularies.atom_tokens --out atoms.model

writes the shipped file again; nothing is learned.
"""

from __future__ import annotations

import argparse
import re
import string
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from t5chem.vocabularies.sentence_piece import SentencePieceVocabulary

_BRACKET_ATOM: Final = r"\[[^\]]+\]"
_ATOM: Final = r"Br|Cl|[BCNOPSFI]|[bcnops]|\*"
_RING_NUMBER: Final = r"%\d{2}|\d"
_SYMBOL: Final = r"[-=#$:/\\.~()+@?>]"
_TOKEN: Final = re.compile(rf"{_BRACKET_ATOM}|{_ATOM}|{_RING_NUMBER}|{_SYMBOL}", re.ASCII)

_SPACE: Final = "▁"
# A symbol of several characters has SentencePiece's score `characters * best - 0.1`: it must beat
# its characters, so these are worse than the best piece, the space.
_BEST_SCORE: Final = -1.0
_CHARACTER_SCORE: Final = -2.0


def atom_tokens(smiles: str) -> list[str]:
    r"""Splits a SMILES, or SMILES of a reaction, into its tokens.

    Args:
        smiles: molecules joined with `.`, ions with `~`, both sides of a reaction with `>`.

    Raises:
        ValueError: a character belongs to no token.

    Example:
        >>> atom_tokens("C[C@@H](Cl)C%12")
        ['C', '[C@@H]', '(', 'Cl', ')', 'C', '%12']
    """
    tokens: list[str] = []
    place = 0
    while place < len(smiles):
        match = _TOKEN.match(smiles, place)
        if match is None:
            raise ValueError(f"{smiles!r} is no SMILES: no token begins at {smiles[place:]!r}.")
        tokens.append(match[0])
        place = match.end()
    return tokens


def build(bracket_atoms: Iterable[str]) -> bytes:
    """Returns the SentencePiece model; the same atoms, the same bytes.

    Args:
        bracket_atoms: that become tokens, in the order of their ids.
    """
    # The protocol buffer needs the protobuf package, which predicting need not have.
    from sentencepiece import sentencepiece_model_pb2

    model: Any = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
    kinds = model.SentencePiece

    def add(texts: Sequence[str], kind: Any, score: float = 0.0) -> None:
        for text in texts:
            model.pieces.add(piece=text, type=kind, score=score)

    add(["<pad>", "</s>"], kinds.CONTROL)
    add(["<unk>"], kinds.UNKNOWN)
    add(["Cl", "Br", *(f"%{n}" for n in range(10, 100)), *bracket_atoms], kinds.USER_DEFINED)
    add([f"<0x{byte:02X}>" for byte in range(256)], kinds.BYTE)
    add([_SPACE], kinds.NORMAL, _BEST_SCORE)
    add(string.ascii_letters + string.digits + string.punctuation, kinds.NORMAL, _CHARACTER_SCORE)
    trainer, normaliser = model.trainer_spec, model.normalizer_spec
    trainer.model_type = trainer.UNIGRAM
    trainer.byte_fallback = True
    trainer.vocab_size = len(model.pieces)
    trainer.pad_id, trainer.eos_id, trainer.unk_id, trainer.bos_id = 0, 1, 2, -1
    normaliser.name = "identity"
    normaliser.add_dummy_prefix = False
    normaliser.remove_extra_whitespaces = False
    return model.SerializeToString(deterministic=True)


def bracket_atoms_of(vocabulary: SentencePieceVocabulary) -> list[str]:
    """Returns the bracket atoms that a vocabulary has as pieces, in the order of their ids."""
    texts = (vocabulary.decode([number]) for number in range(vocabulary.vocab_size))
    return [text for text in texts if re.fullmatch(_BRACKET_ATOM, text)]


def main() -> None:
    """Writes the model to the file that `--out` names."""
    from t5chem.vocabularies import chem

    parser = argparse.ArgumentParser(description="Makes the vocabulary `atoms`.")
    parser.add_argument("--out", required=True, help="SentencePiece model to write")
    Path(parser.parse_args().out).write_bytes(build(bracket_atoms_of(chem())))


if __name__ == "__main__":
    main()
