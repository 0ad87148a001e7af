"""Flags, search paths, and gin's complaints in words, with file, line and remedy."""

import jax
import pytest

from t5x import compilation_cache, gin_utils
from t5x.errors import ConfigError, DivergedError

gin = gin_utils.gin


@pytest.fixture(autouse=True)
def fresh_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def message_of(*bindings, files=(), search_paths=()):
    with pytest.raises(ConfigError) as raised:
        gin_utils.parse_gin_flags(search_paths, files, bindings)
    return gin_utils.message_with_places(raised.value)


def written(tmp_path, text, name="run.gin"):
    (tmp_path / name).write_text("from __gin__ import dynamic_registration\n" + text)
    return {"files": [str(tmp_path / name)], "search_paths": [str(tmp_path)]}


def test_bindings_on_the_command_line():
    assert gin_utils.rewrite_gin_args(["x", "--gin.A='b=c'", "--gin_file=f", "--other"]) == [
        "x",
        "--gin_bindings=A = 'b=c'",
        "--gin_file=f",
        "--other",
    ]


def test_a_binding_needs_a_value():
    with pytest.raises(ConfigError, match=r"--gin\.NAME=VALUE.*--gin\.TRAIN_STEPS"):
        gin_utils.rewrite_gin_args(["--gin.TRAIN_STEPS"])


def test_the_folder_of_the_package_is_searched_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gin_utils.parse_gin_flags([], ["gin/mixture/starter.gin"], [])
    assert gin.query_parameter("MIXTURE_OR_TASK_NAME/macro.value") == "starter"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "from t5x import errors\nerrors.RunErorr.message = 'x'\n",
            "'errors.RunErorr' does not exist: t5x.errors has no 'RunErorr'. Did you mean "
            "'RunError'",
        ),
        (
            "from t5x import errors\nerrors.RunError.mesage = 'x'\n",
            "'errors.RunError' has no argument 'mesage'. Did you mean 'message'? Its arguments: "
            "message, settings.\n  errors.RunError.mesage = 'x'",
        ),
        (
            "from t5x import errors\nerorrs.RunError.message = 'x'\n",
            "'erorrs' is not imported. Did you mean 'errors'? With dynamic registration",
        ),
        (
            "from t5x import errorz\n",
            "Python cannot find the module 't5x.errorz' while it imports what a gin file names. "
            "Did you mean 't5x.errors'",
        ),
        ("A = /tmp/x\n", "This is not gin: Unable to parse value. Strings need quotation marks"),
        (
            "include 'gin/nope.gin'\n",
            "No gin file is called 'gin/nope.gin'. Looked in the folders\n  .\n",
        ),
    ],
)
def test_gin_complains_in_words(tmp_path, text, expected):
    message = message_of(**written(tmp_path, text))
    assert expected in message
    line = text.count("\n") + 1
    assert f"{text.splitlines()[-1]}   (" in message and f"run.gin, line {line})" in message


def test_an_unknown_name_on_the_command_line(tmp_path):
    files = written(tmp_path, "from t5x import errors\nerrors.RunError.message = 'x'\n")
    message = message_of("errors.RunEror.message = 'y'", **files)
    assert message.startswith(
        "Nothing that gin can configure is called 'errors.RunEror'. Did you mean 'errors.RunError'"
    )
    assert message.endswith("errors.RunEror.message = 'y'   (the command line)")


def test_a_required_macro_names_who_asks_and_who_reads(tmp_path):
    written(tmp_path, "A_SIZE = %gin.REQUIRED\n", "kind.gin")
    text = "from t5x import errors\ninclude 'kind.gin'\nerrors.RunError.message = %A_SIZE\n"
    assert message_of(**written(tmp_path, text)) == (
        "A_SIZE must be set and is not. Set it after the include that asks for it, or on the "
        "command line with --gin.A_SIZE=... (strings in quotation marks of their own).\n"
        "  A_SIZE = %gin.REQUIRED   (kind.gin, line 2)\n"
        f"  errors.RunError.message = %A_SIZE   ({tmp_path}/run.gin, line 4)"
    )


