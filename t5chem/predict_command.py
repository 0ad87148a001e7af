"""`t5chem predict`: one input or many, to a person or to a file."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TextIO

from t5chem.answers import Options, Result
from t5chem.prediction_files import Row, format_of, read_rows, record, resume, run_id
from t5chem.predictor import SMILES_OUTPUT, Predictor
from t5x.compilation_cache import use_compilation_cache
from t5x.errors import ConfigError, blamed_on
from t5x.progress import Progress

SOME_FAILED = 3
_ROWS_AT_ONCE = 16  # times the batch size: enough to fill a bucket's batches, few to lose


def predict(arguments: argparse.Namespace) -> int:
    """Runs the command.

    Args:
        arguments: as `t5chem.cli` parses them.

    Returns:
        Exit code: 0, or 3 when some rows could not be answered.

    Raises:
        RunError: the command cannot run.
    """
    options = _check(arguments)
    use_compilation_cache()
    predictor = Predictor.load(arguments.model, arguments.batch_size)
    with blamed_on():
        predictor.decoding(arguments.task, options)
    if arguments.text is not None:
        return _one(arguments, predictor, options)
    return _many(arguments, predictor, options)


def _check(arguments: argparse.Namespace) -> Options:
    """Says what is wrong with the command line before anything takes time."""
    if arguments.text is not None and arguments.input is not None:
        raise ConfigError("Both INPUT and --input: ask one input or a file of them.")
    if arguments.text is None and arguments.input is None and sys.stdin.isatty():
        raise ConfigError("No input: give one, name a file with --input, or pipe lines in.")
    if arguments.draw and arguments.text is None:
        raise ConfigError("--draw draws the answer to one INPUT.")
    if arguments.draw and Path(arguments.draw).suffix.lower() not in (".svg", ".png"):
        raise ConfigError(f"--draw {arguments.draw}: name a file that ends in .svg or .png.")
    if arguments.output and arguments.format == "table":
        raise ConfigError("--output is written as JSON lines; --format table is for a terminal.")
    if arguments.batch_size < 1:
        raise ConfigError(f"--batch-size {arguments.batch_size}: at least 1.")
    if _is_file(arguments.input):
        next(_rows(arguments), None)  # says now that there is no such file or column
    with blamed_on():
        return Options(
            num_beams=arguments.beams,
            num_samples=arguments.samples,
            temperature=arguments.temperature,
            top=arguments.top,
            seed=arguments.seed,
            valid_smiles=arguments.valid_smiles,
            max_length=arguments.max_length,
        )


def _is_file(path: str | None) -> bool:
    """Whether `path` may be read twice; what does not exist is left to those who open it."""
    return path is not None and (os.path.isfile(path) or not os.path.exists(path))


def _ask(predictor: Predictor, task: str, options: Options, texts: list[str]) -> list[Result]:
    return predictor.predict(task, texts, **vars(options))


def _one(arguments: argparse.Namespace, predictor: Predictor, options: Options) -> int:
    result = predictor.predict(arguments.task, arguments.text, **vars(options))
    run = run_id(arguments.task, options, predictor.model)
    if arguments.output:
        with _output(arguments.output, run) as (file, done):
            if 1 not in done:
                file.write(json.dumps(record(1, result, run), ensure_ascii=False) + "\n")
    else:
        _printer(arguments, run)(1, result)
    if result.error is not None:
        print(f"t5chem predict: {result.error}", file=sys.stderr)
        return SOME_FAILED
    if arguments.draw:
        _draw(arguments, result)
    return 0


def _draw(arguments: argparse.Namespace, result: Result) -> None:
    from t5chem.drawing import molecule_svg
    from t5chem.terminal import molecule_png

    smiles = _molecule(arguments.task, result)
    svg, png = molecule_svg(smiles, 300, 200), molecule_png(smiles)
    if svg is None or png is None:
        print(f"t5chem predict: nothing drawn, {smiles!r} is not valid", file=sys.stderr)
    elif arguments.draw.lower().endswith(".svg"):
        Path(arguments.draw).write_text(svg, encoding="utf-8")
    else:
        Path(arguments.draw).write_bytes(png)


def _molecule(task: str, result: Result) -> str:
    """The molecule a person wants to see: the answer, or what was to be described."""
    return result.best.text if task in SMILES_OUTPUT else result.input


def _many(arguments: argparse.Namespace, predictor: Predictor, options: Options) -> int:
    task = arguments.task
    run = run_id(task, options, predictor.model)
    if arguments.output is None:
        show = _printer(arguments, run)
        failures = _answer(arguments, _rows(arguments), predictor, options, show)
        return _say(failures)
    with _output(arguments.output, run) as (file, done):

        def write(number: int, result: Result) -> None:
            file.write(json.dumps(record(number, result, run), ensure_ascii=False) + "\n")

        left = (row for row in _rows(arguments) if row.number not in done)
        failures = {number: error for number, error in done.items() if error is not None}
        failures |= _answer(arguments, left, predictor, options, write, file, len(done))
    return _say(failures)


def _rows(arguments: argparse.Namespace) -> Iterator[Row]:
    with _opened(arguments.input) as stream:
        kind = arguments.input_format or format_of(arguments.input or "")
        yield from read_rows(stream, kind, arguments.task, arguments.column)


@contextlib.contextmanager
def _opened(path: str | None) -> Iterator[TextIO]:
    source = sys.stdin.fileno() if path is None else path
    try:
        file = open(  # noqa: SIM115
            source,
            encoding="utf-8-sig",
            errors="surrogateescape",
            newline="",
            closefd=path is not None,
        )
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}.") from error
    with file:
        yield file


@contextlib.contextmanager
def _output(path: str, run: str) -> Iterator[tuple[IO[str], dict[int, str | None]]]:
    try:
        done = resume(path, run)
        file = open(path, "a", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}.") from error
    with file:
        yield file, done


def _answer(
    arguments: argparse.Namespace,
    rows: Iterable[Row],
    predictor: Predictor,
    options: Options,
    show: Callable[[int, Result], None],
    file: IO[str] | None = None,
    already: int = 0,
) -> dict[int, str]:
    """Answers rows in their order; returns what was wrong with the others, by number."""
    failures: dict[int, str] = {}
    progress = None
    if file is not None and _is_file(arguments.input):
        total = sum(1 for _ in _rows(arguments))
        progress = Progress(already, total, sys.stderr, unit="row")
    finished = already
    for some in _chunks(rows, _ROWS_AT_ONCE * predictor.batch_size):
        asked = [row.text for row in some if row.error is None]
        answers = iter(_ask(predictor, arguments.task, options, asked))
        for row in some:
            result = Result(row.text, error=row.error) if row.error else next(answers)
            show(row.number, result)
            if result.error is not None:
                failures[row.number] = result.error
        finished += len(some)
        if file is not None:
            file.flush()
        if progress is not None:
            progress.update(finished, {})
    if progress is not None:
        progress.close()
    return failures


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while some := list(itertools.islice(iterator, size)):
        yield some


def _printer(arguments: argparse.Namespace, run: str) -> Callable[[int, Result], None]:
    is_table = arguments.format == "table" or (arguments.format is None and sys.stdout.isatty())
    if not is_table:

        def print_json(number: int, result: Result) -> None:
            line = json.dumps(record(number, result, run), ensure_ascii=False)
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

        return print_json
    from t5chem.terminal import table, terminal_image

    def print_table(number: int, result: Result) -> None:
        if arguments.text is None:
            print(f"row {number}: {result.input}")
        print(table(result, shutil.get_terminal_size().columns))
        if result.error is None and sys.stdout.isatty():
            print(terminal_image(_molecule(arguments.task, result)) or "")

    return print_table


def _say(failures: dict[int, str]) -> int:
    for number, error in sorted(failures.items()):
        print(f"t5chem predict: row {number}: {error}", file=sys.stderr)
    if failures:
        print(f"t5chem predict: {len(failures)} rows could not be answered.", file=sys.stderr)
    return SOME_FAILED if failures else 0
