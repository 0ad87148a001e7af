"""Which augmentations there are, and the one function that applies them."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from t5chem.augmentation.amounts import rescale_amounts
from t5chem.augmentation.precursors import shuffle_precursors
from t5chem.augmentation.sentences import drop_sentences, shuffle_sentences
from t5chem.augmentation.spelling import SPELLINGS, respell_inputs
from t5chem.augmentation.synonyms import substitute_names
from t5chem.augmentation.temperatures import shift_temperatures
from t5chem.prompts import PROMPTS, REACTIONS, SMILES_INPUT
from t5x.errors import ConfigError, did_you_mean

Rewrite = Callable[[str, str, random.Random], tuple[str, str]]
"""From the inputs and targets of an example to others."""


def _of_inputs(rewrite: Callable[[str, random.Random], str]) -> Rewrite:
    return lambda inputs, targets, rng: (rewrite(inputs, rng), targets)


_REWRITES: Final[Mapping[str, Rewrite]] = {
    "shuffled_precursors": _of_inputs(shuffle_precursors),
    "dropped_sentences": _of_inputs(drop_sentences),
    "shuffled_sentences": _of_inputs(shuffle_sentences),
    "synonyms": _of_inputs(substitute_names),
    "amounts": rescale_amounts,
    "temperatures": shift_temperatures,
}

AUGMENTATIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "randomised": SMILES_INPUT,
        "kekule": SMILES_INPUT,
        "explicit_hydrogens": SMILES_INPUT,
        "root_aligned": REACTIONS,
        "shuffled_precursors": ("forward",),
        "dropped_sentences": ("text2mol",),
        "shuffled_sentences": ("text2mol",),
        "synonyms": ("text2mol",),
        "amounts": ("paragraph2actions",),
        "temperatures": ("paragraph2actions",),
    }
)
"""By name, the tasks to which an augmentation applies. Only `amounts` and `temperatures` change
targets, and they change them as they change the inputs."""


def augment(
    task: str,
    inputs: str,
    targets: str,
    *,
    seed: int,
    row_id: str,
    copy: int,
    rates: Mapping[str, float],
) -> tuple[str, str]:
    """Returns an example as one of its augmented copies has it.

    Every augmentation is drawn on its own, with its own rate and its own chance, so that another
    rate or another name in `rates` does not change what the rest does; those that are drawn are
    combined. What cannot be augmented stays as it is: a molecule with one spelling only, a
    description of one sentence, text that is no valid SMILES where SMILES are respelled.

    Args:
        task: one of `t5chem.prompts.PROMPTS`.
        inputs: without the task's prompt.
        targets: the answer.
        seed: of all chance.
        row_id: of the example; with `seed` and `copy` it decides everything.
        copy: number of this copy of the example, such as the epoch.
        rates: probability of each augmentation. Those that do not apply to `task` (see
            `AUGMENTATIONS`) are passed over, so that one mapping serves a mixture of tasks.

    Returns:
        Inputs and targets.

    Raises:
        ConfigError: no such task or augmentation, or a rate outside of 0 to 1.

    Example:
        >>> augment("mol2text", "CCO", "The molecule is ethanol.", seed=0, row_id="a", copy=1,
        ...         rates={"explicit_hydrogens": 1.0, "shuffled_sentences": 0.5})
        ('[CH3][CH2][OH]', 'The molecule is ethanol.')
    """
    drawn = {}
    for name, rate in _applicable(task, tuple(rates.items())):
        rng = random.Random(f"augment/{seed}/{row_id}/{copy}/{name}")
        if rng.random() < rate:
            drawn[name] = rng
    for name, rewrite in _REWRITES.items():
        if name in drawn:
            inputs, targets = rewrite(inputs, targets, drawn[name])
    if any(name in drawn for name in SPELLINGS):
        inputs = respell_inputs(inputs, targets, drawn)
    return inputs, targets


@functools.lru_cache(maxsize=64)
def _applicable(task: str, rates: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    """Checks the configuration and returns what applies to the task."""
    if task not in PROMPTS:
        raise ConfigError(
            f"There is no task {task!r}.{did_you_mean(task, PROMPTS)} There are"
            f" {', '.join(PROMPTS)}."
        )
    for name, rate in rates:
        if name not in AUGMENTATIONS:
            raise ConfigError(
                f"There is no augmentation {name!r}.{did_you_mean(name, AUGMENTATIONS)} There are"
                f" {', '.join(AUGMENTATIONS)}."
            )
        if not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise ConfigError(
                f"The rate of augmentation {name!r} is {rate!r}: it is a probability, from 0 to 1."
            )
    return tuple((name, rate) for name, rate in rates if rate and task in AUGMENTATIONS[name])
