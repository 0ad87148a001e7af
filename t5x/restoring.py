"""Checkpoints for the commands that only read them: one, the newest, or each in turn."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import jax
from jaxtyping import Array, Float

from t5x.checkpoint_restoring import checkpoints_to_evaluate
from t5x.checkpoints import RestoreCheckpointConfig
from t5x.errors import ConfigError
from t5x.initialization import TrainStateInitializer
from t5x.optimizers import OptimizerDef, Tree
from t5x.train_state import FlaxOptimTrainState


class NoOptimizer(OptimizerDef):
    """Stands for the optimizer where nothing is trained: a state without an optimizer's state.

    So the optimizer that a checkpoint was trained with need not be known, nor its state be read.
    """

    def init_state(self, params: Tree) -> Tree:
        """Returns nothing."""
        return {}

    def apply_gradient(
        self,
        grads: Tree,
        params: Tree,
        param_states: Tree,
        step: Array | int,
        learning_rate: Float[Array, ""] | float,
    ) -> tuple[Tree, Tree]:
        """Raises: there is no optimizer."""
        raise NotImplementedError("This state was restored for inference: it cannot be trained.")

    def derive_logical_axes(self, params: Tree, param_axes: Tree) -> Tree:
        """Returns nothing."""
        return {}


def checkpoint_paths(cfg: RestoreCheckpointConfig) -> list[str]:
    """Returns the paths that a configuration means, each of which is one checkpoint.

    Args:
        cfg: mode 'all' means every whole checkpoint of the folder `path`, in the order of their
            steps; in the other modes each path stands for itself.
    """
    if cfg.mode == "all":
        return checkpoints_to_evaluate(cfg)
    return [cfg.path] if isinstance(cfg.path, str) else list(cfg.path)


def restored_states(
    initializer: TrainStateInitializer,
    cfg: RestoreCheckpointConfig,
    fallback_init_rng: int | None = None,
) -> Iterator[tuple[str, FlaxOptimTrainState]]:
    """Yields (where it comes from, state) for each checkpoint that a configuration means.

    Args:
        initializer: of the model that shall hold the parameters.
        cfg: which checkpoints; with `fallback_to_scratch`, random parameters where there is none.
        fallback_init_rng: seed of those random parameters.

    Raises:
        FileNotFoundError: there is no checkpoint at a path, and scratch is no fallback.
        ConfigError: scratch is the fallback, or all that is left, and has no seed.
    """
    if cfg.fallback_to_scratch and fallback_init_rng is None:
        raise ConfigError(
            "RestoreCheckpointConfig.fallback_to_scratch is True but fallback_init_rng is None: "
            "give a seed, such as fallback_init_rng = 0, or set fallback_to_scratch = False.",
            "RestoreCheckpointConfig.fallback_to_scratch",
        )
    mode = "latest" if cfg.mode == "all" else cfg.mode
    paths: list[str | list[str]] = list(checkpoint_paths(cfg))
    for path in paths or [[]]:  # [] is scratch, as it is for training
        state = initializer.from_checkpoint(dataclasses.replace(cfg, path=path, mode=mode))
        if state is not None:
            yield str(path), state
            continue
        if fallback_init_rng is None:
            raise ConfigError("No checkpoint is given: set CHECKPOINT_PATH.", "CHECKPOINT_PATH")
        yield "random initialisation", initializer.from_scratch(jax.random.key(fallback_init_rng))
