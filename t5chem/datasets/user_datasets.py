"""A user's own datasets: the file `datasets.yaml`, and what its entries mean.

An entry says which files there are and what their columns hold, by the names of the options of
`t5chem data add`, which writes it; one written by hand does as well:

    mine:
      file: mine.csv
      smiles: SMILES
      text: caption

`sha256`, by file, and `rows`, by split, tell what was there when the dataset was added: a file that
has changed since is not read. Without `sha256` it is not compared.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from t5chem.datasets.dataset import Bad, Dataset, Row, SourceFile
from t5chem.datasets.tables import FORMATS, Layout
from t5chem.datasets.user_records import ROLES, Recipe, read_rows
from t5chem.prompts import PROMPTS
from t5x.errors import ConfigError, did_you_mean

VARIABLE: Final = "T5CHEM_DATASETS"
"""Environment variable with the path of the file of datasets."""
DEFAULT_FILE: Final = "datasets.yaml"
_HEADER: Final = "# Our own datasets: docs/data.md says what can stand here.\n\n"
_NAME: Final = re.compile("[a-z][a-z0-9_]*")
# Names are the first part of the names of tasks and mixtures, which must not mean two things.
_ENDINGS: Final = (*PROMPTS, "mol2mol", "text2text", "augm")
_TAKEN: Final = ("starter", "standard")
_FILES: Final = ("file", "validation", "test")
_ABOUT: Final = ("title", "homepage", "licence", "citation", "notes")
_KEYS: Final[Mapping[str, type]] = {
    **dict.fromkeys((*_FILES, *ROLES, "format", "separator"), str),
    "quoting": bool,
    "parse_actions": bool,
    "seed": int,
    **dict.fromkeys(_ABOUT, str),
    "held_out_from": list,
    "sha256": dict,
    "rows": dict,
}
_WHAT: Final = {
    str: "a text (between quotation marks)",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "a table",
}


@dataclass(frozen=True)
class Entry:
    """An entry of the file of datasets.

    Attributes:
        recipe: which files there are and how records are made of them; paths are absolute.
        about: by `title`, `homepage`, `licence`, `citation` and `notes`, as far as given.
        held_out_from: names of the package's datasets whose test rows must not be trained on.
        sha256: of files, by their paths.
        rows: by split, when the dataset was added; {} where that is not known.
    """

    recipe: Recipe
    about: Mapping[str, str] = field(default_factory=dict)
    held_out_from: tuple[str, ...] = ()
    sha256: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)


def file_of_datasets(path: str | os.PathLike[str] | None = None) -> Path:
    """Returns where the user's datasets are: `path`, else `$T5CHEM_DATASETS`, else here."""
    return Path(path or os.environ.get(VARIABLE) or DEFAULT_FILE)


def read_datasets(path: str | os.PathLike[str] | None = None) -> dict[str, Dataset]:
    """Returns the user's datasets by name; none where there is no file of them.

    Args:
        path: of the file; None looks where `file_of_datasets` says.

    Raises:
        ConfigError: the file cannot be read, or an entry makes no dataset.
    """
    return {name: to_dataset(entry) for name, entry in read_entries(path).items()}


def read_entries(path: str | os.PathLike[str] | None = None) -> dict[str, Entry]:
    """Returns the entries of the file of datasets by name; arguments as `read_datasets`.

    Raises:
        ConfigError: the file cannot be read, or an entry makes no dataset.
    """
    file = file_of_datasets(path)
    if not file.exists() and path is None and not os.environ.get(VARIABLE):
        return {}
    entries = _load(file, _text(file))
    return {name: _entry(file, name, values) for name, values in entries.items()}


def to_dataset(entry: Entry) -> Dataset:
    """Returns what an entry means.

    Example:
        >>> columns = {"smiles": "SMILES", "text": "caption"}
        >>> to_dataset(Entry(Recipe("mine", columns, {"": "/data/mine.csv"}))).kind
        'molecules'
    """
    recipe = entry.recipe
    names = [Path(path).name for path in recipe.files.values()]
    return Dataset(
        name=recipe.name,
        kind=recipe.kind,
        title=entry.about.get("title", f"{recipe.kind} of {', '.join(names)}"),
        homepage=entry.about.get("homepage", ""),
        licence=entry.about.get("licence", "not stated"),
        citation=entry.about.get("citation", ""),
        files=tuple(
            SourceFile(path, sha256=entry.sha256.get(path)) for path in recipe.files.values()
        ),
        counts={},
        notes=entry.about.get("notes", ""),
        read=lambda folder: _read(entry),
        held_out_from=entry.held_out_from,
        recipe=_recipe_text(entry),
    )


def _recipe_text(entry: Entry) -> str:
    """All that decides how records are made of the files; files are compared themselves."""
    plain = dataclasses.replace(entry, about={}, sha256={}, rows={})
    values = to_values(plain, Path())
    files = {key: Path(values.pop(key)).name for key in _FILES if key in values}
    return json.dumps({**files, **values}, sort_keys=True, ensure_ascii=False)


