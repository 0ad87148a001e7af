"""The reaction classes of the starter corpus: a template, who may react, and under what conditions.

Every class is one atom-mapped reaction SMARTS of our own with the conditions a textbook gives. In
a role's `once` the group that is cheapest to look for stands first.
"""

from __future__ import annotations

from typing import Final

from t5chem.corpora.reaction_parts import (
    ALKYL_AMINE,
    AMINE,
    CARBONYL_CARBON,
    PARA_CARBON,
    SN2_CARBON,
    SNAR_CARBON,
    ReactionClass,
    block,
    partners,
    slots,
    without,
)

_ACID = block("acid", "nucleophilic_nh alcohol thiocarbonyl dicarbonyl michael", 16)
_AMINE = block("nucleophilic_nh amine", "acid michael thiocarbonyl ester phenol", 15)
_ACYL_CHLORIDE = block("acyl_halide acyl_chloride", "nucleophilic_nh hydroxyl")
_ARYL_ALDEHYDE = block("aldehyde aryl_aldehyde carbonyl", "acid any_nh phenol alcohol sulfur", 16)
_CARBONYL = block(
    "aldehyde_or_ketone simple_carbonyl",
    "acid michael imine dicarbonyl nucleophilic_nh",
    20,
    allowed="aldehyde",
)
_INERT = "carbonyl nitro nitrile any_nh hydroxyl alkyne sulfonyl sulfur imine vinyl_halide"
_PALLADIUM = "aryl_iodide vinyl_halide acid terminal_alkyne sulfur phenol nucleophilic_nh"
_ARYL_IODIDE = without(_PALLADIUM, "aryl_iodide")
_RING = "hydroxyl nucleophilic_nh alkene alkyne rich_heteroaromatic sulfur pyridine imine aldehyde"
_NO_HYDROGENATION = "alkene alkyne nitro any_azide aryl_bromide aryl_iodide sulfur imine"
_PPH3 = "P(c1ccccc1)(c1ccccc1)c1ccccc1"

