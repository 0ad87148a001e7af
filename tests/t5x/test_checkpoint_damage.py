"""Damaged checkpoints are told from whole ones; a failed save loses nothing."""

import json
import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from t5x import checkpoint_integrity
from t5x.checkpoint_integrity import (
    DIGESTS,
    DamagedCheckpointError,
    find_damage,
    write_digests,
)
from t5x.checkpoint_restoring import checkpoints_to_evaluate, choose_checkpoint, find_checkpoint
from t5x.checkpoints import (
    CheckpointManager,
    RestoreCheckpointConfig,
    SaveCheckpointConfig,
    SaveError,
)
from tests.t5x.checkpoint_runs import (
    assert_states_equal,
    save_run,
    shapes_of,
    state_of,
    steps_in,
)

STATE_METADATA = "state/_METADATA"
MANIFEST = "state/manifest.ocdbt"
DATA_POSITION = "dataset/metadata"
STEP_METADATA = "_CHECKPOINT_METADATA"


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("run")
    save_run(directory, (4, 8))
    return directory


@pytest.fixture
def run(whole_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole_run, tmp_path / "run"))


def manager_of(run: Path) -> CheckpointManager:
    return CheckpointManager(str(run), SaveCheckpointConfig())


def tensors(checkpoint: Path) -> str:
    """The file that holds the numbers of the tensors."""
    files = [path for path in checkpoint.glob("state/**/d/*") if path.is_file()]
    return str(max(files, key=lambda path: path.stat().st_size).relative_to(checkpoint))


def truncated(name: str | None, share: float) -> Callable[[Path], str]:
    def damage(checkpoint: Path) -> str:
        file = name or tensors(checkpoint)
        os.truncate(checkpoint / file, int((checkpoint / file).stat().st_size * share))
        return file

    return damage


def deleted(name: str | None) -> Callable[[Path], str]:
    def damage(checkpoint: Path) -> str:
        file = name or tensors(checkpoint)
        path = checkpoint / file
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        return file

    return damage


def flipped(name: str | None, place: float) -> Callable[[Path], str]:
    def damage(checkpoint: Path) -> str:
        file = name or tensors(checkpoint)
        data = bytearray((checkpoint / file).read_bytes())
        data[int(len(data) * place)] ^= 0x10
        (checkpoint / file).write_bytes(data)
        return file

    return damage


def emptied(checkpoint: Path) -> str:
    shutil.rmtree(checkpoint)
    checkpoint.mkdir()
    return "holds neither"


def all_files_emptied(checkpoint: Path) -> str:
    for path in checkpoint.rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    return DIGESTS


def swapped(checkpoint: Path) -> str:
    """The tensors of another step: every file whole in itself."""
    shutil.rmtree(checkpoint / "state")
    shutil.copytree(checkpoint.parent / "checkpoint_4" / "state", checkpoint / "state")
    return "state/"


