"""Files of predictions and of targets, whoever wrote them, as rows that can be scored.

Read are JSON lines of `t5chem predict`, of `python -m t5x.infer` and of SeqIO's `JSONLogger`, JSON
lines with the usual keys, the tab-separated files that MolT5 published, tables with named columns,
and plain lines. A row that cannot be read keeps its number and says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from t5chem.prediction_files import Format, format_of
from t5chem.prompts import PROMPTS
from t5chem.row_files import (
    NOT_UTF8,
    SURROGATE,
    Record,
    RecordError,
    json_record,
    open_rows,
    read_table,
)
from t5x.errors import ConfigError, did_you_mean

_INPUTS: Final = ("inputs_pretokenized", "input", "inputs", "source", "question")
_TARGETS: Final = (
    "target",
    "targets_pretokenized",
    "targets",
    "ground truth",
    "ground_truth",
    "reference",
    "references",
    "label",
    "expected",
)
_PREDICTIONS: Final = ("predictions", "prediction", "outputs", "output", "predicted", "generated")
# Of a task, what the fields of its corpora are called: those that ask and those that answer.
_FIELDS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "text2mol": (("description", "caption", "text"), ("smiles", "molecule")),
    "mol2text": (("smiles", "molecule"), ("description", "caption", "text")),
    "forward": (("reactants", "precursors", "reaction"), ("product", "products")),
    "retrosynthesis": (("product", "products"), ("reactants", "precursors")),
    "paragraph2actions": (("paragraph", "text"), ("actions",)),
}
_NO_PREDICTION: Final = "no prediction"
_MOLT5: Final = {"ground truth", "output"}


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns, or keys of JSON lines; None takes the usual ones."""

    input: str | None = None
    target: str | None = None
    prediction: str | None = None


@dataclass(frozen=True)
class EvaluationRow:
    """A row to score.

    Attributes:
        number: from 1; a table's header is not counted.
        input: what was asked, without the prompt; empty when the file does not say.
        target: the answer expected.
        predictions: the answers, best first; empty where there is none, which counts as wrong.
        error: why there is none; None when the model answered.
    """

    number: int
    input: str
    target: str
    predictions: tuple[str, ...] = ()
    error: str | None = None

    @property
    def prediction(self) -> str:
        """The best answer, empty where there is none."""
        return self.predictions[0] if self.predictions else ""


@dataclass(frozen=True)
class LeftOut:
    """A row that is not scored, and why."""

    number: int
    reason: str


@dataclass(frozen=True)
class Found:
    """What one file says of a row; `target` is None where it says none, `error` why."""

    number: int
    input: str = ""
    target: str | None = None
    predictions: tuple[str, ...] = ()
    error: str | None = None


def read_predictions(
    path: str, task: str, columns: Columns | None = None, kind: Format | None = None
) -> list[Found]:
    """Reads a file of predictions, with its targets where it has them.

    Args:
        path: of the file; plain lines are one prediction a line.
        task: decides which columns or keys are meant where none are named.
        columns: names that are not the usual ones.
        kind: of the file; None goes by its name and its first line.

    Raises:
        ConfigError: the file cannot be read, is empty, has no such column, or no predictions.
    """
    found = _read(path, task, columns or Columns(), kind, lines_are="prediction")
    if not any(row.predictions or row.error not in (None, _NO_PREDICTION) for row in found):
        raise ConfigError(
            f"{path} has no predictions: name their column or key with "
            f"--prediction-column. Taken without it are {', '.join(_PREDICTIONS)}."
        )
    return found


def read_pairs(
    path: str, task: str, columns: Columns | None = None, kind: Format | None = None
) -> list[Found]:
    """Reads a file of inputs and targets, or of targets alone; arguments as `read_predictions`.

    Plain lines are one target a line. A table's only column is the target's.

    Raises:
        ConfigError: the file cannot be read, is empty, has no such column, or no targets.
    """
    found = _read(path, task, columns or Columns(), kind, lines_are="target")
    if not any(row.target is not None for row in found):
        raise ConfigError(
            f"{path} has no targets: name their column or key with "
            f"--target-column. Taken without it are {', '.join((*_TARGETS, *_FIELDS[task][1]))}."
        )
    return found


def targets_of(files: Mapping[str, Sequence[Found]]) -> dict[int, str]:
    """Returns the targets by row number that files of the same rows hold.

    Args:
        files: what each holds, by its path.

    Raises:
        ConfigError: there are no targets, or two files have different ones for a row.
    """
    targets: dict[int, str] = {}
    for path, found in files.items():
        for row in found:
            if row.target is None:
                continue
            if targets.setdefault(row.number, row.target) != row.target:
                raise ConfigError(
                    f"{path}, row {row.number}: the target is {row.target!r}, but "
                    f"{targets[row.number]!r} before. Files are compared row by row: give those "
                    "of the same rows, or their targets with --targets."
                )
    if not targets:
        raise ConfigError(
            f"{', '.join(files)} has predictions but no targets: name the file that has them with "
            "--targets, or their column or key with --target-column."
        )
    return targets


