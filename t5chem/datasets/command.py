"""`t5chem data`: datasets of one's own, and looking at any."""

from __future__ import annotations

import argparse
from typing import Final

from t5chem.datasets.tables import FORMATS

_DEFAULT_LIMIT: Final = 512

_ADD: Final = """examples:
  t5chem data add mine --file mine.csv --smiles SMILES --text caption
  t5chem data add routes --file train.tsv --validation valid.tsv --test test.tsv --reaction rxn
  t5chem data add steps --file steps.jsonl --paragraph text --actions actions --split fold

Rows are split by molecule (8 % held out) where neither a column nor files say how. The entry is
written to datasets.yaml, or the file that T5CHEM_DATASETS names.

exit code: 0 every row is used, 2 the dataset cannot be added, 3 it was added and some rows are not
used: they could not be read or were dropped, and are named with their numbers.
"""

_CHECK: Final = "exit code: 0 every row is used, 2 the files cannot be used, 3 some are dropped."

_STATS: Final = """examples:
  t5chem data stats mine --vocabulary chem --limit 256
  t5chem data stats --mixture starter --module tasks --steps 1600 --batch 64
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `data` with its six commands.

    Args:
        commands: of `t5chem`'s parser.
    """
    parser = commands.add_parser(
        "data",
        help="add datasets, check and look at them",
        description="Adds a table of one's own as a dataset, and looks at datasets.",
    )
    kinds = parser.add_subparsers(dest="data_command", required=True)
    _add_add(kinds)
    _add_list(kinds)
    _add_show(kinds)
    _add_check(kinds)
    _add_stats(kinds)
    _add_sample(kinds)


def _parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    description: str,
    epilog: str = "",
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=description[0].lower() + description[1:-1],
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _parser(commands, "add", "Makes a dataset of a table.", _ADD)
    parser.set_defaults(run=_run_add)
    parser.add_argument("name", metavar="NAME", help="first part of its tasks' names")
    files = parser.add_argument_group("files")
    files.add_argument("--file", required=True, metavar="F", help=".csv, .tsv, .jsonl or .parquet")
    files.add_argument("--validation", metavar="F", help="with the rows of that split")
    files.add_argument("--test", metavar="F", help="with the rows of that split")
    files.add_argument("--format", choices=FORMATS, help="else as the file's name says")
    files.add_argument("--separator", metavar="CHARACTER", help="between cells, such as ';'")
    files.add_argument(
        "--no-quoting", action="store_true", help="quotation marks are characters like others"
    )
    _add_columns(parser.add_argument_group("columns of tables, or keys of JSON lines"))
    other = parser.add_argument_group("other")
    other.add_argument(
        "--seed", type=int, metavar="N", help="of the split by molecule (0: the starter corpus')"
    )
    other.add_argument(
        "--any-actions", action="store_true", help="take actions that t5chem cannot parse too"
    )
    other.add_argument(
        "--held-out-from",
        action="append",
        metavar="DATASET",
        help="drop rows that this dataset tests with, such as chebi20; may be repeated",
    )
    other.add_argument("--title", help="what it is, in a line")
    other.add_argument("--licence", help="of the data")
    other.add_argument("--replace", action="store_true", help="an entry of this name")
    _add_manual(other)


def _add_columns(group: argparse._ArgumentGroup) -> None:
    for option, what in (
        ("--smiles", "the molecule"),
        ("--text", "its description"),
        ("--reactants", "SMILES of what reacts"),
        ("--reagents", "SMILES of what only helps; cells may be empty"),
        ("--products", "SMILES of what is made"),
        ("--reaction", "all three as one reaction SMILES"),
        ("--reaction-class", "name of the reaction's class"),
        ("--paragraph", "the procedure"),
        ("--actions", "what is done in it"),
        ("--split", "train, validation or test"),
    ):
        group.add_argument(option, metavar="COLUMN", help=what)


def _add_manual(group: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--manual_dir",
        metavar="DIR",
        help="with the files of public datasets (tensorflow-datasets' downloads/manual)",
    )


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _parser(commands, "list", "Lists all datasets.")
    parser.set_defaults(run=_run_list)


def _add_show(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _parser(commands, "show", "Shows the card of a dataset.")
    parser.set_defaults(run=_run_show)
    parser.add_argument("name", metavar="NAME")


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _parser(commands, "check", "Reads a dataset and says what is wrong with it.", _CHECK)
    parser.set_defaults(run=_run_check)
    parser.add_argument("name", metavar="NAME")
    _add_manual(parser)
    parser.add_argument("--output", metavar="FILE", help="write the report as JSON too")


def _add_stats(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _parser(commands, "stats", "Counts and measures a dataset or a mixture.", _STATS)
    parser.set_defaults(run=_run_stats)
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument(
        "--vocabulary", default="chem", metavar="V", help="as `t5chem vocab` (chem)"
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=_DEFAULT_LIMIT,
        metavar="TOKENS",
        help=f"of inputs and targets: says what is longer ({_DEFAULT_LIMIT})",
    )
    _add_looking(parser)
    mixture = parser.add_argument_group("a mixture")
    mixture.add_argument("--mixture", metavar="NAME", help="what a run sees of each task")
    mixture.add_argument(
        "--module", default="tasks", help="that registers it and has `mixture_rates` (tasks)"
    )
    mixture.add_argument("--steps", type=int, metavar="N", help="of the run")
    mixture.add_argument("--batch", type=int, metavar="B", help="rows a step")
    mixture.add_argument(
        "--examples-a-row", type=float, default=1.0, metavar="X", help="when packed (1)"
    )


def _add_looking(parser: argparse.ArgumentParser) -> None:
    _add_manual(parser)
    parser.add_argument(
        "--rows", type=int, metavar="N", help="read the first N rows of the files only"
    )
    parser.add_argument("--output", metavar="FILE.html", help="write a page too")


def _add_sample(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _parser(commands, "sample", "Shows examples as a model sees them.")
    parser.set_defaults(run=_run_sample)
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("-n", "--number", type=int, default=5, help="of rows (5)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (0)")
    _add_looking(parser)


# What reads data imports RDKit, which the other commands of `t5chem` should not wait for.


def _run_add(arguments: argparse.Namespace) -> int:
    from t5chem.datasets.running import add

    return add(arguments)


def _run_list(arguments: argparse.Namespace) -> int:
    from t5chem.datasets.running import list_all

    return list_all()


def _run_show(arguments: argparse.Namespace) -> int:
    from t5chem.datasets.running import show

    return show(arguments)


def _run_check(arguments: argparse.Namespace) -> int:
    from t5chem.datasets.running import check

    return check(arguments)


def _run_stats(arguments: argparse.Namespace) -> int:
    from t5chem.datasets.running import stats

    return stats(arguments)


def _run_sample(arguments: argparse.Namespace) -> int:
    from t5chem.datasets.running import sample

    return sample(arguments)
