"""Optimizers as the trainer uses them, and every Optax optimizer under its own name.

An optimizer is a pair of pure functions on trees, described by `OptimizerDef`. Its state is one
tree, `param_states`, which the checkpoint stores beside the parameters.
"""

from __future__ import annotations

import abc
import inspect
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

import flax.serialization
import jax
import jax.numpy as jnp
import optax
from absl import logging
from flax import traverse_util
from jaxtyping import Array, Float

from t5x.errors import ConfigError

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

    def trains(self, path: str) -> bool:
        """Tells whether a parameter is trained; a frozen one gets no gradient, state or update.

        Args:
            path: the parameter's names joined with '/', such as `decoder/decoder_norm/scale`.
        """
        return True

    def state_dict(self, param_states: Tree) -> Tree:
        """Returns the state as nested dictionaries of arrays, as checkpoints hold it."""
        return flax.serialization.to_state_dict(param_states)

    def restore_state(self, target: Tree, state_dict: Tree) -> Tree:
        """Returns `target` with the leaves of `state_dict`, the inverse of `state_dict`."""
        return flax.serialization.from_state_dict(target, state_dict)


OptaxMaker = Callable[[Float[Array, ""] | float], optax.GradientTransformation]
"""From a learning rate to an optimizer; the state must not depend on the rate."""


class OptaxWrapper(OptimizerDef):
    """Any Optax transformation; the schedule sets its learning rate.

    Args:
        optax_optimizer: a transformation that was made with learning rate 1, whose update is
            multiplied by the schedule's rate; or a function from the rate to a transformation, for
            algorithms in which the rate has further places (momentum of updates, weight decay).
    """

    def __init__(self, optax_optimizer: optax.GradientTransformation | OptaxMaker) -> None:
        self._make = optax_optimizer if callable(optax_optimizer) else None
        self.optax_optimizer = (
            optax_optimizer(1.0) if callable(optax_optimizer) else optax_optimizer
        )

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
        """Applies Optax's update at the learning rate."""
        if self._make is not None:
            updates, states = self._make(learning_rate).update(grads, param_states, params)
        else:
            updates, states = self.optax_optimizer.update(grads, param_states, params)
            updates = jax.tree.map(lambda u: u * jnp.asarray(learning_rate, u.dtype), updates)
        return optax.apply_updates(params, updates), states

    def derive_logical_axes(self, params: Tree, param_axes: Tree) -> Tree:
        """Leaves with the name and shape of a parameter take its axes; others are replicated."""
        shapes = {path: leaf.shape for path, leaf in traverse_util.flatten_dict(params).items()}
        axes = traverse_util.flatten_dict(param_axes)

        def axes_of(path: tuple[Any, ...], leaf: Any) -> tuple[str | None, ...] | None:
            name = _dictionary_keys(path)
            return axes[name] if shapes.get(name) == leaf.shape else None

        states = jax.eval_shape(self.init_state, params)
        return jax.tree_util.tree_map_with_path(axes_of, states)


