"""What stands on the shelf: solvents, reagents and work-up materials with the names chemists use.

Each reagent carries what is needed to weigh it out (molar mass in g/mol, density in g/mL for
liquids, molarity for solutions), so that grams, millimoles and millilitres in a generated
procedure agree with one another. Numbers are rounded textbook values.
"""

# ruff: noqa: E501 (tables of wording: one entry is easier to read unbroken)
from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Reagent:
    """A material that is added in a known amount.

    Attributes:
        names: the ways it is written; synonyms of one material.
        mass: molar mass in g/mol.
        density: in g/mL when it is measured as a liquid, else None.
        molarity: in mol/L when it is sold as a solution, else None; the names say in which solvent.
    """

    names: tuple[str, ...]
    mass: float
    density: float | None = None
    molarity: float | None = None


def _reagents(table: str) -> dict[str, Reagent]:
    """Reads lines of `key | molar mass | density or molarityM or - | name / name / ...`."""
    reagents = {}
    for line in table.strip().splitlines():
        key, mass, amount, names = (part.strip() for part in line.split("|"))
        molarity = float(amount[:-1]) if amount.endswith("M") else None
        density = float(amount) if molarity is None and amount != "-" else None
        spelled = tuple(name.strip() for name in names.split(" / "))
        reagents[key] = Reagent(spelled, float(mass), density, molarity)
    return reagents


