"""Datasets from the files that a person has placed in the manual folder of tensorflow-datasets.

Nothing is downloaded: networks are closed where much of this runs, and some addresses want a login.
A message says what is missing, where it was looked for and where it is published.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from t5chem.datasets.dataset import HELD_OUT, Dataset, SourceFile
from t5chem.datasets.report import Report
from t5chem.datasets.validation import Validated, held_out_keys, validate
from t5x.errors import ConfigError


def load(dataset: Dataset, manual: str | os.PathLike[str]) -> Validated:
    """Reads a dataset from the manual folder, and checks all that is known of it.

    Args:
        dataset: to read.
        manual: folder with the files in `<manual>/<dataset's folder>/` or in it itself.

    Returns:
        Its good rows, and the report.

    Raises:
        ConfigError: files are missing or cannot be read, or the rows are not as many as published.
    """
    from t5chem.datasets.registry import built_in

    folder = find_folder(dataset, manual)
    notices = [*_changed(dataset, folder), *_absent(dataset, folder)]
    held_out = {}
    for name in dataset.held_out_from:
        other = built_in()[name]
        try:
            place = find_folder(other, manual)
            held_out[name] = held_out_keys(other, place)
            notices.extend(f"{name}: {text}" for text in _changed(other, place))
        except ConfigError as error:
            if HELD_OUT in dataset.drops:
                raise ConfigError(
                    f"{dataset.name} must not hold rows that {name} tests with, and they cannot "
                    f"be looked up. {error.message}"
                ) from error
            notices.append(f"not compared with {name}: its files are not there")
    validated = validate(dataset, folder, held_out)
    validated.report.notices.extend(notices)
    validated.report.made_from = made_from(dataset, manual)
    _check_counts(dataset, folder, validated.report)
    if not validated.rows:
        details = "\n".join(validated.report.lines())
        raise ConfigError(f"No row of {dataset.name} is left.\n{details}")
    return validated


def find_folder(dataset: Dataset, manual: str | os.PathLike[str]) -> Path:
    """Returns the folder that has a dataset's required files.

    Args:
        dataset: whose files are looked for.
        manual: looked in are its folder of the dataset's name, and then it itself.

    Raises:
        ConfigError: a required file is in neither.
    """
    places = [Path(manual) / (dataset.folder or dataset.name), Path(manual)]
    missing = [list(_missing(dataset, place)) for place in places]
    for place, files in zip(places, missing, strict=True):
        if not files:
            return place
    raise ConfigError(_how_to_place(dataset, places, min(missing, key=len)))


def present(folder: Path, file: SourceFile) -> list[Path]:
    """Returns the files in a folder that a dataset's file stands for: all of a pattern, or one."""
    for name in (file.name, *file.alternatives):
        found = sorted(folder.glob(name)) if "*" in name else [folder / name]
        if found := [path for path in found if path.is_file()]:
            return found
    return []


def made_from(dataset: Dataset, manual: str | os.PathLike[str]) -> dict[str, str]:
    """Returns what a dataset made now would be made from, to tell one made before from it.

    Args:
        dataset: to be made.
        manual: folder with its files.

    Returns:
        SHA-256 by file, and the `recipe`; nothing when the files are not there.
    """
    try:
        folder = find_folder(dataset, manual)
    except ConfigError:
        return {}
    paths = [path for file in dataset.files for path in present(folder, file)]
    files = {_name(path, folder): _sha256(path) for path in paths}
    return {**files, "recipe": dataset.recipe} if dataset.recipe else files


def _missing(dataset: Dataset, folder: Path) -> Iterator[SourceFile]:
    found = {file: bool(present(folder, file)) for file in dataset.files}
    if not any(found.values()):
        yield from dataset.files
    else:
        yield from (file for file in dataset.files if file.required and not found[file])


def _how_to_place(dataset: Dataset, places: list[Path], missing: list[SourceFile]) -> str:
    lines = [f"{dataset.name} ({dataset.title}) is made from files that are not there:"]
    for file in missing:
        names = " or ".join((file.name, *file.alternatives))
        lines.append(f"  {names}" + (f": {file.url}" if file.url else ""))
    if all(Path(file.name).is_absolute() for file in missing):  # a table of the user's
        return "\n".join([*lines, "Put them back, or add it anew with `t5chem data add`."])
    lines += [
        f"Looked in {places[0]} and in {places[1]}.",
        f"Its homepage is {dataset.homepage}." if dataset.homepage else "",
        f"Place them in FOLDER/{dataset.folder or dataset.name}/ and run",
        f"  python -m t5chem.datasets.build {dataset.name} --manual_dir FOLDER",
    ]
    return "\n".join(line for line in lines if line)


def _changed(dataset: Dataset, folder: Path) -> Iterator[str]:
    for file in dataset.files:
        path = folder / file.name
        if file.sha256 and path.is_file() and _sha256(path) != file.sha256:
            yield f"{file.name} is not the file that the card speaks of"


def _absent(dataset: Dataset, folder: Path) -> Iterator[str]:
    for file in dataset.files:
        if not present(folder, file):
            yield (
                f"{file.name} is not there: its rows are left out. To have them, place it "
                f"({file.url or dataset.homepage}), remove what was made and make it anew."
            )


def _name(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _sha256(path: Path) -> str:
    found = path.stat()
    return _sha256_once(path, found.st_size, found.st_mtime_ns)


@functools.lru_cache(maxsize=1 << 14)  # SeqIO asks for a dataset's rows many times in a run
def _sha256_once(path: Path, size: int, changed_at: int) -> str:
    """The size and time are there to tell a file that has changed since."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_counts(dataset: Dataset, folder: Path, report: Report) -> None:
    complete = all(present(folder, file) for file in dataset.files)
    for split, expected in dataset.counts.items():
        found = report.kept.get(split, 0)
        if found == expected or (not found and not complete):
            continue
        details = "\n".join(report.lines())
        raise ConfigError(
            f"{dataset.name} has {found:,} rows in split {split!r}, and {expected:,} as published: "
            f"the files in {folder} were cut off, changed, or are another release. Fetch them "
            "again; to use them as they are, add them under a name of your own with "
            f"`t5chem data add`.\n{details}"
        )
