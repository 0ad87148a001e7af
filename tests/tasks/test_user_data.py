"""A table of a user's own becomes tasks, and is not trained on unnoticed when it has changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READ = (
    "import tasks; from tasks.factory import seqio\n"
    "task = seqio.get_mixture_or_task('mine_{task}')\n"
    "rows = task.get_dataset({{'inputs': 64, 'targets': 64}}, 'train', shuffle=False)\n"
    "print(*sorted(row['targets_pretokenized'].decode() for row in rows.as_numpy_iterator()))"
)


@pytest.fixture
def in_folder(tmp_path):
    """Runs commands in a folder with a table of reactions, one of them without reagents."""
    (tmp_path / "mine.csv").write_text("from,with,to\nCCO,CC(=O)Cl,CCOC(C)=O\nC=C.Br,,CCBr\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TFDS_DATA_DIR": str(tmp_path / "made")}

    def run(*command, task="retrosynthesis"):
        command = command or ("-c", READ.format(task=task))
        return subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    yield run


def test_from_a_table_to_examples(in_folder, tmp_path):
    columns = ("--reactants", "from", "--reagents", "with", "--products", "to")
    validation = ("--validation", "other.csv")
    (tmp_path / "other.csv").write_text("from,with,to\nCN,,CNC\n")
    added = in_folder(
        "-m", "t5chem", "data", "add", "mine", "--file", "mine.csv", *validation, *columns
    )
    assert added.returncode == 0, added.stderr
    assert in_folder().stdout.splitlines()[-1] == "Br.C=C CC(=O)Cl.CCO"
    assert in_folder(task="forward").stdout.splitlines()[-1] == "CCBr CCOC(C)=O"

    (tmp_path / "mine.csv").write_text("from,with,to\nCCO,CC(=O)Cl,CCOC(C)=O\n")
    refused = in_folder()
    assert refused.returncode != 0
    assert "mine was made from something else than is there now (" in refused.stderr
