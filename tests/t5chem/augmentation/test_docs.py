"""The examples of docs/augmentation.md are what the code makes, and every augmentation has one."""

import re
from pathlib import Path

import pytest

from t5chem.augmentation import AUGMENTATIONS, augment

GUIDE = Path(__file__).parents[3] / "docs" / "augmentation.md"
EXAMPLE = re.compile(
    r"### `(?P<name>\w+)`\n(?:(?!###).)*?```\n(?P<task>\w+)\n"
    r"inputs   (?P<inputs>[^\n]*)\nbecomes  (?P<becomes>[^\n]*)\n"
    r"(?:targets  (?P<targets>[^\n]*)\n)?(?:becomes  (?P<answer>[^\n]*)\n)?```",
    re.DOTALL,
)
EXAMPLES = {found["name"]: found for found in EXAMPLE.finditer(GUIDE.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_example(name):
    found = EXAMPLES[name]
    targets = found["targets"] or ""
    assert found["task"] in AUGMENTATIONS[name]
    made = augment(
        *(found["task"], found["inputs"], targets),
        seed=0,
        row_id="docs",
        copy=1,
        rates={name: 1.0},
    )
    assert made == (found["becomes"], found["answer"] or targets)
