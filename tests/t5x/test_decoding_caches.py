"""The cache of a decoding network follows its sequence."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t5x import decoding
from tests.t5x.markov_chains import (
    EOS,
    VOCAB,
    bos,
    prompts,
    sample,
    search,
)


@pytest.fixture(autouse=True, scope="module")
def strict_promotion():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


SEARCHES = {
    "beam": functools.partial(search, num_decodes=3),
    "sample": functools.partial(sample, num_decodes=3, topk=0, rescale_log_probs=False),
}
PROBLEMS: list[np.ndarray] = []
SIX = 6


def remembering(state, offset):
    """Logits from all the tokens fed so far, as the cache remembers them, checked on the way.

    `history` is [rows, length], and `cross_weights` [batch, length, vocab, vocab] must stay that,
    both behind a layer axis where `offset` is 1.
    """
    cache, rows = state.cache["layer"], state.cur_index.shape[0]
    history, weights = cache["history"], cache["cross_weights"]
    if offset:
        history, weights = history[0], weights[0]
    assert rows == 6 and history.shape == (rows, SIX) and weights.shape == (2, SIX, VOCAB, VOCAB)
    positions = jnp.arange(SIX)[None]
    history = jnp.where(positions == state.cur_index[:, None], state.cur_token, history)
    past = positions <= state.cur_index[:, None]
    inputs = jnp.pad(state.sequences, ((0, 0), (1, 0)))[:, :-1]
    jax.debug.callback(PROBLEMS.append, jnp.any(past & (history != inputs)))
    one_hot = jnp.where(past[..., None], jax.nn.one_hot(history, VOCAB, dtype=jnp.float32), 0.0)
    nested = decoding.unflatten_beam_dim(one_hot, 2, rows // 2)
    logits = decoding.flatten_beam_dim(jnp.einsum("bklv,blvw->bkw", nested, weights))
    kept = {"history": history[None] if offset else history, "index": cache["index"] + 1}
    return logits, {"layer": {**cache, **kept}}


REMEMBERING = [functools.partial(remembering, offset=offset) for offset in (0, 1)]


def remember(name, inputs, history, seed, offset=0, initial_index=(0, 0)):
    """Searches with `remembering`; returns the result, and asserts that no cache was wrong."""
    weights = np.random.default_rng(seed).normal(size=(2, SIX, VOCAB, VOCAB)) * 1.5
    layer = {"history": history, "cross_weights": jnp.asarray(weights, jnp.float32)}
    if offset:
        layer = jax.tree.map(lambda x: x[None], layer)
    PROBLEMS.clear()
    result = SEARCHES[name](
        inputs,
        {"layer": {**layer, "index": jnp.array(0)}},
        REMEMBERING[offset],
        EOS,
        decode_rng=jax.random.key(0),
        cache_offset=offset,
        initial_index=jnp.array(initial_index),
    )
    jax.block_until_ready(result)
    jax.effects_barrier()
    assert len(PROBLEMS) >= 2 and not any(PROBLEMS)
    return result


@pytest.mark.parametrize(("name", "offset"), [("beam", 0), ("beam", 1), ("sample", 0)])
def test_cache_follows_its_beam_and_shared_leaves_stay(name, offset):
    crossed = False
    for seed in range(5):
        nothing = jnp.full((2, SIX), -1, jnp.int32)
        tokens, scores = remember(name, bos(2, SIX), nothing, seed, offset)
        assert tokens.shape == (2, 3, SIX) and scores.shape == (2, 3)
        crossed |= len({tuple(s[:1]) for s in tokens[0].tolist()}) < 3
    assert crossed  # or nothing has been tested: beams with one ancestor replaced another's


@pytest.mark.parametrize("name", SEARCHES)
def test_a_prefilled_cache_continues_where_it_ends(name):
    inputs = prompts([0, 2, 3, 4, 0, 0], [0, 3, 0, 0, 0, 0])
    nothing = jnp.full((2, SIX), -1, jnp.int32)
    filled = jnp.where(jnp.arange(SIX)[None] < jnp.array([[3], [1]]), inputs, -1)
    whole = remember(name, inputs, nothing, seed=4)
    continued = remember(name, inputs, filled, seed=4, initial_index=(3, 1))
    assert continued[0][:, :, :3].tolist()[0] == [[2, 3, 4]] * 3
    assert continued[0][1, :, 0].tolist() == [3, 3, 3]
    assert whole[0].tolist() == continued[0].tolist()
    np.testing.assert_allclose(whole[1], continued[1], rtol=1e-5)


@pytest.mark.slow
def test_sharded_batch_keeps_its_cache_in_place():
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), ("data",))
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    cache = {"cached_key": jnp.zeros((4, 6, 77)), "cross_key": jnp.zeros((4, 6, 77))}
    inputs, cache = jax.device_put((bos(4, 6), cache), rows)

    def network(state):
        keys = state.cache["cached_key"] + state.cur_token[..., None].astype(jnp.float32)
        return jnp.sum(keys, axis=1)[:, :VOCAB], {**state.cache, "cached_key": keys}

    compiled = search.lower(inputs, cache, network, EOS).compile().as_text()
    assert "77]" in compiled
    assert not re.search(r"77\]\S* all-(gather|to-all)", compiled)
