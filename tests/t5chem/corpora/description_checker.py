"""Reads descriptions back: finds every statement by pattern and recomputes it by other means.

No function of the package is used, only its two tables of reference SMILES: groups are found
by walking over atoms instead of SMARTS, formulas by counting atoms, rings by cyclomatic number
and by isomorphism of cut-out skeletons, labels by RDKit's older CIP implementation.
"""

from __future__ import annotations

import functools
import re
from collections import Counter

from rdkit import Chem

from t5chem.corpora.rings import NAMED_RINGS
from t5chem.corpora.substituents import SUBSTITUENTS
from tests.t5chem.corpora.atom_walker import COUNTED, Walker, alpha_amino_acid, is_ester

NUMBERS = ["no", "one", "two", "three", "four", "five", "six"]
NUMBERS += ["seven", "eight", "nine", "ten", "eleven", "twelve"]
_NUMBER = r"(?:a single|an?|\d+|" + "|".join(NUMBERS) + ")"


def number(word: str) -> int:
    if word in ("a", "an", "a single"):
        return 1
    return int(word) if word.isdigit() else NUMBERS.index(word)


def formula_counts(formula: str) -> Counter:
    counts: Counter = Counter()
    for element, many in re.findall(r"([A-Z][a-z]?)(\d*)", formula):
        counts[element] += int(many or 1)
    return counts


# --- rings ----------------------------------------------------------------------------------


def ring_systems(w: Walker) -> list[set[int]]:
    """Grows systems over bonds: two rings are one system when they share two atoms."""
    left, systems = [set(r) for r in w.rings], []
    while left:
        system = left.pop()
        grown = True
        while grown:
            joined = [r for r in left if len(r & system) > 1]
            grown = bool(joined)
            for ring in joined:
                system |= ring
                left.remove(ring)
        systems.append(system)
    return systems


@functools.cache
def _queries() -> dict[str, tuple[Chem.Mol, bool]]:
    return {
        name: (Chem.MolFromSmarts(smiles.replace("[nH]", "n").replace("[nH+]", "n")), "+" in smiles)
        for name, smiles in NAMED_RINGS.items()
    }


def ring_name(w: Walker, system: set[int]) -> str:
    for name, (query, charged) in _queries().items():
        if query.GetNumAtoms() != len(system):
            continue
        matches = w.mol.GetSubstructMatches(query, maxMatches=10_000)
        if not any(set(match) == system for match in matches):
            continue
        inner = sum(o is not None and j in system for i in system for o, j in w.nb[i]) // 2
        outer_double = any(
            w.ar[i] and o == 2 and j not in system for i in system for o, j in w.nb[i]
        )
        if inner == query.GetNumBonds() and charged == any(w.q[i] for i in system):
            return "" if outer_double else name
    return ""


def ring_noun(w: Walker, system: set[int]) -> str:
    bonds = sum(j in system for i in system for _, j in w.nb[i]) // 2
    rings = bonds - len(system) + 1
    name = ring_name(w, system)
    if name:
        return f"{name} ring" if rings == 1 else f"{name} ring system"
    kind = "heterocyclic" if any(w.el[i] != "C" for i in system) else "carbocyclic"
    if rings == 1:
        return f"{len(system)}-membered {kind} ring"
    prefix = {2: "bi", 3: "tri", 4: "tetra", 5: "penta", 6: "hexa"}.get(rings, "poly")
    return f"{prefix}cyclic {kind} ring system"


_SIZE_WORDS = {word: i for i, word in enumerate(NUMBERS)} | {
    "fourteen": 14, "fifteen": 15, "sixteen": 16
}  # fmt: skip
_RING = re.compile(
    rf"\b({_NUMBER}) ([a-z0-9\[\].,-]+ (?:(?:hetero|carbo)cyclic )?ring(?: system)?s?)"
)


def check_rings(w: Walker, text: str) -> list[str]:
    truth = Counter(ring_noun(w, system) for system in ring_systems(w))
    wrong = []
    for found in _RING.finditer(text):
        noun = found[2].removesuffix("s")
        if noun in ("epoxide ring", "benzene rings is"):
            continue
        size = re.match(r"([a-z]+)-membered", noun)
        if size:
            noun = noun.replace(size[1], str(_SIZE_WORDS[size[1]]), 1)
        if number(found[1]) != truth[noun]:
            wrong.append(f"{found[0]}: {dict(truth)}")
    return wrong


