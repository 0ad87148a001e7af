"""Which ions are one compound: literal cases, and that nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from t5chem.salts import pair_ions


def grouped(text):
    """Compounds of a text of fragments, as strings."""
    parts = text.split(".")
    charged = [(part, Chem.GetFormalCharge(Chem.MolFromSmiles(part))) for part in parts]
    return ["~".join(parts[place] for place in compound) for compound in pair_ions(charged)]


@pytest.mark.parametrize(
    ("text", "compounds"),
    [
        ("CO.CCO", ["CO", "CCO"]),
        ("[Na+].[OH-]", ["[Na+]~[OH-]"]),
        ("[Na+].CO.[OH-].[Na+].[OH-]", ["[Na+]~[OH-]", "CO", "[Na+]~[OH-]"]),
        ("O=C([O-])[O-].[I-].[K+].[K+].[Na+]", ["O=C([O-])[O-]~[K+]~[K+]", "[I-]~[Na+]"]),
        ("[Mg+2].[Cl-].[Cl-].[Na+].[Cl-]", ["[Mg+2]~[Cl-]~[Cl-]", "[Na+]~[Cl-]"]),
        # the nearest, where charges leave a choice
        ("[K+].[OH-].[Na+].[I-]", ["[K+]~[OH-]", "[Na+]~[I-]"]),
        ("[Cl-].[H-].[NH4+].[Na+]", ["[Cl-]~[NH4+]", "[H-]~[Na+]"]),
        ("[Al+3].[H-].[H-].[H-].[H-].[Li+]", ["[Al+3]~[H-]~[H-]~[H-]~[H-]~[Li+]"]),
        ("[K+].[Na+].O=C([O-])C(O)C(O)C(=O)[O-]", ["[K+]~[Na+]~O=C([O-])C(O)C(O)C(=O)[O-]"]),
        # what finds no partner stays alone
        ("[Na+].[Na+].[OH-]", ["[Na+]~[OH-]", "[Na+]"]),
        ("[Na+].[K+]", ["[Na+]", "[K+]"]),
        ("C[N+](=O)[O-].[Cl-]", ["C[N+](=O)[O-]", "[Cl-]"]),
    ],
)
def test_compounds(text, compounds):
    assert sorted(grouped(text)) == sorted(compounds)


IONS = st.tuples(st.sampled_from("ab"), st.integers(-3, 3)).map(lambda ion: (f"{ion}", ion[1]))


@given(st.lists(IONS, max_size=9))
def test_every_fragment_is_in_one_compound_and_compounds_of_several_are_neutral(fragments):
    compounds = pair_ions(fragments)
    assert sorted(place for compound in compounds for place in compound) == list(
        range(len(fragments))
    )
    assert compounds == sorted(compounds)
    for compound in compounds:
        if len(compound) > 1:
            assert sum(fragments[place][1] for place in compound) == 0
            assert all(fragments[place][1] for place in compound)


@given(st.lists(st.sampled_from([1, -1]), max_size=12))
def test_single_charges_pair_as_far_as_they_go(charges):
    compounds = pair_ions([("+" if charge > 0 else "-", charge) for charge in charges])
    assert sum(len(one) == 2 for one in compounds) == min(charges.count(1), charges.count(-1))
