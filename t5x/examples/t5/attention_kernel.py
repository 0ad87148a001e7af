"""T5's attention as one Pallas kernel for TPUs, which never writes `[heads, length, length]`.

A grid step holds a block of queries, all keys, and the few heads that fill the 128 lanes of a
register. So the softmax of a row is complete within a step and needs no running maximum, and the
backward pass is one kernel that makes every logit again once: five products instead of the four
that keeping all weights would need. Keys of some thousand places fit; the weights of a block do
too, since longer rows make smaller blocks.

The relative position bias is spread out of its table of buckets inside the kernel, once a head and
block of queries: the batch is the innermost axis of the grid and finds it in scratch memory. The
gradient of the logits is summed there over the batch likewise, and leaves as a number a bucket.

Nothing is kept for the backward pass but the inputs.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
from jaxtyping import Array, Float, Int

from t5x.examples.t5.attention import MASKED_LOGIT

LANES = 128
LARGEST_BLOCK = 2**18
"""Logits of a head in a grid step: a MiB in float32, of which a step needs about eight at once."""
VMEM_BYTES = 32 * 2**20


class Shape(NamedTuple):
    """What the kernel is compiled for.

    Attributes:
        num_heads: heads, side by side in the last axis of queries, keys and values.
        causal: keys after the query are masked.
        bidirectional: the bias tells keys before the query from those after it.
    """

    num_heads: int
    causal: bool = False
    bidirectional: bool = False


class Bias(NamedTuple):
    """A bias a head and bucket of distance.

    Attributes:
        table: `[heads, buckets]`, float32.
        starts: `[buckets of one direction]`, the least distance of each.
    """

    table: Array
    starts: Array


@functools.partial(jax.custom_vjp, nondiff_argnums=(6,))
def attend(
    query: Float[Array, "batch query width"],
    key: Float[Array, "batch key width"],
    value: Float[Array, "batch key width"],
    query_ids: Int[Array, "batch query"],
    key_ids: Int[Array, "batch key"],
    bias: Bias | None,
    shape: Shape,
) -> Float[Array, "batch query width"]:
    """Returns `softmax(query key^T + bias, masked) value` of every head.

    On a CPU the kernel is interpreted, which is slow and there for tests.

    Args:
        query: `[batch, query, heads * head_dim]`, unscaled.
        key: likewise.
        value: likewise.
        query_ids: a query attends to the keys of the same id; to all, evenly, if there is none.
        key_ids: likewise.
        bias: of relative positions; None for attention without.
        shape: see `Shape`.
    """
    return _forward(query, key, value, query_ids, key_ids, bias, shape)


def _attend_fwd(*args: Any) -> tuple[Array, tuple[Any, ...]]:
    return _forward(*args), args[:-1]


def _attend_bwd(shape: Shape, inputs: tuple[Any, ...], grad: Array) -> tuple[Any, ...]:
    query, key, value, query_ids, key_ids, bias = inputs
    query_grad, key_grad, value_grad, table_grad = _backward(
        query, key, value, query_ids, key_ids, bias, grad, shape
    )
    # Integers have no gradient: None stands for it.
    bias_grad = None if table_grad is None else Bias(table_grad, None)  # type: ignore[arg-type]
    return query_grad, key_grad, value_grad, None, None, bias_grad


attend.defvjp(_attend_fwd, _attend_bwd)


class _Blocks:
    """The grid `(heads, queries, batch)` and the blocks of every operand."""

    def __init__(self, query: Array, key: Array, bias: Bias | None, shape: Shape) -> None:
        self.batch, self.queries, width = query.shape
        self.keys = key.shape[1]
        self.head_dim = width // shape.num_heads
        self.heads = _heads_in_a_block(shape.num_heads, self.head_dim)
        self.rows = _rows_in_a_block(self.queries, self.keys)
        self.grid = (shape.num_heads // self.heads, self.queries // self.rows, self.batch)
        self.width = self.heads * self.head_dim
        self.query = pl.BlockSpec((1, self.rows, self.width), lambda h, q, b: (b, q, h))
        self.key = pl.BlockSpec((1, self.keys, self.width), lambda h, q, b: (b, 0, h))
        self.query_ids = pl.BlockSpec((1, self.rows, 1), lambda h, q, b: (b, q, 0))
        self.key_ids = pl.BlockSpec((1, 1, self.keys), lambda h, q, b: (b, 0, 0))
        self.bias = jax.tree.map(lambda _: pl.BlockSpec(memory_space=pltpu.SMEM), bias)
        self.inputs = [
            self.query, self.key, self.key, self.query_ids, self.key_ids, self.bias,
        ]  # fmt: skip
        self.logits = pltpu.VMEM((self.heads, self.rows, self.keys), jnp.float32)
        self.buckets = pltpu.VMEM((self.rows, self.keys), jnp.int32)

    def cost(self, products: int, operands: tuple[Any, ...], results: Any) -> pl.CostEstimate:
        """What the compiler is told: products `[query, head_dim] x [head_dim, key]` a head."""
        logits = self.batch * self.grid[0] * self.heads * self.queries * self.keys
        arrays = jax.tree.leaves((operands, results))
        return pl.CostEstimate(
            flops=products * 2 * logits * self.head_dim,
            transcendentals=logits,
            bytes_accessed=sum(math.prod(x.shape) * x.dtype.itemsize for x in arrays),
        )

    def call(
        self, kernel: Any, operands: tuple[Any, ...], results: Any, products: int, **specs: Any
    ) -> Any:
        """Runs a kernel on the platform it is compiled for."""
        run = functools.partial(
            pl.pallas_call,
            kernel,
            out_shape=results,
            grid=self.grid,
            cost_estimate=self.cost(products, operands, results),
            compiler_params=pltpu.CompilerParams(
                dimension_semantics=("parallel", "parallel", "arbitrary"),
                vmem_limit_bytes=VMEM_BYTES,
            ),
            name=kernel.func.__name__.strip("_"),
            **specs,
        )
        return jax.lax.platform_dependent(*operands, cpu=run(interpret=True), default=run())


def _heads_in_a_block(num_heads: int, head_dim: int) -> int:
    """The fewest heads that fill whole registers; all of them where none do."""
    fitting = (n for n in range(1, num_heads) if num_heads % n == 0 and n * head_dim % LANES == 0)
    return next(fitting, num_heads)


def _rows_in_a_block(queries: int, keys: int) -> int:
    """The most queries, of those that divide them, whose logits are not too many."""
    rows = queries
    while rows % 16 == 0 and rows * keys > LARGEST_BLOCK:
        rows //= 2
    return rows


def _forward(
    query: Array,
    key: Array,
    value: Array,
    query_ids: Array,
    key_ids: Array,
    bias: Bias | None,
    shape: Shape,
) -> Array:
    blocks = _Blocks(query, key, bias, shape)
    return blocks.call(
        functools.partial(_attention_forward, head_dim=blocks.head_dim, shape=shape),
        (query, key, value, query_ids[:, :, None], key_ids[:, None, :], bias),
        jax.ShapeDtypeStruct(query.shape, query.dtype),
        products=2,
        in_specs=blocks.inputs,
        out_specs=blocks.query,
        scratch_shapes=[] if bias is None else [blocks.buckets, blocks.logits],
    )  # fmt: skip


def _backward(
    query: Array,
    key: Array,
    value: Array,
    query_ids: Array,
    key_ids: Array,
    bias: Bias | None,
    grad: Array,
    shape: Shape,
) -> tuple[Array, Array, Array, Array | None]:
    blocks = _Blocks(query, key, bias, shape)
    heads, rows, _ = blocks.grid
    # Each block of queries has its share in the gradients of all keys: they are added up below.
    share = jax.ShapeDtypeStruct((rows, *key.shape), key.dtype if rows == 1 else jnp.float32)
    share_spec = pl.BlockSpec((1, 1, blocks.keys, blocks.width), lambda h, q, b: (q, b, 0, h))
    results = [jax.ShapeDtypeStruct(query.shape, query.dtype), share, share]
    specs = [blocks.query, share_spec, share_spec]
    scratch: list[Any] = []
    if bias is not None:
        buckets = bias.table.shape[1]
        results.append(jax.ShapeDtypeStruct((heads, rows, blocks.heads, buckets), jnp.float32))
        specs.append(
            pl.BlockSpec(
                (1, 1, blocks.heads, buckets),
                lambda h, q, b: (h, q, 0, 0),
                memory_space=pltpu.SMEM,
            )
        )
        scratch = [blocks.buckets, blocks.logits, blocks.logits]
    query_grad, key_grad, value_grad, *table_grad = blocks.call(
        functools.partial(_attention_backward, head_dim=blocks.head_dim, shape=shape),
        (query, key, value, query_ids[:, :, None], key_ids[:, None, :], bias, grad),
        results,
        products=5,
        in_specs=[*blocks.inputs, blocks.query],
        out_specs=specs,
        scratch_shapes=scratch,
    )  # fmt: skip
    return (
        query_grad,
        jnp.sum(key_grad, axis=0).astype(key.dtype),
        jnp.sum(value_grad, axis=0).astype(value.dtype),
        jnp.sum(table_grad[0], axis=1).reshape(shape.num_heads, -1) if table_grad else None,
    )


def _attention_forward(
    query_ref: Any,
    key_ref: Any,
    value_ref: Any,
    query_ids_ref: Any,
    key_ids_ref: Any,
    bias_refs: Bias | None,
    out_ref: Any,
    *scratch: Any,
    head_dim: int,
    shape: Shape,
) -> None:
    query, key, value = query_ref[0], key_ref[0], value_ref[0]
    relative = _relative_position(query_ref, key_ref)
    mask = _mask(query_ids_ref, key_ids_ref, relative, shape)
    bias_ref = None
    if bias_refs is not None:
        buckets_ref, bias_ref = scratch
        first_head = pl.program_id(0) * bias_ref.shape[0]
        pl.when(pl.program_id(2) == 0)(
            lambda: _spread_bias(bias_refs, buckets_ref, bias_ref, relative, first_head, shape)
        )
    out = jnp.zeros(query.shape, jnp.float32)
    for i in range(query.shape[1] // head_dim):
        bias = 0.0 if bias_ref is None else bias_ref[i]
        weights = _weights(query, _only(key, i, head_dim), bias, mask)
        out += _product(weights.astype(value.dtype), _only(value, i, head_dim), 1, 0)
    out_ref[0] = out.astype(out_ref.dtype)


def _attention_backward(
    query_ref: Any,
    key_ref: Any,
    value_ref: Any,
    query_ids_ref: Any,
    key_ids_ref: Any,
    bias_refs: Bias | None,
    grad_ref: Any,
    query_grad_ref: Any,
    key_grad_ref: Any,
    value_grad_ref: Any,
    *more: Any,
    head_dim: int,
    shape: Shape,
) -> None:
    query, key, value, grad = query_ref[0], key_ref[0], value_ref[0], grad_ref[0]
    relative = _relative_position(query_ref, key_ref)
    mask = _mask(query_ids_ref, key_ids_ref, relative, shape)
    if bias_refs is not None:
        table_grad_ref, buckets_ref, bias_ref, logits_grad_ref = more
        first_head = pl.program_id(0) * bias_ref.shape[0]

        @pl.when(pl.program_id(2) == 0)
        def _() -> None:
            _spread_bias(bias_refs, buckets_ref, bias_ref, relative, first_head, shape)
            logits_grad_ref[...] = jnp.zeros_like(logits_grad_ref)

    query_grad = jnp.zeros(query.shape, jnp.float32)
    key_grad, value_grad = jnp.zeros(key.shape, jnp.float32), jnp.zeros(key.shape, jnp.float32)
    for i in range(query.shape[1] // head_dim):
        own_key, own_grad = _only(key, i, head_dim), _only(grad, i, head_dim)
        bias = 0.0 if bias_refs is None else bias_ref[i]
        weights = _weights(query, own_key, bias, mask)
        value_grad += _product(weights.astype(grad.dtype), own_grad, 0, 0)
        weights_grad = _product(own_grad, value, 1, 1)
        mean = jnp.sum(weights * weights_grad, axis=1, keepdims=True)
        # A masked logit is a constant. Its weight is 0, but in rows where all are masked.
        logits_grad = jnp.where(mask, weights * (weights_grad - mean), 0.0)
        if bias_refs is not None:
            logits_grad_ref[i] += logits_grad
        logits_grad = logits_grad.astype(query.dtype)
        query_grad += _product(logits_grad, own_key, 1, 0)
        key_grad += _product(logits_grad, _only(query, i, head_dim), 0, 0)
    query_grad_ref[0] = query_grad.astype(query_grad_ref.dtype)
    key_grad_ref[0, 0] = key_grad.astype(key_grad_ref.dtype)
    value_grad_ref[0, 0] = value_grad.astype(value_grad_ref.dtype)

    if bias_refs is not None:

        @pl.when(pl.program_id(2) == pl.num_programs(2) - 1)
        def _() -> None:
            _gather_bias_grad(logits_grad_ref, buckets_ref, table_grad_ref)


def _spread_bias(
    refs: Bias, buckets_ref: Any, bias_ref: Any, relative: Array, first_head: Array, shape: Shape
) -> None:
    """Writes the bucket of every query and key of the block, and the bias of each of its heads."""
    distance = jnp.abs(relative) if shape.bidirectional else jnp.maximum(-relative, 0)
    buckets_ref[...] = jnp.zeros(relative.shape, jnp.int32)

    def count(j: Array, _: None) -> None:
        buckets_ref[...] += (distance >= refs.starts[j]).astype(jnp.int32)

    jax.lax.fori_loop(1, refs.starts.shape[0], count, None)
    if shape.bidirectional:
        buckets_ref[...] += jnp.where(relative > 0, refs.starts.shape[0], 0)

    def spread(j: Array, _: None) -> None:
        for i in range(bias_ref.shape[0]):
            bias = refs.table[first_head + i, j]
            bias_ref[i] = jnp.where(buckets_ref[...] == j, bias, bias_ref[i])

    jax.lax.fori_loop(0, refs.table.shape[1], spread, None)


def _gather_bias_grad(logits_grad_ref: Any, buckets_ref: Any, table_grad_ref: Any) -> None:
    """Sums the gradient of the logits by bucket."""

    def gather(j: Array, _: None) -> None:
        for i in range(logits_grad_ref.shape[0]):
            of_bucket = jnp.where(buckets_ref[...] == j, logits_grad_ref[i], 0.0)
            table_grad_ref[0, 0, i, j] = jnp.sum(of_bucket)

    jax.lax.fori_loop(0, table_grad_ref.shape[3], gather, None)


def _mask(query_ids_ref: Any, key_ids_ref: Any, relative: Array, shape: Shape) -> Array:
    mask = query_ids_ref[0] == key_ids_ref[0]
    return mask & (relative <= 0) if shape.causal else mask


def _relative_position(query_ref: Any, key_ref: Any) -> Array:
    """Key position minus query position of every logit of the block."""
    rows, keys = query_ref.shape[1], key_ref.shape[1]
    key = jax.lax.broadcasted_iota(jnp.int32, (rows, keys), 1)
    query = jax.lax.broadcasted_iota(jnp.int32, (rows, keys), 0)
    return key - (query + pl.program_id(1) * rows)


def _weights(query: Array, key: Array, bias: Array | float, mask: Array) -> Array:
    """The softmax of the logits, float32."""
    logits = jnp.where(mask, _product(query, key, 1, 1) + bias, MASKED_LOGIT)
    weights = jnp.exp(logits - jnp.max(logits, axis=1, keepdims=True))
    return weights / jnp.sum(weights, axis=1, keepdims=True)


def _only(x: Array, head: int, head_dim: int) -> Array:
    """Zeroes the other heads: products over all lanes cost no more than over one head's."""
    lanes = jax.lax.broadcasted_iota(jnp.int32, x.shape, 1)
    return jnp.where(lanes // head_dim == head, x, jnp.zeros_like(x))


def _product(x: Array, y: Array, x_axis: int, y_axis: int) -> Array:
    """A matrix product over the given axes, summed in float32."""
    dimensions = (((x_axis,), (y_axis,)), ((), ()))
    return jax.lax.dot_general(x, y, dimensions, preferred_element_type=jnp.float32)
