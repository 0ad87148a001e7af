"""The comparison as jobs of a cluster: array tasks that run a cell each, or shares of all cells."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from t5chem.compare.cells import Cell
from t5x.errors import ConfigError

SCRIPT = """#!/usr/bin/env bash
# {title}: {count} runs as SLURM arrays. Run this where sbatch is; its arguments go to sbatch,
# such as --gres=gpu:1 --time=8:00:00. A run that has finished ends at once, so the script may be
# started again after a failure.
set -euo pipefail
mkdir -p {logs}
after=()
{waves}
sbatch "${{after[@]}}" "$@" --job-name=compare-report --output={logs}/report-%j.txt \\
  --wrap={report}
"""

WAVE = """# {count} runs{which}
job=$(sbatch --parsable "${{after[@]}}" "$@" --array={first}-{last} --requeue \\
  --job-name=compare-{wave} --output={logs}/%a-%j.txt \\
  --wrap={command})
after=(--dependency="afterany:${{job%%;*}}")
"""


def in_waves(cells: Sequence[Cell]) -> list[Cell]:
    """Returns the cells so that those which start from others come after all that do not.

    The numbers of `--cell` count in this order.

    Args:
        cells: as `cells.plan` returns them.
    """
    return sorted(cells, key=_depth)


def _depth(cell: Cell) -> int:
    return max((1 + _depth(start) for start in cell.starts_from), default=0)


def slurm_script(title: str, cells: Sequence[Cell], command: Sequence[str], out: str) -> str:
    """Returns a script that submits an array for each wave of cells, then the report.

    A wave begins when the one before it has ended, however it ended: a cell whose start failed says
    so and fails too, and the others go on.

    Args:
        title: of the suite.
        cells: in waves.
        command: that compares, without what to do.
        out: folder of the comparison.
    """
    logs = shlex.quote(f"{out}/slurm")
    waves = []
    first = 1
    for depth in sorted({_depth(cell) for cell in cells}):
        count = sum(_depth(cell) == depth for cell in cells)
        which = ", which start from those before" if depth else ""
        one = f"{shlex.join(command)} --cell $SLURM_ARRAY_TASK_ID"
        waves.append(
            WAVE.format(
                count=count, which=which, first=first, last=first + count - 1, wave=depth,
                logs=logs, command=shlex.quote(one),
            )
        )  # fmt: skip
        first += count
    return SCRIPT.format(
        title=title, count=len(cells), logs=logs, waves="".join(waves),
        report=shlex.quote(f"{shlex.join(command)} --report"),
    )  # fmt: skip


def share(cells: Sequence[Cell], text: str) -> list[Cell]:
    """Returns one worker's share: whole groups of a size and a seed, which start from each other.

    Args:
        cells: of the comparison.
        text: `I/N`, worker I of N, from 0.

    Raises:
        ConfigError: it is no such share.

    Example:
        >>> share([], "0/4")
        []
    """
    index, slash, count = text.partition("/")
    if not (slash and index.isdigit() and count.isdigit() and int(index) < int(count)):
        raise ConfigError(f"--share {text}: give I/N, worker I of N, counted from 0: 0/4 to 3/4.")
    groups = list(dict.fromkeys((cell.size, cell.seed) for cell in cells))
    mine = set(groups[int(index) :: int(count)])
    return [cell for cell in cells if (cell.size, cell.seed) in mine]
