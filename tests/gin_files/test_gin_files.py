"""Every gin file loads, and the runnable ones train at toy size."""

import itertools
import json
import re
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from t5x import gin_utils, huggingface
from t5x.quiet import import_seqio

gin = gin_utils.gin
ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    str(path.relative_to(ROOT))
    for folder in ("gin", "t5x")
    for path in (ROOT / folder).rglob("*.gin")
)
TWO_ENCODERS = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "gin/ablations").glob("md*.gin")  # MD and MDMT
)
RUNNABLE = (
    ("gin/tiny.gin",),
    pytest.param(("gin/small.gin",), marks=pytest.mark.slow),
    pytest.param(("gin/base.gin",), marks=pytest.mark.slow),
    pytest.param(("gin/runs/real.gin",), marks=pytest.mark.slow),
    *(pytest.param(("gin/tiny.gin", file), marks=pytest.mark.slow) for file in TWO_ENCODERS),
    pytest.param(("gin/small.gin", TWO_ENCODERS[0]), marks=pytest.mark.slow),
)
# Whether each scores predictions. A few run in the fast tests, the others with `-m slow`.
SYSTEMS = {
    "gin/baselines/transformer.gin": True,
    "gin/baselines/t5_finetune.gin": True,
    "gin/baselines/molt5.gin": True,
    "gin/baselines/rxn_forward.gin": True,
    "gin/baselines/rxn_retrosynthesis.gin": True,
    "gin/baselines/rxn_paragraph2actions.gin": True,
    "gin/pretrain/text.gin": False,
    "gin/pretrain/smiles.gin": False,
    "gin/pretrain/molt5.gin": False,
}
RECIPES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "gin/recipes").glob("*.gin"))
FAST_PAIRS = (
    ("gin/tiny.gin", "gin/baselines/transformer.gin"),
    ("gin/scale/tiny.gin", "gin/baselines/molt5.gin"),
    ("gin/scale/tiny.gin", "gin/pretrain/text.gin"),
)
PAIRS = [
    pair if pair in FAST_PAIRS else pytest.param(*pair, marks=pytest.mark.slow)
    for pair in itertools.product(("gin/scale/tiny.gin", "gin/tiny.gin"), SYSTEMS)
]
FROM_A_CHECKPOINT = ("gin/baselines/t5_finetune.gin", "gin/baselines/molt5.gin")

TOY_SIZE = [
    "from __gin__ import dynamic_registration",
    "import __main__ as train_script",
    "import seqio",
    "from t5x import utils",
    "from t5x.examples.t5 import network",
    "VOCABULARY = @seqio.ByteVocabulary()",
    "NUM_EMBEDDINGS = 384",
    "MIXTURE_OR_TASK_NAME = 'toy'",
    "MIXTURE_OR_TASK_MODULE = 'tests.t5x.toy_tasks'",
    "TASK_FEATURE_LENGTHS = {'inputs': 24, 'targets': 12}",
    "BATCH_SIZE = 8",
    "EVAL_STEPS = 1",
    "network.T5Config.emb_dim = 16",
    "network.T5Config.num_heads = 2",
    "network.T5Config.num_encoder_layers = 1",
    "network.T5Config.num_decoder_layers = 1",
    "network.T5Config.head_dim = 8",
    "network.T5Config.mlp_dim = 16",
]

SCORED = "EVALUATOR_NUM_EXAMPLES = 10"


@pytest.fixture
def train_module(monkeypatch):
    """The command that has all the others, as gin sees it: the main module."""
    import_seqio()
    from t5x import main

    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.chdir(ROOT)
    gin.clear_config()
    yield main
    gin.clear_config()


@pytest.mark.parametrize("file", FILES)
def test_every_gin_file_loads(train_module, file):
    gin_utils.parse_gin_flags(["."], [file], [], finalize_config=False)
    loaded = gin.config_str()
    macros = re.findall(r"^([A-Z][A-Z0-9_]*) = ", (ROOT / file).read_text(), re.MULTILINE)
    assert macros or "=" in loaded
    assert [name for name in macros if not re.search(rf"^{name} = ", loaded, re.MULTILINE)] == []


def run(train_module, files, model_dir, *bindings):
    with_toy_size = [*TOY_SIZE, f"MODEL_DIR = '{model_dir}'", *bindings]
    gin_utils.parse_gin_flags(["."], list(files), with_toy_size)
    return gin.get_configurable(train_module.train)()


