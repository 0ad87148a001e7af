"""Functional groups that can be stated without dispute, and the compound classes they make.

Every pattern is written so that one occurrence of the group is one set of matched atoms: what
surrounds the group stands in recursive SMARTS (`$(...)`). A definition is narrow rather than
generous (an imide is no amide, an acetal is two ethers but an epoxide none), because a count in a
description is read as *exactly* so many.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rdkit import Chem

from t5chem.corpora.queries import Query, elements_of, query

# A carbon that is not the carbon of C=O, C=N, C=S, P=C or a cyanide.
_PLAIN: Final = "#6;!$([#6]=[O,N,S,P]);!$([#6]#[#7])"
# The carbon of an acyl group; what hangs on it repeats the `=[OX1]`, so that the outline of the
# query (see `queries`) has it too and sets phenols, ethers and anilines aside.
_ACYL: Final = "$([#6X3]([#6])=[OX1]),$([#6X3H1]=[OX1])"


@dataclass(frozen=True)
class Group:
    """A functional group.

    Attributes:
        noun: what is counted, in the singular; '' for a pattern that only makes a class.
        smarts: one match for each occurrence.
        compound_class: what a molecule with at least one of it is; '' for none.
    """

    noun: str
    smarts: str
    compound_class: str = ""


GROUPS: Final = (
    # acids and their kin; the order is the order in which classes are thought of
    Group("", "[NX3;H2;+0][CX4;H1,H2]C(=O)[OX2H]", "alpha-amino acid"),
    Group("carboxy group", f"[{_ACYL};$([#6X3](=[OX1])[OX2H])]", "carboxylic acid"),
    Group("sulfo group", "[SX4;$(S(=O)(=O)([OX2H])[#6])]", "sulfonic acid"),
    Group("carboxylate group", f"[{_ACYL};$([#6X3](=[OX1])[OX1-])]"),
    Group("sulfonate group", "[SX4;$(S(=O)(=O)([OX1-])[#6])]"),
    Group("boronic acid group", "[BX3;$(B([OX2H])([OX2H])[#6])]", "boronic acid"),
    Group("anhydride group", "[OX2;$(O([#6X3]=O)[#6X3]=O)]", "acid anhydride"),
    Group("acyl chloride group", "[CX3;$(C([#6])(=O)Cl)]", "acyl chloride"),
    Group("sulfonyl chloride group", "[SX4;$(S(=O)(=O)(Cl)[#6])]", "sulfonyl chloride"),
    # esters
    Group("", f"[{_ACYL};$([#6X3](=[OX1])@[#8X2]@[{_PLAIN}])]", "lactone"),
    Group("", f"[{_ACYL};$([#6X3](=[OX1])[OX2][CH3])]", "methyl ester"),
    Group("", f"[{_ACYL};$([#6X3](=[OX1])[OX2][CH2][CH3])]", "ethyl ester"),
    Group("ester group", f"[{_ACYL};$([#6X3](=[OX1])[#8X2][{_PLAIN}])]", "carboxylic ester"),
    Group("carbamate group", f"[CX3;$(C(=O)([NX3])[OX2][{_PLAIN}])]", "carbamate ester"),
    Group("carbonate group", f"[CX3;$(C(=O)([OX2][{_PLAIN}])[OX2][{_PLAIN}])]", "carbonate ester"),
    Group("sulfonate ester group", "[SX4;$(S(=O)(=O)([#6])[OX2][#6])]", "sulfonate ester"),
    Group("phosphate group", "[PX4;$(P(=O)([OX2,OX1-])([OX2,OX1-])[OX2][#6])]", "phosphate ester"),
    # acid nitrogen compounds
    Group("", f"[{_ACYL};$([#6X3](=[OX1])@[NX3;+0]@[#6;!$([#6]=[O,S])])]", "lactam"),
    Group(
        "amide group",
        f"[{_ACYL};$([#6X3](=[OX1])[NX3;+0;!$(N[!#6;!#1]);!$(N([#6]=[O,S])[#6]=[O,S])])]",
        "carboxamide",
    ),
    Group("imide group", "[NX3;$(N([CX3]([#6])=O)[CX3]([#6])=O)]", "dicarboximide"),
    Group("hydrazide group", f"[{_ACYL};$([#6X3](=[OX1])[NX3;H1][NX3])]", "carbohydrazide"),
    Group("sulfonamide group", "[SX4;$(S(=O)(=O)([NX3])[#6])]", "sulfonamide"),
    Group("urea group", "[CX3;$(C(=O)([NX3])[NX3])]", "urea derivative"),
    Group("thiourea group", "[CX3;$(C(=S)([NX3])[NX3])]", "thiourea derivative"),
    # carbonyl compounds
    Group("aldehyde group", "[CX3H1;$(C(=O)[#6])]", "aldehyde"),
    Group("", "[CX3;$(C(=O)([#6])[CX3]=[CX3])]", "enone"),
    Group("keto group", "[#6X3;$([#6](=O)([#6])[#6])]", "ketone"),
    # nitrogen groups
    Group("cyano group", "[CX2;$(C([#6])#[NX1])]", "nitrile"),
    Group("nitro group", "[NX3;+;$(N(=O)([O-])[#6])]", "C-nitro compound"),
    Group("azo group", "[NX2;!R;$(N[#6])]=[NX2;!R;$(N[#6])]", "azo compound"),
    Group("azide group", "[NX2;$(N([#6])=[N+]=[N-])]", "organic azide"),
    Group("isocyanate group", "[NX2;$(N([#6])=C=O)]", "isocyanate"),
    Group("isothiocyanate group", "[NX2;$(N([#6])=C=S)]", "isothiocyanate"),
    Group("hydrazone group", "[CX3;!$(C[#7,#8,#16])]=[NX2][NX3]", "hydrazone"),
    Group("oxime group", "[CX3;!$(C[#7,#8,#16])]=[NX2][OX2H]", "oxime"),
    # hydroxy compounds
    Group(
        "phenolic hydroxy group", "[OX2H;$(O[c;$(c1ccccc1)])]", "phenol"
    ),  # the ring is all carbon: a hydroxypyridine is no phenol
    Group("", "[OX2H;$(O[CH2X4][#6])]", "primary alcohol"),
    Group("", "[OX2H;$(O[CHX4]([#6])[#6])]", "secondary alcohol"),
    Group("", "[OX2H;$(O[CX4]([#6])([#6])[#6])]", "tertiary alcohol"),
    Group("hydroxy group", "[OX2H;$(O[#6;!$([#6]=[O,N,S])])]"),
    # amines
    Group("primary amino group", f"[NX3;H2;+0;$(N[{_PLAIN}])]", "primary amine"),
    Group("secondary amino group", f"[NX3;H1;+0;$(N([{_PLAIN}])[{_PLAIN}])]", "secondary amine"),
    Group(
        "tertiary amino group",
        f"[NX3;H0;+0;$(N([{_PLAIN}])([{_PLAIN}])[{_PLAIN}])]",
        "tertiary amine",
    ),
    Group(
        "quaternary ammonium group",
        "[NX4;H0;+;$(N([#6])([#6])([#6])[#6])]",
        "quaternary ammonium compound",
    ),
    # sulfur and oxygen bridges
    Group("thiol group", f"[SX2H;$(S[{_PLAIN}])]", "thiol"),
    Group("disulfide bond", "[SX2;$(S[#6])][SX2;$(S[#6])]", "organic disulfide"),
    Group("sulfoxide group", "[SX3;$(S(=O)([#6])[#6])]", "sulfoxide"),
    Group("sulfone group", "[SX4;$(S(=O)(=O)([#6])[#6])]", "sulfone"),
    Group("thioether linkage", f"[SX2;H0;$(S([{_PLAIN}])[{_PLAIN}])]", "organic sulfide"),
    Group("epoxide ring", "[OX2;r3;$(O1[#6][#6]1)]", "epoxide"),
    Group("", f"[OX2;!r3;$(O(c)[{_PLAIN}])]", "aromatic ether"),
    Group("ether linkage", f"[OX2;!r3;$(O([{_PLAIN}])[{_PLAIN}])]", "ether"),
    # carbon-carbon bonds and small carbon groups
    Group("carbon-carbon triple bond", "C#C"),
    Group("carbon-carbon double bond", "C=C"),
    Group("methoxy group", f"[OX2;$(O([CH3])[{_PLAIN};!$([CH3])])]"),
    Group("trifluoromethyl group", "[CX4;$(C(F)(F)(F)[!F])]"),
    Group("tert-butyl group", "[CX4;$(C([CH3])([CH3])([CH3])[!$([CH3])])]"),
    Group("isopropyl group", "[CX4;H1;$(C([CH3])([CH3])[!$([CH3])])]"),
    Group("ring-bound methyl group", "[CH3;$(C[R])]"),
    # other elements
    Group("fluoro substituent", "[F;$(F[#6])]", "organofluorine compound"),
    Group("chloro substituent", "[Cl;$(Cl[#6])]", "organochlorine compound"),
    Group("bromo substituent", "[Br;$(Br[#6])]", "organobromine compound"),
    Group("iodo substituent", "[I;$(I[#6])]", "organoiodine compound"),
    Group("", "[Si;$([Si][#6])]", "organosilicon compound"),
    Group("", "[P;$(P[#6])]", "organophosphorus compound"),
)


@functools.cache  # the molecules of the corpus have some four hundred combinations of elements
def _queries(elements: frozenset[str]) -> tuple[tuple[Group, Query], ...]:
    """Returns the groups that molecules of these elements may have."""
    queries = ((group, query(group.smarts)) for group in GROUPS)
    return tuple((group, pattern) for group, pattern in queries if pattern.may_match(elements))


def count_groups(mol: Chem.Mol) -> Mapping[str, int]:
    """Returns how often each counted group of `GROUPS` occurs, groups that are absent left out.

    Example:
        >>> dict(count_groups(Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)O")))
        {'carboxy group': 1, 'ester group': 1}
    """
    return groups_and_classes(mol)[0]


def classes_of(mol: Chem.Mol) -> tuple[str, ...]:
    """Returns the compound classes that the groups of `mol` make it a member of.

    Example:
        >>> classes_of(Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)O"))
        ('carboxylic acid', 'carboxylic ester')
    """
    return groups_and_classes(mol)[1]


def groups_and_classes(mol: Chem.Mol) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """Returns `count_groups` and `classes_of` of one molecule for the price of one."""
    counts: dict[str, int] = {}
    classes = []
    elements = elements_of(mol)
    for group, pattern in _queries(elements):
        count = pattern.count(mol, elements)
        if count and group.noun:
            counts[group.noun] = count
        if count and group.compound_class:
            classes.append(_multiple_class(group.compound_class, count))
    return MappingProxyType(counts), tuple(classes)


def _multiple_class(compound_class: str, count: int) -> str:
    """Two carboxy groups make a dicarboxylic acid, three a tricarboxylic acid."""
    if compound_class == "carboxylic acid" and count in (2, 3):
        return {2: "dicarboxylic acid", 3: "tricarboxylic acid"}[count]
    return compound_class
