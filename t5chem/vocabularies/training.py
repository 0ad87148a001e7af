r"""How the vocabulary `chem` is made: SentencePiece learns the English, SMILES are given.

    python -m t5chem.vocabularies.training --out chem.model

trains it again on the train split of the starter corpus: about three minutes on 2 cores, and the
bytes of the shipped file if the generators and SentencePiece are of the same version (training is
single threaded and draws nothing at random).

SentencePiece learns from English alone, with the unigram model (Kudo, 2018). Two-letter atoms,
bracket atoms and two-digit ring bonds are given to it as symbols, and every piece that could match
across the tokens of a SMILES (`CO`, `(=`, `con`) is dropped from what it learned. So a SMILES
has one tokenisation only, at atoms and bonds, and a name still has morphemes. (Dropping suits the
unigram model, which finds the likeliest of all splits; byte pair encoding, which builds long
pieces from short ones, took 40 % more tokens after it.)
"""

from __future__ import annotations

import argparse
import itertools
import re
import string
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import sentencepiece

from t5chem.prompts import PROMPTS, add_prompt

PIECES: Final = 4_508
"""Pieces in the file; with T5's 100 sentinels 4,608 ids, a multiple of 128 as accelerators like."""

FREQUENT: Final = 10
"""A bracket atom of the corpus that is this frequent becomes a piece; others are spelt."""

_SPACE: Final = "▁"
_UNUSED_RULE: Final = "FDD0 FDD1 FDD2\tFDD0\n"
"""Normalises three noncharacters in a row, which no text holds: all text stays as it is, and the
table is not empty, of which TensorFlow's tokenizer would complain whenever a pipeline starts."""
_TRAINED_BEFORE_DROPPING: Final = 1.35
_LONGEST_PIECE: Final = 16
_LONGEST_INNER_PIECE: Final = 12
_REPEATED_WORD: Final = 20
_WORD_WEIGHT: Final = 400

_COMMON_BRACKET_ATOMS: Final = """
    [H] [H+] [H-] [HH] [2H] [3H] [D] [T] [11C] [13C] [14C] [15N] [18F] [18O]
    [C@] [C@@] [C@H] [C@@H] [C-] [C+] [CH-] [CH] [CH2] [CH2-] [CH3-] [c-] [cH-] [C] [*]
    [N] [NH] [N+] [N-] [NH-] [NH2-] [NH+] [NH2+] [NH3+] [NH4+] [N@] [N@@] [N@+] [N@@+]
    [n+] [n-] [nH] [nH+] [O] [O-] [O+] [OH] [OH-] [OH2+] [OH3+] [o+]
    [S] [S-] [S+] [SH] [SH-] [S-2] [S@] [S@@] [S@+] [S@@+] [s+] [P] [P+] [P-] [PH] [P@] [P@@] [PH+]
    [B] [B-] [BH-] [BH2-] [BH3-] [BH4-] [b-] [Si] [SiH] [SiH2] [SiH3] [Si-] [Ge]
    [Se] [SeH] [se] [Se-] [Te] [As] [As+] [Sb] [Bi] [Bi+3] [F-] [Cl-] [Cl+] [Br-] [I-] [I+] [I]
    [Li] [Li+] [Na] [Na+] [K] [K+] [Rb+] [Cs+] [Mg] [Mg+] [Mg+2] [Ca] [Ca+2] [Sr+2] [Ba+2] [Al]
    [Al+3] [AlH] [AlH3] [AlH4-] [AlH2-] [Sn] [SnH] [Sn+2] [Sn+4] [Pb] [Pb+2] [Ti] [Ti+4] [V] [Cr]
    [Cr+3] [Cr+6] [Mn] [Mn+2] [Mn+4] [Mn+7] [Fe] [Fe+2] [Fe+3] [Co] [Co+2] [Co+3] [Ni] [Ni+2] [Cu]
    [Cu+] [Cu+2] [Zn] [Zn+] [Zn+2] [Zr+4] [Mo] [Mo+6] [Ru] [Ru+2] [Ru+3] [Rh] [Rh+] [Rh+2] [Rh+3]
    [Pd] [Pd+2] [Ag] [Ag+] [Cd+2] [W] [Os] [Ir] [Ir+] [Ir+3] [Pt] [Pt+2] [Pt+4] [Au] [Au+] [Au+3]
    [Hg] [Hg+] [Hg+2] [La+3] [Ce+3] [Ce+4] [Sm+2] [Sm+3] [Eu+3] [Gd+3] [Yb+3] [Sc+3] [Y+3] [In]
    [In+3] [Ga+3] [Xe] [Tl+]
"""

