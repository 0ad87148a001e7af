"""Learning-rate schedules as products of named factors (`constant * linear_warmup * ...`)."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

LearningRateCallable = Callable[[Array | int], Float[Array, ""]]


def create_learning_rate_scheduler(
    factors: str = "constant * linear_warmup * rsqrt_decay",
    base_learning_rate: float = 0.5,
    warmup_steps: int = 1000,
    decay_factor: float = 0.5,
    steps_per_decay: int = 20000,
    steps_per_cycle: int = 100000,
    step_offset: int = 0,
    min_learning_rate: float = 1e-8,
) -> LearningRateCallable:
    """Returns a function from step to learning rate: the product of the named factors.

    With s = max(0, step - step_offset):

    * `constant`: base_learning_rate
    * `linear_warmup`: min(1, s / warmup_steps)
    * `rsqrt_decay`: 1 / sqrt(max(s, warmup_steps))
    * `rsqrt_normalized_decay`: sqrt(warmup_steps) / sqrt(max(s, warmup_steps))
    * `linear_decay`: base_learning_rate * min(s / warmup_steps,
      1 + decay_factor * (warmup_steps - s))
    * `decay_every`: decay_factor ** (s // steps_per_decay)
    * `cosine_decay`: max(0, (1 + cos(pi * (p mod 1))) / 2) with
      p = max(0, (s - warmup_steps) / steps_per_cycle)

    Args:
        factors: names joined with `*`.
        base_learning_rate: value of `constant`.
        warmup_steps: length of the warm-up.
        decay_factor: see `linear_decay` and `decay_every`.
        steps_per_decay: see `decay_every`.
        steps_per_cycle: see `cosine_decay`.
        step_offset: subtracted from the step, for fine-tuning a checkpoint with a high step.
        min_learning_rate: the result is never below it.

    Raises:
        ValueError: a factor of another name.

    Example:
        >>> schedule = create_learning_rate_scheduler("constant * linear_warmup", 1.0, 10)
        >>> float(schedule(5))
        0.5
    """

    def linear_warmup(s: Array) -> Array:
        return jnp.minimum(1.0, s / warmup_steps) if warmup_steps else jnp.ones_like(s)

    def linear_decay(s: Array) -> Array:
        falling = 1.0 + decay_factor * (warmup_steps - s)
        rising = s / warmup_steps if warmup_steps else jnp.full_like(s, jnp.inf)
        return base_learning_rate * jnp.minimum(rising, falling)

    def cosine_decay(s: Array) -> Array:
        progress = jnp.maximum(0.0, (s - warmup_steps) / steps_per_cycle)
        return jnp.maximum(0.0, 0.5 * (1.0 + jnp.cos(jnp.pi * (progress % 1.0))))

    known: dict[str, Callable[[Array], Array]] = {
        "constant": lambda s: jnp.full_like(s, base_learning_rate),
        "linear_warmup": linear_warmup,
        "rsqrt_decay": lambda s: 1.0 / jnp.sqrt(jnp.maximum(s, max(warmup_steps, 1))),
        "rsqrt_normalized_decay": lambda s: jnp.sqrt(
            max(warmup_steps, 1) / jnp.maximum(s, max(warmup_steps, 1))
        ),
        "linear_decay": linear_decay,
        "decay_every": lambda s: decay_factor ** (s // steps_per_decay),
        "cosine_decay": cosine_decay,
    }
    names = [name.strip() for name in factors.split("*")]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"Unknown learning-rate factor {name!r} in factors={factors!r}.{hint} "
                f"Known factors: {', '.join(known)}."
            )

    def schedule(step: Array | int) -> Float[Array, ""]:
        s = jnp.maximum(0.0, jnp.asarray(step).astype(jnp.float32) - step_offset)
        rate = jnp.ones((), jnp.float32)
        for name in names:
            rate = rate * known[name](s)
        return jnp.maximum(rate, min_learning_rate)

    return schedule


def noam_rate(sizes: Any, factor: float = 1.0) -> float:
    """Returns the base rate of the schedule of Vaswani et al. 2017, section 5.3, called Noam's.

    With it `constant * linear_warmup * rsqrt_decay` is, at step s,
    `factor * d^-0.5 * min(s^-0.5, s * warmup_steps^-1.5)`.

    Args:
        sizes: of the network; `emb_dim` is d.
        factor: what the schedule is multiplied by.

    Example:
        >>> from types import SimpleNamespace
        >>> noam_rate(SimpleNamespace(emb_dim=16))
        0.25
    """
    return float(factor * sizes.emb_dim**-0.5)
