"""The mask of `valid_smiles`: everything it lets through parses, and everything in time."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rdkit import Chem

from t5chem.constrained import (
    advance,
    allowed_tokens,
    constrain,
    nothing_open,
    smiles_tokens,
)
from t5chem.vocabularies import chem
from t5x import beam_search, decoding

VOCAB_SIZE = 4608


@functools.cache
def tokens(with_ions=False):
    return smiles_tokens(chem(), VOCAB_SIZE, with_ions)


def parses(smiles):
    mol = Chem.MolFromSmiles(smiles.replace("~", "."), sanitize=False)
    return bool(smiles) and mol is not None


# The tables are arguments here: as constants they would be folded in anew in every compilation.
jitted_advance = jax.jit(advance)
jitted_allowed = jax.jit(allowed_tokens)


def allowed_while(smiles, left):
    """What may come before each token of a SMILES and after the last."""
    state, allowed = nothing_open(1), []
    for token in [*chem().encode(smiles), None]:
        mask = np.asarray(jitted_allowed(state, jnp.array([left]), tokens())[0])
        ids = np.flatnonzero(mask)
        allowed.append({"</s>" if i == chem().eos_id else chem().decode([i]) for i in ids})
        if token is not None:
            state = jitted_advance(state, jnp.array([token]), tokens())
    return allowed


def allowed_after(smiles, left):
    return allowed_while(smiles, left)[-1]


def accepts(smiles):
    symbols = chem().pieces(smiles)
    allowed = allowed_while(smiles, 60)
    return "</s>" in allowed[-1] and all(s in may for s, may in zip(symbols, allowed, strict=False))


@pytest.mark.parametrize(
    "smiles",
    [
        "CCO",
        "C[C@@H](N)C(=O)O",
        "C1=CC=C(C=C1)/C=C\\2/CC2",
        "[Po+4].[13CH4]",
        "C12C3C1C23",
        "C%10CC%10Br",
        "Cl[Cl-][se]",
    ],
)
def test_accepts_what_chemists_write(smiles):
    assert parses(smiles)
    assert accepts(smiles)


@pytest.mark.parametrize(
    ("smiles", "symbol"),
    [
        ("", "("), ("", "</s>"), ("", "1"), ("C", ")"), ("C(", ")"), ("C(", "("), ("C=", "="),
        ("C1", "1"), ("C1C", "1"), ("C12CC1", "2"), ("C(C1)", "1"), ("C=1CC=", "1"), ("[", "]"),
        ("[X", "]"), ("C(C", "."), ("C1CC", "</s>"), ("C(C", "</s>"), ("C", "~"), ("C", "the"),
    ],
)  # fmt: skip
def test_refuses(smiles, symbol):
    assert symbol not in allowed_after(smiles, 60)


def test_closes_in_the_places_that_are_left():
    assert allowed_after("CC", 0) == {"</s>"}
    assert allowed_after("C(C", 1) == {")"}
    assert allowed_after("C1CC", 1) == {"1"}
    assert allowed_after("C(C1CC", 2) == {"1"}
    assert allowed_after("C(C[C", 2) == {"]"}
    assert allowed_after("C1C", 2) >= {"C", "[nH]"}
    assert "1" in allowed_after("C", 4)
    assert "1" not in allowed_after("C", 3)


def random_decodes(decode_fn, length, batch=16, seed=0, with_ions=True, **arguments):
    """Decodes logits drawn at random in each step: hostile, and different at every place."""
    # Fewer English tokens and more that open something than a uniform draw would give.
    text = [chem().decode([i]) for i in range(VOCAB_SIZE)]
    bias = jnp.array([3.0 if t in {*"()123=[C@"} else 0.0 for t in text])

    def logits(state):
        rows = state.sequences.shape[0]
        key = jax.random.fold_in(jax.random.key(seed), state.cur_index[0])
        return 2 * jax.random.normal(key, (rows, VOCAB_SIZE)) + bias[None], state.cache

    decode = constrain(decode_fn, tokens(with_ions))
    inputs = jnp.zeros((batch, length), jnp.int32)
    run = jax.jit(
        lambda: decode(inputs=inputs, cache={}, tokens_to_logits=logits, eos_id=1, **arguments)
    )
    return np.asarray(run()[0]).reshape(-1, length)


@pytest.mark.parametrize("length", [2, 24])
def test_random_models_write_smiles_that_parse(length):
    rows = random_decodes(decoding.temperature_sample, length, batch=64, temperature=1.0, topk=0)
    assert all(1 in row for row in rows)
    texts = [chem().decode(row) for row in rows]
    assert [text for text in texts if not parses(text)] == []


@pytest.mark.parametrize("search", [decoding.beam_search, beam_search.hf_beam_search])
def test_beams_carry_what_they_have_open(search):
    rows = random_decodes(search, 16, batch=8, num_decodes=4)
    texts = [chem().decode(row) for row in rows if row.any()]
    assert len(texts) >= 8
    assert [text for text in texts if not parses(text)] == []


def test_a_vocabulary_of_english_is_refused():
    class English:
        eos_id, vocab_size = 1, 3

        def encode(self, text):
            return [2]

        def decode(self, ids):
            return "the"

    with pytest.raises(ValueError, match="a vocabulary whose tokens are symbols"):
        smiles_tokens(English(), 3)
