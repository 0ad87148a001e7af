"""Inference: every row once and in order, whatever the batches, chunks, shards and accidents."""

import json
from pathlib import Path

import pytest

from t5x import infer as infer_lib
from t5x import utils
from t5x.chunks import ChunkedOutput, merge_chunks
from t5x.errors import ConfigError, RunError
from t5x.models import EncoderDecoderModel
from tests.t5x import toy_tasks
from tests.t5x.byte_model import LENGTHS, DiceModel, EchoModel, byte_model, random_state, save
from tests.t5x.toy_model import toy_partitioner

RESULT = "toy_copy-{}.jsonl-00000-of-00001"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save(tmp_path_factory.mktemp("run"), random_state(0, step=7))


def dataset_cfg(batch_size=16, split="validation", **kwargs):
    return utils.DatasetConfig(
        mixture_or_task_name=kwargs.pop("task", "toy_copy"),
        task_feature_lengths=kwargs.pop("lengths", LENGTHS),
        split=split,
        batch_size=batch_size,
        shuffle=False,
        seed=0,
        **kwargs,
    )


def run(checkpoint, output_dir, cfg=None, mode="predict", checkpoint_period=1, **kwargs):
    return infer_lib.infer(
        mode=mode,
        model=byte_model(kwargs.pop("model", EchoModel)),
        dataset_cfg=cfg or dataset_cfg(),
        restore_checkpoint_cfg=utils.RestoreCheckpointConfig(path=checkpoint),
        partitioner=toy_partitioner(),
        output_dir=str(output_dir),
        checkpoint_period=checkpoint_period,
        **kwargs,
    )


def lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def expected_inputs(task="copy", split="validation"):
    return [row["inputs"] for row in toy_tasks.rows(task, split)]


@pytest.fixture(scope="module")
def result(checkpoint, tmp_path_factory):
    """The 37 validation rows in batches of 16, which leave a last one of 5, a batch a chunk."""
    return Path(run(checkpoint, tmp_path_factory.mktemp("whole"))[0])


def test_every_row_once_and_in_order(result):
    assert result.name == RESULT.format("predict")
    rows = lines(result)
    assert [row["inputs"]["inputs_pretokenized"] for row in rows] == expected_inputs()
    assert all(set(row) == {"inputs", "prediction"} for row in rows)
    assert [row["prediction"] for row in rows] == [text[:8] for text in expected_inputs()]
    assert (result.parent / (result.name + ".COMPLETED")).read_text() == ""
    assert sorted(path.name for path in result.parent.iterdir()) == sorted(
        ["config.gin", result.name, result.name + ".COMPLETED"]
    )


def test_a_mixture_of_300_rows_in_and_out_with_other_batches(checkpoint, tmp_path, result):
    cfg = dataset_cfg(batch_size=128, split="train", task="toy")
    paths = run(checkpoint, tmp_path, cfg, checkpoint_period=100)
    assert [Path(path).name for path in paths] == [
        "toy_copy-predict.jsonl-00000-of-00001",
        "toy_reverse-predict.jsonl-00000-of-00001",
    ]
    for path, task in zip(paths, ("copy", "reverse"), strict=True):
        rows = lines(path)
        assert len(rows) == 300
        assert [row["prediction"] for row in rows] == [
            text[:8] for text in expected_inputs(task, "train")
        ]


class Killed(Exception):
    pass


@pytest.mark.parametrize(("dies_in_chunk", "of"), [(0, Killed), (2, KeyboardInterrupt)])
def test_an_interrupted_run_gives_the_same_bytes(checkpoint, tmp_path, result, dies_in_chunk, of):
    written = []

    def dying_write(path, *args):
        infer_lib.write_inferences_to_file(path, *args)
        written.append(path)
        if len(written) > dies_in_chunk:
            raise of

    with pytest.raises((Killed, RunError)) as error:
        run(checkpoint, tmp_path, write_fn=dying_write)
    if of is KeyboardInterrupt:
        assert "Interrupted at row 37 of 37" in str(error.value)
        assert "the same command goes on" in str(error.value)
    assert not (tmp_path / result.name).exists()
    resumed = []

    def counting_write(path, *args):
        resumed.append(path)
        infer_lib.write_inferences_to_file(path, *args)

    run(checkpoint, tmp_path, write_fn=counting_write)
    assert len(resumed) == 3 - dies_in_chunk
    assert (tmp_path / result.name).read_bytes() == result.read_bytes()