def join(
    found: Iterable[Found], targets: Mapping[int, str]
) -> tuple[list[EvaluationRow], list[LeftOut]]:
    """Sets predictions beside their targets, by the number of the row.

    Args:
        found: of a file of predictions.
        targets: by number of row.

    Returns:
        A row for each target, in the order of their numbers, those without a prediction among
        them; and what could not be used: predictions without target, numbers that come twice.
    """
    rows: dict[int, EvaluationRow] = {}
    left_out: list[LeftOut] = []
    for one in found:
        target = targets.get(one.number)
        if target is None:
            left_out.append(LeftOut(one.number, one.error or "no target"))
        elif one.number in rows:
            left_out.append(LeftOut(one.number, "the row is there already"))
        else:
            rows[one.number] = EvaluationRow(
                one.number, one.input, target, one.predictions, one.error
            )
    for number in targets.keys() - rows.keys():
        rows[number] = EvaluationRow(number, "", targets[number], (), _NO_PREDICTION)
    return [rows[number] for number in sorted(rows)], left_out


# Of any file


def _read(
    path: str, task: str, columns: Columns, kind: Format | None, lines_are: str
) -> list[Found]:
    try:
        with open_rows(path) as stream:
            header = stream.readline()
        if not header:
            raise ConfigError(f"{path} is empty.")
        read = _reader(path, header, kind, lines_are)
        found = list(read(path, task, columns))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}.") from error
    return found


Reader = Callable[[str, str, Columns], Iterator[Found]]


def _reader(path: str, header: str, kind: Format | None, lines_are: str) -> Reader:
    """What reads the file: by its kind, else its name, else its first line."""
    names = {name.strip().lower() for name in header.split("\t")}
    if kind in (None, "tsv") and names >= _MOLT5:
        return _literal_table
    named = kind or format_of(path)
    if named == "jsonl" or (kind is None and header.startswith("{")):
        return _json_lines
    if named in ("csv", "tsv"):
        return _csv_table if named == "csv" else _tsv_table
    if kind is None and "\t" in header:
        return _literal_table
    return _prediction_lines if lines_are == "prediction" else _target_lines


def _prediction_lines(path: str, task: str, columns: Columns) -> Iterator[Found]:
    for number, text, error in _lines(path):
        yield Found(number, predictions=() if error else (text,), error=error)


def _target_lines(path: str, task: str, columns: Columns) -> Iterator[Found]:
    for number, text, error in _lines(path):
        error = error or (None if text.strip() else "no target")
        yield Found(number, target=None if error else text, error=error)


def _lines(path: str) -> Iterator[tuple[int, str, str | None]]:
    """Number, text and what is wrong with it."""
    with open_rows(path) as stream:
        for number, line in enumerate(stream, start=1):
            text = line.rstrip("\r\n")
            yield number, text, NOT_UTF8 if SURROGATE.search(text) else None


# Tables


@dataclass(frozen=True)
class _Roles:
    """Which column is what; None where there is none."""

    input: str | None
    target: str | None
    prediction: str | None


def _csv_table(path: str, task: str, columns: Columns) -> Iterator[Found]:
    return _table(path, ",", task, columns)


def _tsv_table(path: str, task: str, columns: Columns) -> Iterator[Found]:
    return _table(path, "\t", task, columns)


def _literal_table(path: str, task: str, columns: Columns) -> Iterator[Found]:
    """Quotation marks as they stand: MolT5's files know no quotation."""
    return _table(path, "\t", task, columns, quoted=False)


def _table(
    path: str, separator: str, task: str, columns: Columns, quoted: bool = True
) -> Iterator[Found]:
    with open_rows(path) as stream:
        header, records = read_table(stream, separator, quoted)
        roles = _roles(path, header, task, columns)
        for record in records:
            if not quoted and len(record.cells) > len(header):
                wrong = f"{len(record.cells)} columns, the header has {len(header)}"
                record = Record(record.number, "", (), wrong)
            asked, target, answer = (
                _cell(header, record, name)
                for name in (roles.input, roles.target, roles.prediction)
            )
            yield _found_in_table(record.number, roles, asked, target, answer)


Cell = tuple[str, str | None]  # text, and what is wrong with it


def _cell(header: Sequence[str], record: Record, name: str | None) -> Cell:
    if name is None:
        return "", None
    if record.error is not None:
        return record.text, record.error
    place, count = header.index(name), len(record.cells)
    if place >= count:
        return "", f"missing column {name!r}: {count} of {len(header)} columns" if count else None
    text = record.cells[place]
    return text, NOT_UTF8 if SURROGATE.search(text) else None


