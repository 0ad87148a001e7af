"""`t5chem vocab`: audit what a vocabulary does to a file, or train a new one."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from t5chem.prediction_files import FORMATS, Row, format_of, read_rows
from t5chem.row_files import open_rows
from t5chem.vocabularies import VOCABULARIES, SentencePieceVocabulary, open_vocabulary
from t5chem.vocabularies.audit import audit, describe
from t5x.errors import ConfigError, blamed_on

SOMETHING_LOST: Final = 1
_DEFAULT_LIMIT: Final = 512
_SMILES_SUFFIXES: Final = (".smi", ".smiles")

_AUDIT = """examples:
  t5chem vocab audit molecules.txt --vocabulary chem
  t5chem vocab audit test.tsv --column SMILES --vocabulary t5_compatible --limit 256 --limit 512

exit code: 0 every row comes back from its ids unchanged, 1 some do not, 2 wrong usage.
"""

_TRAIN = """examples:
  t5chem vocab train train.tsv --column description --smiles-column SMILES --out mine.model
  t5chem vocab train paragraphs.txt molecules.smi --out mine.model --size 8092

Files of lines are English, but for .smi and .smiles, whose first word a line is a SMILES. SMILES
give their frequent bracket atoms as pieces; words and morphemes are learned from English alone.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `vocab` with its two commands.

    Args:
        commands: of `t5chem`'s parser.
    """
    parser = commands.add_parser(
        "vocab",
        help="audit or train a vocabulary",
        description="Says what a vocabulary does to a file, or trains a new one.",
    )
    kinds = parser.add_subparsers(dest="vocab_command", required=True)
    _add_audit(kinds)
    _add_train(kinds)


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "audit",
        help="what a vocabulary does to a file",
        description="Counts unknowns, names their characters and rows, and measures lengths.",
        epilog=_AUDIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run_audit)
    parser.add_argument("file", metavar="FILE", help=".csv, .tsv, .jsonl, or one text a line")
    parser.add_argument(
        "--vocabulary",
        required=True,
        metavar="V",
        help=f"{', '.join(VOCABULARIES)}, or the path of a SentencePiece model",
    )
    parser.add_argument("--column", metavar="NAME", help="of a table, or key of JSON lines")
    parser.add_argument("--format", choices=FORMATS, help="else as the file's name says")
    parser.add_argument(
        "--limit",
        type=int,
        action="append",
        metavar="TOKENS",
        help=f"say what this length would cut ({_DEFAULT_LIMIT}); may be repeated",
    )


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "train",
        help="make a vocabulary from corpora",
        description="Trains a SentencePiece model that loses nothing and splits SMILES at atoms.",
        epilog=_TRAIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run_train)
    parser.add_argument("files", nargs="+", metavar="FILE", help=".csv, .tsv, .jsonl, or lines")
    parser.add_argument("--out", required=True, metavar="FILE", help="SentencePiece model to write")
    parser.add_argument(
        "--size", type=int, metavar="PIECES", help="without the 100 sentinels (as many as chem)"
    )
    for option, what in (("--column", "English"), ("--smiles-column", "SMILES")):
        parser.add_argument(
            option,
            action="append",
            default=[],
            metavar="NAME",
            help=f"with {what}, of tables and JSON lines; may be repeated",
        )


def run_audit(arguments: argparse.Namespace) -> int:
    """Runs `t5chem vocab audit` and returns its exit code.

    Args:
        arguments: as `add_parser` has them parsed.

    Raises:
        ConfigError: the file or the vocabulary cannot be read.
    """
    vocabulary = open_vocabulary(arguments.vocabulary)
    rows = list(_rows(arguments.file, arguments.column, arguments.format))
    found = audit(((row.number, row.text) for row in rows if row.error is None), vocabulary)
    if not found.lengths:
        raise ConfigError(f"{arguments.file} has no row with text{_first_fault(rows)}.")
    print(describe(found, vocabulary, arguments.limit or [_DEFAULT_LIMIT]))
    if faulty := [row for row in rows if row.error is not None]:
        print(f"left out    {len(faulty):,} rows without readable text{_first_fault(rows)}")
    return SOMETHING_LOST if found.lost else 0


def _first_fault(rows: Sequence[Row]) -> str:
    return next((f"; row {row.number}: {row.error}" for row in rows if row.error), "")


def _rows(path: str, column: str | None, kind: Any = None) -> Iterator[Row]:
    kind = kind or format_of(path)
    if kind == "lines" and column is not None:
        raise ConfigError(f"--column {column}: {path} is read as lines; say --format csv or tsv.")
    if kind != "lines" and column is None:
        raise ConfigError(f"{path} is read as {kind}: name the column with --column.")
    try:
        with open_rows(path) as stream:
            # The task would only choose a column.
            yield from read_rows(stream, kind, "text2mol", column)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}.") from error


def run_train(arguments: argparse.Namespace) -> int:
    """Runs `t5chem vocab train` and returns its exit code.

    Args:
        arguments: as `add_parser` has them parsed.

    Raises:
        ConfigError: a file cannot be read, or the texts do not give a vocabulary of that size.
    """
    from t5chem.vocabularies.training import PIECES, train_vocabulary

    size = PIECES if arguments.size is None else arguments.size
    texts, smiles = _training_texts(arguments.files, arguments.column, arguments.smiles_column)
    if not texts:
        raise ConfigError("No English to learn pieces from: name its column with --column.")
    if not Path(arguments.out).absolute().parent.is_dir():
        raise ConfigError(f"--out {arguments.out}: there is no such folder.")
    with blamed_on():
        train_vocabulary(texts, smiles, arguments.out, size)
    vocabulary = SentencePieceVocabulary(arguments.out)
    print(f"Written: {vocabulary}")
    words = sum(len(text.split()) for text in texts)
    print(f"English: {_tokens(vocabulary.encode, texts) / max(words, 1):.2f} tokens a word")
    if characters := sum(map(len, smiles)):
        rate = _tokens(vocabulary.encode, smiles) / characters
        print(f"SMILES:  {rate:.2f} tokens a character")
    return 0


def _tokens(encode: Callable[[str], list[int]], texts: Sequence[str]) -> int:
    return sum(len(encode(text)) for text in texts)


def _training_texts(
    files: Sequence[str], columns: Sequence[str], smiles_columns: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Returns the English and the SMILES of files."""
    texts: list[str] = []
    smiles: list[str] = []
    for path in files:
        before = len(texts) + len(smiles)
        if path.lower().endswith(_SMILES_SUFFIXES):
            smiles += [row.text.split()[0] for row in _rows(path, None) if row.error is None]
        elif format_of(path) == "lines":
            texts += _cells(path, None)
        else:
            texts += [cell for column in columns for cell in _cells(path, column)]
            smiles += [cell for column in smiles_columns for cell in _cells(path, column)]
        if len(texts) + len(smiles) == before:
            raise ConfigError(
                f"{path} has no text: name the columns of tables and JSON lines with --column "
                "(English) and --smiles-column."
            )
    return texts, smiles


def _cells(path: str, column: str | None) -> list[str]:
    return [row.text for row in _rows(path, column) if row.error is None]
