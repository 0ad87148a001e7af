"""The wording of generated procedures: many ways to say each step, one meaning for each.

Templates are for `str.format`. What an entry means in actions is fixed by the table it stands in;
the code that fills it in is in `procedure_setup`, `procedure_workup` and `procedure_remarks`.
"""

# ruff: noqa: E501 (tables of wording: one entry is easier to read unbroken)
from __future__ import annotations

from typing import Final

# --- subjects -------------------------------------------------------------------------------
MIXTURE: Final = (
    "the reaction mixture", "the mixture", "the resulting mixture", "the reaction", "the solution",
    "the resulting solution", "the reaction mixture", "the reaction solution", "the suspension",
    "the resulting suspension", "the reaction mass", "the contents of the flask",
)  # fmt: skip
ORGANIC: Final = (  # collects the organic layer
    "the combined organic layers", "the organic layer", "the organic phase", "the combined extracts",
    "the combined organic extracts", "the combined organic phases", "the organic extracts",
    "the organic layers", "the combined organic layer", "the organic extract", "the combined organics",
    "the separated organic layer", "the organic fractions",
)  # fmt: skip
AQUEOUS: Final = (  # collects the aqueous layer
    "the aqueous layer", "the aqueous phase", "the separated aqueous layer",
    "the resulting aqueous layer", "the remaining aqueous phase", "the aqueous solution",
)  # fmt: skip
RESIDUE: Final = (
    "the residue", "the crude product", "the crude material", "the resulting residue",
    "the crude residue", "the crude", "the remaining residue", "the residual oil", "the crude oil",
)  # fmt: skip
SOLID: Final = (
    "the solid", "the precipitate", "the resulting solid", "the resulting precipitate",
    "the precipitated solid", "the crystals", "the formed precipitate", "the precipitated product",
)  # fmt: skip
FILTRATE: Final = ("the filtrate", "the combined filtrates", "the resulting filtrate")
PLURAL: Final = ("layers", "extracts", "phases", "organics", "contents", "crystals", "filtrates",
                 "fractions")  # fmt: skip

# --- stirring, heating, standing (participles; {time} is "for 2 h" or "overnight") -----------
STIR_TIMED: Final = (
    "stirred at {T} {time}", "stirred {time} at {T}", "allowed to stir at {T} {time}",
    "stirred at {T} {time}", "kept at {T} {time}", "maintained at {T} {time}", "held at {T} {time}",
    "left to stir {time} at {T}", "vigorously stirred at {T} {time}", "stirred {time} at {T}",
    "left stirring at {T} {time}", "allowed to react at {T} {time}", "further stirred at {T} {time}",
)  # fmt: skip
STIR_HOT: Final = (
    "heated at {T} {time}", "heated to {T} {time}", "stirred at {T} {time}", "stirred {time} at {T}",
    "heated {time} at {T}", "heated with stirring at {T} {time}", "warmed at {T} {time}",
    "stirred and heated at {T} {time}", "heated to {T} and maintained at that temperature {time}",
    "held at {T} {time}", "maintained at {T} {time}", "heated in an oil bath at {T} {time}",
    "heated in a sealed tube at {T} {time}", "kept at {T} {time}",
)  # fmt: skip
STIR_RISING: Final = (  # STIR at the final temperature, as the published data has it
    "allowed to warm to {T} and stirred {time}", "allowed to warm to {T} {time}",
    "warmed to {T} and stirred {time}", "slowly warmed to {T} and stirred {time}",
    "allowed to reach {T} and stirred {time}", "gradually warmed to {T} and stirred {time}",
    "allowed to come to {T} and stirred {time}", "left to warm to {T} {time}",
)  # fmt: skip
STIR_UNTIMED_T: Final = ("stirred {time}", "allowed to stir {time}", "left to stir {time}",
                         "stirred {time}", "vigorously stirred {time}")  # fmt: skip
STIR_SAME: Final = ("stirred at the same temperature {time}", "stirred {time} at the same temperature",
                    "kept at the same temperature {time}",
                    "maintained at the same temperature {time}")  # fmt: skip
