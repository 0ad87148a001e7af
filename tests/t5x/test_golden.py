"""Our engine against the numbers of Google's T5X, at the tolerances stated with them."""

import functools
from pathlib import Path

import jax
import numpy as np
import pytest

from t5x import decoding, metrics
from t5x.train_state import FlaxOptimTrainState
from tests.t5x.golden import NAMES, Golden


@pytest.fixture(scope="module", params=NAMES)
def golden(request: pytest.FixtureRequest, shared: Path) -> Golden:
    return Golden(shared / "golden", request.param)


def assert_trees_close(actual, expected, rtol):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=rtol, atol=rtol * max(np.abs(e).max(), 1e-3))


@pytest.mark.parametrize("kind", ["batch", "packed"])
def test_logits(golden, kind):
    logits = jax.jit(golden.model()._logits)(golden.tree("params"), golden.batch(kind))
    expected = golden.arrays[f"{kind}_logits"]
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("kind", ["batch", "packed"])
def test_loss_metrics_and_gradients(golden, kind):
    model, params, batch = golden.model(), golden.tree("params"), golden.batch(kind)
    (loss, step_metrics), grads = jax.jit(jax.value_and_grad(model.loss_fn, has_aux=True))(
        params, batch, None
    )
    np.testing.assert_allclose(loss, golden.meta["results"][f"{kind}_loss"], rtol=1e-5)
    assert_trees_close(grads, golden.tree(f"{kind}_grads"), rtol=1e-4)
    numbers = metrics.summarize(step_metrics, steps=1, seconds=1.0)
    expected = golden.meta["results"][f"{kind}_metrics"]
    assert set(expected) <= set(numbers)
    for name, value in expected.items():
        if value is not None:  # null stands for metrics that need the number of steps
            np.testing.assert_allclose(numbers[name], value, rtol=1e-5, atol=1e-8, err_msg=name)


def test_three_adafactor_steps(golden):
    model, batch = golden.model(), golden.batch("packed")
    shapes = {name: value.shape for name, value in batch.items()}
    init = functools.partial(model.get_initial_variables, input_shapes=shapes)
    variables = dict(jax.eval_shape(init, jax.random.key(0)))
    variables["params"] = golden.tree("params")
    state = FlaxOptimTrainState.create(model.optimizer_def, variables)
    step = jax.jit(jax.value_and_grad(model.loss_fn, has_aux=True))
    apply = jax.jit(FlaxOptimTrainState.apply_gradient)
    for i in range(3):
        (loss, _), grads = step(state.params, batch, None)
        np.testing.assert_allclose(
            loss, golden.meta["results"][f"adafactor_loss_step{i}"], rtol=1e-4
        )
        state = apply(state, grads, golden.meta["learning_rate"])
    assert int(state.step) == 3
    assert_trees_close(state.params, golden.tree("adafactor3"), rtol=1e-4)


def test_scores(golden):
    score = jax.jit(golden.model().score_batch)
    scores = score(golden.tree("params"), golden.batch("batch"))
    np.testing.assert_allclose(scores, golden.arrays["score_batch"], rtol=1e-5)


def test_greedy_decoding(golden):
    model = golden.model(decoding.temperature_sample)
    tokens, aux = jax.jit(
        lambda params, batch: model.predict_batch_with_aux(
            params, batch, decoder_params={"temperature": 0.0}, return_all_decodes=True
        )
    )(golden.tree("params"), golden.batch("batch"))
    np.testing.assert_array_equal(tokens, golden.arrays["greedy_tokens"])
    np.testing.assert_allclose(aux["scores"], golden.arrays["greedy_scores"], atol=1e-4)


def test_beam_search(golden):
    model = golden.model(decoding.beam_search)
    tokens, aux = jax.jit(
        lambda params, batch: model.predict_batch_with_aux(
            params,
            batch,
            decoder_params={"alpha": 0.6},
            num_decodes=4,
            return_all_decodes=True,
        )
    )(golden.tree("params"), golden.batch("batch"))
    np.testing.assert_allclose(aux["scores"], golden.arrays["beam4_scores"], rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(tokens, golden.arrays["beam4_tokens"])
