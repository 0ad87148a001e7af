"""Storage that fails for a while, and storage that fails for good."""

import errno

import pytest

from t5x import storage
from t5x.checkpoint_integrity import find_damage
from t5x.checkpoints import CheckpointManager, SaveCheckpointConfig, SaveError
from tests.t5x.checkpoint_runs import save_run, state_of, steps_in


class Failing:
    """Calls a function, after so many errors.

    Args:
        function: that is called in the end.
        times: it fails before.
        error: that is raised.
    """

    def __init__(self, function, times, error=None):
        self.function = function
        self.left = times
        self.error = error or OSError(errno.EIO, "Input/output error")

    def __call__(self, *args, **kwargs):
        if self.left:
            self.left -= 1
            raise self.error
        return self.function(*args, **kwargs)


@pytest.fixture
def pauses(monkeypatch):
    """The pauses made, none of which takes time."""
    made = []
    monkeypatch.setattr(storage.time, "sleep", made.append)
    return made


def test_what_passes_is_tried_again(pauses, caplog):
    assert storage.retried(Failing(lambda: "read", 3), "Reading it") == "read"
    assert pauses == [1, 4, 16]
    assert "Reading it failed: [Errno 5] Input/output error. Attempt 2 of 4 follows in 1 s." in (
        caplog.text
    )


def test_the_fifth_attempt_is_not_made(pauses):
    work = Failing(lambda: "read", 4)
    with pytest.raises(OSError, match="Input/output error"):
        storage.retried(work, "Reading it")
    assert (work.left, pauses) == (0, [1, 4, 16])


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "full"), OSError(errno.EACCES, "forbidden"), ValueError("not JSON")],
)
def test_what_does_not_pass_is_told_at_once(pauses, error):
    with pytest.raises(type(error)):
        storage.retried(Failing(lambda: None, 1, error), "Reading it")
    assert pauses == []


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (TimeoutError(errno.ETIMEDOUT, "timed out"), True),
        (ValueError("UNAVAILABLE: 503 from storage"), True),
        (ValueError("UNKNOWN: writing [os_error_code='5'] [path='a']"), True),
        (ValueError("RESOURCE_EXHAUSTED: writing [os_error_code='28']"), False),
        (ValueError("NOT_FOUND: UNAVAILABLE is only its name"), False),
    ],
)
def test_tensorstores_words_are_understood(error, passes):
    assert storage.is_passing(error) is passes
    wrapped = SaveError("could not be written")
    wrapped.__cause__ = error
    assert storage.is_passing(wrapped) is passes


def test_a_checkpoint_that_cannot_be_read_for_a_while_is_not_damaged(
    tmp_path, pauses, monkeypatch, caplog
):
    save_run(tmp_path, (4,))
    path = str(tmp_path / "checkpoint_4")
    digest = storage_reads(monkeypatch, times=2)
    assert find_damage(path) is None
    assert digest.left == 0
    storage_reads(monkeypatch, times=100)
    with pytest.raises(storage.StorageError, match=r"cannot be read now: .* Nothing was changed"):
        CheckpointManager(str(tmp_path), SaveCheckpointConfig()).latest_step()
    assert steps_in(tmp_path) == [4]


def storage_reads(monkeypatch, times):
    from t5x import checkpoint_integrity

    monkeypatch.undo()
    monkeypatch.setattr(storage.time, "sleep", lambda seconds: None)
    failing = Failing(checkpoint_integrity._digest, times)
    monkeypatch.setattr(checkpoint_integrity, "_digest", failing)
    return failing


def manager_whose_writes_fail(monkeypatch, folder, times, error=None):
    """The background write of each save calls our digests last; so they stand for all of it."""
    from t5x import checkpoints

    manager = CheckpointManager(str(folder), SaveCheckpointConfig())
    monkeypatch.setattr(
        checkpoints, "write_digests", Failing(checkpoints.write_digests, times, error)
    )
    return manager


def test_a_write_that_fails_thrice_is_made(tmp_path, pauses, monkeypatch):
    save_run(tmp_path, (4,))
    manager = manager_whose_writes_fail(monkeypatch, tmp_path, times=3)
    manager.save(state_of(8), {})
    manager.close()
    assert steps_in(tmp_path) == [4, 8]
    assert find_damage(str(tmp_path / "checkpoint_8")) is None
    assert pauses == [1, 4, 16]


def test_a_save_that_failed_is_made_good_by_the_next(tmp_path, pauses, monkeypatch, caplog):
    """Four attempts at step 8 fail; the state has gone on, so step 10 is saved instead."""
    save_run(tmp_path, (4,))
    manager = manager_whose_writes_fail(monkeypatch, tmp_path, times=4)
    manager.save(state_of(8), {})
    while not manager.has_failed():
        pass
    assert "checkpoint_8 could not be written" in caplog.text
    manager.save(state_of(10), {})
    manager.close()
    assert steps_in(tmp_path) == [4, 10]
    assert not list(tmp_path.glob("*tmp*"))


def test_the_last_save_is_tried_to_the_end(tmp_path, pauses, monkeypatch):
    manager = manager_whose_writes_fail(monkeypatch, tmp_path, times=7)
    manager.save(state_of(8), {})
    manager.finish(state_of(8), {})
    assert steps_in(tmp_path) == [8]


def test_storage_that_fails_for_good_is_told_and_loses_nothing(tmp_path, pauses, monkeypatch):
    save_run(tmp_path, (4,))
    manager = manager_whose_writes_fail(monkeypatch, tmp_path, times=10_000)
    manager.save(state_of(8), {})
    with pytest.raises(SaveError, match=r"Input/output error.\n.*untouched \(steps 4\)"):
        manager.finish(state_of(8), {})
    assert steps_in(tmp_path) == [4]
    later = manager_whose_writes_fail(monkeypatch, tmp_path, times=10_000)
    with pytest.raises(SaveError):
        for step in (10, 12, 14, 16, 18):
            later.save(state_of(step), {})
    assert steps_in(tmp_path) == [4]
