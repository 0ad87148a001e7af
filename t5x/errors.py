"""Errors that a person can put right: said in words, without a wall of frames.

A command prints the message of a `RunError`, where the settings it speaks of were made, and ends
with its exit code. Every other exception is a bug and keeps its traceback.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator


class RunError(Exception):
    """Ends a command with a message.

    Args:
        message: what, the value, and the remedy.
        settings: what it speaks of, such as `BATCH_SIZE` or `PjitPartitioner.backend`: the command
            adds the gin file and line that set them.
    """

    exit_code = 1

    def __init__(self, message: str, *settings: str) -> None:
        super().__init__(message)
        # gin wraps exceptions and appends to their text; attributes pass through.
        self.message = message
        self.settings = settings


class ConfigError(RunError, ValueError):
    """The configuration cannot work."""

    exit_code = 2


class DivergedError(RunError, ArithmeticError):
    """The loss or a parameter is no longer a number."""


@contextlib.contextmanager
def blamed_on(*settings: str) -> Iterator[None]:
    """Makes the complaints of a check `ConfigError`s about some settings.

    Args:
        settings: as for `RunError`.

    Example:
        >>> try:
        ...     with blamed_on("BATCH_SIZE"):
        ...         raise ValueError("6 is odd company.")
        ... except ConfigError as error:
        ...     print(error.message, error.settings)
        6 is odd company. ('BATCH_SIZE',)
    """
    try:
        yield
    except RunError:
        raise
    except (ValueError, FileNotFoundError, ModuleNotFoundError) as error:
        raise ConfigError(str(error), *settings) from error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns ` Did you mean ...?` with the names nearest to a wrong one, or nothing.

    Example:
        >>> did_you_mean("reverze", ["copy", "reverse"])
        " Did you mean 'reverse'?"
        >>> did_you_mean("xyz", ["copy"])
        ''
    """
    near = difflib.get_close_matches(name, sorted(known), n=2, cutoff=0.6)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
