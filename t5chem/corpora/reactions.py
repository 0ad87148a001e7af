"""Reactions of real building blocks by the templates of `reaction_classes`.

A row is what a textbook predicts, not what a laboratory measured: see the corpus card. Heavy atoms
of the product always come from `reactants`; `reagents` holds what acts without staying.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import multiprocessing
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from rdkit import Chem, RDConfig
from rdkit.Chem import rdChemReactions

from t5chem.corpora.molecules import load_named_compounds
from t5chem.corpora.queries import element_counts, elements_of, query
from t5chem.corpora.reaction_classes import CLASSES
from t5chem.corpora.reaction_parts import GROUPS, ReactionClass, Role
from t5chem.corpora.splits import split_of
from t5chem.smiles import (
    canonical,
    canonical_from_mol,
    canonical_mixture,
    join_compounds,
    parse,
    skeleton_key,
)

MIN_BLOCK_ATOMS: Final = 4
MAX_BLOCK_ATOMS: Final = 22
MAX_BLOCK_SMILES: Final = 56
MIN_PRODUCT_ATOMS: Final = 5
MAX_PRODUCT_ATOMS: Final = 40

_ORGANIC_SMILES: Final = re.compile(r"[BCNOSFIHlrcnos0-9()\[\]=#@+\-/\\]+")
UNWANTED: Final = (
    "[+;!$([N+](=O)[O-]);!$([N+]=[N-])]",
    "[-;!$([O-][N+]=O);!$([N-]=[N+])]",
    "[!0*]",
    "[$([#6;v1,v2,v3]),$([#7;v1,v2;+0]),$([#8;v1;+0]),$([#16;v1,v3,v5])]",
    "[#5;!$(B(O)(O)c)]",
    "[O;X2]-[O;X2]",
    "[N,O,SX2]-[F,Cl,Br,I]",
    "[#6]-[NX2]=O",
    "N[NX2]=O",
    "[OX2]N=O",
    "[C,S;-,+]",
    "[OX2H,NX3H2,SX2H][CX4][#7,#8,#16,F,Cl,Br,I]",
    "[OX2H,SX2H][CX3;!$(C=[O,S])]=[#6,#7]",
    "[NX2H]=[#6]",
    "[OX2H]C(=O)[O,N,S,F,Cl,Br,I]",
    "[NX3;r3]",
    "[a;r3]",
    "[OX2H][#16]",
    "[SX2H]C=[O,S]",
    "[CX2]#[CX2][F,Cl,Br,I,O,N,S]",
    "[CX3](=O)[CX3](=O)[F,Cl,Br,I]",
    "[IX2,IX3,ClX2,ClX3,BrX2,BrX3,SX3;!$([SX3]=O)]",
    "[CH2][CH2][CH2][CH2][CH2][CH2][CH2][CH2][CH2]",
    "C(F)(F)C(F)(F)C(F)F",
    "C(F)(F)C(F)(F)C(F)(F)",
    "[Cl,Br,I]C([Cl,Br,I])[Cl,Br,I]",
    "[#6;r9,r10,r11,r12,r13,r14,r15,r16]",
)
"""What no building block may contain: ions, radicals, unstable bonds, fats, fluorocarbons."""


def generate_reactions(
    seed: int = 0,
    processes: int = 2,
    classes: Sequence[ReactionClass] = CLASSES,
    max_blocks: int | None = None,
) -> Iterator[dict[str, str]]:
    """Yields reactions, the same ones in the same order for a seed whatever `processes` is.

    Args:
        seed: chooses which partners meet and under which of a class's conditions.
        processes: worker processes; 1 works in this process. Workers are spawned, so a script must
            call this under `if __name__ == "__main__":`.
        classes: the reaction classes to draw from.
        max_blocks: look at only so many molecules of the tables (for tests); None for all.

    Yields:
        `id`, `split`, `reaction_class`, `reactants`, `reagents`, `products`, all strings; mixtures
        as `t5chem.smiles.join_compounds` writes them.

    Raises:
        FileNotFoundError: the `chemicals` package is not installed.

    Example:
        >>> oximes = [c for c in CLASSES if c.name == "oxime_formation"]
        >>> row = next(generate_reactions(0, 1, oximes, max_blocks=2000))
        >>> row["reactants"].count("Cl~NO"), row["split"] in ("train", "validation", "test")
        (1, True)
    """
    roles = tuple(dict.fromkeys(role for kind in classes for role in kind.roles))
    with _Workers(processes) as mapped:
        pools = _pools(roles, building_blocks()[:max_blocks], mapped)
        jobs = [(kind, [pools[role] for role in kind.roles], seed) for kind in classes]
        rows = list(itertools.chain.from_iterable(mapped(_draw_class, jobs)))
    yield from sorted(_consistent(rows), key=lambda row: row["id"].rpartition("-")[2])


def building_blocks() -> list[str]:
    """Returns the SMILES of real molecules small and organic enough to be looked at, in file order.

    They are the named compounds of the `chemicals` tables and the NCI set that RDKit installs.
    """
    nci = Path(RDConfig.RDDataDir, "NCI", "first_5K.smi").read_text().splitlines()
    smiles = [compound.smiles for compound in load_named_compounds()]
    smiles += [line.split()[0] for line in nci]
    return [
        text
        for text in dict.fromkeys(smiles)
        if len(text) <= MAX_BLOCK_SMILES and _ORGANIC_SMILES.fullmatch(text)
    ]


class _Workers:
    """Gives an order-preserving map over spawned processes, or in this one."""

    def __init__(self, processes: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pool = spawn.Pool(processes) if processes > 1 else None

    def __enter__(self) -> Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]:
        return map if self._pool is None else functools.partial(self._pool.imap, chunksize=1)

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()


def _pools(roles: tuple[Role, ...], blocks: list[str], mapped: Callable) -> dict[Role, list[str]]:
    """Returns, for each role, the canonical SMILES of all molecules that may play it."""
    chunks = [(roles, blocks[start : start + 1000]) for start in range(0, len(blocks), 1000)]
    found: dict[str, list[int]] = {}
    for chunk in mapped(_cast_chunk, chunks):
        found |= chunk
    pools = {role: [smiles for smiles in map(canonical, role.partners) if smiles] for role in roles}
    for smiles, indices in found.items():
        for index in indices:
            pools[roles[index]].append(smiles)
    return pools


def _cast_chunk(job: tuple[tuple[Role, ...], list[str]]) -> dict[str, list[int]]:
    roles, blocks = job
    casting = _by_first_group(roles)
    found = {}
    for smiles in blocks:
        mol = parse(smiles)
        if mol is None or not MIN_BLOCK_ATOMS <= mol.GetNumHeavyAtoms() <= MAX_BLOCK_ATOMS:
            continue
        elements = elements_of(mol)
        fitting = _fitting(mol, elements, casting)
        if fitting and not any(query(smarts).matches(mol, elements) for smarts in UNWANTED):
            found[canonical_from_mol(mol)] = fitting
    return found


def fitting_roles(mol: Chem.Mol, roles: Sequence[Role]) -> list[int]:
    """Returns the indices of the roles that a molecule may play (see `Role`)."""
    return _fitting(mol, elements_of(mol), _by_first_group(roles))


_Casting = dict[str, list[tuple[int, Role]]]
"""Roles and their indices by the first group they ask for, which settles most molecules."""


def _by_first_group(roles: Sequence[Role]) -> _Casting:
    casting: _Casting = {}
    for index, role in enumerate(roles):
        if role.once:
            casting.setdefault(role.once[0], []).append((index, role))
    return casting


def _fitting(mol: Chem.Mol, elements: frozenset[str], casting: _Casting) -> list[int]:
    atoms = mol.GetNumHeavyAtoms()
    possible = _possible_groups(elements)
    count = functools.cache(
        lambda group: query(GROUPS[group]).count(mol, elements, 2) if group in possible else 0
    )
    return sorted(
        index
        for first, asking in casting.items()
        if first in possible and count(first) == 1
        for index, role in asking
        if atoms <= role.max_atoms
        and all(count(group) == 1 for group in role.once)
        and not any(count(group) for group in role.forbidden)
    )


@functools.cache  # the blocks have some two hundred combinations of elements
def _possible_groups(elements: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in GROUPS if query(GROUPS[name]).may_match(elements))


def _draw_class(job: tuple[ReactionClass, list[list[str]], int]) -> list[dict[str, str]]:
    kind, pools, seed = job
    rows: list[dict[str, str]] = []
    for smiles in _combinations(pools, random.Random(f"{seed}:{kind.name}"), 3 * kind.rows):
        row = react(kind, smiles, seed)
        if row is not None:
            rows.append(row)
        if len(rows) == kind.rows:
            break
    return rows


def _combinations(
    pools: list[list[str]], rng: random.Random, limit: int
) -> Iterator[tuple[str, ...]]:
    """Yields up to `limit` distinct tuples, one member a pool, in random order."""
    total = 1
    for pool in pools:
        total *= len(pool)
    for number in rng.sample(range(total), min(limit, total)):
        chosen = []
        for pool in pools:
            number, index = divmod(number, len(pool))
            chosen.append(pool[index])
        yield tuple(chosen)


def react(kind: ReactionClass, smiles: Sequence[str], seed: int = 0) -> dict[str, str] | None:
    """Returns the row of one reaction, or None when there is not exactly one fit product.

    Args:
        kind: the reaction class.
        smiles: a building block or partner for each role, before the role's `made_by`.
        seed: chooses among the class's conditions, together with the reactants.
    """
    prepared = [
        _prepared(role.made_by, text) for role, text in zip(kind.roles, smiles, strict=True)
    ]
    mols = [mol for _, mol in prepared if mol is not None]
    products = _products(kind.smarts, mols) if len(mols) == len(prepared) else {}
    if len(products) != 1:
        return None
    product, mol = products.popitem()
    reactants = join_compounds(text for text, _ in prepared)
    reagents = _choose_conditions(kind, random.Random(f"{seed}:{kind.name}:{reactants}"))
    inputs = f"{reactants}.{reagents}".split(".")
    if product in inputs or len(inputs) != len(set(inputs)) or not _is_fit(mol, mols):
        return None
    key = skeleton_key(mol)
    if not key:
        return None
    digest = hashlib.sha256(f"{reactants}>{reagents}>{product}".encode()).hexdigest()
    return {
        "id": f"{kind.name}-{digest[:16]}",
        "split": split_of(key),
        "reaction_class": kind.name,
        "reactants": reactants,
        "reagents": reagents,
        "products": product,
    }


@functools.lru_cache(maxsize=4096)
def _prepared(made_by: str, smiles: str) -> tuple[str, Chem.Mol | None]:
    """Returns a reactant, made from its building block where the role says how."""
    mol = parse(smiles)
    if mol is None:
        return "", None
    if not made_by:
        return canonical_from_mol(mol), mol
    made = _products(made_by, [mol])
    return made.popitem() if len(made) == 1 else ("", None)


@functools.cache
def _reaction(smarts: str) -> Any:
    reaction = rdChemReactions.ReactionFromSmarts(smarts)
    reaction.Initialize()
    return reaction


def _products(smarts: str, mols: Sequence[Chem.Mol]) -> dict[str, Chem.Mol]:
    """Returns the distinct products of a template; none when one of them is no valid molecule."""
    outcomes = [outcome for (outcome,) in _reaction(smarts).RunReactants(tuple(mols), 12)]
    if len(outcomes) == 1:  # two thirds; the others mostly repeat a product, by symmetry
        found = [_sanitised(outcomes[0])]
    else:
        found = [parse(text) for text in {Chem.MolToSmiles(outcome) for outcome in outcomes}]
    valid = [mol for mol in found if mol is not None]
    if len(valid) < len(found):
        return {}
    return {canonical_from_mol(mol): mol for mol in valid}


def _sanitised(product: Chem.Mol) -> Chem.Mol | None:
    """Does what `parse` of its SMILES would, in half the time; None when it is not valid."""
    if Chem.SanitizeMol(product, catchErrors=True):
        return None
    Chem.AssignStereochemistry(product, cleanIt=True, force=True)
    return product


@functools.cache
def _canonical_reagents(mixture: str) -> tuple[str, ...]:
    return tuple((canonical_mixture(mixture) or "").split(".")) if mixture else ()


def _choose_conditions(kind: ReactionClass, rng: random.Random) -> str:
    chosen = [_canonical_reagents(rng.choice(slot)) for slot in kind.conditions]
    return join_compounds(set(itertools.chain.from_iterable(chosen)))


def _is_fit(product: Chem.Mol, reactants: Sequence[Chem.Mol]) -> bool:
    """Tells whether the product is one molecule, of fair size and of the reactants' atoms."""
    if not MIN_PRODUCT_ATOMS <= product.GetNumHeavyAtoms() <= MAX_PRODUCT_ATOMS:
        return False
    available: Counter[str] = Counter()
    for reactant in reactants:
        available += heavy_atoms(reactant)
    return len(Chem.GetMolFrags(product)) == 1 and heavy_atoms(product) <= available


def heavy_atoms(mol: Chem.Mol) -> Counter[str]:
    """Returns how many atoms of each element but hydrogen a molecule has.

    Example:
        >>> heavy_atoms(Chem.MolFromSmiles("CCO"))["C"]
        2
    """
    counts = element_counts(mol)
    counts.pop("H", None)
    return Counter(counts)


def _consistent(rows: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Drops a row that repeats a pair of reactants and product or contradicts an earlier input."""
    pairs: set[tuple[str, str]] = set()
    inputs: set[str] = set()
    for row in rows:
        pair = row["reactants"], row["products"]
        mixture = ".".join(sorted(f"{row['reactants']}.{row['reagents']}".split(".")))
        if pair not in pairs and mixture not in inputs:
            pairs.add(pair)
            inputs.add(mixture)
            yield row
