"""TensorBoard's event files, written without TensorFlow.

The records are those of TensorFlow 2's `tf.summary`: each number and text a tensor, which the
scalars and text pages of TensorBoard show. TensorBoard's own package has the parts.
"""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Mapping

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter

_numbers = itertools.count()


class EventFile:
    """A new event file in a folder.

    Args:
        folder: is made if need be.
    """

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        # TensorBoard reads the files of a folder in the order of their names. The host, the process
        # and the number keep apart what starts in the same second.
        parts = (int(time.time()), socket.gethostname(), os.getpid(), next(_numbers))
        name = "events.out.tfevents.{:010d}.{}.{}.{}.v2".format(*parts)
        self._file = open(os.path.join(folder, name), "wb")  # noqa: SIM115 - closed by close()
        self._records = RecordWriter(self._file)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def write_scalars(self, step: int, numbers: Mapping[str, float]) -> None:
        """Writes numbers by name.

        Args:
            step: of the run.
            numbers: by name.
        """
        for name, number in numbers.items():
            self._write_summary(step, scalar_pb(name, float(number)))

    def write_texts(self, step: int, texts: Mapping[str, str]) -> None:
        """Writes texts, shown as Markdown.

        Args:
            step: of the run.
            texts: by name.
        """
        for name, text in texts.items():
            self._write_summary(step, text_pb(name, text))

    def _write_summary(self, step: int, summary: Summary) -> None:
        self._write(Event(wall_time=time.time(), step=step, summary=summary))

    def _write(self, event: Event) -> None:
        self._records.write(event.SerializeToString())

    def flush(self) -> None:
        """Hands everything to the system."""
        self._records.flush()

    def close(self) -> None:
        """Closes the file."""
        self._records.close()
