"""Rows of files good and bad, and output that goes on where it stopped."""

import io
import json

import pytest

from t5chem.answers import Candidate, Result
from t5chem.prediction_files import Row, read_rows, record, resume
from t5x.errors import ConfigError


def rows(data, kind, task="mol2text", column=None):
    stream = io.TextIOWrapper(
        io.BytesIO(data), encoding="utf-8-sig", errors="surrogateescape", newline=""
    )
    return list(read_rows(stream, kind, task, column))


def test_lines():
    assert rows(b"CCO\r\n\nCN\xff\nC", "lines") == [
        Row(1, "CCO"),
        Row(2, "", "empty input"),
        Row(3, "CN\ufffd", "bytes that are not UTF-8"),
        Row(4, "C"),
    ]


def test_table_with_a_mark_of_byte_order_quotes_and_line_breaks():
    data = b'\xef\xbb\xbfid,SMILES\n1,"C,C"\n2,"C\nC"\n3,\n4\n'
    assert rows(data, "csv") == [
        Row(1, "C,C"),
        Row(2, "C\nC"),
        Row(3, "", "empty input"),
        Row(4, "", "missing column 'SMILES': 1 of 2 columns"),
    ]


def test_a_quotation_mark_without_partner_costs_its_own_row_alone():
    data = b'id,smiles\n1,C\n2,"CC\n3,CCC\n4,"CCCC"\n5,"N\n6,O\n'
    found = rows(data, "csv")
    assert [(r.number, r.text, r.error is None) for r in found] == [
        (1, "C", True),
        (2, '2,"CC', False),
        (3, "CCC", True),
        (4, "CCCC", True),
        (5, '5,"N', False),
        (6, "O", True),
    ]
    assert found[1].error is not None and found[1].error.startswith("not a row of the table")


def test_json_lines():
    lines = ['{"smiles": "C"}', '{"smiles": 3}', "{", "[]", '{"a": 1}', "", '{"smiles": "\\ud800"}']
    found = rows("\n".join(lines).encode(), "jsonl")
    assert [row.error for row in found] == [
        None,
        "'smiles' is no text",
        "not JSON: Expecting property name enclosed in double quotes at character 2",
        "not a JSON object",
        "no key 'input'",
        "empty input",
        "bytes that are not UTF-8",
    ]


def test_the_column_is_named_likely_or_the_only_one():
    assert rows(b"a\tb\nx\ty\n", "tsv", column="b") == [Row(1, "y")]
    assert rows(b"anything\nC\n", "csv") == [Row(1, "C")]
    with pytest.raises(ConfigError, match=r"No column is called 'smile'. Did you mean 'smiles'?"):
        rows(b"id,smiles\n", "csv", column="smile")
    with pytest.raises(ConfigError, match=r"Name it with --column; there are: a, b"):
        rows(b"a,b\n", "csv")
    assert rows(b"", "csv") == []


def test_an_output_goes_on_behind_its_last_whole_line(tmp_path):
    path = tmp_path / "out.jsonl"
    good = Result("C", (Candidate(1, "methane", -1.0, None, None),))
    lines = [record(1, good, "aa"), record(2, Result("", error="empty input"), "aa")]
    whole = "".join(json.dumps(line) + "\n" for line in lines)
    path.write_text(whole + '{"row": 3, "ru')
    assert resume(str(path), "aa") == {1: None, 2: "empty input"}
    assert path.read_text() == whole
    with pytest.raises(ConfigError, match=r"other options or another model \(run aa, this is bb\)"):
        resume(str(path), "bb")
    path.write_text("something else\n")
    with pytest.raises(ConfigError, match="line 1, is not an answer of `t5chem predict`"):
        resume(str(path), "aa")
    assert resume(str(tmp_path / "new.jsonl"), "aa") == {}
