"""The five tasks of Text+Chem T5 and the prompt that selects each.

The wording is the published models' own, to the letter (Christofidellis et al., ICML 2023): a
model answers the task whose prompt stands before its input.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

PROMPTS: Final = MappingProxyType(
    {
        "forward": "Predict the product of the following reaction: ",
        "retrosynthesis": "Predict the reaction that produces the following product: ",
        "paragraph2actions": "Which actions are described in the following paragraph: ",
        "text2mol": "Write in SMILES the described molecule: ",
        "mol2text": "Caption the following SMILES: ",
    }
)

SMILES_INPUT: Final = ("mol2text", "forward", "retrosynthesis")
"""Tasks that read a molecule or a mixture."""
SMILES_OUTPUT: Final = ("text2mol", "forward", "retrosynthesis")
"""Tasks that write one."""
REACTIONS: Final = ("forward", "retrosynthesis")
"""Tasks between mixtures, which may have several answers, best first."""


def add_prompt(task: str, text: str) -> str:
    """Returns what the model reads when `task` is asked of `text`.

    Args:
        task: one of the five names in `PROMPTS`.
        text: the input of the task, without prompt.

    Raises:
        ValueError: `task` is not one of the five.

    Example:
        >>> add_prompt("mol2text", "CCO")
        'Caption the following SMILES: CCO'
    """
    if task not in PROMPTS:
        raise ValueError(f"Unknown task {task!r}: choose one of {', '.join(PROMPTS)}.")
    return PROMPTS[task] + text
