"""What is kept, what is cast, what is restored from where, and what Orbax alone makes of it."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from t5x.checkpoint_policies import TimePolicy, read_metric
from t5x.checkpoint_reading import flatten, open_checkpoint
from t5x.checkpoint_restoring import (
    NoCheckpointError,
    checkpoints_to_evaluate,
    choose_checkpoint,
    restore_from_path,
)
from t5x.checkpoints import CheckpointManager, RestoreCheckpointConfig, SaveCheckpointConfig
from t5x.errors import ConfigError
from t5x.restoring import NoOptimizer
from t5x.train_state import FlaxOptimTrainState
from tests.t5x.checkpoint_runs import (
    NAMES,
    assert_states_equal,
    save_run,
    shapes_of,
    state_of,
    steps_in,
)

OURS, OTHER, NARROW = state_of(4), state_of(0), state_of(0, width=16)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    save_run(directory, (4, 8))
    return directory


def restore(path, target=OURS, **cfg):
    restored = restore_from_path(
        RestoreCheckpointConfig(path, **cfg), shapes_of(target), lambda: OTHER
    )
    assert restored is not None
    return restored


def names_and_values(state):
    return {name: np.asarray(leaf) for name, leaf in flatten(state.state_dict()).items()}


# ---------------------------------------------------------------- what is kept


def test_the_newest_and_the_named_steps_are_kept(tmp_path):
    save_run(tmp_path, (2, 4, 6, 8, 10), keep=2, checkpoint_steps=[4])
    assert steps_in(tmp_path) == [4, 8, 10]


@pytest.mark.parametrize(("mode", "kept"), [("min", [2, 4, 10]), ("max", [6, 8, 10])])
def test_the_best_and_the_newest_are_kept(tmp_path, mode, kept):
    losses = {2: 0.5, 4: 0.75, 6: 1.0, 8: 2.0}
    metrics = tmp_path / "training_eval" / "toy" / "metrics.jsonl"
    metrics.parent.mkdir(parents=True)
    cfg = SaveCheckpointConfig(
        keep=2, metric_name_to_monitor="training_eval/toy/loss", metric_mode=mode
    )
    manager = CheckpointManager(str(tmp_path), cfg)
    for step in (2, 4, 6, 8, 10):
        manager.save(state_of(step), {})
        if step in losses:
            with metrics.open("a") as file:
                file.write(json.dumps({"step": step, "loss": losses[step]}) + "\n")
    manager.close()
    assert steps_in(tmp_path) == kept


def test_without_the_metric_the_newest_are_kept(tmp_path, caplog):
    save_run(tmp_path, (2, 4, 6), keep=1, metric_name_to_monitor="training_eval/toy/los")
    assert steps_in(tmp_path) == [6]
    assert "No checkpoint has the metric training_eval/toy/los yet" in caplog.text


def test_metrics_are_found_where_the_run_and_seqio_write_them(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "inference_eval").mkdir()
    (tmp_path / "train" / "metrics.jsonl").write_text(
        '{"step": 1, "timing/seconds": 2.5}\n{"step": 2, "timing/seconds": null}\n{"step": 3, "t'
    )
    (tmp_path / "inference_eval" / "toy-metrics.jsonl").write_text('{"step": 7, "exact": 0.5}\n')
    assert read_metric(str(tmp_path), "train/timing/seconds") == {1: 2.5}
    assert read_metric(str(tmp_path), "inference_eval/toy/exact") == {7: 0.5}
    assert read_metric(str(tmp_path), "inference_eval/other/exact") == {}


def test_a_star_is_the_mean_over_the_tasks_where_all_were_measured(tmp_path):
    for task, rows in {"a": {2: 1.0, 4: 2.0}, "b[1]": {2: 3.0, 4: 1.0, 6: 0.0}}.items():
        folder = tmp_path / "training_eval" / task
        folder.mkdir(parents=True)
        lines = [json.dumps({"step": step, "loss": loss}) for step, loss in rows.items()]
        (folder / "metrics.jsonl").write_text("\n".join(lines))
    assert read_metric(str(tmp_path), "training_eval/*/loss") == {2: 2.0, 4: 1.5}
    assert read_metric(str(tmp_path), "training_eval/b[1]/loss") == {2: 3.0, 4: 1.0, 6: 0.0}
    assert read_metric(str(tmp_path), "training_eval/*/other") == {}


# ---------------------------------------------------------------- what is saved


def test_parameters_are_saved_in_the_dtype_asked_for_and_nothing_else(tmp_path):
    save_run(tmp_path, (4,), dtype="bfloat16")
    shapes = open_checkpoint(str(tmp_path / "checkpoint_4")).shapes
    assert {shapes[name].dtype for name in NAMES} == {jnp.dtype("bfloat16")}
    assert shapes["state/param_states/0/trace/encoder/scale"].dtype == jnp.float32
    assert shapes["state/step"].dtype == jnp.int32
    manager = CheckpointManager(str(tmp_path), SaveCheckpointConfig())
    state, position = manager.restore(4, shapes_of(OURS))
    assert position == {"batches": 40}
    for name in NAMES:
        saved = names_and_values(OURS)[name].astype(jnp.bfloat16).astype(np.float32)
        np.testing.assert_array_equal(names_and_values(state)[name], saved)


def test_transformations_before_saving_and_after_restoring(tmp_path):
    def halve(tree):
        return {**tree, "target": jax.tree.map(lambda x: x / 2, tree["target"])}

    def double_and_rename(tree):
        assert isinstance(tree["target"]["encoder"]["scale"], np.ndarray)
        target = jax.tree.map(lambda x: x * 2, tree["target"])
        return {**tree, "target": target}

    save_run(tmp_path, (4,), state_transformation_fns=[halve])
    halved = restore(str(tmp_path)).state
    np.testing.assert_array_equal(
        halved.params["encoder"]["scale"], OURS.params["encoder"]["scale"] / 2
    )
    same = restore(str(tmp_path), state_transformation_fns=[double_and_rename]).state
    assert_states_equal(same, OURS)


def test_orbax_alone_reads_what_we_write(run):
    tree = ocp.PyTreeCheckpointer().restore(str(run / "checkpoint_4" / "state"))
    wanted = names_and_values(OURS)
    assert set(flatten(tree)) == set(wanted)
    for name, leaf in flatten(tree).items():
        np.testing.assert_array_equal(leaf, wanted[name])


# ---------------------------------------------------------------- which one is restored


def test_paths_and_modes(run, tmp_path):
    four, eight = (str(run / f"checkpoint_{step}") for step in (4, 8))
    config = RestoreCheckpointConfig
    assert choose_checkpoint(config(str(run))) == eight
    assert choose_checkpoint(config(four)) == four
    assert choose_checkpoint(config(four + "/", mode="specific")) == four
    assert choose_checkpoint(config([str(tmp_path), str(run)])) == eight
    assert choose_checkpoint(config([])) is None
    assert choose_checkpoint(config(str(tmp_path), fallback_to_scratch=True)) is None
    assert checkpoints_to_evaluate(config(str(run), mode="all")) == [four, eight]
    assert checkpoints_to_evaluate(config([four, str(run)])) == [four, eight]
    assert checkpoints_to_evaluate(config(str(tmp_path), mode="all")) == [str(tmp_path)]
    for path in (str(tmp_path), str(run / "checkpoint_5"), "gs://bucket/checkpoint_1"):
        with pytest.raises(NoCheckpointError, match=r"No checkpoint at .*INITIAL_CHECKPOINT_PATH"):
            choose_checkpoint(config(path))
    with pytest.raises(ConfigError, match=r"name one, such as .*checkpoint_8"):
        choose_checkpoint(config(str(run), mode="specific"))
    with pytest.raises(ConfigError, match="for evaluation"):
        choose_checkpoint(config(str(run), mode="all"))


def test_the_data_position_comes_along_when_asked_for(run):
    assert restore(str(run), target=state_of(8)).data_position == {}
    restored = restore(str(run), target=state_of(8), restore_dataset=True)
    assert restored.data_position == {"batches": 80}
    assert restored.checkpoint == str(run / "checkpoint_8")


# ---------------------------------------------------------------- what goes where


def test_an_assignment_map_renames_shares_and_leaves_out(run):
    assignment = [
        (r"target/(en)coder/wi/(.*)", r"target/\1coder/wi/\2"),
        (r"state/param_states/.*", None),
        (r"target/encoder/scale", None),
        (r"target/twin/(.*)", r"target/decoder/\1"),
    ]
    twins = {**OURS.params, "twin": {"wo": {"kernel": OURS.params["decoder"]["wo"]["kernel"]}}}
    target = OURS.replace(params=twins)
    initial = OTHER.replace(params={**OTHER.params, "twin": OTHER.params["decoder"]})
    restored = restore_from_path(
        RestoreCheckpointConfig(str(run / "checkpoint_4"), assignment_map=assignment),
        shapes_of(target),
        lambda: initial,
    )
    found = names_and_values(restored.state)
    ours, other = names_and_values(OURS), names_and_values(OTHER)
    for name, value in found.items():
        if name.startswith("state/param_states/") or name == "target/encoder/scale":
            expected = other[name]
        else:
            expected = ours[name.replace("twin", "decoder")]
        np.testing.assert_array_equal(value, expected, err_msg=name)


def test_a_model_that_differs_is_refused_by_name_and_shape(run):
    path = str(run / "checkpoint_4")
    with pytest.raises(ConfigError) as mismatch:
        restore(path, target=NARROW)
    text = str(mismatch.value)
    assert "target/decoder/wo/kernel: (32, 64) in the checkpoint, (16, 64) in the model" in text
    assert "assignment_map" in text
    missing = OURS.replace(params={**OURS.params, "adapter": jnp.zeros(3)})
    with pytest.raises(ConfigError, match=r"target/adapter: absent from the checkpoint, \(3,\) in"):
        restore(path, target=missing)
    fewer = OURS.replace(params={"encoder": OURS.params["encoder"]})
    with pytest.raises(ConfigError, match=r"decoder/wo/kernel: \(32, 64\) in the .*, absent from"):
        restore(path, target=fewer)
    with pytest.raises(ConfigError, match=r"target/decoder/wo/kernel: \(32, 64\)"):
        CheckpointManager(str(run), SaveCheckpointConfig()).restore(4, shapes_of(NARROW))


def test_not_strict_keeps_initial_values_and_says_which(run, caplog):
    target = OURS.replace(params={**OURS.params, "adapter": jnp.zeros(3)})
    initial = OTHER.replace(params={**OTHER.params, "adapter": jnp.arange(3.0)})
    cfg = RestoreCheckpointConfig(str(run / "checkpoint_4"), strict=False)
    restored = restore_from_path(cfg, shapes_of(target), lambda: initial)
    np.testing.assert_array_equal(restored.state.params["adapter"], [0, 1, 2])
    assert "keep their initial value: target/adapter" in caplog.text
    fewer = OURS.replace(params={"encoder": OURS.params["encoder"]})
    restored = restore_from_path(cfg, shapes_of(fewer), lambda: fewer)
    assert_states_equal(restored.state, fewer)
    assert "not used: target/decoder/wo/kernel" in caplog.text
    with pytest.raises(ConfigError, match=r"\(32, 64\) in the checkpoint, \(16, 64\)"):
        restore_from_path(cfg, shapes_of(NARROW), lambda: NARROW)


def test_a_state_without_an_optimizer_reads_the_parameters_alone(run):
    target = FlaxOptimTrainState(OURS.step, OURS.params, {}, {}, NoOptimizer())
    restored = restore(str(run / "checkpoint_4"), target=target, dtype="bfloat16")
    for leaf, ours in zip(
        jax.tree.leaves(restored.state.params), jax.tree.leaves(OURS.params), strict=True
    ):
        np.testing.assert_array_equal(leaf, ours.astype(jnp.bfloat16))
    assert int(restored.state.step) == 4


# ---------------------------------------------------------------- configuration


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigError, match=r"keep is 0: keep at least 1"):
        SaveCheckpointConfig(keep=0)
    with pytest.raises(ConfigError, match=r"metric_mode is 'highest'.*max, min"):
        SaveCheckpointConfig(metric_mode="highest")
    with pytest.raises(ConfigError, match=r"mode is 'newest'.*latest, specific, all"):
        RestoreCheckpointConfig("x", mode="newest")


def test_ignored_settings_say_so_once(caplog):
    for _ in range(2):
        SaveCheckpointConfig(keep_dataset_checkpoints=3)
    (record,) = caplog.records
    assert record.getMessage().startswith("SaveCheckpointConfig.keep_dataset_checkpoints is ignor")


# ---------------------------------------------------------------- by time and by step


def test_temporary_checkpoints_go_when_the_next_is_complete(tmp_path):
    manager = CheckpointManager(str(tmp_path), SaveCheckpointConfig(keep=2))
    survivors = []
    for step, is_temporary in (
        (10, False), (13, True), (16, True), (20, False), (24, True), (30, False), (37, True)
    ):  # fmt: skip
        manager.save(state_of(step), {}, is_temporary)
        manager.wait()
        survivors.append(steps_in(tmp_path))
    assert survivors == [
        [10], [10, 13], [10, 16], [10, 20], [10, 20, 24], [20, 30], [20, 30, 37]
    ]  # fmt: skip
    # Another part of the run knows which of them are temporary.
    later = CheckpointManager(str(tmp_path), SaveCheckpointConfig(keep=2))
    assert later.latest_step() == 37
    later.save(state_of(40), {})
    later.close()
    manager.close()
    assert steps_in(tmp_path) == [30, 40]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_checkpoint_is_due_by_time_since_the_last_of_either_kind():
    clock = Clock()
    policy = TimePolicy(600, clock)
    due = []
    for minute in range(1, 31):
        clock.now = 60 * minute
        if minute == 15:
            policy.saved()  # by its step
        if policy.is_due():
            due.append(minute)
            policy.saved()
    assert due == [10, 25]
    assert not TimePolicy(None, lambda: 1e9).is_due()


def test_the_time_between_checkpoints_must_be_positive():
    with pytest.raises(ConfigError, match="temporary_every_minutes is 0: give a positive number"):
        SaveCheckpointConfig(temporary_every_minutes=0)
