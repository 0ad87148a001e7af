"""Placed files: found, missing, changed, of the wrong number of rows."""

import dataclasses
import hashlib

import pytest

from t5chem.datasets.dataset import HELD_OUT, SourceFile
from t5chem.datasets.manual import find_folder, load, made_from, present
from t5chem.datasets.registry import all_datasets, built_in, find
from t5x.errors import ConfigError
from tests.t5chem.datasets.source_files import CHEBI20, FILES, write


def message(callable_, *arguments):
    with pytest.raises(ConfigError) as raised:
        callable_(*arguments)
    return raised.value.message


def chebi20(**changes):
    return dataclasses.replace(built_in()["chebi20"], counts={}, **changes)


def test_files_in_the_folder_of_the_name_or_in_the_manual_folder_itself(tmp_path):
    write(tmp_path, CHEBI20)
    assert find_folder(chebi20(), tmp_path) == tmp_path / "chebi20"
    assert find_folder(chebi20(), tmp_path / "chebi20") == tmp_path / "chebi20"
    assert find_folder(chebi20(folder="elsewhere", name="chebi20"), tmp_path / "chebi20")


def test_missing_files(tmp_path):
    write(tmp_path, {"chebi20/test.txt": "x"})
    address = "https://raw.githubusercontent.com/blender-nlp/MolT5/HEAD/ChEBI-20_data"
    assert message(load, chebi20(), tmp_path) == (
        "chebi20 (ChEBI-20: molecules and their descriptions in ChEBI) is made from files that are "
        "not there:\n"
        f"  validation.txt: {address}/validation.txt\n"
        f"Looked in {tmp_path}/chebi20 and in {tmp_path}.\n"
        "Its homepage is https://github.com/blender-nlp/MolT5.\n"
        "Place them in FOLDER/chebi20/ and run\n"
        "  python -m t5chem.datasets.build chebi20 --manual_dir FOLDER"
    )


@pytest.mark.parametrize("name", list(FILES))
def test_every_dataset_says_what_is_missing(name, tmp_path):
    said = message(load, built_in()[name], tmp_path / "nowhere")
    for file in built_in()[name].files:
        assert f"  {file.name}" in said
        assert file.url is None or file.url in said
    assert f"  python -m t5chem.datasets.build {name} --manual_dir FOLDER" in said


def test_missing_files_of_a_users_own(tmp_path):
    own = chebi20(files=(SourceFile(str(tmp_path / "mine.csv")),), name="mine", title="Mine")
    assert message(load, own, tmp_path) == (
        f"mine (Mine) is made from files that are not there:\n  {tmp_path}/mine.csv\n"
        "Put them back, or add it anew with `t5chem data add`."
    )


def test_a_file_that_is_not_required(tmp_path):
    write(tmp_path, {name: text for name, text in CHEBI20.items() if "train" not in name})
    report = load(chebi20(), tmp_path).report
    assert report.kept == {"validation": 1, "test": 1}
    assert report.notices[-1] == (
        "train.txt is not there: its rows are left out. To have them, place it (https://raw."
        "githubusercontent.com/blender-nlp/MolT5/HEAD/ChEBI-20_data/train.txt), remove what was "
        "made and make it anew."
    )


def test_another_checksum_is_said(tmp_path):
    write(tmp_path, CHEBI20)
    notices = load(chebi20(), tmp_path).report.notices
    assert notices == [
        f"{name} is not the file that the card speaks of" for name in ("validation.txt", "test.txt")
    ]


def test_the_right_checksum_is_not_mentioned(tmp_path):
    write(tmp_path, {"a.txt": CHEBI20["chebi20/test.txt"]})
    sha256 = hashlib.sha256(CHEBI20["chebi20/test.txt"].encode()).hexdigest()
    file = SourceFile("a.txt", sha256=sha256)
    one = chebi20(files=(file,), read=lambda folder: built_in()["chebi20"].read(tmp_path / "x"))
    write(tmp_path / "x", {"test.txt": CHEBI20["chebi20/test.txt"]})
    assert load(one, tmp_path).report.notices == []


