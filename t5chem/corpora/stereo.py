"""Stereochemistry: what a molecule specifies, what it leaves open, and isomers that fill it in."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rdkit import Chem
from rdkit.Chem import rdCIPLabeler, rdMolDescriptors, rdqueries

from t5chem.corpora.queries import bonds_of

ISOMERS_TRIED: Final = 4
_CIP_ITERATIONS: Final = 100_000

# C=N next to N exchanges its hydrogens: its geometry is a drawing, not a property.
_AMIDINE: Final = Chem.MolFromSmarts("[CX3]([#7X3,#7X2])=[NX2]")
_SMALL_FUSED_RING: Final = Chem.MolFromSmarts("[CX4;R2;r3,r4]")
_LABELLED: Final = rdqueries.HasPropQueryAtom("_CIPCode")


@dataclass(frozen=True)
class StereoFacts:
    """How many stereocentres and stereogenic double bonds have each label, or none.

    Attributes:
        r: stereocentres of R configuration.
        s: stereocentres of S configuration.
        e: double bonds of E configuration.
        z: double bonds of Z configuration.
        open_centres: stereocentres whose configuration the SMILES leaves open.
        open_bonds: double bonds likewise.
    """

    r: int = 0
    s: int = 0
    e: int = 0
    z: int = 0
    open_centres: int = 0
    open_bonds: int = 0

    @property
    def centres(self) -> int:
        """Stereocentres that are specified."""
        return self.r + self.s

    @property
    def bonds(self) -> int:
        """Double bonds that are specified."""
        return self.e + self.z

    @property
    def specified(self) -> int:
        """Stereo elements that are specified."""
        return self.centres + self.bonds

    @property
    def is_open(self) -> bool:
        """Whether anything is left open."""
        return bool(self.open_centres + self.open_bonds)

    @property
    def label(self) -> str:
        """The label of the only stereo element ('R', 'S', 'E' or 'Z'), or ''."""
        if self.specified != 1 or self.is_open:
            return ""
        return "R" * self.r + "S" * self.s + "E" * self.e + "Z" * self.z


def stereo_elements(mol: Chem.Mol) -> list[Chem.StereoInfo]:
    """Returns the stereo elements that a SMILES can express: not C=N-H, whose H it leaves out."""
    return [
        element
        for element in Chem.FindPotentialStereo(mol)
        if element.type != Chem.StereoType.Bond_Double
        or _has_neighbours_across(mol.GetBondWithIdx(element.centeredOn))
    ]


def _has_neighbours_across(bond: Chem.Bond) -> bool:
    return bond.GetBeginAtom().GetDegree() > 1 and bond.GetEndAtom().GetDegree() > 1


def stereo_of(mol: Chem.Mol) -> StereoFacts | None:
    """Counts the labels of `mol` by the CIP rules, or returns None where they are no such labels.

    The labels are those of RDKit's `rdCIPLabeler` (Hanson et al., J. Chem. Inf. Model. 2018, 58,
    1755). None: pseudoasymmetric or axial elements, rules that do not settle in due time, or
    labels on which RDKit's older implementation differs.

    Example:
        >>> stereo_of(Chem.MolFromSmiles("C[C@H](N)C(=O)O"))
        StereoFacts(r=0, s=1, e=0, z=0, open_centres=0, open_bonds=0)
    """
    elements = stereo_elements(mol)
    known = (Chem.StereoType.Atom_Tetrahedral, Chem.StereoType.Bond_Double)
    if any(element.type not in known for element in elements):
        return None
    labels = _labels(mol, elements) if elements else []
    if labels is None or sorted(labels) != sorted(_older_labels(mol, elements)):
        return None
    if not set(labels) <= {"R", "S", "E", "Z", "centre", "bond"}:
        return None
    return StereoFacts(*(labels.count(label) for label in ("R", "S", "E", "Z", "centre", "bond")))


def _older_labels(mol: Chem.Mol, elements: Iterable[Chem.StereoInfo]) -> list[str]:
    """Returns the labels of RDKit's older implementation, a second opinion on every label."""
    labelled = Chem.Mol(mol)
    Chem.AssignStereochemistry(labelled, cleanIt=True, force=True)
    labels = [
        "centre" if element.type == Chem.StereoType.Atom_Tetrahedral else "bond"
        for element in elements
        if element.specified != Chem.StereoSpecified.Specified
    ]
    labels += [atom.GetProp("_CIPCode") for atom in labelled.GetAtomsMatchingQuery(_LABELLED)]
    letters = {Chem.BondStereo.STEREOE: "E", Chem.BondStereo.STEREOZ: "Z"}
    stereos = [bond.GetStereo() for bond in bonds_of(labelled)]
    return labels + [letters[stereo] for stereo in stereos if stereo in letters]


