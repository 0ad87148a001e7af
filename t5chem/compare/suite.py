"""What is compared: a suite of systems, as its gin file says."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import gin

from t5chem.metrics import EVALUATORS
from t5x import gin_utils
from t5x.errors import ConfigError, did_you_mean

ONE_RUN: Mapping[str, Mapping[str, Any]] = {"all": {}}


@gin.configurable(module="t5chem.compare.suite")
@dataclasses.dataclass(frozen=True)
class System:
    """One system, or a training that others start from.

    Attributes:
        name: short, of letters, digits, `_` and `-`; folders are called so.
        title: as readers know it; the name when empty.
        gin_files: read after the suite's; `{size}` stands for the size.
        runs: by name, the bindings that a run adds: a specialist of one task has a run a task.
        starts_from: from a binding to the name of the system whose run folder (of the same size and
            seed) is its value, such as `INITIAL_CHECKPOINT_PATH`. It may have one run only.
        average_last: so many of the last checkpoints are averaged, and the mean is scored with
            `eval_gin_files`; 0: the run's own last evaluation counts.
        eval_gin_files: of `t5x.eval`, read with the bindings of the run; `{size}` stands for the
            size.
        tasks: which of the five are scored; none: a training that others start from.
        aggregation: of two encoders; empty for a system with one.
        encoder_shared: whether one encoder reads both domains; None: the table leaves it open.
        encoder_trained: whether the encoder is trained; likewise.
        published: by task, the paper's own BLEU.

    Raises:
        ConfigError: a name that no folder can have, a task that does not exist, or no run.
    """

    name: str
    title: str = ""
    gin_files: Sequence[str] = ()
    runs: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=lambda: ONE_RUN)
    starts_from: Mapping[str, str] = dataclasses.field(default_factory=dict)
    average_last: int = 0
    eval_gin_files: Sequence[str] = ()
    tasks: Sequence[str] = tuple(EVALUATORS)
    aggregation: str = ""
    encoder_shared: bool | None = None
    encoder_trained: bool | None = None
    published: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind, name in [("System.name", self.name), *(("System.runs", r) for r in self.runs)]:
            if not name or not all(one.isalnum() or one in "_-" for one in name):
                raise ConfigError(
                    f"{kind} {name!r} is to name a folder: use letters, digits, '_' and '-'.", kind
                )
        if bool(self.average_last) != bool(self.eval_gin_files):
            raise ConfigError(
                f"The system {self.name!r} has average_last={self.average_last} and "
                f"eval_gin_files={list(self.eval_gin_files)}: a mean of checkpoints is scored by "
                "itself. Give both or neither.",
                "System.average_last",
            )
        if not self.runs:
            raise ConfigError(f"The system {self.name!r} has no run.", "System.runs")
        for task in (*self.tasks, *self.published):
            if task not in EVALUATORS:
                raise ConfigError(
                    f"The system {self.name!r} names the task {task!r}."
                    f"{did_you_mean(task, EVALUATORS)} The tasks are {', '.join(EVALUATORS)}.",
                    "System.tasks",
                )

    @property
    def shown(self) -> str:
        """The title, or the name where there is none."""
        return self.title or self.name


@gin.configurable(module="t5chem.compare.suite")
@dataclasses.dataclass(frozen=True)
class Suite:
    """Systems x sizes x seeds.

    Attributes:
        title: heading of the table and the page.
        systems: in the order of the table; one that others start from may stand anywhere.
        sizes: fill `{size}` in the names of gin files.
        seeds: of each system and size; the value of `RANDOM_SEED`.
        gin_files: what every run reads first; `{size}` stands for the size.
        last_gin_files: what every run reads last: the budget, which is the same for all.
        budget: what every run may spend, in words, for the table.

    Raises:
        ConfigError: two systems of one name, one that starts from a system that is not there or
            has several runs, systems that start from each other, or nothing to compare.
    """

    title: str
    systems: Sequence[System]
    sizes: Sequence[str]
    seeds: Sequence[int] = (0,)
    gin_files: Sequence[str] = ()
    last_gin_files: Sequence[str] = ()
    budget: str = ""

    def __post_init__(self) -> None:
        for field in ("systems", "sizes", "seeds"):
            if not getattr(self, field):
                raise ConfigError(f"Suite.{field} is empty: there is nothing to run.", "Suite")
        names = [system.name for system in self.systems]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"Two systems are called {name!r}.", "Suite.systems")
        for system in self.systems:
            for start in system.starts_from.values():
                self._check_start(system, start, names)
        self.in_order()

    def _check_start(self, system: System, start: str, names: Sequence[str]) -> None:
        if start not in names:
            raise ConfigError(
                f"The system {system.name!r} starts from {start!r}, which is not in the suite."
                f"{did_you_mean(start, names)}",
                "System.starts_from",
            )
        if len(self.system(start).runs) > 1:
            raise ConfigError(
                f"The system {system.name!r} starts from {start!r}, which has several runs: "
                f"{', '.join(self.system(start).runs)}.",
                "System.starts_from",
            )

    def system(self, name: str) -> System:
        """Returns the system of a name."""
        return next(system for system in self.systems if system.name == name)

    def in_order(self) -> list[System]:
        """Returns the systems, each after those that it starts from.

        Raises:
            ConfigError: there is no such order.
        """
        placed: list[System] = []
        waiting = list(self.systems)
        while waiting:
            names = {system.name for system in placed}
            ready = [one for one in waiting if set(one.starts_from.values()) <= names]
            if not ready:
                circle = ", ".join(repr(system.name) for system in waiting)
                raise ConfigError(f"Systems start from each other: {circle}.", "System.starts_from")
            placed += ready
            waiting = [system for system in waiting if system not in ready]
        return placed

    def only(
        self,
        systems: Sequence[str] = (),
        sizes: Sequence[str] = (),
        seeds: Sequence[int] = (),
    ) -> Suite:
        """Returns the part of the suite with these systems, and those they start from.

        Args:
            systems: names; none: all.
            sizes: none: all.
            seeds: none: all.

        Raises:
            ConfigError: one of them is not in the suite.
        """
        _check_known("system", systems, [system.name for system in self.systems])
        _check_known("size", sizes, self.sizes)
        _check_known("seed", seeds, self.seeds)
        wanted = set(systems) or {system.name for system in self.systems}
        for system in reversed(self.in_order()):
            if system.name in wanted:
                wanted |= set(system.starts_from.values())
        return dataclasses.replace(
            self,
            systems=[system for system in self.systems if system.name in wanted],
            sizes=[size for size in self.sizes if not sizes or size in sizes],
            seeds=[seed for seed in self.seeds if not seeds or seed in seeds],
        )


def _check_known(kind: str, asked: Sequence[Any], known: Sequence[Any]) -> None:
    for one in asked:
        if one not in known:
            hint = did_you_mean(str(one), map(str, known))
            raise ConfigError(
                f"The suite has no {kind} {one!r}.{hint} It has {', '.join(map(str, known))}."
            )


def load_suite(
    file: str, bindings: Sequence[str] = (), search_paths: Sequence[str] = (".",)
) -> Suite:
    """Reads a suite's gin file.

    Args:
        file: such as `gin/suites/tiny.gin`.
        bindings: `NAME = VALUE`, which beat the file.
        search_paths: folders to look for gin files in first.

    Raises:
        ConfigError: the file is not there, is no suite, or the suite cannot work.
    """
    gin.clear_config()
    gin_utils.parse_gin_flags(search_paths, [file], bindings)
    with gin_utils.explained():
        suite = gin.get_configurable(Suite)()
    gin.clear_config()  # it would go on to set what others leave out of a `System` or a `Suite`
    for pattern in {*suite.gin_files, *suite.last_gin_files, *_system_files(suite)}:
        for size in suite.sizes:
            find_gin_file(pattern.format(size=size), search_paths)
    return suite


def _system_files(suite: Suite) -> list[str]:
    return [
        file for system in suite.systems for file in (*system.gin_files, *system.eval_gin_files)
    ]


def find_gin_file(file: str, search_paths: Sequence[str]) -> str:
    """Returns where a gin file is.

    Args:
        file: as a suite names it.
        search_paths: folders to look in first.

    Raises:
        ConfigError: it is in none of the folders.
    """
    for folder in (*search_paths, *gin_utils.default_search_paths()):
        path = os.path.join(folder, file)
        if os.path.isfile(path):
            return path
    raise ConfigError(f"The suite names the gin file {file!r}, which is not there.", "Suite")
