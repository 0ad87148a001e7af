"""Tells a whole checkpoint from a damaged one, and finds the newest whole one.

Every checkpoint that we write carries `digests.json`, the size and SHA-256 of each of its files.
It is written before Orbax renames the finished folder to its name, so a checkpoint of ours has it
from the first moment on. One without it (T5X's own, or Orbax's alone) is read back in full
instead: that finds every file that is gone, cut short or no longer decodes, but not a changed
byte that still decodes to some number.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Sequence

from absl import logging

from t5x import hosts, storage
from t5x.checkpoint_reading import STATE, open_checkpoint, read_data_position, read_groups
from t5x.errors import RunError
from t5x.legacy_checkpoints import INDEX

STEP_PREFIX = "checkpoint"
DIGESTS = "digests.json"
STEP_METADATA = "_CHECKPOINT_METADATA"
COMMIT_MARKER = "commit_success.txt"
DAMAGED_SUFFIX = ".damaged"

METADATA_SECONDS = 30
"""So long at most a thread of Orbax's takes to write a few hundred bytes."""

_STEP = re.compile(rf"{STEP_PREFIX}_(\d+)")
_UNFINISHED = re.compile(rf"({STEP_PREFIX}_\d+)\.(orbax-checkpoint-tmp|tmp).*")
_DAMAGED = re.compile(rf"{STEP_PREFIX}_\d+{re.escape(DAMAGED_SUFFIX)}.*")


class DamagedCheckpointError(RunError, ValueError):
    """There are checkpoints, and none of them is whole."""


def step_of(checkpoint: str) -> int | None:
    """Returns the step in a checkpoint's name.

    Example:
        >>> step_of("runs/a/checkpoint_100"), step_of("runs/a/checkpoint_100.damaged")
        (100, None)
    """
    match = _STEP.fullmatch(os.path.basename(checkpoint))
    return int(match[1]) if match else None


def is_checkpoint(path: str) -> bool:
    """Returns whether a folder is a checkpoint itself, by its name or by what it holds."""
    return os.path.isdir(path) and (
        step_of(path) is not None
        or os.path.isdir(os.path.join(path, STATE))
        or os.path.isfile(os.path.join(path, INDEX))
    )


def checkpoints_in(directory: str) -> list[str]:
    """Returns the checkpoints of a folder, newest first, whole or not."""
    steps = {name: step for name in _list(directory) if (step := step_of(name)) is not None}
    names = sorted(steps, key=steps.__getitem__, reverse=True)
    return [os.path.join(directory, name) for name in names]


def set_aside_in(directory: str) -> list[str]:
    """Returns the damaged checkpoints that `set_aside` has renamed."""
    return [os.path.join(directory, name) for name in _list(directory) if _DAMAGED.fullmatch(name)]


def report_unfinished(directory: str) -> None:
    """Says which checkpoints were never finished: no step restores from these."""
    for name in _list(directory):
        if match := _UNFINISHED.fullmatch(name):
            logging.warning(
                "%s was never finished: the run stopped while it saved %s. It is passed over.",
                os.path.join(directory, name), match[1],
            )  # fmt: skip


def _list(directory: str) -> list[str]:
    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


def write_digests(checkpoint: str) -> None:
    """Writes the digest of every file of a checkpoint into it.

    Args:
        checkpoint: a folder whose tensors are all written.
    """
    files = {}
    for path in _files(checkpoint):
        size, sha256 = _digest_when_written(path)
        files[os.path.relpath(path, checkpoint)] = {"bytes": size, "sha256": sha256}
    temporary = os.path.join(checkpoint, DIGESTS + ".tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump({"files": files}, file, indent=1)
    os.replace(temporary, os.path.join(checkpoint, DIGESTS))


def _digest_when_written(path: str) -> tuple[int, str]:
    """Returns the digest of a file, which a thread of Orbax's may be overwriting in place."""
    patience = time.monotonic() + METADATA_SECONDS
    while True:
        try:
            return _digest(path)
        except (ValueError, KeyError):  # half of the step's metadata
            if time.monotonic() > patience:
                raise
            time.sleep(0.05)


def _files(checkpoint: str) -> Iterator[str]:
    for folder, folders, names in os.walk(checkpoint):
        folders.sort()
        yield from (os.path.join(folder, name) for name in sorted(names))


def _digest(path: str) -> tuple[int, str]:
    """Returns (bytes, SHA-256) of a file."""
    if os.path.basename(path) == STEP_METADATA:
        # Orbax adds the time of the commit after us; what says how to read the items stays.
        with open(path, encoding="utf-8") as text:
            content = json.dumps(json.load(text)["item_handlers"], sort_keys=True).encode()
        return len(content), hashlib.sha256(content).hexdigest()
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), sha256


