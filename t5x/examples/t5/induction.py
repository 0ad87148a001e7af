"""Initial parameters of a T5 that can already copy from its input.

To copy, a decoder must find in the input the token that it wrote last and write the one after
it. From random parameters this "induction" circuit (Olsson et al. 2022, "In-context Learning and
Induction Heads") appears only after a long plateau, which a run of some minutes never leaves.
Here it is built in, of the parameters that T5 has anyway, and training is free to change it; the
idea of starting attention in a useful state is that of Trockman and Kolter 2023, "Mimetic
Initialization of Self-Attention Layers".

    encoder, layer 0    head 0 looks one place back and writes there what it sees, rotated
    decoder, last layer cross-attention asks with the token written last, finds the place that
                        follows the same token in the input, and returns what stands there
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from t5x.optimizers import Tree

BACK_ONE, AHEAD_ONE = 1, 17
"""Relative-position buckets of the neighbours (the decoder's stack has no places ahead)."""


def install_induction(
    params: Tree,
    rng: Array,
    match_logit: float = 32.0,
    neighbour_bias: float = 6.0,
    encoder_part: str | None = None,
    decoder_part: str | None = None,
) -> Tree:
    """Returns the parameters of a `network.Transformer` with the circuit built in.

    The first head of either stack prefers the place before, the second head of the encoder's the
    place after. Every other parameter stays as it is.

    Args:
        params: as `network.Transformer` initialises them.
        rng: draws the rotations.
        match_logit: how much more attention's logit is worth where the tokens are the same.
        neighbour_bias: how much more it is worth at the neighbour.
        encoder_part: in a network of several T5s the name of the one whose encoder has the circuit;
            None: there is one.
        decoder_part: likewise of its decoder, which begins with the embedding of the encoder's T5:
            the circuit compares tokens by it.

    Raises:
        ValueError: the heads of the two stacks differ in number, there is only one, or the
            embeddings of the two parts have other shapes.
    """
    if encoder_part is not None and decoder_part is not None:
        reader, writer = params[encoder_part], params[decoder_part]
        embedding = reader["token_embedder"]
        _check_embeddings(embedding, writer["token_embedder"])
        whole = {"encoder": reader["encoder"], "decoder": writer["decoder"]}
        circuit = install_induction(whole, rng, match_logit, neighbour_bias)
        return {
            **params,
            encoder_part: {**reader, "encoder": circuit["encoder"]},
            decoder_part: {**writer, "decoder": circuit["decoder"], "token_embedder": embedding},
        }
    encoder, decoder = dict(params["encoder"]), dict(params["decoder"])
    num_heads = _check_heads(encoder, decoder)
    encoder["relpos_bias"] = _prefer(
        encoder["relpos_bias"], ((0, BACK_ONE), (1, AHEAD_ONE)), neighbour_bias
    )
    decoder["relpos_bias"] = _prefer(decoder["relpos_bias"], ((0, BACK_ONE),), neighbour_bias)

    first = encoder["layers_0"]["attention"]
    embed, width = first["value"]["kernel"].shape
    head_dim = width // num_heads
    read_rng, write_rng, copy_rng = jax.random.split(rng, 3)
    read = _orthonormal(read_rng, embed, head_dim)
    write = _orthonormal(write_rng, head_dim, embed)
    copy = _orthonormal(copy_rng, embed, width)

    encoder["layers_0"] = encoder["layers_0"] | {
        "attention": first
        | {
            "value": {"kernel": first["value"]["kernel"].at[:, :head_dim].set(read)},
            "out": {"kernel": first["out"]["kernel"].at[:head_dim].set(write * jnp.sqrt(2.0))},
        }
    }
    last = f"layers_{sum(name.startswith('layers_') for name in decoder) - 1}"
    # A normalised token has the squared norm `embed`, of which `read` keeps `head_dim`.
    ask = read * (match_logit / head_dim)
    decoder[last] = decoder[last] | {
        "encoder_decoder_attention": {
            "query": {"kernel": jnp.tile(ask, (1, num_heads))},
            "key": {"kernel": jnp.tile(write.T, (1, num_heads))},
            "value": {"kernel": copy},
            "out": {"kernel": copy.T},
        }
    }
    return {**params, "encoder": encoder, "decoder": decoder}


def _check_heads(encoder: Tree, decoder: Tree) -> int:
    counts = {
        name: stack["relpos_bias"]["rel_embedding"].shape[0]
        for name, stack in (("encoder", encoder), ("decoder", decoder))
    }
    if counts["encoder"] != counts["decoder"] or counts["encoder"] < 2:
        raise ValueError(
            f"install_induction needs two heads or more, as many in both stacks, got {counts}: "
            "set network.T5Config.num_heads to 2 or more, or leave initial_params_fn unset."
        )
    return counts["encoder"]


def _check_embeddings(encoder: Tree, decoder: Tree) -> None:
    shapes = encoder["embedding"].shape, decoder["embedding"].shape
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"install_induction needs one embedding for both parts, and theirs are {shapes[0]} and "
            f"{shapes[1]}: give the parts one vocabulary and one emb_dim, or leave "
            "initial_params_fn unset."
        )


def _prefer(bias: Tree, preferences: tuple[tuple[int, int], ...], strength: float) -> Tree:
    """Returns relative position biases of 0, but for the preferred (head, bucket) pairs."""
    table = jnp.zeros_like(bias["rel_embedding"])
    for head, bucket in preferences:
        table = table.at[head, bucket].set(strength)
    return {"rel_embedding": table}


def _orthonormal(rng: Array, rows: int, columns: int) -> Float[Array, "rows columns"]:
    return jax.nn.initializers.orthogonal()(rng, (rows, columns), jnp.float32)
