"""The cells of a comparison: each is one training run, with what it is made of."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from t5chem.compare.suite import Suite, System, find_gin_file
from t5x.errors import ConfigError, did_you_mean
from t5x.gin_places import find_places
from t5x.gin_utils import default_search_paths

RUN = "run"
"""The folder of a cell's training run, within the cell's own."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training run.

    Attributes:
        system: that is trained.
        size: of it.
        seed: of it.
        run: which of the system's runs.
        folder: of all that the cell leaves.
        gin_files: of its configuration, later ones winning.
        bindings: `NAME = VALUE`, which beat the files.
        starts_from: the cells that must have finished before.
        fingerprint: of the configuration: changes when any setting of it does.
    """

    system: System
    size: str
    seed: int
    run: str
    folder: Path
    gin_files: tuple[str, ...]
    bindings: tuple[str, ...]
    starts_from: tuple[Cell, ...]
    fingerprint: str

    @property
    def name(self) -> str:
        """Such as `text_chem_t5.tiny.seed0`; a run of several has its name too."""
        parts = [self.system.name, self.size, f"seed{self.seed}"]
        return ".".join(parts if len(self.system.runs) == 1 else [*parts, self.run])

    @property
    def tasks(self) -> tuple[str, ...]:
        """Which of the five tasks are scored: of several runs, each named after its task."""
        alone = len(self.system.runs) == 1 or self.run not in self.system.tasks
        return tuple(self.system.tasks) if alone else (self.run,)

    @property
    def model_dir(self) -> Path:
        """The run's own folder, as `t5x.train` knows it."""
        return self.folder / RUN

    @property
    def command(self) -> list[str]:
        """The command line that trains it."""
        return [
            *(sys.executable, "-m", "t5x.train"),
            *(f"--gin_file={file}" for file in self.gin_files),
            *(f"--gin_bindings={binding}" for binding in self.bindings),
        ]


def plan(suite: Suite, out: str | Path, search_paths: Sequence[str] = (".",)) -> list[Cell]:
    """Returns the cells of a suite, each after those it starts from.

    Args:
        suite: what is compared.
        out: folder of the comparison.
        search_paths: folders to look for gin files in first.

    Raises:
        ConfigError: a gin file is not there.
    """
    cells: list[Cell] = []
    for size, seed in itertools.product(suite.sizes, suite.seeds):
        made: dict[str, Cell] = {}
        for system in suite.in_order():
            for run in system.runs:
                cell = _cell(suite, system, size, seed, run, made, Path(out), search_paths)
                made[system.name] = cell
                cells.append(cell)
    return cells


def find_cell(cells: Sequence[Cell], name_or_number: str) -> Cell:
    """Returns the cell of a name, or of a number from 1.

    Raises:
        ConfigError: there is none.
    """
    if name_or_number.isdigit():
        number = int(name_or_number)
        if not 1 <= number <= len(cells):
            raise ConfigError(f"--cell {number}: the suite's cells are 1 to {len(cells)}.")
        return cells[number - 1]
    names = [cell.name for cell in cells]
    if name_or_number not in names:
        hint = did_you_mean(name_or_number, names)
        raise ConfigError(f"--cell {name_or_number}: there is no such cell.{hint} See --list.")
    return cells[names.index(name_or_number)]


def _cell(
    suite: Suite,
    system: System,
    size: str,
    seed: int,
    run: str,
    made: dict[str, Cell],
    out: Path,
    search_paths: Sequence[str],
) -> Cell:
    patterns = (*suite.gin_files, *system.gin_files, *suite.last_gin_files)
    files = tuple(pattern.format(size=size) for pattern in patterns)
    starts = {macro: made[name] for macro, name in system.starts_from.items()}
    settings = {
        **system.runs[run],
        **{macro: str(cell.model_dir) for macro, cell in starts.items()},
        "RANDOM_SEED": seed,
    }
    bindings = [f"{name} = {value!r}" for name, value in settings.items()]
    own = {**system.runs[run], "RANDOM_SEED": seed}
    fingerprint = _fingerprint(
        files, [f"{name} = {value!r}" for name, value in own.items()],
        [f"{macro} {cell.fingerprint}" for macro, cell in starts.items()], search_paths,
    )  # fmt: skip
    cell = Cell(system, size, seed, run, Path(), files, (), tuple(starts.values()), fingerprint)
    folder = out / "cells" / cell.name
    return dataclasses.replace(
        cell, folder=folder, bindings=(*bindings, f"MODEL_DIR = {str(folder / RUN)!r}")
    )


def _fingerprint(
    files: Sequence[str],
    bindings: Sequence[str],
    starts: Sequence[str],
    search_paths: Sequence[str],
) -> str:
    """A digest of every setting and of what the run starts from; comments do not count."""
    for file in files:
        find_gin_file(file, search_paths)
    places = find_places([*search_paths, *default_search_paths()], files, bindings)
    settings = [f"{name} = {place.value}" for name, place in sorted(places.bindings.items())]
    text = "\n".join([*settings, *sorted(starts)])
    return hashlib.sha256(text.encode()).hexdigest()
