"""Where a prediction departs from its target: in text, in SMILES, and in the drawn molecules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from difflib import SequenceMatcher
from html import escape
from typing import Any, Final

from rdkit import Chem
from rdkit.Chem import rdDepictor, rdFMCS
from rdkit.Chem.Draw import rdMolDraw2D

from t5chem.drawing import inline_svg, molecule_svg, set_style
from t5chem.smiles import parse

_WORDS: Final = re.compile(r"\w+|\s+|[^\w\s]")
_SYMBOLS: Final = re.compile(r"\[[^\]]*\]|Br|Cl|%\d\d|.", re.DOTALL)
# Of longer pairs nothing is marked: the comparison takes time with the product of the lengths.
_MOST_TOKEN_PAIRS: Final = 1_000_000
_MOST_ATOM_PAIRS: Final = 20_000
_SEARCH_SECONDS: Final = 1
_FEWEST_TO_ALIGN: Final = 4  # atoms; with fewer a shared orientation says nothing
# A highlight is drawn in this colour, which then becomes the page's own.
_MARK: Final = (4 / 255, 5 / 255, 6 / 255)
_MARK_HEX: Final = "#040506"
_MARK_WIDTH: Final = 20  # of a bond's line

Match = list[tuple[int, int]]


def mark_differences(target: str, prediction: str, smiles: bool = False) -> tuple[str, str]:
    """Returns both texts as HTML in which `<mark>` holds what the other does not have.

    Words are compared in text, atoms and bonds in SMILES.

    Args:
        target: the text expected.
        prediction: the text given.
        smiles: whether both are SMILES.

    Example:
        >>> mark_differences("STIR for 2 h.", "STIR for 3 h.")[1]
        'STIR for <mark class="surplus">3</mark> h.'
        >>> mark_differences("CCO", "CCN", smiles=True)[0]
        'CC<mark class="missed">O</mark>'
    """
    split = _SYMBOLS if smiles else _WORDS
    wanted, given = split.findall(target), split.findall(prediction)
    if not wanted or not given or len(wanted) * len(given) > _MOST_TOKEN_PAIRS:
        return escape(target), escape(prediction)
    left, right = [], []
    for same, i, j, k, m in SequenceMatcher(None, wanted, given, autojunk=False).get_opcodes():
        left.append(_marked(wanted[i:j], same == "equal", "missed"))
        right.append(_marked(given[k:m], same == "equal", "surplus"))
    return "".join(left), "".join(right)


def _marked(tokens: Sequence[str], same: bool, kind: str) -> str:
    text = escape("".join(tokens))
    return text if same or not text else f'<mark class="{kind}">{text}</mark>'


def draw_pair(
    target: str, prediction: str, width: int = 300, height: int = 190
) -> tuple[str | None, str | None]:
    """Draws two molecules or mixtures, their differing atoms highlighted.

    Equal compounds are matched first, then the largest others by their maximum common substructure
    (RDKit's, at most a second of search); shared atoms whose charge, isotope, configuration or
    double bond's geometry differ count as different. The prediction is turned as the target lies.

    Args:
        target: SMILES expected.
        prediction: SMILES given.
        width: pixels of each.
        height: pixels of each.

    Returns:
        An `<svg>` element for each; None for one that is not valid. Highlights have the CSS colours
        `--missed` and `--surplus` of the page.
    """
    wanted, given = parse(target), parse(prediction)
    if wanted is None or given is None:
        return molecule_svg(target, width, height), molecule_svg(prediction, width, height)
    match = shared_atoms(wanted, given)
    _align(given, wanted, match)
    same = [pair for pair in match if pair not in set(_changed(wanted, given, match))]
    pictures = (
        (wanted, target, {i for i, _ in same}, "missed"),
        (given, prediction, {j for _, j in same}, "surplus"),
    )
    known, found = (_drawn(*picture, width, height) for picture in pictures)
    return known, found


def shared_atoms(first: Chem.Mol, second: Chem.Mol) -> Match:
    """Returns pairs of atom indices of `first` and `second` that have the same place.

    Example:
        >>> shared_atoms(parse("OCC"), parse("OCN"))
        [(0, 0), (1, 1)]
    """
    here, there = _parts(first), _parts(second)
    pairs = []
    for part in _equal_parts(here, there):
        ours, theirs = here[part[0]], there[part[1]]
        found = theirs.mol.GetSubstructMatch(ours.mol, useChirality=True)
        pairs += [(ours.atoms[i], theirs.atoms[j]) for i, j in enumerate(found)]
    matched = list(_equal_parts(here, there))
    rest = [part for n, part in enumerate(here) if n not in {i for i, _ in matched}]
    others = [part for n, part in enumerate(there) if n not in {j for _, j in matched}]
    if rest and others:
        ours, theirs = (max(parts, key=lambda part: len(part.atoms)) for parts in (rest, others))
        common = _common_substructure(ours.mol, theirs.mol)
        pairs += [(ours.atoms[i], theirs.atoms[j]) for i, j in common]
    return pairs


class _Part:
    """A connected part of a molecule, and which of its atoms it has."""

    def __init__(self, mol: Chem.Mol, atoms: Sequence[int]) -> None:
        self.mol = mol
        self.atoms = tuple(atoms)
        self.smiles = Chem.MolToSmiles(mol)


def _parts(mol: Chem.Mol) -> list[_Part]:
    atoms: list[Sequence[int]] = []
    parts = Chem.GetMolFrags(mol, asMols=True, fragsMolAtomMapping=atoms)
    return [_Part(part, its) for part, its in zip(parts, atoms, strict=True)]


def _equal_parts(here: Sequence[_Part], there: Sequence[_Part]) -> Iterator[tuple[int, int]]:
    """Pairs of indices of the same compound, each part once."""
    places: dict[str, list[int]] = {}
    for place, part in enumerate(there):
        places.setdefault(part.smiles, []).append(place)
    used: Counter[str] = Counter()
    for place, part in enumerate(here):
        same = places.get(part.smiles, [])
        if used[part.smiles] < len(same):
            yield place, same[used[part.smiles]]
            used[part.smiles] += 1


def _common_substructure(first: Chem.Mol, second: Chem.Mol) -> Match:
    if first.GetNumAtoms() * second.GetNumAtoms() > _MOST_ATOM_PAIRS:
        return []
    found = rdFMCS.FindMCS(
        [first, second], timeout=_SEARCH_SECONDS, ringMatchesRingOnly=True, completeRingsOnly=True
    )
    pattern = Chem.MolFromSmarts(found.smartsString) if found.numAtoms else None
    if pattern is None:
        return []
    here, there = first.GetSubstructMatch(pattern), second.GetSubstructMatch(pattern)
    return list(zip(here, there, strict=True)) if len(here) == len(there) else []


def _changed(first: Chem.Mol, second: Chem.Mol, match: Match) -> Iterator[tuple[int, int]]:
    """The matched pairs that are not quite the same."""
    partner = dict(match)
    for i, j in match:
        if _kind_of(first.GetAtomWithIdx(i)) != _kind_of(second.GetAtomWithIdx(j)):
            yield i, j
    for bond in first.GetBonds():
        begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if begin not in partner or end not in partner:
            continue
        other = second.GetBondBetweenAtoms(partner[begin], partner[end])
        if other is not None and other.GetStereo() != bond.GetStereo():
            yield from ((begin, partner[begin]), (end, partner[end]))


def _kind_of(atom: Chem.Atom) -> tuple[Any, ...]:
    configuration = atom.GetProp("_CIPCode") if atom.HasProp("_CIPCode") else ""
    return atom.GetFormalCharge(), atom.GetIsotope(), configuration


def _align(mol: Chem.Mol, reference: Chem.Mol, match: Match) -> None:
    """Gives both coordinates, those of `mol` laid over `reference` where they match."""
    rdDepictor.Compute2DCoords(reference)
    if len(match) < _FEWEST_TO_ALIGN:
        rdDepictor.Compute2DCoords(mol)
        return
    rdDepictor.GenerateDepictionMatching2DStructure(mol, reference, match)


def _drawn(
    mol: Chem.Mol, smiles: str, same: Collection[int], kind: str, width: int, height: int
) -> str:
    """The picture with all atoms but `same` highlighted, and the bonds between them."""
    marked = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetIdx() not in same]
    bonds = [
        bond.GetIdx()
        for bond in mol.GetBonds()
        if bond.GetBeginAtomIdx() not in same and bond.GetEndAtomIdx() not in same
    ]
    drawer = rdMolDraw2D.MolDraw2DSVG(width, height)
    options: Any = drawer.drawOptions()  # RDKit's type stubs misname every option's type
    set_style(options)
    options.setHighlightColour(_MARK)
    options.highlightBondWidthMultiplier = _MARK_WIDTH
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol, highlightAtoms=marked, highlightBonds=bonds)
    drawer.FinishDrawing()
    svg = inline_svg(drawer.GetDrawingText(), smiles)
    return svg.replace(_MARK_HEX, f"var(--{kind})")
