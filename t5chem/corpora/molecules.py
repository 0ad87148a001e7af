r"""Molecules with descriptions: the part of the starter corpus that pairs structure and English.

The molecules are real: those of the tables that `chemicals` installs (from PubChem) and of the
NCI file that comes with RDKit. Their descriptions are ours: names from the tables, and facts
computed from the structure (`facts.py`) put into English (`descriptions.py`).

Most sources leave stereochemistry open. Where they do, specified isomers are drawn, so that `/`,
`\` and `@` are about as frequent as in ChEBI-20, and a description then says what the molecule is
*of* the named compound ("the R enantiomer of ...").
"""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from rdkit import Chem, RDConfig

from t5chem.corpora.compounds import NamedCompound, load_named_compounds, mentions_stereo
from t5chem.corpora.descriptions import Naming, describe
from t5chem.corpora.facts import Facts, facts_of
from t5chem.corpora.queries import atoms_of
from t5chem.corpora.splits import split_of
from t5chem.corpora.stereo import StereoFacts, stereo_elements, stereoisomers, unspecified
from t5chem.smiles import canonical_from_mol, parse, skeleton_key

__all__ = ["NamedCompound", "generate_molecules", "load_named_compounds"]

MOST_HEAVY_ATOMS: Final = 60
_ORGANIC: Final = frozenset(["H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I"])
_METALS: Final = frozenset(["Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", "Zn", "Ag", "Al"])

# Shares drawn per source molecule, set so that the corpus has about 26,000 rows with the rates of
# `\` and `@` that ChEBI-20 has (15 % and 61 % of its validation rows).
_LOOKED_AT: Final = 0.85  # so that the whole corpus is made in well under two minutes
_KEPT_WITHOUT_STEREO: Final = 0.21
_KEPT_SALTS: Final = 0.33
_LEFT_OPEN: Final = 0.08
_SECOND_ISOMER: Final = 0.25
_BACKSLASH_PREFERRED: Final = 0.95
_NAME_FREE: Final = 0.22
_ALIAS_TOLD: Final = 0.25

_CHUNK: Final = 400
_STEREO_IN_NAME: Final = re.compile(r"(?<=[(,])\d*[a-z]?'*([RSEZ])(?=[,)])")


@dataclass(frozen=True)
class Source:
    """A molecule as a source gives it.

    Attributes:
        smiles: valid for RDKit, not canonical.
        name: systematic name, or ''.
        alias: customary name, or ''.
        key: its `skeleton_key` where the source knows it, else ''.
    """

    smiles: str
    name: str = ""
    alias: str = ""
    key: str = ""


def generate_molecules(seed: int = 0, processes: int = 2) -> Iterator[dict[str, str]]:
    """Yields about 26,000 molecules with descriptions, in an order that the seed does not change.

    Args:
        seed: decides which molecules and isomers are taken and how they are described.
        processes: worker processes; what is generated does not depend on it.

    Yields:
        `id` (stable and unique), `split` (by `split_of` the molecule), `smiles` (canonical,
        isomeric), `name` (exact, or '' when there is none) and `description`.

    Raises:
        FileNotFoundError: the `chemicals` package is not installed.
    """
    yield from _generate(sources(), seed, processes)


