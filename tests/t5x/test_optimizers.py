"""Every Optax optimizer under its name, and several optimizers in one model."""

import functools
import inspect

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax._src.alias
import orbax.checkpoint as ocp
import pytest

from t5x import optimizers
from t5x.adafactor import Adafactor
from t5x.optimizers import MultiOptimizer, OptaxWrapper, chain

# These ask for what a step does not have: the loss, a line search, gradients by example, or (rprop)
# the learning rate in the state.
NEEDS_MORE = {"lbfgs", "polyak_sgd", "dpsgd", "rprop"}
ALIASES = sorted(
    name
    for name in vars(optax._src.alias)
    if not name.startswith("_")
    and callable(getattr(optax, name, None))
    and "learning_rate" in str(inspect.signature(getattr(optax, name)))
)
ARGUMENTS = {"noisy_sgd": {"key": 3}}
RATES = (0.1, 0.05, 0.2)
AXES = {"emb": ("vocab", "embed"), "mlp": {"wi": ("embed", "mlp"), "scale": ("embed",)}}


def tree(seed):
    rng = np.random.default_rng(seed)
    shapes = {"emb": (5, 4), "mlp": {"wi": (4, 6), "scale": (4,)}}
    return jax.tree.map(
        lambda shape: jnp.asarray(rng.normal(size=shape), jnp.float32),
        shapes,
        is_leaf=lambda x: isinstance(x, tuple),
    )


def train(optimizer, select=lambda tree: tree):
    """(parameters, state) after three steps at changing rates."""
    optimizer.set_param_axes(select(AXES))
    params = select(tree(0))
    state = optimizer.init_state(params)
    for step, rate in enumerate(RATES):
        grads = select(tree(step + 1))
        params, state = optimizer.apply_gradient(grads, params, state, step, jnp.float32(rate))
    return params, state


def plain_leaves(tree):
    """Leaves with random keys as numbers."""
    is_key = functools.partial(jax.dtypes.issubdtype, b=jax.dtypes.prng_key)
    leaves = jax.tree.leaves(tree)
    return [jax.random.key_data(leaf) if is_key(leaf.dtype) else leaf for leaf in leaves]


def assert_same(tree, expected, **tolerance):
    assert jax.tree.structure(tree) == jax.tree.structure(expected)
    for one, other in zip(plain_leaves(tree), plain_leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, **{"rtol": 1e-6, "atol": 1e-7, **tolerance})


def test_every_optax_optimizer_is_offered():
    assert {"adamw", "sgd", "lion", "adafactor"} <= set(ALIASES)
    assert {name for name in ALIASES if not hasattr(optimizers, name)} == NEEDS_MORE & set(ALIASES)


@pytest.mark.parametrize("name", [name for name in ALIASES if name not in NEEDS_MORE])
def test_optimizer_by_name(name):
    optimizer = getattr(optimizers, name)(**ARGUMENTS.get(name, {}))
    params, state = train(optimizer)
    for leaf, initial in zip(jax.tree.leaves(params), jax.tree.leaves(tree(0)), strict=True):
        assert np.all(np.isfinite(leaf)) and np.all(leaf != initial)
    as_dict = optimizer.state_dict(state)
    assert_same(optimizer.restore_state(optimizer.init_state(params), as_dict), state)
    axes = optimizer.derive_logical_axes(params, AXES)
    pairs = jax.tree.map(
        lambda names, leaf: names is None or len(names) == leaf.ndim,
        axes,
        state,
        is_leaf=lambda x: x is None or (type(x) is tuple and all(isinstance(n, str) for n in x)),
    )
    assert all(jax.tree.leaves(pairs))


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("adamw", {"weight_decay": 0.1}),
        ("sgd", {"momentum": 0.9, "nesterov": True}),
        ("lars", {"weight_decay": 0.01}),
        ("adafactor", {"weight_decay_rate": 0.1, "min_dim_size_to_factor": 4, "momentum": 0.9}),
        ("fromage", {}),
        ("noisy_sgd", {"key": 3}),
    ],
)
def test_a_step_is_that_of_optax_at_the_same_rate(name, kwargs):
    params, state = train(getattr(optimizers, name)(**kwargs))
    plain, plain_state = tree(0), None
    for step, rate in enumerate(RATES):
        transformation = getattr(optax, name)(rate, **kwargs)
        plain_state = transformation.init(plain) if plain_state is None else plain_state
        updates, plain_state = transformation.update(tree(step + 1), plain_state, plain)
        plain = optax.apply_updates(plain, updates)
    assert_same(params, plain)
    assert_same(state, plain_state)


def test_a_ready_transformation_is_scaled_by_the_rate():
    expected, _ = train(optimizers.adam(b1=0.8))
    assert_same(train(OptaxWrapper(optax.adam(1.0, b1=0.8)))[0], expected)
    assert_same(train(chain([optax.scale_by_adam(b1=0.8)]))[0], expected)


