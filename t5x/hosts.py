"""What the processes of a job do as one: join, agree, wait for each other, and end.

A host is a process with devices of its own; several on one machine are several hosts.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any, TextIO

import jax
import numpy as np
from jax.experimental import multihost_utils

from t5x.cluster import find_job, half_told
from t5x.errors import ConfigError, RunError

HEARTBEAT_SECONDS = 30
"""A process that has said nothing for so long is lost, and all end: well within a minute."""

SHUTDOWN_SECONDS = 3600
"""How long those that are done wait for the first host, which may still write its report."""

GRACE_SECONDS = 10
"""How long one that fails waits for the others to fail likewise, before it ends alone."""

SHARED_FOLDER_SECONDS = 20
"""A network's file system may show a new file this late."""


class LostProcessError(RunError):
    """Another process of the job has ended or cannot be reached."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: the same command may succeed


LAST_WORDS = "Terminating process because the JAX distributed service detected fatal errors"
"""What JAX's runtime says before it aborts a process because another is lost."""

LOST_MESSAGE = (
    "another process of this job has ended or no longer answers, so this one ends too. What went "
    "wrong is in the log of the one that ended first. Start all of them again, on as many hosts as "
    "you like: the work goes on from what was saved last."
)


def join(flags: Any, is_told_of_preemption: bool = False) -> None:
    """Joins the other processes of the job, if there are any.

    Args:
        flags: as `gin_utils.define_flags` declares them.
        is_told_of_preemption: the command asks JAX at every step whether the job is to stop;
            SIGTERM then is a notice to all processes. Otherwise it ends this one.

    Raises:
        ConfigError: flags and environment do not say who the others are.
        LostProcessError: they do not come.
    """
    job = find_job(flags, os.environ)
    if job is None:
        return
    jax.config.update("jax_enable_preemption_service", is_told_of_preemption)
    try:
        jax.distributed.initialize(
            job.coordinator_address,
            job.process_count,
            job.process_index,
            local_device_ids=job.local_device_ids,
            cluster_detection_method="deactivate" if job.is_known else None,
            initialization_timeout=flags.initialization_timeout,
            heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
            shutdown_timeout_seconds=SHUTDOWN_SECONDS,
        )
    except ValueError as error:
        told = half_told(os.environ) or _first_line(error)
        raise ConfigError(
            f"--multiprocess_gpu joins the processes of a job, and JAX finds none ({told}): start "
            "them by srun, mpirun or on the workers of a TPU, or give --coordinator_address, "
            "--process_count and --process_index."
        ) from error
    except RuntimeError as error:
        who = "This process" if job.process_index is None else f"Process {job.process_index}"
        count = "the processes" if job.process_count is None else f"{job.process_count} processes"
        raise LostProcessError(
            f"{who} could not join {count} of the job at {job.coordinator_address} within "
            f"{flags.initialization_timeout} s (--initialization_timeout): see that all of them "
            "were started, that nothing else listens on that port, and that it can be reached. "
            f"JAX says: {_first_line(error)}"
        ) from error


def is_first() -> bool:
    """Tells whether this is the host that writes what is written once."""
    return jax.process_index() == 0


def output() -> TextIO:
    """Where to write what a person reads: nowhere on all hosts but the first."""
    return sys.stdout if is_first() else open(os.devnull, "w", encoding="utf-8")


def from_first(value: Any) -> Any:
    """Returns the first host's value on every host; all must ask at the same moment.

    Args:
        value: made of what JSON has; that of the other hosts does not matter.
    """
    if jax.process_count() == 1:
        return value
    text = json.dumps(value).encode() if is_first() else b""
    length = int(multihost_utils.broadcast_one_to_all(np.int32(len(text))))
    room = 1 << length.bit_length()  # few lengths: each is compiled for
    padded = np.frombuffer(text.ljust(room), np.uint8) if is_first() else np.zeros(room, np.uint8)
    return json.loads(multihost_utils.broadcast_one_to_all(padded).tobytes()[:length])


def any_of(value: bool) -> bool:
    """Returns on every host whether any has True; all must ask at the same moment."""
    if jax.process_count() == 1:
        return value
    return bool(np.any(multihost_utils.process_allgather(np.bool_(value))))


def wait_for_all(what: str) -> None:
    """Returns when every host has come here.

    Args:
        what: they wait for; the same on all.
    """
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(what)


def check_shared(folder: str) -> None:
    """Checks that a folder is the same on all hosts, which checkpoints need.

    Args:
        folder: exists.

    Raises:
        ConfigError: some host has another folder of that name.
    """
    if jax.process_count() == 1:
        return
    name = os.path.join(folder, f".shared-{from_first(secrets.token_hex(8))}")
    if is_first():
        with open(name, "w", encoding="utf-8"):
            pass
    wait_for_all("a file in the shared folder")
    patience = time.monotonic() + SHARED_FOLDER_SECONDS
    while not (is_seen := os.path.exists(name)) and time.monotonic() < patience:
        os.listdir(folder)  # has a network's file system look again
        time.sleep(0.5)
    is_missed = any_of(not is_seen)
    if is_first():
        os.remove(name)
    if is_missed:
        raise ConfigError(
            f"{os.path.abspath(folder)} is not one folder for all {jax.process_count()} hosts: "
            f"host {jax.process_index()} {'sees' if is_seen else 'does not see'} what host 0 "
            "writes there. Checkpoints need a file system that all of them share: set MODEL_DIR "
            "to a folder on it.",
            "MODEL_DIR",
        )


# What gloo, NCCL, TPUs and JAX's coordination service say when the other end is gone.
_LOST = re.compile(
    r"Gloo \w+ failed|Connection (closed|reset) by peer|Socket closed|heartbeat|unhealthy"
    r"|coordination service|CoordinationService|NCCL .*(remote|abort)"
    r"|[Bb]arrier.*(timed out|failed)"
)


def is_about_lost_process(error: BaseException) -> bool:
    """Tells whether an error comes of another process's end."""
    return jax.distributed.is_initialized() and bool(_LOST.search(str(error)))


@contextlib.contextmanager
def lost_processes_named() -> Iterator[None]:
    """Turns what is raised when another process has ended into a `LostProcessError`."""
    try:
        yield
    except RunError:
        raise
    except Exception as error:
        if not is_about_lost_process(error):
            raise
        raise LostProcessError(f"{_who()}: {LOST_MESSAGE}\n({_first_line(error)})") from error


@contextlib.contextmanager
def ending_as_one() -> Iterator[None]:
    """Ends this process so that the others learn of it, if it is one of several and fails.

    An orderly end waits for all; one that fails alone would wait for the others, which wait for it.
    """
    try:
        yield
    except BaseException as error:
        if not jax.distributed.is_initialized() or _exit_code(error) == 0:
            raise
        if not isinstance(error, SystemExit):
            traceback.print_exc()
        _end(_exit_code(error))


def _exit_code(error: BaseException) -> int:
    if not isinstance(error, SystemExit):
        return 1
    return error.code if isinstance(error.code, int) else int(error.code is not None)


def _end(code: int) -> None:
    """Ends the process: with the others if they end too, else alone."""
    sys.stdout.flush()
    sys.stderr.flush()
    if code != LostProcessError.exit_code:
        leaving = threading.Thread(target=jax.distributed.shutdown, daemon=True)
        leaving.start()
        leaving.join(GRACE_SECONDS)
    os._exit(code)


def _who() -> str:
    return f"Process {jax.process_index()} of {jax.process_count()}"


def _first_line(error: BaseException) -> str:
    return (str(error) or repr(error)).splitlines()[0][:300]
