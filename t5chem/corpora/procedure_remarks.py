"""Sentences without operations: data, remarks, other procedures, other languages, the unmappable.

In a paragraph that has operations, a sentence of data or a remark adds nothing to the actions;
alone it is NOACTION.
"""

# ruff: noqa: E501 (tables of wording: one entry is easier to read unbroken)
from __future__ import annotations

import re

from t5chem.actions import FollowOtherProcedure, InvalidAction, NoAction, OtherLanguage
from t5chem.corpora.procedure_compounds import Compound
from t5chem.corpora.procedure_style import Sentence, Style, finish

_SPLITTINGS = ("s", "d", "t", "m", "q", "dd", "br s", "dt", "td", "ddd")
_SOLVENTS = ("CDCl3", "DMSO-d6", "CD3OD", "acetone-d6", "CD3CN", "D2O")

_REMARKS = (
    "the product was used in the next step without further purification",
    "the material was used directly in the next step without purification",
    "TLC (hexane/ethyl acetate {a}:1) indicated that the starting material had been consumed",
    "the progress of the reaction was monitored by TLC (Rf = 0.{b})",
    "LC-MS analysis showed {c}% conversion to the desired product",
    "a {colour} precipitate formed after about {a} min",
    "the solution turned {colour} during this period",
    "gas evolution was observed for about {a} min",
    "the reaction was monitored by HPLC until {c}% conversion",
    "{name} is commercially available and was used as received",
    "the spectral data of {name} were in agreement with those reported",
    "the yield of {name} was {c}%",
    "the purity of {name} was {c}.{b}% by HPLC (method {a})",
    "HPLC analysis of {name} indicated a purity of {c}%",
    "{name} is a known compound and its data match the literature",
    "an exotherm of about {a} °C was observed",
    "the enantiomeric excess of {name} was {c}% as determined by chiral HPLC",
    "{name} can be stored at {a} °C for several weeks without decomposition",
    "yield: {c}%",
    "yield {c}%, purity {d}%",
    "the structure of {name} was confirmed by NMR and mass spectrometry",
    "no further purification of {name} was necessary",
    "the product {name} is soluble in methanol and chloroform",
    "the following compounds were obtained in an analogous way and are listed in Table {a}",
    "{name} was analyzed by GC-MS and 1H NMR",
    "caution: {name} may cause skin irritation and should be handled with gloves",
)

_FOLLOW = (
    "{p} was prepared according to the procedure described in Example {n} using {s} as starting material",
    "the title compound was prepared from {s} in a manner similar to Example {n}",
    "following the general procedure {l}, {s} was converted into {p}",
    "prepared from {s} according to the method described for Example {n}",
    "{p} was obtained from {s} following the procedure of Example {n}",
    "prepared by general procedure {l} from {s} ({q})",
    "the title compound was synthesized as described in Example {n}, step {l}, using {s} ({q})",
    "in analogy to Example {n}, {s} was reacted to give {p} ({q})",
    "{p} ({q}) was synthesized by the same procedure as in Preparation {n}, starting from {s}",
    "using the procedure of Example {n} but substituting {s} for the aldehyde, {p} was obtained",
    "this compound was prepared by the method of Intermediate {n} except that {s} was used",
    "according to general procedure {l}, {p} was obtained from {s} ({q}) in {y}% yield",
    "{p} was synthesized from {s} as reported previously (J. Med. Chem., {n}, {m})",
    "the same procedure as for compound {n} was applied to {s} to furnish {p}",
    "the procedure described in Example {n} was repeated with {s} in place of the phenol",
    "{p} was made using General Method {l} with {s} (yield: {y}%)",
)

