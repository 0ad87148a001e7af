"""How like one molecule is to another: what RDKit computes of a row, in one go."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator, rdinchi, rdMolDescriptors

from t5chem.metrics.edit_distance import levenshtein
from t5chem.metrics.processes import map_in_order
from t5chem.metrics.scores import versions_of
from t5chem.smiles import canonical_from_mol, parse

_RDK: Final = rdFingerprintGenerator.GetRDKitFPGenerator(minPath=1, maxPath=7, fpSize=2048)
_MORGAN: Final = rdFingerprintGenerator.GetMorganGenerator(radius=2)


def inchi(smiles: str) -> str | None:
    """Returns the standard InChI, or None when invalid or when InChI cannot express it."""
    molecule = _molecule(smiles)
    return None if molecule is None else molecule.inchi or None


@dataclasses.dataclass(frozen=True)
class MoleculePair:
    """A predicted molecule beside the one expected.

    Attributes:
        target: canonical SMILES; None when invalid.
        prediction: canonical SMILES; None when invalid.
        distance: edit distance of the raw strings.
        same_inchi: both have a standard InChI, and it is the same.
        maccs: Tanimoto similarity of MACCS keys (167 bits); None unless both are valid.
        rdk: of RDKit's path fingerprints (paths of 1 to 7 bonds, 2048 bits).
        morgan: of Morgan fingerprints of radius 2, as sparse counts.
    """

    target: str | None
    prediction: str | None
    distance: int
    same_inchi: bool = False
    maccs: float | None = None
    rdk: float | None = None
    morgan: float | None = None

    @property
    def valid(self) -> bool:
        """Whether both are valid."""
        return self.target is not None and self.prediction is not None


def molecule_pairs(
    targets: Sequence[str], predictions: Sequence[str], processes: int = 1
) -> Iterator[MoleculePair]:
    """Yields what is known of each row, in order.

    Args:
        targets: one SMILES a row.
        predictions: one SMILES a row.
        processes: see `map_in_order`.
    """
    yield from map_in_order(_pair, list(zip(targets, predictions, strict=True)), processes)


def rdkit_versions() -> dict[str, str]:
    """Returns the versions that comparisons of molecules depend on."""
    versions = versions_of("rdkit")
    # RDKit 2025.3 has InChI and does not tell which.
    if hasattr(rdinchi, "GetInchiVersion"):
        versions["InChI"] = rdinchi.GetInchiVersion()
    return versions


class _Molecule:
    """A valid molecule; each property is computed when it is first asked for."""

    def __init__(self, mol: Chem.Mol) -> None:
        self._mol = mol

    @functools.cached_property
    def smiles(self) -> str:
        return canonical_from_mol(self._mol)

    @functools.cached_property
    def inchi(self) -> str:
        return Chem.MolToInchi(self._mol)

    @functools.cached_property
    def fingerprints(self) -> tuple[Any, Any, Any]:
        return (
            rdMolDescriptors.GetMACCSKeysFingerprint(self._mol),
            _RDK.GetFingerprint(self._mol),
            _MORGAN.GetSparseCountFingerprint(self._mol),
        )


# A prediction is often its target, and a sample often holds a molecule many times.
@functools.lru_cache(maxsize=1024)
def _molecule(smiles: str) -> _Molecule | None:
    mol = parse(smiles)
    return None if mol is None else _Molecule(mol)


def canonical_smiles(smiles: str) -> str | None:
    """Returns RDKit's canonical SMILES, or None when invalid."""
    molecule = _molecule(smiles)
    return None if molecule is None else molecule.smiles


def _pair(row: tuple[str, str]) -> MoleculePair:
    target, prediction = map(_molecule, row)
    pair = MoleculePair(
        target=None if target is None else target.smiles,
        prediction=None if prediction is None else prediction.smiles,
        distance=levenshtein(*row),
    )
    if target is None or prediction is None:
        return pair
    maccs, rdk, morgan = (
        DataStructs.TanimotoSimilarity(*fingerprints)
        for fingerprints in zip(target.fingerprints, prediction.fingerprints, strict=True)
    )
    same = bool(target.inchi) and target.inchi == prediction.inchi
    return dataclasses.replace(pair, same_inchi=same, maccs=maccs, rdk=rdk, morgan=morgan)
