"""Fréchet ChemNet distance (Preuer et al., J. Chem. Inf. Model. 58, 2018) between two sets.

ChemNet and its weights come with `fcd_torch`, which reads 350 characters of a SMILES. The `fcd`
package pads to the longest SMILES instead and gives other figures: name the package with the
number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

_BATCH: Final = 256


def chemnet_distance(first: Sequence[str], second: Sequence[str]) -> float:
    """Returns the Fréchet distance between ChemNet's activations of two sets.

    Args:
        first: canonical SMILES.
        second: canonical SMILES.

    Returns:
        0 for equal sets; NaN when a set holds fewer than two molecules.

    Raises:
        ImportError: `fcd_torch` is not installed.
    """
    if min(len(first), len(second)) < 2:
        return float("nan")
    return frechet_distance(_activations(first), _activations(second))


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the Fréchet distance between the normal distributions fitted to two samples.

    |m1 - m2|² + Tr(C1 + C2 - 2 (C1 C2)^½); the trace of the root is the sum of the roots of the
    eigenvalues, which no negative rounding error survives.

    Args:
        first: float[points, features], two points at least.
        second: float[points, features], two points at least.

    Example:
        >>> round(frechet_distance(np.array([[0.0, 1], [1, 0]]), np.array([[3.0, 1], [4, 0]])), 6)
        9.0
    """
    means = first.mean(axis=0, dtype=np.float64) - second.mean(axis=0, dtype=np.float64)
    covariances = [np.atleast_2d(np.cov(sample.T.astype(np.float64))) for sample in (first, second)]
    eigenvalues = np.linalg.eigvals(covariances[0] @ covariances[1]).real
    roots = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    distance = means @ means + sum(map(np.trace, covariances)) - 2 * roots
    return max(0.0, float(distance))


def _activations(molecules: Sequence[str]) -> np.ndarray:
    """float[molecules, 512]: the last hidden layer of ChemNet.

    The package's own loop and distance call functions that NumPy and SciPy have deprecated.
    """
    import torch
    from fcd_torch import FCD
    from fcd_torch.utils import SmilesDataset

    model = FCD(device="cpu").model
    rows = SmilesDataset(list(molecules), canonize=False)
    activations = []
    with torch.no_grad():
        for start in range(0, len(rows), _BATCH):
            block = np.stack([rows[i] for i in range(start, min(start + _BATCH, len(rows)))])
            batch = torch.from_numpy(block.transpose(0, 2, 1).astype(np.float32))
            activations.append(model(batch).numpy())
    return np.concatenate(activations)
