"""Each wrong configuration is refused in words, before data are read or anything is compiled."""

import dataclasses
import importlib
import json

import pytest

from t5x import config_checks, data
from t5x.data import seqio
from t5x.errors import ConfigError
from t5x.run_start import Start, check_configuration, last_step_of, warn_of_ignored
from t5x.trainer import accumulate_grads
from tests.t5x.toy_model import toy_batch, toy_model, toy_partitioner

CFG = data.DatasetConfig(
    mixture_or_task_name="toy",
    task_feature_lengths={"inputs": 24, "targets": 12},
    split="train",
    batch_size=8,
    shuffle=True,
    seed=7,
    module="tests.t5x.toy_tasks",
)


def refused(**changes):
    with pytest.raises(ConfigError) as raised:
        cfg = dataclasses.replace(CFG, **changes)
        config_checks.check_lengths(config_checks.check_dataset(cfg, "train"), cfg, "train")
    return raised.value


def test_a_right_configuration_passes():
    tasks = config_checks.check_dataset(CFG, "train")
    assert [task.name for task in tasks] == ["toy_copy", "toy_reverse"]
    config_checks.check_lengths(tasks, CFG, "train")


def test_an_unknown_mixture():
    error = refused(mixture_or_task_name="toy_revers")
    assert "No mixture or task is called 'toy_revers'. Did you mean 'toy_reverse'" in error.message
    assert error.settings == (
        "train/DatasetConfig.mixture_or_task_name",
        "train/DatasetConfig.module",
    )


def test_a_module_that_does_not_exist():
    assert "MIXTURE_OR_TASK_MODULE names 'no_such_tasks', which Python cannot find. Install" in str(
        refused(module="no_such_tasks")
    )


def test_a_module_that_does_not_import(tmp_path, monkeypatch):
    (tmp_path / "broken_tasks.py").write_text("import seqio\n1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    assert refused(module="broken_tasks").message == (
        "MIXTURE_OR_TASK_MODULE names 'broken_tasks', which does not import: ZeroDivisionError: "
        "division by zero (broken_tasks.py, line 2). `python -c 'import broken_tasks'` shows the "
        "rest."
    )


def test_a_split_that_does_not_exist():
    assert str(refused(split="validaton")) == (
        "'toy' has no split 'validaton'. Did you mean 'validation'? It has: train, validation."
    )


def test_a_cache_that_is_not_there():
    message = str(refused(use_cached=True))
    assert "there is none of toy_copy, toy_reverse in any folder: none was given" in message
    assert "seqio_cache_tasks --tasks=toy_copy,toy_reverse --output_cache_dir=<folder>" in message
    assert "--module_import=tests.t5x.toy_tasks" in message


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ({"inputs": 24}, "gives no length for 'targets', a feature of 'toy'"),
        ({"inputs": 1, "targets": 12}, "TASK_FEATURE_LENGTHS['inputs'] is 1: give at least 2"),
        (
            {"inputs": 7, "targets": 12},
            "TASK_FEATURE_LENGTHS['inputs'] is 7, and all inputs of 'toy_reverse' begin with the "
            "same 9 tokens, their prompt: nothing else would be left of them.",
        ),
        (
            {"inputs": 24, "targets": 2},
            "TASK_FEATURE_LENGTHS['targets'] is 2, which cuts every one of the first 16 targets",
        ),
    ],
)
def test_lengths_that_leave_nothing(lengths, expected):
    name = "toy_reverse" if "toy_reverse" in expected else "toy"
    error = refused(task_feature_lengths=lengths, mixture_or_task_name=name)
    assert expected in error.message
    assert error.settings == ("train/DatasetConfig.task_feature_lengths",)


def test_a_vocabulary_larger_than_the_embedding():
    model = toy_model()
    config_checks.check_embedding(model)
    model.output_vocabulary = seqio.ByteVocabulary()
    with pytest.raises(ConfigError, match=r"vocabulary has 259 ids and the embedding 64 rows.*384"):
        config_checks.check_embedding(model)


def check(cfg, **changes):
    arguments = {
        "train_cfg": cfg,
        "train_eval_cfg": None,
        "infer_eval_cfg": None,
        "model": toy_model(),
        "partitioner": toy_partitioner(),
        "verify_vocabularies": None,
    }
    return check_configuration(**(arguments | changes))


