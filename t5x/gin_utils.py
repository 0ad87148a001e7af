"""gin files and flags: `--gin_file`, `--gin.NAME=VALUE`, where files are looked for."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gin
from absl import app, flags

ENTRY_POINT_GROUP = "t5x.gin_search_paths"
"""Packages named in this entry-point group contribute the folder they are installed in."""


def rewrite_gin_args(args: Sequence[str]) -> list[str]:
    """Turns `--gin.NAME=VALUE` into a binding.

    Args:
        args: command line.

    Raises:
        ValueError: an argument that begins with `--gin.` and has no value.

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
        raise ValueError(f"Gin bindings must be of the form '--gin.NAME=VALUE', got: {arg}")
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
    """
    for path in [*gin_search_paths, *default_search_paths()]:
        gin.add_config_file_search_path(path)
    gin.parse_config_files_and_bindings(
        list(gin_files),
        list(gin_bindings),
        skip_unknown=skip_unknown,
        finalize_config=finalize_config,
    )


def summarize_gin_config(model_dir: str | None, summary_writer: Any = None, step: int = 0) -> None:
    """Writes the operative configuration to `config.gin` and to TensorBoard.

    Args:
        model_dir: folder of the run; None writes no file.
        summary_writer: has `write_text(step, {name: text})`; None writes none.
        step: of the TensorBoard entry.
    """
    text = gin.operative_config_str() or gin.config_str()
    if model_dir is not None:
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
    flags.DEFINE_bool("multiprocess_gpu", False, "Join the other processes of a GPU job.")
    flags.DEFINE_string("coordinator_address", None, "host:port of process 0.")
    flags.DEFINE_integer("process_count", None, "Number of processes.")
    flags.DEFINE_integer("process_index", None, "Number of this process, from 0.")
    flags.DEFINE_integer("initialization_timeout", 300, "Seconds to wait for the others.")


def run(main: Callable[[Sequence[str]], Any], argv: Sequence[str]) -> None:
    """Runs a command with absl, after rewriting its gin arguments."""
    app.run(main, argv=rewrite_gin_args(argv))