# What descriptions of natural products and drugs say, and the starter corpus, which knows
# structures only, does not.
_BIOCHEMICAL_WORDS: Final = """
    role metabolite human plant mouse bacterial fungal marine derives derived derivative obtained
    resulting formed isolated found conjugate acid base species major microspecies deprotonation
    protonation tautomer enantiomer hydride parent functionally related natural product drug agent
    inhibitor agonist antagonist antibiotic antibacterial antifungal antineoplastic antioxidant
    antiviral antimicrobial anti inflammatory enzyme receptor protein kinase activity used for
    treatment cancer steroid hormone toxin pesticide herbicide insecticide fungicide alkaloid
    flavonoid flavone terpene terpenoid sesquiterpenoid diterpenoid triterpenoid lactone peptide
    dipeptide tripeptide oligopeptide amino residue nucleoside nucleotide phosphate diphosphate
    triphosphate sugar glucose galactose mannose glucoside glycoside glycosyl disaccharide
    trisaccharide oligosaccharide polysaccharide hexose pentose acyl coenzyme fatty lipid ceramide
    sphingo glycero phosphocholine phosphoethanolamine phosphatidyl chain saturated unsaturated
    alpha beta gamma delta omega linked linkage via condensation formal group hydroxy oxo carboxylic
    carboxamide carboxylate zwitterion anion cation dianion arising from respectively position
    positions substituted replaced hydrogen hydrogens attached where which that consisting composed
    member class containing having been also known as with and has several different been
    Escherichia coli Streptomyces Aspergillus Penicillium cerevisiae Saccharomyces biological
    membrane cell blood brain serum cofactor fluorescent probe dye polymer monomer solvent isotope
    racemate mixture equimolar epitope anomer configuration stereoisomer diastereoisomer
"""

# Characters that a starter row may lack and a chemist's text has. U+200C keeps a literal `; `
# inside a name apart from the separator of actions.
_MORE_CHARACTERS: Final = "αβγδεζηθκλμνξπρστφχψωΓΔΘΛΠΣΦΨΩ°±·×−–—‐′″→←⇌≥≤≡≈∼•®µåéèöäüßñç“”‘’…‑\u200c"

# What may stand in a SMILES. `_INSIDE` matches any part of a bracket atom's inside, from and to
# the middle of an element's symbol; `[lr]` is the second half of Cl or Br.
_OUTSIDE_ATOM: Final = r"(?:Cl|Br|[BCNOPSFIbcnops*])"
_INSIDE: Final = r"\d*(?:[A-Z][a-z]?|se|as|te|[a-z*])?@{0,2}(?:H\d*)?[-+]*\d*:?\d*"
_TOKEN: Final = rf"(?:{_OUTSIDE_ATOM}|[-=#$:/\\.~()%\d]|\[{_INSIDE}\])"
_PART_OF_SMILES: Final = re.compile(
    rf"(?:{_INSIDE}\]|[lr])?{_TOKEN}*(?:\[{_INSIDE})?|{_INSIDE}", re.ASCII
)
_START_OF_SMILES: Final = re.compile(rf"{_TOKEN}*(?:\[{_INSIDE})?", re.ASCII)
_WORD: Final = re.compile(r" ?(?:[^\W\d_]+|[^\w\s]+)")
_BRACKET_ATOM: Final = re.compile(r"\[[^\[\]]+\]")


