"""Every reaction class against one literal reaction, written by hand."""

import pytest
from rdkit import Chem
from rdkit.Chem import rdChemReactions

from t5chem.corpora.reaction_classes import CLASSES
from t5chem.corpora.reaction_parts import GROUPS, REAGENTS, slots, without
from t5chem.corpora.reactions import fitting_roles, heavy_atoms, react
from t5chem.smiles import canonical, canonical_mixture

BY_NAME = {kind.name: kind for kind in CLASSES}
BOC2O = "CC(C)(C)OC(=O)OC(=O)OC(C)(C)C"
YLIDE = "CCOC(=O)C=P(c1ccccc1)(c1ccccc1)c1ccccc1"

# class: (building blocks, the product a chemist draws)
EXAMPLES = {
    "amide_coupling": (("O=C(O)c1ccccc1", "NCc1ccccc1"), "O=C(NCc1ccccc1)c1ccccc1"),
    "acid_chloride_amidation": (("CC(C)C(=O)Cl", "Nc1ccccc1"), "CC(C)C(=O)Nc1ccccc1"),
    "esterification": (("O=C(O)c1ccccc1", "CC(C)CCO"), "CC(C)CCOC(=O)c1ccccc1"),
    "alcohol_acylation": (("O=C(Cl)c1ccccc1", "Oc1ccc(Cl)cc1"), "O=C(Oc1ccc(Cl)cc1)c1ccccc1"),
    "ester_hydrolysis": (("COC(=O)c1ccc(Cl)cc1",), "O=C(O)c1ccc(Cl)cc1"),
    "acid_chloride_formation": (("O=C(O)c1ccccc1F", "O=S(Cl)Cl"), "O=C(Cl)c1ccccc1F"),
    "suzuki_coupling": (("COc1ccc(Br)cc1", "OB(O)c1ccccc1"), "COc1ccc(-c2ccccc2)cc1"),
    "buchwald_hartwig_amination": (("Cc1ccc(Br)cc1", "C1COCCN1"), "Cc1ccc(N2CCOCC2)cc1"),
    "sonogashira_coupling": (("Ic1ccccc1", "C#CC1CC1"), "C(#CC1CC1)c1ccccc1"),
    "heck_reaction": (("Brc1ccccc1", "C=CC(=O)OC"), "COC(=O)/C=C/c1ccccc1"),
    "reductive_amination": (("O=Cc1ccccc1", "C1CCNCC1"), "c1ccc(CN2CCCCC2)cc1"),
    "boc_protection": (("NCc1ccccc1", BOC2O), "CC(C)(C)OC(=O)NCc1ccccc1"),
    "boc_deprotection": (("c1ccc(N2CCNCC2)cc1",), "c1ccc(N2CCNCC2)cc1"),
    "snar_amination": (
        ("O=[N+]([O-])c1ccc(F)cc1", "C1COCCN1"),
        "O=[N+]([O-])c1ccc(N2CCOCC2)cc1",
    ),
    "n_alkylation": (("BrCc1ccccc1", "C1COCCN1"), "c1ccc(CN2CCOCC2)cc1"),
    "williamson_ether_synthesis": (("CCCCBr", "Cc1ccc(O)cc1"), "CCCCOc1ccc(C)cc1"),
    "mitsunobu_reaction": (("OCC1CCCCC1", "Oc1ccccc1"), "c1ccc(OCC2CCCCC2)cc1"),
    "s_alkylation": (("BrCc1ccccc1", "Sc1ccccc1"), "c1ccc(CSc2ccccc2)cc1"),
    "grignard_addition": (("Brc1ccccc1", "CC(=O)CC"), "CCC(C)(O)c1ccccc1"),
    "aldol_condensation": (("CC(=O)c1ccccc1", "O=Cc1ccccc1"), "O=C(/C=C/c1ccccc1)c1ccccc1"),
    "knoevenagel_condensation": (
        ("O=Cc1ccccc1", "CCOC(=O)CC#N"),
        "CCOC(=O)/C(C#N)=C/c1ccccc1",
    ),
    "wittig_olefination": (("O=Cc1ccccc1", YLIDE), "CCOC(=O)/C=C/c1ccccc1"),
    "diels_alder_cycloaddition": (
        ("C=CC=C", "CN1C(=O)C=CC1=O"),
        "CN1C(=O)C2CC=CCC2C1=O",
    ),
    "azide_alkyne_cycloaddition": (
        ("[N-]=[N+]=NCc1ccccc1", "C#Cc1ccccc1"),
        "c1ccc(Cn2cc(-c3ccccc3)nn2)cc1",
    ),
    "alcohol_oxidation": (("OC1CCCCC1",), "O=C1CCCCC1"),
    "aldehyde_oxidation": (("O=Cc1ccc(F)cc1", "[O-]Cl=O.[Na+]"), "O=C(O)c1ccc(F)cc1"),
    "carbonyl_reduction": (("CC(=O)c1ccccc1",), "CC(O)c1ccccc1"),
    "ester_reduction": (("COC(=O)c1ccccc1",), "OCc1ccccc1"),
    "nitrile_reduction": (("N#CCc1ccccc1",), "NCCc1ccccc1"),
    "nitro_reduction": (("COc1ccc([N+](=O)[O-])cc1",), "COc1ccc(N)cc1"),
    "alkene_hydrogenation": (("COC(=O)/C=C/c1ccccc1",), "COC(=O)CCc1ccccc1"),
    "aromatic_bromination": (("CC(=O)Nc1ccccc1", "O=C1CCC(=O)N1Br"), "CC(=O)Nc1ccc(Br)cc1"),
    "aromatic_chlorination": (("COc1ccccc1C", "O=C1CCC(=O)N1Cl"), "COc1ccc(Cl)cc1C"),
    "aromatic_nitration": (("CC(=O)Nc1ccccc1", "O[N+](=O)[O-]"), "CC(=O)Nc1ccc([N+](=O)[O-])cc1"),
    "friedel_crafts_acylation": (("COc1ccccc1", "CCC(=O)Cl"), "CCC(=O)c1ccc(OC)cc1"),
    "sulfonamide_formation": (
        ("Cc1ccc(S(=O)(=O)Cl)cc1", "Nc1ccccc1"),
        "Cc1ccc(S(=O)(=O)Nc2ccccc2)cc1",
    ),
    "urea_formation": (("O=C=Nc1ccccc1", "C1COCCN1"), "O=C(Nc1ccccc1)N1CCOCC1"),
    "thiourea_formation": (("S=C=Nc1ccccc1", "NCc1ccccc1"), "S=C(NCc1ccccc1)Nc1ccccc1"),
    "sulfonate_formation": (("CS(=O)(=O)Cl", "OCCc1ccccc1"), "CS(=O)(=O)OCCc1ccccc1"),
    "epoxide_opening": (("C1OC1COc1ccccc1", "CC(C)N"), "CC(C)NCC(O)COc1ccccc1"),
    "michael_addition": (("C=CC(=O)OC", "C1CCNCC1"), "COC(=O)CCN1CCCCC1"),
    "sulfide_oxidation_to_sulfoxide": (
        ("CSc1ccccc1", "O=C(OO)c1cccc(Cl)c1"),
        "CS(=O)c1ccccc1",
    ),
    "sulfide_oxidation_to_sulfone": (("CSc1ccccc1", "OO"), "CS(=O)(=O)c1ccccc1"),
    "alcohol_bromination": (("OCc1ccc(Cl)cc1", "BrC(Br)(Br)Br"), "Clc1ccc(CBr)cc1"),
    "azide_substitution": (("BrCc1ccccc1", "[N-]=[N+]=[N-].[Na+]"), "[N-]=[N+]=NCc1ccccc1"),
    "oxime_formation": (("O=C1CCCCC1", "NO.Cl"), "ON=C1CCCCC1"),
    "aryl_ether_demethylation": (("COc1ccc(F)cc1Br",), "Oc1ccc(F)cc1Br"),
}


