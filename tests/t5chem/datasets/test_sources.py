"""Every dataset from small files in its true form: records to the letter, drops by reason."""

import dataclasses

import pytest

from t5chem.datasets.manual import load
from t5chem.datasets.registry import built_in
from t5x.errors import ConfigError
from tests.t5chem.datasets.source_files import FILES, RECORDS, write


def small(name):
    """A dataset of which small files are complete."""
    return dataclasses.replace(built_in()[name], counts={})


def test_every_dataset_has_small_files():
    assert set(FILES) == set(RECORDS) == set(built_in())


@pytest.mark.parametrize("name", FILES)
def test_records(name, tmp_path):
    loaded = load(small(name), write(tmp_path, FILES[name]))
    found = {row.id: row.fields for rows in loaded.rows.values() for row in rows}
    assert found == RECORDS[name]
    for split, rows in loaded.rows.items():
        assert all(row.split == split and row.id.startswith(split) for row in rows)


def test_validation_and_test_come_before_train(tmp_path):
    # `held_out_keys` reads no further than to the first row of train.
    for name, files in FILES.items():
        dataset = built_in()[name]
        folder = write(tmp_path / name, files) / (dataset.folder or name)
        splits = [row.split for row in dataset.read(folder) if hasattr(row, "split")]
        first = splits.index("train") if "train" in splits else len(splits)
        assert set(splits[first:]) <= {"train"} or not dataset.train_last, name


@pytest.mark.parametrize(
    ("name", "changed", "dropped", "counted"),
    [
        ("chebi20", {"doubled backslashes halved": 1}, {}, {}),
        (
            "chebi20_rebuilt",
            {"backslashes before braces removed": 1},
            {"held out elsewhere": 1},
            {},
        ),
        ("lpm24", {}, {"duplicate": 1, "on two sides of the split": 1}, {}),
        ("lpm24_properties", {}, {"no set of properties": 2}, {}),
        (
            "pubchem324k",
            {},
            {"on two sides of the split": 1},
            {"on two sides of the split": 2},
        ),
        ("pubchem324k_pretrain", {}, {"held out elsewhere": 1}, {}),
        ("iupac", {}, {"held out elsewhere": 1, "on two sides of the split": 1}, {}),
        ("uspto50k", {"product among its reactants, kept as published": 1}, {}, {}),
        (
            "uspto_mit",
            {"product among its reactants, kept as published": 1},
            {"identity": 1},
            {},
        ),
        (
            "uspto_full",
            {"product among its reactants, kept as published": 1},
            {"held out elsewhere": 1},
            {},
        ),
        ("ord", {}, {"a compound without SMILES": 1}, {}),
        ("chemtrans", {"runs of white space made one space": 2}, {"empty field": 1}, {}),
        (
            "pistachio_molecules",
            {"doubled backslashes halved": 1},
            {"no known prompt": 1, "duplicate": 1},
            {},
        ),
        (
            "pistachio_reactions",
            {},
            {"no known prompt": 1, "duplicate": 1, "on two sides of the split": 1},
            {},
        ),
        ("pistachio_procedures", {}, {"no known prompt": 1}, {}),
    ],
)
def test_reports(name, changed, dropped, counted, tmp_path):
    report = load(small(name), write(tmp_path, FILES[name])).report
    assert report.changed == changed
    assert report.dropped == dropped
    assert report.counted == counted


def test_a_dataset_of_which_nothing_is_left(tmp_path):
    table = "CID\tSMILES\tchebi_id\tchebi_name\tdescription\n1\tC1CC1\tCHEBI:1\tring\tA ring.\n"
    folder = write(tmp_path, {**FILES["chebi20"], "chebi20/train_rebuilt.tsv": table})
    with pytest.raises(ConfigError) as raised:
        load(small("chebi20_rebuilt"), folder)
    assert raised.value.message.startswith(
        "No row of chebi20_rebuilt is left.\n"
        "chebi20_rebuilt: 1 rows read\n"
        "  dropped           1  held out elsewhere, such as train_rebuilt.tsv, row 2: in chebi20"
    )


def test_lpm24_is_read_as_csv_too(tmp_path):
    table = 'molecule,caption\nCCO,"It is a fuel, and\ncheap."\n'
    folder = write(
        tmp_path,
        {**FILES["chebi20"], "lpm24/split_train.csv": table, "lpm24/split_valid.csv": table},
    )
    rows = load(dataclasses.replace(small("lpm24"), drops=frozenset()), folder).rows["train"]
    assert rows[0].fields == {"smiles": "CCO", "description": "It is a fuel, and\ncheap."}
    assert (rows[0].file, rows[0].number) == ("split_train.csv", 2)


def test_uspto_mit_is_read_unpacked_too(tmp_path):
    lines = "[CH4:1].Cl>>[CH3:1]Cl 1-2\n"
    folder = write(tmp_path, {"valid.txt": lines, "test.txt": lines})
    assert load(small("uspto_mit"), folder).report.kept == {"validation": 1, "test": 1}


def test_the_open_reaction_database_is_read_as_parquet_too(tmp_path):
    import pyarrow
    from pyarrow import parquet

    from tests.t5chem.datasets.source_files import ord_messages

    table = pyarrow.table({"reaction_id": ["a", "b", "c"], "reaction": ord_messages()})
    parquet.write_table(table, tmp_path / "ord_dataset-1.parquet")
    rows = list(built_in()["ord"].read(tmp_path))
    assert [getattr(row, "fields", row) for row in rows[:2]] == list(RECORDS["ord"].values())
    assert (rows[2].file, rows[2].number, rows[2].detail) == ("ord_dataset-1.parquet", 3, "ord-3")


def test_the_split_of_an_ord_reaction_is_its_products(tmp_path):
    from t5chem.corpora.splits import split_of
    from t5chem.smiles import parse, skeleton_key

    folder = write(tmp_path, FILES["ord"])
    for rows in load(small("ord"), folder).rows.values():
        for row in rows:
            assert row.split == split_of(skeleton_key(parse(row.fields["products"])))