@pytest.mark.parametrize("files", RUNNABLE)
def test_runnable_configurations_take_two_steps(train_module, tmp_path, files):
    short = ["TRAIN_STEPS = 2", "EVAL_PERIOD = 2", "train_script.train.stats_period = 1", SCORED]
    if files[-1] == "gin/runs/real.gin":  # learns one mixture and is scored on another
        short.append("SCORED_MIXTURE = 'toy'")
    step, state = run(train_module, files, tmp_path, *short)
    assert (step, int(state.step)) == (2, 2)
    lines = (tmp_path / "train" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]
    assert (tmp_path / "checkpoint_2" / "state").is_dir()
    assert "MODEL_DIR" in (tmp_path / "config.gin").read_text()
    results = json.loads((tmp_path / "results.json").read_text())
    assert [task["task"] for task in results["tasks"]] == ["toy_copy", "toy_reverse"]
    assert all(task["count"] == 10 for task in results["tasks"])
    assert (tmp_path / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize(("before", "file"), PAIRS)
def test_systems_take_two_steps_after_a_scale_and_after_a_runnable_file(
    train_module, tmp_path, before, file
):
    short = ["TRAIN_STEPS = 2", "EVAL_PERIOD = 2", *([SCORED] if SYSTEMS[file] else [])]
    if file in FROM_A_CHECKPOINT:
        short.append("INITIAL_CHECKPOINT_PATH = []")
    step, state = run(train_module, [before, file], tmp_path, *short)
    assert (step, int(state.step)) == (2, 2)
    assert (tmp_path / "results.json").exists() == SYSTEMS[file]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["run", "model folder"])
def test_fine_tuning_takes_parameters_and_begins_anew(train_module, tmp_path, kind):
    first, text = tmp_path / "text", ["gin/scale/tiny.gin", "gin/pretrain/text.gin"]
    _, trained = run(train_module, text, first, "TRAIN_STEPS = 3", "EVAL_PERIOD = 3")
    start = str(first)
    if kind == "model folder":
        start = str(tmp_path / "folder")
        config = gin.get_configurable("network.T5Config")()
        Path(start).mkdir()
        huggingface.write_weights(start, config, trained.params)
        content = json.dumps(huggingface.config_to_json(config))
        Path(start, "config.json").write_text(content)
    gin.clear_config()
    files = ["gin/scale/tiny.gin", "gin/baselines/t5_finetune.gin"]
    # A rate of 0 leaves the parameters as they came.
    still = (
        "utils.create_learning_rate_scheduler.base_learning_rate = 0.0",
        "utils.create_learning_rate_scheduler.min_learning_rate = 0.0",
    )
    short = ("TRAIN_STEPS = 1", "EVAL_PERIOD = 1", SCORED, f"INITIAL_CHECKPOINT_PATH = '{start}'")
    step, state = run(train_module, files, tmp_path / "own", *short, *still)
    assert (step, int(state.step)) == (1, 1)
    jax.tree.map(np.testing.assert_array_equal, state.params, trained.params)


@pytest.mark.slow
@pytest.mark.parametrize("over_padding", [False, True])
@pytest.mark.parametrize("file", RECIPES)
def test_recipes_take_two_steps(train_module, tmp_path, file, over_padding):
    short = ["TRAIN_STEPS = 2", "EVAL_PERIOD = 2", "BATCH_SIZE = 32", SCORED]
    own = ["INITIAL_CHECKPOINT_PATH = []", f"LOSS_OVER_PADDING = {over_padding}"]
    step, _ = run(train_module, [file], tmp_path, *short, *own)
    assert step == 2
    assert (tmp_path / "results.json").exists()


@pytest.mark.parametrize(
    ("file", "steps"),
    [("text_chem_t5_small", 359_375), ("text_chem_t5_base_augm", 1_046_875)],
)
def test_recipes_are_the_published_ones(train_module, file, steps):
    own = ["INITIAL_CHECKPOINT_PATH = 't5'"]
    gin_utils.parse_gin_flags(["."], [f"gin/recipes/{file}.gin"], own)
    configured = gin.get_configurable("train/utils.DatasetConfig")()
    assert configured.mixture_or_task_name == (
        "augm.t5_compatible" if "augm" in file else "standard.t5_compatible"
    )
    assert dict(configured.task_feature_lengths) == {"inputs": 512, "targets": 512}
    assert not configured.pack
    assert configured.batch_size == 32
    # One epoch: 11.5 or 33.5 million examples, 32 a step.
    assert gin.query_parameter("train_script.train.total_steps").scoped_configurable_fn() == steps
    rate = gin.get_configurable("utils.create_learning_rate_scheduler")()
    assert [float(rate(step)) for step in (0, 1, 10**6)] == pytest.approx([6e-4] * 3)
    config = gin.get_configurable("network.T5Config")()
    assert (config.vocab_size, config.dtype, config.logits_via_embedding) == (
        32128,
        "float32",
        True,
    )