def find_damage(checkpoint: str) -> str | None:
    """Returns what is wrong with a checkpoint, None if it is whole.

    Args:
        checkpoint: `.../checkpoint_100`, of ours or of T5X's.

    Raises:
        StorageError: storage fails, which says nothing about the checkpoint.
    """
    try:
        return storage.retried(functools.partial(_damage, checkpoint), f"Reading {checkpoint}")
    except Exception as error:
        if storage.is_passing(error):
            raise storage.StorageError(
                f"{checkpoint} cannot be read now: {storage.first_line(error)}. Nothing was "
                "changed: start again when the storage answers.",
                "MODEL_DIR",
            ) from error
        # Whatever else reading it raises is what is wrong with it.
        return f"it cannot be read: {storage.first_line(error)}"


def _damage(checkpoint: str) -> str | None:
    if os.path.exists(os.path.join(checkpoint, DIGESTS)):
        return _differs(checkpoint)
    for _ in read_groups(open_checkpoint(checkpoint)):
        pass
    read_data_position(checkpoint)
    return None


def _differs(checkpoint: str) -> str | None:
    with open(os.path.join(checkpoint, DIGESTS), encoding="utf-8") as file:
        try:
            files = {
                name: (f["bytes"], f["sha256"]) for name, f in json.load(file)["files"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"{DIGESTS} is not what was written"
    for name, digest in files.items():
        if damage := _file_damage(os.path.join(checkpoint, name), *digest):
            return f"{name} {damage}"
    # Orbax marks every item and, last of all, the whole; older versions mark nothing.
    if any(os.path.basename(name) == COMMIT_MARKER for name in files):
        marker = os.path.join(checkpoint, COMMIT_MARKER)
        if not os.path.isfile(marker) or not os.path.getsize(marker):
            return f"{COMMIT_MARKER} is missing or empty"
    return None


def _file_damage(path: str, size: int, sha256: str) -> str | None:
    if not os.path.isfile(path):
        return "is missing"
    if not os.path.getsize(path):
        return "is empty" if size else None
    try:
        found = _digest(path)
    except (ValueError, KeyError, TypeError):
        return "is not JSON that Orbax wrote"
    if found[0] != size:
        return f"has {found[0]:,} bytes instead of {size:,}"
    return None if found[1] == sha256 else "has changed since it was written"


def newest_whole(checkpoints: Sequence[str]) -> str:
    """Returns the first whole checkpoint; says what is wrong with those before it.

    The first host looks, the others learn from it.

    Args:
        checkpoints: candidates, newest first.

    Raises:
        DamagedCheckpointError: none is whole.
    """
    damages: list[str] = []
    found = -1
    if hosts.is_first():
        for index, checkpoint in enumerate(checkpoints):
            damage = find_damage(checkpoint)
            if damage is None:
                found = index
                break
            damages.append(f"{checkpoint} is damaged: {damage}")
    found = hosts.from_first(found)
    if found < 0:
        raise DamagedCheckpointError(
            "\n".join(damages or checkpoints)
            + f"\nThere is no whole checkpoint to go on from. {_REMEDY}",
            "MODEL_DIR", "INITIAL_CHECKPOINT_PATH",
        )  # fmt: skip
    for line in damages:
        logging.warning("%s. It is passed over for %s.", line, checkpoints[found])
    return checkpoints[found]


_REMEDY = (
    "Put one back from a copy, or name another in RestoreCheckpointConfig.path "
    "(INITIAL_CHECKPOINT_PATH) and another MODEL_DIR; to begin from scratch here, move the "
    "damaged ones away."
)


def refuse_if_all_were_set_aside(directory: str) -> None:
    """Raises if a run has had checkpoints and only damaged ones are left.

    Raises:
        DamagedCheckpointError: beginning from scratch would be a silent loss.
    """
    if damaged := set_aside_in(directory):
        raise DamagedCheckpointError(
            "\n".join(f"{path} was set aside as damaged." for path in damaged)
            + f"\nThere is no whole checkpoint to go on from. {_REMEDY}",
            "MODEL_DIR", "INITIAL_CHECKPOINT_PATH",
        )  # fmt: skip


def set_aside(checkpoint: str) -> None:
    """Renames a damaged checkpoint, so that its step can be saved again; deletes nothing."""
    target, number = checkpoint + DAMAGED_SUFFIX, 2
    while os.path.exists(target):
        target, number = f"{checkpoint}{DAMAGED_SUFFIX}-{number}", number + 1
    try:
        os.rename(checkpoint, target)
    except OSError as error:
        logging.warning("%s could not be renamed: %s", checkpoint, error)
    else:
        logging.warning("%s is kept as %s", checkpoint, os.path.basename(target))