def test_vocabularies_that_differ():
    with pytest.raises(ConfigError, match="input vocabulary of 'toy' differs") as raised:
        check(CFG, verify_vocabularies=data.verify_matching_vocabs)
    assert "EncoderDecoderModel.input_vocabulary" in raised.value.settings


def test_a_batch_that_the_mesh_does_not_divide():
    with pytest.raises(ConfigError, match=r"Batch size 6 .* data axis of the mesh, 8") as raised:
        check(dataclasses.replace(CFG, batch_size=6))
    assert raised.value.settings[0] == "train/DatasetConfig.batch_size"
    with pytest.raises(ConfigError, match="Batch size 3") as raised:
        check(CFG, infer_eval_cfg=dataclasses.replace(CFG, split="validation", batch_size=3))
    assert raised.value.settings[0] == "infer_eval/DatasetConfig.batch_size"


def test_what_a_command_that_predicts_is_refused():
    with pytest.raises(ConfigError, match="input vocabulary of 'toy' differs") as raised:
        config_checks.check_inference(CFG, toy_model(), toy_partitioner())
    assert raised.value.settings == (
        "EncoderDecoderModel.input_vocabulary",
        "DatasetConfig.module",
    )
    model = toy_model()
    model.output_vocabulary = seqio.ByteVocabulary()
    with pytest.raises(ConfigError, match="259 ids and the embedding 64 rows"):
        config_checks.check_inference(CFG, model, toy_partitioner())


def test_the_address_of_a_bucket_is_no_folder():
    config_checks.check_folder("/gcs/bucket/run", "MODEL_DIR")
    with pytest.raises(
        ConfigError, match="MODEL_DIR is gs://bucket/run, and a run writes to"
    ) as refused:
        config_checks.check_folder("gs://bucket/run", "MODEL_DIR")
    assert refused.value.settings == ("MODEL_DIR",)


def test_a_batch_that_the_micro_batches_do_not_divide():
    with pytest.raises(ConfigError, match=r"8 rows.*num_microbatches=3") as raised:
        accumulate_grads(toy_model(), {}, toy_batch(0), None, 3)
    assert "Trainer.num_microbatches" in raised.value.settings


OWN = Start(None, 20, batches_read=20, began_at=0, origin="own checkpoint of step 20")


def note_evaluation(model_dir, step):
    (model_dir / "evaluations").mkdir()
    (model_dir / "evaluations" / "metrics.jsonl").write_text(json.dumps({"step": step}))


def test_steps_that_are_done_already(tmp_path):
    note_evaluation(tmp_path, 20)
    for total, relative, name in ((20, None, "TRAIN_STEPS"), (1, 20, "TRAIN_STEPS_RELATIVE")):
        with pytest.raises(
            ConfigError, match=rf"{name} is 20, up to step 20, and the own checkpoint of step 20"
        ):
            last_step_of(OWN, total, relative, str(tmp_path))
    with pytest.raises(ConfigError, match="TRAIN_STEPS is 19"):
        last_step_of(OWN, 19, None, str(tmp_path))


def test_a_last_step_without_its_evaluation_or_report_may_be_gone_on_from(tmp_path):
    assert last_step_of(OWN, 20, None, str(tmp_path)) == 20
    trial = dataclasses.replace(OWN, batches_read=9, began_at=11)
    with pytest.raises(ConfigError, match="There is nothing to train"):
        last_step_of(trial, 20, None, str(tmp_path))
    note_evaluation(tmp_path, 20)
    (tmp_path / "inference_eval").mkdir()
    assert last_step_of(OWN, 20, None, str(tmp_path)) == 20
    (tmp_path / "results.json").write_text(json.dumps({"step": 10}))
    assert last_step_of(OWN, 20, None, str(tmp_path)) == 20
    (tmp_path / "results.json").write_text(json.dumps({"step": 20}))
    with pytest.raises(ConfigError, match="There is nothing to train"):
        last_step_of(OWN, 20, None, str(tmp_path))


def test_relative_steps_count_from_where_the_first_part_began():
    start = Start(None, 20, batches_read=5, began_at=15, origin="own checkpoint of step 20")
    assert last_step_of(start, total_steps=1, relative_steps=10, model_dir="x") == 25


def test_arguments_without_effect_warn(caplog):
    with caplog.at_level("WARNING"):
        warn_of_ignored(gc_period=(0, 0), use_orbax=(False, True))
    assert [record.getMessage() for record in caplog.records] == [
        "train.use_orbax=False has no effect in this engine."
    ]