def check_ring_numbers(w: Walker, text: str) -> list[str]:
    total = COUNTED["ring"](w)
    aromatic = sum(
        all(
            w.mol.GetBondBetweenAtoms(a, b).GetIsAromatic()
            for a, b in zip(r, r[1:] + r[:1], strict=True)
        )
        for r in map(list, w.mol.GetRingInfo().AtomRings())
    )
    wrong = []
    if re.search(r"\bacyclic|no ring|open-chain\.", text) and total:
        wrong.append("not acyclic")
    share = re.search(
        rf"\b({_NUMBER}) rings?, (?:(both|all|none|{_NUMBER}) of (?:which|them)|which) "
        "(is not|is|are|aro)",
        text,
    )
    if share:
        said = {"both": 2, "all": total, "none": 0, None: int(share[3] != "is not")}
        stated = said[share[2]] if share[2] in said else number(share[2])
        if number(share[1]) != total or stated != aromatic:
            wrong.append(f"{share[0]}: {total}, {aromatic}")
    in_all = re.search(rf"({_NUMBER}) rings? in all", text)
    if in_all and number(in_all[1]) != total:
        wrong.append(in_all[0])
    if "only cyclic unit" in text and total != 1:
        wrong.append("only cyclic unit")
    return wrong


# --- benzene substitution -------------------------------------------------------------------

_BENZENE = re.compile(
    r"(The|Its|One) benzene ring (?:bears|carries|is substituted by|is substituted with|has) "
    r"([^.]+ at positions? [\d, and]+)\."
)
_PLACE = re.compile(
    r"(?:, | and |^)([a-z -]+?) at positions? ((?:\d(?:, | and )?)+)(?= and [a-z]|, [a-z]|$)"
)


def check_benzene(w: Walker, text: str) -> list[str]:
    wrong = []
    for found in _BENZENE.finditer(text):
        stands: dict[int, str] = {}
        for name, places in _PLACE.findall(found[2]):
            stands |= {int(digit): name for digit in re.findall(r"\d", places)}
        query = "".join(
            f"c{'1' if i in (1, 6) else ''}" if i in stands else f"[cH]{'1' if i in (1, 6) else ''}"
            for i in range(1, 7)
        )
        matches = w.mol.GetSubstructMatches(Chem.MolFromSmarts(query), uniquify=False)
        if not any(_fits(w, match, stands) for match in matches):
            wrong.append(found[0])
    degree = re.search(r"benzene rings? is (ortho-|meta-|para-|[\d,]+-)?([a-z]+)substituted", text)
    if degree:
        places = {"ortho-": "1,2", "meta-": "1,3", "para-": "1,4", None: "1"}
        where = places.get(degree[1], (degree[1] or "").strip("-"))
        stated = (
            {int(digit) for digit in where.split(",")} if degree[2] != "hexa" else set(range(1, 7))
        )
        query = "".join(
            ("[c;!H]" if i in stated else "[cH]") + ("1" if i in (1, 6) else "")
            for i in range(1, 7)
        )
        if not w.mol.HasSubstructMatch(Chem.MolFromSmarts(query)):
            wrong.append(degree[0])
    return wrong


def _fits(w: Walker, match: tuple[int, ...], stands: dict[int, str]) -> bool:
    ring = set(match)
    for position, atom in enumerate(match, start=1):
        outside = [j for _, j in w.nb[atom] if j not in ring]
        name = stands.get(position, "")
        if bool(outside) != bool(name):
            return False
        if outside and not name.startswith(("a larger", "larger")):
            branch = Chem.MolFromSmiles("*" + SUBSTITUENTS[name])
            atoms = {outside[0]}
            while True:
                more = {j for i in atoms for _, j in w.nb[i]} - atoms - {atom}
                if not more:
                    break
                atoms |= more
            cut = Chem.RWMol(w.mol)
            for index in sorted(set(w.atoms) - atoms - {atom}, reverse=True):
                cut.RemoveAtom(index)
            kept = sorted(atoms | {atom})
            root = cut.GetAtomWithIdx(kept.index(atom))
            root.SetAtomicNum(0)
            root.SetIsAromatic(False)
            root.SetNoImplicit(True)
            root.SetNumExplicitHs(0)
            if Chem.MolToSmiles(cut, isomericSmiles=False) != Chem.MolToSmiles(branch):
                return False
    return True


