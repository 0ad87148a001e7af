"""Which named compounds take part in generated procedures, and in which role their name fits.

Roles are read off the name (`...benzaldehyde` is an aldehyde): enough for a paragraph that reads
sensibly, and no claim that the reaction would work.
"""

from __future__ import annotations

import bisect
import functools
import random
import re
from dataclasses import dataclass
from typing import Final

from t5chem.corpora.molecules import load_named_compounds

MAX_NAME: Final = 45
_LIGHTEST, _HEAVIEST = 95.0, 460.0

_ATOMIC_MASS: Final = {
    "C": 12.011, "H": 1.008, "N": 14.007, "O": 15.999, "F": 18.998, "S": 32.06, "Cl": 35.45,
    "Br": 79.904, "I": 126.904,
}  # fmt: skip

_PLAIN_NAME: Final = re.compile(
    r"(?:(?:methyl|ethyl|propyl|butyl|benzyl|phenyl|tert-butyl|propan-2-yl|allyl) )?"
    r"[A-Za-z0-9()\[\],'-]{8,40}(?: acid)?"
)
# Explosives, drugs of abuse, war gases and unstable species have no place in an example procedure.
_UNWANTED: Final = re.compile(
    r"nitrate|perox|perbenz|dioxin|dibenzofuran|iodoethyl|dinitro|azido|diazonium|nitroso|trinitro"
    r"|tetranitro|hexanitro|fulmin|triazen|diazenyl|amphetamine|fentanyl|morphin|lyserg|cathinon"
    r"|mustard|phosphor|arsen|stann|plumb|mercur|silan|siloxan|boran|carbonochlor"
    r"|carbamoyl chloride|bis\(2-chloroeth|n,n-dichloro|isocyan|radical|ylium|olate|onium|oxidan"
    r"|tetrazocan|methaqual|cocain|ergolin|tropan|phenylpropan-2-(?:amine|one)|n-phenyl.*piperidin-4-yl|sulfanylidene|iodanyl"
)

ROLES: Final = {
    "acid": re.compile(r"(?:oic|ylic|etic|onic) acid$"),
    "amine": re.compile(
        r"(?:aniline|-amine|(?:piper|pyrrol|azet|tolu)idine|[nl]amine)$|^(?:\d+-)amino"
    ),
    "amide": re.compile(r"amide$"),
    "sulfonamide": re.compile(r"sulfonamide$"),
    "ester": re.compile(r"^(?:methyl|ethyl|propan-2-yl|benzyl|tert-butyl) .*(?:ate)$"),
    "carbamate": re.compile(
        r"^(?:tert-butyl|benzyl|ethyl|methyl) .*carbamate$|^tert-butyl .*ylate$"
    ),
    "aldehyde": re.compile(r"(?:carbaldehyde|benzaldehyde|anal|enal)$"),
    "ketone": re.compile(r"(?:an-\d+-one|ethanone|propan-1-one|phenone|-\d+-one|methanone)$"),
    "alcohol": re.compile(r"(?:an-\d+-ol|methanol|ethanol|an-1-ol)$"),
    "phenol": re.compile(r"(?:phenol|naphthalen-\d-ol|pyridin-\d-ol|quinolin-\d-ol)$"),
    "bromide": re.compile(r"^(?:\d+-)?\d?-?(?:bromo|iodo)"),
    "halide": re.compile(r"\d+-(?:fluoro|chloro)"),
    "nitro": re.compile(r"nitro"),
    "nitrile": re.compile(r"(?:nitrile)$"),
    "bromo_product": re.compile(r"\d-(?:di)?bromo"),
    "chloro_product": re.compile(r"\d-chloro"),
    "biaryl": re.compile(r"phenyl(?!ene|ox|am|ic|eth|meth|sul|prop|hyd|but|car)|pyridin-\d-yl"),
    "ether": re.compile(r"methoxy|ethoxy|benzyloxy|phenoxy|propoxy"),
    "heterocycle": re.compile(
        r"(?:pyrazole|imidazole|thiazole|indole|oxazole|pyrimidin|quinazolin|quinolin|benzimidazole"
        r"|pyridazin|quinoxalin|oxadiazole|triazole|purin|furan|thiophene)"
    ),
    "urea": re.compile(r"urea$"),
    "heteroaryl_nh": re.compile(r"^.*1H-(?:indole|pyrazole|imidazole|benzimidazole|indazole)"),
    "alkene": re.compile(r"ene|en-\d|enyl"),
}