def test_a_wrong_number_of_rows(tmp_path):
    folder = write(tmp_path, CHEBI20) / "chebi20"
    dataset = chebi20()
    said = message(load, dataclasses.replace(dataset, counts={"test": 3300}), tmp_path)
    assert said.splitlines()[0] == (
        f"chebi20 has 1 rows in split 'test', and 3,300 as published: the files in {folder} were "
        "cut off, changed, or are another release. Fetch them again; to use them as they are, add "
        "them under a name of your own with `t5chem data add`."
    )
    assert "  kept              1  test" in said.splitlines()
    (folder / "train.txt").unlink()
    # Its file is optional and not there: then its rows are not missed.
    assert load(dataclasses.replace(dataset, counts={"train": 5}), tmp_path)


def test_a_dataset_that_needs_another_to_be_compared_with(tmp_path):
    files = {name: text for name, text in FILES["iupac"].items() if "chebi20" not in name}
    iupac = dataclasses.replace(built_in()["iupac"], counts={})
    said = message(load, iupac, write(tmp_path, files))
    assert said.startswith(
        "iupac must not hold rows that chebi20 tests with, and they cannot be looked up. chebi20 "
        "(ChEBI-20: molecules and their descriptions in ChEBI) is made from files that are not "
        "there:\n  validation.txt: "
    )
    counting = dataclasses.replace(iupac, drops=iupac.drops - {HELD_OUT})
    assert load(counting, tmp_path).report.notices[-1] == (
        "not compared with chebi20: its files are not there"
    )


def test_a_changed_file_of_the_other_dataset_is_said(tmp_path):
    iupac = dataclasses.replace(built_in()["iupac"], counts={})
    notices = load(iupac, write(tmp_path, FILES["iupac"])).report.notices
    assert notices[-2:] == [
        "chebi20: validation.txt is not the file that the card speaks of",
        "chebi20: test.txt is not the file that the card speaks of",
    ]


def test_patterns_and_alternatives(tmp_path):
    write(tmp_path, {"b/x-2.txt": "", "x-1.txt": "", "y.csv": "", "z": ""})
    assert present(tmp_path, SourceFile("**/x-*")) == [tmp_path / "b/x-2.txt", tmp_path / "x-1.txt"]
    assert present(tmp_path, SourceFile("y.tsv", alternatives=("y.csv",))) == [tmp_path / "y.csv"]
    assert present(tmp_path, SourceFile("b")) == []


def test_what_a_dataset_is_made_from(tmp_path):
    write(tmp_path, CHEBI20)
    made = made_from(chebi20(recipe="all of it"), tmp_path)
    assert sorted(made) == ["recipe", "test.txt", "train.txt", "validation.txt"]
    text = CHEBI20["chebi20/test.txt"].encode()
    assert made["test.txt"] == hashlib.sha256(text).hexdigest()
    assert made["recipe"] == "all of it"
    assert made_from(chebi20(), tmp_path / "nowhere") == {}


# The registry


def test_names_are_those_of_builders_and_tasks():
    for name, dataset in built_in().items():
        assert name == dataset.name and name.isidentifier() and name == name.lower()
        assert dataset.kind in ("molecules", "reactions", "procedures")
        assert all(other in built_in() for other in dataset.held_out_from)
        for file in dataset.files:
            assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32


def test_find():
    assert find("uspto50k") is built_in()["uspto50k"]
    said = message(find, "chebi-20")
    assert said.startswith("There is no dataset 'chebi-20'. Did you mean 'chebi20'")


def test_own_datasets_stand_beside(tmp_path, monkeypatch):
    write(tmp_path, {"d.yaml": "mine:\n  file: mine.csv\n  smiles: a\n  text: b\n"})
    datasets = all_datasets(tmp_path / "d.yaml")
    assert list(datasets)[-1] == "mine" and set(built_in()) < set(datasets)
