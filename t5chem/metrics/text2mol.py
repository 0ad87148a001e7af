"""Everything about molecules written for descriptions, as MolT5's evaluation defines it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from t5chem.metrics.bleu import bleu_from_sums, bleu_statistics
from t5chem.metrics.evaluation import INSTALL_EXTRA, Evaluation, Settings, finish
from t5chem.metrics.frechet import chemnet_distance
from t5chem.metrics.pairs import check_pairs
from t5chem.metrics.scores import Score, mean_score, pooled_score, versions_of
from t5chem.metrics.similarity import MoleculePair, molecule_pairs, rdkit_versions

# Similarity of each description to its molecule: (descriptions, SMILES) to one figure a row.
Text2Mol = Callable[[Sequence[str], Sequence[str]], Sequence[float]]

_NO_TEXT2MOL: Final = (
    "needs Text2Mol's weights, which no package carries: pass a function of descriptions and "
    "SMILES as `text2mol`, and the descriptions."
)


def evaluate_text2mol(
    targets: Sequence[str],
    predictions: Sequence[str],
    settings: Settings | None = None,
    *,
    descriptions: Sequence[str] | None = None,
    text2mol: Text2Mol | None = None,
) -> Evaluation:
    """Scores SMILES written for descriptions.

    * `bleu`: corpus BLEU-4 over the characters of the raw strings.
    * `exact`: equal standard InChI. `exact_canonical`: equal canonical SMILES. `exact_string`:
      equal strings.
    * `levenshtein`: mean edit distance of the raw strings; lower is better.
    * `validity`: share of predictions that RDKit parses and sanitises; the empty one is not valid.
    * `maccs`, `rdk`, `morgan`: mean Tanimoto similarity over the rows where both are valid.
    * `fcd`: Fréchet ChemNet distance between all valid targets and all valid predictions; lower is
      better. It has no interval.
    * `text2mol`: mean of what `text2mol` returns for the valid predictions.

    Args:
        targets: one SMILES a row.
        predictions: one SMILES a row.
        settings: how; the default is one process.
        descriptions: what the molecules were written for; only Text2Mol needs them.
        text2mol: the Text2Mol model with its weights: called once, with the descriptions and
            predictions of the rows whose prediction is valid.

    Raises:
        ValueError: see `check_pairs`; or Text2Mol is wanted and its descriptions or figures are
            not one a row.

    Example:
        >>> scores = evaluate_text2mol(["CCO", "CC"], ["OCC", "C("], Settings(fcd=False)).scores
        >>> scores["exact"].value, scores["validity"].invalid, scores["maccs"].count
        (0.5, (1,), 1)
    """
    check_pairs(targets, predictions)
    settings = settings or Settings()
    pairs = list(molecule_pairs(targets, predictions, settings.processes))
    scores = {
        "bleu": pooled_score(
            bleu_statistics(targets, predictions, 4), bleu_from_sums, versions=versions_of()
        ),
        **_molecule_scores(pairs),
        "exact_string": mean_score(
            [float(t == p) for t, p in zip(targets, predictions, strict=True)],
            versions=versions_of(),
        ),
    }
    left_out: dict[str, str] = {}
    if not settings.fcd:
        left_out["fcd"] = "was not asked for."
    elif (missing := _missing("fcd_torch", "torch")) is not None:
        left_out["fcd"] = missing
    else:
        scores["fcd"] = _chemnet_score(pairs)
    if text2mol is None:
        left_out["text2mol"] = _NO_TEXT2MOL
    else:
        scores["text2mol"] = _text2mol_score(text2mol, descriptions, predictions, pairs)
    return finish(scores, left_out, len(targets), settings)


def _missing(*packages: str) -> str | None:
    """What to do about packages that are not installed; None when all are."""
    absent = [package for package in packages if importlib.util.find_spec(package) is None]
    return f"needs {' and '.join(absent)}: {INSTALL_EXTRA}" if absent else None


def _molecule_scores(pairs: Sequence[MoleculePair]) -> dict[str, Score]:
    versions = rdkit_versions()
    unreadable = _rows(not pair.valid for pair in pairs)
    both: dict[str, Any] = {"invalid": unreadable, "versions": versions}
    return {
        "exact": mean_score([float(pair.same_inchi) for pair in pairs], **both),
        "levenshtein": mean_score(
            [float(pair.distance) for pair in pairs],
            versions=versions_of(),
            lower_is_better=True,
        ),
        "validity": mean_score(
            [float(pair.prediction is not None) for pair in pairs],
            invalid=_rows(pair.prediction is None for pair in pairs),
            versions=versions,
        ),
        "maccs": mean_score([pair.maccs for pair in pairs], **both),
        "rdk": mean_score([pair.rdk for pair in pairs], **both),
        "morgan": mean_score([pair.morgan for pair in pairs], **both),
        "exact_canonical": mean_score(
            [float(pair.valid and pair.target == pair.prediction) for pair in pairs], **both
        ),
    }


def _chemnet_score(pairs: Sequence[MoleculePair]) -> Score:
    found = [pair.prediction for pair in pairs if pair.prediction is not None]
    return Score(
        value=chemnet_distance([pair.target for pair in pairs if pair.target is not None], found),
        count=len(found),
        invalid=_rows(pair.prediction is None for pair in pairs),
        versions=versions_of("rdkit", "fcd_torch", "torch"),
        lower_is_better=True,
    )


def _text2mol_score(
    text2mol: Text2Mol,
    descriptions: Sequence[str] | None,
    predictions: Sequence[str],
    pairs: Sequence[MoleculePair],
) -> Score:
    if descriptions is None or len(descriptions) != len(predictions):
        raise ValueError(
            f"{0 if descriptions is None else len(descriptions)} descriptions for "
            f"{len(predictions)} predictions: Text2Mol compares each with its own."
        )
    valid = [row for row, pair in enumerate(pairs) if pair.prediction is not None]
    figures = list(
        text2mol([descriptions[row] for row in valid], [predictions[row] for row in valid])
    )
    if len(figures) != len(valid):
        raise ValueError(
            f"text2mol returned {len(figures)} figures for {len(valid)} molecules: it must give "
            "one for each."
        )
    of_row = dict(zip(valid, map(float, figures), strict=True))
    return mean_score(
        [of_row.get(row) for row in range(len(pairs))],
        invalid=_rows(pair.prediction is None for pair in pairs),
        versions={**versions_of("rdkit"), "Text2Mol": getattr(text2mol, "__name__", "given")},
    )


def _rows(flags: Iterable[bool]) -> tuple[int, ...]:
    """Indices of the rows that are flagged."""
    return tuple(row for row, flag in enumerate(flags) if flag)
