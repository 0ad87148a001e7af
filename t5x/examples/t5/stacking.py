"""A stack of equal layers, called one after the other or as one scanned, and what they remember.

The parameters of a stack are always kept a layer at a time, under `layers_0`, `layers_1`, ...: in
the training state, in the optimizer's and in checkpoints. Scanning stacks them inside the step.
So nothing that names a parameter (checkpoints, exports, optimizers' rules, initial values) knows
of scanning, and a checkpoint of either restores in the other because it is the same. The price is
small: parameters are cast to the arithmetic's type either way, and the copy is written stacked;
on the way back the optimizer reads each layer's slice of the stacked gradients in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from t5x.errors import ConfigError

RematPolicy = Literal["none", "minimal", "full"]
"""What the backward pass of a layer makes again instead of remembering it.

* `none`: nothing.
* `minimal`: all but what is dear to make: what attention and the feed-forward block's first product
  give, and the keys and values of self-attention. Queries, and the keys and values of
  cross-attention, are one small product away: of the layer's input, and of the encoder's output,
  which is there once for all layers.
* `full`: everything but the layer's input; a third more arithmetic.
"""

REMEMBERED = ("key", "value", "attention", "mlp")
"""Names (`checkpoint_name`) of what `minimal` does not make again."""


def check_remat_policy(policy: str) -> None:
    """Raises `ConfigError` for a policy that there is not."""
    if policy not in get_args(RematPolicy):
        raise ConfigError(
            f"remat_policy is {policy!r}: it must be one of {', '.join(get_args(RematPolicy))}.",
            "T5Config.remat_policy",
        )


def call_layers(
    stack: nn.Module,
    make_layer: Callable[..., nn.Module],
    num_layers: int,
    x: Float[Array, "batch length embed"],
    *args: Any,
    scan: bool,
    remat_policy: RematPolicy,
    dtype: DTypeLike,
) -> Float[Array, "batch length embed"]:
    """Returns `x` after all layers.

    When parameters are being made, or layers keep a cache or other variables, the layers are
    called one by one and remember everything, whatever the configuration says.

    Args:
        stack: the module whose submodules `layers_0`, ... the layers are.
        make_layer: called with a `name`, or with `parent=None` for one outside of any module.
        num_layers: how many there are.
        x: what the first one reads.
        *args: further arguments of every layer.
        scan: compile one layer and loop over it, so that compiling takes as long for 48 as for 1.
        remat_policy: see `RematPolicy`.
        dtype: of the layers' arithmetic.
    """
    pure = not any(
        stack.is_mutable_collection(name) for name in ("params", "cache", "intermediates")
    )
    if not pure or not (scan or remat_policy != "none"):
        for i in range(num_layers):
            x = make_layer(name=f"layers_{i}")(x, *args)
        return x

    layer = make_layer(parent=None)
    key = stack.make_rng("dropout") if stack.has_rng("dropout") else None

    def call(x: Array, index_and_params: tuple[Array, Any]) -> tuple[Array, None]:
        index, params = index_and_params
        rngs = None if key is None else {"dropout": jax.random.fold_in(key, index)}
        applied: Any = layer.apply({"params": params}, x, *args, rngs=rngs)
        return applied, None

    if remat_policy != "none":
        call = jax.checkpoint(call, policy=_POLICIES[remat_policy], prevent_cse=not scan)
    layers = [stack.variables["params"][f"layers_{i}"] for i in range(num_layers)]
    if scan:
        stacked = jax.tree.map(
            lambda *leaves: jnp.stack([y.astype(dtype) for y in leaves]), *layers
        )
        return jax.lax.scan(call, x, (jnp.arange(num_layers), stacked))[0]
    for i, params in enumerate(layers):
        x, _ = call(x, (jnp.int32(i), params))
    return x


_POLICIES = {
    "minimal": jax.checkpoint_policies.save_only_these_names(*REMEMBERED),
    "full": jax.checkpoint_policies.nothing_saveable,
}
