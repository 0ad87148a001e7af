"""The code of docs/reuse.md runs as it stands there, one block after the other."""

import re
from pathlib import Path

import pytest

from t5x.errors import ConfigError
from t5x.quiet import import_seqio

seqio = import_seqio()
import tasks  # noqa: E402

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reuse.md"


@pytest.fixture(scope="module")
def reused(tmp_path_factory):
    """Runs the page's Python in a folder with the file that it speaks of."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("reuse")
    (folder / "toxicity.txt").write_text("CCO\tlow\nC#N\thigh\n")
    patch.chdir(folder)
    names: dict = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        exec(block, names)
    yield names
    patch.undo()


def test_a_mixture_of_ours_and_theirs(reused):
    mixture = seqio.get_mixture_or_task("chemistry_and_toxicity")
    rates = {task.name: mixture.get_rate(task) for task in mixture.tasks}
    assert rates == {"my_toxicity": 1.0, "starter_text2mol": 3.0}
    task = seqio.get_mixture_or_task("my_toxicity")
    examples = task.get_dataset({"inputs": 16, "targets": 8}, "train", shuffle=False)
    decode = task.output_features["targets"].vocabulary.decode
    assert [decode(e["targets"].tolist()) for e in examples.as_numpy_iterator()] == ["low", "high"]


def test_a_variant(reused):
    data = {"validation": {"id": "0", "smiles": "CCO", "description": "The molecule is ethanol."}}
    example = seqio.test_utils.test_preprocessing_single("terse_text2mol", data)
    assert example["inputs_pretokenized"].decode() == "SMILES of: The molecule is ethanol."
    assert example["targets"].tolist() == [ord(c) + 3 for c in "CCO"] + [1]
    task = seqio.get_mixture_or_task("terse_text2mol")
    assert task.metric_fns[0](["CC"], ["C"]) == {"length_ratio": 0.5}


@pytest.mark.parametrize(
    ("name", "like", "message"),
    [
        ("new", "starter_text2moll", "no task 'starter_text2moll' to vary. Did you mean"),
        ("starter", "starter_text2mol", "The name 'starter' is taken"),
    ],
)
def test_variants_refused(name, like, message):
    with pytest.raises(ConfigError, match=message):
        tasks.variant(name, like)
