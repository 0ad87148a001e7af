"""Adafactor against its formulas, and its state layout."""

import jax.numpy as jnp
import numpy as np
import pytest

from t5x.adafactor import Adafactor, FactorDim, HParamMap, standard_logical_factor_rules


def one_step(optimizer, param, grad, learning_rate=0.1):
    params, grads = {"w": jnp.asarray(param)}, {"w": jnp.asarray(grad)}
    states = optimizer.init_state(params)
    new_params, new_states = optimizer.apply_gradient(grads, params, states, 0, learning_rate)
    return np.asarray(new_params["w"]), new_states["w"]


def test_the_first_step_of_a_vector_is_the_sign_of_the_gradient():
    param, grad = np.array([1.0, -3.0, 2.0], np.float32), np.array([0.5, -2.0, 1e-3], np.float32)
    new, state = one_step(Adafactor(), param, grad)
    rms = np.sqrt(np.mean(param**2))
    np.testing.assert_allclose(new, param - 0.1 * rms * np.sign(grad), rtol=1e-5)
    np.testing.assert_allclose(state["v"], grad**2, rtol=1e-6)


def test_factored_moments_are_row_and_column_means():
    rng = np.random.default_rng(0)
    param = rng.normal(size=(4, 6)).astype(np.float32)
    grad = rng.normal(size=(4, 6)).astype(np.float32)
    new, state = one_step(Adafactor(min_dim_size_to_factor=4), param, grad)
    v_row, v_col = (grad**2).mean(axis=1), (grad**2).mean(axis=0)
    np.testing.assert_allclose(state["v_row"], v_row, rtol=1e-6)
    np.testing.assert_allclose(state["v_col"], v_col, rtol=1e-6)
    assert state["v"].shape == state["m"].shape == (1,)
    update = grad / np.sqrt(np.outer(v_row, v_col) / v_row.mean())
    update /= max(1.0, np.sqrt(np.mean(update**2)))
    scale = np.sqrt(np.mean(param**2))
    np.testing.assert_allclose(new, param - 0.1 * scale * update, rtol=1e-5)


def test_the_row_is_the_second_largest_axis():
    states = Adafactor(min_dim_size_to_factor=2).init_state({"w": jnp.zeros((6, 4))})
    assert states["w"]["v_row"].shape == (4,)
    assert states["w"]["v_col"].shape == (6,)


@pytest.mark.parametrize("shape", [(127, 300), (300,), ()])
def test_small_or_flat_parameters_are_not_factored(shape):
    state = Adafactor().init_state({"w": jnp.zeros(shape)})["w"]
    assert state["v"].shape == shape
    assert state["v_row"].shape == state["v_col"].shape == (1,)


def test_stacked_layers_are_factored_one_by_one():
    optimizer = Adafactor(
        min_dim_size_to_factor=2, logical_factor_rules=standard_logical_factor_rules()
    )
    optimizer.set_param_axes({"w": ("layers", "embed", "mlp")})
    rng = np.random.default_rng(1)
    param = rng.normal(size=(3, 4, 5)).astype(np.float32)
    grad = rng.normal(size=(3, 4, 5)).astype(np.float32)
    stacked, state = one_step(optimizer, param, grad)
    assert state["v_row"].shape == (3, 4)
    assert state["v_col"].shape == (3, 5)
    for i in range(3):
        alone, _ = one_step(Adafactor(min_dim_size_to_factor=2), param[i], grad[i])
        np.testing.assert_allclose(stacked[i], alone, rtol=1e-5)


def test_an_axis_without_rule_is_named():
    optimizer = Adafactor(logical_factor_rules=standard_logical_factor_rules())
    optimizer.set_param_axes({"w": ("layers", "embed", "expert")})
    with pytest.raises(ValueError, match=r"'w'.*'expert'.*logical_factor_rules"):
        optimizer.init_state({"w": jnp.zeros((2, 3, 4))})


def test_factor_map_beats_size():
    none = HParamMap([("w", (FactorDim.NONE, FactorDim.NONE))])
    state = Adafactor(min_dim_size_to_factor=2, factor_map=none).init_state(
        {"w": jnp.zeros((4, 4))}
    )
    assert state["w"]["v"].shape == (4, 4)


def test_momentum_weight_decay_and_scale():
    param, grad = np.full((3,), 2.0, np.float32), np.ones((3,), np.float32)
    new, state = one_step(
        Adafactor(beta1=0.9, weight_decay_rate=0.01, multiply_by_parameter_scale=False), param, grad
    )
    np.testing.assert_allclose(state["m"], 0.1 * 0.1, rtol=1e-6)
    np.testing.assert_allclose(new, 2.0 * 0.99 - 0.01, rtol=1e-6)


def test_nan_updates_can_be_skipped():
    param = np.ones((3,), np.float32)
    new, state = one_step(Adafactor(skip_nan_updates=True), param, np.array([1, np.nan, 1], "f"))
    np.testing.assert_array_equal(new, param)
    np.testing.assert_array_equal(state["v"], 0.0)


def test_the_global_norm_is_clipped():
    param, grad = np.ones((2,), np.float32), np.array([3.0, 4.0], np.float32)
    _, state = one_step(Adafactor(global_norm_clip_threshold=1.0), param, grad)
    np.testing.assert_allclose(state["v"], [0.36, 0.64], rtol=1e-5)


def test_no_learning_rate_is_an_error():
    optimizer = Adafactor()
    params = {"w": jnp.ones((2,))}
    with pytest.raises(ValueError, match="no learning rate"):
        optimizer.apply_gradient(params, params, optimizer.init_state(params), 0)


def test_hparam_map_takes_the_first_match_and_needs_one():
    rules = HParamMap([("relpos", False), ("encoder", True)])
    assert rules["encoder/relpos_bias/rel_embedding"] is False
    with pytest.raises(KeyError, match="decoder/x"):
        rules["decoder/x"]
