"""Pre-training by span corruption as tasks: domains, rates, vocabularies, records."""

import pytest

import tasks  # noqa: F401 - registers
from t5chem.vocabularies import chem
from t5x.quiet import import_seqio
from tests.tasks.test_examples import ALL, MOLECULE, PROCEDURE, REACTION

seqio = import_seqio()
# The helpers need the package's tests, which it does not import itself.
import seqio.test_utils as seqio_tests  # noqa: E402

TEXTS = {
    "descriptions": (MOLECULE, MOLECULE["description"]),
    "paragraphs": (PROCEDURE, PROCEDURE["paragraph"]),
    "molecules": (MOLECULE, MOLECULE["smiles"]),
    "products": (REACTION, REACTION["products"]),
    "precursors": (REACTION, ALL),
}
TEXT = {"starter_denoise_descriptions", "starter_denoise_paragraphs"}
SMILES = {"starter_denoise_molecules", "starter_denoise_products", "starter_denoise_precursors"}


def rates(name):
    mixture = seqio.get_mixture_or_task(name)
    return {task.name: mixture.get_rate(task) for task in mixture.tasks}


def test_text_and_smiles_are_mixed_one_to_one():
    assert rates("starter_denoise_text") == dict.fromkeys(TEXT, 1.0)
    assert rates("starter_denoise_smiles") == dict.fromkeys(SMILES, 1.0)
    both = rates("starter_denoise")
    assert both.keys() == TEXT | SMILES
    assert sum(both[name] for name in TEXT) == pytest.approx(1)
    assert sum(both[name] for name in SMILES) == pytest.approx(1)


@pytest.mark.parametrize("suffix", [".t5", ".byte"])
def test_they_come_in_the_other_vocabularies(suffix):
    assert rates(f"starter_denoise{suffix}").keys() == {f"{n}{suffix}" for n in TEXT | SMILES}


def test_reactions_come_in_atoms_without_a_prompt():
    assert rates("starter.atoms") == {
        "starter_forward.atoms": 1.0,
        "starter_retrosynthesis.atoms": 1.0,
    }
    assert "starter_text2mol.atoms" not in seqio.TaskRegistry.names()
    example = seqio_tests.test_preprocessing_single(
        "starter_retrosynthesis.atoms", {"validation": REACTION}
    )
    assert example["inputs_pretokenized"].decode() == REACTION["products"]


@pytest.mark.parametrize("what", TEXTS)
def test_what_is_left_and_what_was_left_out_make_the_text(what):
    record, text = TEXTS[what]
    name = f"starter_denoise_{what}"
    example = seqio_tests.test_preprocessing_single(name, {"validation": record})
    inputs, targets = example["inputs"].tolist(), example["targets"].tolist()
    assert inputs[-1] == targets[-1] == chem().eos_id
    sentinels = set(chem().sentinel_ids)
    spans: dict[int, list[int]] = {}
    for token in targets[:-1]:
        if token in sentinels:
            spans[token] = []
        else:
            spans[max(spans, key=list(spans).index)].append(token)
    whole = [t for token in inputs for t in spans.get(token, [token])]
    assert chem().decode(whole) == text
    assert list(spans) == list(chem().sentinel_ids)[: len(spans)]