REAGENTS: Final = _reagents(
    """
    HATU | 380.2 | - | HATU / O-(7-azabenzotriazol-1-yl)-N,N,N',N'-tetramethyluronium hexafluorophosphate
    HBTU | 379.2 | - | HBTU
    EDC | 191.7 | - | EDCI / EDC / EDC hydrochloride / EDC·HCl / WSC hydrochloride
    HOBt | 135.1 | - | HOBt / 1-hydroxybenzotriazole / HOBT
    CDI | 162.2 | - | CDI / 1,1'-carbonyldiimidazole / N,N'-carbonyldiimidazole
    PyBOP | 520.4 | - | PyBOP
    T3P | 318.2 | 1.57M | T3P (50% in ethyl acetate) / T3P (50 wt% in EtOAc)
    DCC | 206.3 | - | DCC / dicyclohexylcarbodiimide / N,N'-dicyclohexylcarbodiimide
    DMAP | 122.2 | - | DMAP / 4-dimethylaminopyridine / 4-(dimethylamino)pyridine
    DIPEA | 129.2 | 0.742 | DIPEA / diisopropylethylamine / N,N-diisopropylethylamine / Hünig's base / DIEA
    TEA | 101.2 | 0.726 | triethylamine / Et3N / TEA / NEt3
    NMM | 101.2 | 0.920 | NMM / N-methylmorpholine / 4-methylmorpholine
    pyridine | 79.1 | 0.978 | pyridine
    lutidine | 107.2 | 0.925 | 2,6-lutidine
    imidazole | 68.1 | - | imidazole / 1H-imidazole
    DBU | 152.2 | 1.018 | DBU / 1,8-diazabicyclo[5.4.0]undec-7-ene
    piperidine | 85.2 | 0.862 | piperidine
    TFA | 114.0 | 1.489 | TFA / trifluoroacetic acid / CF3COOH / CF3CO2H
    HCldioxane | 36.5 | 4M | 4 M HCl in dioxane / 4 N HCl in 1,4-dioxane / hydrogen chloride (4 M in dioxane)
    LiOH | 42.0 | - | lithium hydroxide monohydrate / LiOH·H2O / LiOH monohydrate
    NaOHs | 40.0 | - | sodium hydroxide / NaOH
    KOHs | 56.1 | - | potassium hydroxide / KOH
    NaOH1 | 40.0 | 1M | 1 M aqueous sodium hydroxide / 1 N NaOH / 1N aqueous NaOH solution / 1 M NaOH
    NaOH2 | 40.0 | 2M | 2 M NaOH / 2 N aqueous sodium hydroxide / 2N sodium hydroxide solution
    LiOH1 | 23.9 | 1M | 1 M aqueous LiOH / 1 N lithium hydroxide solution / 1M LiOH
    Fe | 55.8 | - | iron powder / iron / Fe powder
    NH4Cl | 53.5 | - | ammonium chloride / NH4Cl
    SnCl2 | 225.6 | - | tin(II) chloride dihydrate / SnCl2·2H2O / stannous chloride dihydrate
    Zn | 65.4 | - | zinc dust / zinc powder / zinc
    K2CO3 | 138.2 | - | potassium carbonate / K2CO3 / anhydrous potassium carbonate / powdered potassium carbonate
    Cs2CO3 | 325.8 | - | cesium carbonate / Cs2CO3 / caesium carbonate
    Na2CO3 | 106.0 | - | sodium carbonate / Na2CO3
    Na2CO3a | 106.0 | 2M | 2 M aqueous sodium carbonate / 2 M Na2CO3 / 2M aqueous Na2CO3 solution
    K3PO4 | 212.3 | - | potassium phosphate / K3PO4 / tripotassium phosphate
    NaHCO3 | 84.0 | - | sodium bicarbonate / NaHCO3 / sodium hydrogen carbonate
    NaOtBu | 96.1 | - | sodium tert-butoxide / NaOtBu
    KOtBu | 112.2 | - | potassium tert-butoxide / KOtBu / t-BuOK
    NaH | 40.0 | - | sodium hydride (60% dispersion in mineral oil) / NaH (60% in mineral oil) / sodium hydride (60% in oil)
    NaHplain | 24.0 | - | sodium hydride / NaH
    NaOMe | 54.0 | - | sodium methoxide / NaOMe
    NaOEt | 68.1 | - | sodium ethoxide / NaOEt
    NaBH4 | 37.8 | - | sodium borohydride / NaBH4
    NaBH3CN | 62.8 | - | sodium cyanoborohydride / NaBH3CN
    STAB | 211.9 | - | sodium triacetoxyborohydride / NaBH(OAc)3
    LAHs | 38.0 | - | lithium aluminum hydride / LiAlH4 / lithium aluminium hydride / LAH
    LAH | 38.0 | 1M | LiAlH4 (1 M in THF) / lithium aluminum hydride (1.0 M in THF)
    DIBAL | 142.2 | 1M | DIBAL-H (1 M in toluene) / diisobutylaluminum hydride (1.0 M in hexanes) / DIBAL (1 M in DCM)
    BH3 | 86.0 | 1M | borane-THF complex (1 M in THF) / BH3·THF (1.0 M)
    nBuLi | 64.1 | 2.5M | n-BuLi (2.5 M in hexanes) / n-butyllithium (2.5 M in hexane)
    LDA | 107.1 | 2M | LDA (2.0 M in THF) / lithium diisopropylamide (2 M in THF)
    LiHMDS | 167.3 | 1M | LiHMDS (1 M in THF) / lithium bis(trimethylsilyl)amide (1.0 M in THF)
    MeMgBr | 119.2 | 3M | methylmagnesium bromide (3 M in diethyl ether) / MeMgBr (3.0 M in ether)
    PhMgBr | 181.3 | 1M | phenylmagnesium bromide (1 M in THF) / PhMgBr (1.0 M in THF)
    iPrMgCl | 102.8 | 2M | isopropylmagnesium chloride (2 M in THF) / i-PrMgCl (2.0 M in THF)
    DMP | 424.1 | - | Dess-Martin periodinane / DMP
    PCC | 215.6 | - | pyridinium chlorochromate / PCC
    MnO2 | 86.9 | - | manganese dioxide / MnO2 / activated manganese(IV) oxide
    mCPBA | 172.6 | - | m-CPBA / mCPBA / 3-chloroperbenzoic acid / m-chloroperoxybenzoic acid
    oxone | 307.4 | - | Oxone / potassium peroxymonosulfate
    NMO | 117.1 | - | NMO / N-methylmorpholine N-oxide
    TPAP | 351.4 | - | TPAP / tetrapropylammonium perruthenate
    KMnO4 | 158.0 | - | potassium permanganate / KMnO4
    NBS | 178.0 | - | N-bromosuccinimide / NBS
    NCS | 133.5 | - | N-chlorosuccinimide / NCS
    NIS | 225.0 | - | N-iodosuccinimide / NIS
    Br2 | 159.8 | 3.10 | bromine / Br2
    AIBN | 164.2 | - | AIBN / azobisisobutyronitrile
    SOCl2 | 119.0 | 1.638 | thionyl chloride / SOCl2
    POCl3 | 153.3 | 1.645 | phosphorus oxychloride / POCl3 / phosphoryl chloride
    COCl2 | 126.9 | 1.478 | oxalyl chloride / (COCl)2
    PBr3 | 270.7 | 2.852 | phosphorus tribromide / PBr3
    BBr3 | 250.5 | 1M | boron tribromide (1 M in dichloromethane) / BBr3 (1.0 M in DCM)
    AcCl | 78.5 | 1.104 | acetyl chloride / AcCl
    Ac2O | 102.1 | 1.082 | acetic anhydride / Ac2O
    BzCl | 140.6 | 1.211 | benzoyl chloride
    MsCl | 114.5 | 1.480 | methanesulfonyl chloride / mesyl chloride / MsCl
    TsCl | 190.6 | - | p-toluenesulfonyl chloride / 4-toluenesulfonyl chloride / tosyl chloride / TsCl
    PhSO2Cl | 176.6 | 1.384 | benzenesulfonyl chloride
    ClCO2Et | 108.5 | 1.135 | ethyl chloroformate
    Boc2O | 218.3 | - | di-tert-butyl dicarbonate / Boc2O / (Boc)2O / Boc anhydride
    TBSCl | 150.7 | - | tert-butyldimethylsilyl chloride / TBSCl / TBDMSCl
    TBAF | 261.5 | 1M | TBAF (1 M in THF) / tetrabutylammonium fluoride (1.0 M in THF)
    MeI | 141.9 | 2.280 | methyl iodide / iodomethane / MeI
    EtI | 156.0 | 1.950 | ethyl iodide / iodoethane
    BnBr | 171.0 | 1.438 | benzyl bromide / BnBr
    allylBr | 121.0 | 1.398 | allyl bromide
    BrAcOEt | 167.0 | 1.506 | ethyl bromoacetate / ethyl 2-bromoacetate
    MOMCl | 80.5 | 1.060 | chloromethyl methyl ether / MOMCl
    bromopropane | 123.0 | 1.354 | 1-bromopropane / propyl bromide
    NaI | 149.9 | - | sodium iodide / NaI
    TBAB | 322.4 | - | tetrabutylammonium bromide / TBAB
    PPh3 | 262.3 | - | triphenylphosphine / PPh3
    DIAD | 202.2 | 1.027 | DIAD / diisopropyl azodicarboxylate
    DEAD | 174.2 | 1.106 | DEAD / diethyl azodicarboxylate
    PdPPh3 | 1155.6 | - | tetrakis(triphenylphosphine)palladium(0) / Pd(PPh3)4
    Pddppf | 731.7 | - | Pd(dppf)Cl2 / PdCl2(dppf) / [1,1'-bis(diphenylphosphino)ferrocene]dichloropalladium(II)
    PdPPh3Cl2 | 701.9 | - | Pd(PPh3)2Cl2 / bis(triphenylphosphine)palladium(II) dichloride
    PdOAc2 | 224.5 | - | palladium(II) acetate / Pd(OAc)2 / palladium acetate
    Pd2dba3 | 915.7 | - | Pd2(dba)3 / tris(dibenzylideneacetone)dipalladium(0)
    xantphos | 578.6 | - | Xantphos / XantPhos / 4,5-bis(diphenylphosphino)-9,9-dimethylxanthene
    XPhos | 476.7 | - | XPhos / X-Phos
    BINAP | 622.7 | - | BINAP / rac-BINAP
    CuI | 190.4 | - | copper(I) iodide / CuI / cuprous iodide
    ZnCN2 | 117.4 | - | zinc cyanide / Zn(CN)2
    PdC | 0 | - | 10% palladium on carbon / 10% Pd/C / palladium on carbon / Pd/C / 5% palladium on charcoal
    PtO2 | 0 | - | platinum oxide / PtO2
    RaNi | 0 | - | Raney nickel / Raney Ni
    PdOH2 | 0 | - | 20% Pd(OH)2 on carbon / palladium hydroxide on carbon
    H2SO4c | 98.1 | 1.84 | concentrated sulfuric acid / conc. H2SO4 / concentrated H2SO4 / sulfuric acid
    pTsOH | 190.2 | - | p-toluenesulfonic acid monohydrate / p-TsOH monohydrate / PTSA / para-toluenesulfonic acid
    HNO3 | 63.0 | 1.51 | fuming nitric acid / concentrated nitric acid / nitric acid
    AcOHr | 60.1 | 1.049 | acetic acid / glacial acetic acid / AcOH
    N2H4 | 50.1 | 1.032 | hydrazine monohydrate / hydrazine hydrate
    PhNHNH2 | 108.1 | 1.098 | phenylhydrazine
    NH2OH | 69.5 | - | hydroxylamine hydrochloride / NH2OH·HCl
    NaOAc | 82.0 | - | sodium acetate / NaOAc / anhydrous sodium acetate
    NH4OAc | 77.1 | - | ammonium acetate / NH4OAc
    thiourea | 76.1 | - | thiourea
    guanidine | 95.5 | - | guanidine hydrochloride
    DMFDMA | 119.2 | 0.897 | DMF-DMA / N,N-dimethylformamide dimethyl acetal
    EtOCH | 148.2 | 0.891 | triethyl orthoformate
    malononitrile | 66.1 | - | malononitrile
    acetylacetone | 100.1 | 0.975 | acetylacetone / pentane-2,4-dione
    morpholine | 87.1 | 1.007 | morpholine
    pyrrolidine | 71.1 | 0.866 | pyrrolidine
    benzylamine | 107.2 | 0.981 | benzylamine
    aniline | 93.1 | 1.022 | aniline
    MeNH2 | 31.1 | 2M | methylamine (2 M in THF) / 2 M methylamine in THF
    Me2NH | 45.1 | 2M | dimethylamine (2 M in THF) / 2M dimethylamine in THF
    NH3 | 17.0 | 7M | 7 N ammonia in methanol / ammonia (7 M in MeOH)
    MeNHOMe | 97.5 | - | N,O-dimethylhydroxylamine hydrochloride
    PhBOH2 | 121.9 | - | phenylboronic acid
    pTolB | 136.0 | - | 4-methylphenylboronic acid / p-tolylboronic acid
    MeOPhB | 152.0 | - | 4-methoxyphenylboronic acid
    FPhB | 139.9 | - | 4-fluorophenylboronic acid / (4-fluorophenyl)boronic acid
    ClPhB | 156.4 | - | 3-chlorophenylboronic acid / (3-chlorophenyl)boronic acid
    CF3PhB | 189.9 | - | 4-(trifluoromethyl)phenylboronic acid
    pyB | 122.9 | - | pyridin-3-ylboronic acid / 3-pyridineboronic acid
    thB | 128.0 | - | thiophen-2-ylboronic acid / 2-thienylboronic acid
    MePzBpin | 208.1 | - | 1-methylpyrazole-4-boronic acid pinacol ester
    vinylBF3 | 134.0 | - | potassium vinyltrifluoroborate
    B2pin2 | 253.9 | - | bis(pinacolato)diboron / B2pin2
    KOAc | 98.1 | - | potassium acetate / KOAc
    phenylacetylene | 102.1 | 0.930 | phenylacetylene / ethynylbenzene
    TMSA | 98.2 | 0.695 | trimethylsilylacetylene / ethynyltrimethylsilane
    PhCHO | 106.1 | 1.044 | benzaldehyde
    HCHO | 30.0 | 12.3M | 37% aqueous formaldehyde / formaldehyde (37% in water)
    PhOH | 94.1 | - | phenol
    PhNCO | 119.1 | 1.096 | phenyl isocyanate
    EtNCO | 71.1 | 0.898 | ethyl isocyanate
    NaN3 | 65.0 | - | sodium azide / NaN3
    NaNO2 | 69.0 | - | sodium nitrite / NaNO2
    Lawesson | 404.5 | - | Lawesson's reagent
    Selectfluor | 354.3 | - | Selectfluor
    """
)
"""Reagents by a short key."""

