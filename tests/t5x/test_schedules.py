"""Learning-rate factors against the formulas that define them."""

import math

import pytest

from t5x.schedules import create_learning_rate_scheduler


@pytest.mark.parametrize(
    ("factors", "step", "expected"),
    [
        ("constant", 7, 0.5),
        ("linear_warmup", 0, 1e-8),
        ("linear_warmup", 25, 0.25),
        ("linear_warmup", 300, 1.0),
        ("rsqrt_decay", 4, 0.1),
        ("rsqrt_decay", 400, 0.05),
        ("rsqrt_normalized_decay", 400, 0.5),
        ("linear_decay", 50, 0.25),
        ("linear_decay", 101, 0.25),
        ("decay_every", 45, 0.25),
        ("cosine_decay", 50, 1.0),
        ("cosine_decay", 600, 0.5),
        ("cosine_decay", 350, (1 + math.cos(math.pi / 4)) / 2),
        ("constant * linear_warmup * rsqrt_decay", 50, 0.5 * 0.5 * 0.1),
    ],
)
def test_factor(factors, step, expected):
    schedule = create_learning_rate_scheduler(
        factors,
        base_learning_rate=0.5,
        warmup_steps=100,
        decay_factor=0.5,
        steps_per_decay=20,
        steps_per_cycle=1000,
    )
    assert float(schedule(step)) == pytest.approx(expected, rel=1e-5)


def test_step_offset_and_minimum():
    schedule = create_learning_rate_scheduler(
        "constant * linear_warmup", 1.0, 10, step_offset=1000, min_learning_rate=1e-3
    )
    assert float(schedule(500)) == pytest.approx(1e-3)
    assert float(schedule(1005)) == pytest.approx(0.5)


def test_an_unknown_factor_names_the_nearest():
    with pytest.raises(ValueError, match=r"'cosine_deca'.*Did you mean 'cosine_decay'"):
        create_learning_rate_scheduler("constant * cosine_deca")
