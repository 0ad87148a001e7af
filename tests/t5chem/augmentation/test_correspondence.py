"""Counterparts of atoms: by hand, as properties, and against the atom maps of real reactions."""

from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from t5chem.augmentation.correspondence import Molecule, corresponding_atoms
from tests.t5chem.augmentation.molecules import mapped_reactions, nci_smiles

MOLECULES = tuple(smiles for smiles in nci_smiles(step=40) if "." not in smiles)


def pairs(first, second):
    mols = (Chem.MolFromSmiles(smiles) for smiles in (first, second))
    return corresponding_atoms(*map(Molecule, mols))


def test_an_ester_and_its_acid():
    # C0 O1 C2(=O3) c4...c9   and   O0=C1(O2) c3...c8: the methyl alone has none
    assert pairs("COC(=O)c1ccccc1", "O=C(O)c1ccccc1") == {
        **{1: 2, 2: 1, 3: 0},
        **{4: 3, 5: 4, 6: 5, 7: 6, 8: 7, 9: 8},
    }


def test_nothing_in_common():
    assert pairs("CO", "c1ccccc1") == {}
    assert pairs("CC", "CCCCCCC") == {}
    assert pairs("[Na+]", "[Na+]") == {}


@settings(deadline=None)
@given(st.sampled_from(MOLECULES))
def test_a_molecule_has_all_of_itself(smiles):
    found = pairs(smiles, smiles)
    assert len(found) == Chem.MolFromSmiles(smiles).GetNumAtoms()


@settings(deadline=None)
@given(st.sampled_from(MOLECULES), st.sampled_from(MOLECULES))
def test_counterparts_are_of_one_kind_and_paired_once(first, second):
    one, two = map(Chem.MolFromSmiles, (first, second))
    found = pairs(first, second)
    assert len(set(found.values())) == len(found)
    for atom, other in found.items():
        assert one.GetAtomWithIdx(atom).GetSymbol() == two.GetAtomWithIdx(other).GetSymbol()


def test_against_atom_maps(shared):
    right = first_right = total = first_total = 0
    for reactants, product in mapped_reactions(shared, 150):
        for reactant in reactants:
            found = corresponding_atoms(Molecule(product.mol), Molecule(reactant.mol))
            if not found or not set(reactant.maps) & set(product.maps):
                continue
            like = list(Chem.CanonicalRankAtoms(reactant.mol, breakTies=False))
            true = {
                atom: like[reactant.maps.index(number)]
                for atom, number in enumerate(product.maps)
                if number in reactant.maps
            }
            right += sum(true.get(atom) == like[other] for atom, other in found.items())
            total += len(found)
            first_right += true.get(min(found)) == like[found[min(found)]]
            first_total += 1
    assert first_total > 200
    assert first_right / first_total > 0.94
    assert right / total > 0.85
