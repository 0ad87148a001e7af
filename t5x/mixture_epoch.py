"""One epoch of a mixture, example by example: which tasks are read, and how often.

The task that takes longest at its rate is read once; smaller tasks are read again, in whole passes,
as often as comes nearest to their rates. Each pass draws its random preprocessing anew, so an
example of the third pass is another one than that of the first.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from t5x.data import (
    DatasetConfig,
    get_mixture_or_task,
    in_fixed_order,
    preprocess_at_runtime,
    traced_plainly,
)
from t5x.errors import ConfigError
from t5x.quiet import seqio, tf
from t5x.stream_format import TaskCount

FURTHER_SEED = 1_000_003
"""Between the seeds of two passes; far from those that SeqIO counts up from the first."""

Take = Callable[[int, int, Mapping[str, np.ndarray]], None]
"""Takes (place of the task, number of the example within it, token ids by feature)."""


def read_epoch(
    tasks: Sequence[Any],
    rates: Sequence[float],
    cfg: DatasetConfig,
    take: Take,
    epochs: int = 1,
    examples: int | None = None,
    say: Callable[[str], None] = print,
) -> list[TaskCount]:
    """Hands every example of an epoch to `take`, task by task and pass by pass.

    Args:
        tasks: SeqIO's.
        rates: of each; 0 leaves a task out.
        cfg: how to read them; the first pass draws from its seed.
        take: gets each example.
        epochs: passes over the task that takes longest.
        examples: share out so many by the rates exactly, whatever passes that takes, the last one
            cut short; None: whole passes.
        say: prints a line a task.

    Returns:
        How much was read of each task.

    Raises:
        ConfigError: a task has no examples.
    """
    readers = [_TaskReader(place, task, cfg, take) for place, task in enumerate(tasks)]
    if examples is not None:
        for reader, share in zip(readers, shared_out(examples, rates), strict=True):
            reader.read_up_to(share)
            say(reader.summary())
    else:
        for reader, rate in zip(readers, rates, strict=True):
            if rate:
                reader.read_pass()
        passes = whole_passes([reader.count for reader in readers], rates, epochs)
        for reader, times in zip(readers, passes, strict=True):
            for _ in range(times - len(reader.passes)):
                reader.read_pass()
            say(reader.summary())
    return [
        TaskCount(reader.name, rate, reader.passes)
        for reader, rate in zip(readers, rates, strict=True)
    ]


def mixing_rates(mixture_or_task_name: Any, tasks: Sequence[Any]) -> list[float]:
    """Returns the rate of each task in a mixture; 1 for a task alone.

    Raises:
        ConfigError: no task has a rate above 0.
    """
    provider = get_mixture_or_task(mixture_or_task_name)
    is_mixture = isinstance(provider, seqio.Mixture)
    rates = [float(provider.get_rate(task)) if is_mixture else 1.0 for task in tasks]
    if not any(rate > 0 for rate in rates):
        raise ConfigError(f"No task of {mixture_or_task_name!r} has a rate above 0.")
    return rates


def whole_passes(sizes: Sequence[int], rates: Sequence[float], epochs: int = 1) -> list[int]:
    """Returns how often each task is read for an epoch: at least once.

    Args:
        sizes: examples of each task.
        rates: of each; 0 leaves a task out.
        epochs: passes over the task that takes longest.

    Example:
        >>> whole_passes([300, 100, 240], [1.0, 1.0, 1.0])
        [1, 3, 1]
        >>> whole_passes([300, 100], [1.0, 2.0], epochs=2)
        [2, 12]
    """
    longest = max(size / rate for size, rate in zip(sizes, rates, strict=True) if rate)
    return [
        round(epochs * longest * rate / size) if rate else 0
        for size, rate in zip(sizes, rates, strict=True)
    ]


def shared_out(examples: int, rates: Sequence[float]) -> list[int]:
    """Returns each task's share of some examples, by its rate; they add up.

    Example:
        >>> shared_out(10, [1.0, 1.0, 1.0])
        [3, 4, 3]
    """
    ends = np.round(np.cumsum(rates) / sum(rates) * examples).astype(int)
    return np.diff(ends, prepend=0).tolist()


class _TaskReader:
    """Reads a task pass by pass.

    Args:
        place: of the task among the mixture's.
        task: a SeqIO task.
        cfg: how to read it.
        take: gets its examples.
    """

    def __init__(self, place: int, task: Any, cfg: DatasetConfig, take: Take) -> None:
        self.name = str(task.name)
        self.passes: list[int] = []
        self._place = place
        self._task = task
        self._cfg = cfg
        self._take = take

    @property
    def count(self) -> int:
        """Examples read."""
        return sum(self.passes)

    def read_pass(self, limit: int | None = None) -> None:
        """Reads the task once more, or the first `limit` examples of it.

        Raises:
            ConfigError: it has none.
        """
        begin = number = self.count
        for example in itertools.islice(self._examples(), limit):
            self._take(self._place, number, example)
            number += 1
        if number == begin:
            raise ConfigError(f"Task {self.name!r} has no examples in {self._cfg.split!r}.")
        self.passes.append(number - begin)

    def read_up_to(self, count: int) -> None:
        """Reads passes until there are so many examples."""
        while self.count < count:
            self.read_pass(count - self.count)

    def summary(self) -> str:
        """Says how much has been read."""
        passes = "1 pass" if len(self.passes) == 1 else f"{len(self.passes)} passes"
        return f"{self.name}: {self.count:,} examples in {passes}"

    def _examples(self) -> Iterator[Mapping[str, np.ndarray]]:
        seed = (self._cfg.seed or 0) + FURTHER_SEED * len(self.passes)
        cfg = dataclasses.replace(self._cfg, seed=seed)
        lengths = dict(cfg.task_feature_lengths or {})
        dataset = traced_plainly(
            self._task.get_dataset,
            sequence_length=lengths,
            split=cfg.split,
            use_cached=cfg.use_cached,
            shuffle=False,
            seed=seed,
            num_epochs=1,
            trim_output_features=cfg.trim_output_features,
        )
        dataset = preprocess_at_runtime(dataset, cfg, self._task.output_features)
        features = in_fixed_order(dataset).map(
            lambda example: {name: example[name] for name in lengths},
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return iter(features.prefetch(tf.data.AUTOTUNE).as_numpy_iterator())