def test_a_macro_that_is_read_and_nowhere_set(tmp_path):
    text = "from t5x import errors\nB_SIZE = 3\nerrors.RunError.message = %A_SIZE\n"
    message = message_of(**written(tmp_path, text))
    assert message.startswith("%A_SIZE is read and nowhere set. Did you mean 'B_SIZE'?")
    assert "run.gin, line 4" in message


def test_a_macro_of_the_command_line_that_nothing_reads(tmp_path):
    text = "from t5x import errors\nTRAIN_STEPS = 3\nerrors.RunError.message = %TRAIN_STEPS\n"
    message = message_of("TRAIN_STEP = 4", **written(tmp_path, text))
    assert message == (
        "Nothing reads TRAIN_STEP, so setting it changes nothing. Did you mean 'TRAIN_STEPS'?\n"
        "  TRAIN_STEP = 4   (the command line)"
    )


def test_the_last_binding_is_named_and_macros_are_followed(tmp_path):
    text = (
        "from t5x import errors\nSIZE = 3\n"
        "train/errors.RunError.message = %SIZE\nerrors.RunError.message = 5\n"
    )
    files = written(tmp_path, text)
    gin_utils.parse_gin_flags(files["search_paths"], files["files"], ["SIZE = 4"])
    error = ConfigError("Wrong.", "train/RunError.message", "RunError.unset")
    assert gin_utils.message_with_places(error) == "Wrong.\n  SIZE = 4   (the command line)"


def test_what_gin_constructs_may_refuse_its_arguments(tmp_path):
    text = (
        "from t5x import partitioning\n"
        "from t5x import gin_utils\n"
        "gin_utils.message_with_places.error = @partitioning.PjitPartitioner()\n"
        "partitioning.PjitPartitioner.backend = 'tpu'\n"
    )
    files = written(tmp_path, text)
    gin_utils.parse_gin_flags(files["search_paths"], files["files"], [])
    with pytest.raises(ConfigError, match="backend='tpu'") as raised, gin_utils.explained():
        gin.get_configurable(gin_utils.message_with_places)()
    message = gin_utils.message_with_places(raised.value)
    assert f"backend = 'tpu'   ({tmp_path}/run.gin, line 5)" in message
    assert "Install JAX for it" in message


def test_an_argument_that_nobody_gives():
    gin_utils.parse_gin_flags([], [], [], finalize_config=False)
    with pytest.raises(ConfigError, match=r"rewrite_gin_args needs args"), gin_utils.explained():
        gin.configurable(gin_utils.rewrite_gin_args)()


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError("Wrong."), 2), (DivergedError("Wrong."), 1)],
)
def test_a_command_ends_with_a_message_and_no_frames(capsys, error, code):
    with pytest.raises(SystemExit) as exit_, gin_utils.spoken():
        raise error
    assert exit_.value.code == code
    assert capsys.readouterr().err == "\nError: Wrong.\n"


def test_a_bug_keeps_its_traceback():
    with pytest.raises(KeyError), gin_utils.spoken():
        raise KeyError("bug")


def test_ctrl_c_before_the_first_step(capsys):
    with pytest.raises(SystemExit) as exit_, gin_utils.spoken():
        raise KeyboardInterrupt
    assert exit_.value.code == 130
    assert "Stopped by Ctrl-C" in capsys.readouterr().err


@pytest.fixture
def no_compilation_cache():
    chosen = jax.config.values["jax_compilation_cache_dir"]
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    jax.config.update("jax_compilation_cache_dir", chosen)


@pytest.mark.usefixtures("no_compilation_cache")
def test_compiled_programs_are_kept_where_only_their_user_writes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jax.config, "update", lambda name, value: settings.update({name: value}))
    settings = {}
    folder = compilation_cache.use_compilation_cache()
    assert settings == {"jax_compilation_cache_dir": str(folder)}
    assert folder.parent == tmp_path / "t5x" and folder.stat().st_mode & 0o777 == 0o700
    assert jax.__version__ in folder.name
