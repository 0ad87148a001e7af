"""Real compounds with real names, read from the tables that the `chemicals` package installs.

The tables (MIT licence; their entries stem from PubChem) write every name in lower case and use
the prefixes of one naming program (`bis(chloranyl)`). `name_from_table` restores the capitals that
carry meaning (`N,N-`, `1H-`, `(2R)`) and the usual prefixes; names that are really registry
numbers, catalogue codes or inverted index entries are refused.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TABLES: Final = (
    "chemical identifiers pubchem small.tsv",  # the common compounds: first, so their rows win
    "chemical identifiers pubchem large.tsv",
)

_USUAL_PREFIX: Final = {
    "azanylidene": "imino",
    "azanyl": "amino",
    "bromanyl": "bromo",
    "chloranyl": "chloro",
    "fluoranyl": "fluoro",
    "iodanyl": "iodo",
    "oxidanidyl": "oxido",
    "oxidanylidene": "oxo",
    "oxidanyl": "hydroxy",
}
_MULTIPLIER: Final = {
    f"{many}kis" if many not in ("bi", "tri") else f"{many}s": "di" if many == "bi" else many
    for many in ("bi", "tri", "tetra", "penta", "hexa", "hepta", "octa", "nona", "deca")
}
_PROGRAM_PREFIX: Final = re.compile(
    r"(?:(?P<many>" + "|".join(_MULTIPLIER) + r")\((?P<inside>" + "|".join(_USUAL_PREFIX) + r")\))"
    r"|(?<!di)(?<!tri)(?P<alone>" + "|".join(_USUAL_PREFIX) + r")"
)

_HYDROGEN: Final = re.compile(r"h[-,)\]]")
_INDICATED_HYDROGEN: Final = re.compile(r"(?<![a-z])(\d+[a-z]?'*)h(?=[-,)\]])")
_STEREO_GROUP: Final = re.compile(r"\(((?:\d*[a-z]?'*[rsez],)*\d*[a-z]?'*[rsez])\)(?=[-\[(a-z])")
_CONFIGURATION: Final = re.compile(r"[rsez](?=,|$)")
_HETERO_LOCANT: Final = re.compile(r"(?<![a-z0-9])([nos])(?=\d*'*[,-])")
_COMMON_LOCANT: Final = re.compile(r"(?<![a-z0-9])(n)(?='*[,-])")
_SUGAR_SERIES: Final = re.compile(r"(?<![a-z0-9,])(dl|[dl])(?=-[a-z])")

# What makes a name a registry number, a catalogue code, an inverted index entry or no name at all.
# A digit decides where numbers are refused (the conditions before it look back) and an odd sign
# where signs are: three times faster than one pattern of all these in reading order.
_REFUSED_WORD: Final = re.compile(
    r"agn-pc|einecs|unii|brn \d|nsc[- ]?\d|ccris|chebi|chembl|hsdb|ion\(|polymer|unspecified"
    r"|mixture|lambda"
)
_REFUSED_NUMBER: Final = re.compile(
    r"\d(?:(?<=[a-z]\d)\d*[a-z]|(?<=[a-z]{2}\d)\d\d|(?<=[a-z]{2}-\d)\d\d|\d\d\d|-\d\d-\d$| \d)"
)
_REFUSED_SIGN: Final = re.compile(
    r"[^a-z0-9 ()'\]+](?:(?<=\[)[a-z]{3,}\]|(?<=\.)[a-z]|(?<=,) |(?<=[,-])$"
    r"|(?<![a-z0-9 ,()'\[\].+-]))"
)
_AMBIGUOUS_NORMAL: Final = re.compile(
    r"(?<![a-z0-9])n-(?:prop|but|pent|amyl|hex|hept|oct|non|dec|undec|dodec|alk)"
)
_CHEMICAL_ENDING: Final = re.compile(
    r"(?:acid|ol|one|al|an|ane|ene|yne|in|ine|ide|ate|ite|ium|ile|ene|ether|ester|urea|yl|hyde|ose"
    r"|anhydride|oxide|hydrate)$"
)
_STEREO_WORD: Final = re.compile(
    r"(?<![a-z])(?:cis|trans|alpha|beta|erythro|threo|meso|endo|exo|syn|anti|rac|rel|dl|[dlrsez])"
    r"(?=[-,)(])|\([^()]*\d[a-z]?[rsez][^()]*\)|\d(?:alpha|beta|[rsez])(?![a-z])|\([+-]+\)"
)


@dataclass(frozen=True)
class NamedCompound:
    """A real compound, its names and its numbers, as the tables give them.

    Attributes:
        smiles: as PubChem writes it: valid, but Kekulé and not canonical; ions joined with `.`.
        name: what a chemist would call it: the common name when it is one, else the IUPAC name.
            Never empty.
        iupac_name: the systematic name, or '' when the table has none that is fit to print.
        common_name: the customary name, or '' likewise.
        formula: in Hill order, as tabulated.
        cas: CAS registry number.
        inchi_key: standard InChIKey as tabulated.
        synonyms: other names, raw: lower case, with codes and index names among them.
    """

    smiles: str
    name: str
    iupac_name: str
    common_name: str
    formula: str
    cas: str
    inchi_key: str
    synonyms: tuple[str, ...]


def mentions_stereo(name: str) -> bool:
    """Tells whether a name says anything about stereochemistry.

    Example:
        >>> mentions_stereo("(2E)-but-2-ene"), mentions_stereo("propan-2-ol")
        (True, False)
    """
    return bool(_STEREO_WORD.search(name.lower()))


def name_from_table(text: str, systematic: bool) -> str:
    """Returns the name with its meaningful capitals and usual prefixes restored, or ''.

    Args:
        text: a name from the tables, in lower case.
        systematic: whether it comes from the column of IUPAC names, where a single letter before
            a hyphen always is an element (`o-` is oxygen there, and ortho in customary names).

    Example:
        >>> name_from_table("2,2-bis(chloranyl)-n,n-dimethyl-1h-indol-5-amine", systematic=True)
        '2,2-dichloro-N,N-dimethyl-1H-indol-5-amine'
        >>> name_from_table("acetic acid, iodo-, potassium salt", systematic=False)
        ''
    """
    if "acid;" in text:  # two neutral partners: no English name, only a list
        return ""
    name = text.strip().replace(";", " ")
    if len(name) < 4 or _is_refused(name):
        return ""
    if not systematic and (_AMBIGUOUS_NORMAL.search(name) or not _is_customary(name)):
        return ""
    if "anyl" in name or "xid" in name:  # the pattern is slow and seldom needed
        name = _PROGRAM_PREFIX.sub(_usual_prefix, name)
    name = _STEREO_GROUP.sub(lambda found: _with_configuration(found[0]), name)
    if _HYDROGEN.search(name):  # as slow, and one name in thirty has it
        name = _INDICATED_HYDROGEN.sub(r"\1H", name)
    name = (_HETERO_LOCANT if systematic else _COMMON_LOCANT).sub(_upper, name)
    return _SUGAR_SERIES.sub(_upper, name)


def _is_refused(name: str) -> bool:
    found = _REFUSED_SIGN.search(name) or _REFUSED_NUMBER.search(name) or _REFUSED_WORD.search(name)
    return found is not None


@functools.cache
def load_named_compounds() -> tuple[NamedCompound, ...]:
    """Returns the compounds of the `chemicals` tables that have a printable name.

    Needs two seconds the first time and no RDKit: nothing is parsed or canonicalised here. One
    compound for each InChIKey, in the order of the tables (commonest first).

    Raises:
        FileNotFoundError: the `chemicals` package or one of its tables is not installed.

    Example:
        >>> by_name = {compound.name: compound for compound in load_named_compounds()}
        >>> by_name["benzaldehyde"].smiles
        'C1=CC=C(C=C1)C=O'
    """
    seen: set[str] = set()
    compounds = []
    for fields in _table_rows():
        compound = _compound(fields)
        if compound is not None and compound.inchi_key not in seen:
            seen.add(compound.inchi_key)
            compounds.append(compound)
    return tuple(compounds)


def _table_rows() -> Iterator[list[str]]:
    for table in TABLES:
        with (_tables_folder() / table).open(encoding="utf-8") as lines:
            for line in lines:
                yield line.rstrip("\n").split("\t")


def _tables_folder() -> Path:
    spec = importlib.util.find_spec("chemicals")  # finds the package without importing SciPy
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "The molecules corpus reads the tables of the 'chemicals' package, which is not"
            " installed: run `pip install chemicals`."
        )
    return Path(spec.origin).parent / "Identifiers"


def _compound(fields: list[str]) -> NamedCompound | None:
    _, cas, formula, _, smiles, _, inchi_key, iupac, common, *synonyms = (*fields, "", "")
    flat = not set(smiles) & set("@/\\")
    iupac_name = name_from_table(iupac, systematic=True)
    common_name = name_from_table(common, systematic=False) if common != iupac else iupac_name
    if flat and mentions_stereo(common_name):
        common_name = ""  # the table dropped the stereochemistry that this name promises
    name = common_name or iupac_name
    if not (name and smiles and inchi_key):
        return None
    return NamedCompound(
        smiles,
        name,
        iupac_name,
        common_name,
        formula,
        cas,
        inchi_key,
        tuple(synonym for synonym in synonyms if synonym),
    )


def _is_customary(name: str) -> bool:
    words = name.split()
    return len(name) >= 5 and bool(_CHEMICAL_ENDING.search(words[-1])) and not name[0].isspace()


def _usual_prefix(found: re.Match[str]) -> str:
    if found["alone"]:
        return _USUAL_PREFIX[found["alone"]]
    return _MULTIPLIER[found["many"]] + _USUAL_PREFIX[found["inside"]]


def _with_configuration(group: str) -> str:
    return "(" + _CONFIGURATION.sub(_upper, group[1:-1]) + ")"


def _upper(found: re.Match[str]) -> str:
    return found[0].upper()
