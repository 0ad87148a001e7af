"""Runs of the train command: how they end, and how they go on."""

import dataclasses
import functools
import json
import signal
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from t5x import train as train_module
from t5x.checkpoints import CheckpointConfig, SaveCheckpointConfig
from t5x.data import DatasetConfig, get_dataset, seqio
from t5x.errors import DivergedError
from t5x.examples.t5 import network
from t5x.interruption import Interrupted, Interruption
from t5x.trainer import BaseAction, EarlyStoppingAction, Trainer
from tests.t5x.toy_model import leaves, one_device_partitioner, toy_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def data_made_once():
    """The runs of this module share their datasets, whose lengths other tests check."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_module, "check_lengths", lambda *_: None)
        yield


@functools.cache
def shared_dataset(split):
    return get_dataset(
        dataclasses.replace(data_cfg(split), seed=3),
        seqio.ShardInfo(0, 1),
        seqio.EncDecFeatureConverter,
    )


def data_cfg(split):
    return DatasetConfig(
        mixture_or_task_name="toy_copy",
        task_feature_lengths={"inputs": 16, "targets": 8},
        split=split,
        batch_size=8,
        shuffle=False,  # runs share a dataset, which would be shuffled anew for each
        seed=None,
        module="tests.t5x.toy_tasks",
    )


def constant(step):
    return jnp.float32(0.01)


def broken_from_step_3(step):
    return jnp.where(step >= 3, jnp.nan, 0.01).astype(jnp.float32)


def run(model_dir, steps=6, save=None, learning_rate_fn=constant, **kwargs):
    model = toy_model()
    model.input_vocabulary = model.output_vocabulary = seqio.ByteVocabulary()
    model.module = network.Transformer(model.module.config.replace(vocab_size=384))
    arguments = {
        "model": model,
        "train_dataset_cfg": data_cfg("train"),
        "train_eval_dataset_cfg": None,
        "infer_eval_dataset_cfg": None,
        "checkpoint_cfg": CheckpointConfig(save=save),
        "partitioner": one_device_partitioner(),
        "trainer_cls": functools.partial(
            Trainer, learning_rate_fn=learning_rate_fn, num_microbatches=None
        ),
        "model_dir": str(model_dir),
        "total_steps": steps,
        "eval_steps": 1,
        "eval_period": 100,
        "stats_period": 2,
        "random_seed": 3,
        "summarize_config_fn": lambda *_: None,
        "get_dataset_fn": lambda *_: shared_dataset("train"),
        "train_eval_get_dataset_fn": lambda *_: {"toy_copy": shared_dataset("validation").take(1)},
    }
    return train_module.train(**(arguments | kwargs))


class At(BaseAction):
    """Does something when training has reached a step."""

    def __init__(self, step, act):
        self.step = step
        self.act = act

    def run(self, train_state, metrics_by_task):
        return self.act() if int(train_state.step) == self.step else False


def checkpoints_of(folder):
    return sorted(path.name for path in folder.glob("checkpoint_*"))


def steps_logged(folder):
    lines = (folder / "train" / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in lines]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return run(tmp_path_factory.mktemp("uninterrupted"))[1]


def test_sigterm_saves_and_the_run_goes_on_as_if_nothing_had_been(tmp_path, capsys, uninterrupted):
    send = At(4, lambda: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit) as exit_:
        run(tmp_path, actions={"TRAIN": [send]})
    assert exit_.value.code == 143
    printed = capsys.readouterr().out
    assert f"SIGTERM ended the run at step 4 of 6, which is saved in {tmp_path}." in printed
    assert sys.orig_argv[0] in printed.splitlines()[-1]
    assert checkpoints_of(tmp_path) == ["checkpoint_4"]
    step, state = run(tmp_path, steps=1, relative_steps=6)
    assert step == 6 and steps_logged(tmp_path) == [2, 4, 6]
    for one, expected in zip(leaves(state), leaves(uninterrupted), strict=True):
        np.testing.assert_array_equal(one, expected)


def test_an_action_ends_the_run_with_a_checkpoint_and_a_reason(tmp_path, capsys):
    stop = EarlyStoppingAction(("train", "learning_rate"), "max", patience=1)
    step, _ = run(tmp_path, actions={"TRAIN": [stop]})
    assert step == 4
    assert (
        "The run ends at step 4 of 6: EarlyStoppingAction: learning_rate of train has not improved "
        "on 0.01 for 1 evaluations." in capsys.readouterr().out
    )
    assert checkpoints_of(tmp_path) == ["checkpoint_4"]


def test_actions_look_at_the_watched_loss(tmp_path, capsys):
    seen = []

    class Looks(BaseAction):
        def run(self, train_state, metrics_by_task):
            seen.append((int(train_state.step), sorted(metrics_by_task)))
            return len(seen) == 2

    step, _ = run(
        tmp_path,
        eval_period=2,
        train_eval_dataset_cfg=data_cfg("validation"),
        actions={"TRAIN_EVAL": [Looks()]},
        run_eval_before_training=True,
    )
    assert (step, seen) == (2, [(0, ["toy_copy"]), (2, ["toy_copy"])])
    assert "step 2   validation loss: toy_copy" in capsys.readouterr().out
    assert checkpoints_of(tmp_path) == ["checkpoint_2"]


def test_a_loss_that_is_no_number_ends_the_run(tmp_path):
    save = SaveCheckpointConfig(checkpoint_steps=[2])
    with pytest.raises(DivergedError) as raised:
        run(tmp_path, save=save, learning_rate_fn=broken_from_step_3)
    message = raised.value.message
    assert message.startswith(
        "Training has diverged in steps 5 to 6: cross_ent_loss is nan, loss is"
    )
    assert f"the last good checkpoint is {tmp_path}/checkpoint_2. Lower the learning" in message
    assert checkpoints_of(tmp_path) == ["checkpoint_2"]

    # Its last checkpoint is whole: the run goes on from it, if need be past the bad steps.
    step, _ = run(tmp_path, learning_rate_fn=broken_from_step_3, stop_on_nan=False)
    assert step == 6


def test_parameters_that_are_no_numbers_are_not_saved(tmp_path):
    save = SaveCheckpointConfig(checkpoint_steps=[4])
    with pytest.raises(DivergedError, match="in steps 1 to 4: parameters are NaN or infinite"):
        run(tmp_path, save=save, learning_rate_fn=broken_from_step_3)
    assert checkpoints_of(tmp_path) == []


def test_the_step_at_hand_is_finished_before_the_run_ends():
    before = signal.getsignal(signal.SIGINT)  # what started the tests may have it ignored
    with Interruption() as interruption:
        assert not interruption.should_stop()
        signal.raise_signal(signal.SIGINT)
        assert interruption.should_stop()
    assert interruption.stopped
    assert (interruption.exit_code, interruption.name) == (130, "Ctrl-C")
    assert signal.getsignal(signal.SIGINT) is before


def test_checkpoints_by_time_stand_between_those_by_step(tmp_path):
    """Every stop is late for a clock this impatient: 2 and 6 are saved, and go."""
    before_step_4: list[str] = []
    look = At(4, lambda: before_step_4.extend(checkpoints_of(tmp_path)))
    save = SaveCheckpointConfig(period=4, temporary_every_minutes=1e-9)
    run(tmp_path, 10, save=save, actions={"TRAIN": [look]})
    assert [name.partition(".")[0] for name in before_step_4] == ["checkpoint_2"]
    assert checkpoints_of(tmp_path) == ["checkpoint_10", "checkpoint_4", "checkpoint_8"]


def test_an_evaluation_ends_at_once():
    with Interruption() as interruption, pytest.raises(Interrupted), interruption.at_once():
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Interrupted), interruption.at_once():
        raise AssertionError("not reached")


def test_a_second_ctrl_c_exits_at_once():
    code = (
        "import signal\nfrom t5x.interruption import Interruption\n"
        "with Interruption():\n"
        "    signal.raise_signal(signal.SIGINT)\n    print('first', flush=True)\n"
        "    signal.raise_signal(signal.SIGINT)\n    print('unreached', flush=True)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert result.returncode == 130
    assert "first" in result.stdout and "unreached" not in result.stdout
    assert "Stopped at once; what was saved before is kept." in result.stdout


def test_the_command_refuses_in_words():
    command = [sys.executable, "-m", "t5x.train", "--gin_file=gin/tiny.gin", "--gin.TRAIN_STEP=3"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 2
    assert result.stderr == (
        "\nError: Nothing reads TRAIN_STEP, so setting it changes nothing. Did you mean "
        "'TRAIN_STEPS' or 'TRAIN_STEPS_RELATIVE'?\n  TRAIN_STEP = 3   (the command line)\n"
    )
