"""The tasks: names, prompts, vocabulary, and no input or output on import."""

import subprocess
import sys
from pathlib import Path

import pytest

import tasks  # noqa: F401 - registers
from t5chem.prompts import PROMPTS
from t5x.quiet import import_seqio

seqio = import_seqio()
ROOT = Path(__file__).resolve().parents[2]
TASKS = [f"starter_{task}" for task in PROMPTS]


def test_the_mixture_holds_the_five_tasks_at_equal_rates():
    mixture = seqio.get_mixture_or_task("starter")
    assert sorted(task.name for task in mixture.tasks) == sorted(TASKS)
    assert {mixture.get_rate(task) for task in mixture.tasks} == {1.0}


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("starter_text2mol", 1),
        ("starter_mol2text", 1),
        ("starter_mol2mol", 2),
        ("starter_text2text", 1),
    ],
)
def test_every_domain_has_a_name(name, count):
    assert len(seqio.get_subtasks(seqio.get_mixture_or_task(name))) == count


@pytest.mark.parametrize("name", TASKS)
def test_tasks_know_splits_and_vocabulary_before_the_corpus_exists(name):
    task = seqio.get_mixture_or_task(name)
    assert set(task.splits) == {"train", "validation", "test"}
    vocabulary = task.output_features["targets"].vocabulary
    assert vocabulary.vocab_size == 4608
    assert vocabulary.decode(vocabulary.encode("C[C@@H](N)C(=O)O")) == "C[C@@H](N)C(=O)O"


def test_importing_reads_and_writes_nothing(tmp_path):
    code = "import tasks; print('done')"
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        env={"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)},
    )
    assert result.stdout == "done\n"
    assert not (tmp_path / "tensorflow_datasets").exists()
