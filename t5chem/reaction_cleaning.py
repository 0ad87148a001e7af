r"""Reactions as the tasks want them, from reactions as data sets write them.

A cleaned reaction has no atom maps, canonical aromatic SMILES, the ions of one compound joined with
`~`, compounds sorted as strings. Rows that are no reaction are dropped with a reason.

**Which ions are one compound** is taken from the text where it says so, with `~` or with the
extension ` |f:0.2,5.6|` (fragments counted from 0 over all three slots, those of one compound
joined with `.`). Ions that neither mentions are paired by charge, see `t5chem.salts`: first within
a slot, then what is left of reactants and reagents with each other.

**What is a reagent**: what stands in the slot between the two `>`. Where that is empty and atoms
are mapped, the compounds of the left side without a mapped atom of the product (where all are, as
in an unmapped row, they are reactants).
"""

from __future__ import annotations

import collections
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rdkit import Chem

from t5chem.salts import pair_ions
from t5chem.smiles import canonical_from_mol, join_compounds, parse

Reagents: TypeAlias = Literal["apart", "mixed", "dropped"]
Ions: TypeAlias = Literal["joined", "apart"]

EXAMPLES: Final = 3
"""Dropped rows that a report shows for each reason."""

_ATOM_MAP: Final = re.compile(r":(\d+)\]")
_FRAGMENT_GROUPS: Final = re.compile(r"\|(?:[^|]*,)?f:(\d[\d.,]*)[^|]*\|")


@dataclass(frozen=True)
class CleanReaction:
    """A cleaned reaction: three mixtures, see `t5chem.smiles`.

    Attributes:
        reactants: with the reagents among them where these were asked to be mixed in.
        reagents: '' where there is none, or none was asked for.
        products: never empty.
    """

    reactants: str
    reagents: str
    products: str


@dataclass(frozen=True)
class Dropped:
    """Why a row is no reaction.

    Attributes:
        reason: one of `REASONS`.
        text: the part of the row that it speaks of.
    """

    reason: str
    text: str


REASONS: Final = (
    "not a reaction",
    "bad fragment groups",
    "invalid SMILES",
    "no reactants",
    "no product",
    "identity",
)
"""Why rows are dropped. `not a reaction`: not two `>`. `bad fragment groups`: the extension names a
fragment that is not there, or joins fragments of two slots. `identity`: every product stands on the
left side too."""


class _Fragment(NamedTuple):
    smiles: str  # canonical
    charge: int
    maps: frozenset[str]


_Compound: TypeAlias = tuple[_Fragment, ...]


class _InvalidError(Exception):
    """Carries the text of a fragment that RDKit does not accept."""


def clean_reaction_smiles(
    text: str, *, reagents: Reagents = "apart", ions: Ions = "joined"
) -> CleanReaction | Dropped:
    """Cleans a reaction SMILES.

    Args:
        text: `reactants>reagents>products` with any slot empty, atoms mapped or not; after white
            space an extension `|f:...|` is read, anything else (edits of USPTO-480k) is left.
        reagents: as for `clean`.
        ions: as for `clean`.

    Returns:
        The reaction, or why there is none.

    Example:
        >>> clean_reaction_smiles("[OH-].[Na+].[CH3:2][Br:3]>O>[CH3:2]O |f:0.1|")
        CleanReaction(reactants='CBr.[Na+]~[OH-]', reagents='O', products='CO')
        >>> clean_reaction_smiles("[CH3:2][Br:3].[Na+:7].[OH-:9].O>>[CH3:2][OH:9]")
        CleanReaction(reactants='CBr.[Na+]~[OH-]', reagents='O', products='CO')
        >>> clean_reaction_smiles("CO>>OC")
        Dropped(reason='identity', text='OC')
    """
    reaction, _, rest = text.strip().replace("\t", " ").partition(" ")
    slots = reaction.split(">")
    if len(slots) != 3:
        return Dropped("not a reaction", text)
    if found := _FRAGMENT_GROUPS.search(rest):
        groups = [group.split(".") for group in found[1].strip(",").split(",")]
        joined = _joined(slots, [[int(place) for place in group] for group in groups])
        if joined is None:
            return Dropped("bad fragment groups", found[0])
        slots = joined
    return clean(slots[0], slots[1], slots[2], reagents=reagents, ions=ions)


