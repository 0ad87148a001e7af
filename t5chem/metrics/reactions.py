"""Everything about predicted products and precursors, the best n of them for each row."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from t5chem.metrics.bleu import bleu_from_sums, bleu_statistics
from t5chem.metrics.evaluation import Evaluation, Settings, finish
from t5chem.metrics.pairs import check_strings
from t5chem.metrics.processes import map_in_order
from t5chem.metrics.round_trips import ForwardPredictions, round_trip_scores
from t5chem.metrics.scores import Score, mean_score, pooled_score, versions_of
from t5chem.smiles import canonical_mixture

# A row's answers: the best first, or the only one.
Answers = str | Sequence[str]

TOP: Final = (1, 2, 3, 5, 10)


def evaluate_forward(
    targets: Sequence[str],
    predictions: Sequence[Answers],
    settings: Settings | None = None,
) -> Evaluation:
    """Scores predicted products.

    * `top1`, `top2`, `top3`, `top5`, `top10`: share of rows with the right mixture among the first
      n answers, in any order of compounds and any valid spelling; an invalid one is never right.
      Only the n that some row has answers for are given.
    * `bleu`: corpus BLEU-4 over the characters of the first answers.
    * `validity`: share of first answers whose every compound is valid; the others are listed.

    Args:
        targets: one mixture a row, compounds joined with `.`, ions of one compound with `~`.
        predictions: of each row one mixture, or several, the best first.
        settings: how; the default is one process.

    Raises:
        ValueError: a list is empty, the lists differ in length, or something is no string.

    Example:
        >>> scores = evaluate_forward(["CCO", "CO"], [["CC", "OCC"], ["CO", "C("]]).scores
        >>> scores["top1"].value, scores["top2"].value
        (0.5, 1.0)
    """
    settings = settings or Settings()
    answers = answer_lists(targets, predictions)
    scores = _ranked_scores(targets, answers, settings)
    return finish(scores, {}, len(targets), settings)


def evaluate_retrosynthesis(
    targets: Sequence[str],
    predictions: Sequence[Answers],
    settings: Settings | None = None,
    *,
    forward: ForwardPredictions | None = None,
    classes: Sequence[Sequence[str | None]] | None = None,
) -> Evaluation:
    """Scores predicted precursors: what `evaluate_forward` gives, and more with `forward`.

    * `round_trip`: share of all predicted precursors whose forward prediction is the product.
    * `coverage`: share of rows with at least one such prediction.
    * `class_diversity`: mean number of different reaction classes among a row's such predictions;
      needs `classes`.

    Args:
        targets: one mixture a row.
        predictions: of each row one mixture, or several, the best first.
        settings: how; the default is one process.
        forward: what a forward model makes of the predictions.
        classes: for each row, the reaction class of each prediction; None where it has none.

    Raises:
        ValueError: a list is empty, the lists differ in length, or something is no string.
    """
    settings = settings or Settings()
    answers = answer_lists(targets, predictions)
    scores = _ranked_scores(targets, answers, settings)
    left_out: dict[str, str] = {}
    if forward is not None:
        scores |= round_trip_scores(answers, forward, classes, settings.processes)
    else:
        left_out |= dict.fromkeys(
            ("round_trip", "coverage"), "needs the forward predictions: pass `forward`."
        )
    if forward is None or classes is None:
        left_out["class_diversity"] = (
            "needs the forward predictions and reaction classes: pass `forward` and `classes`."
        )
    return finish(scores, left_out, len(targets), settings)


def answer_lists(targets: Sequence[str], predictions: Sequence[Answers]) -> list[tuple[str, ...]]:
    """Returns the answers of each row, best first, checked to be strings.

    Raises:
        ValueError: a list is empty, the lists differ in length, or something is no string.
    """
    check_strings("targets", targets)
    if isinstance(predictions, str | bytes):
        check_strings("predictions", predictions)
    if len(targets) != len(predictions):
        raise ValueError(
            f"{len(targets)} targets but {len(predictions)} predictions: a metric needs one "
            "prediction, or one list of them, for each target, in the same order."
        )
    answers: list[tuple[str, ...]] = []
    for row, given in enumerate(predictions):
        if isinstance(given, str):
            answers.append((given,))
            continue
        if not isinstance(given, Sequence) or isinstance(given, bytes):
            raise ValueError(
                f"predictions[{row}] is {given!r} of type {type(given).__name__}: "
                "give a string or a list of strings."
            )
        if given:
            check_strings(f"predictions[{row}]", given)
        answers.append(tuple(given))
    return answers


@dataclasses.dataclass(frozen=True)
class _Ranked:
    """Of one row: how many answers stand before the right one, and whether the first is valid."""

    before: int | None
    valid: bool


def _ranked_scores(
    targets: Sequence[str], answers: Sequence[tuple[str, ...]], settings: Settings
) -> dict[str, Score]:
    rows = list(zip(targets, answers, strict=True))
    ranked = list(map_in_order(_rank, rows, settings.processes))
    most = max(1, max(map(len, answers)))
    about: dict[str, Any] = {
        "invalid": tuple(row for row, result in enumerate(ranked) if not result.valid),
        "versions": versions_of("rdkit"),
    }
    first = [row[0] if row else "" for row in answers]
    return {
        **{
            f"top{n}": mean_score(
                [float(row.before is not None and row.before < n) for row in ranked], **about
            )
            for n in TOP
            if n <= most
        },
        "bleu": pooled_score(
            bleu_statistics(targets, first, 4), bleu_from_sums, versions=versions_of()
        ),
        "validity": mean_score([float(row.valid) for row in ranked], **about),
    }


def _rank(row: tuple[str, tuple[str, ...]]) -> _Ranked:
    target, answers = row
    wanted = canonical_mixture(target)
    found = [canonical_mixture(answer) for answer in answers]
    right = wanted is not None and wanted in found
    return _Ranked(found.index(wanted) if right else None, bool(found) and found[0] is not None)
