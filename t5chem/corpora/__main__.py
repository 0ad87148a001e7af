"""Prints a kind of the starter corpus as JSON lines: `python -m t5chem.corpora molecules`.

The builder of the corpus runs this as a process of its own, because the generators' worker
processes must not inherit (or import again) the TensorFlow and JAX of a training process.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator

GENERATORS = {
    "molecules": "t5chem.corpora.molecules:generate_molecules",
    "reactions": "t5chem.corpora.reactions:generate_reactions",
    "procedures": "t5chem.corpora.procedures:generate_procedures",
}


def generator(kind: str) -> Callable[..., Iterator[dict[str, str]]]:
    """Returns the generator function of a kind."""
    module, name = GENERATORS[kind].split(":")
    return getattr(importlib.import_module(module), name)


def main() -> None:
    """Parses the arguments and prints the rows."""
    parser = argparse.ArgumentParser(prog="python -m t5chem.corpora", description=__doc__)
    parser.add_argument("kind", choices=GENERATORS)
    parser.add_argument("--seed", type=int, default=0, help="of every random choice (0)")
    parser.add_argument("--limit", type=int, help="print only so many rows")
    parser.add_argument("--processes", type=int, default=min(8, os.cpu_count() or 1))
    args = parser.parse_args()
    rows = generator(args.kind)(seed=args.seed, processes=args.processes)
    try:
        for row in itertools.islice(rows, args.limit):
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read us has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
