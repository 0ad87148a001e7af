"""The starter corpus as a dataset: made once, by whichever process is done first."""

import pytest

from t5chem.corpora import starter


def rows(kind):
    for split, count in (("train", 3), ("validation", 1), ("test", 1)):
        for number in range(count):
            yield {
                "id": f"{split}-{number}", "split": split,
                "smiles": "C", "name": "methane", "description": "An alkane.",
            }  # fmt: skip


def builder(folder):
    return starter.Starter(config="molecules", data_dir=str(folder))


def test_another_process_may_be_done_first(tmp_path, monkeypatch):
    def while_another_makes_them(kind):
        monkeypatch.setattr(starter, "_rows", rows)
        builder(tmp_path).download_and_prepare()
        return rows(kind)

    monkeypatch.setattr(starter, "_rows", while_another_makes_them)
    late = builder(tmp_path)
    late.download_and_prepare()
    assert {name: split.num_examples for name, split in late.info.splits.items()} == {
        "train": 3, "validation": 1, "test": 1,
    }  # fmt: skip
    assert sorted(row["id"] for row in late.as_dataset(split="train").as_numpy_iterator()) == [
        b"train-0", b"train-1", b"train-2",
    ]  # fmt: skip
    assert [path.name for path in (tmp_path / "starter" / "molecules").iterdir()] == ["1.0.0"]


def test_storage_that_fails_is_told(tmp_path, monkeypatch):
    def full(kind):
        raise OSError("No space left on device")

    monkeypatch.setattr(starter, "_rows", full)
    with pytest.raises(OSError, match="No space left"):
        builder(tmp_path).download_and_prepare()
