"""Files of predictions, whoever wrote them, as rows; literal files of every kind."""

from __future__ import annotations

import json

import pytest

from t5chem.evaluation_files import (
    Columns,
    EvaluationRow,
    Found,
    LeftOut,
    join,
    read_pairs,
    read_predictions,
    targets_of,
)
from t5chem.prompts import add_prompt
from t5x.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        if isinstance(content, list):
            content = "".join(json.dumps(record) + "\n" for record in content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write_file


def test_answers_of_t5chem_predict(write):
    candidates = [{"rank": 1, "text": "OCC", "valid": True}, {"rank": 2, "text": "CC"}]
    path = write(
        "out.jsonl",
        [
            {"row": 1, "run": "x", "input": "ethanol", "predictions": candidates},
            {"row": 2, "run": "x", "input": "", "error": "empty input"},
            {"row": 4, "run": "x", "input": "none", "predictions": []},
        ],
    )
    assert read_predictions(path, "text2mol") == [
        Found(1, "ethanol", None, ("OCC", "CC")),
        Found(2, error="empty input"),
        Found(4, "none", error="no prediction"),
    ]


def test_inferences_of_t5x_and_results_of_seqio(write):
    asked = {
        "inputs_pretokenized": add_prompt("text2mol", "water"),
        "targets_pretokenized": "O",
        "inputs": "ndarray(shape=(91,), dtype=int32); summary: 704, 1",
        "targets": [5, 1],
    }
    wanted = [Found(1, "water", "O", ("[OH2]",))]
    inferred = write("infer.jsonl", [{"inputs": asked, "prediction": "[OH2]"}])
    assert read_predictions(inferred, "text2mol") == wanted
    line = {"input": asked, "target": "O", "output": "[OH2]", "prediction": "[OH2]"}
    assert read_predictions(write("seqio.jsonl", [line]), "text2mol") == wanted


def test_several_decodes_of_t5x_stand_worst_first(write):
    asked = {"inputs_pretokenized": "x", "targets_pretokenized": "O"}
    path = write("infer.jsonl", [{"inputs": asked, "prediction": ["worst", "best"]}])
    assert read_predictions(path, "forward")[0].predictions == ("best", "worst")
    path = write("lists.jsonl", [{"inputs": "x", "prediction": ["best", "worst"]}])
    assert read_predictions(path, "forward")[0].predictions == ("best", "worst")


@pytest.mark.parametrize(
    "record",
    [
        {"input": "a", "target": "b", "prediction": "c"},
        {"inputs": "a", "targets": "b", "output": "c"},
        {"source": "a", "reference": "b", "outputs": "c"},
        {"Description": "a", "SMILES": "b", "predicted": "c"},
        {"input": "a", "ground truth": "b", "generated": "c"},
    ],
)
def test_usual_keys(write, record):
    assert read_predictions(write("x.txt", [record]), "text2mol") == [Found(1, "a", "b", ("c",))]


def test_named_keys_come_before_the_usual_ones(write):
    path = write("x.jsonl", [{"target": "no", "prediction": "no", "t": "b", "p": "c", "i": "a"}])
    columns = Columns("i", "t", "p")
    assert read_predictions(path, "text2mol", columns) == [Found(1, "a", "b", ("c",))]


def test_bad_lines_keep_their_numbers(write):
    lines = [
        b'{"target": "C", "prediction": "C"}',
        b"{broken",
        b"[1]",
        b"",
        b'{"target": "C", "prediction": 5}',
        b'{"target": "C", "prediction": "\xff"}',
        b'{"target": "C", "prediction": "\\ud800"}',
        b'{"target": 7, "prediction": "C"}',
        b"[" * 100_000,
    ]
    found = read_predictions(write("x.jsonl", b"\n".join(lines)), "text2mol")
    assert [(row.number, row.target, row.error) for row in found] == [
        (1, "C", None),
        (2, None, "not JSON: Expecting property name enclosed in double quotes at character 2"),
        (3, None, "not a JSON object"),
        (5, "C", "'prediction' is no text"),
        (6, None, "bytes that are not UTF-8"),
        (7, None, "half of a surrogate pair, which is no character"),
        (8, None, None),
        (9, None, "not JSON that can be read: nested too deeply"),
    ]


def test_quotation_marks_of_molt5_are_characters(write):
    text = (
        "description\tground truth\toutput\n"
        '"Quoted" gas\tC\t"C\n'
        "two columns\tCC\n"
        "no answer\tCCC\t\n"
        "four\tC\tC\tC\n"
    )
    assert read_predictions(write("molt5.txt", text), "text2mol") == [
        Found(1, '"Quoted" gas', "C", ('"C',)),
        Found(2, "two columns", "CC", (), "missing column 'output': 2 of 3 columns"),
        Found(3, "no answer", "CCC", ("",)),
        Found(4, "", None, (), "4 columns, the header has 3"),
    ]
    other_way = "SMILES\tground truth\toutput\nC\tA gas.\tA liquid.\n"
    assert read_predictions(write("molt5.tsv", other_way), "mol2text") == [
        Found(1, "C", "A gas.", ("A liquid.",))
    ]


def test_tables_with_quotation(write):
    text = 'smiles,caption,output\nC,"A ""gas"", light\nand odourless",A gas\nCC,Ethane\nCO,,x\n'
    assert read_predictions(write("x.csv", text), "mol2text") == [
        Found(1, "C", 'A "gas", light\nand odourless', ("A gas",)),
        Found(2, "CC", "Ethane", (), "missing column 'output': 2 of 3 columns"),
        Found(3, "CO", None, ("x",)),
    ]
    text = "a\tb\tc\nC\tgas\t\n"
    path = write("x.tsv", text)
    assert read_predictions(path, "mol2text", Columns("a", "b", "c")) == [
        Found(1, "C", "gas", ("",))
    ]
    assert read_predictions(path, "mol2text", Columns("a", "b", "c"), "tsv")[0].input == "C"


def test_a_byte_order_mark_and_carriage_returns_are_no_text(write):
    path = write("x.csv", b"\xef\xbb\xbftarget,prediction\r\nC,CC\r\n")
    assert read_predictions(path, "text2mol") == [Found(1, "", "C", ("CC",))]
    path = write("lines.txt", b"\xef\xbb\xbfC\r\nCC\r\n")
    assert [row.predictions for row in read_predictions(path, "text2mol")] == [("C",), ("CC",)]


def test_lines_are_predictions_or_targets(write):
    path = write("x.txt", b"C\n\n\xff\n")
    assert read_predictions(path, "text2mol") == [
        Found(1, predictions=("C",)),
        Found(2, predictions=("",)),
        Found(3, error="bytes that are not UTF-8"),
    ]
    assert [row.target for row in read_pairs(path, "text2mol")] == ["C", None, None]


@pytest.mark.parametrize(
    ("task", "target"), [("text2mol", "C"), ("mol2text", "gas"), ("forward", "CP")]
)
def test_targets_of_a_corpus_are_what_the_task_answers(write, task, target):
    path = write("corpus.txt", "CID\tSMILES\tdescription\tproduct\n1\tC\tgas\tCP\n")
    assert [row.target for row in read_pairs(path, task)] == [target]
    path = write("corpus.csv", "whatever\nC\n")
    assert [row.target for row in read_pairs(path, task)] == ["C"]


def test_rows_join_by_their_number():
    found = [Found(3, "c", predictions=("C",)), Found(1, error="empty input"), Found(9, "z")]
    rows, left_out = join([*found, Found(3, "again")], {1: "A", 2: "B", 3: "C"})
    assert rows == [
        EvaluationRow(1, "", "A", (), "empty input"),
        EvaluationRow(2, "", "B", (), "no prediction"),
        EvaluationRow(3, "c", "C", ("C",)),
    ]
    assert left_out == [LeftOut(9, "no target"), LeftOut(3, "the row is there already")]
    assert [row.prediction for row in rows] == ["", "", "C"]


def test_files_of_the_same_rows_agree_on_their_targets():
    one, two = [Found(1, target="A"), Found(2)], [Found(2, target="B"), Found(1, target="A")]
    assert targets_of({"one": one, "two": two}) == {1: "A", 2: "B"}
    with pytest.raises(ConfigError, match=r"two, row 1: the target is 'X', but 'A' before"):
        targets_of({"one": one, "two": [Found(1, target="X")]})
    with pytest.raises(ConfigError, match=r"predictions but no targets: name .* --targets"):
        targets_of({"one": [Found(1, predictions=("C",))]})


@pytest.mark.parametrize(
    ("name", "text", "columns", "message"),
    [
        ("empty.csv", "", Columns(), "empty.csv is empty."),
        ("x.csv", "a,b\n1,2\n", Columns(), "no predictions: .* --prediction-column"),
        ("x.csv", "a,outpud\n", Columns(prediction="output"), "Did you mean 'outpud'"),
        ("x.jsonl", '{"a": "b"}\n', Columns(), "no predictions: name"),
        ("x.jsonl", '{"output": "b"}\n', Columns(prediction="o"), "no predictions: name"),
    ],
)
def test_files_that_say_nothing(write, name, text, columns, message):
    with pytest.raises(ConfigError, match=message):
        read_predictions(write(name, text), "text2mol", columns)


def test_files_without_targets_and_files_that_are_not_there(write, tmp_path):
    with pytest.raises(ConfigError, match=r"no targets: .* --target-column"):
        read_pairs(write("x.csv", "a,b\n1,2\n"), "text2mol")
    with pytest.raises(ConfigError, match="No such file or directory"):
        read_pairs(str(tmp_path / "nowhere.csv"), "text2mol")
