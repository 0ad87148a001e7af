"""The action language: literal parse trees, round trips, errors."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t5chem import actions as act
from t5chem.actions import (
    ACTION_TYPES,
    PH,
    ActionSyntaxError,
    Add,
    Chemical,
    CollectLayer,
    Concentrate,
    Degas,
    DrySolid,
    DrySolution,
    Extract,
    Filter,
    MakeSolution,
    Microwave,
    NoAction,
    Partition,
    Quench,
    Recrystallize,
    Reflux,
    SetTemperature,
    Sonicate,
    Stir,
    Triturate,
    Wait,
    Wash,
    Yield,
    parse_actions,
    print_actions,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"

LITERAL = {
    "ADD SLN.": [Add(Chemical("SLN"))],
    "ADD THF (5 mL, 2 equiv) dropwise at 0 °C under N2 over 30 min.": [
        Add(Chemical("THF", ("5 mL", "2 equiv")), True, "0 °C", "N2", "30 min")
    ],
    "ADD LiAlH4 \u200c(1 M in THF) (24.4 mL).": [
        Add(Chemical("LiAlH4 (1 M in THF)", ("24.4 mL",)))
    ],
    "MAKESOLUTION with A (1 g) and B (2 mL) and C; ADD SLN.": [
        MakeSolution((Chemical("A", ("1 g",)), Chemical("B", ("2 mL",)), Chemical("C"))),
        Add(Chemical("SLN")),
    ],
    "COLLECTLAYER organic; CONCENTRATE.": [CollectLayer("organic"), Concentrate()],
    "DEGAS with argon for 10 min.": [Degas("argon", "10 min")],
    "DRYSOLID for 4 hours at 60° C under vacuum.": [DrySolid("4 hours", "60° C", "vacuum")],
    "DRYSOLUTION over anhydrous Na2SO4.": [DrySolution("anhydrous Na2SO4")],
    "EXTRACT with DCM (50 ml) 2 x; EXTRACT with EA.": [
        Extract(Chemical("DCM", ("50 ml",)), 2),
        Extract(Chemical("EA")),
    ],
    "FILTER; FILTER keep filtrate.": [Filter(), Filter("filtrate")],
    "MICROWAVE for 20 min at 150 °C.": [Microwave("20 min", "150 °C")],
    "PARTITION with EtOAc (5 mL) and water.": [
        Partition((Chemical("EtOAc", ("5 mL",)), Chemical("water")))
    ],
    "PH with K2CO3 (0.5 g) to pH basic; PH to pH 3 to 4.": [
        PH("basic", Chemical("K2CO3", ("0.5 g",))),
        PH("3 to 4"),
    ],
    "QUENCH with MeOH dropwise at 0 °C.": [Quench(Chemical("MeOH"), True, "0 °C")],
    "RECRYSTALLIZE from ethanol.": [Recrystallize(Chemical("ethanol"))],
    "REFLUX for 2 h under N2 with Dean-Stark apparatus; REFLUX.": [
        Reflux("2 h", "N2", True),
        Reflux(),
    ],
    "SETTEMPERATURE r.t..": [SetTemperature("r.t.")],
    "SONICATE for 5 min; TRITURATE with ether.": [Sonicate("5 min"), Triturate(Chemical("ether"))],
    "STIR at rt under argon.": [Stir(None, "rt", "argon")],
    "WAIT for unknown at below 30°.": [Wait("unknown", "below 30°")],
    "WASH with water (10 mL) 3 x.": [Wash(Chemical("water", ("10 mL",)), 3)],
    "YIELD X (1 g, 69%); NOACTION.": [Yield(Chemical("X", ("1 g", "69%"))), NoAction()],
}

ERRORS = {
    "STIR for 2 h": "Expected a final '.' after the last action of 'STIR for 2 h'",
    "STIR for 2 h; STIRR.": r"Action 2, 'STIRR': expected one of the types .*the nearest is STIR\.",
    "ADD water; .": "Action 2, '': expected one of the types",
    "ADD.": "Action 1, 'ADD': expected <material>",
    "ADD water (5 mL.": r"Action 1, 'ADD water \(5 mL': expected '\)' after the quantities of 'wat",
    "ADD water ().": "expected a name, then quantities as in",
    "FILTER hold solid.": "Action 1, 'FILTER hold solid': expected keep <phase>",
    "PH with HCl.": "Action 1, 'PH with HCl': expected to pH <ph>",
    "CONCENTRATE in vacuo.": "Action 1, 'CONCENTRATE in vacuo': expected no more text",
    "STIR for  at rt.": "expected the duration after ' for '",
    "WASH water.": "Action 1, 'WASH water': expected with <material>",
    "ADD water dropwise slowly.": "expected nothing more than 'dropwise'",
}


@pytest.mark.parametrize("text", LITERAL)
def test_parse_tree(text):
    assert parse_actions(text) == LITERAL[text]
    assert print_actions(LITERAL[text]) == text


@pytest.mark.parametrize("text", ERRORS)
def test_error_names_action_text_and_expectation(text):
    with pytest.raises(ActionSyntaxError, match=ERRORS[text]):
        parse_actions(text)


def test_the_types():
    labels = {"FOLLOWOTHERPROCEDURE", "INVALIDACTION", "OTHERLANGUAGE"}
    assert len(ACTION_TYPES) == 28
    assert len(ACTION_TYPES.keys() - {"NOACTION"}) == 27
    assert len(ACTION_TYPES.keys() - {"NOACTION"} - labels) == 24


def test_no_actions_cannot_be_printed():
    with pytest.raises(ValueError, match="write NoAction"):
        print_actions([])


@pytest.mark.parametrize("name", ["", " water", "water ", "wat\u200cer"])
def test_texts_that_could_not_be_read_back_are_refused(name):
    with pytest.raises(ValueError, match="must not be empty"):
        Chemical(name)
    with pytest.raises(ValueError, match="must not be empty"):
        Stir(name)


def test_quantity_with_a_comma_is_refused():
    with pytest.raises(ValueError, match="give two quantities"):
        Chemical("water", ("1 g, 2 mmol",))


def test_chemicals_of():
    a, b = Chemical("a"), Chemical("b")
    assert list(act.chemicals_of(MakeSolution((a, b)))) == [a, b]
    assert list(act.chemicals_of(Wash(a, 3))) == [a]
    assert list(act.chemicals_of(Stir("2 h"))) == []


def _published() -> list[str]:
    lines = [
        line
        for split in ("train", "valid", "test")
        for line in (SHARED / f"paragraph2actions/tgt-{split}.txt").read_text().splitlines()
    ]
    for path in sorted((SHARED / "gt4sd_sample").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        lines += [row["target"] for row in rows if row["source"].startswith("Which actions")]
    return lines


@pytest.mark.skipif(not SHARED.exists(), reason="needs the published examples in ../shared/data")
def test_published_examples_round_trip():
    lines = _published()
    assert len(lines) == 106
    assert [print_actions(parse_actions(line)) for line in lines] == lines


# Words that are syntax somewhere, so that names are full of traps.
WORDS = st.sampled_from(
    ["water", "at", "for", "over", "under", "with", "from", "and", "dropwise", "keep", "to", "pH",
     "(1", "M)", "x", "3", "SLN;", ";", "in", "(", ")", "Dean-Stark", "apparatus", "to pH", "3 x",
     "with Dean-Stark apparatus", ".", "1.", ",", "ADD"]
)  # fmt: skip
TEXTS = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)
QUANTITIES = TEXTS.filter(lambda text: ", " not in text)
CHEMICALS = st.builds(Chemical, TEXTS, st.lists(QUANTITIES, max_size=3).map(tuple))


def _values(field: dataclasses.Field) -> st.SearchStrategy:
    kinds = {
        "Chemical": CHEMICALS,
        "Chemical | None": st.none() | CHEMICALS,
        "tuple[Chemical, ...]": st.lists(CHEMICALS, min_size=1, max_size=3).map(tuple),
        "str": TEXTS,
        "str | None": st.none() | TEXTS,
        "bool": st.booleans(),
        "int": st.integers(1, 20),
    }
    return kinds[str(field.type)]


ACTIONS = st.sampled_from(sorted(ACTION_TYPES.values(), key=lambda cls: cls.__name__)).flatmap(
    lambda cls: st.builds(cls, **{f.name: _values(f) for f in dataclasses.fields(cls)})
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTIONS, min_size=1, max_size=4))
def test_printed_actions_are_read_back(actions):
    assert parse_actions(print_actions(actions)) == actions


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(sorted(ACTION_TYPES)) | WORDS, max_size=12).map(" ".join))
def test_any_text_is_refused_or_normalised(text):
    try:
        actions = parse_actions(text + ".")
    except ActionSyntaxError:
        return
    printed = print_actions(actions)
    assert parse_actions(printed) == actions
    assert print_actions(parse_actions(printed)) == printed
