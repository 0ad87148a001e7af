"""What a whole evaluation is made with, and what it gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from t5chem.metrics.bootstrap import SAMPLES, Comparison, compare, with_intervals
from t5chem.metrics.scores import Score

INSTALL_EXTRA: Final = "pip install 'text-chem-t5[metrics]'"


@dataclasses.dataclass(frozen=True)
class Settings:
    """How an evaluation is made; the figures depend on none of it but the two files.

    Attributes:
        processes: that share the reading of molecules. With more than one, a script must guard its
            own work with `if __name__ == "__main__":`.
        samples: of the bootstrap; 0 leaves the intervals out.
        seed: of the bootstrap.
        scibert: file of SciBERT's vocabulary; None takes `T5CHEM_SCIBERT_VOCAB`.
        wordnet: folder of WordNet; None takes `T5CHEM_WORDNET`, then NLTK's data, then Debian's.
        fcd: whether to compute the Fréchet ChemNet distance, which takes longer than all others.
    """

    processes: int = 1
    samples: int = SAMPLES
    seed: int = 0
    scibert: str | None = None
    wordnet: str | None = None
    fcd: bool = True

    def __post_init__(self) -> None:
        if self.processes < 1 or self.samples < 0:
            raise ValueError(
                f"processes={self.processes}, samples={self.samples}: at least 1 process, and no "
                "fewer than 0 samples."
            )


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The figures of one system on one task.

    Attributes:
        scores: by name, in the order a table shows them.
        left_out: metrics that could not be computed, each with what to do to have it.
        rows: how many rows there were.
    """

    scores: Mapping[str, Score]
    left_out: Mapping[str, str]
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            "rows": self.rows,
            "scores": {name: score.as_dict() for name, score in self.scores.items()},
            "left_out": dict(self.left_out),
        }


def finish(
    scores: Mapping[str, Score], left_out: Mapping[str, str], rows: int, settings: Settings
) -> Evaluation:
    """Adds the intervals, for all scores with the same draws."""
    return Evaluation(with_intervals(scores, settings.samples, settings.seed), dict(left_out), rows)


def compare_evaluations(
    first: Evaluation, second: Evaluation, samples: int = SAMPLES, seed: int = 0
) -> dict[str, Comparison]:
    """Compares every figure that two systems share, by a paired bootstrap.

    Args:
        first: of one system.
        second: of another, over the same targets in the same order.
        samples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        ValueError: the numbers of rows differ, or a figure was computed differently.
    """
    if first.rows != second.rows:
        raise ValueError(
            f"The systems answered {first.rows} and {second.rows} rows: a paired comparison needs "
            "both systems' answers to the same rows."
        )
    return {
        name: compare(score, second.scores[name], samples, seed)
        for name, score in first.scores.items()
        if name in second.scores
    }