def train_vocabulary(
    texts: Iterable[str], smiles: Iterable[str], model_file: str, size: int = PIECES
) -> None:
    """Trains a vocabulary and writes it as a SentencePiece model; the same input, the same bytes.

    Args:
        texts: English to learn pieces from, as a model will see it (prompts included).
        smiles: SMILES whose frequent bracket atoms become pieces.
        model_file: path to write.
        size: pieces in the file, sentinels not counted; fewer if the texts do not give as many.

    Raises:
        ValueError: `size` leaves no room beside the given symbols, bytes and characters, or the
            texts are too few.
    """
    symbols = smiles_symbols(smiles)
    try:
        model = _learn(texts, symbols, size)
    except RuntimeError as error:
        raise ValueError(
            f"SentencePiece cannot learn {size} pieces of these texts: {error} Choose a larger "
            "size, or give more text."
        ) from error
    pieces = _kept(model.pieces, size)
    del model.pieces[:]
    model.pieces.extend(pieces)
    # Where and how it was trained is no part of the vocabulary, and a path would change its bytes.
    model.trainer_spec.ClearField("model_prefix")
    model.trainer_spec.ClearField("input")
    model.normalizer_spec.ClearField("normalization_rule_tsv")
    model.trainer_spec.vocab_size = len(pieces)
    Path(model_file).write_bytes(model.SerializeToString(deterministic=True))


def smiles_symbols(smiles: Iterable[str]) -> list[str]:
    """Returns the SMILES tokens of several characters that are pieces, in a fixed order.

    Example:
        >>> symbols = smiles_symbols(["[Po+4]"] * 10 + ["[Pu]"])
        >>> symbols[:4], "[Po+4]" in symbols, "[Pu]" in symbols
        (['Cl', 'Br', '%10', '%11'], True, False)
    """
    counts = Counter(atom for text in smiles for atom in _BRACKET_ATOM.findall(text))
    frequent = {atom for atom, count in counts.items() if count >= FREQUENT and ":" not in atom}
    ring_bonds = [f"%{number}" for number in range(10, 30)]
    return ["Cl", "Br", *ring_bonds, *sorted(frequent.union(_COMMON_BRACKET_ATOMS.split()))]


def joins_smiles_tokens(piece: str) -> bool:
    r"""Tells whether a learned piece could match more than one token, or a space and an atom.

    Pieces of one character cannot, and neither can a piece that has a character, or characters in
    an order, that no SMILES has.

    Example:
        >>> [joins_smiles_tokens(piece) for piece in ("CO", "con", "▁c", "▁(1", "lc", "H]")]
        [True, True, True, True, True, True]
        >>> [joins_smiles_tokens(piece) for piece in ("C", "tion", "▁(", "▁action", "methyl")]
        [False, False, False, False, False]
    """
    rest = piece.removeprefix(_SPACE)
    if rest == piece:
        return len(piece) > 1 and bool(_PART_OF_SMILES.fullmatch(piece))
    if len(rest) == 1:
        # A SMILES begins with an atom: a bond or parenthesis after a space is English.
        return rest == "[" or bool(re.fullmatch(_OUTSIDE_ATOM, rest))
    return bool(rest) and bool(_START_OF_SMILES.fullmatch(rest))


def _learn(texts: Iterable[str], symbols: Sequence[str], size: int) -> Any:
    """Returns the model that SentencePiece learns, larger than `size` by what may be dropped."""
    # The protocol buffer needs the protobuf package, which training has and predicting need not.
    from sentencepiece import sentencepiece_model_pb2

    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder) / "learned"
        rules = Path(folder) / "rules.tsv"
        rules.write_text(_UNUSED_RULE)
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_with_words_twice(texts),
            model_prefix=str(prefix),
            model_type="unigram",
            vocab_size=round(size * _TRAINED_BEFORE_DROPPING),
            hard_vocab_limit=False,
            num_threads=1,
            input_sentence_size=0,
            shuffle_input_sentence=False,
            max_sentence_length=65_536,
            max_sentencepiece_length=_LONGEST_PIECE,
            character_coverage=1.0,
            required_chars=_required_characters(),
            user_defined_symbols=list(symbols),
            byte_fallback=True,
            split_digits=True,
            normalization_rule_tsv=str(rules),
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            minloglevel=2,
        )
        learned = prefix.with_suffix(".model").read_bytes()
    # Protocol buffers make their classes at import, where mypy cannot see them.
    return sentencepiece_model_pb2.ModelProto.FromString(learned)  # type: ignore[attr-defined]


