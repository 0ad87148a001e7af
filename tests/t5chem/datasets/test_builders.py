"""Every dataset through tensorflow-datasets: built from small files in its true form, read back."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from t5chem.datasets import build, builders
from t5chem.datasets.registry import built_in
from t5chem.datasets.user_datasets import from_values, to_dataset
from t5x.errors import ConfigError
from tests.t5chem.datasets.source_files import FILES, RECORDS, write


@pytest.fixture(scope="session")
def small_builders():
    """Builders of datasets of which small files are complete, by the published name."""
    return {
        name: builders.register(
            dataclasses.replace(
                dataset, name=f"small_{name}", counts={}, folder=dataset.folder or name
            )
        )
        for name, dataset in built_in().items()
    }


def prepare(builder, manual):
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=str(manual))
    )


def test_every_dataset_has_a_builder():
    for name, dataset in built_in().items():
        assert tfds.builder_cls(name).DATASET is dataset


@pytest.mark.parametrize("name", FILES)
def test_building(name, small_builders, tmp_path, capfd):
    builder = small_builders[name](data_dir=tmp_path / "data")
    prepare(builder, write(tmp_path / "manual", FILES[name]))
    found = {}
    for split in builder.info.splits:
        rows = tfds.as_numpy(builder.as_dataset(split=split))
        for row in ({key: value.decode() for key, value in row.items()} for row in rows):
            assert row["id"].startswith(f"{split}-")
            found[row.pop("id")] = row
    assert found == RECORDS[name]
    report = json.loads((Path(builder.data_dir) / "validation.json").read_text(encoding="utf-8"))
    assert report["kept"] == {
        split: sum(row.startswith(split) for row in RECORDS[name]) for split in report["kept"]
    }
    said = capfd.readouterr().out.splitlines()
    assert said[0] == f"small_{name}: {report['read']} rows read"
    assert all(line.startswith("  ") for line in said[1:])


def test_a_split_without_rows_is_left_out(small_builders, tmp_path):
    builder = small_builders["chebi20_subset"](data_dir=tmp_path / "data")
    prepare(builder, write(tmp_path / "manual", FILES["chebi20_subset"]))
    assert list(builder.info.splits) == ["train"]


def test_files_are_looked_for_in_the_default_manual_folder(small_builders, tmp_path):
    write(tmp_path / "data/downloads/manual", FILES["paragraph2actions"])
    builder = small_builders["paragraph2actions"](data_dir=tmp_path / "data")
    builder.download_and_prepare()
    assert builder.info.splits["train"].num_examples == 1


def test_nothing_is_left_of_a_dataset_that_cannot_be_made(small_builders, tmp_path):
    builder = small_builders["chemtrans"](data_dir=tmp_path / "data")
    with pytest.raises(ConfigError, match=r"(?s)is made from files.*manual/chemtrans and in "):
        prepare(builder, tmp_path / "manual")
    assert not Path(builder.data_dir).exists()
    prepare(builder, write(tmp_path / "manual", FILES["chemtrans"]))
    assert builder.info.splits["train"].num_examples == 1


def test_a_dataset_that_is_there_must_be_of_the_files_that_are_there(small_builders, tmp_path):
    manual = write(tmp_path / "manual", FILES["paragraph2actions"])
    builder = small_builders["paragraph2actions"](data_dir=tmp_path / "data")
    prepare(builder, manual)
    prepare(builder, manual)
    prepare(builder, tmp_path / "nowhere")  # the files are no more needed
    write(manual, {"paragraph2actions/tgt-train.txt": "ADD LiAlH4 (2 M in THF).\n"})
    with pytest.raises(ConfigError) as raised:
        prepare(small_builders["paragraph2actions"](data_dir=tmp_path / "data"), manual)
    assert raised.value.message == (
        "small_paragraph2actions was made from something else than is there now (tgt-train.txt): "
        f"remove {builder.data_dir} to make it anew."
    )


def test_a_table_must_be_read_by_the_columns_that_it_was_made_with(tmp_path, monkeypatch):
    (tmp_path / "mine.csv").write_text("SMILES,short,long\nCCO,ethanol,The molecule is ethanol.\n")

    def dataset(**entry):
        return to_dataset(from_values("mine_in_columns", {"file": "mine.csv", **entry}, tmp_path))

    make = builders.register(dataset(smiles="SMILES", text="short"))
    made = make(data_dir=tmp_path / "data")
    prepare(made, tmp_path)
    monkeypatch.setattr(make, "DATASET", dataset(smiles="SMILES", text="short", title="Alcohols"))
    prepare(make(data_dir=tmp_path / "data"), tmp_path)
    monkeypatch.setattr(make, "DATASET", dataset(smiles="SMILES", text="long"))
    with pytest.raises(ConfigError) as raised:
        prepare(make(data_dir=tmp_path / "data"), tmp_path)
    assert raised.value.message == (
        "mine_in_columns was made from something else than is there now (its columns or options): "
        f"remove {made.data_dir} to make it anew."
    )


def run(command, tmp_path):
    write(tmp_path / "manual", FILES["paragraph2actions"])
    options = ["--manual_dir", tmp_path / "manual", "--data_dir", tmp_path / "data"]
    ran = subprocess.run(
        [*command, *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.slow
def test_the_command(tmp_path):
    built = tmp_path / "data/paragraph2actions/1.0.0"
    assert run([sys.executable, "-m", "t5chem.datasets.build", "paragraph2actions"], tmp_path) == [
        "paragraph2actions: 3 rows read",
        "  kept              1  train",
        "  kept              1  validation",
        "  kept              1  test",
        f"paragraph2actions is in {built}",
    ]
    assert (built / "validation.json").exists()


@pytest.mark.slow
def test_the_command_of_tensorflow_datasets(tmp_path):
    pytest.importorskip("apache_beam", reason="`tfds` does not start without")
    pytest.importorskip("mlcroissant", reason="`tfds` does not start without")
    tfds_command = Path(sys.executable).parent / "tfds"
    imports = ["--imports", "t5chem.datasets.builders"]
    said = run([tfds_command, "build", "paragraph2actions", *imports], tmp_path)
    assert "paragraph2actions: 3 rows read" in said
    assert (tmp_path / "data/paragraph2actions/1.0.0/validation.json").exists()


def test_the_commands_complaints(tmp_path, capsys):
    assert build.main(["paragraph2action"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        "There is no dataset 'paragraph2action'. Did you mean 'paragraph2actions'?"
    )
    folders = ["--manual_dir", str(tmp_path), "--data_dir", str(tmp_path / "data")]
    assert build.main(["chebi20", *folders]) == 2
    assert f"Looked in {tmp_path}/chebi20 and in {tmp_path}." in capsys.readouterr().err


def test_nothing_else_needs_tensorflow():
    script = (
        "import sys; from t5chem.datasets import cards, manual, registry; registry.all_datasets();"
        "print(sorted({'tensorflow', 'tensorflow_datasets', 'torch', 'pyarrow', 'seqio', 'gin'}"
        " & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
