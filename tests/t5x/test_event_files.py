"""Event files: TensorFlow reads back what was written, and writes it no other way."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from t5x.event_files import EventFile
from t5x.quiet import tf

ROOT = Path(__file__).resolve().parents[2]


def events(folder):
    """Every event of a folder's only file, as TensorFlow reads it; checksums included."""
    (path,) = folder.iterdir()
    records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    return [tf.compat.v1.Event.FromString(record) for record in records]


def written(folder):
    file = EventFile(str(folder))
    file.write_scalars(3, {"loss": 1.5, "train/rate": math.nan})
    file.write_texts(4, {"gin_config": "    MODEL_DIR = 'größe'"})
    file.close()
    return events(folder)


def test_tensorflow_reads_numbers_and_texts(tmp_path):
    version, loss, rate, text = written(tmp_path)
    assert version.file_version == "brain.Event:2"
    assert [event.step for event in (loss, rate, text)] == [3, 3, 4]
    (value,) = loss.summary.value
    assert (value.tag, tf.make_ndarray(value.tensor).item()) == ("loss", 1.5)
    assert math.isnan(tf.make_ndarray(rate.summary.value[0].tensor).item())
    found = tf.make_ndarray(text.summary.value[0].tensor).item()
    assert found.decode() == "    MODEL_DIR = 'größe'"
    assert loss.wall_time > 1.7e9


def test_the_summaries_are_those_of_tensorflow(tmp_path):
    with tf.summary.create_file_writer(str(tmp_path / "theirs")).as_default(step=3):
        tf.summary.scalar("loss", 1.5)
    (tmp_path / "ours").mkdir()
    theirs = next(e for e in events(tmp_path / "theirs") if e.summary.value).summary.value[0]
    ours = written(tmp_path / "ours")[1].summary.value[0]
    assert ours.metadata == theirs.metadata
    assert tf.make_ndarray(ours.tensor) == tf.make_ndarray(theirs.tensor)


def test_files_begun_in_the_same_second_are_two(tmp_path):
    for _ in range(2):
        EventFile(str(tmp_path)).close()
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_flushed_is_there(tmp_path):
    file = EventFile(str(tmp_path))
    file.write_scalars(1, {"loss": 2.0})
    file.flush()
    assert len(events(tmp_path)) == 2
    file.close()


@pytest.mark.parametrize("module", ["t5x.event_files", "t5x.train", "t5x.stream"])
def test_importing_needs_no_tensorflow(module):
    code = f"import {module}, sys; print({{'tensorflow', 'seqio', 'clu'}} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stdout == "set()\n"
