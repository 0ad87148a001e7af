"""Tables with bad rows of every kind, and the answers to them."""

import json
from pathlib import Path

BAD = ("", "C1CC", "C" * 200, "N\xff", "CC(", "   ")
KINDS = len(BAD) + 2
"""The bad cells, a row without its column, and a quotation mark without its partner."""


def write_table(path: Path, good: int, bad: int) -> None:
    """Writes a table in which the bad rows stand evenly among the good ones, kind after kind."""
    lines, every = ["id,smiles"], (good + bad) // bad
    for number in range(good + bad):
        if number % every or number // every >= bad:
            lines.append(f"{number},{'C' * (1 + number % 20)}")
        else:
            lines.append(_bad_line(number, (number // every) % KINDS))
    path.write_bytes("\n".join(lines).encode("latin-1") + b"\n")


def _bad_line(number: int, kind: int) -> str:
    if kind < len(BAD):
        return f"{number},{BAD[kind]}"
    return str(number) if kind == len(BAD) else f'{number},"C'


def read_answers(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
