"""The training step: it learns, micro-batches change nothing, seeds decide all."""

import functools
import json

import jax
import numpy as np
import pytest

from t5x.optimizers import adamw
from t5x.trainer import accumulate_grads
from tests.t5x.toy_model import (
    leaves,
    losses_of,
    one_device_partitioner,
    toy_batch,
    toy_model,
    toy_trainer,
)


@pytest.mark.parametrize("optimizer", [None, adamw(weight_decay=0.01)])
def test_a_batch_is_learned_by_heart(optimizer):
    trainer = toy_trainer(toy_model(optimizer), one_device_partitioner())
    same = iter(lambda: toy_batch(0), None)
    first = trainer.train(same, 1)
    last = trainer.train(same, 60)
    assert last["loss"] < 0.5 * first["loss"]
    assert last["accuracy"] > first["accuracy"]
    assert int(trainer.train_state.step) == 61


@pytest.mark.parametrize(
    ("normalizer", "parts"),
    [
        pytest.param(None, (2, 4), marks=pytest.mark.slow),
        ("NUM_REAL_TARGET_TOKENS", (2, 4)),
        ("AVERAGE_PER_SEQUENCE", (4,)),
    ],
)
def test_micro_batches_change_no_gradient(normalizer, parts):
    model = toy_model(normalizer=normalizer)
    params = toy_trainer(model, one_device_partitioner()).train_state.params
    batch = toy_batch(3)

    accumulate = jax.jit(functools.partial(accumulate_grads, model), static_argnums=(2, 3))
    whole, whole_metrics = accumulate(params, batch, None, 1)
    for n in parts:
        grads, metrics = accumulate(params, batch, None, n)
        for one, expected in zip(leaves(grads), leaves(whole), strict=True):
            np.testing.assert_allclose(one, expected, atol=1e-5 * np.abs(expected).max())
        for name in ("loss", "token_loss", "accuracy", "non_padding_fraction/overall"):
            assert metrics[name].value(1, 1.0) == pytest.approx(
                whole_metrics[name].value(1, 1.0), rel=1e-5
            )


def test_the_loss_of_a_token_is_the_same_whatever_the_loss_is_divided_by():
    batch = toy_batch(3)
    params = toy_trainer(toy_model(), one_device_partitioner()).train_state.params
    plain, _ = toy_model(normalizer=None).loss_fn(params, batch, None)
    tokens = np.count_nonzero(batch["decoder_target_tokens"])
    for normalizer in (None, 233472, "NUM_REAL_TARGET_TOKENS", "NUM_TOTAL_TARGET_TOKENS"):
        _, metrics = toy_model(normalizer=normalizer).loss_fn(params, batch, None)
        shown = metrics["token_loss"].value(1, 1.0)
        assert shown == pytest.approx(float(plain) / tokens, rel=1e-5)


def test_dropout_is_a_function_of_seed_and_step():
    first, second = (
        losses_of(toy_trainer(toy_model(dropout_rate=0.3), one_device_partitioner()), 4)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    plain = losses_of(toy_trainer(toy_model(), one_device_partitioner()), 4)
    assert not np.allclose(first, plain)


def test_metrics_are_written_and_evaluation_changes_nothing(tmp_path):
    trainer = toy_trainer(toy_model(), one_device_partitioner(), summary_dir=str(tmp_path))
    trainer.train(iter([toy_batch(0), toy_batch(1)]), 2)
    before = leaves(trainer.train_state.params)
    numbers = trainer.eval({"toy": [toy_batch(5), toy_batch(6)]})
    trainer.close()
    for a, b in zip(before, leaves(trainer.train_state.params), strict=True):
        np.testing.assert_array_equal(a, b)
    (line,) = (tmp_path / "train" / "metrics.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record["step"] == 2
    assert record["learning_rate"] == pytest.approx(0.01)
    assert record["timing/steps_per_second"] > 0
    (line,) = (tmp_path / "training_eval" / "toy" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["loss"] == pytest.approx(numbers["toy"]["loss"])
    assert list((tmp_path / "train").glob("events*"))