SOLVENTS: Final[dict[str, tuple[str, ...]]] = {
    "DCM": ("DCM", "dichloromethane", "CH2Cl2", "methylene chloride", "dry dichloromethane",
            "anhydrous DCM", "dry CH2Cl2"),
    "THF": ("THF", "tetrahydrofuran", "dry THF", "anhydrous THF", "anhydrous tetrahydrofuran",
            "dry tetrahydrofuran"),
    "DMF": ("DMF", "N,N-dimethylformamide", "dimethylformamide", "anhydrous DMF", "dry DMF"),
    "MeCN": ("acetonitrile", "MeCN", "CH3CN", "anhydrous acetonitrile"),
    "MeOH": ("methanol", "MeOH", "CH3OH", "absolute methanol"),
    "EtOH": ("ethanol", "EtOH", "absolute ethanol", "95% ethanol"),
    "iPrOH": ("isopropanol", "2-propanol", "i-PrOH", "isopropyl alcohol", "IPA"),
    "tBuOH": ("tert-butanol", "t-BuOH", "tert-butyl alcohol"),
    "BuOH": ("n-butanol", "1-butanol"),
    "toluene": ("toluene", "anhydrous toluene", "dry toluene"),
    "xylene": ("xylene", "o-xylene", "xylenes"),
    "dioxane": ("1,4-dioxane", "dioxane", "anhydrous 1,4-dioxane", "dry dioxane"),
    "DMSO": ("DMSO", "dimethyl sulfoxide", "dimethylsulfoxide"),
    "acetone": ("acetone",),
    "DCE": ("1,2-dichloroethane", "DCE", "dichloroethane"),
    "EtOAc": ("ethyl acetate", "EtOAc", "AcOEt"),
    "ether": ("diethyl ether", "Et2O", "ether", "anhydrous ether"),
    "MTBE": ("MTBE", "tert-butyl methyl ether", "methyl tert-butyl ether"),
    "NMP": ("NMP", "N-methylpyrrolidone", "N-methyl-2-pyrrolidone"),
    "DMA": ("DMA", "N,N-dimethylacetamide", "dimethylacetamide"),
    "DME": ("DME", "1,2-dimethoxyethane", "dimethoxyethane"),
    "CHCl3": ("chloroform", "CHCl3"),
    "CCl4": ("carbon tetrachloride", "CCl4"),
    "pyridine": ("pyridine", "anhydrous pyridine"),
    "AcOH": ("acetic acid", "glacial acetic acid", "AcOH"),
    "water": ("water", "H2O", "distilled water", "deionized water"),
    "hexane": ("hexane", "hexanes", "n-hexane"),
    "heptane": ("heptane", "n-heptane"),
    "pentane": ("pentane", "n-pentane"),
    "PE": ("petroleum ether", "light petroleum"),
    "MeTHF": ("2-methyltetrahydrofuran", "2-MeTHF"),
    "benzene": ("benzene",),
}  # fmt: skip
"""Solvents by a short key."""

