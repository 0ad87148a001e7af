"""The loop of a run: train to the next stop, write, save, evaluate, and end well."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from t5x import hosts
from t5x.actions import ActionMode, BaseAction, MetricsByTask, first_to_stop
from t5x.checkpoint_policies import TimePolicy
from t5x.checkpoints import CheckpointManager, SaveCheckpointConfig
from t5x.divergence import refuse_bad_loss, refuse_bad_parameters
from t5x.interruption import Interrupted, Interruption
from t5x.metric_writing import EVALUATIONS, MetricsManager, forget_evaluation, is_evaluated
from t5x.models import Batch
from t5x.progress import Progress
from t5x.run_start import BATCHES, BEGAN_AT, TRIAL_STEPS, Start
from t5x.trainer import Trainer
from t5x.watching import Watcher


@dataclasses.dataclass
class Stops:
    """When something happens besides training.

    Attributes:
        last_step: the run ends.
        stats_period: metrics are written.
        eval_period: the run is evaluated.
        save: a checkpoint is saved.
    """

    last_step: int
    stats_period: int
    eval_period: int
    save: SaveCheckpointConfig

    def after(self, step: int) -> int:
        """Returns the next step at which something happens.

        Example:
            >>> stops = Stops(20, 5, 10, SaveCheckpointConfig(period=8, checkpoint_steps=[12]))
            >>> [stops.after(step) for step in (0, 5, 8, 10, 12, 15, 16, 19)]
            [5, 8, 10, 12, 15, 16, 20, 20]
        """
        periods = [p for p in (self.stats_period, self.eval_period, self.save.period) if p]
        stops = [(step // period + 1) * period for period in periods]
        stops += [s for s in self.save.checkpoint_steps or () if s > step]
        return min([*stops, self.last_step])

    def saves_at(self, step: int) -> bool:
        """Tells whether a checkpoint is saved at a step."""
        regular = bool(self.save.period) and step % (self.save.period or 1) == 0
        return step == self.last_step or regular or step in (self.save.checkpoint_steps or ())

    def evaluates_at(self, step: int, began_at: int) -> bool:
        """Tells whether the run is evaluated at a step, given where its first part began."""
        is_end = step == self.last_step and step - began_at >= TRIAL_STEPS
        return is_end or step % self.eval_period == 0


class RunLoop:
    """Takes a run from its first step to its last, or to where it ends before.

    Args:
        trainer: takes the steps.
        batch_iter: batches from where the run begins.
        watcher: evaluates.
        manager: saves.
        start: where the run begins.
        stops: when something happens.
        actions: what may end the run, by mode.
        interruption: has been entered, or signals are not noted.
        progress: tells how the run is doing.
        model_dir: of the run, for messages.
        stop_on_nan: refuse a loss and parameters that are no numbers.
        clock: seconds from any origin, for checkpoints that are due by time.
    """

    def __init__(
        self,
        trainer: Trainer,
        batch_iter: Iterator[Batch],
        watcher: Watcher,
        manager: CheckpointManager,
        start: Start,
        stops: Stops,
        actions: Mapping[ActionMode, Sequence[BaseAction]],
        interruption: Interruption,
        progress: Progress,
        model_dir: str,
        stop_on_nan: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.step = self._saved_at = self._first_step = start.step
        self.reason = ""
        self._trainer = trainer
        self._batch_iter = batch_iter
        self._watcher = watcher
        self._manager = manager
        self._start = start
        self._stops = stops
        self._actions = actions
        self._interruption = interruption
        self._progress = progress
        self._model_dir = model_dir
        self._stop_on_nan = stop_on_nan
        self._evaluations = MetricsManager(EVALUATIONS, model_dir)
        self._time_policy = TimePolicy(stops.save.temporary_seconds, clock)

    def run(self, evaluate_first: bool) -> None:
        """Trains until the last step, an action or a signal; what it has learned is saved.

        An evaluation of the step that the run goes on from, which a kill or a signal kept from
        being finished, is made up for first.

        Args:
            evaluate_first: measure the loss before the run's first step.

        Raises:
            DivergedError: the loss or a parameter is NaN or infinite.
        """
        try:
            if self._owes_evaluation(evaluate_first):
                forget_evaluation(self._model_dir, self.step)
                self._evaluate(predict=self.step > self._start.began_at)
            while self.step < self._stops.last_step and not self._is_to_end():
                self._train_to(self._stops.after(self.step))
                self._save_if_due()
                evaluates = self._stops.evaluates_at(self.step, self._start.began_at)
                if evaluates and not self._interruption.should_stop():
                    self._evaluate()
        except Interrupted:
            pass
        self._progress.close()
        self._save_to_the_end()
        self._evaluations.close()

    def _owes_evaluation(self, evaluate_first: bool) -> bool:
        """Tells whether the step at hand, the first of this part of the run, is to be evaluated."""
        began_at = self._start.began_at
        if self.step == began_at:
            is_due = evaluate_first
        else:
            is_due = self._stops.evaluates_at(self.step, began_at)
        # A run that goes on from its last step has not reported, and needs the scores for that.
        is_last = self.step == self._stops.last_step
        owes = is_due and (is_last or not is_evaluated(self._model_dir, self.step))
        return hosts.from_first(owes)

    def _is_to_end(self) -> bool:
        return bool(self.reason) or self._interruption.should_stop()

    def _train_to(self, stop: int) -> None:
        """Trains to a step, or to the one at which a signal comes."""
        begin = self.step
        should_stop = self._interruption.should_stop
        numbers = self._trainer.train(self._batch_iter, stop - begin, begin, should_stop)
        self.step = int(self._trainer.train_state.step)
        self._progress.update(self.step, numbers)
        if self._stop_on_nan:
            refuse_bad_loss(numbers, begin + 1, self.step, self._manager, self._model_dir)
        self._ask(ActionMode.TRAIN, {"train": numbers})

    def _save_if_due(self) -> None:
        """Saves for good by steps; for the time being by time, and where storage failed before."""
        if self._stops.saves_at(self.step):
            self._save()
        elif not self.reason and (self._manager.has_failed() or self._time_policy.is_due()):
            self._save(is_temporary=True)

    def _save_to_the_end(self) -> None:
        """Saves the run's last step, and returns when it is on disk."""
        by_time = self._stops.save.temporary_every_minutes is not None
        self._save(is_temporary=by_time and self._interruption.stopped)
        if self.step > self._first_step:
            self._manager.finish(self._trainer.train_state, self._position())
        self._manager.close()

    def _save(self, is_temporary: bool = False) -> None:
        """Saves this step unless it is saved already."""
        if self.step == self._saved_at:
            return
        if self._stop_on_nan:
            params = self._trainer.train_state.params
            begin = self._saved_at + 1
            refuse_bad_parameters(params, begin, self.step, self._manager, self._model_dir)
        with self._trainer.step_watch.waiting("a checkpoint"):
            self._manager.save(self._trainer.train_state, self._position(), is_temporary)
        self._saved_at = self.step
        self._time_policy.saved()

    def _position(self) -> dict[str, int]:
        batches_read = self._start.batches_read + self.step - self._first_step
        return {BATCHES: batches_read, BEGAN_AT: self._start.began_at}

    def _evaluate(self, predict: bool = True) -> None:
        """Evaluates; the time it takes is no part of the forecast."""
        begin = time.monotonic()
        with self._interruption.at_once():
            self._ask(ActionMode.TRAIN_EVAL, self._watcher.losses(self.step))
            if predict:
                self._ask(ActionMode.INFER_EVAL, self._watcher.scores(self.step))
        seconds = time.monotonic() - begin
        self._evaluations.write_scalars(self.step, {"timing/seconds": seconds})
        self._progress.pause(seconds)

    def _ask(self, mode: ActionMode, numbers: MetricsByTask) -> None:
        """Shows numbers to the actions of a mode; the first that ends the run is the reason."""
        action = first_to_stop(self._actions[mode], self._trainer.train_state, numbers)
        if action is not None and not self.reason:
            self.reason = f"{type(action).__name__}: {action}"
        if self._actions[mode]:
            # The hosts' clocks differ, and with them what actions may see: one host decides.
            self.reason = hosts.from_first(self.reason)