def clean(
    reactants: str,
    reagent_slot: str,
    products: str,
    *,
    reagents: Reagents = "apart",
    ions: Ions = "joined",
) -> CleanReaction | Dropped:
    """Cleans a reaction whose three parts are known.

    Args:
        reactants: SMILES of compounds joined with `.`, ions of one compound with `~` or `.`.
        reagent_slot: likewise; where empty, atom maps in the others tell the reagents.
        products: likewise.
        reagents: `apart`; `mixed` into the reactants; or `dropped`.
        ions: of one compound, `joined` with `~`, or `apart`, each sorted as a molecule of its own.

    Returns:
        The reaction, or why there is none.

    Example:
        >>> clean("OC(=O)C.OCC", "OS(O)(=O)=O", "CCOC(C)=O", reagents="mixed").reactants
        'CC(=O)O.CCO.O=S(=O)(O)O'
    """
    try:
        sides = [_compounds(slot) for slot in (reactants, reagent_slot, products)]
    except _InvalidError as error:
        return Dropped("invalid SMILES", str(error))
    left, agents, right = sides
    if not right:
        return Dropped("no product", f"{reactants}>{reagent_slot}>{products}")
    left, agents = _pair_across(left, agents)
    if not agents:
        left, agents = _by_atom_maps(left, right)
    if not left:
        return Dropped("no reactants", f"{reactants}>{reagent_slot}>{products}")
    if {_key(compound) for compound in right} <= {_key(compound) for compound in left + agents}:
        return Dropped("identity", products)
    if reagents == "mixed":
        left, agents = left + agents, []
    elif reagents == "dropped":
        agents = []
    return CleanReaction(*(_written(side, ions) for side in (left, agents, right)))


def split_ions(mixture: str) -> str:
    """Writes a mixture without `~`: every ion a molecule of its own, all sorted.

    Example:
        >>> split_ions("CO.[Na+]~[OH-]")
        'CO.[Na+].[OH-]'
    """
    return ".".join(sorted(mixture.replace("~", ".").split(".")))


def group_ions(mixture: str) -> str | None:
    """Canonicalises a mixture and joins the ions of one compound with `~`, by charge.

    Returns:
        The mixture, its compounds sorted; None when a fragment is not valid.

    Example:
        >>> group_ions("[OH-].[Na+].OC")
        'CO.[Na+]~[OH-]'
    """
    try:
        return _written(_compounds(mixture), "joined")
    except _InvalidError:
        return None


@dataclass
class CleaningReport:
    """What became of the rows of a file.

    Attributes:
        kept: rows that are reactions.
        dropped: number of rows by reason.
        examples: by reason, name of the row and what was wrong, of the first few.
    """

    kept: int = 0
    dropped: collections.Counter[str] = field(default_factory=collections.Counter)
    examples: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """All rows."""
        return self.kept + self.dropped.total()

    def count(self, row: str, result: CleanReaction | Dropped) -> None:
        """Takes note of a row.

        Args:
            row: its name for a reader, such as file and line.
            result: what the cleaning returned.
        """
        if isinstance(result, CleanReaction):
            self.kept += 1
            return
        self.dropped[result.reason] += 1
        shown = self.examples.setdefault(result.reason, [])
        if len(shown) < EXAMPLES:
            shown.append((row, result.text))

    def as_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            "read": self.read,
            "kept": self.kept,
            "dropped": {reason: self.dropped[reason] for reason in REASONS if self.dropped[reason]},
            "examples": {
                reason: [{"row": row, "text": text} for row, text in shown]
                for reason, shown in self.examples.items()
            },
        }

    def lines(self) -> Iterator[str]:
        """Yields the report as lines for a terminal."""
        yield f"{self.read:,} rows read, {self.kept:,} kept, {self.dropped.total():,} dropped"
        for reason in REASONS:
            if self.dropped[reason]:
                row, text = self.examples[reason][0]
                yield f"  {self.dropped[reason]:>9,} {reason:<19}  such as {row}: {_short(text)}"


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 4] + " ..."


