"""Actions: what ends a run, and what they refuse."""

import math

import pytest

from t5x.actions import by_mode, first_to_stop
from t5x.errors import ConfigError
from t5x.trainer import ActionMode, BaseAction, EarlyStoppingAction, TerminateOnNanAction


def answers(action, values):
    return [action.run(None, {"toy": {"exact": value}}) for value in values]


def test_patience_counts_evaluations_without_improvement():
    action = EarlyStoppingAction(("toy", "exact"), "max", patience=2)
    assert answers(action, [0.1, 0.3, 0.2, 0.4, 0.4, 0.3]) == [False] * 5 + [True]
    assert str(action) == "exact of toy has not improved on 0.4 for 2 evaluations"


def test_smaller_may_be_better():
    action = EarlyStoppingAction(("toy", "exact"), "min", patience=1)
    assert answers(action, [3.0, 2.0, 2.0]) == [False, False, True]


def test_an_improvement_within_the_tolerance_is_none():
    absolute = EarlyStoppingAction(("toy", "exact"), "max", patience=1, atol=0.1)
    assert answers(absolute, [1.0, 1.2, 1.25]) == [False, False, True]
    relative = EarlyStoppingAction(("toy", "exact"), "min", patience=1, rtol=0.1)
    assert answers(relative, [10.0, 8.9, 8.5]) == [False, False, True]


def test_nan_never_improves():
    action = EarlyStoppingAction(("toy", "exact"), "max", patience=2)
    assert answers(action, [math.nan, math.nan]) == [False, True]


@pytest.mark.parametrize(("value", "ends"), [(1.0, False), (math.nan, True), (-math.inf, True)])
def test_what_is_not_a_number_ends_the_run(value, ends):
    action = TerminateOnNanAction("toy", "exact")
    assert answers(action, [value]) == [ends]
    assert str(action) == f"exact of toy is {value}"


def test_a_metric_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"metric 'exakt' of 'toy'.*Did you mean 'exact'"):
        TerminateOnNanAction("toy", "exakt").run(None, {"toy": {"exact": 1.0, "bleu": 2.0}})
    with pytest.raises(ConfigError, match=r"task 'toi'.*Did you mean 'toy'"):
        TerminateOnNanAction("toi", "exact").run(None, {"toy": {"exact": 1.0}})


def test_arguments_are_checked():
    with pytest.raises(ConfigError, match=r"EarlyStoppingAction\.mode is 'best'"):
        EarlyStoppingAction(("toy", "exact"), "best")
    with pytest.raises(ConfigError, match="patience=0"):
        EarlyStoppingAction(("toy", "exact"), "max", patience=0)


def test_modes_are_named_as_gin_files_write_them():
    assert by_mode({"train_eval": [1], ActionMode.TRAIN: [2]}) == {
        ActionMode.TRAIN: [2],
        ActionMode.TRAIN_EVAL: [1],
        ActionMode.INFER_EVAL: (),
    }
    with pytest.raises(ConfigError, match=r"no mode 'TRAIN_EVEL'.*Did you mean 'TRAIN_EVAL'"):
        by_mode({"TRAIN_EVEL": []})


def test_every_action_looks_and_the_first_to_end_the_run_is_named():
    class Counting(BaseAction):
        calls = 0

        def run(self, train_state, metrics_by_task):
            self.calls += 1
            return True

    actions = [Counting(), Counting()]
    assert first_to_stop(actions, None, {"toy": {"exact": 1.0}}) is actions[0]
    assert first_to_stop(actions, None, {}) is None
    assert [action.calls for action in actions] == [1, 1]
