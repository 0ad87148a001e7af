"""Learning-rate factors against the formulas that define them."""

import math
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t5x.schedules import create_learning_rate_scheduler, noam_rate


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


FORMULAS = {
    "constant": lambda s, c: c["base_learning_rate"],
    "linear_warmup": lambda s, c: min(1, s / c["warmup_steps"]),
    "rsqrt_decay": lambda s, c: 1 / math.sqrt(max(s, c["warmup_steps"])),
    "rsqrt_normalized_decay": lambda s, c: math.sqrt(c["warmup_steps"] / max(s, c["warmup_steps"])),
    "linear_decay": lambda s, c: (
        c["base_learning_rate"]
        * min(s / c["warmup_steps"], 1 + c["decay_factor"] * (c["warmup_steps"] - s))
    ),
    "decay_every": lambda s, c: c["decay_factor"] ** (s // c["steps_per_decay"]),
    "cosine_decay": lambda s, c: max(
        0, (1 + math.cos(math.pi * (max(0, s - c["warmup_steps"]) / c["steps_per_cycle"] % 1))) / 2
    ),
}
STEPS = [0, 1, 9, 10, 11, 99, 100, 101, 450, 1000, 12345, 70001, 1_000_000]


@pytest.mark.parametrize("offset", [0, 90])
@pytest.mark.parametrize("second", FORMULAS)
@pytest.mark.parametrize("first", FORMULAS)
def test_products_of_factors(first, second, offset):
    # A slope of a power of two and a cycle that divides no step keep float32's rounding harmless.
    constants = {
        "base_learning_rate": 0.5,
        "warmup_steps": 100,
        "decay_factor": 2.0**-10,
        "steps_per_decay": 2000,
        "steps_per_cycle": 7919,
    }
    schedule = create_learning_rate_scheduler(
        f"{first} * {second}", step_offset=offset, min_learning_rate=1e-6, **constants
    )
    rates = jax.vmap(schedule)(jnp.array(STEPS))
    expected = [
        max(1e-6, math.prod(FORMULAS[n](max(0, step - offset), constants) for n in (first, second)))
        for step in STEPS
    ]
    np.testing.assert_allclose(rates, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ("linear_warmup", 1.0),
        ("rsqrt_decay", 1.0),
        ("rsqrt_normalized_decay", 1.0),
        ("linear_decay", 0.5),
        ("cosine_decay", 1.0),
    ],
)
def test_no_warmup_begins_at_the_top(factors, expected):
    schedule = create_learning_rate_scheduler(factors, 0.5, warmup_steps=0)
    assert float(schedule(0)) == pytest.approx(expected)


def test_step_offset_and_minimum():
    schedule = create_learning_rate_scheduler(
        "constant * linear_warmup", 1.0, 10, step_offset=1000, min_learning_rate=1e-3
    )
    assert float(schedule(500)) == pytest.approx(1e-3)
    assert float(schedule(1005)) == pytest.approx(0.5)


def test_an_unknown_factor_names_the_nearest():
    with pytest.raises(ValueError, match=r"'cosine_deca'.*Did you mean 'cosine_decay'"):
        create_learning_rate_scheduler("constant * cosine_deca")


@pytest.mark.parametrize("width", [128, 512])
@pytest.mark.parametrize("step", [1, 7, 400, 4000, 4001, 100_000])
def test_noams_schedule_is_its_closed_form(width, step):
    schedule = create_learning_rate_scheduler(
        "constant * linear_warmup * rsqrt_decay",
        noam_rate(SimpleNamespace(emb_dim=width), factor=2.0),
        warmup_steps=4000,
    )
    expected = 2 * width**-0.5 * min(step**-0.5, step * 4000**-1.5)
    assert float(schedule(step)) == pytest.approx(expected, rel=1e-5)
