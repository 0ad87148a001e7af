"""Optimizers as the trainer uses them, and every Optax optimizer under its own name.

An optimizer is a pair of pure functions on trees, described by `OptimizerDef`. Its state is one
tree, `param_states`, which the checkpoint stores beside the parameters.
"""

from __future__ import annotations

import abc
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import flax.serialization
import jax
import jax.numpy as jnp
import optax
from flax import traverse_util
from jaxtyping import Array, Float

Tree = Any
"""A nested dictionary of arrays, or of something else a leaf."""


class OptimizerDef(abc.ABC):
    """What the training state asks of an optimizer.

    The learning rate is given anew with every step: it belongs to the schedule.
    """

    @abc.abstractmethod
    def init_state(self, params: Tree) -> Tree:
        """Returns the state for parameters that no step has touched yet."""

    @abc.abstractmethod
    def apply_gradient(
        self,
        grads: Tree,
        params: Tree,
        param_states: Tree,
        step: Array | int,
        learning_rate: Float[Array, ""] | float,
    ) -> tuple[Tree, Tree]:
        """Returns (new parameters, new state).

        Args:
            grads: gradients, as `params`.
            params: parameters.
            param_states: state of the optimizer.
            step: number of steps taken before this one.
            learning_rate: of this step.
        """

    @abc.abstractmethod
    def derive_logical_axes(self, params: Tree, param_axes: Tree) -> Tree:
        """Returns the logical axes of every leaf of the state (None for a replicated one).

        Args:
            params: parameters, or their shapes.
            param_axes: a tuple of axis names for each parameter.
        """

    def set_param_axes(self, param_axes: Tree) -> None:  # noqa: B027 - optional by design
        """Tells the optimizer the logical axes of the parameters, before anything else."""

    def state_dict(self, param_states: Tree) -> Tree:
        """Returns the state as nested dictionaries of arrays, as checkpoints hold it."""
        return flax.serialization.to_state_dict(param_states)

    def restore_state(self, target: Tree, state_dict: Tree) -> Tree:
        """Returns `target` with the leaves of `state_dict`, the inverse of `state_dict`."""
        return flax.serialization.from_state_dict(target, state_dict)


class OptaxWrapper(OptimizerDef):
    """Any Optax transformation; the schedule scales what it returns.

    Args:
        optax_optimizer: a transformation that was made with learning rate 1, so that multiplying
            its update by the schedule's rate is the published algorithm.
    """

    def __init__(self, optax_optimizer: optax.GradientTransformation) -> None:
        self.optax_optimizer = optax_optimizer

    def init_state(self, params: Tree) -> Tree:
        """Returns Optax's own state."""
        return self.optax_optimizer.init(params)

    def apply_gradient(
        self,
        grads: Tree,
        params: Tree,
        param_states: Tree,
        step: Array | int,
        learning_rate: Float[Array, ""] | float,
    ) -> tuple[Tree, Tree]:
        """Applies the update times the learning rate."""
        updates, new_states = self.optax_optimizer.update(grads, param_states, params)
        scaled = jax.tree.map(lambda u: u * jnp.asarray(learning_rate, u.dtype), updates)
        return optax.apply_updates(params, scaled), new_states

    def derive_logical_axes(self, params: Tree, param_axes: Tree) -> Tree:
        """Leaves shaped like a parameter take its axes; counters are replicated."""
        states = jax.eval_shape(self.init_state, params)
        like_params = optax.tree_utils.tree_map_params(
            self.optax_optimizer,
            lambda _, names: names,
            states,
            jax.tree.map(_Leaf, param_axes, is_leaf=_is_axes),
            transform_non_params=lambda _: None,
        )
        return jax.tree.map(
            lambda leaf: leaf.value if isinstance(leaf, _Leaf) else None,
            like_params,
            is_leaf=lambda x: x is None or isinstance(x, _Leaf),
        )


class _Leaf:
    """Hides a tuple of axis names from tree functions, which would look inside it."""

    def __init__(self, value: tuple[str | None, ...]) -> None:
        self.value = value


def _is_axes(x: Any) -> bool:
    return x is None or isinstance(x, tuple)


def chain(transformations: Sequence[optax.GradientTransformation]) -> OptaxWrapper:
    """Returns an optimizer that applies Optax transformations one after the other.

    Args:
        transformations: such as `[optax.clip_by_global_norm(1.0), optax.scale_by_adam()]`; the
            update is then scaled by minus the learning rate of the schedule.
    """
    return OptaxWrapper(optax.chain(*transformations, optax.scale(-1.0)))


