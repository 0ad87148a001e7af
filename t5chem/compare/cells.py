"""The cells of a comparison: each is one training run, with what it is made of."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from t5chem.compare.suite import Suite, System, find_gin_file
from t5x.errors import ConfigError, did_you_mean
from t5x.gin_places import find_places
from t5x.gin_utils import default_search_paths

RUN, AVERAGED, EVALUATED = "run", "averaged", "evaluated"
"""Folders of a cell's training run, of a mean of its checkpoints, and of that one's scores."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training run.

    Attributes:
        system: that is trained.
        size: of it.
        seed: of it.
        run: which of the system's runs.
        out: folder of the comparison.
        gin_files: of its configuration, later ones winning.
        eval_gin_files: of its evaluation, where a mean of checkpoints is scored.
        bindings: `NAME = VALUE`, which beat the files.
        starts_from: the cells that must have finished before.
        fingerprint: of the configuration: changes when any setting of it does.
    """

    system: System
    size: str
    seed: int
    run: str
    out: Path
    gin_files: tuple[str, ...]
    eval_gin_files: tuple[str, ...]
    bindings: tuple[str, ...]
    starts_from: tuple[Cell, ...]
    fingerprint: str

    @property
    def name(self) -> str:
        """Such as `text_chem_t5.tiny.seed0`; a run of several has its name too."""
        parts = [self.system.name, self.size, f"seed{self.seed}"]
        return ".".join(parts if len(self.system.runs) == 1 else [*parts, self.run])

    @property
    def folder(self) -> Path:
        """Of all that the cell leaves."""
        return self.out / "cells" / self.name

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
    def scored_dir(self) -> Path:
        """The folder whose predictions are scored."""
        return self.folder / EVALUATED if self.system.average_last else self.model_dir

    @property
    def commands(self) -> list[list[str]]:
        """The command lines that train it and, where it is so wanted, score a mean of it."""
        bindings = [*self.bindings, *_bindings({"MODEL_DIR": str(self.model_dir)})]
        train = _command("t5x.train", _gin(self.gin_files, bindings))
        if not self.system.average_last:
            return [train]
        mean = self.folder / AVERAGED
        average = ["--model_dir", str(self.model_dir), "--last", str(self.system.average_last)]
        bindings = _bindings(
            {
                **self.system.runs[self.run],
                "CHECKPOINT_PATH": str(mean),
                "EVAL_OUTPUT_DIR": str(self.scored_dir),
            }
        )
        return [
            train,
            _command("t5x.average_checkpoints", [*average, "--output", str(mean)]),
            _command("t5x.eval", _gin(self.eval_gin_files, bindings)),
        ]


def _command(module: str, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _gin(files: Sequence[str], bindings: Sequence[str]) -> list[str]:
    return [*(f"--gin_file={file}" for file in files), *(f"--gin_bindings={b}" for b in bindings)]


def _bindings(values: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {value!r}" for name, value in values.items()]


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
    def named(patterns: Sequence[str]) -> tuple[str, ...]:
        return tuple(pattern.format(size=size) for pattern in patterns)

    starts = {macro: made[name] for macro, name in system.starts_from.items()}
    seeded = _bindings({**system.runs[run], "RANDOM_SEED": seed})
    checkpoints = _bindings({macro: str(cell.model_dir) for macro, cell in starts.items()})
    cell = Cell(
        system=system,
        size=size,
        seed=seed,
        run=run,
        out=out,
        gin_files=named((*suite.gin_files, *system.gin_files, *suite.last_gin_files)),
        eval_gin_files=named(system.eval_gin_files),
        bindings=(*seeded, *checkpoints),
        starts_from=tuple(starts.values()),
        fingerprint="",
    )
    begins = [f"{macro} {one.fingerprint}" for macro, one in starts.items()]
    begins.append(f"average {system.average_last}")
    fingerprint = _fingerprint(cell.gin_files, cell.eval_gin_files, seeded, begins, search_paths)
    return dataclasses.replace(cell, fingerprint=fingerprint)


def _fingerprint(
    files: Sequence[str],
    eval_files: Sequence[str],
    bindings: Sequence[str],
    begins: Sequence[str],
    search_paths: Sequence[str],
) -> str:
    """A digest of every setting and of what the run starts from; comments do not count."""
    for file in (*files, *eval_files):
        find_gin_file(file, search_paths)
    folders = [*search_paths, *default_search_paths()]
    settings = []
    for read in (files, eval_files):
        places = find_places(folders, read, bindings)
        settings += [f"{name} = {place.value}" for name, place in sorted(places.bindings.items())]
    return hashlib.sha256("\n".join([*settings, *begins]).encode()).hexdigest()
