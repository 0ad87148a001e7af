"""The tasks: names, prompts, vocabulary, and no input or output on import."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import tasks  # noqa: F401 - registers
from t5chem.prompts import PROMPTS
from t5chem.vocabularies import byte, chem, seqio_vocabulary
from t5x.data import DatasetConfig, verify_matching_vocabs
from t5x.quiet import import_seqio

seqio = import_seqio()
BYTE = seqio_vocabulary.byte()
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


@pytest.mark.parametrize("suffix", ["t5", "t5_compatible", "byte"])
def test_every_task_and_mixture_comes_in_every_vocabulary(suffix):
    mixture = seqio.get_mixture_or_task(f"starter.{suffix}")
    assert sorted(task.name for task in mixture.tasks) == sorted(f"{t}.{suffix}" for t in TASKS)
    assert len(seqio.get_subtasks(seqio.get_mixture_or_task(f"starter_mol2mol.{suffix}"))) == 2


def test_vocabularies_of_the_tasks():
    def vocabulary(name):
        return seqio.get_mixture_or_task(name).output_features["targets"].vocabulary

    assert vocabulary("starter_text2mol") == seqio_vocabulary.chem()
    assert vocabulary("starter_text2mol.byte") == vocabulary("starter.byte") == BYTE
    assert vocabulary("starter_text2mol") != vocabulary("starter_text2mol.byte")


def test_a_model_of_another_vocabulary_is_refused_with_both_hashes():
    cfg = DatasetConfig("starter_text2mol.byte", None, "train", 1, False, 0, module="tasks")
    model = SimpleNamespace(input_vocabulary=BYTE, output_vocabulary=BYTE)
    verify_matching_vocabs(cfg, model)
    model.output_vocabulary = seqio_vocabulary.chem()
    with pytest.raises(ValueError, match="differs from the model's") as refusal:
        verify_matching_vocabs(cfg, model)
    assert byte().fingerprint in str(refusal.value)
    assert chem().fingerprint in str(refusal.value)


def test_t5_tasks_need_googles_file_only_when_used(monkeypatch):
    code = (
        "import tasks; from tasks.factory import seqio\n"
        "features = seqio.get_mixture_or_task('starter.t5').output_features\n"
        "assert features['inputs'].vocabulary.eos_id == 1\n"
        "try: features['inputs'].vocabulary.encode('C')\n"
        "except ValueError as error: print('T5CHEM_T5_VOCAB' in str(error))"
    )
    monkeypatch.delenv("T5CHEM_T5_VOCAB", raising=False)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stdout == "True\n"


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
