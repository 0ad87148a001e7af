"""The command `t5chem evaluate` from its arguments to tables, files and exit codes."""

from __future__ import annotations

import json

import pytest

from t5chem import cli
from t5chem.columns import in_columns
from t5chem.evaluation_files import EvaluationRow
from t5chem.evaluations import evaluate_rows, table_text
from t5chem.metrics import Evaluation, Score, Settings

# One right in another spelling, one invalid, one right.
TOY = "description\tground truth\toutput\nethanol\tCCO\tOCC\nethane\tCC\tC(\nethane\tCC\tCC\n"


@pytest.fixture
def t5chem(tmp_path, monkeypatch, capsys):
    """Runs the command in an empty folder; returns exit code, output and messages."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = cli.main(["evaluate", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def _write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_toy_set_gives_its_closed_forms(t5chem, tmp_path):
    (tmp_path / "toy.txt").write_text(TOY)
    code, out, err = t5chem("toy.txt", "--task", "text2mol", "--no-fcd", "--samples", "50")
    assert (code, err) == (0, "")
    figures = json.loads((tmp_path / "toy.evaluation" / "evaluation.json").read_text())
    values = {name: score["value"] for name, score in figures["scores"].items()}
    assert values["exact"] == values["exact_canonical"] == values["validity"] == 2 / 3
    assert (values["exact_string"], values["levenshtein"]) == (1 / 3, 1.0)
    assert (values["maccs"], values["rdk"], values["morgan"]) == (1.0, 1.0, 1.0)
    assert figures["scores"]["maccs"]["count"] == 2
    assert figures["scores"]["validity"]["invalid"] == [1]
    assert figures["scores"]["levenshtein"]["interval"][0] >= 0
    assert figures["rows"] == 3
    assert figures["failures"] == [{"row": 2, "reason": "parentheses that do not match"}]
    assert figures["rows_left_out"] == []
    assert (figures["task"], figures["seed"], figures["samples"]) == ("text2mol", 0, 50)
    assert figures["targets"] is None
    assert figures["predictions"][0]["file"] == "toy.txt"
    assert len(figures["predictions"][0]["sha256"]) == 64
    assert set(figures["versions"]) == {"python", "text-chem-t5", "numpy", "rdkit"}
    assert (tmp_path / "toy.evaluation" / "report.html").is_file()
    assert out.endswith("toy.evaluation/evaluation.json\n         toy.evaluation/report.html\n")


def test_the_table_lines_up():
    rows = [EvaluationRow(1, "", "CCO", ("OCC",)), EvaluationRow(2, "", "CC", ("C(",))]
    text = table_text(evaluate_rows("text2mol", rows, Settings(samples=0, fcd=False)))
    table, absent = text.split("\n\n")
    lines = table.splitlines()
    assert lines[0] == "metric                          value  95 % interval  rows  invalid"
    assert lines[2] == "exact                          0.5000              –     2        1"
    assert lines[3] == "levenshtein (lower is better)  1.5000              –     2        0"
    assert len({len(line) for line in lines}) == 1
    heading, fcd, text2mol = absent.splitlines()
    assert (heading, fcd) == ("not computed", "  fcd       was not asked for.")
    assert text2mol.startswith("  text2mol  needs Text2Mol's weights")


def test_what_is_absent_stands_below_with_its_command():
    left_out = {
        "bleu2": "needs x: get x",
        "bleu4": "needs x: get x",
        "meteor_words": "needs WordNet: get it",
    }
    evaluation = Evaluation({"exact": Score(0.5, 2)}, left_out, 2)
    assert table_text(evaluation).splitlines() == [
        "metric   value  95 % interval  rows  invalid",
        "exact   0.5000              –     2        0",
        "",
        "not computed",
        "  bleu2, bleu4  needs x: get x",
        "  meteor_words  needs WordNet: get it",
    ]


def test_answers_without_a_prediction_count_as_wrong(t5chem, tmp_path):
    _write(
        tmp_path / "out.jsonl",
        [
            {"row": 1, "input": "ethanol", "predictions": [{"text": "CC"}, {"text": "OCC"}]},
            {"row": 2, "input": "", "error": "empty input"},
            {"row": 9, "input": "z", "predictions": [{"text": "C"}]},
        ],
    )
    (tmp_path / "targets.csv").write_text("id,product\n1,CCO\n2,CC\n3,C\n4,N\n")
    code, _, err = t5chem(
        "out.jsonl", "--task", "forward", "--targets", "targets.csv", "--output", "figures"
    )
    assert code == 3
    assert err.splitlines() == [
        "t5chem evaluate: out, row 2: empty input (counts as wrong)",
        "t5chem evaluate: out, row 3: no prediction (counts as wrong)",
        "t5chem evaluate: out, row 4: no prediction (counts as wrong)",
        "t5chem evaluate: out, row 9: no target (left out)",
    ]
    figures = json.loads((tmp_path / "figures" / "evaluation.json").read_text())
    assert figures["rows"] == 4
    assert figures["scores"]["top1"]["value"] == 0.0
    assert figures["scores"]["top2"]["value"] == 0.25
    assert figures["scores"]["validity"]["value"] == 0.25
    assert [one["row"] for one in figures["failures"]] == [2, 3, 4]
    assert figures["rows_left_out"] == [{"row": 9, "reason": "no target"}]
    assert figures["targets"]["file"] == "targets.csv"


def test_many_bad_rows_are_not_all_on_the_terminal(t5chem, tmp_path):
    _write(tmp_path / "x.jsonl", [{"prediction": "C", "target": "C"}, *[{"prediction": "C"}] * 30])
    code, _, err = t5chem("x.jsonl", "--task", "text2mol", "--no-fcd")
    assert (code, len(err.splitlines())) == (3, 21)
    assert err.endswith("t5chem evaluate: and 10 more: evaluation.json names all.\n")


def test_the_target_column_is_of_the_file_of_targets(t5chem, tmp_path):
    (tmp_path / "p.csv").write_text("prediction\nSTIR.\n")
    (tmp_path / "t.csv").write_text("a,b\nSTIR.,no\n")
    arguments = ("p.csv", "--task", "paragraph2actions", "--targets", "t.csv")
    assert t5chem(*arguments, "--target-column", "a")[0] == 0
    figures = json.loads((tmp_path / "p.evaluation" / "evaluation.json").read_text())
    assert figures["scores"]["accuracy100"]["value"] == 1.0


def test_two_systems_side_by_side(t5chem, tmp_path):
    targets = ["C" * n for n in range(1, 21)]
    pairs = [{"target": target, "prediction": target} for target in targets]
    _write(tmp_path / "right.jsonl", pairs)
    _write(tmp_path / "wrong.jsonl", [{"target": t, "prediction": t + "C"} for t in targets])
    arguments = ("--task", "text2mol", "--no-fcd", "--compare", "right.jsonl", "wrong.jsonl")
    code, out, err = t5chem(*arguments)
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert ["metric", "right", "wrong"] in lines
    assert ["exact", "1.0000", "0.0000"] in lines
    assert ["wrong", "minus", "right"] in lines
    # 2 (1 + 0) / (1 + 1000): no draw of 1000 has another sign.
    assert ["exact", "-1.0000", "-1.0000", "to", "-1.0000", "0.002", "right"] in lines
    assert ["validity", "0.0000", "0.0000", "to", "0.0000", "1.000"] in lines
    figures = json.loads((tmp_path / "right.comparison" / "evaluation.json").read_text())
    assert [system["name"] for system in figures["systems"]] == ["right", "wrong"]
    assert figures["systems"][1]["scores"]["levenshtein"]["value"] == 1.0
    (comparison,) = figures["comparisons"]
    assert (comparison["first"], comparison["second"]) == ("right", "wrong")
    assert comparison["metrics"]["exact"] == {
        "difference": -1.0,
        "interval": [-1.0, -1.0],
        "p_value": 2 / 1001,
        "better": "first",
    }
    assert comparison["metrics"]["levenshtein"]["difference"] == 1.0
    page = (tmp_path / "right.comparison" / "report.html").read_text()
    assert "<td>-1.0000</td><td>-1.0000 to -1.0000</td><td>0.002</td>" in page
    # The file named before the options is the first system.
    (tmp_path / "third.jsonl").write_text((tmp_path / "right.jsonl").read_text())
    code, out, _ = t5chem("third.jsonl", *arguments)
    assert ["metric", "third", "right", "wrong"] in [line.split() for line in out.splitlines()]


def test_systems_are_compared_over_the_same_rows(t5chem, tmp_path):
    _write(tmp_path / "a.jsonl", [{"row": 1, "target": "C", "prediction": "C"}])
    _write(tmp_path / "b.jsonl", [{"row": 2, "target": "N", "prediction": "N"}])
    code, out, err = t5chem("a.jsonl", "--compare", "b.jsonl", "--task", "text2mol", "--no-fcd")
    assert code == 3
    assert "a, row 2: no prediction" in err
    assert "b, row 1: no prediction" in err
    assert ["exact", "0.5000", "0.5000"] in [line.split() for line in out.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No predictions: name a file of them"),
        (["--compare", "x.jsonl"], "nothing to compare with. Name at least two files"),
        (["toy.txt", "--compare", "toy.txt"], "A file is compared with itself: toy.txt, toy.txt."),
        (["toy.txt", "--compare", "x.csv", "--samples", "0"], "a comparison is made of samples"),
        (["nowhere.jsonl"], "nowhere.jsonl: No such file or directory."),
        (["toy.txt", "--samples", "-1"], "--samples -1: at least 0"),
        (["toy.txt", "--processes", "0"], "--processes 0: at least 1."),
        (["toy.txt", "--model", "m"], "--model m belongs to --perturb"),
        (["toy.txt", "--rows", "5"], "--rows 5 belongs to --perturb"),
        (["toy.txt", "--batch-size", "5"], "--batch-size 5 belongs to --perturb"),
        (["toy.txt", "--beams", "5"], "--beams 5 belongs to --perturb"),
        (["--perturb", "--model", "m"], "name the file that has the inputs and their targets"),
        (["toy.txt", "--perturb"], "name the model that is to be asked with --model"),
        (["toy.txt", "--perturb", "--compare", "x"], "one at a time"),
        (["toy.txt", "--perturb", "--model", "m", "--rows", "0"], "--rows 0: at least 1."),
        (["toy.txt", "--targets", "none.csv"], "none.csv: No such file or directory."),
        (["toy.txt", "--output", "toy.txt"], "--output toy.txt: File exists."),
        (["toy.txt", "--prediction-column", "outptu"], "Did you mean 'output'?"),
    ],
)
def test_wrong_usage(t5chem, tmp_path, arguments, message):
    (tmp_path / "toy.txt").write_text(TOY)
    code, _, err = t5chem(*arguments, "--task", "text2mol", "--no-fcd")
    assert code == 2
    assert message in err
    assert err.startswith("t5chem evaluate: ")


def test_perturb_is_handed_on(t5chem, monkeypatch):
    from t5chem import robustness_command

    asked = []
    monkeypatch.setattr(robustness_command, "run", lambda given: asked.append(given) or 0)
    arguments = "rows.csv --task mol2text --perturb --model m --rows 5 --batch-size 2 --beams 3"
    assert t5chem(*arguments.split())[0] == 0
    (given,) = asked
    assert (given.predictions, given.task, given.model) == ("rows.csv", "mol2text", "m")
    assert (given.rows, given.batch_size, given.beams, given.seed) == (5, 2, 3, 0)


def test_columns_of_text():
    assert in_columns([["a", "bb", "c"], ["aaa", "b", "cc"]]) == "a    bb   c\naaa   b  cc"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        (
            "molt5-small-caption2smiles.txt",
            "text2mol",
            {
                "bleu": 0.7490,
                "levenshtein": 28.816,
                "exact": 0.0815,
                "validity": 0.7245,
                "maccs": 0.7801,
                "rdk": 0.6526,
                "morgan": 0.6012,
            },
        ),
        (
            "molt5-small-smiles2caption.txt",
            "mol2text",
            {
                "bleu2": 0.5315,
                "bleu4": 0.4449,
                "rouge1": 0.6210,
                "rouge2": 0.4699,
                "rougeL": 0.5639,
            },
        ),
    ],
)
def test_published_predictions_give_the_reference_values(
    t5chem, tmp_path, monkeypatch, shared, name, task, expected
):
    monkeypatch.setenv("T5CHEM_SCIBERT_VOCAB", str(shared / "data/scibert/vocab.txt"))
    path = shared / "data/molt5_predictions" / name
    arguments = (path, "--task", task, "--no-fcd", "--output", "figures", "--processes", "1")
    assert t5chem(*arguments)[0] == 0
    figures = json.loads((tmp_path / "figures" / "evaluation.json").read_text())
    assert figures["rows"] == 3300
    for metric, value in expected.items():
        digits = 3 if value > 1 else 4
        assert round(figures["scores"][metric]["value"], digits) == value
