"""Ends a run whose loss or parameters are no longer numbers, before it saves them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from t5x.checkpoint_integrity import STEP_PREFIX
from t5x.checkpoints import CheckpointManager
from t5x.errors import DivergedError
from t5x.optimizers import Tree

REMEDY = (
    "Lower the learning rate (create_learning_rate_scheduler.base_learning_rate) or warm it up for "
    "longer, clip gradients, or compute in 'bfloat16' or 'float32' where T5Config.dtype is "
    "'float16'. Then start again, and the run goes on from there."
)


def refuse_bad_loss(
    numbers: Mapping[str, float], begin: int, end: int, manager: CheckpointManager, model_dir: str
) -> None:
    """Raises when the loss of some steps is NaN or infinite.

    Args:
        numbers: metrics of the steps.
        begin: the first of them.
        end: the last of them.
        manager: knows the last checkpoint.
        model_dir: where it is.

    Raises:
        DivergedError: names metrics, steps and checkpoint.
    """
    bad = {name: value for name, value in numbers.items() if _is_loss(name, value)}
    if bad:
        listed = ", ".join(f"{name} is {value}" for name, value in bad.items())
        raise DivergedError(
            f"Training has diverged in steps {begin} to {end}: {listed}. "
            f"{_last_good(manager, model_dir)} {REMEDY}",
            "create_learning_rate_scheduler.base_learning_rate",
        )


def _is_loss(name: str, value: float) -> bool:
    return name in ("loss", "cross_ent_loss", "z_loss") and not math.isfinite(value)


def refuse_bad_parameters(
    params: Tree, begin: int, end: int, manager: CheckpointManager, model_dir: str
) -> None:
    """Raises when a parameter is NaN or infinite: the loss shows it a step too late.

    Args:
        params: about to be saved.
        begin: the first step since the last save.
        end: the last step.
        manager: knows the last checkpoint.
        model_dir: where it is.

    Raises:
        DivergedError: names steps and checkpoint.
    """
    if not bool(_all_finite(params)):
        raise DivergedError(
            f"Training has diverged in steps {begin} to {end}: parameters are NaN or infinite. "
            f"{_last_good(manager, model_dir)} {REMEDY}",
            "create_learning_rate_scheduler.base_learning_rate",
        )


@jax.jit
def _all_finite(params: Tree) -> Bool[Array, ""]:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(params)]))


def _last_good(manager: CheckpointManager, model_dir: str) -> str:
    step = manager.latest_step()
    if step is None:
        return "No checkpoint has been saved, so the run begins anew when it is started again."
    path = os.path.join(os.path.abspath(model_dir), f"{STEP_PREFIX}_{step}")
    return f"Nothing of it was saved; the last good checkpoint is {path}."