CLASSES: Final = (
    ReactionClass(
        "amide_coupling",
        f"[C:1](=[O:2])[OX2H].[{AMINE}:3]>>[C:1](=[O:2])[N:3]",
        (_ACID, _AMINE),
        slots("HATU|EDC+HOBt|DCC+DMAP|CDI", "DIPEA|TEA", "DMF|DCM|THF"),
        950,
    ),
    ReactionClass(
        "acid_chloride_amidation",
        f"[CX4,c:4][C:1](=[O:2])Cl.[{AMINE}:3]>>[*:4][C:1](=[O:2])[N:3]",
        (_ACYL_CHLORIDE, _AMINE),
        slots("TEA|DIPEA|pyridine", "DCM|THF|EtOAc"),
        780,
    ),
    ReactionClass(
        "esterification",
        "[C:1](=[O:2])[OX2H].[OX2H:3][CX4:4]>>[C:1](=[O:2])[O:3][C:4]",
        (
            block("acid hydroxyl", "nucleophilic_nh thiocarbonyl dicarbonyl michael", 16),
            block(
                "primary_or_secondary_alcohol hydroxyl",
                "nucleophilic_nh hindered_alcohol michael dicarbonyl ester nitrile alkyne",
                12,
            ),
        ),
        slots("EDC+DMAP|DCC+DMAP", "DCM|THF|MeCN"),
    ),
    ReactionClass(
        "alcohol_acylation",
        "[C:1](=[O:2])Cl.[OX2H:3][CX4,c:4]>>[C:1](=[O:2])[O:3][*:4]",
        (
            _ACYL_CHLORIDE,
            block("hydroxyl", "acid hindered_alcohol tertiary_alcohol any_nh dicarbonyl", 14),
        ),
        slots("TEA|pyridine|DIPEA", "none|DMAP", "DCM|THF"),
    ),
    ReactionClass(
        "ester_hydrolysis",
        "[C:1](=[O:2])[O:3][CX4]>>[C:1](=[O:2])[OH:3]",
        (block("ester alkyl_ester", "acid lactone nitrile michael dicarbonyl", 22),),
        slots("LiOH|NaOH|KOH", "THF+water|MeOH+water|dioxane+water|EtOH+water"),
    ),
    ReactionClass(
        "acid_chloride_formation",
        "[C:1](=[O:2])[OX2H].[S,$(C=O):3](=O)[Cl:4]>>[C:1](=[O:2])[Cl:4]",
        (
            block("acid hydroxyl", "any_nh boc pyridine tertiary_amine dicarbonyl imine"),
            partners("O=S(Cl)Cl", "O=C(Cl)C(=O)Cl"),
        ),
        slots("DMF|none", "DCM|toluene|DCE"),
        660,
    ),
    ReactionClass(
        "suzuki_coupling",
        "[c:1][Br,I].[c:2]B(O)O>>[c:1]-[c:2]",
        (
            block("aryl_bromide_or_iodide", _ARYL_IODIDE),
            block("boron aryl_boronic_acid", "aryl_bromide aryl_iodide any_nh acid", 16),
        ),
        slots(
            "PdCl2(PPh3)2|Pd(OAc)2+PPh3|Pd2(dba)3+XPhos",
            "K2CO3|Na2CO3|Cs2CO3|K3PO4",
            "dioxane+water|DME+water|toluene+EtOH+water",
        ),
        880,
    ),
    ReactionClass(
        "buchwald_hartwig_amination",
        f"[c:1][Br].[{AMINE}:2]>>[c:1][N:2]",
        (
            block("aryl_bromide", f"{_PALLADIUM} any_nh ketone alcohol", 16),
            block("nucleophilic_nh amine", "acid aryl_bromide aryl_iodide sulfur ester hydroxyl"),
        ),
        slots("Pd2(dba)3+BINAP|Pd2(dba)3+XPhos|Pd(OAc)2+BINAP", "NaOtBu|Cs2CO3", "toluene|dioxane"),
        780,
    ),
    ReactionClass(
        "sonogashira_coupling",
        "[c:1][Br,I].[CH:2]#[C:3]>>[c:1][C:2]#[C:3]",
        (
            block("aryl_bromide_or_iodide", _ARYL_IODIDE),
            block("terminal_alkyne alkyne", "aryl_bromide aryl_iodide sulfur vinyl_halide acid"),
        ),
        slots("PdCl2(PPh3)2+CuI", "TEA|DIPEA", "THF|DMF|MeCN"),
    ),
    ReactionClass(
        "heck_reaction",
        "[c:1][Br,I].[CH2:2]=[CH:3][*:4]>>[c:1]/[C:2]=[C:3]/[*:4]",
        (
            block("aryl_bromide_or_iodide", f"{_ARYL_IODIDE} alkene"),
            block(
                "alkene heck_alkene",
                "aryl_bromide aryl_iodide acid sulfur alkyne nucleophilic_nh",
                14,
            ),
        ),
        slots("Pd(OAc)2+P(o-tol)3|Pd(OAc)2+PPh3", "TEA|NaOAc|K2CO3", "DMF|MeCN|NMP"),
    ),
    ReactionClass(
        "reductive_amination",
        f"[{CARBONYL_CARBON}:1]=O.[{AMINE}:2]>>[C:1][N:2]",
        (
            block(
                "aldehyde_or_ketone simple_carbonyl",
                "nucleophilic_nh michael acid dicarbonyl hindered_ketone imine diaryl_ketone",
                14,
                allowed="aldehyde",
            ),
            block("nucleophilic_nh amine", "acid michael ketone thiocarbonyl imine", 14),
        ),
        slots("NaBH(OAc)3+DCM|NaBH(OAc)3+DCE|NaBH3CN+MeOH|NaBH3CN+EtOH", "AcOH|none"),
        880,
    ),
    ReactionClass(
        "boc_protection",
        f"[{AMINE}:1].[C:2](=[O:3])([O:4][C:5]([C:6])([C:7])[C:8])OC(=O)OC(C)(C)C"
        ">>[N:1][C:2](=[O:3])[O:4][C:5]([C:6])([C:7])[C:8]",
        (
            block("nucleophilic_nh amine", "michael thiocarbonyl azole_nh phenol", 20),
            partners("CC(C)(C)OC(=O)OC(=O)OC(C)(C)C"),
        ),
        slots("TEA|NaOH|DIPEA|NaHCO3", "THF|dioxane+water|MeOH"),
    ),
    ReactionClass(
        "boc_deprotection",
        "[NX3:1]C(=O)OC(C)(C)C>>[N:1]",
        (
            block(
                "nucleophilic_nh amine",
                "boc michael thiocarbonyl azole_nh acid",
                20,
                f"[{AMINE}:1]>>[N:1]C(=O)OC(C)(C)C",
            ),
        ),
        slots("TFA+DCM|HCl+dioxane|HCl+MeOH|HCl+EtOAc"),
    ),
    ReactionClass(
        "snar_amination",
        f"[{SNAR_CARBON}:1][F,Cl].[{ALKYL_AMINE}:2]>>[c:1][N:2]",
        (
            block(
                "snar_halide", "nucleophilic_nh acid phenol michael ester aryl_bromide aryl_iodide"
            ),
            block("nucleophilic_nh alkyl_amine", "acid michael ester", 14),
        ),
        slots("K2CO3|DIPEA|TEA|Cs2CO3", "DMF|DMSO|MeCN|NMP"),
        780,
    ),
    ReactionClass(
        "n_alkylation",
        f"[{SN2_CARBON}:1][Cl,Br,I].[{ALKYL_AMINE};H1:2]>>[C:1][N:2]",
        (
            block("alkyl_halide sn2_halide", "nucleophilic_nh acid michael pyridine", 16),
            block(
                "nucleophilic_nh secondary_alkyl_amine", "acid michael phenol tertiary_amine", 15
            ),
        ),
        slots("K2CO3|DIPEA|TEA|Cs2CO3", "none|NaI", "MeCN|DMF|acetone"),
        780,
    ),
    ReactionClass(
        "williamson_ether_synthesis",
        f"[{SN2_CARBON}:1][Cl,Br,I].[OX2H:2][c:3]>>[C:1][O:2][c:3]",
        (
            block("alkyl_halide sn2_halide", "any_nh hydroxyl pyridine michael", 16),
            block("phenol", "acid nucleophilic_nh azole_nh tertiary_amine michael dicarbonyl", 16),
        ),
        slots("K2CO3+DMF|Cs2CO3+DMF|K2CO3+acetone|Cs2CO3+MeCN|NaH+DMF", "none|NaI"),
        780,
    ),
    ReactionClass(
        "mitsunobu_reaction",
        "[CX4;H2:1][OX2H].[OX2H:2][c:3]>>[C:1][O:2][c:3]",
        (
            block("primary_alcohol hydroxyl", "any_nh nitro michael pyridine sulfur ketone", 14),
            block("phenol hydroxyl", "any_nh michael dicarbonyl pyridine", 15),
        ),
        slots("DIAD+PPh3|DEAD+PPh3", "THF|toluene|DCM"),
        660,
    ),
    ReactionClass(
        "s_alkylation",
        f"[{SN2_CARBON}:1][Cl,Br,I].[SX2H:2][CX4,c:3]>>[C:1][S:2][*:3]",
        (
            block("alkyl_halide sn2_halide", "nucleophilic_nh acid michael pyridine"),
            block("thiol thiol_or_thiophenol", "nucleophilic_nh acid michael thiocarbonyl phenol"),
        ),
        slots("K2CO3+DMF|K2CO3+acetone|Cs2CO3+DMF|NaH+DMF|TEA+DCM|DIPEA+MeCN"),
    ),
    ReactionClass(
        "grignard_addition",
        f"[c:1][Mg].[{CARBONYL_CARBON}:2]=[O:3]>>[c:1][C:2][OH:3]",
        (
            block(
                "aryl_bromide", f"{_INERT} aryl_iodide pyridine", 13, "[c:1][Br:2]>>[c:1][Mg][Br:2]"
            ),
            block(
                "carbonyl simple_carbonyl",
                f"{without(_INERT, 'carbonyl')} aryl_iodide hindered_ketone",
                16,
                allowed="aldehyde",
            ),
        ),
        slots("THF|ether", "none|NH4Cl+water"),
        780,
    ),
    ReactionClass(
        "aldol_condensation",
        "[CH3:1][C:2](=[O:3])[c:4].[CX3H1:5](=O)[c:6]>>[c:6]/[C:5]=[C:1]/[C:2](=[O:3])[c:4]",
        (
            block("aryl_methyl_ketone ketone", "acid any_nh ester michael sulfur phenol alcohol"),
            _ARYL_ALDEHYDE,
        ),
        slots("NaOH|KOH", "EtOH|MeOH|EtOH+water"),
    ),
    ReactionClass(
        "knoevenagel_condensation",
        "[CX3H1:5](=O)[c:6].[CH2:1]([C:2]#[N:3])[C:4]>>[c:6]/[C:5]=[C:1](/[C:4])[C:2]#[N:3]",
        (
            _ARYL_ALDEHYDE,
            partners("CCOC(=O)CC#N", "COC(=O)CC#N", "NC(=O)CC#N", "CC(C)(C)OC(=O)CC#N"),
        ),
        slots("piperidine|TEA|DBU", "EtOH|toluene|MeCN"),
        500,
    ),
    ReactionClass(
        "wittig_olefination",
        "[CX4,c:5][CX3H1:1]=O.[P]=[CH:3][$(C=O):4]>>[*:5]/[C:1]=[C:3]/[*:4]",
        (
            block("aldehyde simple_aldehyde", "acid nucleophilic_nh michael sulfur"),
            partners(*(f"{acyl}C={_PPH3}" for acyl in ("CCOC(=O)", "COC(=O)", "CC(=O)"))),
        ),
        slots("toluene|THF|DCM|MeCN"),
        660,
    ),
    ReactionClass(
        "diels_alder_cycloaddition",
        "[C:1]=[C:2]-[C:3]=[C:4].[C:5]=[C:6]>>[C:1]1-[C:2]=[C:3]-[C:4]-[C:6]-[C:5]1",
        (
            partners("C=CC=C", "C=C(C)C(=C)C", "C1=CC=CC1", "C1=CC=CCC1", "C=C1CCCCC1=C"),
            block("alkene dienophile quinone", "nucleophilic_nh acid", 22),
        ),
        slots("toluene|DCM|MeCN|CHCl3|ether+LiClO4"),
        500,
    ),
    ReactionClass(
        "azide_alkyne_cycloaddition",
        "[CX4,c:1][N:2]=[N+:3]=[N-:4].[CH:5]#[C:6]>>[*:1][n:2]1[n+0:3][n+0:4][c:6][c:5]1",
        (block("any_azide azide", "alkyne", 20), block("terminal_alkyne alkyne")),
        slots("CuSO4+sodium ascorbate|CuI+DIPEA", "tBuOH+water|THF+water|DMF"),
    ),
    ReactionClass(
        "alcohol_oxidation",
        "[CX4;H1,H2:1][OX2H:2]>>[C:1]=[O:2]",
        (
            block(
                "primary_or_secondary_alcohol hydroxyl",
                "nucleophilic_nh sulfur michael ketone tertiary_amine",
                20,
            ),
        ),
        slots("Dess-Martin+DCM|PCC+DCM|oxalyl chloride+DMSO+TEA+DCM|TEMPO+bleach+DCM"),
    ),
    ReactionClass(
        "aldehyde_oxidation",
        "[CX4,c:3][CX3H1:1]=[O:2].[ClX2][O-:4]>>[*:3][C:1](=[O:2])[OH+0:4]",
        (
            block("aldehyde simple_aldehyde", "nucleophilic_nh sulfur phenol alkene alkyne acid"),
            partners("[Na+].[O-]Cl=O"),
        ),
        slots("NaH2PO4|NaH2PO4+2-methyl-2-butene", "tBuOH+water|MeCN+water|THF+water"),
    ),
    ReactionClass(
        "carbonyl_reduction",
        f"[{CARBONYL_CARBON}:1]=[O:2]>>[C:1][OH:2]",
        (_CARBONYL,),
        slots("NaBH4", "MeOH|EtOH|THF+MeOH"),
    ),
    ReactionClass(
        "ester_reduction",
        "[CX4,c:4][C:1](=[O:2])O[CX4]>>[*:4][C:1][OH:2]",
        (
            block(
                "ester alkyl_ester",
                "ketone acid amide carbamate nitro nitrile lactone aryl_bromide aryl_iodide alkyne"
                " sulfonyl imine michael thiocarbonyl urea",
                22,
            ),
        ),
        slots("LiAlH4|DIBAL", "THF|ether"),
        660,
    ),
    ReactionClass(
        "nitrile_reduction",
        "[CX4,c:1][C:2]#[N:3]>>[*:1][C:2][N:3]",
        (
            block(
                "nitrile simple_nitrile",
                "carbonyl nitro alkene alkyne aryl_bromide aryl_iodide imine sulfonyl cyanohydrin",
                20,
            ),
        ),
        slots("LiAlH4+THF|LiAlH4+ether|BH3-THF+THF"),
        560,
    ),
    ReactionClass(
        "nitro_reduction",
        "[c:1][N+:2](=O)[O-]>>[c:1][NH2+0:2]",
        (block("aryl_nitro nitro", "alkene alkyne aryl_bromide aryl_iodide imine sulfur", 20),),
        slots("Fe+NH4Cl|Zn+NH4Cl|SnCl2+HCl|Pd/C+H2", "EtOH|MeOH|EtOH+water"),
        780,
    ),
    ReactionClass(
        "alkene_hydrogenation",
        "[CX3:1]=[CX3:2]>>[C:1][C:2]",
        (
            block(
                "alkene",
                f"{without(_NO_HYDROGENATION, 'alkene')} vinyl_halide benzylic_hetero nitrile",
                20,
            ),
        ),
        slots("Pd/C|PtO2", "H2", "MeOH|EtOH|EtOAc"),
    ),
    ReactionClass(
        "aromatic_bromination",
        f"[{PARA_CARBON}:1].[NX3:2][Br:3]>>[c:1][Br:3]",
        (block("para_carbon ring_donor", _RING), partners("O=C1CCC(=O)N1Br")),
        slots("MeCN|DMF|DCM|CHCl3", "none|AcOH"),
    ),
    ReactionClass(
        "aromatic_chlorination",
        f"[{PARA_CARBON}:1].[NX3:2][Cl:3]>>[c:1][Cl:3]",
        (block("para_carbon ring_donor", _RING), partners("O=C1CCC(=O)N1Cl")),
        slots("MeCN|DMF|DCM|AcOH", "none|HCl"),
        500,
    ),
    ReactionClass(
        "aromatic_nitration",
        f"[{PARA_CARBON}:1].[OX2H][N+:2](=[O:3])[O-:4]>>[c:1][N+:2](=[O:3])[O-:4]",
        (block("para_carbon ring_donor", f"{_RING} tertiary_amine"), partners("O=[N+]([O-])O")),
        slots("H2SO4|AcOH|H2SO4+AcOH", "none|DCM"),
        660,
    ),
    ReactionClass(
        "friedel_crafts_acylation",
        f"[{PARA_CARBON}:1].[CX4,c:4][C:2](=[O:3])Cl>>[c:1][C:2](=[O:3])[*:4]",
        (
            block("para_carbon ring_donor", f"{_RING} carbonyl nitro nitrile tertiary_amine", 15),
            block("acyl_halide acyl_chloride", f"{_RING} aryl_ether ester tertiary_amine", 14),
        ),
        slots("AlCl3|SnCl4", "DCM|DCE"),
    ),
    ReactionClass(
        "sulfonamide_formation",
        f"[#6:1][S:2](=[O:3])(=[O:4])Cl.[{AMINE}:5]>>[#6:1][S:2](=[O:3])(=[O:4])[N:5]",
        (block("sulfonyl_halide sulfonyl_chloride", "nucleophilic_nh hydroxyl"), _AMINE),
        slots("TEA|pyridine|DIPEA", "DCM|THF|MeCN"),
        780,
    ),
    ReactionClass(
        "urea_formation",
        f"[CX4,c:1][N:2]=[C:3]=[O:4].[{AMINE}:5]>>[*:1][N:2][C:3](=[O:4])[N:5]",
        (block("cumulene isocyanate", "nucleophilic_nh hydroxyl"), _AMINE),
        slots("none|TEA|DIPEA", "DCM|THF|MeCN|toluene"),
    ),
    ReactionClass(
        "thiourea_formation",
        f"[CX4,c:1][N:2]=[C:3]=[S:4].[{AMINE}:5]>>[*:1][N:2][C:3](=[S:4])[N:5]",
        (block("cumulene isothiocyanate", "nucleophilic_nh hydroxyl"), _AMINE),
        slots("none|TEA", "DCM|THF|MeCN|EtOH|acetone"),
        660,
    ),
    ReactionClass(
        "sulfonate_formation",
        "[#6:1][S:2](=[O:3])(=[O:4])Cl.[OX2H:5][CX4,c:6]>>[#6:1][S:2](=[O:3])(=[O:4])[O:5][*:6]",
        (
            partners("CS(=O)(=O)Cl", "Cc1ccc(S(=O)(=O)Cl)cc1"),
            block("hydroxyl", "acid any_nh hindered_alcohol tertiary_alcohol michael dicarbonyl"),
        ),
        slots("TEA|pyridine|DIPEA", "none|DMAP", "DCM"),
        660,
    ),
    ReactionClass(
        "epoxide_opening",
        f"[CH2:1]1[O:2][CH:3]1.[{AMINE}:4]>>[N:4][C:1][C:3][OH:2]",
        (
            block("epoxide terminal_epoxide", "nucleophilic_nh acid phenol", 16),
            block("nucleophilic_nh amine", "acid michael phenol ester", 15),
        ),
        slots("EtOH|MeOH|iPrOH|MeCN", "none|LiClO4|TEA"),
    ),
    ReactionClass(
        "michael_addition",
        f"[CH2:1]=[CH:2][*:3].[{ALKYL_AMINE}:4]>>[N:4][C:1][C:2][*:3]",
        (
            block("alkene terminal_michael michael", "nucleophilic_nh acid", 14),
            block("nucleophilic_nh alkyl_amine", "acid phenol ester", 15),
        ),
        slots("MeOH|EtOH|MeCN|THF", "none|TEA|DBU"),
    ),
    ReactionClass(
        "sulfide_oxidation_to_sulfoxide",
        "[CX4,c:2][SX2:1][CX4,c:3].[OX2H:4][OX2]C=O>>[*:2][S:1](=[O:4])[*:3]",
        (
            block("sulfide sulfur", "nucleophilic_nh alkene pyridine tertiary_amine imine", 20),
            partners("O=C(OO)c1cccc(Cl)c1"),
        ),
        slots("DCM|CHCl3", "none|NaHCO3"),
        560,
    ),
    ReactionClass(
        "sulfide_oxidation_to_sulfone",
        "[CX4,c:2][SX2:1][CX4,c:3].[OH:4][OH:5]>>[*:2][S:1](=[O:4])(=[O:5])[*:3]",
        (
            block("sulfide sulfur", "nucleophilic_nh pyridine tertiary_amine imine", 20),
            partners("OO"),
        ),
        slots("Na2WO4", "MeOH|EtOAc|AcOH|water"),
        560,
    ),
    ReactionClass(
        "alcohol_bromination",
        "[CX4;H2:1][OX2H].BrC(Br)(Br)[Br:2]>>[C:1][Br:2]",
        (
            block("primary_alcohol hydroxyl", "any_nh michael sulfur pyridine", 20),
            partners("BrC(Br)(Br)Br"),
        ),
        slots("PPh3", "DCM|THF|MeCN"),
    ),
    ReactionClass(
        "azide_substitution",
        f"[{SN2_CARBON}:1][Cl,Br,I].[N-:2]=[N+:3]=[N-:4]>>[C:1][N+0:2]=[N+:3]=[N-:4]",
        (
            block("alkyl_halide sn2_halide", "nucleophilic_nh acid michael alkyne", 20),
            partners("[N-]=[N+]=[N-].[Na+]"),
        ),
        slots("DMF|DMSO|MeCN|acetone+water", "none|NaI"),
    ),
    ReactionClass(
        "oxime_formation",
        f"[{CARBONYL_CARBON}:1]=O.[NH2:2][OH:3]>>[C:1]=[N:2][OH:3]",
        (_CARBONYL, partners("NO.Cl")),
        slots("NaOAc|pyridine|K2CO3", "EtOH|MeOH|EtOH+water"),
    ),
    ReactionClass(
        "aryl_ether_demethylation",
        "[c:1][O:2][CH3]>>[c:1][OH:2]",
        (
            block(
                "aryl_methyl_ether ether",
                "alcohol ester carbamate amide nucleophilic_nh alkene alkyne boc tertiary_amine",
                22,
            ),
        ),
        slots("BBr3", "DCM"),
    ),
)