# --- stereo, charge, formula, salts, classes ------------------------------------------------


def check_stereo(w: Walker, text: str) -> list[str]:
    mol = Chem.Mol(w.mol)
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    labels: Counter = Counter()
    for atom in mol.GetAtoms():
        if atom.HasProp("_CIPCode"):
            labels[atom.GetProp("_CIPCode")] += 1
    for bond in mol.GetBonds():
        if bond.GetStereo() in (Chem.BondStereo.STEREOE, Chem.BondStereo.STEREOZ):
            labels[str(bond.GetStereo())[-1]] += 1
    wrong = []
    for pair, noun in (("RS", "stereocentre"), ("EZ", "stereogenic double bond")):
        for said in _stereo_statements(text, noun):
            if said != {k: labels[k] for k in pair if labels[k]}:
                wrong.append(f"{noun} {said}: {dict(labels)}")
    relation = re.search(r"the ([RSEZ]) (?:enantiomer|isomer) of", text)
    if relation and dict(labels) != {relation[1]: 1}:
        wrong.append(f"{relation[0]}: {dict(labels)}")
    return wrong


def _stereo_statements(text: str, noun: str) -> list[dict[str, int]]:
    said = []
    for sentence in re.findall(rf"[^.]*{noun}[^.]*\.", text):
        labels = re.findall(r"\b([RSEZ])\b", sentence)
        if "specified" in sentence:
            continue
        total = re.search(rf"\b(both|all|{_NUMBER})\b (?:[a-z]+ )??{noun}", sentence, re.I)
        counted = re.findall(rf"({_NUMBER}) (?:of |is |are )?([RSEZ])\b", sentence)
        if len(labels) == 2:
            said.append({label: number(word) for word, label in counted})
        else:
            word = total[1].lower() if total else "one"
            if word == "all":
                word = re.findall(rf"[Aa]ll ({_NUMBER})", sentence)[0]
            said.append({labels[0]: 2 if word == "both" else number(word)})
    return said


def check_composition(w: Walker, text: str) -> list[str]:
    counts = Counter(w.el) + Counter(H=sum(w.h))
    wrong = []
    for formula in re.findall(
        r"(?:[Ff]ormula(?: is|:)?|composition|corresponds to) ([A-Z]\w*)", text
    ):
        if formula_counts(formula) != counts:
            wrong.append(f"{formula}: {dict(counts)}")
    charge = sum(w.q)
    for said in re.findall(r"net charge of ([+-]\d+)|charge is ([+-]\d+)", text):
        if int(said[0] or said[1]) != charge:
            wrong.append(f"charge {said}")
    if charge and re.search(r"no net charge|it is neutral|charge is zero", text):
        wrong.append("not neutral")
    return wrong


_ELEMENT_IONS = {
    "lithium": "Li", "sodium": "Na", "potassium": "K", "rubidium": "Rb", "caesium": "Cs",
    "magnesium": "Mg", "calcium": "Ca", "strontium": "Sr", "barium": "Ba", "zinc": "Zn",
    "silver": "Ag", "aluminium": "Al", "fluoride": "F", "chloride": "Cl", "bromide": "Br",
    "iodide": "I", "ammonium": "H4N", "hydroxide": "HO", "nitrate": "NO3", "sulfate": "O4S",
    "hydrogen sulfate": "HO4S", "perchlorate": "ClO4", "tetrafluoroborate": "BF4",
    "hexafluorophosphate": "F6P", "thiocyanate": "CNS", "methyl sulfate": "CH3O4S",
    "ethyl sulfate": "C2H5O4S", "methanesulfonate": "CH3O3S", "4-toluenesulfonate": "C7H7O3S",
    "trifluoroacetate": "C2F3O2", "hydrogen fluoride": "HF", "hydrogen chloride": "HCl",
    "hydrogen bromide": "HBr", "hydrogen iodide": "HI", "sulfuric acid": "H2O4S",
    "nitric acid": "HNO3", "phosphoric acid": "H3O4P", "methanesulfonic acid": "CH4O3S",
    "oxalic acid": "C2H2O4", "maleic acid": "C4H4O4", "fumaric acid": "C4H4O4",
    "citric acid": "C6H8O7", "water": "H2O",
}  # fmt: skip
_PART = re.compile(
    rf"\b({_NUMBER}) ([a-z0-9 -]+?) (cation|anion|molecule)s?(?: of charge ([+-]\d+))?(?=[ ,.]|$)"
)


