"""Tables whole and broken, row by row; every message literally."""

from __future__ import annotations

import csv
import io
import json
import sys

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from t5chem.datasets.dataset import Bad
from t5chem.datasets.tables import Cells, Layout, read_cells
from t5x.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write_file


def rows(path, *columns, **layout):
    return list(read_cells(path, columns or ("smiles", "text"), Layout(**layout)))


def values(found):
    return [tuple(row.values.values()) for row in found]


def bad(found):
    return [(row.number, row.reason, row.detail) for row in found if isinstance(row, Bad)]


def message(path, *columns, **layout):
    with pytest.raises(ConfigError) as caught:
        rows(path, *columns, **layout)
    return caught.value.message.replace(path, "FILE")


# What is accepted


def test_csv_with_quotation_as_rfc_4180_has_it(write):
    path = write("a.csv", 'id,smiles,text\n1,C,"a ""gas"", light\nand odourless"\n2,CC,ethane\n')
    assert rows(path) == [
        Cells(2, {"smiles": "C", "text": 'a "gas", light\nand odourless'}),
        Cells(3, {"smiles": "CC", "text": "ethane"}),
    ]


def test_a_byte_order_mark_and_mixed_line_ends_are_accepted(write):
    path = write("a.csv", b"\xef\xbb\xbfsmiles,text\r\nC,methane\nCC,ethane\rCCC,propane\r\n")
    assert values(rows(path)) == [("C", "methane"), ("CC", "ethane"), ("CCC", "propane")]


def test_columns_in_any_order_and_blank_lines_keep_their_numbers(write):
    path = write("a.tsv", "x\ttext \t smiles\n1\tmethane\tC\n\n2\tethane\tCC\n\n")
    assert rows(path) == [
        Cells(2, {"smiles": "C", "text": "methane"}),
        Cells(4, {"smiles": "CC", "text": "ethane"}),
    ]


def test_tsv_with_quotation_marks_as_characters(write):
    path = write("a.tsv", 'smiles\ttext\nC\t"Marsh" gas\nCC\t"\n')
    assert values(rows(path, quoted=False)) == [("C", '"Marsh" gas'), ("CC", '"')]
    assert bad(rows(path)) == [
        (2, "not a row of the table", "text behind a closing quotation mark"),
        (3, "not a row of the table", "a quotation mark that nothing closes"),
    ]


def test_another_separator_and_another_name(write):
    path = write("a.txt", "smiles;text\nC;a gas, light\n")
    assert values(rows(path, format="csv", separator=";")) == [("C", "a gas, light")]
    assert message(path) == (
        "FILE: its name does not tell the format. Say it with --format: csv, tsv, jsonl, parquet"
    )


def test_json_lines_with_absent_and_empty_values(write):
    lines = ['{"smiles": "C", "text": "methane", "n": [1]}', "", '{"text": null, "smiles": 7}']
    assert rows(write("a.jsonl", "\n".join(lines))) == [
        Cells(1, {"smiles": "C", "text": "methane"}),
        Cells(3, {"smiles": "7", "text": ""}),
    ]


def test_parquet_with_categories_numbers_and_nothing(tmp_path):
    table = pa.table(
        {
            "smiles": pa.array(["C", "CC", None]),
            "text": pa.array(["gas", "gas", "liquid"]).dictionary_encode(),
            "class": pa.array([1, 2, 3]),
            "x": pa.array([1.5, 2.5, 3.5]),
        }
    )
    path = str(tmp_path / "a.parquet")
    parquet.write_table(table, path)
    found = rows(path, "smiles", "text", "class")
    assert [row.number for row in found] == [1, 2, 3]
    assert values(found) == [("C", "gas", "1"), ("CC", "gas", "2"), ("", "liquid", "3")]
    assert message(path, "x") == "FILE: the column 'x' holds double, and not text."
    assert message(path, "smile") == (
        "FILE has no column 'smile'. Did you mean 'smiles'? Its columns are smiles, text, class, x."
    )


# What is not


def test_bad_rows_of_csv_cost_themselves_alone(write):
    data = (
        b"smiles,text\n"
        b"C,methane\n"
        b"CC\n"
        b"CC,ethane,gas\n"
        b'CCC,"propane\n'
        b'"N"H3,ammonia\n'
        b"N,ammoni\xe4k\n"
        b"O,wa\x00ter\n"
        b"CCCC,butane\n"
    )
    found = rows(write("a.csv", data))
    assert bad(found) == [
        (3, "wrong number of cells", "1, and 2 column names"),
        (4, "wrong number of cells", "3, and 2 column names"),
        (5, "not a row of the table", "a quotation mark that nothing closes"),
        (6, "not a row of the table", "text behind a closing quotation mark"),
        (7, "bytes that are not UTF-8", "column 'text'"),
        (8, "NUL characters", "column 'text'"),
    ]
    good = [row for row in found if isinstance(row, Cells)]
    assert [row.number for row in good] == [2, 9]
    assert values(good) == [("C", "methane"), ("CCCC", "butane")]


def test_a_row_without_end_is_no_reason_to_read_all_of_a_file(write):
    path = write("a.csv", 'smiles,text\n"C,methane\n' + "CC,ethane\n" * 40_000 + '"\n')
    found = rows(path)
    assert bad(found)[0] == (2, "not a row of the table", "a quotation mark that nothing closes")
    assert sum(isinstance(row, Cells) for row in found) == 40_000