DAMAGES = {
    "tensors truncated by a byte": truncated(None, 0.9999),
    "tensors truncated by half": truncated(None, 0.5),
    "tensors emptied": truncated(None, 0.0),
    "tensors deleted": deleted(None),
    "tensors flipped at the beginning": flipped(None, 0.01),
    "tensors flipped in the middle": flipped(None, 0.5),
    "tensors flipped at the end": flipped(None, 0.999),
    "manifest truncated": truncated(MANIFEST, 0.5),
    "manifest emptied": truncated(MANIFEST, 0.0),
    "manifest deleted": deleted(MANIFEST),
    "manifest flipped": flipped(MANIFEST, 0.5),
    "names truncated": truncated(STATE_METADATA, 0.5),
    "names deleted": deleted(STATE_METADATA),
    "names flipped": flipped(STATE_METADATA, 0.3),
    "state deleted": deleted("state"),
    "data position truncated": truncated(DATA_POSITION, 0.5),
    "data position flipped": flipped(DATA_POSITION, 0.8),
    "data position deleted": deleted("dataset"),
    "step's metadata emptied": truncated(STEP_METADATA, 0.0),
    "step's metadata truncated": truncated(STEP_METADATA, 0.5),
    "commit marker deleted": deleted("commit_success.txt"),
    "digests truncated": truncated(DIGESTS, 0.5),
    "folder emptied": emptied,
    "all files emptied": all_files_emptied,
    "tensors of another step": swapped,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_passed_over(run, damage, caplog):
    what = damage(run / "checkpoint_8")
    manager = manager_of(run)
    assert manager.latest_step() == 4
    (line,) = (r.getMessage() for r in caplog.records if "is damaged" in r.getMessage())
    assert f"{run}/checkpoint_8 is damaged" in line
    assert what in line
    assert line.endswith(f"It is passed over for {run}/checkpoint_4.")
    assert sorted(os.listdir(run)) == ["checkpoint_4", "checkpoint_8.damaged"]
    restored, position = manager.restore(4, shapes_of(state_of(4)))
    assert_states_equal(restored, state_of(4))
    assert position == {"batches": 40}


def test_a_whole_run_is_left_as_it_is(run, caplog):
    assert manager_of(run).latest_step() == 8
    assert not caplog.records
    assert sorted(os.listdir(run)) == ["checkpoint_4", "checkpoint_8"]
    digests = json.loads((run / "checkpoint_8" / DIGESTS).read_text())["files"]
    assert {"state/_METADATA", "dataset/metadata", "_CHECKPOINT_METADATA"} <= set(digests)


def test_a_step_that_was_damaged_is_saved_again(run):
    deleted(None)(run / "checkpoint_8")
    manager = manager_of(run)
    assert manager.latest_step() == 4
    assert manager.save(state_of(8), {"batches": 80})
    assert not manager.save(state_of(8), {"batches": 80})
    assert manager.latest_step() == 8
    manager.close()
    deleted(MANIFEST)(run / "checkpoint_8")
    assert manager_of(run).latest_step() == 4
    assert (run / "checkpoint_8.damaged").is_dir()
    assert (run / "checkpoint_8.damaged-2").is_dir()


def test_a_run_with_only_damaged_checkpoints_is_refused_again_and_again(run):
    for step in (4, 8):
        deleted(None)(run / f"checkpoint_{step}")
    for _ in range(2):
        with pytest.raises(DamagedCheckpointError, match=r"(?s)_8 is damaged.*_4 is.*scratch here"):
            manager_of(run).latest_step()
    assert steps_in(run) == [4, 8]
    for step in (4, 8):  # as if they had been set aside one after the other
        (run / f"checkpoint_{step}").rename(run / f"checkpoint_{step}.damaged")
    with pytest.raises(DamagedCheckpointError, match=r"checkpoint_8\.damaged was set aside"):
        manager_of(run).latest_step()


def test_half_written_checkpoints_are_no_checkpoints(run, caplog):
    (run / "checkpoint_8").rename(run / "checkpoint_8.orbax-checkpoint-tmp")
    manager = manager_of(run)
    assert manager.latest_step() == 4
    assert "checkpoint_8.orbax-checkpoint-tmp was never finished" in caplog.text
    assert manager.save(state_of(8), {"batches": 80})
    manager.close()
    assert sorted(os.listdir(run)) == ["checkpoint_4", "checkpoint_8"]
    assert manager_of(run).latest_step() == 8


def test_a_first_save_that_was_cut_short_means_scratch(run):
    shutil.rmtree(run / "checkpoint_4")
    (run / "checkpoint_8").rename(run / "checkpoint_8.orbax-checkpoint-tmp")
    assert manager_of(run).latest_step() is None


# TensorStore's reads that come late, after the first has failed, find Orbax's event loop closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_checkpoint_without_digests_is_read_back(run):
    for step in (4, 8):
        (run / f"checkpoint_{step}" / DIGESTS).unlink()
        assert find_damage(str(run / f"checkpoint_{step}")) is None
    assert manager_of(run).latest_step() == 8
    truncated(None, 0.9)(run / "checkpoint_8")
    assert "cannot be read" in (find_damage(str(run / "checkpoint_8")) or "")
    assert manager_of(run).latest_step() == 4


def test_older_damage_hinders_no_save(run):
    """Only as many checkpoints are verified as are needed to find a whole one."""
    all_files_emptied(run / "checkpoint_4")
    manager = CheckpointManager(str(run), SaveCheckpointConfig(keep=2))
    assert manager.latest_step() == 8
    manager.save(state_of(12), {"batches": 120})
    manager.close()
    assert steps_in(run) == [8, 12]


def test_damaged_checkpoints_of_another_run(run, caplog):
    flipped(None, 0.5)(run / "checkpoint_8")
    with pytest.raises(DamagedCheckpointError, match=r"(?s)checkpoint_8 is damaged.*from a copy"):
        choose_checkpoint(RestoreCheckpointConfig(str(run / "checkpoint_8")))
    assert choose_checkpoint(RestoreCheckpointConfig(str(run))) == str(run / "checkpoint_4")
    assert f"It is passed over for {run}/checkpoint_4." in caplog.text
    every = RestoreCheckpointConfig(str(run), mode="all")
    assert checkpoints_to_evaluate(every) == [str(run / "checkpoint_4")]
    deleted("state")(run / "checkpoint_4")
    for cfg in (
        RestoreCheckpointConfig(str(run), fallback_to_scratch=True),
        RestoreCheckpointConfig([str(run)]),
    ):
        with pytest.raises(DamagedCheckpointError):
            choose_checkpoint(cfg)
    with pytest.raises(DamagedCheckpointError):
        checkpoints_to_evaluate(every)
    assert steps_in(run) == [4, 8]  # another run's folder is never touched


def test_an_old_damaged_checkpoint_is_not_evaluated(run, caplog):
    truncated(None, 0.5)(run / "checkpoint_4")
    every = RestoreCheckpointConfig(str(run), mode="all")
    assert checkpoints_to_evaluate(every) == [str(run / "checkpoint_8")]
    assert "checkpoint_4 is damaged" in caplog.text


def test_an_empty_folder_named_as_a_checkpoint_is_refused(tmp_path):
    (tmp_path / "checkpoint_3").mkdir()
    with pytest.raises(DamagedCheckpointError, match="holds neither"):
        find_checkpoint(str(tmp_path / "checkpoint_3"))


def assert_a_failed_save_loses_nothing(run: Path, match: str) -> None:
    manager = CheckpointManager(str(run), SaveCheckpointConfig(keep=1))
    assert manager.latest_step() == 8
    with pytest.raises(SaveError, match=match) as failure:
        manager.save(state_of(12, width=2048), {"batches": 120})
        manager.wait()
    assert "untouched (steps 4, 8)" in str(failure.value)
    assert steps_in(run) == [4, 8]
    assert manager_of(run).latest_step() == 8


def test_a_write_that_fails_loses_nothing(run):
    """A limit on the size of files fails the writes themselves, as a quota does."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        assert_a_failed_save_loses_nothing(
            run, "checkpoint_12 could not be written: File too large"
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    manager = manager_of(run)
    assert manager.save(state_of(12), {"batches": 120})  # goes on once there is room
    assert manager.latest_step() == 12
    manager.close()


@pytest.fixture
def small_disk(whole_run: Path, tmp_path: Path):
    """A file system of 1 MB of its own."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a file system is not permitted here")
    yield Path(shutil.copytree(whole_run, tmp_path / "run"))
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_full_disk_loses_nothing(small_disk):
    assert_a_failed_save_loses_nothing(small_disk, "No space left on device")


