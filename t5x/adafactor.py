"""Adafactor as T5 uses it (Shazeer and Stern 2018), on T5X's names and state layout.

The second moment of a matrix is kept as its row and column means, so that the optimizer's state is
a small fraction of the parameters.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from t5x.optimizers import OptimizerDef, Tree


class FactorDim(enum.Enum):
    """The part that an axis plays in a factored second moment.

    Attributes:
        NONE: the parameter is not factored.
        BATCH: independent matrices are stacked along it, as with scanned layers.
        ROW: kept by the row means.
        COLUMN: kept by the column means.
    """

    NONE = None
    BATCH = "batch"
    ROW = "row"
    COLUMN = "column"


LogicalFactorRules = Mapping[str, FactorDim]


def standard_logical_factor_rules() -> LogicalFactorRules:
    """Returns the part of each logical axis of the T5 network."""
    row, column, batch, none = FactorDim.ROW, FactorDim.COLUMN, FactorDim.BATCH, FactorDim.NONE
    return {
        "vocab": column,
        "embed": row,
        "mlp": column,
        "heads": column,
        "kv": column,
        "joined_kv": column,
        "relpos_buckets": none,
        "abspos_buckets": none,
        "layers": batch,
        "stack": batch,
    }


class HParamMap:
    """A hyper-parameter that depends on the parameter's path.

    Args:
        rules: pairs of (regular expression searched in the path, value); the first match wins.

    Example:
        >>> HParamMap([("relpos_bias", False), (".*", True)])["encoder/relpos_bias/rel_embedding"]
        False
    """

    def __init__(self, rules: Sequence[tuple[str, Any]]) -> None:
        self._rules = [(re.compile(pattern), value) for pattern, value in rules]

    def __getitem__(self, path: str) -> Any:
        """Returns the value of the first rule that matches.

        Raises:
            KeyError: no rule matches.
        """
        for pattern, value in self._rules:
            if pattern.search(path):
                return value
        raise KeyError(
            f"No rule for parameter {path!r}: end the HParamMap with a rule ('.*', default)."
        )


class Adafactor(OptimizerDef):
    """Adafactor with relative step sizes and factored second moments.

    With t = step - step_offset + 1 the decay is `1 - t**-decay_rate`; the moments are of
    `g*g + epsilon1`. The update `g / sqrt(v)` is divided by `max(1, RMS(update) /
    clipping_threshold)` and scaled by the learning rate times `max(epsilon2, RMS(parameter))`.
    State a parameter, in float32: `m`, `v`, `v_row`, `v_col`; the unused ones have shape (1,).

    Args:
        learning_rate: used when the trainer gives none.
        factored: factor the second moment of large matrices.
        multiply_by_parameter_scale: a bool, or an `HParamMap` of bools.
        beta1: momentum; None keeps none.
        decay_rate: exponent of the second moment's decay.
        step_offset: subtracted from the step, for fine-tuning.
        clipping_threshold: largest RMS of an update; None does not clip.
        weight_decay_rate: share of a parameter taken off a step.
        min_dim_size_to_factor: the two largest axes must both reach it.
        epsilon1: added to squared gradients.
        epsilon2: smallest parameter scale.
        dtype_momentum: of `m`.
        factor_map: an `HParamMap` from path to a tuple of `FactorDim`, one an axis; it beats the
            rules.
        logical_factor_rules: part of each logical axis, for parameters of rank above 2.
        weight_decay_rate_lr_exponent: the weight decay is multiplied by the learning rate to this
            power.
        global_norm_clip_threshold: the gradient of all parameters is scaled down to this norm.
        max_parameter_scale: largest parameter scale.
        skip_nan_updates: a parameter whose update has a NaN stays as it is.
    """

    def __init__(
        self,
        learning_rate: float | None = None,
        factored: bool = True,
        multiply_by_parameter_scale: bool | HParamMap = True,
        beta1: float | None = None,
        decay_rate: float = 0.8,
        step_offset: int = 0,
        clipping_threshold: float | None = 1.0,
        weight_decay_rate: float | None = None,
        min_dim_size_to_factor: int = 128,
        epsilon1: float = 1e-30,
        epsilon2: float = 1e-3,
        dtype_momentum: DTypeLike = jnp.float32,
        factor_map: HParamMap | None = None,
        logical_factor_rules: LogicalFactorRules | None = None,
        weight_decay_rate_lr_exponent: float | None = None,
        global_norm_clip_threshold: float | None = None,
        max_parameter_scale: float | None = None,
        skip_nan_updates: bool = False,
    ) -> None:
        self.learning_rate = learning_rate
        self.factored = factored
        self.multiply_by_parameter_scale = multiply_by_parameter_scale
        self.beta1 = beta1
        self.decay_rate = decay_rate
        self.step_offset = step_offset
        self.clipping_threshold = clipping_threshold
        self.weight_decay_rate = weight_decay_rate
        self.min_dim_size_to_factor = min_dim_size_to_factor
        self.epsilon1 = epsilon1
        self.epsilon2 = epsilon2
        self.dtype_momentum = dtype_momentum
        self.factor_map = factor_map
        self.logical_factor_rules = logical_factor_rules
        self.weight_decay_rate_lr_exponent = weight_decay_rate_lr_exponent
        self.global_norm_clip_threshold = global_norm_clip_threshold
        self.max_parameter_scale = max_parameter_scale
        self.skip_nan_updates = skip_nan_updates
        self._param_axes: dict[str, tuple[str, ...]] = {}

    def set_param_axes(self, param_axes: Tree) -> None:
        """Learns the logical axes that `logical_factor_rules` speaks of."""
        self._param_axes = traverse_util.flatten_dict(param_axes, sep="/")

    def init_state(self, params: Tree) -> Tree:
        """Returns zero moments."""
        return _map_with_path(lambda path, param: self._init_param(path, param.shape), params)

    def _init_param(self, path: str, shape: tuple[int, ...]) -> dict[str, Array]:
        dims = self._factor_dims(path, shape)
        v_row, v_col = (_without(shape, dims, part) for part in (FactorDim.COLUMN, FactorDim.ROW))
        return {
            "m": jnp.zeros(shape if self.beta1 is not None else (1,), self.dtype_momentum),
            "v": jnp.zeros((1,) if dims else shape, jnp.float32),
            "v_row": jnp.zeros(v_row if dims else (1,), jnp.float32),
            "v_col": jnp.zeros(v_col if dims else (1,), jnp.float32),
        }

    def derive_logical_axes(self, params: Tree, param_axes: Tree) -> Tree:
        """Returns the parameter's axes for full moments, the kept ones for factored moments."""
        flat_axes = traverse_util.flatten_dict(param_axes, sep="/")

        def axes_of(path: str, param: Any) -> dict[str, Any]:
            names, dims = flat_axes[path], self._factor_dims(path, param.shape)
            return {
                "m": names if self.beta1 is not None else None,
                "v": None if dims else names,
                "v_row": _without(names, dims, FactorDim.COLUMN) if dims else None,
                "v_col": _without(names, dims, FactorDim.ROW) if dims else None,
            }

        return _map_with_path(axes_of, params)

    def _factor_dims(self, path: str, shape: tuple[int, ...]) -> tuple[FactorDim, ...] | None:
        """Returns the part of each axis, or None when the second moment is kept whole."""
        if not self.factored or len(shape) < 2:
            return None
        dims: tuple[FactorDim, ...] | None = None
        if self.factor_map is not None:
            dims = self.factor_map[path]
        elif len(shape) > 2 and self.logical_factor_rules is not None:
            dims = self._dims_by_rules(path)
        elif len(shape) == 2:
            dims = _dims_by_size(shape)
        if not dims or FactorDim.ROW not in dims or FactorDim.COLUMN not in dims:
            return None
        # Stacked matrices (batch) have no say in whether one of them is large enough.
        sizes = sorted(
            size for size, dim in zip(shape, dims, strict=True) if dim is not FactorDim.BATCH
        )
        return dims if sizes[-2] >= self.min_dim_size_to_factor else None

    def _dims_by_rules(self, path: str) -> tuple[FactorDim, ...] | None:
        assert self.logical_factor_rules is not None
        try:
            names = self._param_axes[path]
            return tuple(self.logical_factor_rules[name] for name in names)
        except KeyError as error:
            raise ValueError(
                f"Adafactor cannot tell how to factor parameter {path!r}: no rule or axis name for "
                f"{error}. Add it to logical_factor_rules, or name the parameter in factor_map."
            ) from None

    def apply_gradient(
        self,
        grads: Tree,
        params: Tree,
        param_states: Tree,
        step: Array | int,
        learning_rate: Float[Array, ""] | float | None = None,
    ) -> tuple[Tree, Tree]:
        """Takes one step.

        Raises:
            ValueError: neither the trainer nor the constructor gave a learning rate.
        """
        learning_rate = self.learning_rate if learning_rate is None else learning_rate
        if learning_rate is None:
            raise ValueError("Adafactor has no learning rate: give one to it or to the Trainer.")
        if self.global_norm_clip_threshold is not None:
            grads = _clip_by_global_norm(grads, self.global_norm_clip_threshold)
        rate = jnp.asarray(learning_rate, jnp.float32)
        t = jnp.asarray(step).astype(jnp.float32) - self.step_offset + 1.0
        decay = 1.0 - t**-self.decay_rate
        flat_grads = traverse_util.flatten_dict(grads, sep="/")
        flat_params = traverse_util.flatten_dict(params, sep="/")
        new_params, new_states = {}, {}
        for path, param in flat_params.items():
            state = _lookup(param_states, path)
            new_params[path], new_states[path] = self._update(
                path, flat_grads[path], param, state, decay, rate
            )
        return (
            traverse_util.unflatten_dict(new_params, sep="/"),
            traverse_util.unflatten_dict(new_states, sep="/"),
        )

    def _update(
        self,
        path: str,
        grad: Array,
        param: Array,
        state: Mapping[str, Array],
        decay: Array,
        rate: Array,
    ) -> tuple[Array, dict[str, Array]]:
        dims = self._factor_dims(path, param.shape)
        own_axes = _axes(dims, lambda dim: dim is not FactorDim.BATCH) if dims else None
        grad = grad.astype(jnp.float32)
        value = param.astype(jnp.float32)
        new_state = dict(state) | self._second_moment(grad, state, dims, decay)
        update = grad * _inverse_root(new_state, dims)
        if self.clipping_threshold is not None:
            update /= jnp.maximum(1.0, _rms(update, own_axes) / self.clipping_threshold)
        update *= rate * self._parameter_scale(path, value, own_axes)
        if self.beta1 is not None:
            momentum = self.beta1 * state["m"].astype(jnp.float32) + (1.0 - self.beta1) * update
            new_state["m"], update = momentum.astype(self.dtype_momentum), momentum
        new_value = value * (1.0 - self._weight_decay(rate)) - update
        if self.skip_nan_updates:
            is_sound = jnp.all(jnp.isfinite(new_value))
            new_value = jnp.where(is_sound, new_value, value)
            new_state = jax.tree.map(lambda n, o: jnp.where(is_sound, n, o), new_state, dict(state))
        return new_value.astype(param.dtype), new_state

    def _second_moment(
        self,
        grad: Array,
        state: Mapping[str, Array],
        dims: tuple[FactorDim, ...] | None,
        decay: Array,
    ) -> dict[str, Array]:
        square = jax.lax.square(grad) + self.epsilon1

        def average(name: str, new: Array) -> Array:
            return decay * state[name] + (1.0 - decay) * new

        if not dims:
            return {"v": average("v", square)}
        columns, rows = _axes_of(dims, FactorDim.COLUMN), _axes_of(dims, FactorDim.ROW)
        return {
            "v_row": average("v_row", jnp.mean(square, axis=columns)),
            "v_col": average("v_col", jnp.mean(square, axis=rows)),
        }

    def _parameter_scale(self, path: str, value: Array, axes: tuple[int, ...] | None) -> Array:
        multiply = self.multiply_by_parameter_scale
        if isinstance(multiply, HParamMap):
            multiply = multiply[path]
        if not multiply:
            return jnp.ones((), jnp.float32)
        scale = jnp.maximum(_rms(value, axes), self.epsilon2)
        if self.max_parameter_scale is not None:
            scale = jnp.minimum(scale, self.max_parameter_scale)
        return scale

    def _weight_decay(self, rate: Array) -> Array | float:
        if self.weight_decay_rate is None:
            return 0.0
        exponent = self.weight_decay_rate_lr_exponent
        return self.weight_decay_rate * (rate**exponent if exponent else 1.0)