def test_an_argument_that_does_not_exist_is_told_at_once():
    with pytest.raises(TypeError, match="weight_decai"):
        optimizers.adamw(weight_decai=0.1)
    assert next(iter(inspect.signature(optimizers.adamw).parameters)) != "learning_rate"
    assert "weight_decay" in inspect.signature(optimizers.adamw).parameters


def test_moments_take_the_axes_of_their_parameter():
    axes = optimizers.adamw().derive_logical_axes(tree(0), AXES)
    assert axes[0].mu == AXES and axes[0].nu == AXES and axes[0].count is None


# Several optimizers in one model


def in_mlp(path):
    return path.startswith("mlp/")


def is_embedding(path):
    return path == "emb"


def mixed():
    return MultiOptimizer(
        [
            (in_mlp, optimizers.adamw(weight_decay=0.1)),
            (is_embedding, Adafactor(min_dim_size_to_factor=4)),
        ]
    )


def test_each_optimizer_treats_its_part_as_if_alone():
    params, state = train(mixed())
    mlp, mlp_state = train(optimizers.adamw(weight_decay=0.1), lambda t: {"mlp": t["mlp"]})
    embedding, embedding_state = train(
        Adafactor(min_dim_size_to_factor=4), lambda t: {"emb": t["emb"]}
    )
    assert_same(params, embedding | mlp)
    assert_same(state, {"0": mlp_state, "1": embedding_state})


def through_a_checkpoint(optimizer, state, folder):
    as_dict = optimizer.state_dict(state)
    restore_args = ocp.checkpoint_utils.construct_restore_args(as_dict)
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        checkpointer.save(folder / "state", args=ocp.args.PyTreeSave(as_dict))
        restored = checkpointer.restore(
            folder / "state", args=ocp.args.PyTreeRestore(as_dict, restore_args=restore_args)
        )
    return optimizer.restore_state(state, restored)


def test_a_random_key_in_the_state_goes_through_a_checkpoint(tmp_path):
    optimizer = optimizers.noisy_sgd(key=3)
    _, state = train(optimizer)
    assert_same(through_a_checkpoint(optimizer, state, tmp_path), state)


def test_the_state_of_several_optimizers_in_a_checkpoint(tmp_path):
    optimizer = mixed()
    params, state = train(optimizer)
    as_dict = optimizer.state_dict(state)
    flat = flax.traverse_util.flatten_dict(as_dict, sep="/")
    assert {path: leaf.shape for path, leaf in flat.items()} == {
        "0/0/count": (),
        "0/0/mu/mlp/wi": (4, 6),
        "0/0/mu/mlp/scale": (4,),
        "0/0/nu/mlp/wi": (4, 6),
        "0/0/nu/mlp/scale": (4,),
        "1/emb/m": (1,),
        "1/emb/v": (1,),
        "1/emb/v_row": (4,),
        "1/emb/v_col": (5,),
    }
    assert_same(through_a_checkpoint(optimizer, state, tmp_path), state)
    axes = optimizer.derive_logical_axes(params, AXES)
    assert axes["0"][0].mu == {"mlp": AXES["mlp"]}
    assert axes["1"]["emb"]["v_row"] == ("embed",) and axes["1"]["emb"]["v_col"] == ("vocab",)


def test_a_parameter_that_no_rule_claims_is_frozen():
    optimizer = MultiOptimizer([(is_embedding, optimizers.sgd())])
    params, state = train(optimizer)
    assert_same(params["mlp"], tree(0)["mlp"], atol=0, rtol=0)
    assert jnp.any(params["emb"] != tree(0)["emb"])
    assert not jax.tree.leaves(state)


def test_a_parameter_that_two_rules_claim():
    optimizer = MultiOptimizer(
        [(is_embedding, optimizers.sgd()), (lambda path: True, optimizers.adam())]
    )
    with pytest.raises(ValueError, match=r"Rules 0 and 1 .* both claim parameter 'emb'"):
        optimizer.init_state(tree(0))


def test_a_rule_that_claims_nothing():
    optimizer = MultiOptimizer([(lambda path: "decodr" in path, optimizers.sgd())])
    with pytest.raises(ValueError, match=r"Rule 0 .* claims no parameter.*'emb', 'mlp/scale'"):
        optimizer.init_state(tree(0))


def test_a_traversal_of_flax_is_a_rule():
    with pytest.warns(DeprecationWarning):
        traversal = flax.traverse_util.ModelParamTraversal(lambda path, _: "/mlp" in path)
    params, _ = train(MultiOptimizer([(traversal, optimizers.sgd())]))
    assert_same(params["emb"], tree(0)["emb"], atol=0, rtol=0)
    assert jnp.any(params["mlp"]["wi"] != tree(0)["mlp"]["wi"])


def test_a_learning_rate_of_its_own_is_ignored_in_words(caplog):
    params, _ = train(optimizers.adamw(learning_rate=7.0, weight_decay=0.1))
    expected, _ = train(optimizers.adamw(weight_decay=0.1))
    jax.tree.map(np.testing.assert_array_equal, params, expected)
    (record,) = caplog.records
    assert record.getMessage().startswith("adamw.learning_rate=7.0 has no effect")
