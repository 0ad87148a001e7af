"""Pictures of molecules."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from t5chem.drawing import molecule_svg


@pytest.mark.parametrize(
    "smiles", ["CCO", "C", "[Na+]~[OH-].CO", "C/C=C\\C", "C[C@H](N)C(=O)O", "*C", "[13CH4]", "CBr"]
)
def test_picture_is_one_well_formed_element_of_the_size_asked(smiles):
    svg = molecule_svg(smiles, width=300, height=100)
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert (root.get("width"), root.get("height")) == ("300px", "100px")
    assert root.get("aria-label") == smiles
    assert len(root) >= 1
    assert svg.startswith("<svg") and svg.endswith("</svg>")


def test_ink_is_the_pages_and_there_is_no_background():
    svg = molecule_svg("c1ccccc1")
    assert "currentColor" in svg
    assert "<rect" not in svg
    assert re.findall(r"#[0-9A-Fa-f]{6}", svg) == []
    assert set(re.findall(r"#[0-9A-Fa-f]{6}", molecule_svg("CCO"))) == {"#E2493D"}


@pytest.mark.parametrize("text", ["", " ", "C1CC", "hello", "C(C)(C)(C)(C)C"])
def test_invalid_has_no_picture(text):
    assert molecule_svg(text) is None


def test_picture_is_the_same_each_time():
    assert molecule_svg("CC(=O)Oc1ccccc1C(=O)O") == molecule_svg("CC(=O)Oc1ccccc1C(=O)O")
