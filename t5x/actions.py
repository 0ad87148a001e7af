"""What looks at the metrics of a run as they come, and may end it."""

from __future__ import annotations

import abc
import enum
import math
from collections.abc import Mapping, Sequence

from t5x.errors import ConfigError, did_you_mean
from t5x.train_state import FlaxOptimTrainState

MetricsByTask = Mapping[str, Mapping[str, float]]


class ActionMode(enum.Enum):
    """When an action looks at the metrics."""

    TRAIN = 1
    TRAIN_EVAL = 2
    INFER_EVAL = 3


class BaseAction(abc.ABC):
    """Something that looks at metrics as they come and may end the run."""

    @abc.abstractmethod
    def run(self, train_state: FlaxOptimTrainState, metrics_by_task: MetricsByTask) -> bool:
        """Returns True to end the run.

        Args:
            train_state: the state the metrics were measured on.
            metrics_by_task: numbers by task and name (task 'train' for training).
        """


class EarlyStoppingAction(BaseAction):
    """Ends the run when a metric has not improved for some evaluations in a row.

    A number improves on the best so far when it is better by more than
    `atol + rtol * |best|`; NaN improves on nothing. Counting begins anew with every process.

    Args:
        metric: `(task, name)`.
        mode: 'max' when larger is better, 'min' when smaller is.
        patience: evaluations without improvement that end the run.
        atol: absolute tolerance.
        rtol: relative tolerance.

    Raises:
        ConfigError: an argument that makes no sense.

    Example:
        >>> action = EarlyStoppingAction(("toy", "loss"), mode="min", patience=2)
        >>> [action.run(None, {"toy": {"loss": x}}) for x in (3.0, 2.0, 2.5, 2.0)]
        [False, False, False, True]
    """

    def __init__(
        self,
        metric: tuple[str, str],
        mode: str,
        patience: int = 3,
        atol: float = 0.0,
        rtol: float = 0.0,
    ) -> None:
        if mode not in ("max", "min"):
            raise ConfigError(
                f"EarlyStoppingAction.mode is {mode!r}: 'max' when larger is better, or 'min'.",
                "EarlyStoppingAction.mode",
            )
        if patience < 1 or atol < 0 or rtol < 0:
            raise ConfigError(
                f"EarlyStoppingAction needs patience of at least 1 and tolerances of at least 0, "
                f"got patience={patience}, atol={atol}, rtol={rtol}.",
                "EarlyStoppingAction.patience",
            )
        self._task, self._name = metric
        self._sign = 1.0 if mode == "max" else -1.0
        self._patience = patience
        self._atol = atol
        self._rtol = rtol
        self._best = -math.inf
        self._stale = 0

    def run(self, train_state: FlaxOptimTrainState, metrics_by_task: MetricsByTask) -> bool:
        """Returns True when patience is at its end."""
        value = self._sign * _number(metrics_by_task, self._task, self._name)
        if self._improves(value):
            self._best, self._stale = value, 0
        else:
            self._stale += 1
        return self._stale >= self._patience

    def _improves(self, value: float) -> bool:
        if math.isinf(self._best):
            return value > self._best
        return value > self._best + self._atol + self._rtol * abs(self._best)

    def __str__(self) -> str:
        return (
            f"{self._name} of {self._task} has not improved on {self._sign * self._best:g} for "
            f"{self._stale} evaluations"
        )


class TerminateOnNanAction(BaseAction):
    """Ends the run when a metric is NaN or infinite.

    Training's own loss needs no such action: see `t5x.train`.

    Args:
        task: of the metric ('train' for training).
        metric: its name.

    Example:
        >>> TerminateOnNanAction("toy").run(None, {"toy": {"loss": float("inf")}})
        True
    """

    def __init__(self, task: str, metric: str = "loss") -> None:
        self._task, self._name = task, metric
        self._value = math.nan

    def run(self, train_state: FlaxOptimTrainState, metrics_by_task: MetricsByTask) -> bool:
        """Returns True when the metric is not a finite number."""
        self._value = _number(metrics_by_task, self._task, self._name)
        return not math.isfinite(self._value)

    def __str__(self) -> str:
        return f"{self._name} of {self._task} is {self._value}"


def _number(metrics_by_task: MetricsByTask, task: str, name: str) -> float:
    if task not in metrics_by_task:
        raise ConfigError(
            f"An action looks at the task {task!r}, which is not measured here."
            f"{did_you_mean(task, metrics_by_task)} Measured: {', '.join(metrics_by_task)}.",
            "train.actions",
        )
    numbers = metrics_by_task[task]
    if name not in numbers:
        raise ConfigError(
            f"An action looks at the metric {name!r} of {task!r}, which does not exist."
            f"{did_you_mean(name, numbers)} Its metrics: {', '.join(sorted(numbers))}.",
            "train.actions",
        )
    return numbers[name]


def by_mode(
    actions: Mapping[str, Sequence[BaseAction]] | Mapping[ActionMode, Sequence[BaseAction]] | None,
) -> dict[ActionMode, Sequence[BaseAction]]:
    """Returns the actions of every mode.

    Args:
        actions: by mode or by its name, as gin files write them.

    Raises:
        ConfigError: there is no such mode.

    Example:
        >>> by_mode({"TRAIN": ["an action"]})[ActionMode.TRAIN]
        ['an action']
    """
    modes = ActionMode.__members__
    result: dict[ActionMode, Sequence[BaseAction]] = {mode: () for mode in ActionMode}
    for key, chosen in (actions or {}).items():
        name = key.name if isinstance(key, ActionMode) else str(key).upper()
        if name not in modes:
            raise ConfigError(
                f"train.actions has no mode {key!r}.{did_you_mean(name, modes)} The modes are "
                f"{', '.join(modes)}.",
                "train.actions",
            )
        result[modes[name]] = chosen
    return result


def first_to_stop(
    actions: Sequence[BaseAction],
    train_state: FlaxOptimTrainState,
    metrics_by_task: MetricsByTask,
) -> BaseAction | None:
    """Shows the metrics to every action; returns the first that ends the run.

    Args:
        actions: of one mode.
        train_state: the state the metrics were measured on.
        metrics_by_task: numbers by task and name; without any, nobody is asked.
    """
    if not metrics_by_task:
        return None
    stopping = [action for action in actions if action.run(train_state, metrics_by_task)]
    return stopping[0] if stopping else None