def wrap_optax_optimizer(
    optax_optimizer: Callable[..., optax.GradientTransformation],
) -> Callable[..., OptaxWrapper]:
    """Turns a maker of Optax optimizers into a maker of optimizers for the trainer.

    The result takes the arguments of the original but `learning_rate`, which the schedule sets.

    Example:
        >>> optimizer = wrap_optax_optimizer(optax.adamw)(weight_decay=0.01)
    """

    def make(*args: Any, **kwargs: Any) -> OptaxWrapper:
        return OptaxWrapper(optax_optimizer(1.0, *args, **kwargs))

    # Some of Optax's aliases are `functools.partial` objects (nadam is adam with nesterov).
    origin = getattr(optax_optimizer, "func", optax_optimizer)
    make.__name__ = make.__qualname__ = origin.__name__
    make.__doc__ = f"`optax.{origin.__name__}`, its learning rate set by the trainer's schedule."
    # gin reads the signature to report arguments that do not exist.
    signature = inspect.signature(optax_optimizer)
    parameters = [p for n, p in signature.parameters.items() if n != "learning_rate"]
    make.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation=OptaxWrapper
    )
    return make


adabelief = wrap_optax_optimizer(optax.adabelief)
adagrad = wrap_optax_optimizer(optax.adagrad)
adafactor = wrap_optax_optimizer(optax.adafactor)
adam = wrap_optax_optimizer(optax.adam)
adamax = wrap_optax_optimizer(optax.adamax)
adamw = wrap_optax_optimizer(optax.adamw)
amsgrad = wrap_optax_optimizer(optax.amsgrad)
lamb = wrap_optax_optimizer(optax.lamb)
lars = wrap_optax_optimizer(optax.lars)
lion = wrap_optax_optimizer(optax.lion)
nadam = wrap_optax_optimizer(optax.nadam)
nadamw = wrap_optax_optimizer(optax.nadamw)
noisy_sgd = wrap_optax_optimizer(optax.noisy_sgd)
novograd = wrap_optax_optimizer(optax.novograd)
optimistic_gradient_descent = wrap_optax_optimizer(optax.optimistic_gradient_descent)
radam = wrap_optax_optimizer(optax.radam)
rmsprop = wrap_optax_optimizer(optax.rmsprop)
sgd = wrap_optax_optimizer(optax.sgd)
sm3 = wrap_optax_optimizer(optax.sm3)
yogi = wrap_optax_optimizer(optax.yogi)


class MultiOptimizer(OptimizerDef):
    """Several optimizers, each for the parameters it claims; the others stay frozen.

    A frozen parameter gets no update and no state.

    Args:
        traversals_and_optimizers: pairs of (does it claim this path?, optimizer). A path is the
            parameter's name joined with '/', such as `decoder/layers_0/mlp/wi/kernel`; the first
            that claims it has it.
    """

    def __init__(
        self,
        traversals_and_optimizers: Sequence[tuple[Callable[[str], bool], OptimizerDef]],
    ) -> None:
        self.traversals_and_optimizers = tuple(traversals_and_optimizers)

    def _owned(self, tree: Tree) -> list[dict[str, Any]]:
        """Splits a tree's leaves into one flat dictionary an optimizer."""
        flat = traverse_util.flatten_dict(tree, sep="/")
        parts: list[dict[str, Any]] = [{} for _ in self.traversals_and_optimizers]
        for path, leaf in flat.items():
            for part, (claims, _) in zip(parts, self.traversals_and_optimizers, strict=True):
                if claims(path):
                    part[path] = leaf
                    break
        return parts

    def set_param_axes(self, param_axes: Tree) -> None:
        """Hands each optimizer the axes of its parameters."""
        for part, (_, optimizer) in zip(
            self._owned(param_axes), self.traversals_and_optimizers, strict=True
        ):
            optimizer.set_param_axes(part)

    def init_state(self, params: Tree) -> Tree:
        """Returns one state an optimizer, by its number."""
        pairs = zip(self._owned(params), self.traversals_and_optimizers, strict=True)
        return {str(i): opt.init_state(part) for i, (part, (_, opt)) in enumerate(pairs)}

    def apply_gradient(
        self,
        grads: Tree,
        params: Tree,
        param_states: Tree,
        step: Array | int,
        learning_rate: Float[Array, ""] | float,
    ) -> tuple[Tree, Tree]:
        """Lets each optimizer update its own."""
        flat = traverse_util.flatten_dict(params, sep="/")
        new_states = {}
        parts = zip(
            self._owned(grads), self._owned(params), self.traversals_and_optimizers, strict=True
        )
        for i, (own_grads, own_params, (_, optimizer)) in enumerate(parts):
            updated, new_states[str(i)] = optimizer.apply_gradient(
                own_grads, own_params, param_states[str(i)], step, learning_rate
            )
            flat |= updated
        return traverse_util.unflatten_dict(flat, sep="/"), new_states

    def derive_logical_axes(self, params: Tree, param_axes: Tree) -> Tree:
        """Returns the axes of each optimizer's state."""
        parts = zip(
            self._owned(params),
            self._owned(param_axes),
            self.traversals_and_optimizers,
            strict=True,
        )
        return {
            str(i): optimizer.derive_logical_axes(own_params, own_axes)
            for i, (own_params, own_axes, (_, optimizer)) in enumerate(parts)
        }
