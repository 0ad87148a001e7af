"""What the commands of `t5chem data` do."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import itertools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from t5chem.corpora.splits import SPLITS
from t5chem.datasets import listing, user_datasets
from t5chem.datasets.dataset import Dataset
from t5chem.datasets.examples import tasks_of
from t5chem.datasets.manual import load
from t5chem.datasets.mixture_stats import describe_mixture, effective_shares
from t5chem.datasets.registry import all_datasets, find
from t5chem.datasets.report import Report
from t5chem.datasets.user_records import ROLES
from t5chem.datasets.validation import Validated
from t5x.errors import ConfigError

ROWS_DROPPED: Final = 3
_AS_GIVEN: Final = (
    *("file", "validation", "test", "format", "separator", "seed", "held_out_from"),
    *("title", "licence"),
    *ROLES,
)
_UNWATCHED: Final = (
    " --gin.train.train_eval_dataset_cfg=None --gin.train.infer_eval_dataset_cfg=None"
)
"""Trains without rows of validation, which a run otherwise watches and scores."""
_LOOKUP: Final = "mixture_rates"
_REPORT: Final = "validation.json"  # what `builders` writes beside a dataset


def add(arguments: argparse.Namespace) -> int:
    """Runs `t5chem data add`.

    Args:
        arguments: as `command` has them parsed.

    Returns:
        Exit code: 0, or 3 when rows are not used.

    Raises:
        ConfigError: the dataset cannot be made.
    """
    name = arguments.name
    user_datasets.check_new(name, arguments.replace)
    values = {key: getattr(arguments, key) for key in _AS_GIVEN}
    values = {key: value for key, value in values.items() if value is not None}
    if arguments.no_quoting:
        values["quoting"] = False
    if arguments.any_actions:
        values["parse_actions"] = False
    entry = user_datasets.from_values(name, values, Path.cwd())
    dataset = user_datasets.to_dataset(entry)
    report = _load(dataset, arguments.manual_dir).report
    entry = user_datasets.pinned(entry, report.kept)
    file = user_datasets.add_entry(entry, replace=arguments.replace)
    print("\n".join(report.lines()))
    print(_next_steps(dataset, file, report))
    return ROWS_DROPPED if report.dropped else 0


def _next_steps(dataset: Dataset, file: Path, report: Report) -> str:
    without = [split for split in SPLITS if not report.kept.get(split)]
    note = f"  note: no row is of the split {' or '.join(without)}\n" if without else ""
    tasks = ", ".join(f"{dataset.name}_{task}" for task in tasks_of(dataset.kind))
    name = f"\"'{dataset.name}'\""
    unwatched = _UNWATCHED if "validation" in without else ""
    return (
        f"{note}Written: {dataset.name} in {file}\n"
        f"  tasks    {tasks}; all of them: {dataset.name}\n"
        f"  look     t5chem data sample {dataset.name}\n"
        f"  train    python -m t5x.train --gin_file=gin/tiny.gin --gin.MIXTURE_OR_TASK_NAME={name}"
        f"{unwatched}"
    )


def list_all() -> int:
    """Runs `t5chem data list`.

    Raises:
        ConfigError: the user's file of datasets cannot be read.
    """
    datasets = all_datasets()
    print(listing.table(datasets.values(), _rows(datasets)))
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Runs `t5chem data show`; arguments as `add`.

    Raises:
        ConfigError: there is no such dataset.
    """
    dataset = find(arguments.name)
    print(listing.card(dataset, _rows({dataset.name: dataset})[dataset.name]))
    return 0


def _rows(datasets: Mapping[str, Dataset]) -> dict[str, Mapping[str, int]]:
    """Rows by dataset and split: as made on this machine, else as they were added or published."""
    own = user_datasets.read_entries()
    return {
        name: _made(name) or (own[name].rows if name in own else one.counts)
        for name, one in datasets.items()
    }


def _made(name: str) -> dict[str, int]:
    """Rows of what tensorflow-datasets has on this machine, from the report beside it."""
    for path in sorted(Path(_data_dir(), name).glob(f"*/{_REPORT}"), reverse=True):
        kept: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))["kept"]
        return kept
    return {}


