"""The mean of checkpoints: its numbers, what is refused, and who reads it."""

import os
import shutil
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from t5x import average_checkpoints as averaging
from t5x.average_checkpoints import average_checkpoints, average_run, main, newest_whole
from t5x.checkpoint_integrity import find_damage
from t5x.checkpoint_reading import open_checkpoint
from t5x.checkpoints import CheckpointManager, RestoreCheckpointConfig, SaveCheckpointConfig
from t5x.errors import ConfigError
from t5x.restoring import NoOptimizer
from t5x.train_state import FlaxOptimTrainState
from tests.t5x.checkpoint_runs import NAMES, save_run, state_of

STEPS = (3, 6, 9)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("run")
    save_run(directory, STEPS)
    (directory / "network.json").write_text("{}")
    (directory / "report.html").write_text("of the run alone")
    return directory


def saved(folder: Path, step: int, values) -> str:
    """A checkpoint of one small parameter."""
    state = FlaxOptimTrainState(
        jnp.int32(step), {"w": jnp.asarray(values)}, {}, {}, optimizer_def=NoOptimizer()
    )
    manager = CheckpointManager(str(folder), SaveCheckpointConfig(dtype=state.params["w"].dtype))
    manager.save(state, {})
    manager.close()
    return str(folder / f"checkpoint_{step}")


def parameters(checkpoint) -> dict[str, np.ndarray]:
    return open_checkpoint(str(checkpoint)).read_numpy(list(NAMES))


@pytest.mark.parametrize("group_bytes", [1, 2**28])
def test_each_parameter_is_the_mean_of_the_last(run, tmp_path, monkeypatch, group_bytes):
    monkeypatch.setattr(averaging, "GROUP_BYTES", group_bytes)
    written = average_run(str(run), 2, str(tmp_path / "mean"))
    assert written == str(tmp_path / "mean" / "checkpoint_9")
    assert find_damage(written) is None
    flat = [
        (
            params["decoder"]["wo"]["kernel"],
            params["encoder"]["scale"],
            params["encoder"]["wi"]["kernel"],
        )
        for params in (state_of(step).params for step in STEPS[1:])
    ]
    for name, *leaves in zip(NAMES, *flat, strict=True):
        mean = parameters(written)[name]
        assert mean.dtype == np.float32
        np.testing.assert_allclose(mean, (leaves[0] + leaves[1]) / 2, rtol=1e-6)


def test_the_mean_carries_its_description_and_no_optimizer(run, tmp_path):
    written = average_run(str(run), 3, str(tmp_path / "mean"))
    names = open_checkpoint(written).shapes
    assert sorted(names) == sorted([*NAMES, "state/step"])
    assert (tmp_path / "mean" / "network.json").read_text() == "{}"
    assert not (tmp_path / "mean" / "report.html").exists()


def test_numbers_literally(tmp_path):
    paths = [
        saved(tmp_path / "a", 1, np.float32([1, 2, 1e8])),
        saved(tmp_path / "b", 7, np.float32([2, 4, 1])),
        saved(tmp_path / "c", 4, np.float32([6, 0, -1e8])),
    ]
    written = average_checkpoints(paths, str(tmp_path / "mean"))
    reader = open_checkpoint(written)
    values = reader.read_numpy(["target/w", "state/step"])
    # float32 would lose the 1 beside 1e8.
    np.testing.assert_array_equal(values["target/w"], np.float32([3, 2, 1 / 3]))
    assert values["state/step"] == 7


def test_damaged_checkpoints_are_passed_over(run, tmp_path, caplog):
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    os.truncate(copy / "checkpoint_9" / "state" / "manifest.ocdbt", 5)
    assert newest_whole(str(copy), 2) == [str(copy / f"checkpoint_{step}") for step in (6, 3)]
    assert "checkpoint_9 is damaged: state/manifest.ocdbt has 5 bytes instead of" in caplog.text
    with pytest.raises(ConfigError, match="has 2 whole checkpoints of 3, and the last 3 are"):
        average_run(str(copy), 3, str(tmp_path / "mean"))


def test_what_is_refused(run, tmp_path):
    with pytest.raises(ConfigError, match="checkpoint_9 exists: give another --output"):
        average_run(str(run), 2, str(run))
    with pytest.raises(ConfigError, match="0 checkpoints are to be averaged: give 1"):
        average_run(str(run), 0, str(tmp_path / "mean"))
    wide = saved(tmp_path / "wide", 2, np.zeros((3,), np.float32))
    narrow = saved(tmp_path / "narrow", 1, np.zeros((2,), np.float32))
    with pytest.raises(ConfigError, match=r"w is \(2,\) there and \(3,\) here"):
        average_checkpoints([wide, narrow], str(tmp_path / "mean"))
    broken = saved(tmp_path / "broken", 1, np.float32([np.nan, 1, 1]))
    with pytest.raises(ConfigError, match=r"target/w .* of .*broken/checkpoint_1 holds values"):
        average_checkpoints([wide, broken], str(tmp_path / "mean"))


def test_the_command(run, tmp_path, capsys):
    arguments = ["--model_dir", str(run), "--last", "3", "--output", str(tmp_path / "mean")]
    assert main(arguments) == 0
    assert "checkpoint_9 is the mean of the last 3 checkpoints" in capsys.readouterr().out
    assert main(arguments) == 2
    assert "Error: " in capsys.readouterr().err


def test_restoring_reads_it(run, tmp_path):
    from t5x.checkpoint_restoring import choose_checkpoint

    written = average_run(str(run), 2, str(tmp_path / "mean"))
    assert choose_checkpoint(RestoreCheckpointConfig(str(tmp_path / "mean"))) == written
