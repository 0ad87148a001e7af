"""Every way to compute attention, against its formula: values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t5x.errors import ConfigError
from t5x.examples.t5 import attention, attention_kernel, network
from t5x.examples.t5.attention import RelativeBias, fused_attention, segment_mask

HEADS, BATCH = 4, 2
# Names of cases: (head_dim, queries, keys, causal, has a bias, bidirectional).
CASES = {
    "encoder": (8, 48, 48, False, True, True),
    "decoder": (8, 48, 48, True, True, False),
    "cross": (8, 16, 40, False, False, False),
    "beyond the last bucket, heads that fill registers": (64, 160, 160, False, True, True),
}


def formula(query, key, value, table, mask, bidirectional):
    """`softmax(query key^T + bias, masked) value`, head by head."""
    query, key, value = (x.reshape(*x.shape[:2], HEADS, -1) for x in (query, key, value))
    logits = jnp.einsum("bqhd,bkhd->bhqk", query, key)
    if table is not None:
        places = jnp.arange(key.shape[1])[None] - jnp.arange(query.shape[1])[:, None]
        buckets = attention.relative_position_bucket(places, bidirectional)
        logits += table[:, buckets][None]
    weights = jax.nn.softmax(jnp.where(mask, logits, -1e10))
    out = jnp.einsum("bhqk,bkhd->bqhd", weights, value)
    return out.reshape(*out.shape[:2], -1)


def packed_ids(rng, length):
    """Two segments and padding a row, of random lengths."""
    ends = np.sort(rng.integers(1, length, (BATCH, 2)), axis=1)
    places = np.arange(length)[None]
    ids = (places < ends[:, :1]) * 1 + (places < ends[:, 1:]) * 1
    return jnp.asarray(np.where(ids > 0, 3 - ids, 0))


def problem(case, seed=0):
    head_dim, queries, keys, causal, has_bias, bidirectional = CASES[case]
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    width = HEADS * head_dim
    arrays = [normal(BATCH, n, width) * 0.5 for n in (queries, keys, keys)]
    table = normal(HEADS, 32) if has_bias else None
    query_ids = packed_ids(rng, queries)
    key_ids = query_ids if queries == keys else packed_ids(rng, keys)
    mask = segment_mask(query_ids > 0, key_ids > 0, query_ids, key_ids, causal)
    return arrays, table, mask, bidirectional, normal(BATCH, queries, width)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kernel", ["pallas", "xla"])
def test_values_and_gradients_are_those_of_the_formula(kernel, case, monkeypatch):
    arrays, table, mask, bidirectional, weights = problem(case)
    # Several blocks of queries, as rows of a thousand tokens have.
    monkeypatch.setattr(attention_kernel, "LARGEST_BLOCK", 16 * mask.key_ids.shape[1])

    def fused(*arguments):
        *arrays, table = arguments
        bias = None if table is None else RelativeBias(table, bidirectional, 128)
        return jnp.sum(fused_attention(kernel, *arrays, mask, bias, HEADS) * weights)

    def plain(*arguments):
        return jnp.sum(formula(*arguments, mask.dense(), bidirectional) * weights)

    inputs = (*arrays, table)
    wanted = tuple(range(3 if table is None else 4))
    value, gradients = jax.jit(jax.value_and_grad(fused, wanted))(*inputs)
    expected, expected_gradients = jax.value_and_grad(plain, wanted)(*inputs)
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-4)
    for gradient, other in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, other, atol=1e-5 * float(jnp.abs(other).max()))


def test_a_query_without_keys_attends_evenly_to_all():
    (query, key, value), table, mask, _, _ = problem("encoder")
    nothing = mask.replace(query_ids=jnp.full_like(mask.query_ids, attention.PADDED_QUERY))
    bias = RelativeBias(table, True, 128)
    out = fused_attention("pallas", query, key, value, nothing, bias, HEADS)
    np.testing.assert_allclose(out, jnp.broadcast_to(value.mean(1)[:, None], out.shape), atol=1e-6)


def test_the_mask_of_two_packed_examples_and_padding():
    segments = jnp.array([[1, 1, 2, 0]])
    mask = segment_mask(segments > 0, segments > 0, segments, segments, causal=True).dense()
    assert mask[0, 0].astype(int).tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 0],
    ]


@pytest.mark.parametrize("bidirectional", [True, False])
def test_bucket_starts_are_the_first_distances_of_their_buckets(bidirectional):
    bias = RelativeBias(jnp.zeros((1, 32)), bidirectional, 128)
    starts = bias.bucket_starts()
    at = attention.relative_position_bucket(-starts[None], bidirectional)[0]
    before = attention.relative_position_bucket(1 - starts[None, 1:], bidirectional)[0]
    assert at.tolist() == list(range(16 if bidirectional else 32))
    assert before.tolist() == at[:-1].tolist()


@pytest.mark.parametrize(
    ("num_heads", "head_dim", "heads"),
    [(12, 64, 2), (16, 128, 1), (16, 32, 4), (4, 8, 4), (6, 256, 1), (3, 64, 3)],
)
def test_a_block_holds_the_fewest_heads_that_fill_registers(num_heads, head_dim, heads):
    assert attention_kernel._heads_in_a_block(num_heads, head_dim) == heads


def test_an_unknown_kernel_is_refused():
    with pytest.raises(ConfigError, match=r"attention_kernel is 'flash'.*plain, pallas"):
        network.T5Config(vocab_size=8, attention_kernel="flash")
