"""Long results written a chunk at a time, so that an interrupted command goes on where it was.

Chunks lie in a folder beside the result. A chunk, the merged result and the mark of completion each
appear under their names by one rename: what has its name is whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from t5x.errors import ConfigError


class ChunkedOutput:
    """One result file, written in chunks.

    Args:
        path: of the result; chunks go to `<path>.chunks`, and `<path>.COMPLETED` marks the end.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.folder = path + ".chunks"
        self._mark = path + ".COMPLETED"

    @property
    def is_complete(self) -> bool:
        """Whether an earlier run has finished the result."""
        return os.path.exists(self._mark)

    def begin(self, settings: Mapping[str, Any]) -> int:
        """Returns how many chunks an interrupted run with the same settings has finished.

        Args:
            settings: JSON values on which the chunks depend.

        Raises:
            ConfigError: the chunks there were made with other settings.
        """
        path = os.path.join(self.folder, "settings.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                _check_same(json.load(file), settings, self.folder)
        else:
            os.makedirs(self.folder, exist_ok=True)
            _replace(path, lambda temporary: _write_text(temporary, json.dumps(settings)))
        done = 0
        while os.path.exists(self._chunk(done)):
            done += 1
        return done

    def write_chunk(self, index: int, write: Callable[[str], None]) -> None:
        """Writes a chunk.

        Args:
            index: from 0.
            write: writes it to the path that it is given.
        """
        _replace(self._chunk(index), write)

    def finish(self, num_chunks: int, merge: Callable[[Sequence[str], str], None] | None) -> None:
        """Merges the chunks, removes them, and marks the result as complete.

        Args:
            num_chunks: how many there are.
            merge: writes the content of the given files to the given path; None leaves the chunks
                as they are.
        """
        if merge is not None:
            chunks = [self._chunk(index) for index in range(num_chunks)]
            _replace(self.path, lambda temporary: merge(chunks, temporary))
        _write_text(self._mark, "")
        if merge is not None:
            shutil.rmtree(self.folder)

    def _chunk(self, index: int) -> str:
        return os.path.join(self.folder, f"{os.path.basename(self.path)}-chunk_{index:05d}")


def merge_chunks(chunks: Sequence[str], path: str) -> None:
    """Writes the concatenation of files.

    Args:
        chunks: files, in order.
        path: of the result.
    """
    with open(path, "wb") as merged:
        for chunk in chunks:
            with open(chunk, "rb") as file:
                shutil.copyfileobj(file, merged)


def _replace(path: str, write: Callable[[str], None]) -> None:
    write(path + ".tmp")
    with open(path + ".tmp", "rb") as file:
        os.fsync(file.fileno())
    os.replace(path + ".tmp", path)


def _write_text(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _check_same(old: Mapping[str, Any], new: Mapping[str, Any], folder: str) -> None:
    new = json.loads(json.dumps(new))
    changed = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    if changed:
        lines = [f"  {n}: {_short(old.get(n))} then, {_short(new.get(n))} now" for n in changed]
        raise ConfigError(
            f"{folder} holds chunks of an unfinished run with other settings:\n"
            + "\n".join(lines)
            + "\nGive the same settings to go on, or delete the folder to begin again."
        )


def _short(value: Any, width: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= width else text[: width - 1] + "…"