HOTTEST: Final[dict[str, int]] = {
    "DCM": 40, "ether": 35, "acetone": 55, "CHCl3": 60, "MeOH": 65, "THF": 65, "MeTHF": 75, "EtOAc": 75,
    "CCl4": 75, "EtOH": 75, "MeCN": 80, "benzene": 80, "DCE": 80, "iPrOH": 80, "tBuOH": 80, "DME": 85,
    "water": 95, "dioxane": 100, "toluene": 110, "pyridine": 110, "AcOH": 110, "BuOH": 110,
}  # fmt: skip
"""The highest temperature (°C) in an open flask, for solvents that boil below 120 °C."""

POURED_INTO: Final = ("water", "ice water", "ice-water", "cold water", "crushed ice", "H2O")
QUENCHES: Final = (
    "water", "H2O", "saturated aqueous NH4Cl", "saturated aqueous ammonium chloride",
    "saturated NH4Cl solution", "saturated aqueous NaHCO3", "saturated sodium bicarbonate solution",
    "methanol", "ice water", "1 N HCl", "1 M aqueous HCl", "saturated aqueous NH4Cl solution",
    "saturated ammonium chloride solution", "10% citric acid", "aqueous ammonium chloride",
    "sat. NH4Cl", "sat. aq. NaHCO3", "10% aqueous sodium thiosulfate", "2N HCl", "ice",
)  # fmt: skip
WASHES: Final = (
    "water", "brine", "saturated aqueous NaHCO3", "saturated sodium bicarbonate solution", "1 N HCl",
    "saturated aqueous sodium bicarbonate", "1 M HCl", "10% citric acid", "sat. NaHCO3", "H2O",
    "saturated NaHCO3 solution", "5% aqueous citric acid", "1N hydrochloric acid", "saturated brine",
    "saturated aqueous NaCl", "saturated sodium chloride solution", "saturated aqueous NH4Cl",
    "0.5 M HCl", "5% NaHCO3", "10% aqueous sodium carbonate", "2 N NaOH", "dilute HCl",
    "10% aqueous Na2S2O3", "saturated aqueous Na2CO3", "1 N NaOH", "5% lithium chloride solution",
)  # fmt: skip
ACIDS: Final = (
    "1 N HCl", "1 M HCl", "2 N HCl", "6 N HCl", "concentrated HCl", "conc. HCl", "2N hydrochloric acid",
    "1N hydrochloric acid", "10% citric acid", "acetic acid", "5% aqueous HCl", "3 M HCl",
    "10% aqueous citric acid solution", "concentrated hydrochloric acid", "1 M aqueous HCl", "KHSO4",
    "dilute hydrochloric acid", "6M HCl", "1 N aqueous HCl solution",
)  # fmt: skip
BASES: Final = (
    "saturated aqueous NaHCO3", "2 N NaOH", "1 N NaOH", "concentrated ammonium hydroxide", "10% NaOH",
    "solid sodium bicarbonate", "aqueous ammonia", "10% aqueous sodium hydroxide", "solid K2CO3",
    "saturated sodium bicarbonate solution", "50% aqueous NaOH", "saturated sodium carbonate solution",
    "6 N NaOH", "28% ammonia water", "saturated aqueous K2CO3", "triethylamine", "5 M NaOH",
)  # fmt: skip
DRYING_AGENTS: Final = (
    "MgSO4", "Na2SO4", "anhydrous sodium sulfate", "sodium sulfate", "magnesium sulfate",
    "anhydrous magnesium sulfate", "anhydrous Na2SO4", "anhydrous MgSO4", "K2CO3", "dry Na2SO4",
    "calcium chloride", "anhydrous sodium sulphate", "potassium carbonate",
)  # fmt: skip
EXTRACTANTS: Final = (
    "EtOAc", "EtOAc", "EtOAc", "DCM", "DCM", "ether", "CHCl3", "MTBE", "toluene", "BuOH",
)  # fmt: skip
RECRYSTALLISATION: Final = (
    "ethanol", "methanol", "ethyl acetate", "isopropanol", "EtOH", "ethyl acetate/hexane", "water",
    "EtOAc/hexanes", "toluene", "acetonitrile", "ethanol/water", "hexane", "dichloromethane/hexane",
    "aqueous ethanol", "acetone", "heptane", "MeOH", "diisopropyl ether", "2-propanol", "benzene",
    "EtOAc/heptane", "acetic acid", "cyclohexane", "chloroform/hexane", "DMF", "petroleum ether",
)  # fmt: skip
TRITURATION: Final = (
    "diethyl ether", "hexane", "Et2O", "ether", "pentane", "ethyl acetate", "methanol", "hexanes",
    "acetonitrile", "heptane", "cold ethanol", "diisopropyl ether", "MTBE", "EtOAc", "acetone",
    "petroleum ether", "ether/hexane", "isopropanol", "water", "cold methanol", "dichloromethane",
)  # fmt: skip
SOLID_WASHES: Final = (
    "water", "cold water", "diethyl ether", "hexane", "cold ethanol", "methanol", "ether", "pentane",
    "ethyl acetate", "Et2O", "cold methanol", "acetonitrile", "heptane", "acetone", "cold diethyl ether",
    "isopropanol", "n-hexane", "petroleum ether",
)  # fmt: skip
INERT_GASES: Final = ("nitrogen", "nitrogen", "argon", "argon", "N2", "Ar")