def _dims_by_size(shape: tuple[int, ...]) -> tuple[FactorDim, ...]:
    """The largest axis is COLUMN, the second largest ROW; of two equal ones the last is COLUMN."""
    row, column = np.argsort(shape, kind="stable")[-2:]
    dims = [FactorDim.BATCH] * len(shape)
    dims[row], dims[column] = FactorDim.ROW, FactorDim.COLUMN
    return tuple(dims)


def _axes(dims: tuple[FactorDim, ...], keep: Callable[[FactorDim], bool]) -> tuple[int, ...]:
    return tuple(i for i, dim in enumerate(dims) if keep(dim))


def _axes_of(dims: tuple[FactorDim, ...], part: FactorDim) -> tuple[int, ...]:
    return _axes(dims, lambda dim: dim is part)


def _without(items: Sequence[Any], dims: tuple[FactorDim, ...] | None, part: FactorDim) -> tuple:
    """Drops the items of a shape (or of axis names) whose axis plays `part`."""
    return tuple(item for item, dim in zip(items, dims or (), strict=False) if dim is not part)


def _inverse_root(state: Mapping[str, Array], dims: tuple[FactorDim, ...] | None) -> Array:
    """Returns `1 / sqrt(v)`, with v rebuilt as the outer product of its means when factored."""
    if not dims:
        return jax.lax.rsqrt(state["v"])
    columns, rows = _axes_of(dims, FactorDim.COLUMN), _axes_of(dims, FactorDim.ROW)
    v_row = jnp.expand_dims(state["v_row"], columns)
    v_col = jnp.expand_dims(state["v_col"], rows)
    # Dividing the rows by their mean first keeps the product within float32's range.
    return jax.lax.rsqrt(v_row / jnp.mean(v_row, axis=rows, keepdims=True)) * jax.lax.rsqrt(v_col)


def _rms(x: Array, axes: tuple[int, ...] | None) -> Array:
    """Root mean square: of the whole array, or a value a stacked matrix."""
    whole = axes is None or len(axes) == x.ndim
    return jnp.sqrt(jnp.mean(jax.lax.square(x), axis=None if whole else axes, keepdims=not whole))


def _clip_by_global_norm(grads: Tree, threshold: float) -> Tree:
    total = sum(jnp.sum(jax.lax.square(g.astype(jnp.float32))) for g in jax.tree.leaves(grads))
    factor = jnp.minimum(1.0, threshold / jnp.maximum(jnp.sqrt(total), 1e-12))
    return jax.tree.map(lambda g: g * factor.astype(g.dtype), grads)


def _map_with_path(function: Callable[[str, Any], Any], tree: Tree) -> Tree:
    flat = traverse_util.flatten_dict(tree, sep="/")
    mapped = {path: function(path, leaf) for path, leaf in flat.items()}
    return traverse_util.unflatten_dict(mapped, sep="/")


def _lookup(tree: Mapping[str, Any], path: str) -> Mapping[str, Array]:
    for name in path.split("/"):
        tree = tree[name]
    return tree
