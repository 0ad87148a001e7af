"""What the five tasks ask of records, and what is measured and drawn of them."""

from __future__ import annotations

import pytest

from t5chem.datasets.dataset import Dataset, Row
from t5chem.datasets.examples import QUESTIONS, Example, ask, tasks_of
from t5chem.datasets.records import FIELDS
from t5chem.datasets.report import Report
from t5chem.datasets.samples import describe, draw_rows, to_page
from t5chem.datasets.statistics import bars, measure, unknown_lines
from t5chem.prompts import PROMPTS
from t5chem.vocabularies import byte
from t5chem.vocabularies.audit import Audit

MOLECULE = {"smiles": "CCO", "description": "Spirit."}
REACTION = {
    "reaction_class": "",
    "reactants": "CBr.[Na+]~[OH-]",
    "reagents": "CCO",
    "products": "CO",
}
PROCEDURE = {"paragraph": "It was filtered.", "actions": "FILTER."}


@pytest.mark.parametrize(
    ("task", "fields", "inputs", "targets"),
    [
        ("text2mol", MOLECULE, "Write in SMILES the described molecule: Spirit.", "CCO"),
        ("mol2text", MOLECULE, "Caption the following SMILES: CCO", "Spirit."),
        (
            "forward",
            REACTION,
            "Predict the product of the following reaction: CBr.CCO.[Na+]~[OH-]",
            "CO",
        ),
        (
            "retrosynthesis",
            {**REACTION, "reagents": ""},
            "Predict the reaction that produces the following product: CO",
            "CBr.[Na+]~[OH-]",
        ),
        (
            "paragraph2actions",
            PROCEDURE,
            "Which actions are described in the following paragraph: It was filtered.",
            "FILTER.",
        ),
    ],
)
def test_what_a_task_asks_and_answers(task, fields, inputs, targets):
    assert ask(task, fields) == Example(inputs, targets)


def test_every_task_asks_fields_that_its_records_have():
    assert set(QUESTIONS) == set(PROMPTS)
    for question in QUESTIONS.values():
        assert {*question.inputs, *question.targets} <= set(FIELDS[question.kind])
    assert [task for kind in FIELDS for task in tasks_of(kind)] == [
        "text2mol",
        "mol2text",
        "forward",
        "retrosynthesis",
        "paragraph2actions",
    ]


def dataset(kind):
    return Dataset("mine", kind, "", "", "", "", (), {}, "", lambda folder: iter(()))


def rows(count):
    return {
        "train": [
            Row("train", f"train-{n}", {"smiles": "C" * n, "description": "x"}, "a.csv", n)
            for n in range(1, count + 1)
        ]
    }


def test_drawn_rows_are_the_same_for_a_seed_and_in_order():
    drawn = draw_rows(rows(100), 5, seed=0)
    assert [row.number for row in drawn] == [6, 34, 50, 54, 98]
    assert draw_rows(rows(100), 5, seed=1) != drawn
    assert [row.number for row in draw_rows(rows(3), 5, seed=0)] == [1, 2, 3]


def test_samples_of_procedures_and_of_what_must_be_escaped():
    fields = {"paragraph": "pH < 3 & cold", "actions": "FILTER."}
    row = Row("test", "test-2", fields, "a.csv", 2)
    assert describe(dataset("procedures"), [row]) == (
        "mine_paragraph2actions, test, a.csv, row 2\n"
        "  inputs   Which actions are described in the following paragraph: pH < 3 & cold\n"
        "  targets  FILTER."
    )
    page = to_page(dataset("procedures"), [row], seed=0)
    assert "pH &lt; 3 &amp; cold" in page
    assert "<svg" not in page


def test_lengths_count_the_prompt_and_the_end():
    measured = measure(dataset("molecules"), rows(3), Report("mine"), byte(), limit=3)
    found = measured.found["mol2text"]
    prompt = len("Caption the following SMILES: ")
    assert found["inputs"].lengths == {1: prompt + 2, 2: prompt + 3, 3: prompt + 4}
    assert found["targets"].lengths == {1: 2, 2: 2, 3: 2}
    assert len(measured.found["text2mol"]["targets"].cut(3)) == 1


def test_unknown_characters_stand_by_their_number_of_rows():
    found = Audit(lengths={1: 1, 2: 1}, unknown={"~": [2], "\\": [1, 2]}, lost=[1, 2])
    assert list(unknown_lines(found)) == [
        "unknown \\  U+005C REVERSE SOLIDUS: 2 rows",
        "unknown ~  U+007E TILDE: 1 rows",
        "not the same after decoding: 2 rows",
    ]


@pytest.mark.parametrize("values", [[1], [0], [7, 7, 7], [1, 100_000], list(range(1000))])
def test_bars_count_every_row_once(values):
    lines = bars(values)
    assert sum(int(line.split()[-1].replace(",", "")) for line in lines) == len(values)
    assert max(line.count("█") for line in lines) == 40
    assert len({len(line) for line in lines}) == 1
