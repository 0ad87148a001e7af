"""What is known of a cell: its record on disk, and the state that this means."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, Final, Literal

from t5chem.compare.cells import Cell
from t5chem.compare.scoring import read_costs

State = Literal["finished", "failed", "begun", "outdated", "waiting"]

RECORD: Final = "cell.json"
FINGERPRINT: Final = "fingerprint"
LOG: Final = "log.txt"
DONE: Final = "done."
"""Empty files, with the number of a command after it, that say that the command ended well."""


@dataclasses.dataclass(frozen=True)
class Record:
    """How a cell ended.

    Attributes:
        state: 'finished' or 'failed'.
        seconds: that it took; of an interrupted run the last part.
        reason: why it failed, in words.
        log_tail: the last lines of its log where it failed.
        scores: by task, as `scoring.score_run` returns them.
        costs: as `scoring.read_costs` returns them.
    """

    state: str
    seconds: float
    reason: str = ""
    log_tail: tuple[str, ...] = ()
    scores: dict[str, Any] = dataclasses.field(default_factory=dict)
    costs: dict[str, Any] = dataclasses.field(default_factory=dict)


def state_of(cell: Cell) -> State:
    """Returns how far a cell is.

    'outdated' is what was made by another configuration than the cell's present one.
    """
    begun_by = _read_text(cell.folder / FINGERPRINT)
    if begun_by is None:
        return "waiting"
    if begun_by != cell.fingerprint:
        return "outdated"
    record = read_record(cell)
    if record is None:
        return "begun"
    return "finished" if record.state == "finished" else "failed"


def read_record(cell: Cell) -> Record | None:
    """Returns how a cell ended; None when it has not, or by another configuration."""
    text = _read_text(cell.folder / RECORD)
    if text is None or _read_text(cell.folder / FINGERPRINT) != cell.fingerprint:
        return None
    try:
        fields = json.loads(text)
        return Record(**{**fields, "log_tail": tuple(fields.get("log_tail", ()))})
    except (ValueError, TypeError):
        return None  # cut off while it was written: the cell is scored again


def write_record(cell: Cell, record: Record) -> None:
    """Writes how a cell ended, at once or not at all."""
    path = cell.folder / RECORD
    text = json.dumps(dataclasses.asdict(record), indent=1, ensure_ascii=False, allow_nan=False)
    partial = path.with_suffix(".partial")
    partial.write_text(text + "\n", encoding="utf-8")
    os.replace(partial, path)


def begin(cell: Cell) -> Path | None:
    """Makes the cell's folder its own; what another configuration left is moved aside.

    Returns:
        Where that was moved; None when there was none.
    """
    moved = None
    if state_of(cell) == "outdated":
        old = _read_text(cell.folder / FINGERPRINT) or ""
        moved = _free(cell.folder.with_name(f"{cell.folder.name}.was-{old[:8]}"))
        os.rename(cell.folder, moved)
    cell.folder.mkdir(parents=True, exist_ok=True)
    (cell.folder / FINGERPRINT).write_text(cell.fingerprint, encoding="utf-8")
    (cell.folder / RECORD).unlink(missing_ok=True)
    return moved


def is_trained(cell: Cell) -> bool:
    """Tells whether the training has reached its last step and was scored there.

    A run that was killed just then left no note of its end, and refuses to train further.
    """
    steps = read_costs(cell.model_dir).get("steps")
    if steps is None or not (cell.model_dir / f"checkpoint_{steps}" / "digests.json").exists():
        return False
    if not cell.tasks or cell.system.average_last:
        return True
    results = _read_text(cell.model_dir / "results.json")
    try:
        return results is not None and json.loads(results)["step"] == steps
    except (ValueError, KeyError, TypeError):
        return False


def log_tail(cell: Cell, lines: int = 12) -> tuple[str, ...]:
    """Returns the last lines that the cell's command printed."""
    text = _read_text(cell.folder / LOG) or ""
    return tuple(line for line in text.splitlines() if line.strip())[-lines:]


def _free(path: Path) -> Path:
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
