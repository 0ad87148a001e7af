"""Real paragraphs and their actions, changed together: the difference is the same in both."""

import itertools
import random
import re

import pytest

from t5chem.actions import parse_actions
from t5chem.augmentation.amounts import rescale_amounts
from t5chem.augmentation.temperatures import shift_temperatures
from t5chem.corpora.procedures import generate_procedures

NUMBER = re.compile(r"\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def starter_procedures():
    rows = itertools.islice(generate_procedures(processes=1), 250)
    return [(row["paragraph"], row["actions"]) for row in rows]


def public_procedures(shared):
    folder = shared / "data" / "paragraph2actions"
    for split in ("train", "valid", "test"):
        sources, targets = (
            (folder / f"{side}-{split}.txt").read_text(encoding="utf-8").splitlines()
            for side in ("src", "tgt")
        )
        yield from zip(sources, targets, strict=True)


def changes(before, after):
    """The numbers that a text exchanged, with what follows each."""
    assert NUMBER.sub("#", before) == NUMBER.sub("#", after)
    rest = NUMBER.split(before)[1:]
    pairs = zip(NUMBER.findall(before), NUMBER.findall(after), rest, strict=True)
    return {(was, now) for was, now, _ in pairs if was != now}


@pytest.mark.parametrize(("rewrite", "least"), [(rescale_amounts, 150), (shift_temperatures, 35)])
def test_starter_procedures(starter_procedures, rewrite, least):
    assert check(starter_procedures, rewrite) >= least


@pytest.mark.parametrize(("rewrite", "least"), [(rescale_amounts, 35), (shift_temperatures, 10)])
def test_published_procedures(shared, rewrite, least):
    assert check(public_procedures(shared), rewrite) >= least


def check(rows, rewrite):
    """Returns how many rows changed; each in the same way on both sides."""
    changed = 0
    for number, (paragraph, answer) in enumerate(rows):
        other, actions = rewrite(paragraph, answer, random.Random(number))
        assert (other == paragraph) == (actions == answer)
        if actions != answer:
            changed += 1
            assert changes(answer, actions) == changes(paragraph, other)
            old, new = parse_actions(answer), parse_actions(actions)
            assert [type(one) for one in old] == [type(one) for one in new]
    return changed