_INVALID = (
    "the residue was dissolved in a small amount of {v}, frozen in dry ice and lyophilized to give {p}",
    "the pure fractions were combined and lyophilized to afford {p} ({q})",
    "{s} is reacted with an alkylating agent in the presence of a base to give {p}",
    "the solution was irradiated with a {n} W mercury lamp through a quartz filter for {h}",
    "{p} was sublimed at {n} °C and 0.1 mbar",
    "the mixture of {s} and the catalyst was passed through a heated tube at {n} °C",
    "the residue was crystallized from hot {v}, treated briefly with charcoal and filtered while still hot",
    "a current of {m} mA was passed through the solution of {s} until 2.2 F/mol had been consumed",
    "the sample was ground with {s} in a ball mill at {m} rpm for {h}",
    "depending on the scale, {s} is either distilled or used in the crude form to give {p}",
    "ozone was bubbled through the solution of {s} until a blue color persisted",
    "the layers were centrifuged at {m} rpm for {h} and the pellet was resuspended in {v}",
    "{s} may optionally be hydrolyzed, if desired after protection, to obtain {p}",
    "the gas stream was passed over {s} in a fixed-bed reactor at {n} °C to give {p}",
    "a single crystal of {p} was grown by slow diffusion of {v} into its solution",
    "the aqueous solution of {p} was freeze-dried for {h}",
)

_GERMAN = (
    "Zu einer Lösung von {x} g {s} in {v} ml Tetrahydrofuran wurden unter Rühren {y} ml Triethylamin gegeben",
    "Die Mischung wurde {h} Stunden bei {t} °C gerührt, mit Wasser verdünnt und mit Essigsäureethylester extrahiert",
    "{x} g {s} werden in {v} ml Methanol gelöst und {h} Stunden unter Rückfluss erhitzt",
    "Das Lösungsmittel wurde im Vakuum entfernt und man erhielt {x} g {p} als farblosen Feststoff",
    "Nach dem Abkühlen auf Raumtemperatur wurde der Niederschlag abgesaugt, mit {v} ml Wasser gewaschen und getrocknet",
    "Man erhielt {x} g ({y} % der Theorie) {p} nach Umkristallisation aus Ethanol",
    "Die organische Phase wurde über Natriumsulfat getrocknet und eingeengt, wobei {x} g {p} anfielen",
)
_FRENCH = (
    "On dissout {x} g de {s} dans {v} ml de méthanol et on agite pendant {h} heures à {t} °C",
    "Le mélange est refroidi à {t} °C puis versé dans {v} ml d'eau glacée",
    "On obtient {x} g de {p} sous forme de cristaux blancs (rendement : {y} %)",
    "La phase organique est lavée avec {v} ml d'eau, séchée sur sulfate de sodium et concentrée sous vide",
    "A une solution de {x} g de {s} dans {v} ml de dichlorométhane, on ajoute goutte à goutte {y} ml de pyridine",
    "Le résidu est purifié par chromatographie sur gel de silice pour donner {x} g de {p}",
)
_SPANISH = (
    "Se disolvieron {x} g de {s} en {v} ml de tetrahidrofurano y se agitó durante {h} horas a {t} °C",
    "La mezcla se extrajo con {v} ml de acetato de etilo y la fase orgánica se secó sobre sulfato de sodio",
    "El disolvente se evaporó a presión reducida para dar {x} g de {p} ({y} %)",
    "Se añadieron {v} ml de agua y el precipitado de {p} se filtró y se lavó con metanol frío",
    "El residuo se purificó por cromatografía en columna para obtener {p} ({x} g, {y} %)",
)


def nmr(style: Style, compound: Compound) -> str:
    """Writes proton NMR data: invented shifts in descending order."""
    rng = style.rng
    field = style.pick((300, 400, 400, 500, 600, 250))
    head = style.pick((
        f"1H NMR ({field} MHz, {style.pick(_SOLVENTS)}) δ", f"1H-NMR ({style.pick(_SOLVENTS)}, {field} MHz): δ",
        f"1H NMR ({style.pick(_SOLVENTS)}): δ", f"1H NMR ({field} MHz; {style.pick(_SOLVENTS)}) δ (ppm):",
        f"NMR (1H, {style.pick(_SOLVENTS)}, {field} MHz) δ",
    ))  # fmt: skip
    shifts = sorted((rng.uniform(0.9, 9.2) for _ in range(rng.randrange(3, 8))), reverse=True)
    return f"{head} {', '.join(_signal(style, shift) for shift in shifts)}"


def _signal(style: Style, shift: float) -> str:
    kind, protons = style.pick(_SPLITTINGS), style.pick((1, 1, 1, 2, 2, 3, 3, 6, 9))
    if kind == "m":
        return f"{shift + 0.06:.2f}-{shift:.2f} (m, {protons}H)"
    coupling = f", J = {style.rng.uniform(1.5, 9.0):.1f} Hz" if kind in "dtq" else ""
    return f"{shift:.2f} ({kind}{coupling}, {protons}H)"


