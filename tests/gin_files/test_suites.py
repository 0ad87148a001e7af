"""Every run of every suite is a configuration that the commands understand."""

import sys
from pathlib import Path

import pytest

from t5chem.compare.cells import plan
from t5chem.compare.suite import load_suite
from t5x import gin_utils
from t5x.quiet import import_seqio

gin = gin_utils.gin
ROOT = Path(__file__).resolve().parents[2]
SUITES = ("tiny", "small", "base", "paper")


@pytest.fixture
def main_module(monkeypatch):
    """The command that has all the others, as gin sees it."""
    import_seqio()
    from t5x import main

    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.chdir(ROOT)
    yield main
    gin.clear_config()


def bindings_of(command):
    return [arg.partition("=")[2] for arg in command if arg.startswith("--gin_bindings=")]


@pytest.mark.parametrize("name", SUITES)
def test_every_run_of_a_suite_is_understood(main_module, name):
    suite = load_suite(f"gin/suites/{name}.gin")
    cells = [cell for cell in plan(suite, "out") if cell.seed == suite.seeds[0]]
    for cell in cells:
        train, *rest = cell.commands
        gin.clear_config()
        gin_utils.parse_gin_flags(["."], cell.gin_files, bindings_of(train))
        assert gin.query_parameter("BATCH_SIZE/macro.value") == (4 if name == "tiny" else 128)
        assert gin.query_parameter("MODEL_DIR/macro.value") == str(cell.model_dir)
        assert gin.query_parameter("RANDOM_SEED/macro.value") == 0
        if rest:
            gin.clear_config()
            gin_utils.parse_gin_flags(["."], cell.eval_gin_files, bindings_of(rest[-1]))
            assert gin.query_parameter("EVAL_OUTPUT_DIR/macro.value") == str(cell.scored_dir)


def test_the_suite_has_every_row_of_the_papers_comparison():
    suite = load_suite("gin/suites/paper.gin")
    rows = {
        system.title: (
            system.aggregation, system.encoder_shared, system.encoder_trained, system.published
        )
        for system in suite.systems
        if system.encoder_shared is not None
    }  # fmt: skip
    assert list(rows.values()) == [
        ("average", False, False, {"text2mol": 0.572, "mol2text": 0.123}),
        ("cross-attention", False, False, {"text2mol": 0.702, "mol2text": 0.274}),
        ("cross-attention", False, False, {"text2mol": 0.247, "mol2text": 0.119}),
        ("cross-attention", False, True, {}),  # of the chemistry encoder alone: ours
        ("cross-attention", False, True, {"text2mol": 0.211, "mol2text": 0.075}),
        ("", True, True, {"text2mol": 0.75, "mol2text": 0.58}),
        ("", True, True, {"text2mol": 0.853, "mol2text": 0.625}),
    ]