def test_there_are_enough_classes_and_each_has_an_example():
    assert len(CLASSES) == 47
    assert set(BY_NAME) == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_literal_example(name):
    blocks, product = EXAMPLES[name]
    row = react(BY_NAME[name], blocks)
    assert row is not None
    assert row["products"] == canonical(product)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_reactants_may_play_their_roles(name):
    kind = BY_NAME[name]
    for role, smiles in zip(kind.roles, EXAMPLES[name][0], strict=True):
        if role.partners:
            assert canonical(smiles) in map(canonical, role.partners)
        else:
            assert fitting_roles(Chem.MolFromSmiles(smiles), [role]) == [0]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.name)
def test_template_is_well_formed(kind):
    reaction = rdChemReactions.ReactionFromSmarts(kind.smarts)
    _, errors = reaction.Validate(silent=True)
    assert errors == 0
    assert reaction.GetNumReactantTemplates() == len(kind.roles)
    assert reaction.GetNumProductTemplates() == 1
    product_maps = [atom.GetAtomMapNum() for atom in reaction.GetProductTemplate(0).GetAtoms()]
    assert 0 not in product_maps  # every product atom is traced to a reactant
    assert len(set(product_maps)) == len(product_maps)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.name)
def test_every_choice_of_conditions_holds_a_reagent(kind):
    assert any("" not in slot for slot in kind.conditions)
    assert 1 <= len(kind.roles) <= 2
    assert 400 < kind.rows < 1000


