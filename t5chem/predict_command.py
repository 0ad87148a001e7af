"""`t5chem predict`: one input or many, to a person or to a file."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, TextIO

from t5chem.answers import Options, Result
from t5chem.compatibility import NO_PROMPTS
from t5chem.prediction_files import Row, format_of, read_rows, record, resume, run_id
from t5chem.predictor import Predictor
from t5chem.prompts import SMILES_OUTPUT
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
    prompts = NO_PROMPTS if arguments.prompt == "none" else None
    predictor = Predictor.load(arguments.model, arguments.batch_size, prompts)
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
    run = run_id(arguments.task, options, predictor.model)
    if arguments.output is None:
        return _say(_answer(arguments, predictor, options, _printer(arguments, run)))
    with _output(arguments.output, run) as (file, done):

        def write(number: int, result: Result) -> None:
            file.write(json.dumps(record(number, result, run), ensure_ascii=False) + "\n")

        progress = None
        if _is_file(arguments.input):
            progress = Progress(len(done), sum(1 for _ in _rows(arguments)), sys.stderr, unit="row")

        def after_some(finished: int) -> None:
            file.flush()
            if progress is not None:
                progress.update(finished, {})

        failures = _answer(arguments, predictor, options, write, done, after_some)
        if progress is not None:
            progress.close()
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
    predictor: Predictor,
    options: Options,
    show: Callable[[int, Result], None],
    done: Mapping[int, str | None] = MappingProxyType({}),
    after_some: Callable[[int], None] = lambda finished: None,
) -> dict[int, str]:
    """Answers the rows that are not done, in their order.

    Returns:
        What is wrong with the others, those done among them, by number.
    """
    failures = {number: error for number, error in done.items() if error is not None}
    finished = len(done)
    for some in _chunks(_rows(arguments), _ROWS_AT_ONCE * predictor.batch_size):
        new = [row for row in some if row.number not in done]
        if not new:
            continue
        # Rows that are done are asked again with their neighbours: batches are then those of a run
        # that was not interrupted, and so is every digit of the answers.
        asked = [row for row in some if row.error is None]
        texts = [row.text for row in asked]
        answers = predictor.predict(arguments.task, texts, **vars(options))
        results = dict(zip((row.number for row in asked), answers, strict=True))
        for row in new:
            result = results.get(row.number) or Result(row.text, error=row.error)
            show(row.number, result)
            if result.error is not None:
                failures[row.number] = result.error
        finished += len(new)
        after_some(finished)
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