def test_a_completed_result_is_left_alone(checkpoint, result, capsys):
    before = result.stat().st_mtime_ns
    assert run("no/such/checkpoint", result.parent) == [str(result)]
    assert "nothing to do" in capsys.readouterr().out
    assert result.stat().st_mtime_ns == before


def test_shards_divide_the_rows(checkpoint, tmp_path, result):
    parts = []
    for shard_id in range(2):
        (path,) = run(checkpoint, tmp_path, shard_id=shard_id, num_shards=2, checkpoint_period=9)
        assert path.endswith(f"-0000{shard_id}-of-00002")
        parts.append(lines(path))
    assert [len(part) for part in parts] == [19, 18]
    whole = lines(result)
    assert parts[0] == whole[0::2]
    assert parts[1] == whole[1::2]


def test_scores_and_auxiliary_values(checkpoint, tmp_path):
    cfg = dataset_cfg(lengths=None)  # the longest example
    (scored,) = run(
        checkpoint,
        tmp_path,
        cfg,
        mode="score",
        merge_chunked_results=False,
        model=EncoderDecoderModel,
    )
    rows = [row for path in sorted(Path(scored + ".chunks").glob("*chunk*")) for row in lines(path)]
    assert not Path(scored).exists()
    assert Path(scored + ".COMPLETED").exists()
    assert [row["inputs"]["inputs_pretokenized"] for row in rows] == expected_inputs()
    assert all(set(row) == {"inputs", "score"} and row["score"] < 0 for row in rows)

    (with_aux,) = run(checkpoint, tmp_path, mode="predict_with_aux", model=EncoderDecoderModel)
    rows = lines(with_aux)
    assert len(rows) == 37
    assert all(set(row) == {"inputs", "prediction", "aux"} for row in rows)
    assert all(isinstance(row["prediction"], str) for row in rows)
    assert all(isinstance(row["aux"]["scores"], float) for row in rows)


def test_sampling_differs_between_batches_and_is_reproducible(checkpoint, tmp_path):
    paths = [run(checkpoint, tmp_path / name, model=DiceModel)[0] for name in "ab"]
    first, second = (Path(path).read_bytes() for path in paths)
    assert first == second
    assert len({row["prediction"] for row in lines(paths[0])}) == 37


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "predcit"}, "'predcit' is none of predict, score"),
        ({"cfg": dataset_cfg(pack=True)}, "pack is True: set it to False"),
        ({"shard_id": 2, "num_shards": 2}, "shard_id 2 is not below num_shards 2"),
        ({"cfg": dataset_cfg(batch_size=12)}, r"Batch size 12 is not divisible.* 8"),
        ({"cfg": dataset_cfg(task="toy_cpy")}, r"'toy_cpy'.*Did you mean 'toy_copy'"),
        ({"cfg": dataset_cfg(lengths={"inputs": 7, "targets": 8})}, "their prompt: nothing else"),
        ({}, "There is no folder unused: set CHECKPOINT_PATH"),
        (
            {"cfg": dataset_cfg(split="test")},
            r"'toy_copy' has no split 'test'.*: train, valid",
        ),
    ],
)
def test_wrong_configurations_say_so_before_data_are_read(tmp_path, monkeypatch, changes, message):
    monkeypatch.setattr(infer_lib, "_TaskData", None)
    with pytest.raises(ConfigError, match=message):
        run("unused", tmp_path, **changes)


def test_chunks_of_other_settings_are_refused(tmp_path):
    output = ChunkedOutput(str(tmp_path / "result"))
    assert output.begin({"rows": 3, "beams": 4}) == 0
    output.write_chunk(0, lambda path: Path(path).write_text("a\n"))
    assert output.begin({"rows": 3, "beams": 4}) == 1
    with pytest.raises(
        ConfigError, match=r"result\.chunks[\s\S]*beams: 4 then, 10 now[\s\S]*delete"
    ):
        output.begin({"rows": 3, "beams": 10})


def test_a_chunk_counts_once_it_is_whole(tmp_path):
    output = ChunkedOutput(str(tmp_path / "result"))
    output.begin({})

    def dies(path):
        Path(path).write_text("hal")
        raise Killed

    output.write_chunk(0, lambda path: Path(path).write_text("a\n"))
    with pytest.raises(Killed):
        output.write_chunk(1, dies)
    assert output.begin({}) == 1
    output.write_chunk(1, lambda path: Path(path).write_text("b\n"))
    output.finish(2, merge_chunks)
    assert output.is_complete
    assert (tmp_path / "result").read_text() == "a\nb\n"
    assert not Path(output.folder).exists()
