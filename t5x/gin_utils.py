"""gin files and flags: `--gin_file`, `--gin.NAME=VALUE`, where files are looked for."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gin
from absl import app, flags

from t5x import gin_errors, hosts, quiet
from t5x.compilation_cache import use_compilation_cache
from t5x.errors import ConfigError, RunError, did_you_mean
from t5x.gin_places import COMMAND_LINE, Places, find_places

ENTRY_POINT_GROUP = "t5x.gin_search_paths"
"""Packages named in this entry-point group contribute the folder they are installed in."""

_places = Places()
"""Where the settings of the configuration that was read last were made."""


def rewrite_gin_args(args: Sequence[str]) -> list[str]:
    """Turns `--gin.NAME=VALUE` into a binding.

    Args:
        args: command line.

    Raises:
        ConfigError: an argument that begins with `--gin.` and has no value.

    Example:
        >>> rewrite_gin_args(["train", "--gin.MODEL_DIR='/tmp/m'", "--gin.train.total_steps=3"])
        ['train', "--gin_bindings=MODEL_DIR = '/tmp/m'", '--gin_bindings=train.total_steps = 3']
    """
    return [_rewrite(arg) for arg in args]


def _rewrite(arg: str) -> str:
    prefix = "--gin."
    if not arg.startswith(prefix):
        return arg
    if "=" not in arg:
        raise ConfigError(f"Gin bindings must be of the form '--gin.NAME=VALUE', got: {arg}")
    name, value = arg.removeprefix(prefix).split("=", maxsplit=1)
    return f"--gin_bindings={name} = {value}"


def default_search_paths() -> list[str]:
    """Returns the folders that every gin file is looked for in, after the user's own.

    They are the folder that holds the `t5x` package (a checkout's root, or `site-packages`) and
    those that installed packages contribute.
    """
    paths = [str(Path(__file__).resolve().parents[1])]
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        spec = importlib.util.find_spec(entry.value)
        paths += list(spec.submodule_search_locations or ()) if spec else []
    return paths


def parse_gin_flags(
    gin_search_paths: Sequence[str],
    gin_files: Sequence[str],
    gin_bindings: Sequence[str],
    skip_unknown: bool | Sequence[str] = False,
    finalize_config: bool = True,
) -> None:
    """Reads gin files and bindings; later ones win, bindings over files.

    Args:
        gin_search_paths: looked through first.
        gin_files: relative to the search paths, or absolute.
        gin_bindings: `NAME = VALUE`.
        skip_unknown: ignore names that do not exist.
        finalize_config: forbid changes afterwards.

    Raises:
        ConfigError: gin does not understand them, or nothing reads what they set.
    """
    global _places
    search_paths = [*gin_search_paths, *default_search_paths()]
    for path in search_paths:
        gin.add_config_file_search_path(path)
    _places = find_places(search_paths, gin_files, gin_bindings)
    if "seqio" in _places.imports:
        quiet.import_seqio()  # silently, before gin does
    with explained(), _without_failed_attempts():
        gin.parse_config_files_and_bindings(
            list(gin_files),
            list(gin_bindings),
            skip_unknown=skip_unknown,
            finalize_config=finalize_config,
        )
    if not skip_unknown:
        _refuse_unread_macros(_places)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turns what gin, and what it constructs, complain of into `ConfigError`s."""
    try:
        yield
    except RunError:
        raise
    except Exception as error:
        explained = gin_errors.explain(error, _places)
        if explained is None:
            raise
        raise explained from error


@contextlib.contextmanager
def _without_failed_attempts() -> Iterator[None]:
    """Drops gin's error message for every folder that a file is not in."""

    def is_news(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Path not found")

    logging.getLogger().addFilter(is_news)
    try:
        yield
    finally:
        logging.getLogger().removeFilter(is_news)


def _refuse_unread_macros(places: Places) -> None:
    """Refuses macros of the command line that nothing reads: they would change nothing."""
    for name, place in places.bindings.items():
        if place.source == COMMAND_LINE and "." not in name and name not in places.readers:
            hint = did_you_mean(name, places.readers)
            raise ConfigError(f"Nothing reads {name}, so setting it changes nothing.{hint}", name)


def summarize_gin_config(model_dir: str | None, summary_writer: Any = None, step: int = 0) -> None:
    """Writes the operative configuration to `config.gin` and to TensorBoard.

    Args:
        model_dir: folder of the run, where the first host writes; None writes no file.
        summary_writer: has `write_text(step, {name: text})`; None writes none.
        step: of the TensorBoard entry.
    """
    text = gin.operative_config_str() or gin.config_str()
    if model_dir is not None and hosts.is_first():
        os.makedirs(model_dir, exist_ok=True)
        with open(os.path.join(model_dir, "config.gin"), "w", encoding="utf-8") as file:
            file.write(text)
    if summary_writer is not None:
        summary_writer.write_text(step, {"gin_config": gin.markdown(text)})


def define_flags() -> None:
    """Declares the flags that all commands share."""
    flags.DEFINE_multi_string("gin_file", None, "gin file; repeatable, later ones win.")
    flags.DEFINE_multi_string("gin_bindings", [], "A binding 'NAME = VALUE'; beats every file.")
    flags.DEFINE_list("gin_search_paths", ["."], "Folders to look for gin files in first.")
    flags.DEFINE_string("tfds_data_dir", None, "Folder of prepared tensorflow-datasets.")
    flags.DEFINE_list("seqio_additional_cache_dirs", [], "Further folders of SeqIO caches.")
    flags.DEFINE_bool("multiprocess_gpu", False, "Join the other processes of a job (GPU or CPU).")
    flags.DEFINE_string("coordinator_address", None, "host:port of process 0.")
    flags.DEFINE_integer("process_count", None, "Number of processes.")
    flags.DEFINE_integer("process_index", None, "Number of this process, from 0.")
    flags.DEFINE_integer("initialization_timeout", 300, "Seconds to wait for the others.")


def set_data_folders(values: Any) -> None:
    """Tells SeqIO where the flags say that data are.

    Args:
        values: has the flags of `define_flags`.
    """
    if values.tfds_data_dir:
        quiet.seqio.set_tfds_data_dir_override(values.tfds_data_dir)
    if values.seqio_additional_cache_dirs:
        quiet.seqio.add_global_cache_dirs(values.seqio_additional_cache_dirs)


def run_configured(
    command: Callable[..., Any],
    argv: Sequence[str],
    example: str,
    is_told_of_preemption: bool = False,
) -> Any:
    """Does what the flags say: reads the configuration and calls the command with it.

    Args:
        command: `train`, `evaluate` or `infer`; gin sets its arguments.
        argv: the command line without flags.
        example: a gin file, for the message when none is given.
        is_told_of_preemption: as for `hosts.join`.

    Raises:
        ConfigError: the command line or the configuration is wrong.
    """
    values = flags.FLAGS
    if len(argv) > 1:
        raise ConfigError(f"Unexpected arguments: {' '.join(argv[1:])}. See --help.")
    if not values.gin_file:
        raise ConfigError(f"Give a configuration, such as --gin_file={example}.")
    quiet.drop_native_chatter(hosts.LAST_WORDS, hosts.LOST_MESSAGE)
    quiet.quieten_absl()
    hosts.join(values, is_told_of_preemption)
    use_compilation_cache()
    set_data_folders(values)
    parse_gin_flags(values.gin_search_paths, values.gin_file, values.gin_bindings)
    return gin.get_configurable(command)()


def run(main: Callable[[Sequence[str]], Any], argv: Sequence[str]) -> None:
    """Runs a command with absl, after rewriting its gin arguments.

    A `RunError`, and whatever `gin_errors` can explain, is printed with the places of its settings
    and ends the process with its exit code; any other exception keeps its traceback. Several
    processes of a job end together.

    Args:
        main: called with the arguments that are no flags.
        argv: the command line.
    """

    def guarded(arguments: Sequence[str]) -> None:
        with hosts.ending_as_one(), spoken(), hosts.lost_processes_named():
            main(arguments)

    with spoken():
        arguments = rewrite_gin_args(argv)
    app.run(guarded, argv=arguments)


@contextlib.contextmanager
def spoken() -> Iterator[None]:
    """Ends the process with a message where a person made the mistake."""
    try:
        with explained():
            yield
    except RunError as error:
        print(f"\nError: {message_with_places(error)}", file=sys.stderr, flush=True)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        print("\nStopped by Ctrl-C before anything was to be saved.", file=sys.stderr, flush=True)
        raise SystemExit(130) from None


def message_with_places(error: RunError) -> str:
    """Returns the message, and below it the lines that made the settings it speaks of."""
    places = dict.fromkeys(place for name in error.settings if (place := _places.of(name)))
    return "".join([error.message, *(f"\n  {place}" for place in places)])
