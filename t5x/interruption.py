"""Ctrl-C and SIGTERM: finish the step, save, say how to go on; a second Ctrl-C exits at once."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, TypeVar

import jax
from jax.experimental import multihost_utils

Item = TypeVar("Item")


class Interrupted(BaseException):
    """Ends what may be ended at any moment, such as an evaluation."""


class Interruption:
    """Notes signals while it is entered, so that the run can end at a moment of its choice.

    With several processes JAX carries a SIGTERM from one to all and names the moment at which all
    of them stop: all must ask `should_stop` at the same moments. Ctrl-C is such a notice too.

    Attributes:
        number: of the signal; None while there was none.
        stopped: whether the run was told to stop.

    Example:
        >>> with Interruption() as interruption:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     interruption.should_stop(), interruption.exit_code
        (True, 143)
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.stopped = False
        self._handlers: dict[int, Any] = {}
        self._at_once = False
        self._is_one_of_several = jax.process_count() > 1
        self._moments = 0

    def __enter__(self) -> Interruption:
        # SIGTERM's handler is JAX's where it tells the other processes.
        numbers = (signal.SIGINT,) if self._is_one_of_several else (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process that a signal ended."""
        return 128 + (self.number or signal.SIGTERM)

    @property
    def name(self) -> str:
        """What happened, in a person's words."""
        return "Ctrl-C" if self.number == signal.SIGINT else "SIGTERM"

    def should_stop(self) -> bool:
        """Tells whether to stop now; with several processes all are told at the same moment."""
        if not self.stopped:
            self.stopped = self._all_are_to_stop() if self._is_one_of_several else bool(self.number)
        return self.stopped

    def _all_are_to_stop(self) -> bool:
        """Whether this is the moment that JAX has chosen after a notice to any process.

        JAX asks for numbers of steps, which rise by one: those of our moments do, and unlike steps
        they go on during an evaluation.
        """
        self._moments += 1
        return multihost_utils.reached_preemption_sync_point(self._moments)

    def watched(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yields items; ends with `Interrupted` before the one at which all are to stop.

        Args:
            items: as many on every process.
        """
        for item in items:
            if self.should_stop():
                raise Interrupted
            yield item

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """A part that a signal ends immediately, with `Interrupted`.

        One of several processes goes on until all are to stop (see `watched`).
        """
        if self.number is not None and not self._is_one_of_several:
            self._end()
        self._at_once = not self._is_one_of_several
        try:
            yield
        finally:
            self._at_once = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.number == signal.SIGINT:
            _write("\nStopped at once; what was saved before is kept.\n")
            os._exit(128 + number)
        self.number = number
        if self._is_one_of_several:
            os.kill(os.getpid(), signal.SIGTERM)
        _write(f"\n{self.name}: saving a checkpoint. A second Ctrl-C ends the run without.\n")
        if self._at_once:
            self._end()

    def _end(self) -> None:
        self.stopped = True
        raise Interrupted


def _write(text: str) -> None:
    """Writes from a signal handler, where Python's own streams may be busy."""
    with contextlib.suppress(OSError):
        os.write(sys.__stdout__.fileno() if sys.__stdout__ else 1, text.encode())


def command_line() -> str:
    """Returns the command that started this process, for a shell."""
    return shlex.join(sys.orig_argv)