def add_entry(
    entry: Entry, path: str | os.PathLike[str] | None = None, replace: bool = False
) -> Path:
    """Writes an entry to the file of datasets; the rest of the file stays as it is.

    Args:
        entry: to write.
        path: of the file, which is made when it is not there; None as `file_of_datasets`.
        replace: an entry of that name.

    Returns:
        The file.

    Raises:
        ConfigError: the name is no name or taken, or the file cannot be written.
    """
    file, name = file_of_datasets(path), entry.recipe.name
    check_new(name, replace, path)
    text = _text(file) if file.exists() else _HEADER
    known = _load(file, text)
    values = to_values(entry, file.absolute().parent)
    if name in known:
        text = _without(text, name)
    written = yaml.safe_dump({name: values}, sort_keys=False, allow_unicode=True, width=100)
    text = text.rstrip("\n") + "\n\n" + written if text.strip() else written
    if _load(file, text) != {**known, name: values}:
        raise ConfigError(
            f"{file} is laid out in a way that cannot be added to. Add this:\n{written}"
        )
    _write(file, text)
    return file


def check_new(name: str, replace: bool, path: str | os.PathLike[str] | None = None) -> None:
    """Checks that a dataset of a name may be added.

    Args:
        name: of the dataset.
        replace: an entry of that name.
        path: of the file of datasets; None as `file_of_datasets`.

    Raises:
        ConfigError: the name is no name or taken, or the file cannot be read.
    """
    check_name(name)
    file = file_of_datasets(path)
    if not replace and file.exists() and name in _load(file, _text(file)):
        raise ConfigError(
            f"{file} has a dataset {name!r} already: choose another name, or add --replace."
        )


def check_name(name: str) -> None:
    """Checks that a dataset may be called so.

    Raises:
        ConfigError: it may not; the message says why.
    """
    from t5chem.datasets.registry import built_in

    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be a dataset's name: lower-case letters, digits and underscores, "
            "the first a letter."
        )
    if name in _TAKEN or name in built_in():
        raise ConfigError(f"{name!r} is a name of this package: choose another one.")
    for ending in _ENDINGS:
        if name == ending or name.endswith(f"_{ending}"):
            raise ConfigError(
                f"{name!r} ends as the names of tasks do ({ending}): choose another one."
            )


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Returns the SHA-256 of a file in hexadecimal digits.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}.") from error


def _read(entry: Entry) -> Iterator[Row | Bad]:
    for path, pinned in entry.sha256.items():
        if (found := sha256_of(path)) != pinned:
            raise ConfigError(
                f"{path} has changed since it was added as {entry.recipe.name!r} (SHA-256 "
                f"{found[:12]}..., and {pinned[:12]}... then). If that is meant, add it again with "
                "`t5chem data add --replace`, or remove `sha256` from its entry, and remove what "
                "was built of it."
            )
    yield from read_rows(entry.recipe)


# From YAML


