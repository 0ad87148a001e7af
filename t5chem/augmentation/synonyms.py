"""Another name for a compound that a description mentions.

The names are pairs from the tables of the package `chemicals`: a compound's customary name and its
systematic one. (The tables' longer lists of synonyms are not used: they hold trade names, salts and
mistakes.) A pair is used when neither name belongs to a second compound, when neither speaks of
stereochemistry and the compound has none, so that nothing is lost in exchange.

A name is recognised as whole words, and only between words that cannot belong to a longer name:
"phenyl acetic acid" and "acetic acid derivative" are left alone, and so is "a phenol", which is a
class, but not "derives from a phenol".
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final, NamedTuple

from t5chem.corpora.compounds import NamedCompound, load_named_compounds, mentions_stereo
from t5chem.corpora.stereo import stereo_elements
from t5chem.smiles import parse

MOST_WORDS: Final = 6
"""Of a name."""

_BEFORE: Final = (
    "is", "as", "named", "called", "namely", "specifically", "of", "from", "by", "with", "and",
    "or", "to", "between",
)  # fmt: skip
_BEFORE_ARTICLE: Final = (
    "derives from", "acid of", "base of", "tautomer of", "related to", "hydride of",
)  # fmt: skip
_AFTER: Final = (
    "substituted", "in", "and", "or", "with", "bearing", "which", "that", "carrying", "is", "are",
    "was", "has", "have", "having", "by", "to", "as", "attached", "where", "whose", "at", "from",
    "obtained", "on", "for",
)  # fmt: skip


class Synonym(NamedTuple):
    """Another name, and the compound's SMILES."""

    name: str
    smiles: str


class _Mention(NamedTuple):
    start: int  # first word
    stop: int  # after the last
    name: str
    ending: str  # punctuation
    synonym: str


def substitute_names(description: str, rng: random.Random) -> str:
    """Returns a description in which compounds bear other names, if it mentions one that has one.

    Each of the names is exchanged with a chance of one half, one at least, wherever it is
    recognised.

    Example:
        >>> substitute_names("The molecule is salicylic acid. It is a phenol.", random.Random(0))
        'The molecule is 2-hydroxybenzoic acid. It is a phenol.'
    """
    words = description.split(" ")
    mentions = list(_mentions(words))
    if not mentions:
        return description
    names = list(dict.fromkeys(mention.name for mention in mentions))
    chosen = {name for name in names if rng.random() < 0.5} or {rng.choice(names)}
    for mention in reversed(mentions):
        if mention.name in chosen:
            words[mention.start : mention.stop] = [mention.synonym + mention.ending]
            if mention.start and words[mention.start - 1] in ("a", "an"):
                words[mention.start - 1] = _article(mention.synonym)
    return " ".join(words)


@functools.cache
def synonyms() -> MappingProxyType[str, Synonym]:
    """Returns the other name of each compound, by name in lower case.

    Read when first asked for; several seconds.

    Example:
        >>> synonyms()["caffeine"].name
        '1,3,7-trimethylpurine-2,6-dione'
    """
    compounds = load_named_compounds()
    bearers: dict[str, int] = {}
    for number, compound in enumerate(compounds):
        pair = (compound.iupac_name.lower(), compound.common_name.lower())
        for name in {*pair, *compound.synonyms}:
            bearers[name] = number if bearers.get(name, number) == number else -1
    found = {}
    for number, compound in enumerate(compounds):
        names = (compound.iupac_name, compound.common_name)
        if _are_plain(compound) and all(bearers[name.lower()] == number for name in names):
            for name, other in (names, names[::-1]):
                found[name.lower()] = Synonym(other, compound.smiles)
    return MappingProxyType(found)


def _are_plain(compound: NamedCompound) -> bool:
    """Tells whether a compound has two names that say nothing of stereochemistry or of parts."""
    names = (compound.iupac_name, compound.common_name)
    return (
        all(names)
        and names[0].lower() != names[1].lower()
        and not set(compound.smiles) & set("@/\\.")
        and not any(map(mentions_stereo, names))
    )


@functools.lru_cache(maxsize=1 << 14)
def _is_sayable(smiles: str) -> bool:
    """Tells whether a compound has nothing that only one of its names may imply.

    That is stereochemistry, and the hydrogens that the tables leave off silicon and metals.
    """
    mol = parse(smiles)
    return (
        mol is not None
        and not stereo_elements(mol)
        and not any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    )


def _mentions(words: list[str]) -> Iterator[_Mention]:
    """Yields the names that may be exchanged, longest first where several begin together."""
    start = 1
    while start < len(words):
        mention = _mention(words, start) if _may_begin(words, start) else None
        if mention is not None:
            yield mention
        start = mention.stop if mention else start + 1


def _mention(words: list[str], start: int) -> _Mention | None:
    for stop in range(min(start + MOST_WORDS, len(words)), start, -1):
        text = " ".join(words[start:stop])
        name = text.rstrip(".,;:")
        found = synonyms().get(name.lower())
        if found is None or not _may_end(words, stop, text[len(name) :]):
            continue
        article = words[start - 1] in ("a", "an")
        if _is_sayable(found.smiles) and (not article or _article(found.name)):
            return _Mention(start, stop, name, text[len(name) :], found.name)
    return None


def _may_begin(words: list[str], start: int) -> bool:
    before = words[start - 1]
    if before in ("a", "an"):
        return " ".join(words[max(0, start - 3) : start - 1]) in _BEFORE_ARTICLE
    return before in _BEFORE


def _may_end(words: list[str], stop: int, ending: str) -> bool:
    return bool(ending) or stop == len(words) or words[stop] in _AFTER


def _article(name: str) -> str:
    """Returns `a` or `an` for a name that begins with a spoken word, else ''."""
    if not re.match(r"[a-z]{3}", name) or re.match(r"u|ho|eu", name):
        return ""
    return "an" if name[0] in "aeio" else "a"
