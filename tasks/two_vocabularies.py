"""Mixtures for two-encoder models with two vocabularies: the input in both."""

from __future__ import annotations

from typing import Any

import gin

from t5x.errors import ConfigError, did_you_mean
from tasks.factory import seqio, variant


@gin.configurable(module="tasks.two_vocabularies")
def in_two(like: str, chemistry_vocabulary: Any, vocabulary: Any = None) -> str:
    """Registers a mixture whose tasks hold the input in a second vocabulary too.

    In a gin file, `MIXTURE_OR_TASK_NAME = @two_vocabularies.in_two()` makes and names it.

    Args:
        like: a mixture or a task of ours; its tasks are varied, its rates kept.
        chemistry_vocabulary: a `seqio.Vocabulary`, of the feature `inputs_chemistry`.
        vocabulary: of `inputs` and `targets`; None: that of `like`.

    Returns:
        The name: that of `like` and `_two`.

    Raises:
        ConfigError: there is no such mixture or task, or a task of it is none of ours.

    Example:
        >>> from t5chem.vocabularies import seqio_vocabulary
        >>> in_two("starter_text2mol", seqio_vocabulary.byte())
        'starter_text2mol_two'
    """
    known = [*seqio.MixtureRegistry.names(), *seqio.TaskRegistry.names()]
    if like not in known:
        raise ConfigError(f"There is no mixture {like!r}.{did_you_mean(like, known)}")
    mixture = seqio.get_mixture_or_task(like)
    for task in seqio.get_subtasks(mixture):
        if _two(task.name) in seqio.TaskRegistry.names():
            seqio.TaskRegistry.remove(_two(task.name))
        variant(
            _two(task.name),
            task.name,
            vocabulary=vocabulary,
            chemistry_vocabulary=chemistry_vocabulary,
        )
    if isinstance(mixture, seqio.Task):
        return _two(like)
    if _two(like) in seqio.MixtureRegistry.names():
        seqio.MixtureRegistry.remove(_two(like))
    rates = [(_two(task.name), mixture.get_rate(task)) for task in mixture.tasks]
    seqio.MixtureRegistry.add(_two(like), rates)
    return _two(like)


def _two(name: str) -> str:
    return f"{name}_two"
