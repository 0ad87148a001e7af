"""Tables of one's own as records, and the file that names them; every message literally."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t5chem.corpora.splits import split_of
from t5chem.datasets import registry, user_datasets
from t5chem.datasets.dataset import Bad, Row
from t5chem.datasets.user_datasets import (
    add_entry,
    from_values,
    pinned,
    read_datasets,
    read_entries,
    to_dataset,
    to_values,
)
from t5chem.datasets.user_records import read_rows
from t5chem.datasets.validation import validate
from t5chem.smiles import parse, skeleton_key
from t5x.errors import ConfigError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("T5CHEM_DATASETS", raising=False)
    return tmp_path


@pytest.fixture
def write(here):
    def write_file(name, content):
        (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return write_file


def rows(**values):
    return list(read_rows(from_values("mine", values, Path.cwd()).recipe))


def bad(found):
    return [(row.number, row.reason, row.detail) for row in found if isinstance(row, Bad)]


def good(found):
    return [row for row in found if isinstance(row, Row)]


def message(function, *arguments, **keywords):
    with pytest.raises(ConfigError) as caught:
        function(*arguments, **keywords)
    return caught.value.message


# Records


def test_molecules(write):
    write("a.csv", "S,T\nOCC, The  molecule is\tethanol. \nF/C=C\\\\F,difluoroethene\n")
    assert rows(file="a.csv", smiles="S", text="T") == [
        Row(
            "train",
            "train-2",
            {"smiles": "OCC", "description": "The molecule is ethanol."},
            "a.csv",
            2,
            ("runs of white space made one space",),
        ),
        Row(
            "train",
            "train-3",
            {"smiles": "F/C=C\\F", "description": "difluoroethene"},
            "a.csv",
            3,
            ("doubled backslashes halved",),
        ),
    ]


def test_reactions_of_three_columns_and_of_one(write):
    write("a.csv", "a,b,c,k\n[Na+].[OH-].CBr,O,OC,subst\nCO,,CI,\n")
    found = rows(
        file="a.csv", reactants="a", reagents="b", products="c", reaction_class="k", seed=1
    )
    assert [row.fields for row in found] == [
        {
            "reaction_class": "subst",
            "reactants": "CBr.[Na+]~[OH-]",
            "reagents": "O",
            "products": "CO",
        },
        {"reaction_class": "", "reactants": "CO", "reagents": "", "products": "CI"},
    ]
    write("b.tsv", "rxn\n[CH3:2][Br:3].[Na+:7].[OH-:9].O>>[CH3:2][OH:9] |f:1.2|\n")
    assert [row.fields for row in rows(file="b.tsv", reaction="rxn")] == [
        {"reaction_class": "", "reactants": "CBr.[Na+]~[OH-]", "reagents": "O", "products": "CO"}
    ]


def test_procedures_whose_actions_parse_or_need_not(write):
    lines = [
        {"p": "It was filtered.", "a": "FILTER."},
        {"p": "It was stirred.", "a": "stir it"},
        {"p": "It was stirred.", "a": "STIRR for 2 h."},
    ]
    write("a.jsonl", "\n".join(map(json.dumps, lines)))
    found = rows(file="a.jsonl", paragraph="p", actions="a")
    assert [row.fields for row in good(found)] == [
        {"paragraph": "It was filtered.", "actions": "FILTER."}
    ]
    faults = bad(found)
    assert [fault[:2] for fault in faults] == [
        (2, "actions that do not parse"),
        (3, "actions that do not parse"),
    ]
    assert faults[0][2] == "Expected a final '.' after the last action of 'stir it'."
    assert faults[1][2].startswith("Action 1, 'STIRR for 2 h': expected one of the types ADD, ")
    assert faults[1][2].endswith("; the nearest is STIR.")
    assert len(good(rows(file="a.jsonl", paragraph="p", actions="a", parse_actions=False))) == 3


def test_bad_rows_have_numbers_and_the_others_go_on(write):
    write("a.csv", "S,T\nC1CC,ring\n,nothing\nCC, \nCC name,ethane\nC,methane\n")
    found = rows(file="a.csv", smiles="S", text="T")
    assert bad(found) == [
        (2, "invalid SMILES", "C1CC"),
        (3, "empty cell", "column 'S'"),
        (4, "empty cell", "column 'T'"),
        (5, "invalid SMILES", "CC name"),
    ]
    assert [row.number for row in good(found)] == [6]
    write("b.csv", "r\nCC>>CC\nCC>CC\nCC>>C1\n>>CC\nCC>>\nCC>>CO\n")
    assert bad(rows(file="b.csv", reaction="r")) == [
        (2, "identity", "CC"),
        (3, "not a reaction", "CC>CC"),
        (4, "invalid SMILES", "C1"),
        (5, "no reactants", ">>CC"),
        (6, "no product", "CC>>"),
    ]


def test_a_table_without_a_good_row_is_an_error(write, here):
    write("a.csv", "S,T\nC1CC,ring\nCC\n")
    assert message(rows, file="a.csv", smiles="S", text="T") == (
        f"{here}/a.csv has no row that can be used. Row 2: invalid SMILES: C1CC."
    )


# Splits


def test_a_column_says_the_split(write):
    write(
        "a.csv",
        "S,T,F\nC,a,train\nCC,b,Valid\nCCC,c,dev\nCO,d,TEST\nCN,e,fold 3\nCF,f,\nCI,g,training\n",
    )
    found = rows(file="a.csv", smiles="S", text="T", split="F")
    named = ["train", "validation", "validation", "test", "train"]
    assert [row.split for row in good(found)] == named
    assert bad(found) == [
        (6, "unknown split", "'fold 3', and not train, validation, test"),
        (7, "unknown split", "'', and not train, validation, test"),
    ]


def test_a_file_a_split(write):
    for name, smiles in (("a.csv", "C"), ("b.csv", "CC"), ("c.csv", "CCC")):
        write(name, f"S,T\n{smiles},x\n")
    found = rows(file="a.csv", validation="b.csv", test="c.csv", smiles="S", text="T")
    assert [(row.split, row.id, row.file) for row in found] == [
        ("train", "train-2", "a.csv"),
        ("validation", "validation-2", "b.csv"),
        ("test", "test-2", "c.csv"),
    ]


def test_files_of_one_name_are_told_apart_by_their_folders(write, here):
    (here / "x").mkdir()
    write("a.csv", "S,T\nC,x\n")
    write("x/a.csv", "S,T\nCC,x\n")
    found = rows(file="a.csv", test="x/a.csv", smiles="S", text="T")
    assert [row.file for row in found] == [f"{here}/a.csv", f"{here}/x/a.csv"]


def test_else_the_molecule_decides_whatever_its_spelling(write):
    chains = ["C" * length + "O" for length in range(1, 101)]
    write("a.csv", "S,T\n" + "".join(f"{s},x\nO{s[:-1]},x\n" for s in chains))
    found = rows(file="a.csv", smiles="S", text="T")
    splits = [row.split for row in found]
    assert splits[::2] == splits[1::2]
    assert splits[::2] == [split_of(skeleton_key(parse(s))) for s in chains]
    assert {split: splits[::2].count(split) for split in set(splits)} == {
        "train": 92,
        "validation": 6,
        "test": 2,
    }
    seeded = [row.split for row in rows(file="a.csv", smiles="S", text="T", seed=7)]
    assert seeded[::2] == seeded[1::2]
    assert seeded != splits


def test_a_reaction_goes_with_its_longest_product_and_a_procedure_with_its_words(write):
    write("a.csv", "r\nCBr.CCCCO>>CCCCOC.Br\nCI>>COCCCC\n")
    key = skeleton_key(parse("CCCCOC"))
    assert [row.split for row in rows(file="a.csv", reaction="r")] == [split_of(key)] * 2
    write("b.csv", "p,a\nIt was Filtered.,FILTER.\nit  was filtered.,FILTER.\n")
    assert [row.split for row in rows(file="b.csv", paragraph="p", actions="a")] == [
        split_of("it was filtered.")
    ] * 2


def test_a_molecule_in_two_splits_leaves_train(write):
    write("a.csv", "S,T\nCCO,ethanol\nCC,ethane\nC,methane\n")
    write("b.csv", "S,T\nOCC,spirit\n")
    dataset = to_dataset(
        from_values("mine", {"file": "a.csv", "test": "b.csv", "smiles": "S", "text": "T"}, Path())
    )
    validated = validate(dataset, Path())
    assert {split: [row.number for row in of] for split, of in validated.rows.items()} == {
        "train": [3, 4],
        "test": [2],
    }
    assert validated.report.dropped == {"on two sides of the split": 1}
    assert validated.report.examples["on two sides of the split"] == ["a.csv, row 2: CCO"]


# Entries


VALUES = {"file": "a.csv", "smiles": "S", "text": "T"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"smile": "S"}, "there is no 'smile'. Did you mean 'smiles' or 'file'?"),
        ({"smiles": False}, "smiles: False must be a text (between quotation marks)."),
        ({"text": 1}, "text: 1 must be a text (between quotation marks)."),
        ({"seed": True}, "seed: True must be a whole number."),
        ({"quoting": "no"}, "quoting: 'no' must be true or false."),
        ({"format": "xls"}, "format: 'xls' is none of csv, tsv, jsonl, parquet."),
        ({"separator": "||"}, "separator: '||' must be one character."),
        ({"file": "*.csv"}, "*.csv: '*' cannot stand in a path."),
        (
            {"test": "a.csv"},
            "one file cannot hold two splits: name another, or a column with --split.",
        ),
        (
            {"test": "b.csv", "split": "F"},
            "a column of splits and a file a split: one or the other.",
        ),
        ({"sha256": {"b.csv": "0"}}, "sha256: HERE/b.csv is none of its files."),
        (
            {"sha256": {"a.csv": 0}},
            "sha256: 'a.csv': 0 must be a text (between quotation marks) under a name.",
        ),
        ({"rows": {"train": "1"}}, "rows: 'train': '1' must be a whole number under a name."),
        (
            {"held_out_from": ["uspto51k"]},
            "held_out_from: there is no dataset 'uspto51k'. Did you mean 'uspto50k'?",
        ),
        (
            {"paragraph": "P"},
            "Columns given: smiles, text, paragraph. Give smiles and text; or reactants and "
            "products, and reagents if there are any; or reaction; or paragraph and actions.",
        ),
    ],
)
def test_entries_that_make_no_dataset(here, changes, expected):
    found = message(from_values, "mine", {**VALUES, **changes}, here)
    assert found.replace(str(here), "HERE") == expected


def test_an_entry_without_file_or_without_columns(here):
    assert message(from_values, "mine", {"smiles": "S", "text": "T"}, here) == "it has no file."
    assert message(from_values, "mine", {"file": "a.csv"}, here).startswith("Columns given: none. ")


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (("smiles", "text"), "molecules"),
        (("reactants", "products"), "reactions"),
        (("reactants", "products", "reagents", "reaction_class", "split"), "reactions"),
        (("reaction",), "reactions"),
        (("reaction", "reaction_class"), "reactions"),
        (("paragraph", "actions", "split"), "procedures"),
    ],
)
def test_the_kind_goes_by_the_columns(here, columns, kind):
    entry = from_values("mine", {"file": "a.csv", **{role: role for role in columns}}, here)
    assert to_dataset(entry).kind == kind


def test_an_entry_is_a_dataset(here):
    values = {**VALUES, "title": "Ours", "licence": "CC0", "held_out_from": ["chebi20"]}
    dataset = to_dataset(from_values("mine", values, here))
    assert (dataset.name, dataset.title, dataset.licence) == ("mine", "Ours", "CC0")
    assert [file.name for file in dataset.files] == [f"{here}/a.csv"]
    assert dataset.held_out_from == ("chebi20",)
    assert to_dataset(from_values("mine", VALUES, here)).title == "molecules of a.csv"


def test_the_recipe_tells_what_decides_about_records(here):
    def recipe(**changes):
        return to_dataset(from_values("mine", {**VALUES, **changes}, here)).recipe

    assert recipe(title="Ours", rows={"train": 1}, sha256={"a.csv": "0"}) == (
        '{"file": "a.csv", "smiles": "S", "text": "T"}'
    )
    different = [{"smiles": "U"}, {"seed": 1}, {"quoting": False}, {"split": "F"}]
    assert len({recipe(), *(recipe(**changes) for changes in different)}) == 5


# The file of datasets


def test_there_need_not_be_a_file_unless_it_is_named(here, monkeypatch):
    assert read_datasets() == {}
    monkeypatch.setenv("T5CHEM_DATASETS", "other.yaml")
    assert message(read_datasets) == "other.yaml: No such file or directory."
    (here / "other.yaml").write_text("mine: {file: a.csv, smiles: S, text: T}")
    assert list(read_datasets()) == ["mine"]
    assert "mine" in registry.all_datasets()
    assert registry.find("mine").kind == "molecules"


def test_entries_are_added_and_the_rest_stays(write, here):
    write("a.csv", "S,T\nC,x\n")
    file = here / "datasets.yaml"
    file.write_text("# by hand\nfirst: {file: a.csv, smiles: S, text: T}  # mine\n")
    entry = from_values("second", {**VALUES, "separator": ";", "quoting": False}, here)
    assert add_entry(pinned(entry, {"train": 1})) == Path("datasets.yaml")
    assert file.read_text() == (
        "# by hand\nfirst: {file: a.csv, smiles: S, text: T}  # mine\n\n"
        "second:\n  file: a.csv\n  smiles: S\n  text: T\n  separator: ;\n  quoting: false\n"
        "  sha256:\n"
        "    a.csv: 08c55498490482f11a55509353c058891889efacb4232dbd1bc34b9b14c5d8e9\n"
        "  rows:\n    train: 1\n"
    )
    assert list(read_datasets()) == ["first", "second"]


def test_an_entry_of_the_same_name_is_refused_or_replaced(here):
    file = here / "datasets.yaml"
    file.write_text(
        "# one\nmine:\n  file: a.csv\n  smiles: S\n  text: T\n\n# two\nother:\n"
        "  {file: b.csv, smiles: S, text: T}\n"
    )
    entry = from_values("mine", {**VALUES, "seed": 3}, here)
    assert message(add_entry, entry) == (
        "datasets.yaml has a dataset 'mine' already: choose another name, or add --replace."
    )
    add_entry(entry, replace=True)
    assert file.read_text() == (
        "# one\n\n# two\nother:\n  {file: b.csv, smiles: S, text: T}\n\n"
        "mine:\n  file: a.csv\n  smiles: S\n  text: T\n  seed: 3\n"
    )
    assert list(read_datasets()) == ["other", "mine"]


def test_a_new_file_of_datasets(here):
    add_entry(from_values("mine", VALUES, here), here / "new.yaml")
    assert (here / "new.yaml").read_text() == (
        "# Our own datasets: docs/data.md says what can stand here.\n\n"
        "mine:\n  file: a.csv\n  smiles: S\n  text: T\n"
    )
    entry = from_values("mine", VALUES, here)
    assert message(add_entry, entry, here / "none" / "new.yaml") == (
        f"{here}/none/new.yaml: No such file or directory."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mine: [", "datasets.yaml is no YAML: while parsing"),
        ("- mine\n", "datasets.yaml must be a table of datasets, each under its name."),
        (
            "mine: {file: a.csv}\nmine: {file: b.csv}\n",
            "datasets.yaml: 'mine' stands there a second time in line 2.",
        ),
        (
            "mine: {file: a.csv, file: b.csv}\n",
            "datasets.yaml: 'file' stands there a second time in line 1.",
        ),
        (
            "mine:\n",
            "datasets.yaml, dataset 'mine': it says nothing. Give its file and its columns.",
        ),
        (
            "mine: {file: a.csv, smiles: no, text: T}",
            "datasets.yaml, dataset 'mine': smiles: False must be a text (between quotation",
        ),
        (
            "1: {file: a.csv}",
            "datasets.yaml, dataset 1: '1' cannot be a dataset's name: lower-case",
        ),
        (
            "chebi20: {file: a.csv}",
            "datasets.yaml, dataset 'chebi20': 'chebi20' is a name of this package: choose",
        ),
        (
            "mine: !!python/object/apply:os.system ['false']",
            "datasets.yaml is no YAML: could not determine a constructor for the tag",
        ),
    ],
)
def test_files_of_datasets_that_cannot_be_read(here, text, expected):
    (here / "datasets.yaml").write_text(text)
    assert message(read_datasets).startswith(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "Mine",
            "'Mine' cannot be a dataset's name: lower-case letters, digits and underscores, the "
            "first a letter.",
        ),
        (
            "my-set",
            "'my-set' cannot be a dataset's name: lower-case letters, digits and underscores, the "
            "first a letter.",
        ),
        ("starter", "'starter' is a name of this package: choose another one."),
        ("standard", "'standard' is a name of this package: choose another one."),
        ("uspto50k", "'uspto50k' is a name of this package: choose another one."),
        (
            "my_mol2text",
            "'my_mol2text' ends as the names of tasks do (mol2text): choose another one.",
        ),
    ],
)
def test_names_that_cannot_be(name, expected):
    assert message(user_datasets.check_name, name) == expected


def test_a_file_that_has_changed_is_not_read(write, here):
    write("a.csv", "S,T\nC,x\n")
    add_entry(pinned(from_values("mine", VALUES, here), {"train": 1}))
    dataset = read_datasets()["mine"]
    assert len(list(dataset.read(here))) == 1
    write("a.csv", "S,T\nC,y\n")
    assert message(list, dataset.read(here)) == (
        f"{here}/a.csv has changed since it was added as 'mine' (SHA-256 49610048fd07..., and "
        "08c554984904... then). If that is meant, add it again with `t5chem data add --replace`, "
        "or remove `sha256` from its entry, and remove what was built of it."
    )


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {"smiles": NAMES, "text": NAMES},
        optional={
            "split": NAMES,
            "title": NAMES,
            "notes": st.text(max_size=30),
            "seed": st.integers(),
            "separator": st.sampled_from(";|\t,'#: "),
            "quoting": st.booleans(),
            "format": st.sampled_from(["csv", "tsv"]),
            "rows": st.dictionaries(st.sampled_from(["train", "test"]), st.integers(0)),
            "sha256": st.just({"a.csv": "0" * 64}),
        },
    )
)
def test_what_is_written_is_read_back(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("yaml")
    entry = from_values("mine", {"file": "a.csv", **values}, folder)
    file = add_entry(entry, folder / "datasets.yaml")
    assert read_entries(file) == {"mine": entry}
    assert from_values("mine", to_values(entry, folder), folder) == entry
