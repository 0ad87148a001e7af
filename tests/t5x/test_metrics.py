"""Metrics merge by addition and end as numbers."""

import jax.numpy as jnp
import numpy as np
import pytest

from t5x import metrics


def number(x):
    return jnp.float32(x)


def test_kinds_of_metrics():
    first = {
        "sum": metrics.Sum(number(3)),
        "per_step": metrics.PerStep(number(3)),
        "per_second": metrics.PerSecond(number(3)),
        "ratio": metrics.Ratio(number(3), number(4)),
    }
    merged = metrics.merge(metrics.merge(None, first), first)
    assert metrics.summarize(merged, steps=2, seconds=4.0) == {
        "sum": 6.0,
        "per_step": 3.0,
        "per_second": 1.5,
        "ratio": 0.75,
    }


def test_a_ratio_of_nothing_is_nan():
    value = metrics.summarize({"x": metrics.Ratio(number(0), number(0))}, 1, 1.0)["x"]
    assert np.isnan(value)


def test_base_metrics_of_a_hand_made_batch():
    logits = jnp.eye(4)[jnp.array([[1, 2, 3], [1, 1, 1]])]  # predicts 1 2 3 / 1 1 1
    targets = jnp.array([[1, 2, 1], [1, 0, 0]])
    weights = jnp.array([[1.0, 1, 1], [1, 0, 0]])
    inputs = {"encoder_input_tokens": jnp.array([[5, 0], [5, 6]]), "decoder_target_tokens": targets}
    values = metrics.summarize(
        metrics.compute_base_metrics(
            metrics.count_correct(logits, targets, weights),
            targets,
            weights,
            number(8.0),
            number(2.0),
            inputs=inputs,
        ),
        steps=1,
        seconds=2.0,
    )
    expected = {
        "accuracy": 0.75,
        "loss": 8.0,
        "cross_ent_loss": 6.0,
        "z_loss": 2.0,
        "loss_per_nonpadding_target_token": 2.0,
        "loss_per_all_target_tokens": 8 / 6,
        "non_padding_fraction/encoder_input_tokens": 0.75,
        "non_padding_fraction/overall": 0.7,
        "effective_batch_size/decoder_target_tokens": 2.0,
        "timing/target_tokens_per_second": 2.0,
        "timing/seqs_per_second": 1.0,
    }
    assert {name: pytest.approx(values[name]) for name in expected} == expected


def test_packed_rows_count_their_segments():
    segments = jnp.array([[1, 1, 2, 0], [1, 2, 3, 3]])
    values = metrics.summarize(
        metrics._batch_metrics({"decoder": segments}, packed=True), steps=1, seconds=1.0
    )
    assert values["effective_batch_size/decoder"] == 5.0
    assert values["non_padding_fraction/decoder"] == 7 / 8
