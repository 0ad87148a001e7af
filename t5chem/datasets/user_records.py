"""From the cells of a user's tables to records: what columns hold, and of which split a row is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from t5chem.actions import ActionSyntaxError, parse_actions
from t5chem.corpora.splits import SPLITS, split_of
from t5chem.datasets.dataset import INVALID_SMILES, Bad, Row, row_id
from t5chem.datasets.identity import key_of
from t5chem.datasets.procedure_rows import COLLAPSED
from t5chem.datasets.reading import halve_backslashes
from t5chem.datasets.tables import Cells, Layout, read_cells
from t5chem.reaction_cleaning import Dropped, clean, clean_reaction_smiles
from t5chem.smiles import parse, skeleton_key
from t5x.errors import ConfigError

EMPTY: Final = "empty cell"
BAD_ACTIONS: Final = "actions that do not parse"
UNKNOWN_SPLIT: Final = "unknown split"
NO_KEY: Final = "no InChI to choose a split by"

_NEEDED: Final[Mapping[tuple[str, ...], str]] = {
    ("smiles", "text"): "molecules",
    ("reactants", "products"): "reactions",
    ("reaction",): "reactions",
    ("paragraph", "actions"): "procedures",
}
_OPTIONAL: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    ("reactants", "products"): ("reagents", "reaction_class"),
    ("reaction",): ("reaction_class",),
}
ROLES: Final = (
    "smiles",
    "text",
    "reactants",
    "reagents",
    "products",
    "reaction",
    "reaction_class",
    "paragraph",
    "actions",
    "split",
)
"""What a column can hold."""

_SMILES: Final = frozenset({"smiles", "reactants", "reagents", "products", "reaction"})
_SPLIT_NAMES: Final[Mapping[str, str]] = {
    **{name: "train" for name in ("train", "training")},
    **{name: "validation" for name in ("validation", "valid", "val", "dev")},
    **{name: "test" for name in ("test", "testing")},
}


@dataclass(frozen=True)
class Recipe:
    """How records are made of a user's tables.

    Attributes:
        name: of the dataset.
        columns: name of the column by what it holds, see `ROLES`.
        files: path by the split of its rows; a single one under '' is split by its column `split`
            or, where there is none, by molecule.
        layout: of the files.
        seed: of the split by molecule; 0 gives the sides that the starter corpus has.
        parse_actions: whether actions must follow the syntax of `t5chem.actions`.
    """

    name: str
    columns: Mapping[str, str]
    files: Mapping[str, str]
    layout: Layout = field(default_factory=Layout)
    seed: int = 0
    parse_actions: bool = True

    @property
    def kind(self) -> str:
        """Kind of the records, a key of `records.FIELDS`."""
        return kind_of(self.columns)

    @property
    def names(self) -> dict[str, str]:
        """What to call each path in messages: its last part where that tells it."""
        short = [Path(path).name for path in self.files.values()]
        return {
            path: name if short.count(name) == 1 else path
            for path, name in zip(self.files.values(), short, strict=True)
        }


def kind_of(columns: Mapping[str, str]) -> str:
    """Returns the kind of records that some columns make.

    Args:
        columns: name of the column by what it holds.

    Raises:
        ConfigError: they make none, or belong to two kinds.

    Example:
        >>> kind_of({"smiles": "SMILES", "text": "caption"})
        'molecules'
    """
    given = {role for role in columns if role != "split"}
    for needed, kind in _NEEDED.items():
        if given >= set(needed) and given <= {*needed, *_OPTIONAL.get(needed, ())}:
            return kind
    raise ConfigError(
        f"Columns given: {', '.join(role for role in ROLES if role in given) or 'none'}. Give "
        "smiles and text; or reactants and products, and reagents if there are any; or reaction; "
        "or paragraph and actions."
    )


def read_rows(recipe: Recipe) -> Iterator[Row | Bad]:
    """Yields the rows of all files of a recipe.

    Raises:
        ConfigError: a file cannot be read, or none of its rows can.
    """
    make = _Maker(recipe)
    wanted = list(dict.fromkeys(recipe.columns.values()))
    for split, path in recipe.files.items():
        first_bad, any_good = None, False
        name = recipe.names[path]
        for cells in read_cells(path, wanted, recipe.layout):
            if isinstance(cells, Bad):
                row: Row | Bad = dataclasses.replace(cells, file=name)
            else:
                row = make.row(split, name, cells)
            if isinstance(row, Bad):
                first_bad = first_bad or row
            else:
                any_good = True
            yield row
        if not any_good and first_bad is not None:
            raise ConfigError(_nothing_good(path, first_bad))


def _nothing_good(path: str, first: Bad) -> str:
    what = ": ".join(filter(None, (first.reason, first.detail))).removesuffix(".")
    remedy = ""
    if first.reason == BAD_ACTIONS:
        remedy = " If its actions are in a language of their own, add --any-actions."
    return f"{path} has no row that can be used. Row {first.number}: {what}.{remedy}"


class _BadRowError(Exception):
    """Carries reason and detail."""


class _Maker:
    """Makes rows of cells."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        fields: dict[str, Callable[[Mapping[str, str]], dict[str, str]]] = {
            "molecules": self._molecule,
            "reactions": self._reaction,
            "procedures": self._procedure,
        }
        self._fields = fields[recipe.kind]

    def row(self, split: str, file: str, cells: Cells) -> Row | Bad:
        as_they_stand = {
            role: cells.values[column] for role, column in self._recipe.columns.items()
        }
        values = {role: " ".join(text.split()) for role, text in as_they_stand.items()}
        changes: tuple[str, ...] = () if values == as_they_stand else (COLLAPSED,)
        for role in _SMILES & values.keys():
            values[role], halved = halve_backslashes(values[role])
            changes += halved
        try:
            fields = self._fields(values)
            split = split or self._split(values, fields)
        except _BadRowError as error:
            return Bad(file, cells.number, *error.args)
        name = row_id(split, cells.number)
        return Row(split, name, fields, file, cells.number, tuple(dict.fromkeys(changes)))

    def _need(self, values: Mapping[str, str], *roles: str) -> None:
        for role in roles:
            if not values[role]:
                raise _BadRowError(EMPTY, f"column {self._recipe.columns[role]!r}")

    def _molecule(self, values: Mapping[str, str]) -> dict[str, str]:
        self._need(values, "smiles", "text")
        # RDKit would take what follows a space for a name.
        if " " in values["smiles"] or parse(values["smiles"]) is None:
            raise _BadRowError(INVALID_SMILES, values["smiles"])
        return {"smiles": values["smiles"], "description": values["text"]}

    def _reaction(self, values: Mapping[str, str]) -> dict[str, str]:
        if "reaction" in values:
            self._need(values, "reaction")
            cleaned = clean_reaction_smiles(values["reaction"])
        else:
            self._need(values, "reactants", "products")
            cleaned = clean(values["reactants"], values.get("reagents", ""), values["products"])
        if isinstance(cleaned, Dropped):
            raise _BadRowError(cleaned.reason, cleaned.text)
        return {
            "reaction_class": values.get("reaction_class", ""),
            "reactants": cleaned.reactants,
            "reagents": cleaned.reagents,
            "products": cleaned.products,
        }

    def _procedure(self, values: Mapping[str, str]) -> dict[str, str]:
        self._need(values, "paragraph", "actions")
        if self._recipe.parse_actions:
            try:
                parse_actions(values["actions"])
            except ActionSyntaxError as error:
                raise _BadRowError(BAD_ACTIONS, str(error)) from error
        return {"paragraph": values["paragraph"], "actions": values["actions"]}

    def _split(self, values: Mapping[str, str], fields: Mapping[str, str]) -> str:
        if "split" in values:
            return _named_split(values["split"])
        key = _split_key(fields)
        return split_of(key if not self._recipe.seed else f"{self._recipe.seed}:{key}")


def _named_split(name: str) -> str:
    if name.lower() not in _SPLIT_NAMES:
        raise _BadRowError(UNKNOWN_SPLIT, f"{name!r}, and not {', '.join(SPLITS)}")
    return _SPLIT_NAMES[name.lower()]


def _split_key(fields: Mapping[str, str]) -> str:
    """What decides the split: the molecule, the longest product, the words of the paragraph."""
    if "paragraph" in fields:
        return key_of("procedures", fields) or ""
    smiles = fields.get("smiles") or max(
        fields["products"].split("."), key=lambda one: (len(one), one)
    )
    mol = parse(smiles)
    key = "" if mol is None else skeleton_key(mol)
    if not key:
        raise _BadRowError(NO_KEY, smiles)
    return key
