"""The compounds that a reaction starts from, in another order."""

from __future__ import annotations

import random


def shuffle_precursors(mixture: str, rng: random.Random) -> str:
    """Returns the compounds of a mixture in another order, if there is one.

    Example:
        >>> shuffle_precursors("CBr.CO.[Na+]~[OH-]", random.Random(0))
        'CO.[Na+]~[OH-].CBr'
    """
    compounds = mixture.split(".")
    if len(set(compounds)) < 2:
        return mixture
    while (shuffled := ".".join(rng.sample(compounds, len(compounds)))) == mixture:
        pass
    return shuffled
