"""Mixtures: all tasks of a corpus at equal rates, as the paper trains them, and one a domain.

`mix` makes another one, from gin or from Python.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Mapping
from typing import Any

import gin

from t5x.errors import ConfigError, did_you_mean
from tasks import mol2mol, mol2text, text2mol, text2text
from tasks.factory import AUGMENTED, preprocessors, seqio, vocabularies_of

DOMAINS = {
    "text2mol": text2mol.TASKS,
    "mol2text": mol2text.TASKS,
    "mol2mol": mol2mol.TASKS,
    "text2text": text2text.TASKS,
}


def _names() -> dict[str, list[str]]:
    """The tasks of each mixture."""
    members: dict[str, list[str]] = collections.defaultdict(list)
    for domain, tasks in DOMAINS.items():
        for task in tasks:
            ending = (AUGMENTED if task.augmented else "") + task.suffix
            members[task.corpus + ending].append(str(task))
            members[f"{task.corpus}_{domain}{ending}"].append(str(task))
    return members


def _add_all() -> None:
    for name, tasks in _names().items():
        # A domain of one task would bear the task's own name; SeqIO keeps them in separate
        # registries, but one name must mean one thing.
        if tasks != [name]:
            seqio.MixtureRegistry.add(name, tasks, default_rate=1.0)


@gin.configurable(module="tasks.mixtures")
def mix(name: str, rates: Mapping[str, float]) -> str:
    """Registers a mixture of tasks, or gives a registered one these tasks and rates.

    In a gin file, `MIXTURE_OR_TASK_NAME = @mixtures.mix()` makes the mixture and names it.

    Args:
        name: of the mixture.
        rates: of each task, above 0; an example is of a task with the probability of its rate
            among all.

    Returns:
        The name.

    Raises:
        ConfigError: no rate, a rate that is not above 0, a task that does not exist, or the name
            is a task's.

    Example:
        >>> mix("captions", {"starter_mol2text": 3, "chebi20_mol2text": 1})
        'captions'
    """
    known = seqio.TaskRegistry.names()
    if name in known:
        raise ConfigError(f"The name {name!r} is a task's: give the mixture another one.")
    if not rates:
        raise ConfigError(f"The mixture {name!r} has no tasks: give it some, with rates.")
    for task, rate in rates.items():
        if task not in known:
            raise ConfigError(
                f"The mixture {name!r} names the task {task!r}, which does not exist."
                f"{did_you_mean(task, known)}"
            )
        if not rate > 0:
            raise ConfigError(
                f"The mixture {name!r} gives {task!r} the rate {rate}: give one above 0, or leave"
                " the task out."
            )
    if name in seqio.MixtureRegistry.names():
        seqio.MixtureRegistry.remove(name)
    seqio.MixtureRegistry.add(name, list(rates.items()))
    return name


def mixture_rates(name: str) -> dict[str, tuple[int | None, float]]:
    """Returns rows of the training split and rate of each task of a mixture.

    Args:
        name: of a mixture or task.

    Returns:
        By task; rows are None where the data have not been made here.

    Raises:
        ConfigError: there is no such mixture.
    """
    known = [*seqio.MixtureRegistry.names(), *seqio.TaskRegistry.names()]
    if name not in known:
        raise ConfigError(f"There is no mixture {name!r}.{did_you_mean(name, known)}")
    mixture = seqio.get_mixture_or_task(name)
    if isinstance(mixture, seqio.Task):
        return {name: (_rows(mixture), 1.0)}
    return {task.name: (_rows(task), mixture.get_rate(task)) for task in mixture.tasks}


def _rows(task: Any) -> int | None:
    """Examples of a task's training split, augmented copies counted."""
    rows_made = getattr(task.source, "rows_made", lambda split: task.num_input_examples(split))
    rows = rows_made("train")
    is_augmented = task.name.partition(".")[0].endswith(AUGMENTED)
    return None if rows is None else rows * (1 + preprocessors.Copies().copies * is_augmented)


def steps(examples: int, batch_size: int, examples_a_row: float = 1.0) -> int:
    """Returns how many steps see so many examples, rounded up.

    Args:
        examples: to be seen.
        batch_size: rows of a batch.
        examples_a_row: where rows are packed, how many they hold on average.

    Raises:
        ConfigError: a number that is not above 0.

    Example:
        >>> steps(11_500_000, 256)
        44922
    """
    for argument, value in (
        ("examples", examples), ("batch_size", batch_size), ("examples_a_row", examples_a_row)
    ):  # fmt: skip
        if not value > 0:
            raise ConfigError(f"steps.{argument} is {value}: give a number above 0.")
    return math.ceil(examples / (batch_size * examples_a_row))


STANDARD = (
    "chebi20_text2mol",
    "chebi20_mol2text",
    "uspto_full_forward",
    "uspto_full_retrosynthesis",
    "paragraph2actions_paragraph2actions",
)
"""The paper's standard set: five tasks at equal rates. Its reactions, which are not public, are
those of USPTO here."""


def _add_standard() -> None:
    """Registers `standard`, and `augm`: the same tasks with augmented copies."""
    for suffix in vocabularies_of("molecules"):
        mix(f"standard{suffix}", {f"{task}{suffix}": 1.0 for task in STANDARD})
        mix(f"augm{suffix}", {f"{task}{AUGMENTED}{suffix}": 1.0 for task in STANDARD})


_add_all()
_add_standard()