class _Loader(yaml.SafeLoader):
    """Refuses what YAML would take silently: a key that stands twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise ConfigError(f"{key.value!r} stands there a second time in line {line}.")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} has bytes that are not UTF-8: save it as UTF-8.") from error


def _load(file: Path, text: str) -> dict[str, Any]:
    try:
        # A subclass of the safe loader, which makes nothing but texts, numbers, lists and tables.
        loaded = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is no YAML: {' '.join(str(error).split())}") from error
    except ConfigError as error:
        raise ConfigError(f"{file}: {error.message}") from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(f"{file} must be a table of datasets, each under its name.")
    return loaded


def _entry(file: Path, name: Any, values: Any) -> Entry:
    try:
        check_name(str(name))
        if not isinstance(values, dict):
            raise ConfigError("it says nothing. Give its file and its columns.")
        return from_values(str(name), values, file.absolute().parent)
    except ConfigError as error:
        raise ConfigError(f"{file}, dataset {name!r}: {error.message}") from error


def from_values(name: str, values: Mapping[str, Any], folder: Path) -> Entry:
    """Returns the entry that some values make.

    Args:
        name: of the dataset.
        values: as YAML has them.
        folder: that paths are relative to.

    Raises:
        ConfigError: a value is missing, unknown or of a wrong kind.
    """
    _check_values(values)
    columns = {role: values[role] for role in ROLES if role in values}
    paths = {key: _absolute(folder, values[key]) for key in _FILES if key in values}
    layout = Layout(
        values.get("format"), values.get("separator"), quoted=values.get("quoting", True)
    )
    recipe = Recipe(
        name=name,
        columns=columns,
        files=_files(paths, "split" in columns),
        layout=layout,
        seed=values.get("seed", 0),
        parse_actions=values.get("parse_actions", True),
    )
    recipe.kind  # noqa: B018 - raises where the columns make no record
    sha256 = {_absolute(folder, path): digest for path, digest in values.get("sha256", {}).items()}
    for path in sha256.keys() - set(recipe.files.values()):
        raise ConfigError(f"sha256: {path} is none of its files.")
    return Entry(
        recipe=recipe,
        about={key: values[key] for key in _ABOUT if key in values},
        held_out_from=_held_out_from(values.get("held_out_from", [])),
        sha256=sha256,
        rows=values.get("rows", {}),
    )


def _check_values(values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if key not in _KEYS:
            raise ConfigError(f"there is no {key!r}.{did_you_mean(str(key), _KEYS)}")
        # YAML reads `no` as false and 1 as a number: a column of that name must be quoted.
        if type(value) is not _KEYS[key]:
            raise ConfigError(f"{key}: {value!r} must be {_WHAT[_KEYS[key]]}.")
    if (name := values.get("format", "csv")) not in FORMATS:
        raise ConfigError(f"format: {name!r} is none of {', '.join(FORMATS)}.")
    if len(separator := values.get("separator", ",")) != 1 or separator in '\r\n"':
        raise ConfigError(f"separator: {separator!r} must be one character.")
    if "file" not in values:
        raise ConfigError("it has no file.")
    for key, inner in (("sha256", str), ("rows", int)):
        for name, value in values.get(key, {}).items():
            if type(name) is not str or type(value) is not inner:
                raise ConfigError(
                    f"{key}: {name!r}: {value!r} must be {_WHAT[inner]} under a name."
                )


def _absolute(folder: Path, path: str) -> str:
    if "*" in path:
        raise ConfigError(f"{path}: '*' cannot stand in a path.")
    return os.path.abspath(folder / Path(path).expanduser())


def _files(paths: Mapping[str, str], has_split: bool) -> dict[str, str]:
    """The path by split, or one under ''."""
    if len(set(paths.values())) < len(paths):
        raise ConfigError(
            "one file cannot hold two splits: name another, or a column with --split."
        )
    if len(paths) == 1:
        return {"": paths["file"]}
    if has_split:
        raise ConfigError("a column of splits and a file a split: one or the other.")
    return {"train" if key == "file" else key: path for key, path in paths.items()}


def _held_out_from(names: Sequence[Any]) -> tuple[str, ...]:
    from t5chem.datasets.registry import built_in

    for name in map(str, names):
        if name not in built_in():
            raise ConfigError(
                f"held_out_from: there is no dataset {name!r}.{did_you_mean(name, built_in())}"
            )
    return tuple(map(str, names))


# To YAML


def to_values(entry: Entry, folder: Path) -> dict[str, Any]:
    """Returns an entry as YAML has it; `from_values` reads it back.

    Args:
        entry: to write.
        folder: paths of files within it are written relative to it.
    """
    recipe, layout, plain = entry.recipe, entry.recipe.layout, Layout()
    values: dict[str, Any] = {
        "file" if split in ("", "train") else split: _relative(folder, path)
        for split, path in recipe.files.items()
    }
    values |= {role: recipe.columns[role] for role in ROLES if role in recipe.columns}
    options: dict[str, tuple[Any, Any]] = {
        "format": (layout.format, plain.format),
        "separator": (layout.separator, plain.separator),
        "quoting": (layout.quoted, plain.quoted),
        "parse_actions": (recipe.parse_actions, True),
        "seed": (recipe.seed, 0),
        "held_out_from": (list(entry.held_out_from), []),
        "sha256": ({_relative(folder, path): s for path, s in entry.sha256.items()}, {}),
        "rows": (dict(entry.rows), {}),
    }
    values |= {key: entry.about[key] for key in _ABOUT if key in entry.about}
    return values | {key: value for key, (value, usual) in options.items() if value != usual}


def _relative(folder: Path, path: str) -> str:
    inside = Path(path).is_relative_to(folder)
    return Path(path).relative_to(folder).as_posix() if inside else path


def _without(text: str, name: str) -> str:
    """Cuts an entry out of the text of a file; comments around it stay."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key, value in node.value:
        if key.value == name:
            lines = text[key.start_mark.index : value.end_mark.index].splitlines(keepends=True)
            own = len(lines)
            while own > 1 and not lines[own - 1].startswith((" ", "\t")):
                own -= 1  # blank lines and comments behind it belong to what follows
            end = key.start_mark.index + len("".join(lines[:own]))
            return text[: key.start_mark.index] + text[end:]
    return text


def _write(file: Path, text: str) -> None:
    """Writes all of a file or nothing."""
    beside = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, file)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}.") from error


def pinned(entry: Entry, rows: Mapping[str, int]) -> Entry:
    """Returns an entry that remembers its files and their rows.

    Args:
        entry: whose files are there.
        rows: by split, that the dataset keeps.

    Raises:
        ConfigError: a file cannot be read.
    """
    digests = {path: sha256_of(path) for path in entry.recipe.files.values()}
    return dataclasses.replace(entry, sha256=digests, rows=dict(rows))
