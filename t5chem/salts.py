"""Which ions belong to one compound, when a text lists fragments and does not say.

Charges decide. Of the ions that stand together,

1. lithium aluminium hydride is one compound where all its ions are there;
2. a kind of cation and a kind of anion whose charges cancel exactly, all copies taken together,
   belong to each other (two `[K+]` and one carbonate; one `[Na+]` and one `[I-]`);
3. then any anion takes as many cations of one kind as make it neutral, or the other way round;
4. then the shortest run of neighbours that is neutral is one compound (the two cations of Rochelle
   salt and their tartrate).

Where several partners would do, ammonium takes chloride (it would not stand beside a hydride or an
amide), and others the nearest in the text. What is left over stays alone, and so does every neutral
fragment: that a `Cl` makes the hydrochloride of an amine, charges do not tell.
"""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

Compound: TypeAlias = tuple[int, ...]
"""Places of its fragments in the text, in order."""

_LONGEST_RUN: Final = 8
_COMPLEX: Final = ("[Al+3]", "[H-]", "[H-]", "[H-]", "[H-]", "[Li+]")
_FAVOURED: Final = ("[NH4+]", "[Cl-]")

_Kind: TypeAlias = tuple[str, list[int]]  # the ion's SMILES, its places that are free


def pair_ions(fragments: Sequence[tuple[str, int]]) -> list[Compound]:
    """Groups fragments into compounds.

    Args:
        fragments: canonical SMILES and net charge of each, in the order of the text.

    Returns:
        The places of each compound's fragments: every place once, in the order of the text.

    Example:
        >>> ions = [("[I-]", -1), ("[K+]", 1), ("[K+]", 1), ("[Na+]", 1), ("O=C([O-])[O-]", -2)]
        >>> pair_ions([("CO", 0), *ions])
        [(0,), (1, 4), (2, 3, 5)]
    """
    charges = {place: charge for place, (_, charge) in enumerate(fragments) if charge}
    compounds: list[Compound] = []
    if len({charge > 0 for charge in charges.values()}) == 2:
        compounds += _salts([smiles for smiles, _ in fragments], charges)
    taken = {place for compound in compounds for place in compound}
    compounds += [(place,) for place in range(len(fragments)) if place not in taken]
    return sorted(compounds)


def _salts(smiles: Sequence[str], charges: dict[int, int]) -> Iterator[Compound]:
    """Yields compounds of several ions and takes their places out of `charges`."""
    kinds: dict[str, list[int]] = {}
    for place in charges:
        kinds.setdefault(smiles[place], []).append(place)
    yield from _take(charges, _complexes(kinds))
    cations = [(ion, places) for ion, places in kinds.items() if places and charges[places[0]] > 0]
    anions = [(ion, places) for ion, places in kinds.items() if places and charges[places[0]] < 0]
    pairs = sorted(itertools.product(cations, anions), key=_likeliest_first)
    for exact in (True, False):
        for (_, positive), (_, negative) in pairs:
            yield from _take(charges, _units(positive, negative, charges, exact))
    while run := _shortest_run(list(charges), charges):
        yield from _take(charges, [run])


def _take(charges: dict[int, int], compounds: Sequence[Compound]) -> Sequence[Compound]:
    for compound in compounds:
        for place in compound:
            del charges[place]
    return compounds


def _complexes(kinds: dict[str, list[int]]) -> list[Compound]:
    needed = collections.Counter(_COMPLEX)
    count = min(len(kinds.get(ion, ())) // n for ion, n in needed.items())
    return [
        tuple(sorted(kinds[ion].pop(0) for ion, n in needed.items() for _ in range(n)))
        for _ in range(count)
    ]


def _likeliest_first(pair: tuple[_Kind, _Kind]) -> tuple[bool, int, int]:
    (cation, positive), (anion, negative) = pair
    nearest = min((abs(i - j), min(i, j)) for i in positive for j in negative)
    return (cation, anion) != _FAVOURED, *nearest


def _units(
    positive: list[int], negative: list[int], charges: dict[int, int], exact: bool
) -> list[Compound]:
    """Returns the salts that a cation and an anion make, and takes their places off the lists."""
    if not positive or not negative:
        return []
    charge, opposite = charges[positive[0]], -charges[negative[0]]
    if exact and charge * len(positive) != opposite * len(negative):
        return []
    unit = math.lcm(charge, opposite)
    m, n = unit // charge, unit // opposite
    salts = []
    while len(positive) >= m and len(negative) >= n:
        salts.append(tuple(sorted(positive[:m] + negative[:n])))
        del positive[:m], negative[:n]
    return salts


def _shortest_run(places: list[int], charges: dict[int, int]) -> Compound:
    for length in range(2, min(len(places), _LONGEST_RUN) + 1):
        for start in range(len(places) - length + 1):
            run = places[start : start + length]
            if not sum(charges[place] for place in run):
                return tuple(run)
    return ()