def sources() -> Iterator[Source]:
    """Yields the source molecules, those with a systematic name first."""
    for compound in load_named_compounds():
        alias = "" if compound.common_name == compound.iupac_name else compound.common_name
        yield Source(compound.smiles, compound.iupac_name, alias, _tabulated_key(compound))
    for line in (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines():
        yield Source(line.split()[0])


def _tabulated_key(compound: NamedCompound) -> str:
    """Returns the skeleton key as tabulated, which saves a tenth of the time.

    It is what RDKit computes for the organic molecules of the tables (all 64,000), but not for
    62 others, mostly salts with oxides of the halogens.
    """
    is_molecule = "." not in compound.smiles and re.fullmatch(r"C[A-Z0-9]\w*", compound.formula)
    return compound.inchi_key.split("-")[0] if is_molecule else ""


def _generate(molecules: Iterable[Source], seed: int, processes: int) -> Iterator[dict[str, str]]:
    seen: set[str] = set()
    for rows in _map(_chunks(molecules, seed), processes):
        for row in rows:
            if row["smiles"] not in seen:
                seen.add(row["smiles"])
                yield row


def _chunks(molecules: Iterable[Source], seed: int) -> Iterator[tuple[int, tuple[Source, ...]]]:
    remaining = iter(molecules)
    while chunk := tuple(islice(remaining, _CHUNK)):
        yield seed, chunk


def _map(
    chunks: Iterator[tuple[int, tuple[Source, ...]]], processes: int
) -> Iterator[list[dict[str, str]]]:
    if processes <= 1:
        yield from map(_rows_of_chunk, chunks)
        return
    # Spawned rather than forked: the parent may hold threads (JAX, TensorFlow).
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(_rows_of_chunk, chunks)


def _rows_of_chunk(work: tuple[int, tuple[Source, ...]]) -> list[dict[str, str]]:
    seed, chunk = work
    return [row for source in chunk for row in rows_of(source, seed)]


def rows_of(source: Source, seed: int) -> list[dict[str, str]]:
    """Returns the rows made of one source molecule: none, one, or several stereoisomers.

    A function of its arguments alone, which is what makes the corpus independent of processes.
    """
    rng = _rng(seed, "source", source.smiles)
    if rng.random() > _LOOKED_AT:
        return []
    if "." in source.smiles and rng.random() > _KEPT_SALTS:
        return []
    mol = parse(source.smiles)
    if mol is None or not _is_sensible(mol, source.smiles):
        return []
    isomers = _isomers(mol, rng)
    if not isomers:
        return []
    stated = canonical_from_mol(mol)
    rows = (_row(smiles or stated, stated, source, seed) for smiles in isomers)
    return [row for row in rows if row is not None]


def _rng(*parts: object) -> random.Random:
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def _is_sensible(mol: Chem.Mol, smiles: str) -> bool:
    """Tells whether a molecule is small, ordinary and drawn with whole valences."""
    if not 2 <= mol.GetNumHeavyAtoms() <= MOST_HEAVY_ATOMS:
        return False
    if "[" not in smiles:  # two thirds: SMILES brackets all but ordinary organic atoms
        return True
    for atom in atoms_of(mol):
        symbol = atom.GetSymbol()
        is_metal_ion = symbol in _METALS and not atom.GetDegree()
        if not (symbol in _ORGANIC or (is_metal_ion and atom.GetFormalCharge() > 0)):
            return False
        if atom.GetNumRadicalElectrons() or atom.GetIsotope():
            return False
    return True


def _isomers(mol: Chem.Mol, rng: random.Random) -> list[str]:
    """Chooses which isomers of a source molecule to take; '' stands for the molecule as stated."""
    potential = stereo_elements(mol)
    if not potential:
        is_salt = len(Chem.GetMolFrags(mol)) > 1
        return [""] if is_salt or rng.random() < _KEPT_WITHOUT_STEREO else []
    if not unspecified(potential) or rng.random() < _LEFT_OPEN:
        return [""]
    drawn = stereoisomers(mol, rng, potential)
    if rng.random() < _BACKSLASH_PREFERRED:
        drawn.sort(key=lambda smiles: "\\" not in smiles)  # stable: stays random within each kind
    return drawn[: 1 + (rng.random() < _SECOND_ISOMER)]


def _row(isomer: str, stated: str, source: Source, seed: int) -> dict[str, str] | None:
    mol = parse(isomer)
    if mol is None:
        return None
    smiles = canonical_from_mol(mol)
    facts = facts_of(mol)
    if facts is None:
        return None
    key = source.key or skeleton_key(mol)
    if not key or ("." in smiles and facts.salt is None):
        return None
    rng = _rng(seed, "description", smiles)
    exact, naming = _naming(facts, smiles == stated, source)
    if rng.random() < _NAME_FREE:
        naming = Naming()
    elif rng.random() > _ALIAS_TOLD:
        naming = Naming(naming.name, naming.relation)
    return {
        "id": "molecule-" + hashlib.sha256(smiles.encode()).hexdigest()[:12],
        "split": split_of(key),
        "smiles": smiles,
        "name": exact,
        "description": describe(facts, naming, rng),
    }


def _naming(facts: Facts, as_stated: bool, source: Source) -> tuple[str, Naming]:
    """Returns the exact name of a molecule ('' if none) and how its description may call it."""
    if not source.name or not _agrees(source.name, facts.stereo, as_stated):
        return "", Naming()
    if as_stated:
        alias = source.alias if not facts.stereo.specified + facts.stereo.is_open else ""
        return source.name, Naming(source.name, alias=alias)
    label = facts.stereo.label
    kinds = {"R": "R enantiomer", "S": "S enantiomer", "E": "E isomer", "Z": "Z isomer"}
    return "", Naming(source.name, kinds.get(label, "stereoisomer"))


def _agrees(name: str, stereo: StereoFacts, as_stated: bool) -> bool:
    """Tells whether what a name says about stereochemistry is what the structure says.

    The name of a source whose stereochemistry was drawn by us must say nothing.
    """
    if not as_stated:
        return not mentions_stereo(name)
    said = Counter(_STEREO_IN_NAME.findall(name))
    if said.total():
        return said == Counter(R=stereo.r, S=stereo.s, E=stereo.e, Z=stereo.z)
    return not mentions_stereo(name) and not stereo.specified
