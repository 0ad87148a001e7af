"""What a table of reaction classes is written in: functional groups and reagents by name."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

# Atom patterns (the inside of a SMARTS bracket) that both groups and reaction templates use.
AMINE: Final = (
    "NX3;H1,H2;+0;!$(N~[!#6]);!$(N[#6]=[!#6]);!$(N-[CX2]);!$(N[CX3]=[CX3]);!$(N(c)c)"
    ";!$(N-c:[#7,#8,#16]);!$(N-c:c-[N+]);!$(N-c:c:c:c-[N+]);!$(N[CX4][#7,#8,#9,#16,#17])"
    ";!$([NH]([CX4;!R;!H2;!H3])[CX4;!R;!H2;!H3]);!$([NH1]([#6])[CX4;H0])"
)
"""N-H of an alkylamine or aniline that a usual electrophile takes; no amide, no nitroaniline."""
ALKYL_AMINE: Final = f"{AMINE};!$(N~[#6X3]);!$(N[CX4;H0])"
PARA_CARBON: Final = (
    "cH;$(c1ccc(-[$([OX2]([CX4])c),$([NX3;H1](C=O)c),$([NX3]([CX4])([CX4])c)])c[cH]1)"
)
"""The free position para to an ether, amide or dialkylamino group, one neighbour free at least."""
SNAR_CARBON: Final = (
    "c;$(c:c-[N+](=O)[O-]),$(c:c:c:c-[N+](=O)[O-]),$(c(:[nX2]):[nX2]),$(c:[nX2]:c:[nX2])"
)
SN2_CARBON: Final = "CX4;H2;!$(C[!#6;!Cl;!Br;!I]);!$(C-[CX4;H0])"
CARBONYL_CARBON: Final = "CX3;$([CH1][CX4,c]),$(C([CX4,c])[CX4,c])"
ALKENYL: Final = "CX3;!$(C=[!#6])"

GROUPS: Final = MappingProxyType(
    {
        "acid": "[#6;!$(C(=O)[OH])][CX3](=O)[OX2H1]",
        "ester": "[#6][CX3](=O)[OX2][#6;!$(C=[O,S,N])]",
        "alkyl_ester": "[CX4,c][CX3;!R](=O)[OX2;!R][$([CH3]),$([CH2][CH3]),$([CH]([CH3])[CH3])]",
        "lactone": "[CX3;R](=O)[OX2;R]",
        "amide": "[NX3][CX3](=[O,S])[#6]",
        "carbamate": "[#7][CX3](=O)[OX2]",
        "boc": "CC(C)(C)OC=O",
        "anhydride": "C(=[O,S])[O,S]C=[O,S]",
        "acyl_chloride": "[CX4,c][CX3](=O)Cl",
        "acyl_halide": "[CX3](=[O,S])[F,Cl,Br,I]",
        "sulfonyl_chloride": "[#6][SX4](=O)(=O)Cl",
        "sulfonyl_halide": "[F,Cl,Br,I]-[$([#16]=O)]",
        "isocyanate": "[CX4,c][NX2]=C=O",
        "isothiocyanate": "[CX4,c][NX2]=C=S",
        "cumulene": "*=[CX2]=*",
        "carbonyl": "[#6]=[O,S]",
        "aldehyde": "[#6][CX3H1]=O",
        "simple_aldehyde": "[CX4,c][CX3H1]=O",
        "aryl_aldehyde": "c[CX3H1]=O",
        "ketone": "[#6][CX3](=O)[#6]",
        "aldehyde_or_ketone": "[CX3;$([CH1]),$(C([#6])[#6])]=O",
        "simple_carbonyl": f"[{CARBONYL_CARBON}]=O",
        "aryl_methyl_ketone": "[CH3][CX3](=O)c",
        "hindered_ketone": "[#6;H0;X4][CX3](=O)[#6]",
        "dicarbonyl": "[#6](=O)~[#6;X3,X4]~[#6]=O",
        "michael": "[CX3]=[CX3]-[$([#6]=[O,N]),$(C#N),$(S=O),$([N+])]",
        "terminal_michael": "[CH2]=[CH]-[$(C(=O)[OX2,NX3,#6]),$(C#N),$(S(=O)(=O)[#6])]",
        "quinone": "[#6](=O)[#6]=[#6][#6]=O",
        "nitro": "[N+](=O)[O-]",
        "aryl_nitro": "c[N+](=O)[O-]",
        "nitrile": "[CX2]#[NX1]",
        "simple_nitrile": "[CX4,c][CX2]#[NX1]",
        "alkene": "[CX3]=[CX3]",
        "heck_alkene": "[CH2]=[CH]-[$(C(=O)[OX2,NX3]),$(C#N),$(c1aaaaa1)]",
        "alkyne": "[CX2]#[CX2]",
        "terminal_alkyne": "[CH]#[CX2][CX4,c]",
        "aryl_bromide": "[Br]-c",
        "aryl_iodide": "[I]-c",
        "aryl_bromide_or_iodide": "[Br,I]-c",
        "vinyl_halide": "[CX3;$(C=[#6])][Cl,Br,I]",
        "alkyl_halide": "[CX4][Cl,Br,I]",
        "sn2_halide": f"[{SN2_CARBON}][Br,I,$([Cl]C-[c,$(C=[O,C]),CX4H2])]",
        "snar_halide": f"[F,Cl]-[{SNAR_CARBON}]",
        "nucleophilic_nh": "[NX3;!H0;!$(N-[CX3]=[O,S]);!$(N-[#16X4])]",
        "any_nh": "[#7;!H0]",
        "amine": f"[{AMINE}]",
        "alkyl_amine": f"[{ALKYL_AMINE}]",
        "secondary_alkyl_amine": f"[{ALKYL_AMINE};H1]",
        "tertiary_amine": "[NX3;H0;!$(N-[!#6]);!$(N[#6]=[!#6])]",
        "pyridine": "[nX2]",
        "azole_nh": "[nH]",
        "amidine": "[NX3][CX3]=[NX2]",
        "hydrazine": "[#7;!$([N+])]-[#7;!$([N+])]",
        "azo": "[NX2;+0]=[NX2;+0]",
        "imine": "[CX3]=[NX2]",
        "azide": "[CX4,c][NX2]=[N+]=[N-]",
        "any_azide": "[N+]=[N-]",
        "hydroxyl": "[OX2H]",
        "alcohol": "[OX2H][CX4]",
        "primary_alcohol": "[OX2H][CX4;H2]",
        "primary_or_secondary_alcohol": "[OX2H][CX4;H1,H2]",
        "hindered_alcohol": "[OX2H][CX4]([CX4;!H2;!H3])[CX4;!H2;!H3]",
        "phenol": "[OX2H]c",
        "hetero_hydroxyl": "[OX2][#7,#8]",
        "aryl_methyl_ether": "c[OX2][CH3]",
        "aryl_ether": "c[OX2][#6]",
        "acetal": "[CX4]([OX2])[OX2]",
        "benzylic_hetero": "c[CX4][OX2,NX3]",
        "thiol": "[SX2H]",
        "thiol_or_thiophenol": "[SX2H][CX4,c]",
        "thiocarbonyl": "[#6]=[SX1]",
        "sulfur": "[#16;!$([#16X4])]",
        "sulfide": "[SX2]([CX4,c])[CX4,c]",
        "disulfide": "[#16][#16]",
        "sulfonyl": "[#16X4]",
        "sulfonate": "[#16X4](=O)(=O)[OX2][#6]",
        "epoxide": "C1OC1",
        "terminal_epoxide": "[CH2]1O[CH]1[#6]",
        "boron": "[#5]",
        "aryl_boronic_acid": "cB([OH])[OH]",
        "rich_heteroaromatic": "[o,s,nX3]",
        "para_carbon": f"[{PARA_CARBON}]",
        "diaryl_ketone": "c[CX3](=O)c",
        "urea": "[#7][CX3](=[O,S])[#7]",
        "cyanohydrin": "[OX2,NX3,F,Cl,Br][CX4]C#N",
        "tertiary_alcohol": "[OX2H][CX4;H0]",
        "ether": "[CX4,c][OX2][CX4,c]",
        "dienophile": (
            "[$(C1=CC(=O)[N,O]C1=O),$(C1=CC(=O)ccC1=O),$(C(-C(=O)O[CX4])=C-C(=O)O[CX4])]"
            "=[$(C1=CC(=O)[N,O]C1=O),$(C1=CC(=O)ccC1=O),$(C(-C(=O)O[CX4])=C-C(=O)O[CX4])]"
        ),
        "ring_donor": "[OX2,NX3;!$(N(=O)~O);!$([OX2]C=O)]-c",
    }
)
"""Functional groups that decide whether a molecule may play a role, each as SMARTS."""

REAGENTS: Final = MappingProxyType(
    {
        # solvents
        "DCM": "ClCCl",
        "DMF": "CN(C)C=O",
        "DMSO": "CS(C)=O",
        "THF": "C1CCOC1",
        "dioxane": "C1COCCO1",
        "toluene": "Cc1ccccc1",
        "MeCN": "CC#N",
        "MeOH": "CO",
        "EtOH": "CCO",
        "iPrOH": "CC(C)O",
        "water": "O",
        "acetone": "CC(C)=O",
        "EtOAc": "CCOC(C)=O",
        "ether": "CCOCC",
        "DCE": "ClCCCl",
        "NMP": "CN1CCCC1=O",
        "CHCl3": "ClC(Cl)Cl",
        "DME": "COCCOC",
        "tBuOH": "CC(C)(C)O",
        "AcOH": "CC(=O)O",
        # bases
        "TEA": "CCN(CC)CC",
        "DIPEA": "CCN(C(C)C)C(C)C",
        "pyridine": "c1ccncc1",
        "DMAP": "CN(C)c1ccncc1",
        "piperidine": "C1CCNCC1",
        "DBU": "C1CCC2=NCCCN2CC1",
        "K2CO3": "O=C([O-])[O-]~[K+]~[K+]",
        "Na2CO3": "O=C([O-])[O-]~[Na+]~[Na+]",
        "Cs2CO3": "O=C([O-])[O-]~[Cs+]~[Cs+]",
        "NaHCO3": "O=C([O-])O~[Na+]",
        "K3PO4": "O=P([O-])([O-])[O-]~[K+]~[K+]~[K+]",
        "NaOH": "[Na+]~[OH-]",
        "KOH": "[K+]~[OH-]",
        "LiOH": "[Li+]~[OH-]",
        "NaH": "[H-]~[Na+]",
        "NaOtBu": "CC(C)(C)[O-]~[Na+]",
        "NaOAc": "CC(=O)[O-]~[Na+]",
        # acids
        "HCl": "Cl",
        "H2SO4": "O=S(=O)(O)O",
        "TFA": "O=C(O)C(F)(F)F",
        "TsOH": "Cc1ccc(S(=O)(=O)O)cc1",
        "BBr3": "BrB(Br)Br",
        "AlCl3": "[Cl][Al]([Cl])[Cl]",
        "SnCl4": "[Cl][Sn]([Cl])([Cl])[Cl]",
        # coupling agents
        "HATU": "CN(C)C(On1nnc2cccnc21)=[N+](C)C~F[P-](F)(F)(F)(F)F",
        "EDC": "CCN=C=NCCCN(C)C~Cl",
        "DCC": "C(=NC1CCCCC1)=NC1CCCCC1",
        "HOBt": "On1nnc2ccccc21",
        "CDI": "O=C(n1ccnc1)n1ccnc1",
        "DIAD": "CC(C)OC(=O)N=NC(=O)OC(C)C",
        "DEAD": "CCOC(=O)N=NC(=O)OCC",
        "PPh3": "c1ccc(P(c2ccccc2)c2ccccc2)cc1",
        # metals
        "Pd/C": "[C]~[Pd]",
        "Raney Ni": "[Ni]",
        "PtO2": "[O]=[Pt]=[O]",
        "Fe": "[Fe]",
        "Zn": "[Zn]",
        "SnCl2": "[Cl][Sn][Cl]",
        "H2": "[H][H]",
        "Pd(OAc)2": "CC(=O)[O-]~CC(=O)[O-]~[Pd+2]",
        "PdCl2(PPh3)2": (
            "[Cl][Pd][Cl]~c1ccc(P(c2ccccc2)c2ccccc2)cc1~c1ccc(P(c2ccccc2)c2ccccc2)cc1"
        ),
        "Pd2(dba)3": (
            "O=C(C=Cc1ccccc1)C=Cc1ccccc1~O=C(C=Cc1ccccc1)C=Cc1ccccc1"
            "~O=C(C=Cc1ccccc1)C=Cc1ccccc1~[Pd]~[Pd]"
        ),
        "XPhos": "CC(C)c1cc(C(C)C)c(-c2ccccc2P(C2CCCCC2)C2CCCCC2)c(C(C)C)c1",
        "BINAP": ("c1ccc(P(c2ccccc2)c2ccc3ccccc3c2-c2c(P(c3ccccc3)c3ccccc3)ccc3ccccc23)cc1"),
        "P(o-tol)3": "Cc1ccccc1P(c1ccccc1C)c1ccccc1C",
        "CuI": "[Cu][I]",
        "CuSO4": "O=S(=O)([O-])[O-]~[Cu+2]",
        "sodium ascorbate": "O=C1O[C@H]([C@@H](O)CO)C([O-])=C1O~[Na+]",
        # reductants
        "NaBH4": "[BH4-]~[Na+]",
        "NaBH3CN": "[BH3-]C#N~[Na+]",
        "NaBH(OAc)3": "CC(=O)O[BH-](OC(C)=O)OC(C)=O~[Na+]",
        "LiAlH4": "[AlH4-]~[Li+]",
        "DIBAL": "CC(C)[CH2][AlH][CH2]C(C)C",
        "LiBH4": "[BH4-]~[Li+]",
        "BH3-THF": "B~C1CCOC1",
        # oxidants
        "Dess-Martin": "CC(=O)OI1(OC(C)=O)(OC(C)=O)OC(=O)c2ccccc21",
        "PCC": "[O]=[Cr](=[O])([O-])[Cl]~c1cc[nH+]cc1",
        "MnO2": "[O]=[Mn]=[O]",
        "oxalyl chloride": "O=C(Cl)C(=O)Cl",
        "TEMPO": "CC1(C)CCCC(C)(C)N1[O]",
        "bleach": "[Na+]~[O-]Cl",
        "NaH2PO4": "O=P([O-])(O)O~[Na+]",
        "2-methyl-2-butene": "CC=C(C)C",
        "Na2WO4": "[Na+]~[Na+]~[O]=[W](=[O])([O-])[O-]",
        "NH4Cl": "[Cl-]~[NH4+]",
        "LiClO4": "[Li+]~[O-][Cl+3]([O-])([O-])[O-]",
        "NaI": "[I-]~[Na+]",
        "Bu4NBr": "CCCC[N+](CCCC)(CCCC)CCCC~[Br-]",
    }
)
"""Reagents, catalysts and solvents as SMILES, the ions or parts of one compound joined with `~`."""


REACTIVE: Final = (
    *("acyl_halide", "sulfonyl_halide", "anhydride", "cumulene", "epoxide", "alkyl_halide"),
    *("thiol", "hydrazine", "azo", "hetero_hydroxyl", "boron", "any_azide", "aldehyde", "quinone"),
    *("acetal", "disulfide", "amidine", "sulfonate"),
)
"""Groups no reactant may have besides those its role names: they react with nearly everything."""


@dataclass(frozen=True)
class Role:
    """Who may be one reactant of a class.

    Attributes:
        once: functional groups the molecule has exactly once.
        none: groups it has not; `REACTIVE` is added unless named in `once` or `allowed`.
        allowed: groups of `REACTIVE` that it may have, because they are the site itself.
        partners: the reactant is one of these molecules instead of a building block.
        made_by: reaction SMARTS that turns the building block into the reactant, for reactants
            that are made just before use (a Grignard reagent from its bromide); '' for none.
        max_atoms: heavy atoms of the building block at most.
    """

    once: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    made_by: str = ""
    max_atoms: int = 18

    @functools.cached_property
    def forbidden(self) -> tuple[str, ...]:
        """All groups that exclude a molecule from this role."""
        spared = {*self.once, *self.allowed}
        return tuple(dict.fromkeys(g for g in (*REACTIVE, *self.none) if g not in spared))


@dataclass(frozen=True)
class ReactionClass:
    """A named reaction.

    Attributes:
        name: in snake case, unique.
        smarts: atom-mapped reaction SMARTS; as many reactants as roles, one product.
        roles: who may be each reactant, in the order of the template.
        conditions: one slot a choice (base, solvent, ...); the alternatives of a slot are mixture
            SMILES of compounds that leave no heavy atom in the product.
        rows: how many reactions to draw at most.
    """

    name: str
    smarts: str
    roles: tuple[Role, ...]
    conditions: tuple[tuple[str, ...], ...]
    rows: int = 600


def block(
    once: str, none: str = "", max_atoms: int = 18, made_by: str = "", allowed: str = ""
) -> Role:
    """Returns the role of a building block; group names stand between spaces."""
    return Role(
        once=tuple(once.split()),
        none=tuple(none.split()),
        allowed=tuple(allowed.split()),
        made_by=made_by,
        max_atoms=max_atoms,
    )


def partners(*smiles: str) -> Role:
    """Returns the role of a reactant that is one of a few compounds."""
    return Role(partners=smiles)


def without(groups: str, *names: str) -> str:
    """Returns the group names between spaces, less those named.

    Example:
        >>> without("acid ester nitro", "ester")
        'acid nitro'
    """
    return " ".join(group for group in groups.split() if group not in names)


def slots(*alternatives: str) -> tuple[tuple[str, ...], ...]:
    """Reads reaction conditions: `|` between the alternatives of a slot, `+` for 'and'.

    Args:
        alternatives: one text a slot, in names of `REAGENTS`, or 'none'.

    Returns:
        For each slot its alternatives, each a mixture SMILES ('' for none).

    Raises:
        KeyError: a name is not in `REAGENTS`.

    Example:
        >>> slots("TEA|K2CO3", "MeCN+water")
        (('CCN(CC)CC', 'O=C([O-])[O-]~[K+]~[K+]'), ('CC#N.O',))
    """
    return tuple(
        tuple(
            "" if option == "none" else ".".join(REAGENTS[name] for name in option.split("+"))
            for option in slot.split("|")
        )
        for slot in alternatives
    )
