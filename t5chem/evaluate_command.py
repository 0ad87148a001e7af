"""`t5chem evaluate`: figures, and a report, of predictions in a file."""

from __future__ import annotations

import argparse
import os
from typing import Final

from t5chem.prompts import PROMPTS
from t5x.errors import ConfigError

_MOST_PROCESSES: Final = 8

_EPILOG: Final = """examples:
  t5chem evaluate captions.jsonl --task mol2text --targets test.csv --target-column description
  t5chem evaluate molt5-small-caption2smiles.txt --task text2mol --output figures
  t5chem evaluate --task text2mol --compare ours.jsonl theirs.csv --targets test.csv
  t5chem evaluate test.csv --task mol2text --model runs/tiny --perturb --rows 200

exit code: 0 every row was scored, 2 wrong usage, 3 some rows were bad: those without a prediction
count as wrong, those without a target are left out; each is named with its row number.
"""
# Of --perturb: the option and its attribute.
_FOR_PERTURB: Final = {
    "--model": "model",
    "--rows": "rows",
    "--batch-size": "batch_size",
    "--beams": "beams",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `evaluate`.

    Args:
        commands: of `t5chem`'s parser.
    """
    parser = commands.add_parser(
        "evaluate",
        help="score predictions",
        description="Scores a file of predictions, or compares several, and writes a report.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=evaluate)
    parser.add_argument(
        "predictions",
        nargs="?",
        metavar="PREDICTIONS",
        help=".jsonl, .csv, .tsv, MolT5's .txt; with --perturb, a file of inputs and targets",
    )
    parser.add_argument(
        "--task", required=True, choices=PROMPTS, metavar="TASK", help=", ".join(PROMPTS)
    )
    parser.add_argument(
        "--compare", nargs="+", default=[], metavar="FILE", help="predictions of other systems"
    )
    _add_files(parser.add_argument_group("files"))
    _add_figures(parser.add_argument_group("figures"))
    _add_perturb(parser.add_argument_group("other spellings of the input"))


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--targets", metavar="FILE", help="joined by row number: a table, JSON lines, or lines"
    )
    for role in ("input", "target", "prediction"):
        group.add_argument(
            f"--{role}-column", metavar="NAME", help=f"with the {role}s; or key of JSON lines"
        )
    group.add_argument(
        "--format",
        choices=("csv", "tsv", "jsonl", "lines"),
        help="of the predictions; else as name and first line of the file say",
    )
    group.add_argument(
        "--output", metavar="FOLDER", help="for evaluation.json and report.html (beside the file)"
    )


def _add_figures(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seed", type=int, default=0, help="of intervals and examples (0)")
    group.add_argument("--samples", type=int, default=1000, help="of the bootstrap; 0: none (1000)")
    group.add_argument(
        "--processes",
        type=int,
        default=min(os.cpu_count() or 1, _MOST_PROCESSES),
        help="that read molecules (as many as there are processors, at most 8)",
    )
    group.add_argument(
        "--no-fcd", action="store_true", help="leave out the distance that takes longest"
    )


def _add_perturb(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--perturb", action="store_true", help="ask a model again with other spellings of SMILES"
    )
    group.add_argument("--model", help="model folder, run or checkpoint")
    group.add_argument("--rows", type=int, metavar="N", help="ask the first N only")
    group.add_argument("--batch-size", type=int, metavar="B", help="inputs computed at once")
    group.add_argument("--beams", type=int, metavar="K", help="of the search; 1 is greedy")


def evaluate(arguments: argparse.Namespace) -> int:
    """Runs `t5chem evaluate`.

    Args:
        arguments: as `add_parser` has them parsed.

    Returns:
        Exit code: 0, or 3 when some rows were bad.

    Raises:
        RunError: the command cannot run.
    """
    _check(arguments)
    if arguments.perturb:
        from t5chem import robustness_command

        return robustness_command.run(arguments)
    from t5chem import evaluations

    return evaluations.run(arguments)


def _check(arguments: argparse.Namespace) -> None:
    if arguments.samples < 0:
        raise ConfigError(f"--samples {arguments.samples}: at least 0, which leaves intervals out.")
    if arguments.processes < 1:
        raise ConfigError(f"--processes {arguments.processes}: at least 1.")
    if arguments.perturb:
        _check_perturb(arguments)
        return
    for option, name in _FOR_PERTURB.items():
        if (value := getattr(arguments, name)) is not None:
            raise ConfigError(f"{option} {value} belongs to --perturb: add that, or leave it out.")
    if not arguments.predictions and not arguments.compare:
        raise ConfigError("No predictions: name a file of them, or several with --compare.")
    if not arguments.predictions and len(arguments.compare) < 2:
        raise ConfigError(
            f"--compare {arguments.compare[0]}: nothing to compare with. Name at least two files."
        )
    if arguments.compare and not arguments.samples:
        raise ConfigError("--samples 0: a comparison is made of samples; 1000 are usual.")


def _check_perturb(arguments: argparse.Namespace) -> None:
    if not arguments.predictions:
        raise ConfigError("--perturb: name the file that has the inputs and their targets.")
    if arguments.compare:
        raise ConfigError("--perturb and --compare: one at a time.")
    if not arguments.model:
        raise ConfigError("--perturb: name the model that is to be asked with --model.")
    for option, name in _FOR_PERTURB.items():
        value = getattr(arguments, name)
        if isinstance(value, int) and value < 1:
            raise ConfigError(f"{option} {value}: at least 1.")
