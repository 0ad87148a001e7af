"""A description's sentences in another order, or fewer of them.

The first sentence stays where it is: it says what the others call `it`. A sentence that refers to
the one before it (`This`, `These`, `The latter`, any opening that is not known) stays with it.
"""

from __future__ import annotations

import random
import re
from typing import Final

MOST_DROPPED: Final = 3
"""One in so many of the sentences after the first may go, and one at least."""

_OPENINGS: Final = (
    "It",
    "Its",
    "A",
    "An",
    "By its",
    "Databases",
    "Formula:",
    "Found",
    "Further",
    "Isolated",
    "Of its",
    "One",
    "Overall",
    "Present",
    "The(?! (?:latter|former|other|two|same))",
    "There",
    "Used",
)
_BREAK: Final = re.compile(rf"(?<=\.) (?=(?:{'|'.join(_OPENINGS)}) )")


def sentences_of(description: str) -> list[str]:
    """Splits a description into parts that can change places; joined with spaces, they are it.

    Example:
        >>> sentences_of("The molecule is an acid. It is in E. coli. This is a pest. It is sour.")
        ['The molecule is an acid.', 'It is in E. coli. This is a pest.', 'It is sour.']
    """
    return _BREAK.split(description)


def shuffle_sentences(description: str, rng: random.Random) -> str:
    """Returns the sentences after the first in another order, if there is one.

    Example:
        >>> shuffle_sentences("The molecule is A. It is B. Its size is C.", random.Random(0))
        'The molecule is A. Its size is C. It is B.'
    """
    first, *others = sentences_of(description)
    if len(set(others)) < 2:
        return description
    while (shuffled := rng.sample(others, len(others))) == others:
        pass
    return " ".join([first, *shuffled])


def drop_sentences(description: str, rng: random.Random) -> str:
    """Returns the description without some sentences, if it has three or more.

    Example:
        >>> drop_sentences("The molecule is A. It is B. Its size is C.", random.Random(0))
        'The molecule is A. It is B.'
    """
    first, *others = sentences_of(description)
    if len(others) < 2:
        return description
    count = rng.randint(1, max(1, len(others) // MOST_DROPPED))
    dropped = set(rng.sample(range(len(others)), count))
    kept = [sentence for place, sentence in enumerate(others) if place not in dropped]
    return " ".join([first, *kept])
