"""Decoding that writes nothing but SMILES which parse: a mask over each step's logits.

`constrain` wraps a decoding function of `t5x.decoding`, greedy, sampling or beam search alike: what
is open in a row (branches, ring bonds, a bracket) travels with its cache, so it follows the beams.
A token is allowed if the grammar has it there and everything that is open can still be closed in
the places that are left, the end token included. What the mask promises is syntax: RDKit parses the
output with `sanitize=False`. Valences and aromaticity remain the model's business.

Stricter than SMILES: ring-bond numbers stand directly after their atom, the bond of a ring is
written at one end at most, molecules are separated outside branches only, and there are no
wildcards.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from t5chem import smiles_grammar as grammar
from t5chem.vocabularies import SentencePieceVocabulary

MOST_BRANCHES: Final = 24  # open at once
RING_NUMBERS: Final = 30
_NEVER: Final = -1e9  # a logit: finite, so that a row without any choice stays a number
_NO_ROOM: Final = 1 << 20


class SmilesTokens(NamedTuple):
    """What each token of a vocabulary does to a SMILES.

    Attributes:
        transitions: the state after a token, see `smiles_grammar`.
        ring: the token's ring-bond number; -1 for another token.
    """

    transitions: Int[np.ndarray, "states vocab"]
    ring: Int[np.ndarray, " vocab"]


class Open(NamedTuple):
    """What is open in each row. Atoms are numbered as they are written; -1 is none.

    Attributes:
        symbol: state of the grammar.
        depth: open branches.
        branches: the atom that each open branch hangs on.
        atom: the one that comes before the next.
        previous: the one that `atom` is bonded to.
        atoms: how many there are.
        opener: the atom that opened a ring bond; -1 when that number is not open.
        bonded: whether an open ring bond has its bond written.
        closed_at: the last atom that an open ring bond's opener already has a ring bond with.
    """

    symbol: Int[Array, " rows"]
    depth: Int[Array, " rows"]
    branches: Int[Array, "rows branches"]
    atom: Int[Array, " rows"]
    previous: Int[Array, " rows"]
    atoms: Int[Array, " rows"]
    opener: Int[Array, "rows rings"]
    bonded: Bool[Array, "rows rings"]
    closed_at: Int[Array, "rows rings"]


@functools.cache
def smiles_tokens(
    vocabulary: SentencePieceVocabulary, rows: int, with_ions: bool = False
) -> SmilesTokens:
    """Reads a vocabulary's tokens as symbols of SMILES.

    Args:
        vocabulary: one whose tokens are single symbols, as `chem`'s are.
        rows: of the logits; at least as many as the vocabulary has ids.
        with_ions: allow `~`, which joins the ions of a compound in reactions.

    Raises:
        ValueError: the vocabulary cannot write every symbol.
    """
    symbols = _symbols(vocabulary)
    missing = sorted(set("()[]=#/\\.123+-@H") - set(symbols.values()))
    if missing:
        raise ValueError(
            f"valid_smiles needs a vocabulary whose tokens are symbols of SMILES, as `chem`'s are; "
            f"this model's has no token for {' '.join(missing)}: ask without valid_smiles."
        )
    states = len(grammar.symbols_to_atom())
    transitions = np.full((states, rows), grammar.DEAD, np.int8)
    ring = np.full(rows, -1, np.int32)
    for token, symbol in symbols.items():
        if symbol == "~" and not with_ions:
            continue
        transitions[:, token] = [grammar.after_symbol(state, symbol) for state in range(states)]
        number = grammar.ring_number(symbol)
        ring[token] = -1 if number is None else number
    for state in (grammar.ATOM, grammar.RING, grammar.CLOSE):
        transitions[state, vocabulary.eos_id] = grammar.END
    return SmilesTokens(transitions, ring)


def _symbols(vocabulary: SentencePieceVocabulary) -> dict[int, str]:
    # A byte's token reads like its character's; the one that the vocabulary writes is meant.
    texts = ((token, vocabulary.decode([token])) for token in range(vocabulary.vocab_size))
    return {
        token: text
        for token, text in texts
        if grammar.is_symbol(text)
        and vocabulary.encode(text) == [token]
        and (grammar.ring_number(text) or 0) < RING_NUMBERS
    }


def constrain(decode_fn: Callable[..., Any], tokens: SmilesTokens) -> Callable[..., Any]:
    """Returns `decode_fn` kept to SMILES that parse.

    Args:
        decode_fn: `decoding.temperature_sample`, `beam_search` or `hf_beam_search`.
        tokens: of the model's vocabulary.

    Returns:
        A function with `decode_fn`'s arguments. The log-probabilities that it returns are those of
        the model among the allowed tokens. Outputs have at least two places.
    """

    def decode(
        inputs: Int[Array, "batch length"],
        cache: Any,
        tokens_to_logits: Callable[[Any], Any],
        **arguments: Any,
    ) -> Any:
        batch, length = inputs.shape

        def step(state: Any) -> tuple[Float[Array, "rows vocab"], Any]:
            is_open = advance(state.cache["smiles"], state.cur_token[:, 0], tokens)
            logits, model_cache = tokens_to_logits(state.replace(cache=state.cache["model"]))
            allowed = allowed_tokens(is_open, length - 1 - state.cur_index, tokens)
            logits = jnp.where(allowed, logits, jnp.asarray(_NEVER, logits.dtype))
            return logits, {"model": model_cache, "smiles": is_open}

        both = {"model": cache, "smiles": nothing_open(batch)}
        return decode_fn(inputs=inputs, cache=both, tokens_to_logits=step, **arguments)

    return decode


def nothing_open(rows: int) -> Open:
    """Returns the beginning of a SMILES, for so many rows."""
    zero, none = jnp.zeros((rows,), jnp.int32), jnp.full((rows,), -1, jnp.int32)
    no_ring = jnp.full((rows, RING_NUMBERS), -1, jnp.int32)
    return Open(
        symbol=jnp.full((rows,), grammar.START, jnp.int32),
        depth=zero,
        branches=jnp.full((rows, MOST_BRANCHES), -1, jnp.int32),
        atom=none,
        previous=none,
        atoms=zero,
        opener=no_ring,
        bonded=jnp.zeros((rows, RING_NUMBERS), bool),
        closed_at=no_ring,
    )


def advance(was: Open, token: Int[Array, " rows"], tokens: SmilesTokens) -> Open:
    """Returns what is open after one more token a row; padding changes nothing."""
    symbol = jnp.asarray(tokens.transitions)[was.symbol, token].astype(jnp.int32)
    is_atom, is_open = symbol == grammar.ATOM, symbol == grammar.OPEN
    is_close, is_start = symbol == grammar.CLOSE, symbol == grammar.START
    place = lax.broadcasted_iota(jnp.int32, was.branches.shape, 1)
    branches = jnp.where(
        is_open[:, None] & (place == was.depth[:, None]), was.atom[:, None], was.branches
    )
    depth = was.depth + is_open - is_close
    back = jnp.take_along_axis(branches, depth[:, None], axis=1, mode="clip")[:, 0]
    atom = jnp.where(is_atom, was.atoms, jnp.where(is_close, back, was.atom))
    now = Open(
        symbol=symbol,
        depth=depth,
        branches=branches,
        atom=jnp.where(is_start, -1, atom),
        previous=jnp.where(is_atom, was.atom, was.previous),
        atoms=was.atoms + is_atom,
        opener=was.opener,
        bonded=was.bonded,
        closed_at=was.closed_at,
    )
    now = _advance_rings(now, was, token, tokens)
    keep = token == 0
    return jax.tree.map(
        lambda old, new: jnp.where(keep.reshape(-1, *[1] * (new.ndim - 1)), old, new), was, now
    )


def _advance_rings(now: Open, was: Open, token: Int[Array, " rows"], tokens: SmilesTokens) -> Open:
    number = jnp.where(now.symbol == grammar.RING, jnp.asarray(tokens.ring)[token], -1)
    # [rows, rings]
    this = lax.broadcasted_iota(jnp.int32, was.opener.shape, 1) == number[:, None]
    opens, closes = this & (was.opener < 0), this & (was.opener >= 0)
    # [rows, 1]; -2 is no atom's number and no closed ring's opener
    partner = jnp.max(jnp.where(closes, was.opener, -2), axis=1, keepdims=True)
    opener = jnp.where(opens, now.atom[:, None], jnp.where(closes, -1, was.opener))
    closed_at = jnp.where(opens, -1, was.closed_at)
    with_bond = (was.symbol == grammar.RING_BOND)[:, None]
    return now._replace(
        opener=opener,
        bonded=jnp.where(opens, with_bond, was.bonded),
        closed_at=jnp.where(opener == partner, now.atom[:, None], closed_at),
    )


def allowed_tokens(
    now: Open, left: Int[Array, " rows"], tokens: SmilesTokens
) -> Bool[Array, "rows vocab"]:
    """Returns which tokens may come next.

    Args:
        now: what is open.
        left: places behind the next one.
        tokens: of the vocabulary.
    """
    # [rows, states], [rows, rings]
    fits = room_after_symbol(now) <= left[:, None]
    ring_fits = room_after_ring(now) <= left[:, None]
    # [rows, vocab]
    after = jnp.asarray(tokens.transitions)[now.symbol].astype(jnp.int32)
    allowed = jnp.take_along_axis(fits, after, axis=1, mode="clip")
    numbers = jnp.broadcast_to(jnp.asarray(tokens.ring)[None], after.shape)
    ring_allowed = jnp.take_along_axis(ring_fits, jnp.maximum(numbers, 0), axis=1, mode="clip")
    return jnp.where(after == grammar.RING, ring_allowed, allowed)


# How much room closing takes.
#
# These are upper bounds with one property: in a row that has as many places left as its bound,
# some token lowers the bound by one or more, so that a row never runs out of choices. With k open
# ring bonds, an atom takes 2 k places at most: a number closes one unless all were opened by its
# neighbour, in which case one more atom does; `2 k - 1` if a number closes one at once. The bound
# after a ring-bond number is `2 k`, and one more if the atom at hand opened one of them itself.


def room_after_symbol(now: Open) -> Int[Array, "rows states"]:
    """Returns how many places are needed behind a token, by the state that it leads to.

    Ring-bond numbers have a function of their own, `room_after_ring`; what is impossible needs more
    places than there are.
    """
    is_open = now.opener >= 0
    rings = jnp.sum(is_open, axis=1)
    all_from_here = ~jnp.any(is_open & (now.opener != now.atom[:, None]), axis=1)
    end = now.depth + 1
    closing_rings = jnp.where(rings > 0, 2 * rings - 1 + all_from_here, 0)
    after_bond = 1 + 2 * rings + end
    rows, states = now.symbol.shape[0], len(grammar.symbols_to_atom())
    outside = {
        grammar.START: jnp.where(now.depth == 0, after_bond, _NO_ROOM),
        grammar.ATOM: closing_rings + end,
        grammar.OPEN: jnp.where(now.depth < MOST_BRANCHES, after_bond + 1, _NO_ROOM),
        grammar.CLOSE: jnp.where(
            now.depth > 0, jnp.where(rings > 0, 2 * rings + 1, 0) + now.depth, _NO_ROOM
        ),
        grammar.RING_BOND: after_bond,
        grammar.CHAIN_BOND: after_bond,
        grammar.END: jnp.where((rings == 0) & (now.depth == 0), 0, _NO_ROOM),
    }
    nowhere = jnp.full((rows,), _NO_ROOM)
    inside = jnp.asarray(grammar.symbols_to_atom())[None] + (2 * rings + end)[:, None]
    columns = [
        inside[:, state] if state > grammar.DEAD else outside.get(state, nowhere)
        for state in range(states)
    ]
    return jnp.stack(columns, axis=1)


def room_after_ring(now: Open) -> Int[Array, "rows rings"]:
    """Returns how many places are needed behind each ring-bond number.

    A number that would bond an atom to itself, to its neighbour, or twice to the same atom needs
    more places than there are; so does a bond written at both ends.
    """
    is_open = now.opener >= 0
    atom, end = now.atom[:, None], (now.depth + 1)[:, None]
    rings = jnp.sum(is_open, axis=1, keepdims=True)
    opened_here = jnp.any(is_open & (now.opener == atom), axis=1, keepdims=True)
    second_bond = now.bonded & (now.symbol == grammar.RING_BOND)[:, None]
    neighbours = (
        (now.opener == atom) | (now.opener == now.previous[:, None]) | (now.closed_at == atom)
    )
    closing = jnp.where(rings > 1, 2 * (rings - 1) + opened_here, 0) + end
    closing = jnp.where(neighbours | second_bond, _NO_ROOM, closing)
    return jnp.where(is_open, closing, 2 * (rings + 1) + 1 + end)
