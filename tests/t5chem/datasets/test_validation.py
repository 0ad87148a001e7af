"""Which rows stay, which go, and what is said of them."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from t5chem.datasets.dataset import (
    DUPLICATE,
    HELD_OUT,
    INVALID_SMILES,
    PROBLEMS,
    TWO_SIDES,
    Bad,
    Dataset,
    Row,
)
from t5chem.datasets.identity import key_of
from t5chem.datasets.validation import held_out_keys, validate
from t5x.errors import ConfigError


def dataset(rows, kind="molecules", **changes):
    return Dataset(
        "mine", kind, "Mine", "", "not stated", "", (), {}, "", lambda folder: iter(rows), **changes
    )


def molecule(number, smiles, description="a thing", split="train", changes=()):
    fields = {"smiles": smiles, "description": description}
    return Row(split, f"{split}-{number}", fields, "mine.tsv", number, changes)


def result(rows, held_out=None, tmp_path=None, **changes):
    found = validate(dataset(rows, **changes), tmp_path, held_out)
    return [row.number for rows in found.rows.values() for row in rows], found.report


def test_good_rows_stay_in_their_order_by_split():
    rows = [
        molecule(1, "C", split="test"),
        molecule(2, "CC"),
        molecule(3, "CCC", split="validation"),
        molecule(4, "CCCC", changes=("polished",)),
    ]
    numbers, report = result(rows)
    assert numbers == [2, 4, 3, 1]
    assert list(report.lines()) == [
        "mine: 4 rows read",
        "  kept              2  train",
        "  kept              1  validation",
        "  kept              1  test",
        "  noted             1  polished, such as mine.tsv, row 4",
    ]


PROBLEM_ROWS = [
    molecule(1, "OC", split="test"),
    molecule(2, "C1CC", split="test"),
    molecule(3, "CO", split="test"),
    molecule(4, "CO", "a spirit", split="validation"),
    molecule(5, "C(O)", "another"),
    molecule(6, "CC"),
    molecule(7, "C-C"),
    molecule(8, "C(C)", "a gas"),
    molecule(9, "not"),
    molecule(10, "CCC"),
    molecule(11, "CCC", split="validation"),
]
"""Row 1: fine. 2: invalid, 3: as 1, 4: in test too. 5: in test. 7: as 6. 8: other text. 9: invalid.
10: held out elsewhere, and in validation. 11: fine."""


def test_problems_drop_rows_of_train_alone():
    numbers, report = result(PROBLEM_ROWS, {"other": {"CCC"}, "third": {"CCC", "C"}})
    assert numbers == [6, 8, 4, 11, 1, 2, 3]
    assert report.dropped == {TWO_SIDES: 1, DUPLICATE: 1, INVALID_SMILES: 1, HELD_OUT: 1}
    assert report.counted == {TWO_SIDES: 1, DUPLICATE: 1, INVALID_SMILES: 1}
    assert report.examples[DUPLICATE] == [
        "mine.tsv, row 3: as mine.tsv, row 1",
        "mine.tsv, row 7: as mine.tsv, row 6",
    ]
    assert report.examples[HELD_OUT] == ["mine.tsv, row 10: in other, third"]
    assert report.examples[INVALID_SMILES] == ["mine.tsv, row 2: C1CC", "mine.tsv, row 9: not"]


def test_a_dataset_that_drops_nothing_counts():
    numbers, report = result(PROBLEM_ROWS, {"other": {"CCC"}}, drops=frozenset())
    assert sorted(numbers) == list(range(1, 12))
    assert report.dropped == {}
    # Row 10 has two problems, and is counted under both.
    assert report.counted == {TWO_SIDES: 3, DUPLICATE: 2, INVALID_SMILES: 2, HELD_OUT: 1}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_problems_are_switched_one_by_one(problem):
    everything, _ = result(PROBLEM_ROWS, {"other": {"CCC"}}, drops=frozenset())
    numbers, report = result(PROBLEM_ROWS, {"other": {"CCC"}}, drops=frozenset({problem}))
    assert set(report.dropped) == {problem}
    assert len(numbers) == len(everything) - report.dropped.total()


def test_descriptions_that_another_dataset_tests_with_are_held_out_too():
    rows = [
        molecule(1, "CC", "It is  ONE."),
        molecule(2, "CCC", "It is two."),
        molecule(3, "CCCC", "It is one.", split="test"),
    ]
    held = {"other": held_out_keys(dataset([molecule(1, "C", "It is one.", split="test")]), None)}
    numbers, report = result(rows, held, drops=frozenset({HELD_OUT}))
    assert numbers == [2, 3]
    assert report.examples == {HELD_OUT: ["mine.tsv, row 1: in other"]}
    # Within a dataset many molecules may have one description.
    assert result(rows)[0] == [1, 2, 3]


def test_stereoisomers_and_salts_are_different_molecules():
    rows = [
        molecule(1, "F/C=C/F", split="test"),
        molecule(2, "F/C=C\\F"),
        molecule(3, "CC(=O)O", split="test"),
        molecule(4, "CC(=O)[O-]"),
    ]
    assert result(rows)[0] == [2, 4, 1, 3]


def test_rows_without_a_field_are_dropped_from_every_split():
    rows = [
        molecule(1, " ", split="test"),
        molecule(2, "C", ""),
        molecule(3, "C"),
        molecule(4, "C", split="test", description="\t"),
    ]
    numbers, report = result(rows)
    assert numbers == [3]
    assert report.dropped == {"empty field": 3}
    assert report.examples["empty field"][:2] == [
        "mine.tsv, row 1: smiles",
        "mine.tsv, row 2: description",
    ]


def test_reactions_may_lack_a_class_and_reagents_and_are_their_products():
    def reaction(number, products, reactants="C", split="train"):
        fields = {
            "reaction_class": "",
            "reactants": reactants,
            "reagents": "",
            "products": products,
        }
        return Row(split, f"{split}-{number}", fields, "mine.tsv", number)

    rows = [reaction(1, "CC", "C.C", "test"), reaction(2, "CC"), reaction(3, "CO")]
    numbers, report = result(rows, kind="reactions")
    assert numbers == [3, 1] and report.dropped == {TWO_SIDES: 1}


def test_procedures_are_their_paragraphs():
    def procedure(number, paragraph, split="train"):
        fields = {"paragraph": paragraph, "actions": f"WAIT {number}."}
        return Row(split, f"{split}-{number}", fields, "mine.tsv", number)

    rows = [procedure(1, "Wait  a bit.", "test"), procedure(2, "wait a\nBIT."), procedure(3, "No.")]
    numbers, report = result(rows, kind="procedures")
    assert numbers == [3, 1] and report.dropped == {TWO_SIDES: 1}
    assert key_of("procedures", {"paragraph": " A  b "}) == "a b"


def test_bad_rows_are_dropped_and_counted_by_reason():
    rows = [
        molecule(1, "C"),
        Bad("mine.tsv", 2, "wrong number of cells", "4, and 3 column names"),
        molecule(3, "CC"),
        Bad("other.tsv", 1234567, "wrong number of cells", "x" * 200),
    ]
    numbers, report = result(rows)
    assert numbers == [1, 3] and report.read == 4
    assert report.examples == {
        "wrong number of cells": [
            "mine.tsv, row 2: 4, and 3 column names",
            f"other.tsv, row 1,234,567: {'x' * 76} ...",
        ]
    }
    assert report.as_dict()["dropped"] == {"wrong number of cells": 2}


def bad(count):
    return [Bad("mine.tsv", number, "no reaction class", "x") for number in range(1, count + 1)]


def test_a_file_of_bad_rows_is_refused():
    with pytest.raises(ConfigError) as raised:
        result(bad(3))
    assert raised.value.message == (
        "mine: 3 of 3 rows cannot be used; 3 for 'no reaction class', such as mine.tsv, row 1: x. "
        "Are these the files it is made from?"
    )
    with pytest.raises(ConfigError, match="101 of 102 rows cannot be used"):
        result([*bad(101), molecule(102, "C")])
    assert result([*bad(100), molecule(102, "C")])[0] == [102]
    good = [molecule(200 + number, "C" * (number + 1)) for number in range(101)]
    assert len(result([*bad(101), *good])[0]) == 101
    with pytest.raises(ConfigError, match="mine: its files hold no rows"):
        result([])


def test_keys_that_are_held_out(tmp_path):
    read = []

    def rows(folder):
        for row in (
            molecule(1, "OC", split="validation"),
            Bad("mine.tsv", 2, "no"),
            molecule(3, "bad", split="test"),
            molecule(4, "CC", split="test"),
            molecule(5, "CCC"),
            molecule(6, "CCCC", split="test"),
        ):
            read.append(row.number)
            yield row

    ordered = dataclasses.replace(dataset([]), read=rows)
    assert held_out_keys(ordered, tmp_path) == {"CO", "CC", "a thing"}
    assert read == [1, 2, 3, 4, 5]
    mixed = dataclasses.replace(ordered, train_last=False)
    assert held_out_keys(mixed, tmp_path) == {"CO", "CC", "CCCC", "a thing"}


# Machines of tests are busy: how long it takes says nothing.
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["C", "CC", "OCC", "CCO", "C(C)O", "nope", " "]),
            st.sampled_from(["a", "b"]),
            st.sampled_from(["train", "validation", "test"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_row_is_accounted_for(rows):
    rows = [molecule(n, *row) for n, row in enumerate([("CCCC", "c", "test"), *rows], start=1)]
    found = validate(dataset(rows), None)
    report = found.report
    assert report.read == len(rows) == sum(report.kept.values()) + report.dropped.total()
    sides = {
        split: {key_of("molecules", row.fields) for row in kept} - {None}
        for split, kept in found.rows.items()
    }
    assert not sides.get("train", set()) & (sides.get("validation", set()) | sides["test"])
    for split in ("validation", "test"):
        published = [row for row in rows if row.split == split and row.fields["smiles"].strip()]
        assert list(found.rows.get(split, [])) == published
