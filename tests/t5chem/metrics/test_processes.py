"""Work over processes: order, errors, and a worker that dies."""

from __future__ import annotations

import os
from concurrent.futures.process import BrokenProcessPool

import pytest

from t5chem.metrics.processes import map_in_order


def negative(number: int) -> int:
    return -number


def die(number: int) -> int:
    os._exit(1)


@pytest.mark.parametrize("processes", [1, 2])
def test_order(processes):
    assert list(map_in_order(negative, range(1000), processes)) == [-n for n in range(1000)]
    assert list(map_in_order(negative, [], processes)) == []


def test_streams():
    asked = []
    answers = map_in_order(asked.append, range(1000))
    next(answers)
    assert asked == [0]


def test_a_dead_worker_raises_instead_of_waiting():
    with pytest.raises(BrokenProcessPool):
        list(map_in_order(die, range(300), 2))


def test_no_process_is_refused():
    with pytest.raises(ValueError, match="processes is 0"):
        list(map_in_order(negative, [1], 0))
