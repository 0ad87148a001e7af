"""Rows of a stream as features of an encoder-decoder model: SeqIO's, made in numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from t5x.first_fit import padded, segments
from t5x.stream_format import Row

ENCODER, DECODER = "inputs", "targets"
"""The features that become the encoder's and the decoder's."""

Features = dict[str, np.ndarray]


def model_features(rows: Sequence[Row], lengths: Mapping[str, int], pack: bool) -> Features:
    """Returns what `seqio.EncDecFeatureConverter` makes of the same examples.

    Args:
        rows: of a batch.
        lengths: of inputs and targets.
        pack: add the segments that keep the examples of a row apart.

    Returns:
        `int32[rows, length]` each: `encoder_input_tokens`, `decoder_target_tokens`,
        `decoder_input_tokens` and `decoder_loss_weights`; packed also segment ids and positions of
        both sides.
    """
    inputs = _feature(rows, ENCODER, lengths, pack)
    targets = _feature(rows, DECODER, lengths, pack)
    tokens = targets[DECODER]
    decoder_inputs = _shifted(tokens)
    if pack:
        number = targets[f"{DECODER}_segment_ids"]
        decoder_inputs *= number == _shifted(number)
    features = {
        "encoder_input_tokens": inputs[ENCODER],
        "decoder_target_tokens": tokens,
        "decoder_input_tokens": decoder_inputs,
        "decoder_loss_weights": (tokens != 0).astype(np.int32),
    }
    for side, name, columns in (("encoder", ENCODER, inputs), ("decoder", DECODER, targets)):
        for kind in ("segment_ids", "positions") if pack else ():
            features[f"{side}_{kind}"] = columns[f"{name}_{kind}"]
    return features


def _feature(rows: Sequence[Row], name: str, lengths: Mapping[str, int], pack: bool) -> Features:
    """A feature's tokens and, packed, its segments, each `int32[rows, length]`."""
    length = lengths[name]
    columns = [
        {name: padded(row.tokens[name], length)}
        | (segments(name, row.sizes[name], length) if pack else {})
        for row in rows
    ]
    names = [name, f"{name}_segment_ids", f"{name}_positions"] if pack else [name]
    empty = np.zeros((0, length), np.int32)
    return {key: np.stack([column[key] for column in columns]) if rows else empty for key in names}


def _shifted(values: np.ndarray) -> np.ndarray:
    """Every row one place to the right, after a zero."""
    return np.pad(values, ((0, 0), (1, 0)))[:, :-1]