def test_a_read_only_folder_loses_nothing(small_disk):
    mount = ["mount", "-o", "remount,ro", str(small_disk.parent)]
    subprocess.run(mount, check=True)
    assert_a_failed_save_loses_nothing(small_disk, r"(?i)read-only file system")


def test_damage_in_a_read_only_folder_is_passed_over(small_disk, caplog):
    deleted(None)(small_disk / "checkpoint_8")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk.parent)], check=True)
    assert manager_of(small_disk).latest_step() == 4
    assert "checkpoint_8 could not be renamed" in caplog.text


@pytest.mark.parametrize("unfinished", [b"", b'{"item_handlers": {"sta', b"{}"])
def test_metadata_that_orbax_still_writes_is_waited_for(run, unfinished):
    """Its own thread overwrites the file in place, while we read what is to be in the digests."""
    checkpoint = run / "checkpoint_8"
    metadata, digests = checkpoint / STEP_METADATA, checkpoint / DIGESTS
    written, expected = metadata.read_bytes(), json.loads(digests.read_text())["files"]
    metadata.write_bytes(unfinished)
    threading.Timer(0.2, metadata.write_bytes, [written]).start()
    write_digests(str(checkpoint))
    assert json.loads(digests.read_text())["files"][STEP_METADATA] == expected[STEP_METADATA]


def test_metadata_that_orbax_never_finishes_are_an_error(run, monkeypatch):
    monkeypatch.setattr(checkpoint_integrity, "METADATA_SECONDS", 0.1)
    (run / "checkpoint_8" / STEP_METADATA).write_bytes(b"")
    with pytest.raises(ValueError, match="Expecting value"):
        write_digests(str(run / "checkpoint_8"))
