"""Where to begin the SMILES of a reaction's input so that it reads like the answer.

Root alignment (Zhong et al., "Root-aligned SMILES", Chemical Science 2022) begins the SMILES of
product and reactants at corresponding atoms, so that what the reaction leaves alone is copied. Two
things are different here. The answer stays canonical: only the input is rooted, at the counterpart
of the answer's first atom that has one. And records have no atom maps: counterparts are found by
`t5chem.augmentation.correspondence`.
"""

from __future__ import annotations

import random
import re

from rdkit import Chem

from t5chem.augmentation.correspondence import Molecule, corresponding_atoms
from t5chem.smiles import parse


class RootFinder:
    """Finds where to begin, for one answer.

    Args:
        answer: a mixture; text that is none leaves every molecule without a root.
        rng: chooses the compound of the answer to align with, one that shares more atoms likelier
            (by the square of their number).
    """

    def __init__(self, answer: str, rng: random.Random) -> None:
        compounds = [parse(part) for part in re.split("[.~]", answer)]
        self._answer = [Molecule(mol) for mol in compounds if mol is not None]
        self._rng = rng

    def root(self, mol: Chem.Mol) -> int | None:
        """Returns the atom to begin with; None for a molecule that has nothing of the answer.

        Example:
            >>> finder = RootFinder("COc1ccccc1C(=O)O", random.Random(0))
            >>> ester = Chem.MolFromSmiles("CCOC(=O)c1ccccc1OC")
            >>> Chem.MolToSmiles(ester, rootedAtAtom=finder.root(ester))
            'COc1ccccc1C(=O)OCC'
        """
        own = Molecule(mol)
        found = [pairs for one in self._answer if (pairs := corresponding_atoms(one, own))]
        if not found:
            return None
        # Squared: a solvent of five atoms should seldom lead where a reactant of twenty could.
        pairs = self._rng.choices(found, [len(pairs) ** 2 for pairs in found])[0]
        return pairs[min(pairs)]