HYDROGENATION: Final = (  # STIR under hydrogen
    "stirred under hydrogen at {T} {time}", "stirred at {T} {time} under hydrogen",
    "stirred under a hydrogen atmosphere at {T} {time}", "stirred {time} at {T} under hydrogen",
    "stirred under an atmosphere of hydrogen at {T} {time}", "stirred at {T} under hydrogen {time}",
    "hydrogenated under hydrogen (balloon) at {T} {time}", "shaken under hydrogen at {T} {time}",
    "stirred under hydrogen (1 atm) at {T} {time}", "hydrogenated at {T} {time} under hydrogen",
)  # fmt: skip
REFLUX_TIMED: Final = (
    "heated at reflux {time}", "refluxed {time}", "heated under reflux {time}", "boiled {time}",
    "heated to reflux {time}", "stirred at reflux {time}", "stirred under reflux {time}",
    "heated to reflux and kept there {time}", "brought to reflux {time}", "gently refluxed {time}",
)  # fmt: skip
DEAN_STARK: Final = (
    "heated under reflux with a Dean-Stark trap {time}", "refluxed {time} in a Dean-Stark apparatus",
    "heated at reflux {time} with azeotropic removal of water (Dean-Stark)",
    "refluxed under Dean-Stark conditions {time}", "refluxed {time} using a Dean-Stark trap",
    "heated at reflux {time} in a flask fitted with a Dean-Stark apparatus",
)  # fmt: skip
MICROWAVE: Final = (
    "heated in a microwave reactor at {T} {time}", "irradiated in a microwave at {T} {time}",
    "subjected to microwave irradiation at {T} {time}", "heated under microwave irradiation at {T} {time}",
    "microwaved at {T} {time}", "heated at {T} {time} in a microwave synthesizer",
    "heated {time} at {T} under microwave irradiation", "irradiated {time} at {T} in a microwave oven",
    "heated at {T} {time} in the microwave",
)  # fmt: skip
WAIT: Final = (
    "left to stand {time}", "allowed to stand {time}", "left standing {time}", "kept standing {time}",
    "left {time}", "set aside {time}",
)  # fmt: skip
WAIT_AT: Final = (
    "left to stand at {T} {time}", "allowed to stand {time} at {T}", "left standing at {T} {time}",
    "kept standing at {T} {time}", "stored at {T} {time}", "allowed to stand at {T} {time}",
)  # fmt: skip
SONICATE: Final = (
    "sonicated {time}", "sonicated {time}", "placed in an ultrasonic bath {time}",
    "subjected to sonication {time}", "treated with ultrasound {time}", "ultrasonicated {time}",
)  # fmt: skip
SONICATE_AT: Final = (
    "sonicated at {T} {time}", "sonicated {time} at {T}", "irradiated with ultrasound at {T} {time}",
    "subjected to sonication at {T} {time}",
)  # fmt: skip
DEGAS: Final = (
    "degassed with {gas} {time}", "purged with {gas} {time}", "sparged with {gas} {time}",
    "degassed by bubbling {gas} {time}", "deoxygenated with {gas} {time}", "flushed with {gas} {time}",
    "degassed {time} with {gas}",
)  # fmt: skip
DEGAS_UNTIMED: Final = (
    "degassed with {gas}", "purged with {gas}", "evacuated and backfilled with {gas}",
    "flushed with {gas}", "degassed by bubbling {gas}", "thoroughly degassed with {gas}",
)  # fmt: skip
DEGAS_BARE: Final = (
    "degassed",
    "degassed by three freeze-pump-thaw cycles",
    "degassed under vacuum",
)

# --- temperature ----------------------------------------------------------------------------
COOL: Final = (
    "cooled to {T}", "allowed to cool to {T}", "cooled down to {T}", "cooled to {T}",
    "allowed to cool down to {T}", "left to cool to {T}", "brought to {T}", "chilled to {T}",
)  # fmt: skip
COOL_IN_ICE: Final = (
    "cooled in an ice bath",
    "cooled in an ice-water bath",
    "cooled with an ice bath",
)
WARM: Final = ("warmed to {T}", "allowed to warm to {T}", "brought to {T}", "allowed to reach {T}",
               "slowly warmed to {T}", "allowed to return to {T}")  # fmt: skip
HEAT: Final = ("heated to {T}", "warmed to {T}", "brought to {T}", "slowly heated to {T}")
AFTER_COOLING: Final = (
    "after cooling to {T}", "upon cooling to {T}", "after being cooled to {T}", "on cooling to {T}",
    "after it had cooled to {T}", "after the mixture had cooled to {T}", "when cooled to {T}",
)  # fmt: skip

# --- work-up (participles) ------------------------------------------------------------------
DILUTE: Final = ("diluted with {x}", "diluted with {x}", "taken up in {x}", "dissolved in {x}",
                 "treated with {x}", "diluted by addition of {x}")  # fmt: skip
