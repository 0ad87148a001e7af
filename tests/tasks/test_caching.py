"""SeqIO's offline cache: Beam writes it, a run needs nothing else. Needs the extra `cache`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("apache_beam", reason="install '.[cache]' in an environment of its own")

ROOT = Path(__file__).resolve().parents[2]
TASKS = ("toy_copy", "toy_reverse")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    subprocess.run(
        [
            str(Path(sys.executable).with_name("seqio_cache_tasks")),
            "--module_import=tests.t5x.toy_tasks",
            f"--tasks={','.join(f'^{name}$' for name in TASKS)}",
            f"--output_cache_dir={folder}",
            "--base_seed=0",
            "--min_shards=2",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_every_example_is_in_the_cache(cache, name):
    for split, rows in (("train", 300), ("validation", 37)):
        stats = json.loads((cache / name / f"stats.{split}.json").read_text())
        assert stats["examples"] == rows


@pytest.mark.slow
def test_a_run_needs_the_cache_and_nothing_else(cache, tmp_path):
    own = tmp_path / "toy.gin"
    own.write_text(
        "from __gin__ import dynamic_registration\n"
        "import __main__ as train_script\n"
        "import seqio\n"
        "include 'gin/tiny.gin'\n"
        "MIXTURE_OR_TASK_NAME = 'toy'\n"
        "MIXTURE_OR_TASK_MODULE = 'tests.t5x.toy_tasks'\n"
        "VOCABULARY = @seqio.ByteVocabulary()\n"
        "NUM_EMBEDDINGS = 384\n"
        "USE_CACHED_TASKS = True\n"
        "TRAIN_STEPS = 3\n"
        "BATCH_SIZE = 8\n"
        "train_script.train.infer_eval_dataset_cfg = None\n"
        f"MODEL_DIR = '{tmp_path / 'run'}'\n"
    )
    command = [sys.executable, "-m", "t5x.train", f"--gin_file={own}"]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "seqio_cache_tasks --tasks=toy_copy,toy_reverse" in refused.stderr
    subprocess.run(
        [*command, f"--seqio_additional_cache_dirs={cache}"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    lines = (tmp_path / "run" / "train" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["step"] == 3