def check(arguments: argparse.Namespace) -> int:
    """Runs `t5chem data check`; arguments as `add`.

    Returns:
        Exit code: 0, or 3 when rows are not used.

    Raises:
        ConfigError: the dataset cannot be read, or the report cannot be written.
    """
    report = _load(find(arguments.name), arguments.manual_dir).report
    print("\n".join(report.lines()))
    if arguments.output:
        _write(arguments.output, json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n")
    return ROWS_DROPPED if report.dropped else 0


def stats(arguments: argparse.Namespace) -> int:
    """Runs `t5chem data stats`; arguments as `add`.

    Raises:
        ConfigError: the dataset cannot be read, or the mixture is not known.
    """
    if (arguments.name is None) == (arguments.mixture is None):
        raise ConfigError("Name a dataset, or a mixture with --mixture: one of them.")
    if arguments.mixture is not None:
        return _mixture(arguments)
    from t5chem.datasets.statistics import describe, measure, to_page
    from t5chem.vocabularies import open_vocabulary

    if arguments.limit < 1:
        raise ConfigError(f"--limit {arguments.limit}: at least 1.")
    dataset, vocabulary = find(arguments.name), open_vocabulary(arguments.vocabulary)
    found = _load(dataset, arguments.manual_dir, arguments.rows)
    measured = measure(dataset, found.rows, found.report, vocabulary, arguments.limit)
    print(describe(measured))
    _print_notes(found.report)
    if arguments.output:
        _write(arguments.output, to_page(measured))
    return 0


def _mixture(arguments: argparse.Namespace) -> int:
    for option in ("steps", "batch"):
        value = getattr(arguments, option)
        if value is None or value < 1:
            raise ConfigError(f"--{option} {value}: give --mixture a number, at least 1.")
    if arguments.examples_a_row <= 0:
        raise ConfigError(f"--examples-a-row {arguments.examples_a_row}: above 0.")
    examples = arguments.steps * arguments.batch * arguments.examples_a_row
    shares = effective_shares(_rates(arguments.module, arguments.mixture), examples)
    print(describe_mixture(arguments.mixture, shares, arguments.steps, arguments.batch))
    return 0


def _rates(module: str, mixture: str) -> Mapping[str, tuple[int | None, float]]:
    try:
        # By name, as the engine does: this package knows no tasks.
        registering: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(f"--module {module}: {error}.") from error
    lookup = getattr(registering, _LOOKUP, None)
    if lookup is None:
        raise ConfigError(
            f"--module {module} has no function {_LOOKUP}(mixture), which returns rows and rate by "
            "task."
        )
    rates: Mapping[str, tuple[int | None, float]] = lookup(mixture)
    return rates


def sample(arguments: argparse.Namespace) -> int:
    """Runs `t5chem data sample`; arguments as `add`.

    Raises:
        ConfigError: the dataset cannot be read.
    """
    from t5chem.datasets import samples

    if arguments.number < 1:
        raise ConfigError(f"-n {arguments.number}: at least 1.")
    dataset = find(arguments.name)
    found = _load(dataset, arguments.manual_dir, arguments.rows)
    rows = samples.draw_rows(found.rows, arguments.number, arguments.seed)
    print(samples.describe(dataset, rows))
    _print_notes(found.report)
    if arguments.output:
        _write(arguments.output, samples.to_page(dataset, rows, arguments.seed))
    return 0


def _load(dataset: Dataset, manual: str | None, most: int | None = None) -> Validated:
    """Reads a dataset, or the first rows of its files."""
    for file in dataset.files:
        if os.path.isabs(file.name) and not os.path.isfile(file.name):
            raise ConfigError(f"{file.name}: there is no such file.")
    if most is not None:
        if most < 1:
            raise ConfigError(f"--rows {most}: at least 1.")
        whole = dataset.read
        dataset = dataclasses.replace(
            dataset, read=lambda folder: itertools.islice(whole(folder), most), counts={}
        )
    found = load(dataset, manual or _default_manual())
    if most is not None:
        found.report.notices.append(f"the first {most:,} rows of the files only")
    return found


def _default_manual() -> str:
    return os.path.join(_data_dir(), "downloads", "manual")


def _data_dir() -> str:
    """Where tensorflow-datasets keeps its data, without importing it."""
    folder = os.environ.get("TFDS_DATA_DIR", os.path.join("~", "tensorflow_datasets"))
    return os.path.expanduser(folder)


def _print_notes(report: Report) -> None:
    notes = list(report.notices)
    if dropped := report.dropped.total():
        notes.append(f"{dropped:,} of {report.read:,} rows dropped: see `t5chem data check`")
    if notes:
        print("\n" + "\n".join(f"note: {note}" for note in notes))


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--output {path}: {error.strerror}.") from error
    print(f"\nWritten: {path}")
