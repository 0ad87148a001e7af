"""`python -m t5chem.compare --suite gin/suites/tiny.gin --out comparisons/tiny`."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from t5chem.compare import cluster, page, plots, tables
from t5chem.compare.cells import Cell, find_cell, plan
from t5chem.compare.records import state_of
from t5chem.compare.running import Runner
from t5chem.compare.suite import Suite, load_suite
from t5chem.compare.summary import CROSS_DOMAIN, HEADLINES, Row, summarize
from t5x.errors import ConfigError
from t5x.gin_utils import spoken

SOME_FAILED: Final = 3
INTERRUPTED: Final = 130

_EPILOG: Final = """examples:
  python -m t5chem.compare --suite gin/suites/tiny.gin --out comparisons/tiny
  python -m t5chem.compare --suite gin/suites/tiny.gin --out comparisons/tiny --list
  python -m t5chem.compare --suite gin/suites/paper.gin --out comparisons/paper --slurm submit.sh

exit code: 0 every run has finished, 2 wrong usage, 3 some runs failed, 130 interrupted. Started
again, it goes on where it was; what has finished is not run again.
"""


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m t5chem.compare",
        description="Trains the systems of a suite, scores them, and shows them side by side.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--suite", required=True, metavar="FILE", help="gin file of the suite")
    made.add_argument("--out", required=True, metavar="DIR", help="folder of the comparison")
    made.add_argument(
        "--gin_bindings", action="append", default=[], metavar="BINDING",
        help="'NAME = VALUE' for the suite; repeatable",
    )  # fmt: skip
    made.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at once (1)")
    part = made.add_argument_group("a part of the suite")
    part.add_argument("--systems", nargs="+", default=[], metavar="NAME", help="these alone")
    part.add_argument("--sizes", nargs="+", default=[], metavar="SIZE", help="these alone")
    part.add_argument(
        "--seeds", nargs="+", type=int, default=[], metavar="SEED", help="these alone"
    )
    part.add_argument("--share", metavar="I/N", help="share I of N workers, counted from 0")
    part.add_argument("--cell", metavar="CELL", help="one run, by its name or number in --list")
    what = made.add_argument_group("instead of running").add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="print runs, their state and command")
    what.add_argument(
        "--report", action="store_true", help="write tables and page of what there is"
    )
    what.add_argument("--slurm", metavar="FILE", help="write a script that submits all as arrays")
    return made


def compare(arguments: argparse.Namespace) -> int:
    """Does what the command line asks for.

    Args:
        arguments: as `parser` has them parsed.

    Returns:
        Exit code.

    Raises:
        ConfigError: the suite or the command line cannot work.
    """
    if arguments.jobs < 1:
        raise ConfigError(f"--jobs {arguments.jobs}: at least 1.")
    suite = load_suite(arguments.suite, arguments.gin_bindings)
    suite = suite.only(arguments.systems, arguments.sizes, arguments.seeds)
    out = Path(arguments.out)
    cells = cluster.in_waves(plan(suite, out))
    if arguments.list:
        print(listing(cells))
        return 0
    if arguments.slurm:
        return _write_slurm(arguments, suite, cells)
    if not arguments.report:
        asked = cluster.share(cells, arguments.share) if arguments.share else cells
        if arguments.cell:
            asked = [find_cell(cells, arguments.cell)]
            _check_starts(asked[0])
        try:
            Runner(asked, arguments.jobs, _say).run()
        except KeyboardInterrupt:
            _say("\nInterrupted. Runs have saved where they were; started again, it goes on.")
            return INTERRUPTED
    rows = summarize(suite, cells)
    if not arguments.cell:
        write(suite, cells, rows, out)
        print(f"\n{tables.as_text(suite, rows)}\nThe page: {out / 'comparison.html'}")
    return SOME_FAILED if any(row.failures for row in rows) and not arguments.cell else 0


def _say(text: str) -> None:
    print(text, flush=True)


def _check_starts(cell: Cell) -> None:
    waiting = [start.name for start in cell.starts_from if state_of(start) != "finished"]
    if waiting:
        raise ConfigError(
            f"--cell {cell.name}: it starts from {', '.join(waiting)}, which has not finished: run"
            " that first."
        )


def listing(cells: Sequence[Cell]) -> str:
    """Returns number, state, name and command of every cell."""
    lines = []
    for number, cell in enumerate(cells, start=1):
        lines.append(f"{number:>3}  {state_of(cell):<8}  {cell.name}")
        lines += [f"     {shlex.join(command)}" for command in cell.commands]
    return "\n".join(lines)


def _write_slurm(arguments: argparse.Namespace, suite: Suite, cells: Sequence[Cell]) -> int:
    command = [sys.executable, "-m", "t5chem.compare", "--suite", arguments.suite]
    command += ["--out", arguments.out]
    for binding in arguments.gin_bindings:
        command += ["--gin_bindings", binding]
    for option in ("systems", "sizes", "seeds"):
        if asked := getattr(arguments, option):
            command += [f"--{option}", *map(str, asked)]
    script = cluster.slurm_script(suite.title, cells, command, arguments.out)
    try:
        Path(arguments.slurm).write_text(script, encoding="utf-8")
        os.chmod(arguments.slurm, 0o755)
    except OSError as error:
        raise ConfigError(f"--slurm {arguments.slurm}: {error.strerror}.") from error
    print(f"Written: {arguments.slurm}. It submits {len(cells)} runs; its arguments go to sbatch.")
    return 0


def write(suite: Suite, cells: Sequence[Cell], rows: Sequence[Row], out: Path) -> None:
    """Writes `comparison.{txt,md,csv,json,html}` and the plots as files.

    Args:
        suite: what was compared.
        cells: of it.
        rows: as `summary.summarize` returns them.
        out: folder of the comparison.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    drawn = {task: plots.interval_chart(rows, task) for task in HEADLINES}
    drawn |= {f"scaling_{task}": plots.scaling_chart(rows, task) for task in CROSS_DOMAIN}
    for size in suite.sizes:
        curves = plots.learning_curves(cells, rows, size)
        drawn |= {f"curves_{size}_{task}": chart for task, chart in curves.items()}
    files = {
        "comparison.txt": tables.as_text(suite, rows),
        "comparison.md": tables.as_markdown(suite, rows),
        "comparison.csv": tables.as_csv(rows),
        "comparison.json": json.dumps(tables.as_json(suite, rows), indent=1, ensure_ascii=False),
        "comparison.html": page.document(suite, cells, rows),
        **{f"plots/{name}.svg": plots.standalone(svg) for name, svg in drawn.items() if svg},
    }
    try:
        (out / "plots").mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out {out}: {error.strerror}.") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; a mistake of a person's is said in words."""
    arguments = parser().parse_args(argv)
    with spoken():
        return compare(arguments)


if __name__ == "__main__":
    sys.exit(main())
