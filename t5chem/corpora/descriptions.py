"""Facts about a molecule in varied English, in the register of the ChEBI dictionary.

A description is a head ("The molecule is ...") and a body of statements. Each kind of statement
is one function from facts to a sentence; which kinds a description holds, their order and their
wording are drawn from the generator that the caller passes. Nothing is said that is not in
`Facts` or `Naming`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from t5chem.corpora.facts import Facts
from t5chem.corpora.substituents import LARGER_GROUP, Pattern

MOST_WORDS: Final = 105
_GROUPS_AT_ONCE: Final = 5
_SHORTEST_RUN: Final = 4

_NUMBERS: Final = (
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)
"""In words up to here, in figures beyond."""


@dataclass(frozen=True)
class Naming:
    """How a description may call its molecule.

    Attributes:
        name: a name to print, or '' to let the facts speak alone.
        relation: what the molecule is to the bearer of that name: '' when it is the same,
            else 'R enantiomer', 'Z isomer' or 'stereoisomer'.
        alias: a second name under which databases list it, or ''.
    """

    name: str = ""
    relation: str = ""
    alias: str = ""

    @property
    def phrase(self) -> str:
        """The name with its relation: 'the Z isomer of but-2-ene'."""
        article = "a" if self.relation == "stereoisomer" else "the"
        return f"{article} {self.relation} of {self.name}" if self.relation else self.name


def describe(facts: Facts, naming: Naming, rng: random.Random) -> str:
    """Writes a description of at most `MOST_WORDS` words.

    Args:
        facts: of the molecule.
        naming: what it may be called.
        rng: decides wording, order and omissions; the same generator state gives the same text.
    """
    spoken: set[str] = set()  # kinds of statement already made
    compound_class = _head_class(facts, rng)
    sentences = [_head(compound_class, facts, naming, rng, spoken)]
    facts = replace(facts, classes=tuple(c for c in facts.classes if c != compound_class))
    wanted = rng.triangular(28, 78, 48)
    words = len(sentences[0].split())
    for kind, say in _order(facts, naming, rng):
        if kind in spoken or (words > wanted and kind not in ("stereo", "salt")):
            continue
        sentence = say(facts, rng)
        more = len(sentence.split())
        if sentence and words + more <= MOST_WORDS:
            sentences.append(sentence)
            spoken.add(kind)
            words += more
    return " ".join(sentences)


Say = Callable[[Facts, random.Random], str]


def _order(facts: Facts, naming: Naming, rng: random.Random) -> list[tuple[str, Say]]:
    """Draws the order of the statements: what tells most about the structure tends to be early."""
    weights = {kind: weight for kind, (weight, _) in _STATEMENTS.items()}
    if not naming.name:  # then groups and rings must carry the structure
        weights |= {"groups": 3.0, "rings": 3.0, "benzene": 3.0, "formula": 2.0}
    if facts.stereo.specified:
        weights["stereo"] = 4.0
    drawn = sorted(weights, key=lambda kind: rng.random() ** (1 / weights[kind]), reverse=True)
    return [(kind, _STATEMENTS[kind][1]) for kind in drawn]


# --- the head -------------------------------------------------------------------------------


def _head(
    compound_class: str, facts: Facts, naming: Naming, rng: random.Random, spoken: set[str]
) -> str:
    if naming.name:
        return _named_head(compound_class, naming, rng)
    kinds = ["formula", "carbons"]
    kinds += ["rings"] * 2 if facts.rings else []
    kinds += ["groups"] * 2 if facts.groups else []
    kind = rng.choice(kinds)
    spoken.add(kind)
    tail = {
        "formula": lambda: rng.choice(["with formula", "of formula"]) + f" {facts.formula}",
        "carbons": lambda: f"with {_count(facts.carbons, 'carbon atom', rng)}",
        "rings": lambda: f"{rng.choice(_HAVING)} {_counted(facts.rings.items(), rng)}",
        "groups": lambda: f"{rng.choice(_HAVING)} {_counted(_some_groups(facts, rng), rng)}",
    }[kind]()
    return f"The molecule is {_article(compound_class)} {tail}."


_HAVING: Final = ("that contains", "containing", "with", "bearing", "that has", "having")


def _named_head(compound_class: str, naming: Naming, rng: random.Random) -> str:
    phrase, a_class = naming.phrase, _article(compound_class)
    templates = [
        f"The molecule is {phrase}, {a_class}.",
        f"The molecule is {phrase}. It is {a_class}.",
        f"The molecule is {a_class}, namely {phrase}.",
        f"The molecule is {a_class}, specifically {phrase}.",
        f"The molecule is {a_class} that is {phrase}.",
        f"The molecule is {a_class}; it is {phrase}.",
    ]
    if not naming.relation:
        templates += [
            f"The molecule is {a_class} named {phrase}.",
            f"The molecule is {a_class} called {phrase}.",
            f"The molecule is {a_class} whose systematic name is {phrase}.",
        ]
    head = rng.choice(templates)
    if not naming.alias:
        return head
    return f"{head} {rng.choice(_ALIAS)} {naming.alias}."


_ALIAS: Final = (
    "Databases also list it as",
    "It is also listed as",
    "A further database name is",
    "It is also found under the name",
)


def _head_class(facts: Facts, rng: random.Random) -> str:
    if facts.salt is not None:
        return rng.choice(facts.salt.salt_classes)
    reach = min(len(facts.classes), rng.choice((1, 1, 2, 3)))
    return facts.classes[rng.randrange(reach)]


# --- the statements -------------------------------------------------------------------------


def _say_formula(facts: Facts, rng: random.Random) -> str:
    formula = facts.formula
    return rng.choice(
        [
            f"Its molecular formula is {formula}.",
            f"The molecular formula is {formula}.",
            f"It has the molecular formula {formula}.",
            f"Its formula is {formula}.",
            f"The elemental composition corresponds to {formula}.",
            f"It has the composition {formula}.",
            f"Formula: {formula}.",
        ]
    )


def _say_size(facts: Facts, rng: random.Random) -> str:
    carbons = _count(facts.carbons, "carbon atom", rng)
    heavy = _count(facts.heavy_atoms, "non-hydrogen atom", rng)
    return rng.choice(
        [
            f"It has {carbons}.",
            f"It contains {carbons} among {heavy}.",
            f"It is built from {heavy}.",
            f"There are {heavy} in the structure.",
            f"The structure has {heavy}, including {carbons}.",
        ]
    )


def _say_classes(facts: Facts, rng: random.Random) -> str:
    if not facts.classes:
        return ""
    classes = rng.sample(facts.classes, min(len(facts.classes), rng.choice((2, 3, 3, 4))))
    listed = _listed([_article(c) for c in classes])
    return rng.choice(
        [
            f"It is also {listed}.",
            f"It can be classified as {listed} too.",
            f"Further classes that fit it: {listed}.",
            f"By its other groups it is {listed}.",
        ]
    )


def _say_groups(facts: Facts, rng: random.Random) -> str:
    some = _some_groups(facts, rng)
    if not some:
        return ""
    listed = _counted(some, rng)
    plural = len(some) > 1 or some[0][1] > 1
    return rng.choice(
        [
            f"It contains {listed}.",
            f"It bears {listed}.",
            f"The structure includes {listed}.",
            f"It carries {listed}.",
            f"The functional groups include {listed}.",
            f"It features {listed}.",
            f"It has {listed}.",
            f"There {'are' if plural else 'is'} {listed} in the molecule.",
            f"Present in the structure {'are' if plural else 'is'} {listed}.",
        ]
    )


def _some_groups(facts: Facts, rng: random.Random) -> list[tuple[str, int]]:
    groups = list(facts.groups.items())
    kept = rng.sample(groups, min(len(groups), _GROUPS_AT_ONCE))
    return kept if rng.random() < 0.5 else sorted(kept, key=groups.index)


def _say_rings(facts: Facts, rng: random.Random) -> str:
    if not facts.ring_count:
        return rng.choice(
            ["It is acyclic.", "It contains no ring.", "The structure is open-chain.", ""]
        )
    listed = _counted(facts.rings.items(), rng)
    number = _count(facts.ring_count, "ring", rng)
    aromatic = _aromatic_share(facts)
    return rng.choice(
        [
            f"It contains {listed}.",
            f"The structure is built around {listed}.",
            f"Its cyclic part consists of {listed}.",
            f"It comprises {listed}.",
            f"The ring systems present are {listed}."
            if sum(facts.rings.values()) > 1
            else f"The only ring system present is {listed}.",
            f"It has {number}, {aromatic}.",
            f"It has {number}, {aromatic}: {listed}.",
            f"It includes {listed}, so that there are {_number(facts.ring_count)} "
            f"{_plural('ring', facts.ring_count)} in all."
            if facts.ring_count > 1
            else f"Its only cyclic unit is {listed}.",
        ]
    )


def _aromatic_share(facts: Facts) -> str:
    total, aromatic = facts.ring_count, facts.aromatic_rings
    if total == 1:
        return "which is aromatic" if aromatic else "which is not aromatic"
    if not aromatic:
        return "none of which is aromatic"
    if aromatic == total:
        return "both of them aromatic" if total == 2 else "all of them aromatic"
    return f"{_number(aromatic)} of which {'is' if aromatic == 1 else 'are'} aromatic"


def _say_benzene(facts: Facts, rng: random.Random) -> str:
    patterns = [p for p in facts.benzene if any(name != LARGER_GROUP for _, name in p)]
    patterns = [p for p in patterns if len(p) > 1 or p[0][1] != LARGER_GROUP]
    if not patterns:
        return _say_substitution_degree(facts, rng)
    pattern = rng.choice(patterns)
    single = facts.rings.get("benzene ring", 0) == 1
    ring = rng.choice(["The benzene ring", "Its benzene ring"] if single else ["One benzene ring"])
    return f"{ring} {rng.choice(_BEARING)} {_substituents(pattern)}."


_BEARING: Final = ("bears", "carries", "is substituted by", "is substituted with", "has")


def _substituents(pattern: Pattern) -> str:
    """Writes 'hydroxy at position 1 and chloro at positions 2 and 4'."""
    places: dict[str, list[str]] = {}
    for position, name in pattern:
        places.setdefault(name, []).append(str(position))
    return _listed(
        f"{name if len(where) == 1 or name != LARGER_GROUP else 'larger groups'} at "
        f"{_plural('position', len(where))} {_listed(where)}"
        for name, where in places.items()
    )


_DEGREE: Final = ("", "mono", "di", "tri", "tetra", "penta", "hexa")
_ORTHO_META_PARA: Final = {(1, 2): "ortho", (1, 3): "meta", (1, 4): "para"}


def _say_substitution_degree(facts: Facts, rng: random.Random) -> str:
    if not facts.benzene:
        return ""
    pattern = rng.choice(facts.benzene)
    positions = tuple(position for position, _ in pattern)
    degree = f"{_DEGREE[len(positions)]}substituted"
    if len(positions) == 1:
        how = degree
    elif len(positions) == 2 and rng.random() < 0.6:
        how = f"{_ORTHO_META_PARA[positions]}-{degree}"
    else:
        how = f"{','.join(map(str, positions))}-{degree}"
    single = facts.rings.get("benzene ring", 0) == 1
    return f"{'Its benzene ring' if single else 'One of its benzene rings'} is {how}."


def _say_chain(facts: Facts, rng: random.Random) -> str:
    if facts.methylenes < _SHORTEST_RUN:
        return ""
    number = _number(facts.methylenes)
    return rng.choice(
        [
            f"Its longest open-chain run has {number} consecutive methylene groups.",
            f"A run of {number} consecutive methylene groups is part of the chain.",
            f"It contains a chain segment of {number} consecutive methylene groups.",
        ]
    )


def _say_charge(facts: Facts, rng: random.Random) -> str:
    if not facts.charge:
        return rng.choice(
            ["It carries no net charge.", "Overall it is neutral.", "The net charge is zero.", ""]
        )
    return rng.choice(
        [
            f"It carries a net charge of {facts.charge:+d}.",
            f"Its overall charge is {facts.charge:+d}.",
            f"The net charge is {facts.charge:+d}.",
        ]
    )


def _say_stereo(facts: Facts, rng: random.Random) -> str:
    stereo = facts.stereo
    sentences = [
        _labels("stereocentre", (("R", stereo.r), ("S", stereo.s)), rng),
        _labels("stereogenic double bond", (("E", stereo.e), ("Z", stereo.z)), rng),
        _open("stereocentre", stereo.open_centres, rng),
        _open("stereogenic double bond", stereo.open_bonds, rng),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _labels(noun: str, counts: Sequence[tuple[str, int]], rng: random.Random) -> str:
    total = sum(count for _, count in counts)
    present = [(label, count) for label, count in counts if count]
    if not present:
        return ""
    if len(present) == 2:
        return _mixed_labels(noun, total, present, rng)
    label = present[0][0]
    if total == 1:
        return rng.choice(
            [
                f"It has one {noun} of {label} configuration.",
                f"The {noun} has the {label} configuration.",
                f"It contains one {noun}, which is {label}-configured.",
                f"It has a single {noun} and this is {label}.",
                f"The configuration of its only {noun} is {label}.",
            ]
        )
    number = _number(total)
    return rng.choice(
        [
            f"It has {number} {noun}s, {'both' if total == 2 else 'all'} of {label} configuration.",
            f"{'Both' if total == 2 else f'All {number}'} {noun}s have the {label} configuration.",
            f"It contains {number} {noun}s, each {label}-configured.",
        ]
    )


def _mixed_labels(
    noun: str, total: int, present: Sequence[tuple[str, int]], rng: random.Random
) -> str:
    (first, m), (second, n) = present
    number, many, rest = _number(total), _number(m), _number(n)
    are = "is" if m == 1 else "are"
    return rng.choice(
        [
            f"It has {number} {noun}s: {many} of {first} and {rest} of {second} configuration.",
            f"Of its {number} {noun}s, {many} {are} {first} and {rest} {second}.",
            f"It contains {number} {noun}s, {many} {first}-configured and {rest} "
            f"{second}-configured.",
        ]
    )


def _open(noun: str, count: int, rng: random.Random) -> str:
    if not count or rng.random() < 0.4:
        return ""
    counted = f"{_number(count)} {_plural(noun, count)}"
    return rng.choice(
        [
            f"The configuration of {counted} is not specified.",
            f"It has {counted} of unspecified configuration.",
        ]
    )


def _say_salt(facts: Facts, rng: random.Random) -> str:
    salt = facts.salt
    if salt is None:
        return ""
    parts = list(salt.partners)
    if salt.main_count:
        kind = "organic" if salt.main_is_organic else "inorganic"
        if not salt.main_charge:
            parts.append((f"neutral {kind} molecule", salt.main_count))
        else:
            ion = "cation" if salt.main_charge > 0 else "anion"
            parts.append((f"{kind} {ion} of charge {salt.main_charge:+d}", salt.main_count))
    listed = _counted(parts, rng)
    return rng.choice(
        [
            f"It consists of {listed}.",
            f"Each formula unit holds {listed}.",
            f"It is composed of {listed}.",
            f"The compound is made up of {listed}.",
        ]
    )


_STATEMENTS: Final[dict[str, tuple[float, Say]]] = {
    "groups": (1.6, _say_groups),
    "rings": (1.6, _say_rings),
    "benzene": (1.4, _say_benzene),
    "stereo": (1.0, _say_stereo),
    "salt": (3.0, _say_salt),
    "formula": (1.2, _say_formula),
    "classes": (0.9, _say_classes),
    "chain": (0.8, _say_chain),
    "size": (0.4, _say_size),
    "charge": (0.3, _say_charge),
}
"""Each kind of statement: how early it tends to come, and who says it."""


# --- English --------------------------------------------------------------------------------


def _counted(items: Iterable[tuple[str, int]], rng: random.Random) -> str:
    """Writes 'a benzene ring, two ester groups and one ether linkage'."""
    return _listed([_count(count, noun, rng) for noun, count in items])


def _count(count: int, noun: str, rng: random.Random) -> str:
    if count == 1 and rng.random() < 0.6:
        return _article(noun)
    return f"{_number(count)} {_plural(noun, count)}"


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _plural(noun: str, count: int) -> str:
    """Puts the head of the noun phrase into the plural: 'anions of charge -1'."""
    head, of, rest = noun.partition(" of ")
    return noun if count == 1 else f"{head}s{of}{rest}"


def _article(noun: str) -> str:
    starts_with_vowel = noun[0] in "aeio" or noun.startswith(("8", "unsat"))
    return f"{'an' if starts_with_vowel else 'a'} {noun}"


def _listed(items: Iterable[str]) -> str:
    """Joins with commas and a final 'and'."""
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last
