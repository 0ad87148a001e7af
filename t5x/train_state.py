"""What a training run carries from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct, traverse_util
from jaxtyping import Array, Float, Int

from t5x.optimizers import OptimizerDef, Tree


@struct.dataclass
class FlaxOptimTrainState:
    """Step, parameters and optimizer state.

    Attributes:
        step: steps taken.
        params: parameters, nested dictionaries.
        param_states: the optimizer's state.
        flax_mutables: further collections of the module, such as batch statistics; usually empty.
        optimizer_def: the optimizer; not part of the tree.
        param_axes: logical axis names of every parameter; not part of the tree.
    """

    step: Int[Array, ""]
    params: Tree
    param_states: Tree
    flax_mutables: Tree
    optimizer_def: OptimizerDef = struct.field(pytree_node=False)
    param_axes: Any = struct.field(pytree_node=False, default=None)

    @classmethod
    def create(
        cls, optimizer_def: OptimizerDef, variables: Mapping[str, Any]
    ) -> FlaxOptimTrainState:
        """Returns the state before the first step.

        Args:
            optimizer_def: the optimizer.
            variables: of the module: `params`, `params_axes`, and maybe other collections.
        """
        others = {k: v for k, v in variables.items() if k not in ("params", "params_axes")}
        params = variables["params"]
        param_axes = logical_axes(variables["params_axes"]) if "params_axes" in variables else None
        if param_axes is not None:
            optimizer_def.set_param_axes(param_axes)
        return cls(
            step=jnp.zeros((), jnp.int32),
            params=params,
            param_states=optimizer_def.init_state(params),
            flax_mutables=others,
            optimizer_def=optimizer_def,
            param_axes=None if param_axes is None else _Axes(param_axes),
        )

    def apply_gradient(
        self,
        grads: Tree,
        learning_rate: Float[Array, ""] | float,
        flax_mutables: Tree | None = None,
    ) -> FlaxOptimTrainState:
        """Returns the state after one step of the optimizer.

        Args:
            grads: gradients, as `params`.
            learning_rate: of this step.
            flax_mutables: new values of the other collections; None keeps them.
        """
        params, param_states = self.optimizer_def.apply_gradient(
            grads, self.params, self.param_states, self.step, learning_rate
        )
        return self.replace(  # type: ignore[attr-defined]
            step=self.step + 1,
            params=params,
            param_states=param_states,
            flax_mutables=self.flax_mutables if flax_mutables is None else flax_mutables,
        )

    def as_logical_axes(self) -> FlaxOptimTrainState:
        """Returns a state whose leaves are tuples of axis names (None for replicated leaves)."""
        if self.param_axes is None:
            raise ValueError("The module names no logical axes: declare its parameters with them.")
        axes = self.param_axes.tree
        return self.replace(  # type: ignore[attr-defined]
            step=None,
            params=axes,
            param_states=self.optimizer_def.derive_logical_axes(self.params, axes),
            flax_mutables=jax.tree.map(lambda _: None, self.flax_mutables),
        )

    def state_dict(self) -> dict[str, Any]:
        """Returns the tree that checkpoints hold: `target/...` and `state/{step,param_states}`."""
        state = {
            "target": self.params,
            "state": {
                "step": self.step,
                "param_states": self.optimizer_def.state_dict(self.param_states),
            },
        }
        if self.flax_mutables:
            state["flax_mutables"] = self.flax_mutables
        return state

    def restore_state(self, tree: Mapping[str, Any]) -> FlaxOptimTrainState:
        """Returns the state whose leaves are those of `tree`, the inverse of `state_dict`."""
        return self.replace(  # type: ignore[attr-defined]
            step=tree["state"]["step"],
            params=tree["target"],
            param_states=self.optimizer_def.restore_state(
                self.param_states, tree["state"]["param_states"]
            ),
            flax_mutables=tree.get("flax_mutables", self.flax_mutables),
        )


class _Axes:
    """Holds the axis names as static data: jit compares it, so equality must be by content."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._key = tuple(sorted(traverse_util.flatten_dict(tree, sep="/").items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Axes) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def logical_axes(params_axes: Mapping[str, Any]) -> Tree:
    """Turns flax's `params_axes` collection into tuples of names under the parameters' own paths.

    Example:
        >>> from flax.linen.partitioning import AxisMetadata
        >>> logical_axes({"wi": {"kernel_axes": AxisMetadata(("embed", "mlp"))}})
        {'wi': {'kernel': ('embed', 'mlp')}}
    """
    flat = traverse_util.flatten_dict(params_axes)
    named = {
        (*path[:-1], path[-1].removesuffix("_axes")): tuple(metadata.names)
        for path, metadata in flat.items()
    }
    return traverse_util.unflatten_dict(named)
