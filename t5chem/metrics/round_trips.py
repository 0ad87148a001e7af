"""Does a forward model lead from predicted precursors back to the product?

Schwaller et al., "Predicting retrosynthetic pathways using transformer-based models and a
hyper-graph exploration strategy", Chem. Sci. 11, 2020. No model runs here: its answers are given.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from t5chem.metrics.processes import map_in_order
from t5chem.metrics.scores import Score, mean_score, pooled_score, ratio, versions_of
from t5chem.smiles import canonical_mixture


@dataclasses.dataclass(frozen=True)
class ForwardPredictions:
    """What a forward model makes of predicted precursors.

    Attributes:
        products: what each row's precursors should lead to, one mixture a row.
        answers: for each row, the forward model's product of each prediction, in their order; None
            where it was not asked.
        model: its name, which the figures carry.
    """

    products: Sequence[str]
    answers: Sequence[Sequence[str | None]]
    model: str


def round_trip_scores(
    precursors: Sequence[Sequence[str]],
    forward: ForwardPredictions,
    classes: Sequence[Sequence[str | None]] | None = None,
    processes: int = 1,
) -> dict[str, Score]:
    """Returns `round_trip`, `coverage` and, with `classes`, `class_diversity`.

    Invalid precursors never close the loop, whatever the forward model says. Rows of which no
    prediction is valid are listed as invalid, and count.

    Args:
        precursors: of each row the predicted mixtures.
        forward: one answer for each of them.
        classes: the reaction class of each of them; None where it has none.
        processes: see `map_in_order`.

    Raises:
        ValueError: something is not given for each row, or for each prediction of a row.
    """
    _check("products", precursors, forward.products)
    _check("forward answers", precursors, forward.answers, nested=True)
    rows = list(zip(forward.products, precursors, forward.answers, strict=True))
    closed = list(map_in_order(_closed, rows, processes))
    invalid = tuple(row for row, (_, valid) in enumerate(closed) if not valid)
    about: dict[str, Any] = {
        "invalid": invalid,
        "versions": {**versions_of("rdkit"), "forward model": forward.model},
    }
    statistics = np.array([(sum(flags), len(flags)) for flags, _ in closed], dtype=np.float64)
    scores = {
        "round_trip": pooled_score(statistics, ratio, **about),
        "coverage": mean_score([float(any(flags)) for flags, _ in closed], **about),
    }
    if classes is not None:
        _check("classes", precursors, classes, nested=True)
        scores["class_diversity"] = mean_score(
            [
                float(len({name for name, flag in zip(named, flags, strict=True) if flag and name}))
                for named, (flags, _) in zip(classes, closed, strict=True)
            ],
            **about,
        )
    return scores


def _closed(row: tuple[str, Sequence[str], Sequence[str | None]]) -> tuple[list[bool], bool]:
    """For each prediction whether its loop closes, and whether any prediction is valid."""
    product, precursors, answers = row
    wanted = canonical_mixture(product)
    valid = [canonical_mixture(mixture) is not None for mixture in precursors]
    led_to = [None if answer is None else canonical_mixture(answer) for answer in answers]
    closed = [
        known and wanted is not None and found == wanted
        for known, found in zip(valid, led_to, strict=True)
    ]
    return closed, any(valid)


def _check(
    name: str, precursors: Sequence[Sequence[str]], given: Sequence, nested: bool = False
) -> None:
    if len(given) != len(precursors):
        raise ValueError(f"{len(given)} {name} for {len(precursors)} rows of predicted precursors.")
    for row, (mixtures, answers) in enumerate(zip(precursors, given, strict=True)):
        if nested and (isinstance(answers, str) or len(answers) != len(mixtures)):
            raise ValueError(
                f"Row {row} has {len(mixtures)} predicted precursors, but the {name} are "
                f"{answers!r}: give a list with one for each."
            )
        for text in answers if nested else [answers]:
            if not isinstance(text, str) and not (nested and text is None):
                raise ValueError(f"Row {row} of {name} holds {text!r}, which is no string.")
