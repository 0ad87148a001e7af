"""What a training step costs by the model's own count: products of weights and of attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flax import traverse_util

from t5x.optimizers import Tree

COSTS = "costs.json"
"""Where a run says what it costs, in its folder."""

FORWARD, TRAINED = 2, 6
"""FLOPs of a weight and a token: multiply and add, and twice that again for the two gradients."""


def step_flops(
    params: Tree,
    shapes: Mapping[str, tuple[int, ...]],
    trains: Callable[[str], bool] = lambda path: True,
) -> int:
    """Returns the floating-point operations of a training step of a T5-like model.

    Every weight of a product takes 2 operations a token forward and 4 backward (Kaplan et al.,
    "Scaling Laws for Neural Language Models", 2020, their 6 N D), and attention the same for each
    pair of places, masked or not. A frozen weight takes 2: no gradient passes it where nothing
    below it is trained. Padding counts, for it is computed. Left out is what is no product: norms,
    activations, softmax, the optimizer.

    Args:
        params: parameters, or their shapes.
        shapes: of a global batch's features; `encoder_input_tokens` and `decoder_target_tokens`
            are looked at, `[rows, length]`.
        trains: tells of a parameter's path whether it is trained.

    Example:
        >>> import jax
        >>> weight = jax.ShapeDtypeStruct((8, 4), "float32")
        >>> params = {"encoder": {"mlp": {"wi": {"kernel": weight}}}}
        >>> step_flops(params, {"encoder_input_tokens": (1, 10), "decoder_target_tokens": (1, 5)})
        1920
    """
    flat = traverse_util.flatten_dict(params, sep="/")
    rows, source = shapes["encoder_input_tokens"]
    target = shapes["decoder_target_tokens"][1]
    has_logits = any(path.endswith("logits_dense/kernel") for path in flat)
    total = 0
    for path, leaf in flat.items():
        if len(leaf.shape) != 2:
            continue
        cost = TRAINED if trains(path) else FORWARD
        tokens, keys = _passing(path, source, target, has_logits)
        total += cost * rows * tokens * leaf.shape[0] * leaf.shape[1]
        if path.endswith("query/kernel"):  # logits, and the weighted sum of values
            total += 2 * cost * rows * tokens * keys * leaf.shape[1]
    return total


def _passing(path: str, source: int, target: int, has_logits: bool) -> tuple[int, int]:
    """How many tokens of a row a weight is multiplied with, and how many keys each attends to."""
    names = path.split("/")
    if "rel_embedding" in names:
        return 0, 0
    if names[-1] == "embedding":  # looked up; it is multiplied with where it gives the logits
        scores = not has_logits and ("decoder" in names[0] or names[0] == "token_embedder")
        return (target if scores else 0), 0
    if not names[0].startswith("decoder"):
        return source, source
    if "encoder_decoder_attention" in names:
        return (source if names[-2] in ("key", "value") else target), source
    return target, target


def trained_parameters(params: Tree, trains: Callable[[str], bool]) -> int:
    """Returns how many numbers of the parameters are trained.

    Args:
        params: parameters, or their shapes.
        trains: tells of a parameter's path whether it is.
    """
    flat = traverse_util.flatten_dict(params, sep="/")
    return sum(leaf.size for path, leaf in flat.items() if trains(path))
