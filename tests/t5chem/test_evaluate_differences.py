"""Which words, symbols and atoms count as different, and what is said of a failure."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.differences import draw_pair, mark_differences, shared_atoms
from t5chem.evaluation_files import EvaluationRow
from t5chem.evaluations import evaluate_rows
from t5chem.failures import failures_of, smiles_fault
from t5chem.metrics import Settings
from t5chem.smiles import parse


def test_words_that_differ_are_marked():
    assert mark_differences("Stir for 2 h.", "Stir for 20 h. Filter.") == (
        'Stir for <mark class="missed">2</mark> h.',
        'Stir for <mark class="surplus">20</mark> h.<mark class="surplus"> Filter.</mark>',
    )


def test_symbols_of_smiles_are_marked_whole():
    assert mark_differences("C[C@H](Cl)O", "C[C@@H](Br)O", smiles=True) == (
        'C<mark class="missed">[C@H]</mark>(<mark class="missed">Cl</mark>)O',
        'C<mark class="surplus">[C@@H]</mark>(<mark class="surplus">Br</mark>)O',
    )


@given(st.text("CN[]()<>&\" '\\", max_size=30), st.text("CN[]()<>&\" '\\", max_size=30))
def test_marked_texts_are_escaped_and_lose_nothing(target, prediction):
    for text, html in zip((target, prediction), mark_differences(target, prediction), strict=True):
        plain = re.sub(r'</?mark(?: class="\w+")?>', "", html)
        assert not set(plain) & set("<>\"'")
        for entity, character in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("#x27", "'")):
            plain = plain.replace(f"&{entity};", character)
        assert plain.replace("&amp;", "&") == text


def test_nothing_is_marked_where_all_is_different_or_too_long():
    assert mark_differences("", "C") == ("", "C")
    long = "C" * 1001
    assert mark_differences(long, long + "N", smiles=True) == (long, long + "N")


@pytest.mark.parametrize(
    ("first", "second", "pairs"),
    [
        ("OCC", "OCC", [(0, 0), (1, 1), (2, 2)]),
        ("OCC", "CCO", [(0, 2), (1, 1), (2, 0)]),
        ("[Na+].OCC", "OCC.[K+]", [(1, 0), (2, 1), (3, 2)]),
        ("C", "N", []),
    ],
)
def test_atoms_in_the_same_place(first, second, pairs):
    assert sorted(shared_atoms(parse(first), parse(second))) == pairs


@pytest.mark.parametrize(
    ("target", "prediction", "marked"),
    [
        ("CCO", "OCC", (0, 0)),  # the same molecule
        ("CCCCO", "CCCCCl", (1, 1)),
        ("CCC(=O)O", "CCC(=O)[O-]", (1, 1)),  # the charge
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", (1, 1)),  # the configuration
        ("C/C=C/C", "C/C=C\\C", (2, 2)),  # the double bond's geometry
        ("CCO.[Na+]", "CCO.[K+]", (1, 1)),
    ],
)
def test_atoms_that_differ_are_highlighted(target, prediction, marked):
    pictures = draw_pair(target, prediction)
    for picture, kind, count in zip(pictures, ("missed", "surplus"), marked, strict=True):
        assert picture.startswith("<svg")
        assert len(re.findall(rf"<ellipse[^>]*var\(--{kind}\)", picture)) == count
        assert "#040506" not in picture


def test_what_is_no_molecule_is_not_drawn():
    known, found = draw_pair("CCO", "C1CC")
    assert known.startswith("<svg") and "var(--" not in known
    assert found is None
    assert draw_pair("", "CCO")[0] is None


@pytest.mark.parametrize(
    ("smiles", "mixture", "fault"),
    [
        ("CCO", False, None),
        ("CC(C", False, "parentheses that do not match"),
        ("C[NH", False, "brackets that do not match"),
        ("C1CC", False, "no SMILES: such as a ring that is not closed"),
        ("Cé", False, "a character that SMILES does not have: 'é'"),
        ("C" * 5001, False, "5,001 characters; at most 5,000 are read"),
        ("FC(F)(F)(F)F", False, "Explicit valence for atom # 1 C, 5, is greater than permitted"),
        ("c1cccc1", False, "Can't kekulize mol. Unkekulized atoms: 0 1 2 3 4"),
        ("C1.C1", False, None),
        ("C1.C1", True, "a compound of the mixture is not valid by itself"),
    ],
)
def test_faults_of_smiles(smiles, mixture, fault):
    assert smiles_fault(smiles, mixture) == fault


@pytest.mark.parametrize(
    ("task", "target", "prediction", "reason"),
    [
        ("text2mol", "CCO", "", "empty prediction"),
        ("text2mol", "C1CC", "C", "the target is not valid: no SMILES: such as a ring that is"),
        ("forward", "CCO", "C(", "parentheses that do not match"),
        ("mol2text", "A gas.", " ", "empty prediction"),
        ("paragraph2actions", "STIR.", "STIR", "Expected a final '.' after the last action"),
    ],
)
def test_every_failure_has_its_reason(task, target, prediction, reason):
    rows = [
        EvaluationRow(4, "", target, (target if target != "C1CC" else "C",)),
        EvaluationRow(7, "", target, (prediction,)),
        EvaluationRow(9, "", target, (), "bytes that are not UTF-8"),
    ]
    evaluation = evaluate_rows(task, rows, Settings(samples=0, fcd=False))
    found = {one.number: one for one in failures_of(task, rows, evaluation)}
    assert found[7].text == prediction
    assert found[7].reason.startswith(reason)
    assert found[9].reason == "bytes that are not UTF-8"
    assert (4 in found) == (target == "C1CC")
