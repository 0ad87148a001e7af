"""The Open Reaction Database, in the two forms that it is published in.

`ord_dataset-*.pb.gz` holds a serialised `Dataset` message, `ord_dataset-*.parquet` a serialised
`Reaction` a row. Numbers of fields are those of `ord-schema` 0.9.6.
"""

from __future__ import annotations

import dataclasses
import gzip
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

from t5chem.corpora.splits import split_of
from t5chem.datasets.dataset import DUPLICATE, HELD_OUT, Bad, Dataset, Row, SourceFile, row_id
from t5chem.datasets.manual import present
from t5chem.datasets.protobuf import WireError, fields, messages
from t5chem.datasets.reaction_rows import Origin, from_parts, from_smiles
from t5chem.datasets.reading import broken_archive
from t5chem.smiles import join_ions, parse, skeleton_key
from t5x.errors import ConfigError

UNREADABLE: Final = "not a serialised reaction"
NO_STRUCTURE: Final = "a compound without SMILES"
NO_SPLIT: Final = "no InChI of the product"

# Fields of the messages Dataset, Reaction, ReactionInput, ReactionOutcome, Compound,
# ProductCompound and of the identifiers of both kinds.
_REACTIONS: Final = 3
_IDENTIFIERS, _INPUTS, _OUTCOMES, _REACTION_ID = 1, 2, 8, 10
_ENTRY_VALUE: Final = 2
_COMPONENTS, _PRODUCTS = 1, 3
_COMPOUND_IDENTIFIERS, _COMPOUND_ROLE = 1, 3
_IS_DESIRED, _PRODUCT_ROLE = 2, 7
_TYPE, _VALUE = 1, 3
# Enumerations ReactionIdentifierType, CompoundIdentifierType, ReactionRoleType.
_REACTION_SMILES: Final = (6, 2)  # with extension first: it says which ions are one compound
_COMPOUND_SMILES: Final = (2, 10)
_REACTANT: Final = (0, 1)  # unspecified counts as one
_REAGENT: Final = (2, 3, 4)  # reagent, solvent, catalyst
_PRODUCT: Final = (0, 8)

_FILE: Final = SourceFile("**/ord_dataset-*", "https://github.com/open-reaction-database/ord-data")


def read(folder: Path) -> Iterator[Row | Bad]:
    """Yields the reactions of all files of a folder and the folders in it.

    Raises:
        ConfigError: a file is in another form, or cannot be read.
    """
    count = itertools.count(1)
    for path in present(folder, _FILE):
        if path.name.endswith(".pb.gz"):
            reactions = _of_protobuf(path)
        elif path.name.endswith(".parquet"):
            reactions = _of_parquet(path)
        else:
            raise ConfigError(
                f"{path} is neither .pb.gz nor .parquet, as the Open Reaction Database publishes "
                "its datasets: remove it, or fetch it in one of these forms."
            )
        for number, message in enumerate(reactions, start=1):
            yield _row(path.name, number, message, next(count))


def _of_protobuf(path: Path) -> Iterator[bytes]:
    try:
        with broken_archive(path), gzip.open(path) as stream:
            yield from messages(stream, _REACTIONS)
    except WireError as error:
        raise ConfigError(f"{path} is no dataset of the database: {error}.") from error