@dataclass(frozen=True)
class Compound:
    """A named compound as a procedure uses it.

    `mass` is the molar mass in g/mol; `key` is the skeleton key, read off the tabulated InChIKey
    (equal to `t5chem.smiles.skeleton_key` for each of these compounds, and three seconds faster).
    """

    name: str
    smiles: str
    formula: str
    mass: float
    key: str


class Shelf:
    """The compounds that may occur, by role and ordered by molar mass."""

    def __init__(self, compounds: tuple[Compound, ...]) -> None:
        self.compounds = compounds
        by_mass = sorted(compounds, key=lambda compound: (compound.mass, compound.name))
        self._roles: dict[str, tuple[list[Compound], list[float]]] = {}
        for role, pattern in ROLES.items():
            members = [compound for compound in by_mass if pattern.search(compound.name)]
            self._roles[role] = members, [member.mass for member in members]

    def draw(
        self, rng: random.Random, role: str, low: float, high: float, like: str = ""
    ) -> Compound:
        """Returns a compound of `role` near the mass range [low, high].

        Args:
            rng: the source of chance.
            role: a key of `ROLES`.
            low: lightest molar mass in g/mol.
            high: heaviest molar mass in g/mol.
            like: a name; of several draws, the one that shares most with this name is taken.
        """
        members, masses = self._roles[role]
        first = min(bisect.bisect_left(masses, low), max(0, len(members) - 8))
        last = max(bisect.bisect_right(masses, high), first + 8)
        drawn = [members[rng.randrange(first, min(last, len(members)))] for _ in range(10)]
        if not like:
            return drawn[0]
        wanted = _fragments(like)
        return max(drawn, key=lambda one: (len(_fragments(one.name) & wanted), one.name != like))


def load_compounds() -> tuple[Compound, ...]:
    """Returns the compounds with a plain systematic name, as organic chemists handle them."""
    found = []
    for entry in load_named_compounds():
        name = entry.name if _is_plain(entry.name) else entry.iupac_name
        mass = molar_mass(entry.formula)
        if not (_is_plain(name) and mass and _LIGHTEST < mass < _HEAVIEST):
            continue
        uncharged = not set(entry.smiles.replace("[N+](=O)[O-]", "")) & set("+.")
        if uncharged and "1" in entry.smiles and set(entry.formula) & set("NO"):
            found.append(
                Compound(name, entry.smiles, entry.formula, mass, entry.inchi_key.split("-")[0])
            )
    return tuple(found)


def _is_plain(name: str) -> bool:
    """Whether a name is short, systematic (it has a locant, or is an acid or ester) and wanted."""
    if len(name) > MAX_NAME or not _PLAIN_NAME.fullmatch(name) or _UNWANTED.search(name.lower()):
        return False
    return bool(re.search(r"\d|^N-| ", name)) and name.count("(") == name.count(")")


def molar_mass(formula: str) -> float | None:
    """Returns g/mol for a formula of C, H, N, O, F, S, Cl, Br and I; None for any other.

    Example:
        >>> round(molar_mass("C6H6"), 1), molar_mass("NaCl")
        (78.1, None)
    """
    parts = re.findall(r"([A-Z][a-z]?)(\d*)", formula)
    if "".join(symbol + count for symbol, count in parts) != formula or not parts:
        return None
    if any(symbol not in _ATOMIC_MASS for symbol, _ in parts):
        return None
    return sum(_ATOMIC_MASS[symbol] * int(count or 1) for symbol, count in parts)


@functools.lru_cache(maxsize=20_000)
def _fragments(name: str) -> frozenset[str]:
    return frozenset(word[:6] for word in re.findall(r"[a-z]{4,}", name))
