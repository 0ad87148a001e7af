"""Experimental paragraphs with their actions: the part of the starter corpus for that task.

The text is written, not collected: a plausible sequence of operations is drawn for a real, named
compound and put into words in one of many ways. The actions repeat the text's own wording, and
each sentence determines its actions alone, with the conventions of the published data:

* `to a solution of A in B was added C` makes a solution first (MAKESOLUTION, ADD SLN, ADD C);
  a mixture of A, B and C adds each; `C was added to A` adds A before C.
* `allowed to warm to T and stirred` is one STIR at T; `cooled to T and stirred` is two actions.
* an ice bath is 0 °C; `acidified`, `basified`, `neutralized` are pH acidic, basic, neutral;
  `dried` without an agent is DRYSOLUTION over unknown; `twice` is 2 x.
* `filtered` keeps the filtrate where that goes on, the precipitate where the solid is collected.
* data and remarks add nothing; alone they are NOACTION.
"""

from __future__ import annotations

import functools
import multiprocessing
import random
from collections.abc import Iterator
from typing import Final

from t5chem.actions import print_actions
from t5chem.corpora.procedure_compounds import Compound, Shelf, load_compounds
from t5chem.corpora.procedure_plans import decide, procedure
from t5chem.corpora.procedure_remarks import follow_other, invalid, no_action, other_language
from t5chem.corpora.procedure_style import Sentence, Style
from t5chem.corpora.splits import split_of
from t5chem.smiles import canonical

DRAWS: Final = 31_500
"""Paragraphs that are drawn; the few that repeat an earlier one are dropped."""
MAX_WORDS: Final = 140

_CHUNK: Final = 250
_LENGTHS: Final = ((1, 0.21), (2, 0.40), (3, 0.57), (4, 0.74), (5, 0.87), (6, 0.96), (7, 1.0))
_LABELS: Final = (
    (no_action, 0.05),
    (follow_other, 0.085),
    (invalid, 0.11),
    (other_language, 0.125),
)


def generate_procedures(seed: int = 0, processes: int = 2) -> Iterator[dict[str, str]]:
    """Yields paragraphs and their actions, the same for every number of processes.

    Args:
        seed: of every random choice.
        processes: how many share the work; 1 works in this process.

    Yields:
        `id` (unique and stable), `split` (of the compound that the procedure prepares), `product`
        (its canonical SMILES), `paragraph` and `actions`. No paragraph occurs twice.

    Example:
        >>> row = next(generate_procedures(processes=1))
        >>> sorted(row)
        ['actions', 'id', 'paragraph', 'product', 'split']
    """
    products = len(_shelf().compounds)
    tasks = [(seed, first, min(first + _CHUNK, products)) for first in range(0, products, _CHUNK)]
    seen: set[str] = set()
    for rows in _mapped(tasks, processes):
        for row in rows:
            if row["paragraph"] not in seen:
                seen.add(row["paragraph"])
                yield row


def _mapped(tasks: list[tuple[int, int, int]], processes: int) -> Iterator[list[dict[str, str]]]:
    if processes == 1:
        yield from map(_rows, tasks)
        return
    # Forking would copy a process in which other libraries may have started threads.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _receive, (_shelf().compounds,)) as pool:
        yield from pool.imap(_rows, tasks)


_received: list[Shelf] = []


def _receive(compounds: tuple[Compound, ...]) -> None:
    _received[:] = [Shelf(compounds)]


@functools.cache
def _shelf() -> Shelf:
    return Shelf(load_compounds())


def _rows(task: tuple[int, int, int]) -> list[dict[str, str]]:
    """Writes the rows of a range of products, each product several times."""
    seed, first, stop = task
    compounds = _received[0] if _received else _shelf()
    products = compounds.compounds
    rows = []
    for place in range(first, stop):
        smiles, split = canonical(products[place].smiles), split_of(products[place].key)
        if smiles is None:
            continue
        for number in range(place, DRAWS, len(products)):
            rng = random.Random(f"procedures/{seed}/{number}")
            paragraph = write(rng, compounds, products[place])
            rows.append(
                {
                    "id": f"procedure-{seed}-{number:05d}",
                    "split": split,
                    "product": smiles,
                    "paragraph": paragraph.text,
                    "actions": print_actions(paragraph.actions),
                }
            )
    return rows


def write(rng: random.Random, compounds: Shelf, product: Compound) -> Sentence:
    """Writes one paragraph about the preparation of `product`, and its actions."""
    style = Style.draw(rng)
    run = decide(style, compounds, product)
    draw = rng.random()
    for label, below in _LABELS:
        if draw < below:
            return label(style, product, run.substrate)
    lines = _excerpt(rng, procedure(style, run))
    actions = tuple(action for line in lines for action in line.actions)
    return Sentence(" ".join(line.text for line in lines), actions)


def _excerpt(rng: random.Random, lines: list[Sentence]) -> list[Sentence]:
    """Takes consecutive sentences that hold an action: from the start, the end or between."""
    draw = rng.random()
    length = min(next(count for count, below in _LENGTHS if draw < below), len(lines))
    starts = range(len(lines) - length + 1)
    place = rng.random()
    start = rng.choice(starts) if length < 3 or place < 0.15 else starts[-1] if place < 0.45 else 0
    taken = lines[start : start + length]
    while len(taken) > 1 and sum(len(line.text.split()) for line in taken) > MAX_WORDS:
        taken.pop()
    return taken if any(line.actions for line in taken) else lines[:1]
