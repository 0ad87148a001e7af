"""Everything about action sequences written for paragraphs (Vaucher et al., 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from t5chem.actions import ActionSyntaxError, parse_actions
from t5chem.metrics.bleu import bleu_from_sums, bleu_statistics, words
from t5chem.metrics.edit_distance import similarity
from t5chem.metrics.evaluation import Evaluation, Settings, finish
from t5chem.metrics.pairs import check_pairs
from t5chem.metrics.scores import mean_score, pooled_score, versions_of

_THRESHOLDS: Final = (100, 90, 75)


def evaluate_paragraph2actions(
    targets: Sequence[str], predictions: Sequence[str], settings: Settings | None = None
) -> Evaluation:
    """Scores action sequences.

    * `bleu2`: corpus BLEU-2 over `t5chem.metrics.bleu.words`.
    * `modified_bleu4`: corpus BLEU-4 over whitespace tokens, short sequences padded to four with
      empty tokens, so that a right answer of fewer words is not punished.
    * `accuracy100`, `accuracy90`, `accuracy75`: share of rows whose similarity reaches 1, 0.9,
      0.75; similarity is 1 minus the edit distance over the longer length. `similarity`: its mean.
    * `parses`: share of predictions that `t5chem.actions` reads; the others are listed as invalid.

    Args:
        targets: one action sequence a row.
        predictions: one action sequence a row.
        settings: of the bootstrap.

    Raises:
        ValueError: see `check_pairs`.

    Example:
        >>> scores = evaluate_paragraph2actions(["STIR; FILTER."], ["STIR; FITLER."]).scores
        >>> scores["similarity"].value, scores["accuracy75"].value, scores["parses"].value
        (0.8461538461538461, 1.0, 0.0)
    """
    check_pairs(targets, predictions)
    settings = settings or Settings()
    unreadable = tuple(row for row, text in enumerate(predictions) if not parses(text))
    failed = set(unreadable)
    about: dict[str, Any] = {"invalid": unreadable, "versions": versions_of()}
    alike = [similarity(*row) for row in zip(targets, predictions, strict=True)]
    scores = {
        "bleu2": pooled_score(
            bleu_statistics([*map(words, targets)], [*map(words, predictions)], 2),
            bleu_from_sums,
            **about,
        ),
        "modified_bleu4": pooled_score(
            bleu_statistics([*map(_padded, targets)], [*map(_padded, predictions)], 4),
            bleu_from_sums,
            **about,
        ),
        **{
            f"accuracy{percent}": mean_score([float(a >= percent / 100) for a in alike], **about)
            for percent in _THRESHOLDS
        },
        "similarity": mean_score(alike, **about),
        "parses": mean_score([float(row not in failed) for row in range(len(targets))], **about),
    }
    return finish(scores, {}, len(targets), settings)


def parses(text: str) -> bool:
    """Whether `t5chem.actions.parse_actions` reads the text.

    Example:
        >>> parses("STIR; FILTER."), parses("Stir and filter.")
        (True, False)
    """
    try:
        parse_actions(text)
    except ActionSyntaxError:
        return False
    return True


def _padded(text: str) -> list[str]:
    tokens = text.split()
    return tokens + [""] * (4 - len(tokens))
