"""Evaluation: every checkpoint that is asked for, every row, and the files that T5X users read."""

import functools
import json

import pytest
import seqio

from t5x import eval as eval_lib
from t5x import trainer, utils
from t5x.errors import ConfigError
from t5x.restoring import NoOptimizer, checkpoint_paths
from t5x.schedules import create_learning_rate_scheduler
from tests.t5x.byte_model import LENGTHS, EchoModel, byte_model, random_state, save
from tests.t5x.toy_model import toy_partitioner


def evaluate(path, output_dir, mode="latest", split="validation", **kwargs):
    return eval_lib.evaluate(
        model=byte_model(EchoModel),
        dataset_cfg=utils.DatasetConfig(
            mixture_or_task_name=kwargs.pop("name", "toy"),
            module="tests.t5x.toy_tasks",
            task_feature_lengths=kwargs.pop("lengths", None),
            split=split,
            batch_size=kwargs.pop("batch_size", 16),
            shuffle=False,
            seed=42,
        ),
        restore_checkpoint_cfg=utils.RestoreCheckpointConfig(
            path=path, mode=mode, fallback_to_scratch=kwargs.pop("fallback_to_scratch", False)
        ),
        partitioner=toy_partitioner(),
        output_dir=str(output_dir),
        inference_evaluator_cls=functools.partial(seqio.Evaluator, logger_cls=[seqio.JSONLogger]),
        **kwargs,
    )


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    states = [random_state(seed, step) for seed, step in ((0, 2), (1, 10))]
    return save(tmp_path_factory.mktemp("run"), *states)


def test_all_checkpoints_in_turn(run_dir, tmp_path, capsys):
    trainer_cls = functools.partial(
        trainer.Trainer,
        learning_rate_fn=create_learning_rate_scheduler("constant"),
        num_microbatches=None,
    )
    scores = evaluate(run_dir, tmp_path, "all", lengths=LENGTHS, training_evaluator_cls=trainer_cls)
    # The model repeats its inputs, prompt and all: never the answer.
    assert scores == {
        step: {"toy_copy": {"exact": 0.0}, "toy_reverse": {"exact": 0.0}} for step in (2, 10)
    }
    folder = tmp_path / "inference_eval"
    metrics = [json.loads(line) for line in (folder / "toy_copy-metrics.jsonl").open()]
    assert [(line["step"], line["exact"]) for line in metrics] == [(2, 0.0), (10, 0.0)]
    rows = [json.loads(line) for line in (folder / "toy_reverse-000010.jsonl").open()]
    assert len(rows) == 37
    assert all(r["prediction"] == r["input"]["inputs_pretokenized"][:8] for r in rows)
    losses = (tmp_path / "training_eval" / "toy_copy" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in losses] == [2, 10]
    assert json.loads(losses[0])["loss"] != json.loads(losses[1])["loss"]
    printed = capsys.readouterr().out
    assert "Step 2, from" in printed and "Step 10, from" in printed
    assert "task         rows  metric" in printed and "toy_copy       37  exact" in printed


def test_where_there_is_no_checkpoint(tmp_path):
    missing = str(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="none"):
        evaluate(missing, tmp_path)
    with pytest.raises(ConfigError, match="fallback_init_rng is None"):
        evaluate(missing, tmp_path, fallback_to_scratch=True)
    scores = evaluate(missing, tmp_path, fallback_to_scratch=True, fallback_init_rng=3)
    assert list(scores) == [0]


def test_a_split_that_no_task_has(tmp_path):
    with pytest.raises(ConfigError, match=r"'toy' has no split 'test'.*train, validation"):
        evaluate("unused", tmp_path, split="test")


def test_a_wrong_configuration_is_refused_before_data_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(eval_lib, "InferenceEvaluator", None)
    with pytest.raises(ConfigError, match=r"Batch size 12 is not divisible.* 8"):
        evaluate("unused", tmp_path, batch_size=12)
    with pytest.raises(FileNotFoundError, match=r"There is no folder unused: set CHECKPOINT_PATH"):
        evaluate("unused", tmp_path)
    task = seqio.TaskRegistry.get("toy_copy")
    monkeypatch.setattr(task, "_all_metric_fns", ((), (), ()))
    monkeypatch.setattr(task, "metric_objs", ())
    with pytest.raises(ConfigError, match=r"No task of 'toy_copy' has metrics.*t5x\.infer"):
        evaluate("unused", tmp_path, name="toy_copy")


def test_each_path_stands_for_itself_unless_all_are_asked_for():
    cfg = utils.RestoreCheckpointConfig(path=["a/checkpoint_1", "b"], mode="specific")
    assert checkpoint_paths(cfg) == ["a/checkpoint_1", "b"]


def test_what_was_restored_for_inference_cannot_be_trained():
    with pytest.raises(NotImplementedError, match="cannot be trained"):
        NoOptimizer().apply_gradient({}, {}, {}, 0, 0.1)
