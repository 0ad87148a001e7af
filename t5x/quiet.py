"""Imports TensorFlow late, so that it says nothing and touches no accelerator.

Training reads SeqIO's data with TensorFlow and computes with JAX. TensorFlow would otherwise greet
every user with a page of warnings, and take the accelerator's memory. A run that reads a
materialised stream (`t5x.stream`) does without it.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Holds back what native code writes to stderr; shows it if the block fails."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        original = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(original, held.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)


def import_tensorflow() -> ModuleType:
    """Returns TensorFlow, imported silently and with every accelerator hidden from it."""
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow's cloud support would ask the network whether this is a Google machine.
    os.environ.setdefault("NO_GCE_CHECK", "true")
    with silent_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensorflow = importlib.import_module("tensorflow")
        for kind in ("GPU", "TPU"):
            tensorflow.config.set_visible_devices([], kind)
        # The first operation starts the runtime, which has its own greeting.
        tensorflow.constant(0)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return tensorflow


def import_seqio() -> ModuleType:
    """Returns SeqIO, its TensorFlow imported silently."""
    import_tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("seqio")


class LazyModule(ModuleType):
    """A module that is imported when something of it is asked for.

    A run whose data need no TensorFlow never asks.

    Args:
        name: of the module.
        load: imports and returns the module.

    Example:
        >>> lazy = LazyModule("string", lambda: importlib.import_module("string"))
        >>> lazy.digits
        '0123456789'
    """

    def __init__(self, name: str, load: Callable[[], ModuleType]) -> None:
        super().__init__(name)
        self._load = load

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by what looks around, such as `inspect`
            raise AttributeError(name)
        return getattr(self._load(), name)


tf: Any = LazyModule("tensorflow", import_tensorflow)
seqio: Any = LazyModule("seqio", import_seqio)


def quieten_absl() -> None:
    """Lets only errors, and warnings of this package, through absl's log.

    SeqIO warns of what its users chose on purpose (packing, lengths, uncached tasks); Orbax logs
    the traceback of a failed save, which `t5x.checkpoints` reports in a sentence.
    """
    from absl import logging as absl_logging

    package = os.path.dirname(os.path.abspath(__file__))
    absl_logging.set_verbosity(absl_logging.WARNING)
    absl_logging.get_absl_handler().addFilter(
        lambda record: (
            record.pathname.startswith(package)
            or (record.levelno >= logging.ERROR and f"{os.sep}orbax{os.sep}" not in record.pathname)
        )
    )


_FILTER = r"""
import re, signal, sys
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
chatter = re.compile(rb"[IW]\d{4} \d\d:\d\d:\d\d|WARNING: All log messages before absl")
last_words, meaning = (argument.encode() for argument in sys.argv[1:])
is_over = False
for line in sys.stdin.buffer:
    if last_words and last_words in line:
        line, is_over = b"\nError: " + meaning + b"\n", True
    elif is_over or chatter.match(line):
        continue
    sys.stderr.buffer.write(line)
    sys.stderr.buffer.flush()
"""


def drop_native_chatter(last_words: str = "", meaning: str = "") -> None:
    """Drops information and warnings that native code writes to stderr, from now on.

    TensorFlow's C++ no longer heeds TF_CPP_MIN_LOG_LEVEL for all of its messages. File descriptor
    2 goes through a process that passes on errors and everything else; being a process of its own
    it also passes on the last words of a crash. Python's own stderr is left as it is.

    Args:
        last_words: what native code says before it ends the process on purpose.
        meaning: said in its stead; the dump of registers and stacks that follows is dropped.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    reader = subprocess.Popen(
        [sys.executable, "-S", "-c", _FILTER, last_words, meaning],
        stdin=subprocess.PIPE,
        stderr=terminal,
    )
    assert reader.stdin is not None
    sys.stderr = os.fdopen(terminal, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    os.dup2(reader.stdin.fileno(), 2)
    reader.stdin.close()