def _joined(slots: list[str], groups: list[list[int]]) -> list[str] | None:
    """Joins fragments that belong together with `~`; None when the groups do not fit the slots."""
    first, leader = 0, {place: group[0] for group in groups for place in group}
    if sum(map(len, groups)) != len(leader):
        return None
    joined = []
    for slot in slots:
        compounds: dict[int, list[str]] = {}
        fragments = slot.split(".") if slot else []
        for place, fragment in enumerate(fragments, start=first):
            compounds.setdefault(leader.pop(place, place), []).append(fragment)
        if any(not first <= place < first + len(fragments) for place in compounds):
            return None
        joined.append(".".join("~".join(compound) for compound in compounds.values()))
        first += len(fragments)
    return None if leader else joined


def _compounds(slot: str) -> list[_Compound]:
    """Reads a slot. Ions that no `~` joins are paired by charge."""
    stated: list[_Compound] = []
    loose: list[_Fragment] = []
    for compound in slot.split(".") if slot else []:
        fragments = [_fragment(text) for text in compound.split("~")]
        if len(fragments) > 1:
            stated.append(tuple(fragments))
        else:
            loose.append(fragments[0])
    return stated + _paired(loose)


def _fragment(text: str) -> _Fragment:
    found = _ATOM_MAP.findall(text)
    read = _canonical_and_charge(_ATOM_MAP.sub("]", text) if found else text)
    if read is None:
        raise _InvalidError(text)
    return _Fragment(*read, frozenset(found))


@functools.lru_cache(maxsize=1 << 16)  # solvents and reagents are most of the fragments of a file
def _canonical_and_charge(smiles: str) -> tuple[str, int] | None:
    mol = parse(smiles)
    return None if mol is None else (canonical_from_mol(mol), Chem.GetFormalCharge(mol))


def _paired(fragments: Sequence[_Fragment]) -> list[_Compound]:
    groups = pair_ions([(fragment.smiles, fragment.charge) for fragment in fragments])
    return [tuple(fragments[place] for place in group) for group in groups]


def _pair_across(
    left: list[_Compound], agents: list[_Compound]
) -> tuple[list[_Compound], list[_Compound]]:
    """Pairs the ions that found no partner in their own slot; the compound is a reactant."""
    left_ions = [compound for compound in left if _is_ion(compound)]
    agent_ions = [compound for compound in agents if _is_ion(compound)]
    if not left_ions or not agent_ions:
        return left, agents
    ions = [compound[0] for compound in left_ions + agent_ions]
    left = [compound for compound in left if not _is_ion(compound)]
    agents = [compound for compound in agents if not _is_ion(compound)]
    for group in pair_ions([(ion.smiles, ion.charge) for ion in ions]):
        side = left if group[0] < len(left_ions) else agents
        side.append(tuple(ions[place] for place in group))
    return left, agents


def _is_ion(compound: _Compound) -> bool:
    return len(compound) == 1 and compound[0].charge != 0


def _by_atom_maps(
    left: list[_Compound], right: list[_Compound]
) -> tuple[list[_Compound], list[_Compound]]:
    """Parts reactants, which share mapped atoms with the products, from reagents."""
    kept = frozenset[str]().union(*(fragment.maps for side in right for fragment in side))
    reactants = [side for side in left if any(fragment.maps & kept for fragment in side)]
    if not reactants:
        return left, []
    return reactants, [side for side in left if side not in reactants]


def _key(compound: _Compound) -> tuple[str, ...]:
    return tuple(sorted(fragment.smiles for fragment in compound))


def _written(side: Sequence[_Compound], ions: Ions) -> str:
    joined = join_compounds(".".join(_key(compound)) for compound in side)
    return joined if ions == "joined" else split_ions(joined)
