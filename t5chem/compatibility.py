r"""How released models want to be asked, and what `<unk>` means in their answers.

Text+Chem T5 wants a prompt before each input, MolT5 the input alone: `NO_PROMPTS`.

T5's vocabulary has no piece for `\` and `~`, so the released weights were trained on SMILES in
which each stands as `<unk>`. In a molecule it is `\`. In a reaction it is `\` inside a molecule or
`~` between the ions of a salt: the reading is taken that makes chemical sense, if just one does. In
text it is whatever T5 lacks (Greek letters, arrows, ...), and stays `<unk>` for the reader to see.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final, Literal

from t5chem.prompts import PROMPTS
from t5chem.vocabularies import SentencePieceVocabulary

NO_PROMPTS: Final = MappingProxyType(dict.fromkeys(PROMPTS, ""))
"""Every task is asked with its input alone, as the weights of MolT5 were trained."""

UNKNOWN: Final = "<unk>"
_SURFACE: Final = " ⁇ "  # what SentencePiece prints for an unknown, spaces included
_MOST_UNKNOWNS: Final = 6  # of which every reading is tried: 64

Mode = Literal["lossless", "t5-vocabulary"]


@dataclasses.dataclass(frozen=True)
class Compatibility:
    """How a model's answers are read.

    Attributes:
        mode: 'lossless' for a vocabulary that writes every text, 't5-vocabulary' for T5's.
    """

    mode: Mode

    @classmethod
    def of(cls, vocabulary: SentencePieceVocabulary) -> Compatibility:
        """Returns the mode for a vocabulary.

        Example:
            >>> from t5chem.vocabularies import chem
            >>> Compatibility.of(chem())
            Compatibility(mode='lossless')
        """
        lossy = vocabulary.unk_id in vocabulary.encode("\\")
        return cls("t5-vocabulary" if lossy else "lossless")

    def text(self, task: str, ids: Iterable[int], vocabulary: SentencePieceVocabulary) -> str:
        """Returns the answer written with `ids`, up to the end token.

        Args:
            task: decides what an unknown means.
            ids: of one answer.
            vocabulary: of the model.
        """
        before_end = itertools.takewhile(lambda token: token != vocabulary.eos_id, ids)
        # Padding can only be written by a model that is not trained; it means nothing.
        tokens = [token for token in before_end if token != vocabulary.pad_id]
        text = vocabulary.decode(tokens)
        if vocabulary.unk_id not in tokens:
            return text
        return read_unknowns(task, re.sub(f"{_SURFACE}|^⁇ | ⁇$", UNKNOWN, text))


def read_unknowns(task: str, text: str) -> str:
    r"""Returns an answer with its `<unk>` read as what they stand for, where that is known.

    Args:
        task: one of `t5chem.prompts.PROMPTS`.
        text: of the answer.

    Example:
        >>> print(read_unknowns("text2mol", "C/C=C<unk>C"))
        C/C=C\C
        >>> read_unknowns("retrosynthesis", "CO.[Na+]<unk>[OH-]")
        'CO.[Na+]~[OH-]'
        >>> read_unknowns("mol2text", "an <unk>-amino acid")
        'an <unk>-amino acid'
    """
    if task == "text2mol":
        return text.replace(UNKNOWN, "\\")
    if task not in ("forward", "retrosynthesis") or text.count(UNKNOWN) > _MOST_UNKNOWNS:
        return text
    readings = list(_sensible_readings(text))
    return readings[0] if len(readings) == 1 else text


def _sensible_readings(text: str) -> Iterator[str]:
    parts = text.split(UNKNOWN)
    for symbols in itertools.product("\\~", repeat=len(parts) - 1):
        reading = "".join(itertools.chain(*zip(parts, (*symbols, ""), strict=True)))
        if all(_is_compound(compound) for compound in reading.split(".")):
            yield reading


def _is_compound(compound: str) -> bool:
    r"""Whether each `~` joins ions and each `\` says something about a double bond."""
    from rdkit import Chem

    from t5chem.smiles import canonical, parse

    ions = compound.split("~")
    mols = [parse(ion) for ion in ions]
    charges = [0 if mol is None else Chem.GetFormalCharge(mol) for mol in mols]
    if None in mols or (len(ions) > 1 and not all(charges)):
        return False
    return all(
        canonical(ion) != canonical(ion[:place] + ion[place + 1 :])
        for ion in ions
        for place, symbol in enumerate(ion)
        if symbol == "\\"
    )