def check_salt(w: Walker, text: str) -> list[str]:
    sentence = re.search(r"(?:It consists of|unit holds|composed of|made up of) ([^.]+)\.", text)
    if not sentence:
        return []
    parts: Counter = Counter()
    for part in Chem.GetMolFrags(w.mol, asMols=True):
        v = Walker(part)
        elements = Counter(v.el) + Counter(H=sum(v.h))
        parts[tuple(sorted(elements.items())), sum(v.q)] += 1
    wrong, told = [], 0
    for many, name, kind, charge in _PART.findall(sentence[1]):
        told += number(many)
        if name in _ELEMENT_IONS:
            key = tuple(sorted(formula_counts(_ELEMENT_IONS[name]).items()))
            sign = {"cation": 1, "anion": -1, "molecule": 0}[kind]
            if sum(
                n for (f, q), n in parts.items() if f == key and q * sign >= abs(sign)
            ) != number(many):
                wrong.append(f"{many} {name} {kind}: {dict(parts)}")
        elif not any(n == number(many) and q == int(charge or 0) for (_, q), n in parts.items()):
            wrong.append(f"{many} {name} {kind} {charge}: {dict(parts)}")
    if told != parts.total():
        wrong.append(f"{sentence[0]} has {parts.total()} parts")
    return wrong


def check_counts(w: Walker, text: str) -> list[str]:
    wrong = []
    for noun, count in COUNTED.items():
        if noun == "ring":
            continue
        for found in re.findall(rf"\b({_NUMBER}) {noun}s?\b", text):
            if number(found) != count(w):
                wrong.append(f"{found} {noun}: {count(w)}")
    run = re.search(rf"({_NUMBER}) consecutive methylene", text)
    if run:
        n = number(run[1])
        chain = "[CH2;D2;R0]" * n
        longer = "[CH2;D2;R0]" * (n + 1)
        has = [w.mol.HasSubstructMatch(Chem.MolFromSmarts(q)) for q in (chain, longer)]
        if has != [True, False]:
            wrong.append(run[0])
    return wrong


_SIMPLE_CLASSES = {
    "carboxylic acid": "carboxy group", "sulfonic acid": "sulfo group",
    "boronic acid": "boronic acid group", "acid anhydride": "anhydride group",
    "acyl chloride": "acyl chloride group", "sulfonyl chloride": "sulfonyl chloride group",
    "carboxylic ester": "ester group", "methyl ester": "ester group", "lactone": "ester group",
    "ethyl ester": "ester group", "carbamate ester": "carbamate group",
    "carbonate ester": "carbonate group", "sulfonate ester": "sulfonate ester group",
    "phosphate ester": "phosphate group", "carboxamide": "amide group",
    "dicarboximide": "imide group", "carbohydrazide": "hydrazide group",
    "sulfonamide": "sulfonamide group", "urea derivative": "urea group",
    "thiourea derivative": "thiourea group", "aldehyde": "aldehyde group",
    "ketone": "keto group", "enone": "keto group", "nitrile": "cyano group",
    "C-nitro compound": "nitro group", "azo compound": "azo group",
    "organic azide": "azide group", "isocyanate": "isocyanate group",
    "isothiocyanate": "isothiocyanate group", "hydrazone": "hydrazone group",
    "oxime": "oxime group", "phenol": "phenolic hydroxy group",
    "primary alcohol": "hydroxy group", "secondary alcohol": "hydroxy group",
    "tertiary alcohol": "hydroxy group", "primary amine": "primary amino group",
    "secondary amine": "secondary amino group", "tertiary amine": "tertiary amino group",
    "quaternary ammonium compound": "quaternary ammonium group", "thiol": "thiol group",
    "organic disulfide": "disulfide bond", "sulfoxide": "sulfoxide group",
    "sulfone": "sulfone group", "organic sulfide": "thioether linkage",
    "epoxide": "epoxide ring", "aromatic ether": "ether linkage", "ether": "ether linkage",
    "organofluorine compound": "fluoro substituent",
    "organochlorine compound": "chloro substituent",
    "organobromine compound": "bromo substituent", "organoiodine compound": "iodo substituent",
    "alpha-amino acid": "carboxy group",
}  # fmt: skip


