"""How a run's state comes to be: born sharded, restored, or drawn from a seed."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from absl import logging
from jaxtyping import Array

from t5x.checkpoint_reading import fill, flatten
from t5x.checkpoint_restoring import Restored, read_part, restore_from_path
from t5x.checkpoints import RestoreCheckpointConfig
from t5x.optimizers import OptimizerDef, Tree
from t5x.partitioning import PjitPartitioner
from t5x.state_transformations import shortened
from t5x.text_table import aligned
from t5x.train_state import FlaxOptimTrainState


class TrainStateInitializer:
    """Makes training states that no single host ever holds whole.

    Args:
        optimizer_def: of the run.
        init_fn: `model.get_initial_variables`.
        input_shapes: of the global batch's features.
        partitioner: says where every part lives.
        input_types: of the global batch's features; int32 when None.
        initial_params_fn: called with (parameters, key), returns the parameters to begin with, such
            as `t5x.examples.t5.induction.install_induction`; None keeps them.
        initial_checkpoints: by part of the model, the checkpoint that its parameters are taken from
            where a run begins from scratch (`checkpoint_restoring.read_part`); None takes none.
    """

    def __init__(
        self,
        optimizer_def: OptimizerDef,
        init_fn: Callable[..., Mapping[str, Any]],
        input_shapes: Mapping[str, tuple[int, ...]],
        partitioner: PjitPartitioner,
        input_types: Mapping[str, Any] | None = None,
        initial_params_fn: Callable[[Tree, Array], Tree] | None = None,
        initial_checkpoints: Mapping[str, str | None] | None = None,
    ) -> None:
        def create(rng: Array) -> FlaxOptimTrainState:
            variables = init_fn(rng, input_shapes, input_types)
            if initial_params_fn is not None:
                params = initial_params_fn(variables["params"], jax.random.fold_in(rng, 1))
                variables = {**variables, "params": params}
            return FlaxOptimTrainState.create(optimizer_def, variables)

        self._create = create
        self._initial_checkpoints = {
            part: path for part, path in (initial_checkpoints or {}).items() if path is not None
        }
        self._partitioner = partitioner
        with partitioner.activate():
            # The key is traced, not made: the mesh may be of devices that are not here.
            shapes = jax.eval_shape(lambda: create(jax.random.key(0)))
        self.train_state_axes = partitioner.get_shardings(shapes)
        self.global_train_state_shape = jax.tree.map(
            lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
            shapes,
            self.train_state_axes,
        )

    @property
    def scratch(self) -> str:
        """What `from_scratch` begins from, in words."""
        taken = [f"{part} from {path}" for part, path in self._initial_checkpoints.items()]
        return ", ".join(["random initialisation", *taken])

    def from_scratch(self, init_rng: Array) -> FlaxOptimTrainState:
        """Draws the parameters, each device its own part; reads those of `initial_checkpoints`.

        Args:
            init_rng: a key; the same key gives the same parameters on every mesh.

        Raises:
            ConfigError: a checkpoint does not fit its part of the model.
        """
        read = self._read_parts()
        initialize = self._partitioner.partition(
            self._create, out_axis_resources=self.train_state_axes
        )
        state = initialize(init_rng)
        return dataclasses.replace(state, params=fill(state.params, flatten(state.params) | read))

    def _read_parts(self) -> dict[str, Array]:
        """Returns the parameters that are taken from checkpoints, by name."""
        targets = flatten(self.global_train_state_shape.params)
        read: dict[str, Array] = {}
        for part, path in self._initial_checkpoints.items():
            read |= read_part(part, path, targets)
        trains = self.global_train_state_shape.optimizer_def.trains
        if random := [name for name in targets if name not in read and not trains(name)]:
            logging.warning("Frozen at random values: %s", shortened(random))
        return read

    def restore(
        self, cfg: RestoreCheckpointConfig, init_rng: Array | None = None
    ) -> Restored | None:
        """Restores another run's state; None when the configuration asks for scratch.

        Args:
            cfg: where, and how strictly.
            init_rng: draws the tensors that keep their initial value; `jax.random.key(0)` if None.
        """
        rng = jax.random.key(0) if init_rng is None else init_rng
        return restore_from_path(cfg, self.global_train_state_shape, lambda: self.from_scratch(rng))

    def from_checkpoint(
        self, cfg: RestoreCheckpointConfig, init_rng: Array | None = None
    ) -> FlaxOptimTrainState | None:
        """Returns the state that `restore` gives."""
        restored = self.restore(cfg, init_rng)
        return None if restored is None else restored.state


def count_parameters(state: FlaxOptimTrainState) -> int:
    """Returns the number of parameters."""
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(state.params))


def log_model_info(
    model_dir: str | None, state: FlaxOptimTrainState, shardings: FlaxOptimTrainState
) -> str:
    """Returns a table of the parameters with shapes and shardings, and writes it.

    Args:
        model_dir: where `model-info.txt` is written (by the first host); None writes nothing.
        state: the state or its shapes.
        shardings: as `TrainStateInitializer.train_state_axes`.
    """
    leaves = jax.tree.leaves_with_path(state.params)
    specs = [sharding.spec for sharding in jax.tree.leaves(shardings.params)]
    rows = [
        (jax.tree_util.keystr(path, simple=True, separator="/"), str(leaf.shape), str(tuple(spec)))
        for (path, leaf), spec in zip(leaves, specs, strict=True)
    ]
    rows = [("parameter", "shape", "sharding"), *rows]
    lines = aligned(rows)
    lines.append(f"{count_parameters(state):,} parameters in {len(leaves)} arrays")
    text = "\n".join(lines) + "\n"
    if model_dir is not None and jax.process_index() == 0:
        with open(os.path.join(model_dir, "model-info.txt"), "w", encoding="utf-8") as file:
            file.write(text)
    return text
