"""Why a prediction could not be read as what its task asks for."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rdkit import Chem

from t5chem.actions import ActionSyntaxError, parse_actions
from t5chem.evaluation_files import EvaluationRow
from t5chem.metrics import Evaluation
from t5chem.prompts import REACTIONS, SMILES_OUTPUT
from t5chem.smiles import LONGEST, canonical_mixture, parse

_LONGEST_REASON: Final = 160  # characters


@dataclass(frozen=True)
class Failure:
    """A row whose prediction, or target, is not what the task asks for.

    Attributes:
        number: of the row.
        text: the prediction.
        reason: in words.
    """

    number: int
    text: str
    reason: str


def failures_of(task: str, rows: Sequence[EvaluationRow], evaluation: Evaluation) -> list[Failure]:
    """Returns every row that was not answered, or that a metric of the evaluation found invalid.

    Args:
        task: one of the five.
        rows: that were evaluated.
        evaluation: of them.
    """
    invalid = {row for score in evaluation.scores.values() for row in score.invalid}
    invalid |= {index for index, row in enumerate(rows) if row.error is not None}
    return [
        Failure(rows[index].number, rows[index].prediction, _reason(task, rows[index]))
        for index in sorted(invalid)
    ]


def _reason(task: str, row: EvaluationRow) -> str:
    reason = row.error or _fault(task, row) or "not valid"
    return textwrap.shorten(reason, _LONGEST_REASON, placeholder=" ...")


def _fault(task: str, row: EvaluationRow) -> str | None:
    if not row.prediction.strip():
        return "empty prediction"
    if task == "paragraph2actions":
        return _action_fault(row.prediction)
    if task not in SMILES_OUTPUT:
        return None
    mixture = task in REACTIONS
    fault = smiles_fault(row.prediction, mixture)
    if fault is None and (target := smiles_fault(row.target, mixture)) is not None:
        return f"the target is not valid: {target}"
    return fault


def _action_fault(text: str) -> str | None:
    try:
        parse_actions(text)
    except ActionSyntaxError as error:
        return str(error)
    return None


def smiles_fault(smiles: str, mixture: bool = False) -> str | None:
    """Returns what is wrong with a SMILES, None when it is valid.

    Args:
        smiles: a molecule or mixture.
        mixture: each compound must be valid by itself.

    Example:
        >>> smiles_fault("CC(C"), smiles_fault("C1CC")
        ('parentheses that do not match', 'no SMILES: such as a ring that is not closed')
        >>> smiles_fault("CC(C)(C)(C)C")
        'Explicit valence for atom # 1 C, 5, is greater than permitted'
    """
    if parse(smiles) is not None:
        if mixture and canonical_mixture(smiles) is None:
            return "a compound of the mixture is not valid by itself"
        return None
    if not smiles.isascii():
        return f"a character that SMILES does not have: {next(c for c in smiles if ord(c) > 127)!r}"
    if len(smiles) > LONGEST:
        return f"{len(smiles):,} characters; at most {LONGEST:,} are read"
    mol = Chem.MolFromSmiles(smiles.replace("~", "."), sanitize=False)
    return _syntax_fault(smiles) if mol is None else _chemistry_fault(mol)


def _syntax_fault(smiles: str) -> str:
    for opening, closing, name in (("(", ")", "parentheses"), ("[", "]", "brackets")):
        if smiles.count(opening) != smiles.count(closing):
            return f"{name} that do not match"
    return "no SMILES: such as a ring that is not closed"


def _chemistry_fault(mol: Chem.Mol) -> str:
    problems = Chem.DetectChemistryProblems(mol)
    if not problems:
        return "no molecule that RDKit can make sense of"
    return " ".join(problems[0].Message().split())