POUR: Final = ("poured into {x}", "poured onto {x}", "poured into {x}", "slowly poured into {x}",
               "added to {x}", "carefully poured into {x}", "poured over {x}")  # fmt: skip
QUENCH: Final = (
    "quenched with {x}", "quenched by addition of {x}", "quenched by the addition of {x}",
    "quenched by adding {x}", "carefully quenched with {x}", "slowly quenched with {x}",
    "hydrolyzed with {x}", "quenched with {x}",
)  # fmt: skip
QUENCH_DROPWISE: Final = ("quenched dropwise with {x}", "quenched by dropwise addition of {x}",
                          "quenched by the dropwise addition of {x}")  # fmt: skip
QUENCH_AT: Final = ("quenched at {T} with {x}", "quenched with {x} at {T}",
                    "quenched at {T} by addition of {x}")  # fmt: skip
EXTRACT: Final = ("extracted with {x}", "extracted with {x}", "extracted into {x}",
                  "exhaustively extracted with {x}", "repeatedly extracted with {x}")  # fmt: skip
WASH: Final = ("washed with {x}", "washed successively with {x}", "washed with {x}",
               "washed sequentially with {x}", "rinsed with {x}")  # fmt: skip
DRY: Final = ("dried over {x}", "dried over {x}", "dried with {x}", "dried ({x})", "dried on {x}",
              "dried over {x}")  # fmt: skip
CONCENTRATE: Final = (
    "concentrated", "concentrated in vacuo", "concentrated under reduced pressure", "evaporated",
    "evaporated to dryness", "concentrated under vacuum", "concentrated to dryness",
    "evaporated under reduced pressure", "evaporated in vacuo", "concentrated by rotary evaporation",
    "concentrated on a rotary evaporator", "stripped to dryness",
)  # fmt: skip
CONCENTRATE_CLAUSE: Final = (
    "the solvent {was} removed under reduced pressure", "the solvent {was} evaporated",
    "the solvent {was} removed in vacuo", "the volatiles {were} removed under reduced pressure",
    "the solvents {were} evaporated under reduced pressure", "the solvent {was} distilled off",
    "all volatiles {were} removed in vacuo", "the solvent {was} removed by rotary evaporation",
)  # fmt: skip
SEPARATE_CLAUSE: Final = (
    "the layers {were} separated", "the phases {were} separated", "the two layers {were} separated",
    "the organic and aqueous layers {were} separated", "the two phases {were} separated",
    "phase separation {was} carried out", "the layers {were} allowed to separate",
)  # fmt: skip
PARTITION: Final = (
    "partitioned between {x} and {y}", "partitioned between {x} and {y}",
    "distributed between {x} and {y}", "partitioned with {x} and {y}",
)  # fmt: skip
FILTER_FILTRATE: Final = (
    "filtered through Celite", "filtered through a pad of Celite", "filtered over Celite",
    "filtered through a plug of silica gel", "filtered through a Celite pad",
    "filtered through diatomaceous earth", "filtered through a short pad of silica gel",
    "filtered to remove the catalyst", "filtered through a glass fiber filter", "filtered to remove insoluble material",
)  # fmt: skip
FILTER_FILTRATE_CLAUSE: Final = (
    "the catalyst {was} filtered off", "the insolubles {were} removed by filtration",
    "the inorganic salts {were} filtered off", "the catalyst {was} removed by filtration",
    "insoluble material {was} filtered off", "the solids {were} filtered off and discarded",
)  # fmt: skip
FILTER_SOLID: Final = (  # participles that keep the solid
    "collected by filtration", "filtered off", "collected by vacuum filtration", "isolated by filtration",
    "collected by suction filtration", "filtered off with suction", "filtered and collected",
    "collected on a filter",
)  # fmt: skip
DRY_SOLID: Final = (
    "dried under vacuum", "dried under vacuum {time}", "dried at {T} under vacuum",
    "dried under vacuum at {T} {time}", "dried under high vacuum", "dried at {T} {time}",
    "dried in air", "dried in an oven at {T}", "dried {time} at {T} under vacuum",
)  # fmt: skip
TRITURATE: Final = ("triturated with {x}", "triturated with {x}", "triturated in {x}",
                    "triturated from {x}", "washed by trituration with {x}")  # fmt: skip
RECRYSTALLIZE: Final = ("recrystallized from {x}", "recrystallized from {x}", "crystallized from {x}",
                        "purified by recrystallization from {x}", "recrystallised from {x}")  # fmt: skip