def _found_in_table(number: int, roles: _Roles, asked: Cell, target: Cell, answer: Cell) -> Found:
    """A blank prediction is one; a blank target is none."""
    wrong = answer[1] or (None if roles.prediction else _NO_PREDICTION)
    has_target = target[1] is None and bool(target[0].strip())
    return Found(
        number,
        input=_without_prompt(SURROGATE.sub("\ufffd", asked[0])),
        target=target[0] if has_target else None,
        predictions=() if wrong else (answer[0],),
        error=wrong,
    )


def _roles(path: str, header: Sequence[str], task: str, columns: Columns) -> _Roles:
    asking, answering = _FIELDS[task]
    target = _column(path, header, columns.target, (*_TARGETS, *answering))
    prediction = _column(path, header, columns.prediction, _PREDICTIONS)
    if target is None and prediction is None and len(header) == 1:
        target = header[0]
    return _Roles(
        input=_column(path, header, columns.input, (*_INPUTS, *asking)),
        target=target,
        prediction=prediction,
    )


def _column(
    path: str, header: Sequence[str], named: str | None, usual: Sequence[str]
) -> str | None:
    """The column that is named, or the first of the usual ones that the header has."""
    if named is not None:
        if named not in header:
            near = did_you_mean(named, header)
            raise ConfigError(
                f"{path} has no column {named!r}.{near} Its columns are {', '.join(header)}."
            )
        return named
    lowered = {name.strip().lower(): name for name in reversed(header)}
    return next((lowered[name] for name in usual if name in lowered), None)


# JSON lines


def _json_lines(path: str, task: str, columns: Columns) -> Iterator[Found]:
    with open_rows(path) as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _json_row(number, line, task, columns)


def _json_row(number: int, line: str, task: str, columns: Columns) -> Found:
    if SURROGATE.search(line):
        return Found(number, error=NOT_UTF8)
    try:
        record = json_record(line)
    except RecordError as error:
        return Found(number, error=str(error))
    found = _found_in_record(_number(record, number), record, task, columns)
    # JSON can spell half of a surrogate pair, which no file can be written with.
    if SURROGATE.search("".join((found.input, found.target or "", *found.predictions))):
        return Found(found.number, error="half of a surrogate pair, which is no character")
    return found


def _number(record: Mapping[str, Any], line: int) -> int:
    """The row's own number, as `t5chem predict` writes it, else the line's."""
    row = record.get("row")
    return row if isinstance(row, int) and not isinstance(row, bool) else line


def _found_in_record(number: int, record: Mapping[str, Any], task: str, columns: Columns) -> Found:
    asking, answering = _FIELDS[task]
    fields = {**_example(record), **record}
    predictions, error = _answers(record, columns.prediction)
    target = _text(fields, columns.target, (*_TARGETS, *answering))
    return Found(
        number,
        input=_without_prompt(_text(fields, columns.input, (*_INPUTS, *asking)) or ""),
        target=target if target is not None and target.strip() else None,
        predictions=predictions,
        error=error,
    )


def _example(record: Mapping[str, Any]) -> dict[str, Any]:
    """The texts of the example that T5X and SeqIO keep under `inputs` or `input`."""
    nested = record.get("inputs", record.get("input"))
    if not isinstance(nested, dict):
        return {}
    # SeqIO sums up long arrays as texts such as "ndarray(shape=(91,), dtype=int32); ...".
    return {
        str(name).lower(): value
        for name, value in nested.items()
        if isinstance(value, str) and not value.startswith("ndarray(")
    }


def _text(fields: Mapping[str, Any], named: str | None, usual: Sequence[str]) -> str | None:
    """The first of the keys that holds a text."""
    keys = (named,) if named is not None else usual
    lowered = {name.lower(): value for name, value in fields.items()} if named is None else fields
    return next((lowered[key] for key in keys if isinstance(lowered.get(key), str)), None)


def _answers(record: Mapping[str, Any], named: str | None) -> tuple[tuple[str, ...], str | None]:
    """The predictions, best first, and what is wrong when there are none."""
    keys = (named,) if named is not None else _PREDICTIONS
    key = next((key for key in keys if key in record), None)
    if key is None:
        said = record.get("error")
        return (), said if isinstance(said, str) and said else _NO_PREDICTION
    texts = _texts(record[key])
    if texts is None:
        return (), f"{key!r} is no text"
    # Of several decodes, `t5x.infer` writes the best last; it keeps the example under `inputs`.
    best_first = texts[::-1] if isinstance(record.get("inputs"), dict) else texts
    return best_first, None if texts else _NO_PREDICTION


def _texts(value: Any) -> tuple[str, ...] | None:
    """A text, a list of texts, or a list of objects with `text`; None for anything else."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        return None
    items = [one.get("text") if isinstance(one, dict) else one for one in value]
    texts = tuple(item for item in items if isinstance(item, str))
    return texts if len(texts) == len(items) else None


def _without_prompt(text: str) -> str:
    prompt = next((prompt for prompt in PROMPTS.values() if text.startswith(prompt)), "")
    return text.removeprefix(prompt)
