"""Every wrong configuration, given to the command itself: a message within seconds, no frames."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.t5x.toy_gin import TOY_GIN

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30
"""Of processor time: the machine that runs the tests may be busy with others."""

WRONG = {
    "a gin name": (
        "network.T5Config.emb_dimm=8",
        "'network.T5Config' has no argument 'emb_dimm'. Did you mean 'emb_dim'",
    ),
    "a required macro": (
        "TRAIN_STEPS=%gin.REQUIRED",
        "TRAIN_STEPS must be set and is not.",
    ),
    "a mixture": (
        "MIXTURE_OR_TASK_NAME='toi'",
        "No mixture or task is called 'toi'. Did you mean 'toy'",
    ),
    "a module of tasks": (
        "MIXTURE_OR_TASK_MODULE='tests.t5x.toy_taks'",
        "MIXTURE_OR_TASK_MODULE names 'tests.t5x.toy_taks', which Python cannot find.",
    ),
    "an embedding": (
        "network.T5Config.vocab_size=128",
        "The vocabulary has 259 ids and the embedding 128 rows",
    ),
    "a vocabulary": (
        "seqio.ByteVocabulary.extra_ids=100",
        "The input vocabulary of 'toy' differs from the model's",
    ),
    "lengths": (
        "TASK_FEATURE_LENGTHS={'inputs': 7, 'targets': 12}",
        "begin with the same",
        "MIXTURE_OR_TASK_NAME='toy_copy'",
    ),
    "a batch on the mesh": (
        "BATCH_SIZE=6",
        "Batch size 6 is not divisible by the data axis of the mesh, 8",
    ),
    "a batch in slices": (
        "trainer.Trainer.num_microbatches=3",
        "A batch of 8 rows cannot be cut into num_microbatches=3 equal parts",
    ),
    "a mesh": (
        "partitioning.PjitPartitioner.num_partitions=3",
        "num_partitions=3 does not divide the 8 cpu devices",
    ),
    "a cache": (
        "USE_CACHED_TASKS=True",
        "USE_CACHED_TASKS asks for SeqIO's offline cache, and there is none of",
    ),
    "an accelerator": (
        "partitioning.PjitPartitioner.backend='tpu'",
        "PjitPartitioner was asked for backend='tpu', which JAX does not find",
    ),
    "a learning rate": (
        "utils.create_learning_rate_scheduler.base_learning_rate=1e30",
        "Training has diverged in steps 1 to 5: ",
    ),
}


def train(folder, *bindings):
    """The finished command, and the processor time it took in seconds."""
    (folder / "toy.gin").write_text(TOY_GIN)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        [
            *(sys.executable, "-m", "t5x.train", f"--gin_file={folder / 'toy.gin'}"),
            *(f"--gin.{binding}" for binding in (f"MODEL_DIR='{folder / 'run'}'", *bindings)),
        ],
        cwd=ROOT, capture_output=True, text=True, env=os.environ, check=False,
    )  # fmt: skip
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return result, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def assert_refused(result, seconds, message, code=2):
    assert message in result.stderr
    assert result.returncode == code
    assert "Traceback" not in result.stderr
    assert seconds < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said(tmp_path, what):
    binding, message, *others = WRONG[what]
    result, seconds = train(tmp_path, binding, *others)
    diverges = what == "a learning rate"
    assert_refused(result, seconds, message, code=1 if diverges else 2)
    assert not list((tmp_path / "run").glob("checkpoint_*"))
    if not diverges:  # every other message names the place of the setting
        name, value = binding.split("=", 1)
        vocabulary = "VOCABULARY = @seqio.ByteVocabulary()   ("
        place = vocabulary if what == "a vocabulary" else f"{name} = {value}   (the command line)"
        assert f"\n  {place}" in result.stderr


@pytest.mark.slow
def test_steps_that_are_done(tmp_path):
    assert train(tmp_path, "TRAIN_STEPS=2")[0].returncode == 0
    result, seconds = train(tmp_path, "TRAIN_STEPS=2")
    assert_refused(result, seconds, "There is nothing to train: TRAIN_STEPS is 2, up to step 2")
