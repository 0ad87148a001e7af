"""Steps that take far longer than the others, and what they waited for."""

import itertools
import time

import pytest

from t5x.step_watch import StepWatch
from tests.t5x.toy_model import one_device_partitioner, toy_batch, toy_model, toy_trainer


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def told(steps, **kwargs):
    """What is said of steps, given as what they wait for and how long."""
    clock, lines = Clock(), []
    watch = StepWatch(lines.append, clock, **kwargs)
    for step, waits in enumerate(steps, start=1):
        for what, seconds in waits.items():
            with watch.waiting(what):
                clock.now += seconds
        watch.end_of_step(step)
        clock.now += 1000  # an evaluation, say
    return lines


STEADY = [{"data": 0.25, "the device": 0.75}] * 10


def test_steady_steps_are_not_mentioned():
    assert told([*STEADY, {"data": 8.0, "the device": 2.0}, *STEADY]) == []


def test_each_cause_is_named_by_what_was_waited_for():
    slow = {"a checkpoint": 30.0, "data": 10.0, "the device": 1.0}
    assert told([*STEADY, slow, {"data": 11.0}]) == [
        "Step 11 took 41.0 s, 41 times the median of 1.00 s: it waited 30.0 s for a checkpoint, "
        "10.0 s for data.",
        "Step 12 took 11.0 s, 11 times the median of 1.00 s: it waited 11.0 s for data.",
    ]


def test_the_first_steps_and_the_shortest_are_not_judged():
    assert told([{"data": 100.0}, {"data": 1.0}, {"data": 30.0}]) == []
    assert told([*([{"data": 0.001}] * 10), {"data": 0.09}]) == []
    assert len(told([*([{"data": 0.001}] * 10), {"data": 0.2}])) == 1


def test_the_median_is_that_of_the_last_steps():
    faster = [{"data": 0.1}] * 10
    assert len(told([*STEADY, *faster, {"data": 2.0}], window=10)) == 1
    assert told([*STEADY, *STEADY, *faster, {"data": 2.0}]) == []


@pytest.mark.slow
def test_a_run_tells_of_data_that_come_late():
    trainer = toy_trainer(toy_model(), one_device_partitioner())
    lines: list[str] = []
    trainer.step_watch = StepWatch(lines.append, least_steps=5)

    def batches():
        for number in itertools.count(1):
            if number == 25:
                time.sleep(1.0 + 20 * fastest)
            yield toy_batch(number % 3)

    fastest, source = 0.0, batches()
    trainer.train(source, 1)  # compiles
    begin = time.monotonic()
    trainer.train(source, 20)
    fastest = (time.monotonic() - begin) / 20
    trainer.train(source, 6)
    (line,) = (line for line in lines if line.startswith("Step 25 "))
    assert "s for data" in line.partition("it waited")[2].split(",")[0]
