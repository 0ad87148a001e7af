"""Mixtures: rates, members and what is refused."""

from pathlib import Path

import pytest

import tasks
from t5chem.prompts import PROMPTS
from t5x import gin_utils
from t5x.errors import ConfigError
from t5x.quiet import import_seqio
from tasks import mixtures

seqio = import_seqio()
gin = gin_utils.gin
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def no_config(monkeypatch):
    monkeypatch.chdir(ROOT)
    gin.clear_config()
    yield
    gin.clear_config()


def rates_of(name):
    mixture = seqio.get_mixture_or_task(name)
    return {task.name: mixture.get_rate(task) for task in mixture.tasks}


def test_mix_registers_and_replaces():
    assert tasks.mix("two", {"starter_text2mol": 3, "starter_mol2text": 1}) == "two"
    assert rates_of("two") == {"starter_text2mol": 3.0, "starter_mol2text": 1.0}
    tasks.mix("two", {"starter_forward": 1})
    assert rates_of("two") == {"starter_forward": 1.0}


@pytest.mark.parametrize(
    ("name", "rates", "message"),
    [
        ("starter_forward", {"starter_text2mol": 1}, "'starter_forward' is a task's"),
        ("none", {}, "'none' has no tasks"),
        ("typo", {"starter_text2moll": 1}, "'starter_text2moll', which does not exist. Did you"),
        ("zero", {"starter_text2mol": 0}, "gives 'starter_text2mol' the rate 0"),
    ],
)
def test_mix_refuses(name, rates, message):
    with pytest.raises(ConfigError, match=message):
        tasks.mix(name, rates)
    assert name not in seqio.MixtureRegistry.names()


@pytest.mark.parametrize(("name", "ending"), [("standard", ""), ("augm", "_augm")])
def test_the_papers_sets_have_five_tasks_at_equal_rates(name, ending):
    rates = rates_of(name)
    assert set(rates.values()) == {1.0}
    assert sorted(task.removesuffix(ending).split("_")[-1] for task in rates) == sorted(PROMPTS)


@pytest.mark.parametrize(("name", "examples"), [("standard", 11_500_000), ("augm", 33_500_000)])
def test_gin_pins_what_python_registers(no_config, name, examples):
    registered = rates_of(name)
    gin_utils.parse_gin_flags(["."], [f"gin/mixture/{name}.gin"], ["BATCH_SIZE = 256"])
    assert gin.query_parameter("mixtures.mix.name") == name
    assert gin.query_parameter("mixtures.mix.rates") == registered
    assert gin.query_parameter("EXAMPLES_AN_EPOCH/macro.value") == examples
    assert gin.get_configurable(mixtures.mix)() == name


def test_an_epoch_in_steps():
    assert mixtures.steps(11_500_000, 256) == 44_922
    assert mixtures.steps(100, 10, examples_a_row=4) == 3
    with pytest.raises(ConfigError, match=r"steps.batch_size is 0"):
        mixtures.steps(1, 0)


def test_copies_count_as_rows():
    plain, augm = tasks.mixture_rates("starter"), tasks.mixture_rates("starter_augm")
    for task, (rows, rate) in plain.items():
        assert augm[f"{task}_augm"] == (None if rows is None else 3 * rows, rate)
    assert tasks.mixture_rates("starter_text2mol") == {
        "starter_text2mol": plain["starter_text2mol"]
    }
    with pytest.raises(ConfigError, match="no mixture 'startr'"):
        tasks.mixture_rates("startr")