@pytest.mark.parametrize("file", SYSTEMS)
def test_systems_name_tasks_that_there_are_in_their_vocabulary(train_module, file):
    import tasks
    from t5x.data import verify_matching_vocabs

    own = ["INITIAL_CHECKPOINT_PATH = []"] if file in FROM_A_CHECKPOINT else []
    gin_utils.parse_gin_flags(["."], ["gin/scale/tiny.gin", file], own)
    configured = gin.get_configurable("train/utils.DatasetConfig")()
    assert configured.module == tasks.__name__
    model = gin.get_configurable("models.EncoderDecoderModel")()
    verify_matching_vocabs(configured, model)
    assert 0 <= model.module.config.vocab_size - model.output_vocabulary.vocab_size < 128


@pytest.mark.slow
def test_two_encoders_are_evaluated_and_predict(train_module, tmp_path):
    """A trained one by `t5x.eval` and `t5x.infer`, which know the model by gin/model alone."""
    short = ("TRAIN_STEPS = 1", "train_script.train.infer_eval_dataset_cfg = None")
    run(train_module, ["gin/tiny.gin", "gin/ablations/md_average.gin"], tmp_path, *short)
    toy_size = [line for line in TOY_SIZE if "TASK_FEATURE" not in line and "EVAL_" not in line]
    commands = {
        "eval": ("evaluate", f"EVAL_OUTPUT_DIR = '{tmp_path / 'eval'}'"),
        "infer": ("infer", f"INFER_OUTPUT_DIR = '{tmp_path / 'infer'}'"),
    }
    for kind, (command, output) in commands.items():
        gin.clear_config()
        files = ["gin/scale/tiny.gin", f"gin/{kind}.gin", "gin/model/average.gin"]
        own = [line for line in toy_size if kind == "eval" or "EVALUATOR" not in line]
        bindings = [
            *own,
            output,
            f"CHECKPOINT_PATH = '{tmp_path}'",
            "TASK_FEATURE_LENGTHS = {'inputs': 24, 'targets': 12}",
            "utils.DatasetConfig.split = 'validation'",
            "MIXTURE_OR_TASK_NAME = 'toy_copy'",
        ]
        gin_utils.parse_gin_flags(["."], files, bindings)
        gin.get_configurable(getattr(train_module, command))()
    metrics = (tmp_path / "eval" / "inference_eval" / "toy_copy-metrics.jsonl").read_text()
    assert json.loads(metrics)["step"] == 1 and "exact" in json.loads(metrics)
    (predicted,) = (tmp_path / "infer").glob("toy_copy-predict.jsonl-00000-of-00001")
    lines = predicted.read_text().splitlines()
    assert len(lines) == 37 and all("prediction" in json.loads(line) for line in lines)


@pytest.mark.slow
def test_two_vocabularies_take_two_steps(train_module, tmp_path):
    files = ["gin/tiny.gin", "gin/ablations/md_average.gin", "gin/vocabulary/two.gin"]
    two = (
        "CHEMISTRY_NUM_EMBEDDINGS = 640",
        "MIXTURE_OR_TASK_NAME = 'toy_two'",
        "MIXTURE_OR_TASK_MODULE = 'tests.t5chem.two_vocabulary_tasks'",
        "TASK_FEATURE_LENGTHS = {'inputs': 24, 'inputs_chemistry': 32, 'targets': 12}",
    )
    short = ("TRAIN_STEPS = 2", "EVAL_PERIOD = 2", "train_script.train.stats_period = 1")
    step, state = run(train_module, files, tmp_path, *two, SCORED, *short)
    assert step == 2
    embedding = state.params["chemistry_encoder"]["token_embedder"]["embedding"]
    assert embedding.shape == (640, 16)
    results = json.loads((tmp_path / "results.json").read_text())
    assert [task["count"] for task in results["tasks"]] == [10, 10]


def test_a_run_goes_on_from_its_checkpoint(train_module, tmp_path):
    period = "utils.SaveCheckpointConfig.period = 2"
    first, _ = run(train_module, ["gin/tiny.gin"], tmp_path, "TRAIN_STEPS = 2", period, SCORED)
    gin.clear_config()
    last, _ = run(train_module, ["gin/tiny.gin"], tmp_path, "TRAIN_STEPS = 4", period, SCORED)
    assert (first, last) == (2, 4)
    steps = [
        json.loads(line)["step"]
        for line in (tmp_path / "train" / "metrics.jsonl").read_text().splitlines()
    ]
    assert steps == sorted(set(steps)) and steps[-1] == 4
