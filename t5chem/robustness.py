"""How far a model's figures fall when its input molecules are spelled in another way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from t5chem.columns import in_columns
from t5chem.evaluations import comparison_dict
from t5chem.metrics import EVALUATORS, Comparison, Evaluation, Settings, compare_evaluations
from t5chem.perturbations import PERTURBATIONS, perturb
from t5chem.prompts import SMILES_INPUT
from t5x.errors import ConfigError

Predict = Callable[[Sequence[str]], Sequence[Any]]
"""From inputs to predictions as the task's evaluator takes them."""


@dataclasses.dataclass(frozen=True)
class Fall:
    """What one perturbation does.

    Attributes:
        respelled: rows whose input it changes.
        same_answer: share of those rows that get the answer they got as given; NaN without such
            rows.
        evaluation: of all rows, the changed ones respelled.
        comparisons: by metric, the figure respelled minus the figure as given.
    """

    respelled: int
    same_answer: float
    evaluation: Evaluation
    comparisons: Mapping[str, Comparison]


@dataclasses.dataclass(frozen=True)
class Robustness:
    """A model's figures as given, and what each perturbation does to them.

    Attributes:
        task: that was asked.
        as_given: figures of the inputs as they stand in the file.
        falls: by perturbation.
        unreadable: indices of inputs that are no SMILES; they are asked as given throughout.
    """

    task: str
    as_given: Evaluation
    falls: Mapping[str, Fall]
    unreadable: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            "task": self.task,
            "as_given": self.as_given.as_dict(),
            "unreadable": list(self.unreadable),
            "falls": {
                name: {
                    "respelled": fall.respelled,
                    "same_answer": None if fall.respelled == 0 else fall.same_answer,
                    "evaluation": fall.evaluation.as_dict(),
                    "differences": {
                        metric: comparison_dict(comparison)
                        for metric, comparison in fall.comparisons.items()
                    },
                }
                for name, fall in self.falls.items()
            },
        }


def measure(
    predict: Predict,
    task: str,
    inputs: Sequence[str],
    targets: Sequence[str],
    settings: Settings | None = None,
    seed: int = 0,
    perturbations: Sequence[str] = tuple(PERTURBATIONS),
) -> Robustness:
    """Asks a model every input as given and in each other spelling, and scores both.

    Args:
        predict: the model; only inputs whose spelling changes are asked again.
        task: one whose input is SMILES, see `t5chem.prompts.SMILES_INPUT`.
        inputs: SMILES or mixtures, without the prompt.
        targets: an answer for each.
        settings: of the evaluations.
        seed: of the spellings that are drawn.
        perturbations: names from `PERTURBATIONS`.

    Raises:
        ConfigError: the task's input is not SMILES, or there is no such perturbation.
        ValueError: as the evaluators do: no rows, or not as many targets as inputs.
    """
    check_task(task)
    if unknown := [name for name in perturbations if name not in PERTURBATIONS]:
        raise ConfigError(
            f"There is no perturbation {unknown[0]!r}; there are {', '.join(PERTURBATIONS)}."
        )
    settings = settings or Settings()
    given = list(predict(inputs))
    as_given = EVALUATORS[task](targets, given, settings)
    falls = {}
    unreadable: set[int] = set()
    for name in perturbations:
        spellings = [perturb(name, text, seed) for text in inputs]
        unreadable.update(i for i, text in enumerate(spellings) if text is None)
        changed = {
            i: text for i, text in enumerate(spellings) if text is not None and text != inputs[i]
        }
        answers = dict(zip(changed, predict(list(changed.values())), strict=True))
        predictions = [answers.get(i, answer) for i, answer in enumerate(given)]
        evaluation = EVALUATORS[task](targets, predictions, settings)
        same = sum(answers[i] == given[i] for i in answers)
        falls[name] = Fall(
            respelled=len(changed),
            same_answer=same / len(changed) if changed else float("nan"),
            evaluation=evaluation,
            comparisons=compare_evaluations(as_given, evaluation, settings.samples, settings.seed),
        )
    return Robustness(task, as_given, falls, tuple(sorted(unreadable)))


def check_task(task: str) -> None:
    """Raises `ConfigError` for a task whose input is not SMILES."""
    if task not in SMILES_INPUT:
        raise ConfigError(
            f"--perturb rewrites input SMILES, and the input of {task} is English: the tasks are"
            f" {', '.join(SMILES_INPUT)}."
        )


def table(robustness: Robustness) -> str:
    """Returns the figures as lines: a row for each metric, a column for each spelling.

    Below the figures stand the rows whose spelling changed and the share of them whose answer
    stayed. A star marks a difference that the paired bootstrap finds (p < 0.05).
    """
    names = list(robustness.falls)
    rows = [["metric", "as given", *names]]
    for metric, score in robustness.as_given.scores.items():
        cells = [_cell(fall, metric) for fall in robustness.falls.values()]
        rows.append([metric, f"{score.value:.4f}", *cells])
    rows.append(["rows respelled", "", *(str(f.respelled) for f in robustness.falls.values())])
    rows.append(["same answer", "", *(_share(fall) for fall in robustness.falls.values())])
    return in_columns(rows)


def _cell(fall: Fall, metric: str) -> str:
    score = fall.evaluation.scores.get(metric)
    comparison = fall.comparisons.get(metric)
    if score is None or comparison is None:
        return ""
    star = "*" if comparison.better else " "
    return f"{score.value:.4f} ({comparison.difference:+.4f}){star}"


def _share(fall: Fall) -> str:
    return f"{fall.same_answer:.3f}" if fall.respelled else ""