def _with_words_twice(texts: Iterable[str]) -> Iterator[str]:
    """Yields the texts and, after them, each frequent word once more with a comma behind it.

    SentencePiece takes as a candidate what occurs in two different stretches between spaces,
    however frequent one is: without this `from`, which nothing but spaces surrounds, is no
    candidate for a piece.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_WORD.findall(text))
        yield text
    for word, count in sorted(counts.items()):
        if count >= _REPEATED_WORD:
            yield word + ","


def _required_characters() -> str:
    return string.digits + string.ascii_letters + string.punctuation + _MORE_CHARACTERS


def _kept(pieces: Iterable[Any], size: int) -> list[Any]:
    """Returns the given pieces and characters and, of the learned, the likeliest `size` allows."""
    given, learned = [], []
    for piece in pieces:
        is_learned = piece.type == piece.NORMAL and len(piece.piece) > 1
        if not is_learned:
            given.append(piece)
        elif not (joins_smiles_tokens(piece.piece) or _is_long_fragment(piece.piece)):
            learned.append(piece)
    missing = {_SPACE, *_required_characters()} - {piece.piece for piece in given}
    if missing or len(given) > size:
        raise ValueError(
            f"A vocabulary of {size} pieces cannot hold {len(given)} given ones (missing "
            f"{sorted(missing)}): choose a larger size."
        )
    learned.sort(key=lambda piece: -piece.score)
    return given + learned[: size - len(given)]


def _is_long_fragment(piece: str) -> bool:
    """Tells whether a piece is several morphemes of one name and better written as them."""
    return not piece.startswith(_SPACE) and len(piece) > _LONGEST_INNER_PIECE


def starter_texts(rows: Iterable[dict[str, str]]) -> Iterator[str]:
    """Yields the English of starter rows as the five tasks show it to a model.

    Args:
        rows: of the starter corpus, of any of its three kinds.
    """
    for row in rows:
        if "description" in row:
            yield add_prompt("text2mol", row["description"])
            yield row["description"]
            yield PROMPTS["mol2text"]
        elif "paragraph" in row:
            yield add_prompt("paragraph2actions", row["paragraph"])
            yield row["actions"]
        else:
            yield PROMPTS["forward"]
            yield PROMPTS["retrosynthesis"]


def biochemical_texts() -> Iterator[str]:
    """Yields words of real descriptions, often enough that SentencePiece learns them."""
    for word in sorted(set(_BIOCHEMICAL_WORDS.split())):
        yield from [f" {word}"] * _WORD_WEIGHT


def starter_smiles(rows: Iterable[dict[str, str]]) -> Iterator[str]:
    """Yields the SMILES of starter rows."""
    for row in rows:
        for field in ("smiles", "reactants", "reagents", "products"):
            yield row.get(field, "")


def starter_rows(seed: int = 0, processes: int = 2) -> Iterator[dict[str, str]]:
    """Yields the rows of the starter corpus that are for training."""
    from t5chem.corpora.molecules import generate_molecules
    from t5chem.corpora.procedures import generate_procedures
    from t5chem.corpora.reactions import generate_reactions

    for generate in (generate_molecules, generate_reactions, generate_procedures):
        yield from (row for row in generate(seed, processes) if row["split"] == "train")


def main() -> None:
    """Trains `chem` on the starter corpus and writes it to the file that `--out` names."""
    parser = argparse.ArgumentParser(description="Trains the vocabulary `chem`.")
    parser.add_argument("--out", required=True, help="SentencePiece model to write")
    parser.add_argument("--processes", type=int, default=2, help="that generate the corpus")
    arguments = parser.parse_args()
    rows = list(starter_rows(processes=arguments.processes))
    train_vocabulary(
        itertools.chain(starter_texts(rows), biochemical_texts()),
        starter_smiles(rows),
        arguments.out,
    )


if __name__ == "__main__":
    main()
