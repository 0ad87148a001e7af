"""Real molecules for the tests, and what makes two spellings the same."""

import itertools
import tarfile
from pathlib import Path
from typing import NamedTuple

from rdkit import Chem, RDConfig

from t5chem.smiles import parse


def nci_smiles(step=1):
    """Every `step`-th SMILES of RDKit's NCI file, as it stands there, if it is valid."""
    path = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    lines = path.read_text().splitlines()[::step]
    return [smiles for smiles in (line.split()[0] for line in lines) if parse(smiles)]


def inchi(mixture):
    """InChI of each part of a mixture, in order; '' for a part without one."""
    parts = mixture.replace("~", ".").split(".")
    return [Chem.MolToInchi(Chem.MolFromSmiles(part)) for part in parts]


class Mapped(NamedTuple):
    """A molecule in the order of its canonical SMILES, and the map number of each atom."""

    mol: Chem.Mol
    smiles: str
    maps: list[int]


def mapped_reactions(shared, count):
    """Reactants of four atoms and more, and the product, of atom-mapped rows of one product."""
    with tarfile.open(shared / "data" / "uspto_mit" / "valid.txt.tar.gz") as archive:
        file = archive.extractfile("valid.txt")
        rows = (line.decode().split()[0].split(">>") for line in file)
        alone = (row for row in rows if "." not in row[1])
        for left, right in itertools.islice(alone, count):
            compounds = [_mapped(compound) for compound in left.split(".")]
            yield [one for one in compounds if len(one.maps) > 3], _mapped(right)


def _mapped(text):
    mol = Chem.MolFromSmiles(text)
    maps = [atom.GetAtomMapNum() for atom in mol.GetAtoms()]
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    smiles = Chem.MolToSmiles(mol)
    order = mol.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"]
    return Mapped(Chem.MolFromSmiles(smiles), smiles, [maps[place] for place in order])