def _dictionary_keys(path: tuple[Any, ...]) -> tuple[str, ...]:
    """Returns the end of a path that lies in nested dictionaries: the parameter's name."""
    keys = itertools.takewhile(lambda k: isinstance(k, jax.tree_util.DictKey), reversed(path))
    return tuple(entry.key for entry in keys)[::-1]


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

    The result takes the arguments of the original by name. The schedule sets the learning rate: a
    step at rate r is that of `optax_optimizer(r, ...)`. A `learning_rate` given here, as files
    written for T5X may do, is ignored with a warning.

    Example:
        >>> optimizer = wrap_optax_optimizer(optax.adamw)(weight_decay=0.01)
    """

    def make(*args: Any, learning_rate: Any = None, **kwargs: Any) -> OptaxWrapper:
        if learning_rate is not None:
            logging.warning(
                "%s.learning_rate=%s has no effect: the trainer sets it. Set "
                "utils.create_learning_rate_scheduler.base_learning_rate instead.",
                make.__name__, learning_rate,
            )  # fmt: skip
        return OptaxWrapper(lambda rate: optax_optimizer(rate, *args, **kwargs))

    # Some of Optax's aliases are `functools.partial` objects (nadam is adam with nesterov).
    origin = getattr(optax_optimizer, "func", optax_optimizer)
    make.__name__ = make.__qualname__ = origin.__name__
    make.__doc__ = f"`optax.{origin.__name__}`, its learning rate set by the trainer's schedule."
    # gin reads the signature to report arguments that do not exist.
    signature = inspect.signature(optax_optimizer)
    parameters = [p for n, p in signature.parameters.items() if n != "learning_rate"]
    ignored = inspect.Parameter("learning_rate", inspect.Parameter.KEYWORD_ONLY, default=None)
    make.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*parameters, ignored], return_annotation=OptaxWrapper
    )
    return make


adabelief = wrap_optax_optimizer(optax.adabelief)
adadelta = wrap_optax_optimizer(optax.adadelta)
adafactor = wrap_optax_optimizer(optax.adafactor)
adagrad = wrap_optax_optimizer(optax.adagrad)
adam = wrap_optax_optimizer(optax.adam)
adamax = wrap_optax_optimizer(optax.adamax)
adamaxw = wrap_optax_optimizer(optax.adamaxw)
adamw = wrap_optax_optimizer(optax.adamw)
adan = wrap_optax_optimizer(optax.adan)
amsgrad = wrap_optax_optimizer(optax.amsgrad)
fromage = wrap_optax_optimizer(optax.fromage)
lamb = wrap_optax_optimizer(optax.lamb)
lars = wrap_optax_optimizer(optax.lars)
lion = wrap_optax_optimizer(optax.lion)
nadam = wrap_optax_optimizer(optax.nadam)
nadamw = wrap_optax_optimizer(optax.nadamw)
noisy_sgd = wrap_optax_optimizer(optax.noisy_sgd)
novograd = wrap_optax_optimizer(optax.novograd)
optimistic_adam = wrap_optax_optimizer(optax.optimistic_adam)
optimistic_adam_v2 = wrap_optax_optimizer(optax.optimistic_adam_v2)
optimistic_gradient_descent = wrap_optax_optimizer(optax.optimistic_gradient_descent)
radam = wrap_optax_optimizer(optax.radam)
rmsprop = wrap_optax_optimizer(optax.rmsprop)
sgd = wrap_optax_optimizer(optax.sgd)
sign_sgd = wrap_optax_optimizer(optax.sign_sgd)
signum = wrap_optax_optimizer(optax.signum)
sm3 = wrap_optax_optimizer(optax.sm3)
yogi = wrap_optax_optimizer(optax.yogi)


ClaimsPath = Callable[[str], bool] | traverse_util.Traversal


class MultiOptimizer(OptimizerDef):
    """Several optimizers, each for the parameters it claims; the others stay frozen.

    A frozen parameter gets no gradient, no update and no state. The state of optimizer i is the
    sub-tree `i`.

    Args:
        traversals_and_optimizers: pairs of (rule, optimizer). A rule says of a parameter's path,
            its names joined with '/' such as `decoder/layers_0/mlp/wi/kernel`, whether it is its
            own; a `flax.traverse_util.ModelParamTraversal` is a rule too.

    Raises:
        ValueError: from the methods, when two rules claim a parameter or a rule claims none.
    """

    def __init__(
        self, traversals_and_optimizers: Sequence[tuple[ClaimsPath, OptimizerDef]]
    ) -> None:
        self._rules = tuple(rule for rule, _ in traversals_and_optimizers)
        self._optimizers = tuple(optimizer for _, optimizer in traversals_and_optimizers)

    def trains(self, path: str) -> bool:
        """Tells whether a rule claims the parameter."""
        return any(_claims(rule, path) for rule in self._rules)

    def set_param_axes(self, param_axes: Tree) -> None:
        """Hands each optimizer the axes of its parameters."""
        for optimizer, part in zip(self._optimizers, self._parts(param_axes), strict=True):
            optimizer.set_param_axes(part)

    def init_state(self, params: Tree) -> Tree:
        """Returns one state an optimizer, by its number."""
        pairs = enumerate(zip(self._optimizers, self._parts(params), strict=True))
        return {str(i): optimizer.init_state(part) for i, (optimizer, part) in pairs}

    def apply_gradient(
        self,
        grads: Tree,
        params: Tree,
        param_states: Tree,
        step: Array | int,
        learning_rate: Float[Array, ""] | float,
    ) -> tuple[Tree, Tree]:
        """Lets each optimizer update its own; `grads` need not have the others."""
        flat = traverse_util.flatten_dict(params, sep="/")
        states = {}
        parts = zip(self._optimizers, self._parts(grads), self._parts(params), strict=True)
        for i, (optimizer, own_grads, own_params) in enumerate(parts):
            updated, states[str(i)] = optimizer.apply_gradient(
                own_grads, own_params, param_states[str(i)], step, learning_rate
            )
            flat |= traverse_util.flatten_dict(updated, sep="/")
        return traverse_util.unflatten_dict(flat, sep="/"), states

    def derive_logical_axes(self, params: Tree, param_axes: Tree) -> Tree:
        """Returns the axes of each optimizer's state."""
        parts = zip(self._optimizers, self._parts(params), self._parts(param_axes), strict=True)
        return {
            str(i): optimizer.derive_logical_axes(own_params, own_axes)
            for i, (optimizer, own_params, own_axes) in enumerate(parts)
        }

    def state_dict(self, param_states: Tree) -> Tree:
        """Returns each optimizer's own form of its state."""
        return {
            str(i): optimizer.state_dict(param_states[str(i)])
            for i, optimizer in enumerate(self._optimizers)
        }

    def restore_state(self, target: Tree, state_dict: Tree) -> Tree:
        """Returns `target` with the leaves of `state_dict`."""
        return {
            str(i): optimizer.restore_state(target[str(i)], state_dict[str(i)])
            for i, optimizer in enumerate(self._optimizers)
        }

    def _parts(self, tree: Tree) -> list[Tree]:
        """Splits a tree into one nested tree an optimizer."""
        flat = traverse_util.flatten_dict(tree, sep="/")
        owned = [[path for path in flat if _claims(rule, path)] for rule in self._rules]
        owner: dict[str, int] = {}
        for i, paths in enumerate(owned):
            if not paths:
                raise ValueError(
                    f"Rule {i} of MultiOptimizer claims no parameter. It is asked about paths such "
                    f"as {', '.join(map(repr, sorted(flat)[:3]))}: correct or remove it."
                )
            for path in paths:
                if path in owner:
                    raise ValueError(
                        f"Rules {owner[path]} and {i} of MultiOptimizer both claim parameter "
                        f"{path!r}: let one of them exclude it."
                    )
                owner[path] = i
        parts = [{path: flat[path] for path in paths} for paths in owned]
        return [traverse_util.unflatten_dict(part, sep="/") for part in parts]


