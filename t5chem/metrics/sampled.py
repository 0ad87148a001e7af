"""Molecules drawn from a model: are they valid, different from each other, and new?"""

from __future__ import annotations

from collections.abc import Sequence

from t5chem.metrics.evaluation import Evaluation, Settings, finish
from t5chem.metrics.pairs import check_strings
from t5chem.metrics.processes import map_in_order
from t5chem.metrics.scores import Score, mean_score, versions_of
from t5chem.metrics.similarity import canonical_smiles


def evaluate_samples(
    samples: Sequence[str],
    known: Sequence[str] | None = None,
    settings: Settings | None = None,
) -> Evaluation:
    """Scores a set of sampled molecules.

    * `validity`: share of samples that RDKit parses and sanitises.
    * `uniqueness`: different molecules over valid samples. It has no interval: a draw with
      replacement repeats molecules, so every draw is less unique than the set.
    * `novelty`: share of the different molecules that are not known.

    Two samples are the same molecule when their canonical SMILES are equal.

    Args:
        samples: one SMILES a row.
        known: SMILES of the training set; those that are not valid are passed over.
        settings: how; the default is one process.

    Raises:
        ValueError: a list holds something that is no string, or `samples` is empty.

    Example:
        >>> evaluation = evaluate_samples(["CCO", "OCC", "CC", "C("], known=["C(O)C"])
        >>> {name: round(score.value, 3) for name, score in evaluation.scores.items()}
        {'validity': 0.75, 'uniqueness': 0.667, 'novelty': 0.5}
    """
    check_strings("samples", samples)
    settings = settings or Settings()
    molecules = list(map_in_order(canonical_smiles, samples, settings.processes))
    invalid = tuple(row for row, molecule in enumerate(molecules) if molecule is None)
    versions = versions_of("rdkit")
    different = set(molecules) - {None}
    valid = len(samples) - len(invalid)
    scores = {
        "validity": mean_score(
            [float(molecule is not None) for molecule in molecules],
            invalid=invalid,
            versions=versions,
        ),
        "uniqueness": Score(
            len(different) / valid if valid else float("nan"), valid, invalid, versions
        ),
    }
    left_out = {}
    if known is None:
        left_out["novelty"] = "needs the molecules of the training set: pass `known`."
    else:
        if len(known):
            check_strings("known", known)
        seen = set(map_in_order(canonical_smiles, known, settings.processes))
        scores["novelty"] = mean_score(
            _novelties(molecules, seen), invalid=invalid, versions=versions
        )
    return finish(scores, left_out, len(samples), settings)


def _novelties(molecules: Sequence[str | None], seen: set[str | None]) -> list[float | None]:
    """1 for a new molecule and 0 for a known one where it stands first; None elsewhere."""
    novelties: list[float | None] = []
    met: set[str | None] = {None}
    for molecule in molecules:
        novelties.append(None if molecule in met else float(molecule not in seen))
        met.add(molecule)
    return novelties
