"""What the tasks make of a record, through SeqIO's own test helpers."""

import numpy as np
import pytest

import tasks  # noqa: F401 - registers
from t5chem import preprocessors
from t5chem.prompts import PROMPTS
from t5x.errors import ConfigError
from t5x.quiet import import_seqio

seqio = import_seqio()
# The helpers need the package's tests, which it does not import itself.
import seqio.test_utils as seqio_tests  # noqa: E402

MOLECULE = {"id": "7", "smiles": "F/C=C/F", "description": "The molecule is a fluoroalkene."}
REACTION = {
    "id": "7",
    "reactants": "CC(=O)Cl.CCO",
    "reagents": "C1CCOC1.[Na+]~[OH-]",
    "products": "CCOC(C)=O",
}
PROCEDURE = {
    "id": "7",
    "paragraph": "The mixture was stirred for 2 h. It was filtered.",
    "actions": "STIR for 2 h; FILTER.",
}
ALL = "C1CCOC1.CC(=O)Cl.CCO.[Na+]~[OH-]"
EXAMPLES = {
    "text2mol": (MOLECULE, MOLECULE["description"], MOLECULE["smiles"]),
    "mol2text": (MOLECULE, MOLECULE["smiles"], MOLECULE["description"]),
    "forward": (REACTION, ALL, "CCOC(C)=O"),
    "retrosynthesis": (REACTION, "CCOC(C)=O", ALL),
    "paragraph2actions": (PROCEDURE, PROCEDURE["paragraph"], PROCEDURE["actions"]),
}


@pytest.mark.parametrize("task", PROMPTS)
def test_seqio_s_own_helpers_pass(task):
    record, source, answer = EXAMPLES[task]
    name, data = f"starter_{task}", {"validation": record}
    example = seqio_tests.test_preprocessing_single(name, data)
    scores = seqio_tests.test_postprocessing(name, data, predict_output=[answer])
    assert example["inputs_pretokenized"].decode() == PROMPTS[task] + source
    assert example["targets_pretokenized"].decode() == answer
    vocabulary = seqio.get_mixture_or_task(name).output_features["inputs"].vocabulary
    np.testing.assert_array_equal(
        example["inputs"], [*vocabulary.encode(PROMPTS[task] + source), vocabulary.eos_id]
    )
    assert scores["exact" if "exact" in scores else "bleu2"] == 1.0
    wrong = seqio_tests.test_postprocessing(name, data, predict_output=["no"])
    assert wrong["exact" if "exact" in wrong else "bleu2"] == 0.0


def copies_of(task, record):
    pairs = preprocessors.tf.data.Dataset.from_tensors(record)
    for step in preprocessors.ask(task, *FIELDS[task], augmented=True):
        pairs = step(pairs)
    return [
        {name: value.decode() for name, value in example.items()}
        for example in pairs.as_numpy_iterator()
    ]


FIELDS = {
    "mol2text": (["smiles"], ["description"]),
    "forward": (["reactants", "reagents"], ["products"]),
    "paragraph2actions": (["paragraph"], ["actions"]),
}


@pytest.fixture
def configured():
    preprocessors.gin.clear_config()
    yield preprocessors.gin.parse_config
    preprocessors.gin.clear_config()


def test_copies_follow_each_example_and_answers_stay(configured):
    configured("Copies.copies = 3\nCopies.rates = {'randomised': 1.0}")
    examples = copies_of("forward", REACTION)
    assert [example["id"] for example in examples] == ["7/0", "7/1", "7/2", "7/3"]
    assert examples[0]["inputs"] == PROMPTS["forward"] + ALL
    assert {example["targets"] for example in examples} == {"CCOC(C)=O"}
    assert len({example["inputs"] for example in examples}) > 1
    assert examples == copies_of("forward", REACTION)


def test_amounts_change_with_their_answers(configured):
    configured("Copies.rates = {'amounts': 1.0}")
    record = {"id": "1", "paragraph": "Add water (10 mL).", "actions": "ADD water (10 mL)."}
    plain, *others = copies_of("paragraph2actions", record)
    assert plain["targets"] == "ADD water (10 mL)."
    for other in others:
        amount = other["source"].partition("(")[2].partition(")")[0]
        assert amount != "10 mL" and other["targets"] == f"ADD water ({amount})."


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("Copies.copies = -1", "Copies.copies is -1: give 0 or more."),
        ("Copies.rates = {'randomized': 1.0}", "There is no augmentation 'randomized'"),
        ("Copies.rates = {'kekule': 2}", "rate of augmentation 'kekule' is 2"),
    ],
)
def test_wrong_copies_are_refused(configured, binding, message):
    configured(binding)
    with pytest.raises(ConfigError, match=message):
        copies_of("mol2text", MOLECULE)
