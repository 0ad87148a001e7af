"""Storage that fails for a while: what is tried again, how often, and what is not.

Tried again are errors of a disk, a network or a server that may pass: an input or output error, a
stale handle, a timeout, a lost connection, a service that is unavailable. A full disk, a missing
file or permission, and damage are told at once: waiting mends none of them.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from typing import TypeVar

import jax
from absl import logging

from t5x.errors import RunError

Result = TypeVar("Result")

PAUSES = (1.0, 4.0, 16.0)
"""Seconds before the second, third and fourth attempt; there is no fifth."""

PASSING = frozenset(
    {
        errno.EAGAIN, errno.EBUSY, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET,
        errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EINTR, errno.EIO, errno.ENETDOWN,
        errno.ENETRESET, errno.ENETUNREACH, errno.EREMOTEIO, errno.ESTALE, errno.ETIMEDOUT,
    }
)  # fmt: skip

# TensorStore and Google's libraries begin with the code of the failure.
_PASSING_TEXT = re.compile(r"^(UNAVAILABLE|DEADLINE_EXCEEDED|ABORTED)\b")
_OS_ERROR_CODE = re.compile(r"os_error_code='(\d+)'")


class StorageError(RunError, OSError):
    """Storage could not be read, however often it was tried."""


def is_passing(error: BaseException | None) -> bool:
    """Tells whether an error, or what it comes from, may be gone at the next attempt.

    Example:
        >>> is_passing(OSError(errno.ESTALE, "")), is_passing(OSError(errno.ENOSPC, ""))
        (True, False)
        >>> is_passing(ValueError("UNKNOWN: Error writing [os_error_code='5']"))
        True
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in PASSING:
            return True
        if code := _OS_ERROR_CODE.search(str(error)):
            return int(code[1]) in PASSING
        if _PASSING_TEXT.match(str(error)):
            return True
        error = error.__cause__
    return False


def retried(
    work: Callable[[], Result],
    what: str,
    sleep: Callable[[float], None] | None = None,
    is_joint: bool = False,
) -> Result:
    """Returns what `work` returns, after as many attempts as storage that fails may need.

    Args:
        work: may be called four times.
        what: it does, for the log: such as 'Reading /runs/a'.
        sleep: waits for so many seconds; `time.sleep` when None.
        is_joint: all hosts do it together. Where there are several it is done once: those that
            succeeded would not come to the second attempt of one that failed.

    Raises:
        Exception: the last attempt's, or the first that will not pass.
    """
    pauses = () if is_joint and jax.process_count() > 1 else PAUSES
    for attempt, pause in enumerate(pauses, start=1):
        try:
            return work()
        except Exception as error:
            if not is_passing(error):
                raise
            logging.warning(
                "%s failed: %s. Attempt %d of %d follows in %g s.",
                what, first_line(error), attempt + 1, len(pauses) + 1, pause,
            )  # fmt: skip
            (sleep or time.sleep)(pause)
    return work()


def first_line(error: BaseException) -> str:
    """Returns the system's words where TensorStore wraps them in a paragraph."""
    if code := _OS_ERROR_CODE.search(str(error)):
        return os.strerror(int(code[1]))
    return (str(error) or repr(error)).splitlines()[0][:300]
