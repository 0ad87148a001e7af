"""The procedures corpus: every action is in the text, every row is reproducible."""

from __future__ import annotations

import collections
import itertools
import random
import re

import pytest

from t5chem.actions import ACTION_TYPES, Action, chemicals_of, parse_actions, print_actions
from t5chem.corpora import procedures
from t5chem.corpora.procedure_compounds import Shelf, load_compounds, molar_mass
from t5chem.corpora.procedure_plans import imperative
from t5chem.corpora.procedure_style import Style, capitalised, finish
from t5chem.corpora.splits import SPLITS, split_of
from t5chem.smiles import canonical, parse, skeleton_key

WORDED = {"unknown", "neutral", "acidic", "basic"}
COUNTS = {2: ("twice", "two times"), 3: ("three times", "thrice"), 4: ()}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return list(itertools.islice(procedures.generate_procedures(processes=1), 900))


def _stated(text: str, paragraph: str) -> bool:
    """Whether the paragraph says `text`, at word boundaries."""
    return bool(re.search(rf"(?<![\w.]){re.escape(text)}(?![\w])", paragraph))


def _missing(action: Action, paragraph: str) -> list[str]:
    """Returns what the action says and the paragraph does not."""
    wanted = [chemical.name for chemical in chemicals_of(action) if chemical.name != "SLN"]
    # `LiAlH4 (1 M in THF, 5 mL)`: the name's parenthesis closes after the quantities.
    wanted = [name[:-1] if " (" in name and name.endswith(")") else name for name in wanted]
    wanted += [amount for chemical in chemicals_of(action) for amount in chemical.quantities]
    for field in ("temperature", "atmosphere", "duration", "gas", "ph", "layer"):
        value = getattr(action, field, None)
        if value and value not in WORDED and not (value == "0 °C" and " ice" in paragraph):
            wanted.append(value)
    agent = getattr(action, "material", None)
    if isinstance(agent, str) and agent != "unknown":
        wanted.append(agent)
    if getattr(action, "layer", None) == "organic":
        wanted.remove("organic")
        if not re.search("organic|extract", paragraph, re.IGNORECASE):
            wanted.append("organic")
    if getattr(action, "dropwise", False):
        wanted.append("dropwise")
    if getattr(action, "dean_stark", False):
        wanted.append("Dean-Stark")
    missing = [text for text in wanted if not _stated(text, paragraph)]
    times = getattr(action, "repetitions", 1)
    digits = rf"{times} ?[x×]|[x×] ?{times}\b"
    if times > 1 and not re.search("|".join((digits, *COUNTS[times])), paragraph):
        missing.append(f"{times} x")
    return missing


def _check(row: dict[str, str]) -> None:
    actions = parse_actions(row["actions"])
    assert print_actions(actions) == row["actions"]
    paragraph = row["paragraph"]
    for action in actions:
        assert not _missing(action, paragraph), (action, row)
    for number in re.findall(r"\d+(?:\.\d+)?", row["actions"]):
        spelled = any(word in paragraph for word in COUNTS.get(int(float(number)), ()))
        assert number in paragraph or spelled or (number == "0" and " ice" in paragraph), row


def test_everything_in_the_actions_is_in_the_paragraph(rows):
    for row in rows:
        _check(row)


def test_rows_have_the_promised_form(rows):
    assert {tuple(row) for row in rows} == {("id", "split", "product", "paragraph", "actions")}
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({row["paragraph"] for row in rows}) == len(rows)
    assert {row["split"] for row in rows} <= set(SPLITS)
    lengths = sorted(len(row["paragraph"].split()) for row in rows)
    assert lengths[-1] <= procedures.MAX_WORDS + 10
    assert 35 <= lengths[len(lengths) // 2] <= 60


def test_all_types_occur(rows):
    seen = {a.keyword() for row in rows for a in parse_actions(row["actions"])}
    assert seen == set(ACTION_TYPES)


def test_split_and_product_are_those_of_the_compound(rows):
    for row in random.Random(0).sample(rows, 100):
        assert row["product"] == canonical(row["product"])
        assert row["split"] == split_of(skeleton_key(parse(row["product"])))


def test_no_article_stop_or_space_goes_wrong(rows):
    for row in rows:
        assert not re.search(r"  | ,|\.\.|\{|\}|\ba an?\b|None", row["paragraph"]), row
        assert not re.search(r"\b(\w{3,}) \1\b", row["paragraph"]), row
        assert row["paragraph"][-1] == "."


def test_reproducible(rows):
    again = list(itertools.islice(procedures.generate_procedures(processes=1), 40))
    assert again == rows[:40]
    other = next(procedures.generate_procedures(seed=1, processes=1))
    assert other["paragraph"] != rows[0]["paragraph"]


def test_masses():
    assert molar_mass("C6H6") == pytest.approx(78.11, abs=0.01)
    assert molar_mass("C7H5BrO") == pytest.approx(185.02, abs=0.01)
    assert molar_mass("C6H5Na") is None


def test_capitals():
    cases = {
        "3-bromo-5-nitrotoluene was": "3-Bromo-5-nitrotoluene was",
        "(4-bromophenyl)methanol was": "(4-Bromophenyl)methanol was",
        "tert-butyl carbamate was": "tert-Butyl carbamate was",
        "N,N-dimethylaniline was": "N,N-Dimethylaniline was",
        "(2S)-2-aminobutanoic acid": "(2S)-2-Aminobutanoic acid",
        "n-BuLi was": "n-BuLi was",
        "mCPBA was": "mCPBA was",
        "10% Pd/C was": "10% Pd/C was",
        "a solution": "A solution",
    }
    assert {text: capitalised(text) for text in cases} == cases


def test_a_capital_at_the_start_is_carried_over_to_the_actions():
    style = Style(random.Random(0))
    methylamine = style.mention("methylamine (2 M in THF)", ("1 mL",))
    assert methylamine.text == "methylamine (2 M in THF, 1 mL)"
    add = ACTION_TYPES["ADD"](methylamine.chemical)
    sentence = finish(f"{methylamine.text} was added", [add])
    assert sentence.text == "Methylamine (2 M in THF, 1 mL) was added."
    assert print_actions(sentence.actions) == "ADD Methylamine \u200c(2 M in THF) (1 mL)."


def test_imperative():
    assert imperative("slowly poured into water") == "slowly pour into water"
    assert imperative("concentrated") == "concentrate"
    assert imperative("washed with concentrated HCl") == "wash with concentrated HCl"


def test_shelf_draws_the_role():
    shelf = Shelf(load_compounds()[:4000])
    drawn = [shelf.draw(random.Random(seed), "acid", 100, 300).name for seed in range(20)]
    assert all(name.endswith(" acid") for name in drawn)


@pytest.mark.slow
def test_whole_corpus():
    corpus = list(procedures.generate_procedures(processes=2))
    counts = collections.Counter(row["split"] for row in corpus)
    assert counts["train"] >= 26_000
    assert min(counts.values()) >= 800
    assert len({row["paragraph"] for row in corpus}) == len(corpus)
    first = list(itertools.islice(procedures.generate_procedures(processes=1), 1000))
    assert corpus[:1000] == first
    for row in corpus:
        _check(row)


@pytest.mark.slow
def test_tabulated_keys_are_the_skeleton_keys():
    for compound in load_compounds():
        assert skeleton_key(parse(compound.smiles)) == compound.key
