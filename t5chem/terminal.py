"""Results for a person at a terminal: a table, and molecules where it can show images."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from typing import Literal

from rdkit.Chem.Draw import rdMolDraw2D

from t5chem.answers import Candidate, Result
from t5chem.smiles import parse

Graphics = Literal["kitty", "iterm"]


def graphics_of(environment: Mapping[str, str]) -> Graphics | None:
    """Returns how the terminal shows images, as far as its environment tells.

    Multiplexers pass no images on, so none are shown inside one.

    Args:
        environment: such as `os.environ`.

    Example:
        >>> graphics_of({"TERM": "xterm-kitty"}), graphics_of({"TERM": "xterm-256color"})
        ('kitty', None)
    """
    if environment.get("TMUX") or environment.get("STY"):
        return None
    program = environment.get("TERM_PROGRAM", "")
    if environment.get("KITTY_WINDOW_ID") or environment.get("TERM") == "xterm-kitty":
        return "kitty"
    if program == "ghostty":
        return "kitty"
    return "iterm" if program in ("iTerm.app", "WezTerm") else None


def image_escape(png: bytes, graphics: Graphics) -> str:
    """Returns what makes a terminal show a PNG where the cursor stands.

    Follows the kitty graphics protocol (chunks of 4096 characters) or iTerm2's inline images.
    """
    data = base64.standard_b64encode(png).decode()
    if graphics == "iterm":
        return f"\x1b]1337;File=inline=1;size={len(png)}:{data}\a"
    chunks = [data[start : start + 4096] for start in range(0, len(data), 4096)]
    parts = []
    for number, chunk in enumerate(chunks):
        first = "a=T,f=100," if number == 0 else ""
        more = int(number + 1 < len(chunks))
        parts.append(f"\x1b_G{first}m={more};{chunk}\x1b\\")
    return "".join(parts)


def molecule_png(smiles: str, width: int = 300, height: int = 200) -> bytes | None:
    """Draws a molecule on white; None when `smiles` is empty or invalid.

    Example:
        >>> molecule_png("CCO")[1:4]
        b'PNG'
    """
    mol = parse(smiles)
    if mol is None:
        return None
    drawer = rdMolDraw2D.MolDraw2DCairo(width, height)
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
    drawer.FinishDrawing()
    return bytes(drawer.GetDrawingText())


def table(result: Result, width: int) -> str:
    """Returns a result as lines: rank, log-likelihood, validity, the answer, its canonical form.

    Args:
        result: to show.
        width: columns of the terminal; longer answers are wrapped, never cut.
    """
    if result.error is not None:
        return f"{result.input}\n  {result.error}"
    lines = [f"{'':2}{'rank':>4}  {'log-lik.':>9}  {'valid':<5}  answer"]
    for candidate in result.candidates:
        lines.extend(_lines(candidate, width))
    return "\n".join(lines)


def _lines(candidate: Candidate, width: int) -> Sequence[str]:
    valid = {None: "", True: "yes", False: "no"}[candidate.valid]
    start = f"{'':2}{candidate.rank:>4}  {candidate.log_likelihood:>9.3f}  {valid:<5}  "
    room = max(20, width - len(start))
    pieces = [candidate.text[i : i + room] for i in range(0, len(candidate.text), room)] or [""]
    if candidate.canonical not in (None, candidate.text):
        spelled = f"= {candidate.canonical}"
        pieces += [spelled[i : i + room] for i in range(0, len(spelled), room)]
    return [(start if n == 0 else " " * len(start)) + piece for n, piece in enumerate(pieces)]


def terminal_image(smiles: str) -> str | None:
    """Returns the escape that shows a molecule in this terminal; None when it cannot."""
    graphics = graphics_of(os.environ)
    png = molecule_png(smiles) if graphics else None
    return image_escape(png, graphics) if graphics and png else None