def test_bad_rows_of_json_lines(write):
    lines = [
        b'{"smiles": "C", "text": "methane"}',
        b"{broken",
        b"[1]",
        b'{"smiles": ["C"], "text": "methane"}',
        b'{"smiles": 1.5, "text": "methane"}',
        b'{"smiles": "C", "text": "\xff"}',
        b'{"smiles": "C", "text": "\\ud800"}',
        b'{"smiles": "C", "text": "\\u0000"}',
        b"[" * 100_000,
        b'{"smiles": ' + b"1" * 5000 + b"}",
    ]
    found = bad(rows(write("a.jsonl", b"\n".join(lines))))
    assert found[:-1] == [
        (2, "not JSON", "Expecting property name enclosed in double quotes at character 2"),
        (3, "not a JSON object", ""),
        (4, "not a text", "'smiles' holds a list"),
        (5, "not a text", "'smiles' holds a number with a point"),
        (6, "bytes that are not UTF-8", "column 'text'"),
        (7, "bytes that are not UTF-8", "column 'text'"),
        (8, "NUL characters", "column 'text'"),
        (9, "not JSON that can be read", "nested too deeply"),
    ]
    assert found[-1][:2] == (10, "not JSON that can be read")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "", "FILE is empty."),
        ("a.csv", "\n", "FILE: its first line must name the columns, and is blank."),
        ("a.csv", "smiles,text\n", "FILE has column names and no rows."),
        ("a.jsonl", "\n\n", "FILE has no rows."),
        (
            "a.csv",
            "smile,name\nC,x\n",
            "FILE has no column 'smiles'. Did you mean 'smile'? Its columns are smile, name.",
        ),
        (
            "a.csv",
            "smiles;text\nC;x\n",
            "FILE has no column 'smiles'. Its columns are smiles;text. They "
            "seem to be separated by ';': add --separator ';'.",
        ),
        (
            "a.csv",
            "smiles\ttext\nC\tx\n",
            "FILE has no column 'smiles'. Its columns are smiles\ttext. They seem to stand "
            "between tabs: add --format tsv.",
        ),
        ("a.csv", "smiles,smiles,text\n", "FILE has 2 columns 'smiles': rename all but one."),
        (
            "a.csv",
            '"smiles,text\nC,x\n',
            "FILE: The header cannot be read: a quotation mark that nothing closes.",
        ),
        ("a.csv", "smiles,text\n".encode("utf-16"), "FILE is UTF-16: save it as UTF-8."),
        ("a.csv", b"PAR1", "FILE is Parquet: say so with --format parquet."),
        (
            "a.csv",
            b"PK\x03\x04",
            "FILE is a spreadsheet or an archive: export the table as CSV.",
        ),
        ("a.csv", b"\x1f\x8b\x08\x00", "FILE is compressed: unpack it."),
        ("a.csv.gz", b"\x1f\x8b\x08\x00", "FILE is compressed: unpack it."),
        ("a.XLSX", b"PK\x03\x04", "FILE is a spreadsheet: export the table as CSV."),
        (
            "a.jsonl",
            '{"smile": "C", "text": ""}',
            "FILE has no key 'smiles'. Did you mean 'smile'? Its keys are smile, text.",
        ),
    ],
)
def test_files_that_cannot_be_read(write, name, content, expected):
    assert message(write(name, content)) == expected


def test_files_that_are_not_there_or_not_parquet(write, tmp_path):
    assert message(str(tmp_path / "none.csv")) == "FILE: No such file or directory."
    assert message(write("a.parquet", "smiles,text\n")).startswith(
        "FILE is no Parquet that can be read: Parquet magic bytes not found"
    )


def test_a_column_twice_that_nobody_asks_for_does_no_harm(write):
    assert values(rows(write("a.csv", "smiles,,text,\nC,1,methane,2\n"))) == [("C", "methane")]


def test_parquet_without_its_package(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert message(write("a.parquet", "PAR1")) == (
        "FILE: reading Parquet needs pyarrow: `pip install pyarrow`, or save it as CSV."
    )


# Whatever is written comes back

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
TABLES = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8)


def as_delimited(table, separator):
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator)
    writer.writerows([("smiles", "text"), *table])
    return stream.getvalue().encode()


def as_parquet(table):
    sink = io.BytesIO()
    columns = {name: [row[place] for row in table] for place, name in enumerate(["smiles", "text"])}
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue()


def as_json_lines(table, ensure_ascii):
    records = (dict(zip(("smiles", "text"), row, strict=True)) for row in table)
    return "\n".join(json.dumps(one, ensure_ascii=ensure_ascii) for one in records).encode()


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_whatever_is_written_is_read_back(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("tables")
    for name, content in {
        "a.csv": as_delimited(table, ","),
        "a.tsv": as_delimited(table, "\t"),
        "a.jsonl": as_json_lines(table, True),
        "b.jsonl": as_json_lines(table, False),
        "a.parquet": as_parquet(table),
    }.items():
        path = folder / name
        path.write_bytes(content)
        assert values(rows(str(path))) == table, name
