"""The kinds of reaction that procedures are written about, one table.

A kind says which role the product's and the substrate's names must have, what is added in which
excess, in which solvents, how it is run and how it is worked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """A kind of reaction.

    Attributes:
        name: of the kind, e.g. "amide coupling".
        product: the role (`procedure_compounds.ROLES`) of the product, or "" for any.
        substrate: the role of the starting material.
        partner: the role of a second starting material, or "".
        reagents: alternatives; each lists `key:equivalents` (`PdC:0` is dosed by substrate mass).
        solvents: alternatives, keys of `SOLVENTS`; `a/b` is a mixture.
        modes: alternatives of how it is run: rt, cold, cryo, heat, reflux, dean_stark, microwave,
            hydrogen.
        workups: alternatives: extract, celite, pour, concentrate, acid (acidify), base, partition.
        inert: whether air is kept out.
    """

    name: str
    product: str
    substrate: str
    partner: str
    reagents: tuple[str, ...]
    solvents: tuple[str, ...]
    modes: tuple[str, ...]
    workups: tuple[str, ...]
    inert: bool = False


def _kinds(table: str) -> tuple[Kind, ...]:
    """Reads `name | product < substrate + partner | reagents | solvents | modes | workups`.

    One kind a line. Alternatives are separated by `;`; a `!` before the name keeps air out.
    """
    kinds = []
    for line in table.strip().splitlines():
        name, roles, reagents, solvents, modes, workups = (part.strip() for part in line.split("|"))
        product, starting = (part.strip() for part in roles.split("<"))
        substrate, _, partner = (part.strip() for part in starting.partition("+"))
        kinds.append(
            Kind(
                name.lstrip("!"),
                "" if product == "any" else product,
                substrate,
                partner,
                _alternatives(reagents),
                _alternatives(solvents),
                _alternatives(modes),
                _alternatives(workups),
                name.startswith("!"),
            )
        )
    return tuple(kinds)


def _alternatives(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";"))


KINDS: Final = _kinds(
    """
    amide coupling | amide < acid + amine | HATU:1.2 DIPEA:3; EDC:1.3 HOBt:1.2 TEA:2.5; PyBOP:1.2 DIPEA:2.5; T3P:1.5 TEA:3; HBTU:1.1 NMM:2.5; CDI:1.2; EDC:1.2 DMAP:0.1; DCC:1.1 DMAP:0.1 | DMF; DCM; THF; DMA | rt; cold | extract; extract; pour; partition
    acylation | amide < amine | AcCl:1.1 TEA:1.5; BzCl:1.05 TEA:1.5; Ac2O:1.5 pyridine:2; BzCl:1.1 DIPEA:2; ClCO2Et:1.2 pyridine:2 | DCM; THF; CHCl3; EtOAc | cold; rt | extract; pour; partition
    urea formation | urea < amine | PhNCO:1.05; EtNCO:1.1 TEA:1.2; PhNCO:1.1 DIPEA:1.5 | DCM; THF; toluene; MeCN | rt; cold; heat | concentrate; pour; extract
    sulfonylation | sulfonamide < amine | TsCl:1.1 pyridine:2; PhSO2Cl:1.1 TEA:1.5; MsCl:1.2 TEA:2; TsCl:1.2 DMAP:0.1 TEA:2 | DCM; pyridine; THF | cold; rt | extract; pour
    ester hydrolysis | acid < ester | LiOH:3; NaOH2:3; KOHs:4; NaOHs:3; LiOH1:2; NaOH1:2 | THF/water; MeOH/water; MeOH; EtOH; dioxane/water | rt; heat; reflux | acid; acid; acid
    nitrile hydrolysis | acid < nitrile | KOHs:5; NaOHs:6 | EtOH/water; water; MeOH | reflux; heat | acid
    Boc removal | amine < carbamate | TFA:10; HCldioxane:5; TFA:15 | DCM; dioxane; MeOH; EtOAc | rt; cold | concentrate; base; base
    iron reduction | amine < nitro | Fe:5 NH4Cl:5; SnCl2:5; Zn:6 NH4Cl:5 | EtOH/water; EtOAc; MeOH; AcOH; EtOH | heat; reflux | celite; base
    hydrogenation of nitro | amine < nitro | PdC:0; PtO2:0; RaNi:0 | MeOH; EtOH; EtOAc; THF | hydrogen | celite
    hydrogenation | any < alkene | PdC:0; PdOH2:0; PtO2:0; PdC:0 AcOHr:1 | MeOH; EtOH; EtOAc; EtOH | hydrogen | celite
    nitrile reduction | amine < nitrile | RaNi:0 NH3:10; LAHs:2; BH3:3 | MeOH; THF | hydrogen; cold | celite; celite
    !Suzuki coupling | biaryl < bromide | PhBOH2:1.2 PdPPh3:0.05 K2CO3:2.5; pTolB:1.3 Pddppf:0.05 Cs2CO3:2; MeOPhB:1.2 PdPPh3:0.05 Na2CO3a:3; FPhB:1.2 PdOAc2:0.05 PPh3:0.2 K3PO4:3; ClPhB:1.2 PdPPh3Cl2:0.05 Na2CO3:3; CF3PhB:1.2 Pddppf:0.05 K2CO3:2; pyB:1.3 PdPPh3:0.08 Cs2CO3:2.5; thB:1.3 PdPPh3:0.05 Na2CO3:3; MePzBpin:1.2 Pddppf:0.05 K3PO4:2.5 | dioxane/water; DME/water; toluene/EtOH; DMF; DME | heat; reflux; microwave; heat | extract; celite; extract; partition
    !Buchwald amination | amine < bromide + amine | Pd2dba3:0.03 xantphos:0.06 Cs2CO3:2; PdOAc2:0.05 BINAP:0.08 NaOtBu:1.5; Pd2dba3:0.02 XPhos:0.06 K3PO4:2.5 | toluene; dioxane; tBuOH | heat; reflux; microwave | celite; extract
    !Sonogashira coupling | alkene < bromide | phenylacetylene:1.3 PdPPh3Cl2:0.04 CuI:0.06 TEA:4; TMSA:1.5 PdPPh3:0.05 CuI:0.1 DIPEA:4 | THF; DMF; MeCN | heat; rt; microwave | celite; extract
    !cyanation | nitrile < bromide | ZnCN2:0.7 PdPPh3:0.06; ZnCN2:0.65 Pd2dba3:0.03 Zn:0.1 | DMF; NMP; DMA | heat; microwave | extract; pour
    O-alkylation | ether < phenol | MeI:1.5 K2CO3:2; BnBr:1.1 K2CO3:2; EtI:1.5 Cs2CO3:1.5; allylBr:1.3 K2CO3:2; bromopropane:1.3 K2CO3:2 NaI:0.1; MOMCl:1.3 DIPEA:2 | DMF; acetone; MeCN; DMF | rt; heat; reflux | extract; pour; celite; partition
    N-alkylation | heterocycle < heteroaryl_nh | NaH:1.2 MeI:1.3; NaH:1.3 BnBr:1.2; Cs2CO3:2 BrAcOEt:1.2; NaHplain:1.2 EtI:1.3; K2CO3:2 bromopropane:1.4 | DMF; THF; DMF; DMSO | cold; cold; rt | extract; pour
    borohydride reduction | alcohol < ketone | NaBH4:1.5; NaBH4:1; NaBH4:2 | MeOH; EtOH; THF; MeOH | cold; rt; cold | extract; concentrate; partition
    aldehyde reduction | alcohol < aldehyde | NaBH4:1; NaBH4:1.2 | MeOH; EtOH; iPrOH | cold; rt | extract; partition
    !hydride reduction | alcohol < ester | LAH:1.2; LAHs:1.5; DIBAL:2.5 | THF; ether; toluene; DCM; MeTHF | cold; cryo | extract; celite
    oxidation | ketone < alcohol | DMP:1.3; PCC:1.5; MnO2:10; TPAP:0.05 NMO:1.5 | DCM; DCM; CHCl3 | rt; cold | celite; extract
    oxidation to aldehyde | aldehyde < alcohol | DMP:1.2; MnO2:10; PCC:1.4 | DCM; CHCl3; DCE | rt; heat; cold | celite; extract
    permanganate oxidation | acid < aldehyde | KMnO4:2; oxone:1.2 | acetone; water; DMF; tBuOH | rt; heat | acid; celite
    !Grignard addition | alcohol < ketone | MeMgBr:1.5; PhMgBr:1.3; nBuLi:1.2 | THF; ether; THF | cold; cryo; cryo | extract; partition
    !lithiation | aldehyde < bromide | nBuLi:1.1; iPrMgCl:1.2; LDA:1.2 | THF; ether; THF | cryo; cold | extract
    reductive amination | amine < aldehyde + amine | STAB:1.5 AcOHr:1; NaBH3CN:1.5 AcOHr:1; NaBH4:1.5; STAB:2 | DCE; DCM; MeOH; THF | rt; cold | base; extract; partition
    SNAr | amine < halide + amine | K2CO3:2; DIPEA:2.5; Cs2CO3:1.5; TEA:2 | DMSO; DMF; NMP; BuOH; iPrOH; EtOH | heat; microwave; reflux; heat | pour; extract; partition
    amination | amine < halide | morpholine:2 K2CO3:2; pyrrolidine:2 DIPEA:2; benzylamine:1.5 DIPEA:2; MeNH2:3; aniline:1.2 pTsOH:0.1; Me2NH:3 TEA:2 | DMSO; EtOH; iPrOH; MeCN; dioxane | heat; microwave; reflux | pour; extract; concentrate
    bromination | bromo_product < phenol | NBS:1.05; Br2:1.1 NaOAc:1.5; NBS:1.1 | MeCN; DMF; CHCl3; AcOH; DCM | rt; cold | pour; extract; concentrate
    benzylic bromination | bromo_product < ester | NBS:1.1 AIBN:0.1; NBS:1.2 AIBN:0.05 | CCl4; benzene; DCE | reflux | celite; extract
    chlorination | chloro_product < heterocycle | POCl3:5; SOCl2:3; NCS:1.1; POCl3:10 DIPEA:1.5; COCl2:1.5 | toluene; MeCN; DCM; CHCl3; DMF | reflux; heat; rt | pour; concentrate; partition
    nitration | nitro < ether | HNO3:1.2; HNO3:1.5 H2SO4c:3; NaNO2:1.2 | AcOH; DCM; AcOH | cold; rt | pour; pour; extract
    esterification | ester < acid | H2SO4c:0.2; SOCl2:2; pTsOH:0.1; H2SO4c:0.5 | MeOH; EtOH; MeOH | reflux; reflux; cold; heat | concentrate; base; partition
    Fischer esterification | ester < acid + alcohol | pTsOH:0.1; H2SO4c:0.05 | toluene; benzene; xylene | dean_stark | base; extract
    imine formation | alkene < aldehyde + amine | pTsOH:0.05; AcOHr:0.1 | toluene; benzene; EtOH | dean_stark; reflux | concentrate; concentrate
    ketalisation | ether < ketone | pTsOH:0.05 EtOCH:3 | toluene; EtOH; benzene | dean_stark; reflux | base; extract
    methyl ester amidation | amide < ester | NH3:10; MeNH2:5; benzylamine:2; pyrrolidine:2; N2H4:5 | MeOH; EtOH; THF; toluene | rt; heat; reflux; microwave | concentrate; pour
    cyclocondensation | heterocycle < ketone | N2H4:1.5 AcOHr:1; PhNHNH2:1.1 AcOHr:1; guanidine:1.5 NaOEt:3; thiourea:1.2; DMFDMA:2; NH4OAc:10; NH2OH:1.5 NaOAc:2; malononitrile:1.2 piperidine:0.1 | EtOH; AcOH; DMF; BuOH; MeOH | reflux; heat; microwave; reflux | pour; concentrate; extract
    heterocycle synthesis | heterocycle < amide | POCl3:3; Lawesson:0.6; PPh3:1.5 DIAD:1.5; EtOCH:5 Ac2O:3 | toluene; THF; dioxane; MeCN | reflux; heat; microwave | pour; extract; base
    Mitsunobu | ether < phenol + alcohol | PPh3:1.5 DIAD:1.5; PPh3:1.3 DEAD:1.3 | THF; toluene; DCM | cold; rt | concentrate; extract
    silylation | ether < alcohol | TBSCl:1.2 imidazole:2; TBSCl:1.3 imidazole:2.5 DMAP:0.1 | DMF; DCM | rt; cold | extract; partition
    mesylation | ester < alcohol | MsCl:1.2 TEA:1.8; TsCl:1.2 pyridine:3; Ac2O:1.5 DMAP:0.1 | DCM; THF; CHCl3 | cold | extract; partition
    Boc protection | carbamate < amine | Boc2O:1.1 TEA:1.5; Boc2O:1.2 NaHCO3:3; Boc2O:1.1 NaOH1:1.2 | DCM; THF; dioxane/water; MeOH | rt; cold | extract; partition; acid
    !demethylation | phenol < ether | BBr3:3; BBr3:2.5 | DCM | cryo; cold | extract; base
    debenzylation | phenol < ether | PdC:0; PdOH2:0 | MeOH; EtOH; EtOAc; THF | hydrogen | celite
    aldol condensation | alkene < ketone + aldehyde | NaOHs:2; KOHs:2; piperidine:0.2 AcOHr:0.2; NaOMe:1.5 | EtOH; MeOH; EtOH/water | rt; heat; cold | pour; acid
    oxime formation | any < ketone | NH2OH:1.5 NaOAc:2; NH2OH:2 pyridine:3 | EtOH; MeOH; EtOH/water | reflux; heat; rt | pour; concentrate
    !enolate alkylation | ester < ester | LDA:1.1 MeI:1.3; LiHMDS:1.1 BnBr:1.2; LiHMDS:1.2 allylBr:1.2 | THF | cryo | extract; partition
    Weinreb amide | amide < acid | MeNHOMe:1.2 EDC:1.2 HOBt:1.2 TEA:3; CDI:1.2 MeNHOMe:1.3 | DCM; THF; DMF | rt; cold | extract; partition
    thionation | heterocycle < amide | Lawesson:0.6; Lawesson:1 | toluene; THF; dioxane | reflux; heat | concentrate; extract
    ether cleavage with silyl | alcohol < ether | TBAF:1.5; TBAF:2 | THF | rt; cold | extract; partition
    epoxidation | any < alkene | mCPBA:1.3; mCPBA:1.5 NaHCO3:2; oxone:2 NaHCO3:4 | DCM; CHCl3; acetone | cold; rt | extract; partition
    """  # noqa: E501
)