def _alcohol(w: Walker, carbons: int) -> bool:
    return any(
        w.hydroxyl(i)
        and w.el[c] == "C"
        and len(w.to(c, "C")) == carbons
        and len(w.nb[c]) == carbons + 1
        and w.h[c] == 3 - carbons
        for i in w.atoms
        for _, c in w.nb[i]
    )


def _ester_of(w: Walker, alkyl) -> bool:
    return any(
        is_ester(w, i) and any(alkyl(j) for o in w.to(i, "O", 1) for j in w.to(o, "C") if j != i)
        for i in w.atoms
    )


def _share_ring(w: Walker, i: int, j: int) -> bool:
    return any(i in r and j in r for r in w.rings)


_FURTHER_CLASSES = {
    "dicarboxylic acid": lambda w: COUNTED["carboxy group"](w) == 2,
    "tricarboxylic acid": lambda w: COUNTED["carboxy group"](w) == 3,
    "carboxylic acid": lambda w: COUNTED["carboxy group"](w) not in (2, 3),
    "alpha-amino acid": lambda w: any(alpha_amino_acid(w, i) for i in w.atoms),
    "primary alcohol": lambda w: _alcohol(w, 1),
    "secondary alcohol": lambda w: _alcohol(w, 2),
    "tertiary alcohol": lambda w: _alcohol(w, 3),
    "methyl ester": lambda w: _ester_of(w, w.methyl),
    "ethyl ester": lambda w: _ester_of(
        w, lambda j: w.h[j] == 2 and any(w.methyl(k) for k in w.to(j, "C"))
    ),
    "lactone": lambda w: any(
        is_ester(w, i) and any(_share_ring(w, i, o) for o in w.to(i, "O")) for i in w.atoms
    ),
    "lactam": lambda w: any(
        w.acyl(i) and any(_share_ring(w, i, n) for n in w.to(i, "N", 1)) for i in w.atoms
    ),
    "enone": lambda w: any(
        w.acyl(i) and any(w.to(c, "C", 2) for c in w.to(i, "C")) for i in w.atoms
    ),
    "aromatic ether": lambda w: any(
        w.bridge(i, "O") and any(w.ar[j] for _, j in w.nb[i]) for i in w.atoms
    ),
    "organosilicon compound": lambda w: any(w.sharp(i, "Si") for i in w.atoms),
    "organophosphorus compound": lambda w: any(w.sharp(i, "P") for i in w.atoms),
    "alkane": lambda w: set(w.el) == {"C"} and not w.rings and _unsaturation(w) == 0,
    "alkene": lambda w: set(w.el) == {"C"} and not w.rings and _unsaturation(w) > 0,
    "alkyne": lambda w: set(w.el) == {"C"} and COUNTED["carbon-carbon triple bond"](w) > 0,
    "aromatic hydrocarbon": lambda w: set(w.el) == {"C"} and any(w.ar),
    "cyclic hydrocarbon": lambda w: set(w.el) == {"C"} and bool(w.rings) and not any(w.ar),
    "heterocyclic compound": lambda w: any(w.el[i] != "C" for r in w.rings for i in r),
    "inorganic compound": lambda w: "C" not in w.el,
    "organic compound": lambda w: "C" in w.el,
}


def _unsaturation(w: Walker) -> int:
    return len(w.el) + 1 - sum(w.h) // 2


_CLASS = re.compile(
    r"\b(?:an?) ("
    + "|".join(sorted({*_SIMPLE_CLASSES, *_FURTHER_CLASSES}, key=len, reverse=True))
    + r")(?=[ ,.;]|$)(?! group)"
)


def check_classes(w: Walker, text: str) -> list[str]:
    wrong = []
    for name in _CLASS.findall(text):
        group = COUNTED.get(_SIMPLE_CLASSES.get(name, ""), lambda w: 1)(w)
        if not group or not _FURTHER_CLASSES.get(name, lambda w: True)(w):
            wrong.append(f"class {name}")
    return wrong


def violations(smiles: str, description: str) -> list[str]:
    """Returns every statement of the description that does not hold for the molecule."""
    w = Walker(Chem.MolFromSmiles(smiles))
    checks = (
        check_counts, check_rings, check_ring_numbers, check_benzene, check_stereo,
        check_composition, check_salt, check_classes,
    )  # fmt: skip
    return [wrong for check in checks for wrong in check(w, description)]