def _claims(rule: ClaimsPath, path: str) -> bool:
    if isinstance(rule, traverse_util.Traversal):
        one = traverse_util.unflatten_dict({path: None}, sep="/")
        return any(True for _ in rule.iterate(one))
    return rule(path)


class Freezing(MultiOptimizer):
    r"""One optimizer for all parameters but those that stay frozen.

    A frozen parameter keeps its bits: it gets no gradient, no update (so no weight decay either)
    and no state. The state of the optimizer is the sub-tree `0`.

    Args:
        optimizer: of the parameters that are trained.
        frozen: regular expressions; a parameter whose path one of them matches wholly is frozen.
            Paths are such as `encoder/layers_0/mlp/wi/kernel`.

    Raises:
        ConfigError: from the methods, when an expression matches no parameter.

    Example:
        >>> optimizer = Freezing(sgd(), [r"encoder/.*", r"token_embedder/.*"])
        >>> optimizer.trains("encoder/encoder_norm/scale"), optimizer.trains("decoder/wo")
        (False, True)
    """

    def __init__(self, optimizer: OptimizerDef, frozen: Sequence[str]) -> None:
        self._frozen = tuple(frozen)
        super().__init__([(self._is_free, optimizer)])

    def init_state(self, params: Tree) -> Tree:
        """Returns the state of the parameters that are trained."""
        paths = sorted(traverse_util.flatten_dict(params, sep="/"))
        for pattern in self._frozen:
            if not any(re.fullmatch(pattern, path) for path in paths):
                raise ConfigError(
                    f"Freezing.frozen has {pattern!r}, which matches no parameter: the whole of a "
                    f"path must match, such as {paths[0]!r} or {paths[-1]!r}. Correct or remove "
                    "it; model-info.txt of a run lists all paths.",
                    "Freezing.frozen",
                )
        return super().init_state(params)

    def _is_free(self, path: str) -> bool:
        return not any(re.fullmatch(pattern, path) for pattern in self._frozen)
