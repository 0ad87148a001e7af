import pytest

from t5chem.corpora import functional_groups, reactions
from t5chem.corpora.queries import element_counts, elements_of, outline, query
from t5chem.smiles import parse

SMARTS = [group.smarts for group in functional_groups.GROUPS]
SMARTS += [*reactions.GROUPS.values(), *reactions.UNWANTED]
SMILES = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "COc1ccc(CCN)cc1Br",
    "C[S](=O)c1ccc(N(C)C)nc1",
    "O=C(Cl)C(C)(C)CS",
    "C=CC(=O)OCC1CO1",
    "[O-][N+](=O)c1ccc(F)c(NC(=O)N)c1",
    "CC(C)(C)OC(=O)N1CCNCC1",
    "C#CC(O)C1=CC(=O)C=CC1=O",
    "CC(C)=NO.CCN=[N+]=[N-]",
    "OB(O)c1ccc(S(=O)(=O)Cl)s1",
]


@pytest.mark.parametrize(
    ("smarts", "sketch"),
    [
        ("[OX2H]C=O", "[OX2H]C=O"),
        ("[CX3;$(C(=O)([NX3])[OX2])]", "[CX3;C](=O)([NX3])[OX2]"),
        ("[$([#6][#6]),$([#6H]);$([#6X3](=O)N)]", "[#6X3](=O)N"),
        ("[NX2;!R;$(N[#6])]=[NX2;$(N[#6;!$(C=O)])]", "[NX2;!R]=[NX2]"),
        ("[!$([CH3])]C", "[*]C"),
    ],
)
def test_outline(smarts, sketch):
    assert outline(smarts) == sketch


@pytest.mark.parametrize("smiles", SMILES)
def test_asking_first_changes_no_answer(smiles):
    mol = parse(smiles)
    for smarts in SMARTS:
        asked = query(smarts)
        plain = len(mol.GetSubstructMatches(asked.pattern))
        assert asked.count(mol, elements_of(mol)) == plain, smarts
        assert asked.matches(mol, elements_of(mol)) == bool(plain), smarts


def test_needed_elements():
    assert set(query("[CX3](=[O,S])[NX3;!H0]").elements) == {
        frozenset("C"),
        frozenset("OS"),
        frozenset("N"),
    }
    assert query("[!#6]~[R]").elements == ()


def test_element_counts_leave_charge_and_isotope_out():
    assert element_counts(parse("[2H]C([O-])=O.[Na+]")) == {"C": 1, "H": 1, "Na": 1, "O": 2}


def test_unreadable_smarts():
    with pytest.raises(ValueError, match="not a SMARTS"):
        query("[C")
