"""Runs cells: as processes of their own, a few at once, each once."""

from __future__ import annotations

import concurrent.futures
import contextlib
import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from t5chem.compare.cells import AVERAGED, Cell
from t5chem.compare.records import (
    DONE,
    LOG,
    Record,
    begin,
    is_trained,
    log_tail,
    read_record,
    state_of,
    write_record,
)
from t5chem.compare.scoring import read_costs, score_run
from t5x.errors import RunError
from t5x.progress import format_duration

LOCK = "lock"
_CHECK_SECONDS = 0.2
_STOP_SECONDS = 120.0  # a run saves a checkpoint when it is told to stop

Say = Callable[[str], None]


class Runner:
    """Runs the cells of a comparison and tells how it goes.

    A cell whose start has failed is not run. A cell that another process is at is waited for: its
    training holds the cell's lock for as long as it lives, even when its runner was killed.

    Args:
        cells: of the comparison, each after those it starts from.
        jobs: how many run at once; the processor's cores are divided between them.
        say: prints a line.
        clock: seconds from any origin.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        jobs: int = 1,
        say: Say = print,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cells = cells
        self._jobs = jobs
        self._say = say
        self._clock = clock
        self._stopping = threading.Event()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._free_slots = list(range(jobs))
        self._done = {cell.name: state_of(cell) == "finished" for cell in cells}
        self._seconds: list[float] = []

    def run(self) -> bool:
        """Runs what is not finished.

        Returns:
            Whether every cell is finished now.

        Raises:
            KeyboardInterrupt: Ctrl-C or SIGTERM; the trainings have saved where they were.
        """
        finished = sum(self._done.values())
        if finished:
            self._say(f"{finished} of {len(self._cells)} runs are finished already.")
        todo = [cell for cell in self._cells if not self._done[cell.name]]
        starts = [start for cell in todo for start in cell.starts_from]
        elsewhere = [start for start in starts if start.name not in self._done]
        ended = {name: True for name, done in self._done.items() if done}
        ended |= {start.name: state_of(start) == "finished" for start in elsewhere}
        with (
            _signals_as_interrupts(),
            concurrent.futures.ThreadPoolExecutor(self._jobs) as pool,
        ):
            try:
                self._drain(pool, todo, ended)
            except KeyboardInterrupt:
                self._stop()
                raise
        return all(ended.values())

    def _drain(
        self, pool: concurrent.futures.Executor, todo: list[Cell], ended: dict[str, bool]
    ) -> None:
        """Runs the cells as their starts end; `ended` tells of each whether it ended well."""
        running: dict[concurrent.futures.Future[bool], Cell] = {}
        while todo or running:
            for cell in list(todo):
                starts = [ended.get(start.name) for start in cell.starts_from]
                if False in starts:
                    todo.remove(cell)
                    ended[cell.name] = self._not_started(cell, ended)
                elif all(starts) and len(running) < self._jobs:
                    todo.remove(cell)
                    running[pool.submit(self._run_one, cell)] = cell
            done, _ = concurrent.futures.wait(
                running, timeout=_CHECK_SECONDS, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in done:
                ended[running.pop(future).name] = future.result()

    def _not_started(self, cell: Cell, ended: dict[str, bool]) -> bool:
        failed = [start.name for start in cell.starts_from if ended.get(start.name) is False]
        begin(cell)
        write_record(
            cell, Record("failed", 0.0, f"It starts from {', '.join(failed)}, which failed.")
        )
        self._say(f"{cell.name}: not run, for {', '.join(failed)} failed.")
        return False

    def _run_one(self, cell: Cell) -> bool:
        cell.folder.mkdir(parents=True, exist_ok=True)
        with open(cell.folder.parent / f"{cell.name}.{LOCK}", "w") as lock:
            self._acquire(cell, lock)
            if state_of(cell) == "finished":  # by another process, meanwhile
                self._say(f"{cell.name}: finished by another process.")
                return True
            moved = begin(cell)
            if moved is not None:
                self._say(f"{cell.name}: its configuration has changed; what was there is {moved}.")
            started = self._clock()
            slot = self._free_slots.pop()
            try:
                record = self._train_and_score(cell, lock, slot, started)
            finally:
                self._free_slots.append(slot)
            if record is None:
                return False
            write_record(cell, record)
            self._tell(cell, record)
            return record.state == "finished"

    def _acquire(self, cell: Cell, lock: IO[str]) -> None:
        told = False
        while not self._stopping.is_set():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if not told:
                    self._say(f"{cell.name}: another process is at it; waiting.")
                told = True
                time.sleep(_CHECK_SECONDS)

    def _train_and_score(
        self, cell: Cell, lock: IO[str], slot: int, started: float
    ) -> Record | None:
        """Returns how the cell ended; None when it was told to stop."""
        code = self._run_commands(cell, lock, slot)
        if self._stopping.is_set():
            return None
        if code:
            seconds = self._clock() - started
            return Record("failed", seconds, f"Its command ended with {code}.", log_tail(cell))
        try:
            scores = score_run(cell.scored_dir, cell.tasks, cell.folder)
        except (RunError, ValueError, OSError) as error:
            return Record("failed", self._clock() - started, str(error), log_tail(cell))
        costs = read_costs(cell.model_dir)
        return Record("finished", self._clock() - started, scores=scores, costs=costs)

    def _run_commands(self, cell: Cell, lock: IO[str], slot: int) -> int:
        if not (cell.folder / f"{DONE}1").exists():
            shutil.rmtree(cell.folder / AVERAGED, ignore_errors=True)  # a mean that was cut short
        command = ["/bin/sh", "-c", _script(cell)]
        with open(cell.folder / LOG, "ab") as log:
            if self._stopping.is_set():
                return 1
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                pass_fds=[lock.fileno()], start_new_session=True,
            )  # fmt: skip
            _pin(process.pid, slot, self._jobs)
            self._processes.add(process)
            try:
                return process.wait()
            finally:
                self._processes.discard(process)

    def _stop(self) -> None:
        """Tells the trainings to save and end, and waits until they have."""
        self._stopping.set()
        for process in list(self._processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        deadline = self._clock() + _STOP_SECONDS
        while self._processes and self._clock() < deadline:
            time.sleep(_CHECK_SECONDS)
        for process in list(self._processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _tell(self, cell: Cell, record: Record) -> None:
        self._done[cell.name] = record.state == "finished"
        self._seconds.append(record.seconds)
        ended = sum(
            self._done[one.name] or (read_record(one) or Record("", 0)).state == "failed"
            for one in self._cells
        )
        left = len(self._cells) - ended
        forecast = sum(self._seconds) / len(self._seconds) * left / self._jobs
        width = len(str(len(self._cells)))
        outcome = _headline(record) if record.state == "finished" else f"FAILED: {record.reason}"
        until = f"{format_duration(forecast)} left" if left else "done"
        self._say(
            f"run {ended:>{width}} of {len(self._cells)}   {cell.name}   "
            f"{format_duration(record.seconds)}   {outcome}   {until}"
        )


def _headline(record: Record) -> str:
    parts = []
    for task, found in record.scores.items():
        name, score = next(iter(found["scores"].items()))
        value = score["value"]
        parts.append(f"{task} {name} {'–' if value is None else f'{value:.3f}'}")
    return "   ".join(parts) or "trained"


def _script(cell: Cell) -> str:
    """What the shell does: each command that has not ended well before, and a note that it has.

    The shell notes it, so that a runner that was killed before it could is not missed. With a trap
    it outlives its command when both are told to stop: the command saves.
    """
    parts = ["trap : TERM"]
    for number, command in enumerate(cell.commands):
        note = cell.folder / f"{DONE}{number}"
        if not note.exists() and not (number == 0 and is_trained(cell)):
            parts.append(f"{shlex.join(command)} && : > {shlex.quote(str(note))} || exit $?")
    return "\n".join(parts)


def _pin(pid: int, slot: int, jobs: int) -> None:
    """Gives a process its share of the cores, where there are enough and the system can."""
    if jobs == 1 or not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    share = cores[slot::jobs]
    if share:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(pid, share)


@contextlib.contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """Has SIGTERM end the runner as Ctrl-C does, where it may be changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
