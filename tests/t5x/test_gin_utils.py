"""Flags and search paths."""

import pytest

from t5x import gin_utils


def test_bindings_on_the_command_line():
    assert gin_utils.rewrite_gin_args(["x", "--gin.A='b=c'", "--gin_file=f", "--other"]) == [
        "x",
        "--gin_bindings=A = 'b=c'",
        "--gin_file=f",
        "--other",
    ]


def test_a_binding_needs_a_value():
    with pytest.raises(ValueError, match=r"--gin\.NAME=VALUE.*--gin\.TRAIN_STEPS"):
        gin_utils.rewrite_gin_args(["--gin.TRAIN_STEPS"])


def test_the_folder_of_the_package_is_searched_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gin_utils.gin.clear_config()
    gin_utils.parse_gin_flags([], ["gin/mixture/starter.gin"], [])
    assert gin_utils.gin.query_parameter("MIXTURE_OR_TASK_NAME/macro.value") == "starter"
    gin_utils.gin.clear_config()