@pytest.mark.parametrize("name", REAGENTS)
def test_reagents_are_canonical(name):
    assert canonical_mixture(REAGENTS[name]) == REAGENTS[name]


def test_groups_are_smarts_and_roles_name_known_groups():
    assert all(Chem.MolFromSmarts(smarts) is not None for smarts in GROUPS.values())
    named = {group for kind in CLASSES for role in kind.roles for group in role.once}
    named |= {group for kind in CLASSES for role in kind.roles for group in role.forbidden}
    assert named == set(GROUPS)  # none unknown, none unused


def test_potassium_carbonate_is_one_compound():
    assert slots("K2CO3|none") == (("O=C([O-])[O-]~[K+]~[K+]", ""),)
    with pytest.raises(KeyError, match="unobtainium"):
        slots("unobtainium")


def test_without():
    assert without("acid ester nitro", "ester", "amide") == "acid nitro"


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("amide_coupling", ("NCC(=O)O", "NCc1ccccc1")),  # the acid is an amine too
        ("snar_amination", ("Fc1ccccc1", "C1COCCN1")),  # not activated
        ("snar_amination", ("Cc1ccnc(Br)c1F", "C1COCCN1")),
        ("suzuki_coupling", ("Brc1ccc(Br)cc1", "OB(O)c1ccccc1")),  # two sites
        ("williamson_ether_synthesis", ("CC(C)(C)Br", "Oc1ccccc1")),  # tertiary: eliminates
        ("ester_reduction", ("COC(=O)c1ccc(C=O)cc1",)),  # the aldehyde reacts first
        ("aromatic_nitration", ("Cc1ccc(OC)cc1", "O[N+](=O)[O-]")),  # para position taken
    ],
)
def test_unselective_molecules_play_no_role(name, blocks):
    role = BY_NAME[name].roles[0]
    assert fitting_roles(Chem.MolFromSmiles(blocks[0]), [role]) == []


def test_stereocentres_untouched_by_the_reaction_are_kept():
    row = react(BY_NAME["amide_coupling"], ("C[C@H](N)c1ccccc1", "O=C(O)c1ccccc1")[::-1])
    assert row is not None
    assert row["products"] == "C[C@H](NC(=O)c1ccccc1)c1ccccc1"


def test_symmetry_gives_one_product_and_two_sites_give_none():
    assert react(BY_NAME["carbonyl_reduction"], ("CC(=O)CCC(=O)c1ccccc1",)) is None


def test_grignard_reagent_and_boc_amine_are_made_from_the_block():
    grignard = react(BY_NAME["grignard_addition"], ("Brc1ccccc1", "CC(=O)CC"))
    boc = react(BY_NAME["boc_deprotection"], ("NCc1ccccc1",))
    assert grignard is not None and boc is not None
    assert grignard["reactants"] == "CCC(C)=O.[Br][Mg][c]1ccccc1"
    assert boc["reactants"] == "CC(C)(C)OC(=O)NCc1ccccc1"
    assert boc["products"] == "NCc1ccccc1"


def test_heavy_atoms():
    assert heavy_atoms(Chem.MolFromSmiles("[2H]OCl")) == {"O": 1, "Cl": 1}