def spectrum(style: Style, compound: Compound) -> str:
    """Writes a mass spectrum, melting point or the like that fits the compound's molar mass."""
    ion, mp = compound.mass + 1.0, style.rng.randrange(45, 260)
    return style.pick((
        f"MS (ESI) m/z {ion:.0f} [M+H]+", f"LC-MS (ESI): m/z = {ion:.1f} [M+H]+", f"MS (EI): {ion - 1:.0f} (M+)",
        f"LCMS: Rt = {style.rng.uniform(0.5, 6):.2f} min, m/z {ion:.0f} (M+H)+", f"m.p. {mp}-{mp + 2} °C",
        f"mp {mp}-{mp + 2} °C", f"mp {mp} °C (dec.)", f"ESI-MS m/z: {ion:.0f} (M+1)",
        f"Anal. Calcd for {compound.formula}: C, {carbon_percent(compound):.2f}",
        f"Rf = 0.{style.rng.randrange(12, 80)} (hexane/EtOAc {style.pick((1, 2, 3, 4))}:1)",
    ))  # fmt: skip


def carbon_percent(compound: Compound) -> float:
    """Returns the share of carbon by mass, in percent."""
    atoms = re.match(r"C(\d*)(?![a-z])", compound.formula)
    return 100 * 12.011 * int((atoms and atoms[1]) or 1) / compound.mass


def remark(style: Style, compound: Compound, other: Compound) -> str:
    """Writes a sentence in which nothing is done."""
    draw = style.rng.random()
    if draw < 0.35:
        text = nmr(style, compound)
        return f"{text}; {spectrum(style, compound)}" if style.chance(0.3) else text
    if draw < 0.55:
        return spectrum(style, compound)
    return style.pick(_REMARKS).format(
        a=style.rng.randrange(2, 20), b=style.rng.randrange(10, 90), c=style.rng.randrange(52, 100),
        d=style.rng.randrange(90, 100), colour=style.pick(("dark brown", "clear", "orange", "deep red",
                                                           "yellow", "green", "white")),
        name=style.pick((compound, compound, other)).name,
    )  # fmt: skip


def no_action(style: Style, compound: Compound, other: Compound) -> Sentence:
    """A row of its own in which nothing is done."""
    return finish(remark(style, compound, other), [NoAction()])


def follow_other(style: Style, product: Compound, substrate: Compound) -> Sentence:
    """A sentence that refers to another procedure."""
    text = style.pick(_FOLLOW).format(
        p=product.name, s=substrate.name, n=style.rng.randrange(1, 220), l=style.pick("ABCDEFG"),
        q=style.mass(10 ** style.rng.uniform(-1.3, 1.2)), y=style.rng.randrange(25, 99),
        m=style.rng.randrange(100, 9000),
    )  # fmt: skip
    return finish(text, [FollowOtherProcedure()])


def invalid(style: Style, product: Compound, substrate: Compound) -> Sentence:
    """A sentence whose operation has no type of its own."""
    text = style.pick(_INVALID).format(
        p=product.name, s=substrate.name, n=style.pick((80, 100, 120, 125, 150, 200, 250, 300, 400)),
        m=style.rng.randrange(5, 90) * 10, v=style.pick(("water", "acetonitrile", "ethanol", "dioxane")),
        h=style.time(style.pick((10, 30, 60, 120, 240, 1440))).value,
        q=style.mass(10 ** style.rng.uniform(-1.5, 1)),
    )  # fmt: skip
    return finish(text, [InvalidAction()])


def other_language(style: Style, product: Compound, substrate: Compound) -> Sentence:
    """A sentence in German, French or Spanish."""
    text = style.pick(style.pick((_GERMAN, _FRENCH, _SPANISH))).format(
        p=product.name, s=substrate.name, x=f"{style.rng.uniform(0.5, 60):.1f}".replace(".", ","),
        v=style.pick((10, 20, 25, 50, 80, 100, 150, 250)), y=style.rng.randrange(4, 96),
        h=style.rng.randrange(1, 25), t=style.pick((0, 5, 20, 25, 40, 60, 80, 110)),
    )  # fmt: skip
    return finish(text, [OtherLanguage()])
