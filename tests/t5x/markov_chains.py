"""Made-up logits for tests of decoding: Markov chains whose best sequences can be enumerated."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from t5x import decoding

EOS = 1
VOCAB = 5
LENGTH = 4

# Networks are module-level functions and read their tables from the cache, so that tests share what
# is compiled.
SAMPLE_STATIC = (
    "tokens_to_logits eos_id num_decodes temperature topk topp max_decode_steps_hard_limit "
    "rescale_log_probs cache_offset state_callback_fn logit_callback_fn"
)
SEARCH_STATIC = "tokens_to_logits eos_id num_decodes alpha max_decode_len cache_offset"
sample = jax.jit(decoding.temperature_sample, static_argnames=SAMPLE_STATIC.split())
search = jax.jit(decoding.beam_search, static_argnames=SEARCH_STATIC.split())
STEPS: list[np.ndarray] = []


def random_table(seed, vocab=VOCAB, length=LENGTH, scale=2.0):
    """Logits [position, previous token, token]; they differ by position, so no two paths tie."""
    table = np.random.default_rng(seed).normal(size=(length, vocab, vocab))
    return (table * scale).astype(np.float32)


def tables(*each):
    """A cache with one table for each row of the batch."""
    return {"cross_table": jnp.stack([jnp.asarray(table, jnp.float32) for table in each])}


def markov(state):
    """Logits of the next token, from its position and the last one; counts its calls in STEPS."""
    jax.debug.callback(STEPS.append, state.cur_index[0])
    table = state.cache["cross_table"]
    rows = state.cur_index.shape[0]
    row = jnp.arange(rows) // (rows // table.shape[0])
    return table[row, state.cur_index, state.cur_token[:, 0]], state.cache


def counting(state):
    """Each token is followed by the next number; 2 follows BOS."""
    last = state.cur_token[:, 0]
    following = jnp.where(last == 0, 2, last + 1)
    return jax.nn.one_hot(following, 10, dtype=jnp.float32) * 50.0, state.cache


def count_steps(decode, *args, **kwargs):
    """The result of a search with `markov`, and how many steps it took."""
    jax.effects_barrier()
    STEPS.clear()
    result = jax.block_until_ready(decode(*args, **kwargs))
    jax.effects_barrier()
    return result, len(STEPS)


def bos(batch=1, length=LENGTH):
    return jnp.zeros((batch, length), jnp.int32)


def prompts(*rows):
    return jnp.array(rows, jnp.int32)


def log_softmax(logits):
    logits = np.asarray(logits, np.float64)
    return logits - np.log(np.sum(np.exp(logits), axis=-1, keepdims=True))


def chain_log_prob(table, tokens, first=0, start=0):
    """Log-probability of the tokens to their EOS, from position `start` on, in float64."""
    log_probs, total, last = log_softmax(table), 0.0, first
    for position, token in enumerate(tokens, start):
        total += log_probs[position, last, token]
        last = token
        if token == EOS:
            break
    return total


def ended_sequences(vocab, length):
    """All sequences of at most `length` tokens that end in their only EOS."""
    others = [token for token in range(vocab) if token != EOS]
    for n in range(length):
        for head in itertools.product(others, repeat=n):
            yield (*head, EOS)


def pad(tokens, length=LENGTH):
    return list(tokens) + [0] * (length - len(tokens))


def penalty(n, alpha):
    return ((5 + n) / 6) ** alpha
