"""Scores of trivial answers, computed with the task's own metrics."""

import pytest

from t5x import data, results
from t5x.data import seqio

EXAMPLES = [
    {"inputs_pretokenized": b"ask: x", "source": b"x", "targets_pretokenized": b"x"},
    {"inputs_pretokenized": b"ask: y", "source": b"y", "targets_pretokenized": b"z"},
    {"inputs_pretokenized": b"ask: z", "source": b"z", "targets_pretokenized": b"z"},
]


@pytest.fixture(scope="module")
def task():
    data.import_module("tests.t5x.toy_tasks")
    return seqio.TaskRegistry.get("toy_copy")


def test_copying_leaves_the_prompt_out(task):
    scores = results.trivial_scores(task, EXAMPLES)
    assert scores[results.COPY]["exact"] == pytest.approx(2 / 3)
    assert scores[results.FREQUENT]["exact"] == pytest.approx(2 / 3)
    assert results.trivial_scores(task, EXAMPLES, "x")[results.FREQUENT]["exact"] == pytest.approx(
        1 / 3
    )


def test_the_frequent_answer_comes_from_training(task):
    answer = results.frequent_training_answer(task)
    assert isinstance(answer, str) and set(answer) <= set("abcdef")


def test_of_equally_frequent_answers_the_first():
    assert results.most_common(["b", "a", "a", "b"]) == "b"


def test_samples_are_spread_evenly():
    assert results.spread(list(range(10)), 3) == [0, 3, 6]
    assert results.spread([1, 2], 3) == [1, 2]
