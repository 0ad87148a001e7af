"""The one line that tells a person how a run is doing."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO


def format_duration(seconds: float) -> str:
    """Writes a duration as people say it.

    Example:
        >>> format_duration(42), format_duration(421), format_duration(9000)
        ('42 s', '7 min 01 s', '2 h 30 min')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


class Progress:
    """Shows steps, percent, loss, accuracy, speed and time left.

    On a terminal one line is rewritten in place; elsewhere a plain line is printed now and then.

    Args:
        first_step: where this run begins.
        last_step: where it ends.
        stream: where to write; standard output when None.
        seconds_between_lines: at least so long between two lines of a log.
        clock: seconds from any origin.
        unit: what is counted.
    """

    def __init__(
        self,
        first_step: int,
        last_step: int,
        stream: TextIO | None = None,
        seconds_between_lines: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
        unit: str = "step",
    ) -> None:
        self._unit = unit
        self._first_step = first_step
        self._last_step = last_step
        self._stream = stream or sys.stdout
        self._is_terminal = self._stream.isatty()
        self._seconds_between_lines = seconds_between_lines
        self._clock = clock
        self._start = clock()
        self._paused = 0.0
        self._last_line = -float("inf")
        self._line_is_open = False

    def update(self, step: int, numbers: Mapping[str, float]) -> None:
        """Shows that `step` steps are done.

        Args:
            step: steps done, counted as the run counts them.
            numbers: metrics of the last span; loss, accuracy and tokens a second are shown.
        """
        now = self._clock()
        is_due = now - self._last_line >= self._seconds_between_lines
        if not (self._is_terminal or is_due or step >= self._last_step):
            return
        self._last_line = now
        line = self._line(step, numbers, now - self._start - self._paused)
        if self._is_terminal:
            width = shutil.get_terminal_size().columns
            self._stream.write("\r\x1b[2K" + line[: width - 1])
            self._line_is_open = True
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def say(self, text: str) -> None:
        """Prints a line of its own, above the live one."""
        self.close()
        self._stream.write(text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Ends the live line."""
        if self._line_is_open:
            self._stream.write("\n")
            self._line_is_open = False

    def pause(self, seconds: float) -> None:
        """Leaves time spent on other things, such as evaluation, out of the forecast."""
        self._paused += seconds

    def _line(self, step: int, numbers: Mapping[str, float], seconds: float) -> str:
        done, total = step - self._first_step, self._last_step - self._first_step
        left = seconds / done * (total - done) if done else 0.0
        width = len(str(self._last_step))
        parts = [
            f"{self._unit} {step:>{width}} of {self._last_step}",
            f"{100 * done / max(total, 1):3.0f} %",
        ]
        if "token_loss" in numbers:
            parts.append(f"loss {numbers['token_loss']:.3f}")
        if "accuracy" in numbers:
            parts.append(f"accuracy {numbers['accuracy']:.3f}")
        if "timing/target_tokens_per_second" in numbers:
            rate = numbers["timing/target_tokens_per_second"]
            parts.append(f"{rate:,.0f} target tokens/s")
        parts.append(f"{format_duration(left)} left" if done < total else "done")
        return "   ".join(parts)