def _labels(mol: Chem.Mol, elements: Iterable[Chem.StereoInfo]) -> list[str] | None:
    labelled = Chem.Mol(mol)
    try:
        rdCIPLabeler.AssignCIPLabels(labelled, maxRecursiveIterations=_CIP_ITERATIONS)
    except RuntimeError:  # what the labeler raises when it has iterated long enough
        return None
    labels = []
    for element in elements:
        is_centre = element.type == Chem.StereoType.Atom_Tetrahedral
        if element.specified != Chem.StereoSpecified.Specified:
            labels.append("centre" if is_centre else "bond")
            continue
        index = element.centeredOn
        owner = labelled.GetAtomWithIdx(index) if is_centre else labelled.GetBondWithIdx(index)
        labels.append(owner.GetProp("_CIPCode") if owner.HasProp("_CIPCode") else "")
    return labels


def unspecified(elements: Iterable[Chem.StereoInfo]) -> list[Chem.StereoInfo]:
    """Returns those of the stereo elements that a structure leaves open."""
    return [e for e in elements if e.specified == Chem.StereoSpecified.Unspecified]


def stereoisomers(
    mol: Chem.Mol, rng: random.Random, elements: Sequence[Chem.StereoInfo] | None = None
) -> list[str]:
    """Returns SMILES of some isomers of `mol` with every stereo element specified.

    What is specified already stays. The list is in random order and holds `ISOMERS_TRIED` isomers
    at most, not yet canonical (a mark on an atom that turns out not to be a stereocentre goes when
    the SMILES is read again); it is empty when an isomer drawn at random may not be able to exist
    (bridgeheads, small fused rings) or not be distinct (amidines).

    Args:
        mol: the molecule.
        rng: chooses the isomers.
        elements: the `stereo_elements` of `mol`, if the caller has them at hand.
    """
    if (
        rdMolDescriptors.CalcNumBridgeheadAtoms(mol)
        or mol.HasSubstructMatch(_SMALL_FUSED_RING)
        or mol.HasSubstructMatch(_AMIDINE)
    ):
        return []
    open_elements = unspecified(stereo_elements(mol) if elements is None else elements)
    tries = min(ISOMERS_TRIED, 2 ** len(open_elements))
    return list(dict.fromkeys(_assigned(mol, open_elements, rng) for _ in range(tries)))


def _assigned(mol: Chem.Mol, elements: Iterable[Chem.StereoInfo], rng: random.Random) -> str:
    """Returns a SMILES of `mol` with every element set at random."""
    isomer = Chem.Mol(mol)
    for element in elements:
        first = rng.random() < 0.5
        if element.type == Chem.StereoType.Atom_Tetrahedral:
            tags = (Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW)
            isomer.GetAtomWithIdx(element.centeredOn).SetChiralTag(tags[first])
        elif element.type == Chem.StereoType.Bond_Double:
            bond = isomer.GetBondWithIdx(element.centeredOn)
            begin, end = _neighbours_across(bond)
            bond.SetStereoAtoms(begin, end)
            bond.SetStereo(Chem.BondStereo.STEREOCIS if first else Chem.BondStereo.STEREOTRANS)
    return Chem.MolToSmiles(isomer)


def _neighbours_across(bond: Chem.Bond) -> tuple[int, int]:
    """Returns one neighbour at each end of a double bond, to which cis and trans refer."""
    begin, end = bond.GetBeginAtom(), bond.GetEndAtom()
    return (
        min(n.GetIdx() for n in begin.GetNeighbors() if n.GetIdx() != end.GetIdx()),
        min(n.GetIdx() for n in end.GetNeighbors() if n.GetIdx() != begin.GetIdx()),
    )
