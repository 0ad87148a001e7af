"""Each wall of the house, asserted from a fresh interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRAINING_ONLY = ("tensorflow", "seqio", "gin", "tensorflow_datasets", "clu")

PREDICTING = [
    "t5x",
    "t5x.models",
    "t5x.decoding",
    "t5x.partitioning",
    "t5x.checkpoints",
    "t5x.trainer",
    "t5x.report",
    "t5x.examples.t5.network",
    "t5x.huggingface",
    "t5chem",
    "t5chem.actions",
    "t5chem.cli",
    "t5chem.drawing",
    "t5chem.export",
    "t5chem.metrics",
    "t5chem.model_folder",
    "t5chem.parity",
    "t5chem.predict_command",
    "t5chem.predictor",
    "t5chem.prompts",
    "t5chem.report",
    "t5chem.smiles",
    "t5chem.vocabularies",
]


def modules_after(statement: str) -> set[str]:
    """Top-level names of all modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(result.stdout.split())


def test_predicting_imports_nothing_that_training_needs():
    loaded = modules_after("import " + ", ".join(PREDICTING))
    assert not loaded & set(TRAINING_ONLY)


def test_importing_the_engine_loads_and_prints_nothing():
    code = (
        "import sys; before = set(sys.modules); import t5x; print(len(set(sys.modules) - before))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert (result.stdout, result.stderr) == ("1\n", "")


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("t5x", ("t5chem", "tasks", "rdkit")),
        ("t5chem", ("tasks",)),
    ],
)
def test_no_file_of_a_storey_imports_from_above(package, forbidden):
    offenders = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.lstrip().startswith(("import ", "from "))
        and line.split()[1].split(".")[0] in forbidden
    ]
    assert not offenders


def test_only_the_chemistry_imports_rdkit():
    for path in [*(ROOT / "t5x").rglob("*.py"), *(ROOT / "tasks").rglob("*.py")]:
        assert "rdkit" not in path.read_text(encoding="utf-8"), path
