"""Molecules as inline SVG that reads well on a light page and on a dark one."""

from __future__ import annotations

import re
from html import escape
from typing import Any, Final

from rdkit.Chem.Draw import rdMolDraw2D

from t5chem.smiles import parse

# Carbon and bonds are drawn in this colour, which then becomes the page's own text colour.
_INK: Final = (1 / 255, 2 / 255, 3 / 255)
_INK_HEX: Final = "#010203"

# Atomic number to colour: element colours of middle lightness, legible on white and on near-black.
_ELEMENT_COLOURS: Final = {
    -1: _INK,
    7: (0.25, 0.47, 0.93),
    8: (0.89, 0.29, 0.24),
    9: (0.16, 0.62, 0.40),
    15: (0.85, 0.49, 0.09),
    16: (0.70, 0.55, 0.06),
    17: (0.16, 0.62, 0.40),
    35: (0.72, 0.36, 0.22),
    53: (0.60, 0.32, 0.80),
}
_BOND_LENGTH: Final = 24  # pixels; larger molecules shrink to fit, small ones are not blown up
# What only a standalone file needs, and style entries that repeat SVG's own defaults.
_SURPLUS = re.compile(
    r"^.*?(?=<svg)|<!--.*?-->|\s(?:xmlns:\w+|xml:space|class)='[^']*'"
    r"|;?(?:fill-rule:evenodd|stroke-linecap:butt|stroke-linejoin:miter|stroke-opacity:1)",
    re.DOTALL,
)


def molecule_svg(smiles: str, width: int = 220, height: int = 150) -> str | None:
    """Draws a molecule or mixture, without background, in the text colour of its surroundings.

    Args:
        smiles: a molecule, or compounds joined with `.` and ions with `~`.
        width: pixels.
        height: pixels.

    Returns:
        One `<svg>` element to set into an HTML page, or None when `smiles` is empty or invalid.

    Example:
        >>> molecule_svg("CCO")[:4], molecule_svg("C1CC") is None
        ('<svg', True)
    """
    mol = parse(smiles)
    if mol is None:
        return None
    drawer = rdMolDraw2D.MolDraw2DSVG(width, height)
    set_style(drawer.drawOptions())
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
    drawer.FinishDrawing()
    return inline_svg(drawer.GetDrawingText(), smiles)


def set_style(options: Any) -> None:  # RDKit's type stubs misname every option's type
    """Sets transparent ground, our colours, and strokes fit for a small picture."""
    options.clearBackground = False
    options.setAtomPalette(_ELEMENT_COLOURS)
    options.setSymbolColour(_INK)
    options.fixedBondLength = _BOND_LENGTH
    options.bondLineWidth = 1.4
    options.minFontSize = 10
    options.padding = 0.04


def inline_svg(svg: str, label: str) -> str:
    """Drops what only a file needs, names the picture, and lets the page choose the ink."""
    svg = _SURPLUS.sub("", svg).replace(_INK_HEX, "currentColor")
    svg = re.sub(r"\s+", " ", svg).replace("> <", ">\n<").strip()
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