def _of_parquet(path: Path) -> Iterator[bytes]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{path}: reading Parquet needs pyarrow: `pip install pyarrow`."
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            found = file.schema_arrow.field("reaction").type
            if found not in (pyarrow.binary(), pyarrow.large_binary()):
                raise ConfigError(f"{path} is no dataset of the database: reactions are {found}.")
            for batch in file.iter_batches(columns=["reaction"]):
                yield from (value or b"" for value in batch.column("reaction").to_pylist())
    except (pyarrow.ArrowException, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{path} is no dataset of the database: {reason}") from error


def _row(file: str, number: int, message: bytes, count: int) -> Row | Bad:
    try:
        own_id, reaction = _read_reaction(message)
    except (WireError, UnicodeDecodeError) as error:
        return Bad(file, number, UNREADABLE, str(error))
    if reaction is None:
        return Bad(file, number, NO_STRUCTURE, own_id)
    origin = Origin("train", file, number)
    if isinstance(reaction, str):
        row = from_smiles(origin, reaction)
    else:
        row = from_parts(origin, *reaction)
    return row if isinstance(row, Bad) else _in_its_split(row, count, own_id)


def _in_its_split(row: Row, count: int, own_id: str) -> Row | Bad:
    """A product falls on the same side here as in the starter corpus."""
    product = parse(row.fields["products"])
    key = skeleton_key(product) if product is not None else ""
    if not key:
        return Bad(row.file, row.number, NO_SPLIT, row.fields["products"])
    split = split_of(key)
    return dataclasses.replace(row, split=split, id=row_id(split, count, own_id))


_Reaction: TypeAlias = str | tuple[str, str, str]


def _read_reaction(message: bytes) -> tuple[str, _Reaction | None]:
    """Returns a reaction's id, and its SMILES or three parts; None for a nameless compound."""
    own_id, smiles = "", dict[int, str]()
    inputs, products = list[bytes](), list[bytes]()
    for number, value in fields(message):
        if isinstance(value, int):
            continue
        if number == _IDENTIFIERS:
            smiles.update([_identifier(value)])
        elif number == _INPUTS:
            for entry in messages(value, _ENTRY_VALUE):
                inputs.extend(messages(entry, _COMPONENTS))
        elif number == _OUTCOMES:
            products.extend(messages(value, _PRODUCTS))
        elif number == _REACTION_ID:
            own_id = value.decode()
    for kind in _REACTION_SMILES:
        if kind in smiles:
            return own_id, smiles[kind]
    return own_id, _from_compounds(inputs, products)


def _from_compounds(inputs: list[bytes], outcome: list[bytes]) -> tuple[str, str, str] | None:
    roles = [(_number(compound, _COMPOUND_ROLE), compound) for compound in inputs]
    desired = [product for product in outcome if _number(product, _IS_DESIRED)]
    products = desired or [one for one in outcome if _number(one, _PRODUCT_ROLE) in _PRODUCT]
    parts = [
        [_compound(compound) for role, compound in roles if role in _REACTANT],
        [_compound(compound) for role, compound in roles if role in _REAGENT],
        # The same product may be measured after several times.
        list(dict.fromkeys(_compound(product) for product in products)),
    ]
    if any(not compound for part in parts for compound in part):
        return None
    reactants, reagents, product = (".".join(part) for part in parts)
    return reactants, reagents, product


def _compound(message: bytes) -> str:
    """A compound's SMILES, its ions joined; empty where it has none."""
    found = dict(_identifier(one) for one in messages(message, _COMPOUND_IDENTIFIERS))
    for kind in _COMPOUND_SMILES:
        if kind in found:
            return join_ions(found[kind].partition(" ")[0])
    return ""


def _identifier(message: bytes) -> tuple[int, str]:
    kind, text = 0, ""
    for number, value in fields(message):
        if number == _TYPE and isinstance(value, int):
            kind = value
        elif number == _VALUE and isinstance(value, bytes):
            text = value.decode()
    return kind, text


def _number(message: bytes, number: int) -> int:
    """An integer, 0 where it is not set, as protobuf writes it."""
    found = [value for field, value in fields(message) if field == number]
    return found[-1] if found and isinstance(found[-1], int) else 0


DATASETS: Final = (
    Dataset(
        name="ord",
        kind="reactions",
        title="The Open Reaction Database",
        homepage="https://open-reaction-database.org",
        licence="CC BY-SA 4.0",
        citation="Kearnes et al.: The Open Reaction Database, J. Am. Chem. Soc. 2021",
        files=(_FILE,),
        counts={},
        notes=(
            "Any number of its files, in any folders below. A reaction is its reaction SMILES "
            "where it has one, else its compounds: those of role reactant, reagent, solvent and "
            "catalyst, and the desired products. Yields are not read: a reaction that gave nothing "
            "counts as one. Split by the product, as the starter corpus is. Dropped are reactions "
            "that cleaning does not accept, duplicates in train, and reactions of train to a "
            "product that USPTO-50k or USPTO-480k validates or tests with: the database holds "
            "USPTO-480k whole."
        ),
        read=read,
        drops=frozenset({DUPLICATE, HELD_OUT}),
        held_out_from=("uspto50k", "uspto_mit"),
        train_last=False,
    ),
)
