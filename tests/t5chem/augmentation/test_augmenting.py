"""The interface: seed, row and copy decide, and each augmentation minds its own chance."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t5chem.actions import parse_actions
from t5chem.augmentation import AUGMENTATIONS, augment
from t5chem.prompts import PROMPTS
from t5chem.smiles import canonical_mixture
from t5x.errors import ConfigError

EXAMPLES = {
    "forward": ("CC(=O)Cl.CCN(CC)CC.ClCCl.Nc1ccccc1", "CC(=O)Nc1ccccc1"),
    "retrosynthesis": ("CC(=O)Nc1ccccc1", "CC(=O)Cl.CCN(CC)CC.ClCCl.Nc1ccccc1"),
    "mol2text": ("CC(=O)Oc1ccccc1C(=O)O", "The molecule is aspirin."),
    "text2mol": (
        "The molecule is salicylic acid. It is a phenol. Its formula is C7H6O3. It is neutral.",
        "O=C(O)c1ccccc1O",
    ),
    "paragraph2actions": (
        "Aniline (1.0 g) was added to THF (5 mL) and the mixture was stirred at 60 °C for 2 h.",
        "ADD THF (5 mL); ADD Aniline (1.0 g); STIR for 2 h at 60 °C.",
    ),
}
ALWAYS = dict.fromkeys(AUGMENTATIONS, 1.0)


def augmented(task, seed=0, row_id="row", copy=1, rates=ALWAYS):
    return augment(task, *EXAMPLES[task], seed=seed, row_id=row_id, copy=copy, rates=rates)


@pytest.mark.parametrize("task", PROMPTS)
def test_an_example_is_changed_and_its_answer_is_not(task):
    inputs, targets = augmented(task)
    assert inputs != EXAMPLES[task][0]
    if task == "paragraph2actions":
        assert targets != EXAMPLES[task][1]
        assert [type(one) for one in parse_actions(targets)] == [
            type(one) for one in parse_actions(EXAMPLES[task][1])
        ]
    else:
        assert targets == EXAMPLES[task][1]


def test_literal_examples():
    only = dict.fromkeys(AUGMENTATIONS, 0.0)
    rates = only | {"kekule": 1.0, "explicit_hydrogens": 1.0}
    assert augmented("retrosynthesis", rates=rates)[0] == (
        "[CH3][C](=[O])[NH][C]1=[CH][CH]=[CH][CH]=[CH]1"
    )
    assert augmented("text2mol", rates=only | {"synonyms": 1.0})[0].startswith(
        "The molecule is 2-hydroxybenzoic acid. It is a phenol."
    )


@pytest.mark.parametrize("task", PROMPTS)
def test_seed_row_and_copy_decide(task):
    assert augmented(task) == augmented(task)
    others = {
        augmented(task, seed, row, copy)[0] for seed in (0, 1) for row in "ab" for copy in (1, 2)
    }
    assert len(others) > 1


def test_stable_over_machines_and_processes():
    """A literal: what is cached on one machine must be what another makes."""
    rates = {"shuffled_sentences": 1.0, "dropped_sentences": 0.5}
    copies = [augmented("text2mol", 3, "CHEBI:16914", copy, rates)[0] for copy in (1, 2, 3)]
    assert copies == [
        "The molecule is salicylic acid. It is a phenol. It is neutral. Its formula is C7H6O3.",
        "The molecule is salicylic acid. It is neutral. Its formula is C7H6O3.",
        "The molecule is salicylic acid. It is neutral. Its formula is C7H6O3. It is a phenol.",
    ]


@pytest.mark.parametrize("task", PROMPTS)
def test_no_rate_no_change(task):
    assert augmented(task, rates={}) == EXAMPLES[task]
    assert augmented(task, rates=dict.fromkeys(AUGMENTATIONS, 0.0)) == EXAMPLES[task]
    others = {name: 1.0 for name, tasks in AUGMENTATIONS.items() if task not in tasks}
    assert augmented(task, rates=others) == EXAMPLES[task]


def test_rates_are_met():
    rates = {"shuffled_sentences": 0.3}
    rows = [augmented("text2mol", row_id=f"{row}", rates=rates) for row in range(1000)]
    changed = sum(row != EXAMPLES["text2mol"] for row in rows)
    assert 250 < changed < 350


def test_one_augmentation_leaves_the_chance_of_another_alone():
    for row in map(str, range(50)):
        alone = augmented("text2mol", row_id=row, rates={"shuffled_sentences": 0.5})[0]
        both = augmented("text2mol", row_id=row, rates={"synonyms": 1.0, "shuffled_sentences": 0.5})
        assert both[0].replace("2-hydroxybenzoic", "salicylic") == alone


@pytest.mark.parametrize(
    ("task", "rates", "said"),
    [
        (
            "text2mol",
            {"randomized": 1.0},
            "no augmentation 'randomized'. Did you mean 'randomised'?",
        ),
        ("text2mol", {"x": 0.0}, "no augmentation 'x'. There are randomised, kekule"),
        ("text3mol", {}, "no task 'text3mol'. Did you mean 'text2mol'"),
        ("forward", {"kekule": 1.5}, "augmentation 'kekule' is 1.5: it is a probability"),
        ("forward", {"synonyms": -0.1}, "augmentation 'synonyms' is -0.1"),
        ("forward", {"synonyms": "0.5"}, "augmentation 'synonyms' is '0.5'"),
        ("forward", {"synonyms": float("nan")}, "augmentation 'synonyms' is nan"),
    ],
)
def test_a_wrong_configuration_says_what_and_how(task, rates, said):
    with pytest.raises(ConfigError) as error:
        augment(task, "CCO", "CCO", seed=0, row_id="row", copy=0, rates=rates)
    assert said in str(error.value)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(PROMPTS)), st.text(max_size=60), st.text(max_size=60), st.integers(0, 9)
)
def test_any_text_passes(task, inputs, targets, copy):
    result = augment(task, inputs, targets, seed=0, row_id="row", copy=copy, rates=ALWAYS)
    if task != "paragraph2actions":
        assert result[1] == targets


@settings(deadline=None)
@given(st.sampled_from(["forward", "retrosynthesis", "mol2text"]), st.integers(0, 10**6))
def test_all_spellings_together_are_the_same_molecules(task, copy):
    inputs, _ = augmented(task, copy=copy)
    assert canonical_mixture(inputs) == canonical_mixture(EXAMPLES[task][0])


def test_what_applies_where():
    assert {name for name, tasks in AUGMENTATIONS.items() if "text2mol" in tasks} == {
        "dropped_sentences",
        "shuffled_sentences",
        "synonyms",
    }
    assert {task for tasks in AUGMENTATIONS.values() for task in tasks} == set(PROMPTS)
