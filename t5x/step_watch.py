"""Says of a step that takes far longer than the others what it waited for."""

from __future__ import annotations

import collections
import contextlib
import statistics
import time
from collections.abc import Callable, Iterator

import jax
from absl import logging

FACTOR = 10
LEAST_SECONDS = 0.1
"""Shorter steps vary by this factor for no reason that anybody could remove."""


class StepWatch:
    """Measures what steps wait for: data, the device, a checkpoint.

    Args:
        say: prints a line.
        clock: seconds from any origin.
        window: the median is that of so many of the last steps.
        least_steps: with fewer than these, nothing is unusual yet.

    Example:
        >>> seconds = iter([0, 1, 1, 2, 2, 22, 22, 23])
        >>> watch = StepWatch(print, clock=lambda: next(seconds), least_steps=1)
        >>> for step, what in enumerate(["device", "device", "data"], start=1):
        ...     with watch.waiting(what):
        ...         pass
        ...     watch.end_of_step(step)
        Step 3 took 20.0 s, 20 times the median of 1.00 s: it waited 20.0 s for data.
    """

    def __init__(
        self,
        say: Callable[[str], None] = logging.warning,
        clock: Callable[[], float] = time.monotonic,
        window: int = 101,
        least_steps: int = 10,
    ) -> None:
        self._say = say
        self._clock = clock
        self._least_steps = least_steps
        self._last: collections.deque[float] = collections.deque(maxlen=window)
        self._waited: collections.Counter[str] = collections.Counter()

    @contextlib.contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Counts the time of a block towards the step at hand; between two steps, the next one.

        Args:
            what: is waited for.
        """
        begin = self._clock()
        try:
            yield
        finally:
            self._waited[what] += self._clock() - begin  # type: ignore[assignment]

    def end_of_step(self, step: int) -> None:
        """Judges a step.

        Args:
            step: its number, from 1.
        """
        seconds = sum(self._waited.values())
        if len(self._last) >= self._least_steps:
            median = statistics.median(self._last)
            if seconds > max(FACTOR * median, LEAST_SECONDS):
                self._say(self._line(step, seconds, median))
        self._last.append(seconds)
        self._waited.clear()

    def _line(self, step: int, seconds: float, median: float) -> str:
        host = f"Host {jax.process_index()}, step" if jax.process_count() > 1 else "Step"
        times = f"{seconds / median:.0f} times " if median else "far more than "
        parts = [
            f"{waited:.1f} s for {what}"
            for what, waited in self._waited.most_common()
            if waited >= 0.05 * seconds
        ]
        return (
            f"{host} {step} took {seconds:.1f} s, {times}the median of {median:.2f} s: it waited "
            f"{', '.join(parts)}."
        )
