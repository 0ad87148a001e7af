"""`t5chem evaluate --perturb`: asks a model again, with its input molecules spelled otherwise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from t5chem.evaluation_files import Columns, read_pairs
from t5chem.evaluations import SOME_BAD, settings_of, write_figures
from t5chem.perturbations import PERTURBATIONS
from t5chem.robustness import check_task, measure, table
from t5x.compilation_cache import use_compilation_cache
from t5x.errors import ConfigError, blamed_on
from t5x.progress import Progress

FIGURES: Final = "robustness.json"
_BATCH_SIZE: Final = 8
_BATCHES_AT_ONCE: Final = 4


def run(arguments: argparse.Namespace) -> int:
    """Runs the command.

    Args:
        arguments: of `t5chem evaluate`, checked.

    Returns:
        Exit code: 0, or 3 when some rows were bad: without input or target they are left out,
        and an input that is no SMILES is asked as it is, throughout.

    Raises:
        RunError: the command cannot run.
    """
    check_task(arguments.task)
    columns = Columns(input=arguments.input_column, target=arguments.target_column)
    found = read_pairs(arguments.predictions, arguments.task, columns, arguments.format)
    rows = [row for row in found if row.target is not None and row.input.strip()]
    rows = rows[: arguments.rows]
    if not rows:
        raise ConfigError(
            f"{arguments.predictions} has no row with an input and a target: name their columns "
            "with --input-column and --target-column."
        )
    model = _Model(arguments, len(rows) * (1 + len(PERTURBATIONS)))
    with blamed_on():
        result = measure(
            model,
            arguments.task,
            [row.input for row in rows],
            [row.target or "" for row in rows],
            settings_of(arguments),
            arguments.seed,
        )
    model.close()
    print(table(result))
    if arguments.task != "mol2text":
        print("\nReactions are asked in canonical form: spelling cannot change their answers.")
    folder = _folder(arguments)
    _write(folder, {**_made_with(arguments, len(rows)), **result.as_dict()})
    unreadable = {rows[i].number: "the input is no SMILES" for i in result.unreadable}
    asked = found if arguments.rows is None else found[: rows[-1].number]
    missing = {
        row.number: "no input or no target"
        for row in asked
        if row.target is None or not row.input.strip()
    }
    bad = sorted({**unreadable, **missing}.items())
    for number, reason in bad:
        print(f"t5chem evaluate: row {number}: {reason}", file=sys.stderr)
    return SOME_BAD if bad else 0


class _Model:
    """Answers inputs and shows how many are done."""

    def __init__(self, arguments: argparse.Namespace, most: int) -> None:
        from t5chem.predictor import Predictor

        use_compilation_cache()
        self._task = arguments.task
        self._options = {"num_beams": arguments.beams}
        self._predictor = Predictor.load(arguments.model, arguments.batch_size or _BATCH_SIZE)
        self._progress = Progress(0, most, sys.stderr, unit="input")
        self._done = 0

    def __call__(self, inputs: Sequence[str]) -> list[str | list[str]]:
        """Returns the best answer to each input; to a reaction all answers, best first."""
        answers: list[str | list[str]] = []
        size = _BATCHES_AT_ONCE * self._predictor.batch_size
        for start in range(0, len(inputs), size):
            some = list(inputs[start : start + size])
            for result in self._predictor.predict(self._task, some, **self._options):
                texts = [candidate.text for candidate in result.candidates]
                answers.append((texts or [""])[0] if self._task == "mol2text" else texts)
            self._done += len(some)
            self._progress.update(self._done, {})
        return answers

    def close(self) -> None:
        """Ends the live line."""
        self._progress.close()


def _folder(arguments: argparse.Namespace) -> Path:
    source = Path(arguments.predictions)
    return Path(arguments.output or source.with_name(f"{source.stem}.robustness"))


def _made_with(arguments: argparse.Namespace, rows: int) -> dict[str, Any]:
    return {
        "file": arguments.predictions,
        "model": arguments.model,
        "rows": rows,
        "beams": arguments.beams,
        "seed": arguments.seed,
        "samples": arguments.samples,
    }


def _write(folder: Path, figures: dict[str, Any]) -> None:
    try:
        write_figures(folder / FIGURES, figures)
    except OSError as error:
        raise ConfigError(f"--output {folder}: {error.strerror}.") from error
    print(f"\nWritten: {folder / FIGURES}")
