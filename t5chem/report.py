"""The run report with its molecules drawn, judged as molecules, and every figure behind it."""

from __future__ import annotations

import t5x.report
from t5chem.drawing import molecule_svg
from t5chem.prompts import PROMPTS
from t5chem.run_evaluations import write_evaluations
from t5chem.smiles import canonical_mixture


def write_report(model_dir: str) -> str:
    """Writes `report.html` with a drawing above every sample that is a SMILES.

    A prediction with the same compounds as its target counts as correct however it is spelled.
    Each task's name leads to its own page, `evaluation/<task>/report.html`: what
    `t5chem evaluate` makes of the predictions.

    Args:
        model_dir: the run's directory.

    Returns:
        Path of the page.

    Raises:
        FileNotFoundError: `model_dir` does not exist.
    """
    pages = write_evaluations(model_dir)
    return t5x.report.write_report(model_dir, draw_smiles, same_compounds, pages)


def draw_smiles(text: str) -> str | None:
    """Returns a drawing of `text` when, its prompt aside, it is meant as SMILES; else None.

    Text with spaces is prose, and a full stop at the end marks a one-word action sequence.

    Args:
        text: a sample's input, target or prediction.

    Example:
        >>> draw_smiles("Caption the following SMILES: c1ccccc1")[:4]
        '<svg'
        >>> draw_smiles("FILTER.") is None
        True
    """
    smiles = strip_prompt(text).strip()
    if any(map(str.isspace, smiles)) or smiles.endswith("."):
        return None
    return molecule_svg(smiles, width=300, height=170)


def strip_prompt(text: str) -> str:
    """Returns `text` without the task's prompt before it, if one stands there.

    Example:
        >>> strip_prompt("Write in SMILES the described molecule: water")
        'water'
    """
    for prompt in PROMPTS.values():
        if text.startswith(prompt):
            return text[len(prompt) :]
    return text


def same_compounds(target: str, prediction: str) -> bool:
    """Whether two SMILES name the same compounds; False when either is no SMILES.

    Example:
        >>> same_compounds("CO.[Na+]~[OH-]", "[OH-]~[Na+].OC")
        True
    """
    if any(map(str.isspace, target + prediction)):
        return False
    wanted = canonical_mixture(target)
    return wanted is not None and wanted == canonical_mixture(prediction)
