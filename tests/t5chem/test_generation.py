"""Draws of a batch: one key a row, and no row's depend on another's."""

import jax
import jax.numpy as jnp
import numpy as np

from t5x.sampling import temperature_sample

VOCAB, LENGTH, EOS = 7, 6, 1


def flat(state):
    """Every token is as likely as any other."""
    return jnp.zeros((state.cur_token.shape[0], VOCAB)), state.cache


def draw(keys, rows, num_decodes=3):
    tokens, _ = temperature_sample(
        jnp.zeros((rows, LENGTH), jnp.int32), {}, flat, EOS, keys, num_decodes, topk=0
    )
    return np.asarray(tokens)


def test_a_key_for_each_row_draws_what_it_draws_alone():
    keys = jax.random.split(jax.random.key(0), 4)
    together = draw(keys, 4)
    for row, key in enumerate(keys):
        # A row's draws are ranked by likelihood, and these are as likely as they are long.
        np.testing.assert_array_equal(together[row], draw(key, 1)[0])
    assert len({row.tobytes() for row in together}) == 4
    np.testing.assert_array_equal(draw(keys[::-1], 4), together[::-1])


def test_one_key_for_all_rows_and_keys_of_the_older_kind_are_still_taken():
    rows = draw(jax.random.key(0), 2)
    np.testing.assert_array_equal(draw(jax.random.PRNGKey(0), 2), rows)
    assert not np.array_equal(rows[0], rows[1])
