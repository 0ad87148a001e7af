"""Watches a run while it trains: the loss on data it does not train on, and scored predictions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from t5x.evaluation import InferenceEvaluator
from t5x.trainer import Trainer


class Watcher:
    """Evaluates when asked; its datasets are made when they are first needed.

    Making them costs about as much as all else before the first step: the run begins without.

    Args:
        loop: has the state.
        make_watched: returns datasets by task, whose loss is watched; None: none is.
        make_evaluator: returns what predicts and scores; None: nothing is scored.
        say: prints a line.
        interruptible: passes the batches of an evaluation on, or ends it (see `Interruption`).
    """

    def __init__(
        self,
        loop: Trainer,
        make_watched: Callable[[], Mapping[str, Any]] | None,
        make_evaluator: Callable[[], InferenceEvaluator] | None,
        say: Callable[[str], None],
        interruptible: Callable[[Iterable[Any]], Iterable[Any]],
    ) -> None:
        self._loop = loop
        self._interruptible = interruptible
        self._make_watched = make_watched
        self._make_evaluator = make_evaluator
        self._say = say
        self.scored_at: int | None = None
        self.last_scores: dict[str, dict[str, float]] = {}

    @functools.cached_property
    def _watched(self) -> Mapping[str, Any]:
        return {} if self._make_watched is None else self._make_watched()

    @functools.cached_property
    def evaluator(self) -> InferenceEvaluator | None:
        """Predicts and scores."""
        return None if self._make_evaluator is None else self._make_evaluator()

    def losses(self, step: int) -> dict[str, dict[str, float]]:
        """Measures, writes and prints the loss of every task.

        Args:
            step: steps done.
        """
        iterators = {
            name: self._interruptible(dataset.as_numpy_iterator())
            for name, dataset in self._watched.items()
        }
        losses = self._loop.eval(iterators)
        self._say(losses_line(step, losses))
        return losses

    def scores(self, step: int) -> dict[str, dict[str, float]]:
        """Predicts, scores and writes; returns numbers by task and metric.

        Args:
            step: steps done.

        Returns:
            Nothing without an evaluator.
        """
        if self.evaluator is not None:
            params = self._loop.train_state.params
            self.last_scores = self.evaluator.evaluate(params, step, self._interruptible)
            self.scored_at = step
        return self.last_scores

    def close(self) -> None:
        """Waits until all is written."""
        if self.scored_at is not None and self.evaluator is not None:
            self.evaluator.close()


def losses_line(step: int, losses: Mapping[str, Mapping[str, float]]) -> str:
    """Writes the validation loss of each task.

    Example:
        >>> losses_line(10, {"copy": {"token_loss": 1.25}})
        'step 10   validation loss: copy 1.250'
        >>> losses_line(10, {})
        'step 10: no validation data'
    """
    name = "token_loss"
    parts = [f"{task} {numbers[name]:.3f}" for task, numbers in losses.items() if name in numbers]
    if not losses:
        return f"step {step}: no validation data"
    return f"step {step}   validation loss: " + "   ".join(parts)