PURIFY: Final = (
    "purified by column chromatography on silica gel", "purified by flash chromatography",
    "purified by silica gel column chromatography ({e})", "purified by preparative HPLC",
    "purified by flash column chromatography ({e})", "purified by reverse phase HPLC",
    "chromatographed on silica gel ({e})", "purified by chromatography on silica gel eluting with {e}",
    "subjected to flash chromatography on silica gel ({e})", "purified by preparative TLC ({e})",
    "purified by column chromatography using {e} as eluent", "purified by MPLC on silica gel ({e})",
    "purified by flash chromatography on silica gel, eluting with {e}", "purified by prep-HPLC",
    "purified via silica gel chromatography (gradient of {e})", "purified by vacuum distillation",
)  # fmt: skip
ELUENTS: Final = (
    "hexanes/EtOAc 4:1", "hexane/ethyl acetate, 3:1", "0-50% EtOAc in hexanes", "5% MeOH in DCM",
    "DCM/MeOH 95:5", "petroleum ether/EtOAc = 5/1", "20% ethyl acetate in hexane", "CHCl3/MeOH 20:1",
    "EtOAc", "10-60% EtOAc/heptane", "dichloromethane", "toluene/EtOAc, 9:1", "0-10% MeOH/DCM",
    "ethyl acetate:hexane = 1:2", "30% ethyl acetate/petroleum ether", "DCM/MeOH/NH4OH 90:9:1",
)  # fmt: skip

# --- pH: (template, the pH that the actions write) -------------------------------------------
PH_NUMBER: Final = (
    "adjusted to pH {n} with {x}", "acidified to pH {n} with {x}", "brought to pH {n} with {x}",
    "adjusted to pH {n} by addition of {x}", "treated with {x} to pH {n}",
    "acidified with {x} to pH {n}",
)  # fmt: skip
PH_NUMBER_BASE: Final = (
    "adjusted to pH {n} with {x}", "basified to pH {n} with {x}", "brought to pH {n} with {x}",
    "made alkaline to pH {n} with {x}", "adjusted to pH {n} by addition of {x}",
    "basified with {x} to pH {n}",
)  # fmt: skip
PH_NUMBER_CLAUSE: Final = (
    "the pH {was} adjusted to {n} with {x}", "the pH {was} brought to {n} by addition of {x}",
    "the pH of the solution {was} adjusted to {n} with {x}", "{x} {was} added until pH {n}",
    "{x} {was} added until the pH {was} {n}", "the pH {was} adjusted to pH {n} using {x}",
)  # fmt: skip
PH_WORD: Final = {
    "acidic": ("acidified with {x}", "made acidic with {x}", "acidified by addition of {x}",
               "rendered acidic with {x}"),
    "basic": ("basified with {x}", "made basic with {x}", "made alkaline with {x}",
              "basified by addition of {x}", "rendered basic with {x}"),
    "neutral": ("neutralized with {x}", "neutralized by addition of {x}", "neutralised with {x}",
                "made neutral with {x}", "carefully neutralized with {x}"),
}  # fmt: skip

# --- what is obtained -----------------------------------------------------------------------
OBTAIN: Final = (
    "to give {p}", "to afford {p}", "to provide {p}", "to yield {p}", "giving {p}", "affording {p}",
    "to obtain {p}", "to furnish {p}", "yielding {p}", "which gave {p}", "to deliver {p}",
    "to produce {p}", "providing {p}",
)  # fmt: skip
OBTAIN_SENTENCE: Final = (
    "{p} {was} obtained", "this gave {p}", "this afforded {p}", "the procedure gave {p}",
    "{p} {was} isolated", "this provided {p}", "there {was} obtained {p}", "we obtained {p}",
)  # fmt: skip
COLOURS: Final = (
    "white", "off-white", "pale yellow", "yellow", "white", "colorless", "light brown", "brown", "beige",
    "orange", "pale orange", "light yellow", "red", "tan", "cream-colored", "pink", "gray",
)  # fmt: skip
SOLID_FORMS: Final = ("solid", "solid", "solid", "powder", "crystalline solid", "amorphous solid",
                      "foam", "gum")  # fmt: skip
OIL_COLOURS: Final = ("colorless", "pale yellow", "yellow", "light brown", "brown", "orange", "clear",
                      "light yellow", "dark red")  # fmt: skip
OILS: Final = ("oil", "oil", "viscous oil", "syrup", "liquid")
TITLES: Final = ("title compound", "title product", "desired product", "desired compound",
                 "target compound", "product", "pure product")  # fmt: skip
