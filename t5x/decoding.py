"""Greedy decoding, sampling and beam search over any function from a state to logits.

`beam_search` and `temperature_sample` know nothing of the network. They call
`tokens_to_logits(state) -> (logits, cache)` once a step, inside one `jax.lax.while_loop` that ends
as soon as every row is done. Positions count as in teacher forcing: the token fed at position `i`
predicts position `i` of the output, so outputs are as long as inputs and hold no leading BOS.

The cache is any pytree. A leaf belongs to the beams (batch on axis `cache_offset`, one copy a beam,
reordered with the beams) unless it has no batch axis or its name starts with one of
`SHARED_CACHE_PREFIXES`: those leaves hold what all beams of a row see alike, such as the projected
encoder keys and values, and stay at [batch, ...], neither copied nor reordered.
"""

from t5x.beam_search import beam_search, brevity_penalty, hf_beam_search
from t5x.decode_state import (
    SHARED_CACHE_PREFIXES,
    DecodingState,
    cache_map,
    flatten_beam_dim,
    gather_beams,
    unflatten_beam_dim,
)
from t5x.sampling import SamplingState, temperature_sample

__all__ = [
    "SHARED_CACHE_PREFIXES",
    "DecodingState",
    "SamplingState",
    "beam_search",
    "brevity_penalty",
    "cache_map",
    "flatten_beam_dim",
    "gather_beams",
    "hf_beam_search",
    "temperature_sample",
    "unflatten_beam_dim",
]
