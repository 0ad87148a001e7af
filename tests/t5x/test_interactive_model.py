"""The model in a notebook."""

import subprocess
import sys

import numpy as np
import pytest

from t5x import optimizers
from t5x.interactive_model import InteractiveModel
from tests.t5x.byte_model import LENGTHS, byte_model, input_shapes, random_state, save
from tests.t5x.toy_model import leaves, toy_partitioner

EXAMPLES = [{"inputs": f"say {word}", "targets": word} for word in ("abc", "de", "f")]


def interactive(checkpoint_path="", restore_mode="scratch", optimizer=None, **kwargs):
    model = byte_model()
    model.optimizer_def = optimizer or model.optimizer_def
    return InteractiveModel(
        batch_size=8,
        task_feature_lengths=LENGTHS,
        output_dir=None,
        partitioner=toy_partitioner(),
        model=model,
        dtype="float32",
        restore_mode=restore_mode,
        checkpoint_path=checkpoint_path,
        input_shapes=input_shapes(),
        **kwargs,
    )


@pytest.fixture(scope="module")
def trained():
    """Knows the three examples by heart."""
    model = interactive(optimizer=optimizers.adamw(), learning_rate_fn=lambda step: 0.02)
    first = model.train_step(EXAMPLES)["loss"]
    model.train_loop(150, examples=EXAMPLES)
    assert model.train_step(EXAMPLES)["loss"] < 0.2 * first
    return model


def test_it_learns_and_predicts(trained):
    assert trained.step == 152
    examples_and_predictions, _ = trained.predict(EXAMPLES)
    assert examples_and_predictions == [(e, e["targets"]) for e in EXAMPLES]
    many = [EXAMPLES[i % 3]["inputs"] for i in range(11)]  # more than a batch, without targets
    predictions, aux = trained.predict_with_aux(many)
    assert predictions == [(text, text.removeprefix("say ")) for text in many]
    assert len(aux["scores"]) == 11 and max(aux["scores"]) <= 0


def test_scores_and_metrics(trained):
    wrong = [{"inputs": "say abc", "targets": "xyz"}]
    (_, right_score), *_ = trained.score(EXAMPLES)[0]
    ((example, wrong_score),), _ = trained.score(wrong)
    assert example == wrong[0]
    assert wrong_score < right_score - 5

    def exact(targets, predictions):
        return {"exact": np.mean([t == p for t, p in zip(targets, predictions, strict=True)])}

    def likelihood(targets, scores):
        return {"mean": np.mean(scores)}

    numbers = trained.evaluate([*EXAMPLES, *wrong], [exact, likelihood])
    assert numbers["exact"] == 0.75
    assert -30 < numbers["mean"] < -1


def test_it_restores_a_checkpoint(tmp_path):
    state = random_state(seed=5, step=30)
    model = interactive(save(tmp_path, state), "latest")
    assert model.step == 30
    for ours, theirs in zip(leaves(model.train_state.params), leaves(state.params), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_it_cannot_do_it_says(trained):
    with pytest.raises(ValueError, match=r"'newest' is none of latest, specific, scratch"):
        interactive(restore_mode="newest")
    with pytest.raises(ValueError, match="Example 1 has no targets"):
        trained.train_step([EXAMPLES[0], "say abc"])
    with pytest.raises(ValueError, match=r"1 to batch_size=8 examples, got 9"):
        trained.train_step(EXAMPLES * 3)
    with pytest.raises(ValueError, match="either train_batches or examples"):
        trained.train_loop(1)


def test_it_needs_no_tensorflow():
    code = (
        "import sys, t5x.interactive_model\n"
        "assert not {'tensorflow', 'seqio', 'gin'} & set(sys.modules), 'heavy imports'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
