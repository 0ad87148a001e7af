"""Mixtures whose tasks hold the input in two vocabularies."""

import pytest

from t5chem.vocabularies import seqio_vocabulary
from t5x.errors import ConfigError
from t5x.quiet import import_seqio
from tasks.two_vocabularies import in_two

seqio = import_seqio()


def test_a_mixture_keeps_its_tasks_and_rates():
    byte, chem = seqio_vocabulary.byte(), seqio_vocabulary.chem()
    for _ in range(2):  # a gin file may name it more than once
        assert in_two("starter", chem, byte) == "starter_two"
    mixture = seqio.get_mixture_or_task("starter_two")
    assert sorted(task.name for task in mixture.tasks) == [
        "starter_forward_two",
        "starter_mol2text_two",
        "starter_paragraph2actions_two",
        "starter_retrosynthesis_two",
        "starter_text2mol_two",
    ]
    assert {mixture.get_rate(task) for task in mixture.tasks} == {1.0}
    features = mixture.output_features
    found = {name: feature.vocabulary for name, feature in features.items()}
    assert found == {"inputs": byte, "inputs_chemistry": chem, "targets": byte}


def test_the_input_stands_in_both():
    name = in_two("starter_text2mol", seqio_vocabulary.byte())
    data = {"validation": {"id": "0", "smiles": "CCO", "description": "The molecule is ethanol."}}
    example = seqio.test_utils.test_preprocessing_single(name, data)
    asked = "Write in SMILES the described molecule: The molecule is ethanol."
    assert example["inputs_chemistry"].tolist() == [ord(c) + 3 for c in asked] + [1]
    assert example["inputs"].tolist() == [*seqio_vocabulary.chem().encode(asked), 1]
    assert example["targets"].tolist() == [*seqio_vocabulary.chem().encode("CCO"), 1]


def test_what_does_not_exist():
    with pytest.raises(ConfigError, match=r"no mixture 'startr'\. Did you mean 'starter'"):
        in_two("startr", seqio_vocabulary.chem())
