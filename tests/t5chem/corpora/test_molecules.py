import random
import re

import pytest

from t5chem.corpora import molecules
from t5chem.corpora.compounds import mentions_stereo, name_from_table
from t5chem.corpora.descriptions import Naming, describe
from t5chem.corpora.facts import facts_of
from t5chem.corpora.functional_groups import GROUPS
from t5chem.corpora.molecules import Source, load_named_compounds, rows_of
from t5chem.corpora.splits import SPLITS, split_of
from t5chem.corpora.stereo import stereoisomers
from t5chem.smiles import canonical, parse, skeleton_key
from tests.t5chem.corpora.atom_walker import COUNTED
from tests.t5chem.corpora.description_checker import violations


@pytest.fixture(scope="module")
def some_sources():
    return random.Random(0).sample(list(molecules.sources()), 450)


@pytest.fixture(scope="module")
def some_rows(some_sources):
    return list(molecules._generate(some_sources, seed=0, processes=1))


# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "restored"),
    [
        ("1-azanylpropan-2-ol", "1-aminopropan-2-ol"),
        ("2,3-bis(oxidanyl)benzoic acid", "2,3-dihydroxybenzoic acid"),
        ("sodium;2-butoxyethanolate", "sodium 2-butoxyethanolate"),
        ("n,n-dimethylaniline", "N,N-dimethylaniline"),
        ("(2r,3s)-butane-2,3-diol", "(2R,3S)-butane-2,3-diol"),
        ("9h-purin-6-amine", "9H-purin-6-amine"),
        ("dibenzo-p-dioxin", "dibenzo-p-dioxin"),
        ("phenyldiazenylbenzene", "phenyldiazenylbenzene"),
        ("agn-pc-02kvxm", ""),
        ("187-32-7", ""),
    ],
)
def test_name_from_table(raw, restored):
    assert name_from_table(raw, systematic=True) == restored


@pytest.mark.parametrize("raw", ["acetic acid, iodo-", "n-butylamine", "gaba", "brn 1224607"])
def test_customary_names_that_are_none_are_refused(raw):
    assert name_from_table(raw, systematic=False) == ""


def test_mentions_stereo():
    assert all(map(mentions_stereo, ["(2R)-butan-2-ol", "cis-decalin", "D-glucose", "(+)-menthol"]))
    assert not any(map(mentions_stereo, ["butan-2-ol", "benzene", "ethyl ethanoate"]))


def test_named_compounds_are_unique_named_and_cached():
    compounds = load_named_compounds()
    assert len(compounds) > 60_000
    assert len({c.inchi_key for c in compounds}) == len(compounds)
    assert all(c.name and c.smiles for c in compounds)
    assert load_named_compounds() is compounds


# --- facts ----------------------------------------------------------------------------------


def facts(smiles):
    return facts_of(parse(smiles))


def test_aspirin():
    aspirin = facts("CC(=O)Oc1ccccc1C(=O)O")
    assert aspirin.formula == "C9H8O4"
    assert dict(aspirin.groups) == {"carboxy group": 1, "ester group": 1}
    assert aspirin.classes == ("carboxylic acid", "carboxylic ester")
    assert dict(aspirin.rings) == {"benzene ring": 1}
    assert aspirin.benzene == (((1, "acetoxy"), (2, "carboxy")),)
    assert (aspirin.ring_count, aspirin.aromatic_rings, aspirin.charge) == (1, 1, 0)


def test_sodium_acetate():
    salt = facts("CC(=O)[O-].[Na+]")
    assert salt.formula == "C2H3NaO2"
    assert salt.salt.partners == (("sodium cation", 1),)
    assert salt.salt.salt_classes == ("sodium salt",)
    assert (salt.salt.main_charge, salt.salt.main_count) == (-1, 1)


def test_a_mixture_is_no_salt():
    assert facts("CCO.CCCO").salt is None


@pytest.mark.parametrize(
    ("smiles", "label"),
    [("C/C=C\\C", "Z"), ("C/C=C/C", "E"), ("C[C@H](N)C(=O)O", "S"), ("C[C@@H](N)C(=O)O", "R")],
)
def test_stereo_label(smiles, label):
    assert facts(smiles).stereo.label == label


def test_open_stereo_is_counted():
    stereo = facts("CC=CC(C)O").stereo
    assert (stereo.open_centres, stereo.open_bonds, stereo.specified) == (1, 1, 0)
    assert not facts("CC(C)=N").stereo.is_open  # C=N-H: its hydrogen is not in the SMILES


@pytest.mark.parametrize(
    ("smiles", "ring"),
    [
        ("c1ccncc1", "pyridine ring"),
        ("C[n+]1ccccc1", "pyridinium ring"),
        ("O=c1cccc[nH]1", "six-membered heterocyclic ring"),
        ("Cn1ccc2ccccc12", "indole ring system"),
        ("C1CCOC1", "tetrahydrofuran ring"),
        ("C1CC2CCC1C2", "bicyclo[2.2.1]heptane ring system"),
    ],
)
def test_ring_names(smiles, ring):
    assert dict(facts(smiles).rings) == {ring: 1}


def test_cubane_is_refused_because_its_rings_are_disputable():
    assert facts("C12C3C4C1C5C4C3C25") is None


# --- isomers and rows -----------------------------------------------------------------------


def test_isomers_of_but_2_ene():
    isomers = {canonical(s) for s in stereoisomers(parse("CC=CC"), random.Random(1))}
    assert isomers <= {"C/C=C/C", "C/C=C\\C"} and isomers


@pytest.mark.parametrize("smiles", ["C1CC2CCC1C2O", "CC(N)=NC"])
def test_no_isomers_that_may_not_exist(smiles):
    assert stereoisomers(parse(smiles), random.Random(1)) == []


def test_drawn_isomer_is_not_given_the_plain_name():
    rows = [row for seed in range(40) for row in rows_of(Source("CCC(C)O", "butan-2-ol"), seed)]
    drawn = [row for row in rows if "@" in row["smiles"]]
    assert drawn and all(row["name"] == "" for row in drawn)
    for row in drawn:
        label = facts(row["smiles"]).stereo.label
        if "butan-2-ol" in row["description"]:
            assert f"the {label} enantiomer of butan-2-ol" in row["description"]


def test_name_whose_labels_disagree_is_dropped():
    right = rows_of(Source("C[C@H](N)C(=O)O", "(2S)-2-aminopropanoic acid"), 0)
    wrong = rows_of(Source("C[C@H](N)C(=O)O", "(2R)-2-aminopropanoic acid"), 0)
    assert [row["name"] for row in right + wrong] == ["(2S)-2-aminopropanoic acid", ""]


def test_rows_are_well_formed(some_rows):
    assert len(some_rows) > 100
    assert len({row["smiles"] for row in some_rows}) == len(some_rows)
    assert len({row["id"] for row in some_rows}) == len(some_rows)
    for row in some_rows:
        assert list(row) == ["id", "split", "smiles", "name", "description"]
        assert canonical(row["smiles"]) == row["smiles"]
        assert row["split"] in SPLITS
        assert row["split"] == split_of(skeleton_key(parse(row["smiles"])))
        assert row["description"].startswith("The molecule is ")
        assert len(row["description"].split()) <= 110
        assert not re.search(r"  |\.\.| ,|\bNone\b", row["description"])


def test_rows_do_not_depend_on_processes(some_sources):
    some = some_sources[:80]
    assert list(molecules._generate(some, 3, processes=1)) == list(
        molecules._generate(some, 3, processes=2)
    )


def test_seed_changes_the_text(some_sources):
    one, two = (list(molecules._generate(some_sources[:60], seed, 1)) for seed in (0, 1))
    assert one != two


# --- truth ----------------------------------------------------------------------------------


def test_checker_knows_every_group():
    assert {group.noun for group in GROUPS} - {""} <= set(COUNTED)


@pytest.mark.parametrize(
    "lie",
    [
        "The molecule is an aldehyde.",
        "It contains two ester groups.",
        "It has the composition C9H8O5.",
        "It comprises a pyridine ring.",
        "Its benzene ring bears acetoxy at position 1 and carboxy at position 3.",
        "It has two rings, both of them aromatic.",
        "It is acyclic.",
        "It carries a net charge of +1.",
        "It has one stereocentre of R configuration.",
    ],
)
def test_checker_catches_lies(lie):
    assert violations("CC(=O)Oc1ccccc1C(=O)O", lie)


def test_descriptions_are_true(some_rows):
    false = {
        row["smiles"]: wrong
        for row in some_rows
        if (wrong := violations(row["smiles"], row["description"]))
    }
    assert not false


@pytest.mark.slow
def test_many_descriptions_are_true():
    sources = random.Random(1).sample(list(molecules.sources()), 3300)
    rows = list(molecules._generate(sources, seed=0, processes=1))[:1000]
    assert len(rows) == 1000
    assert [row for row in rows if violations(row["smiles"], row["description"])] == []


def test_every_wording_of_aspirin_is_true_and_they_differ():
    aspirin = facts("CC(=O)Oc1ccccc1C(=O)O")
    naming = Naming("2-acetyloxybenzoic acid", alias="aspirin")
    texts = {describe(aspirin, naming, random.Random(seed)) for seed in range(200)}
    assert len(texts) > 195
    assert all(not violations("CC(=O)Oc1ccccc1C(=O)O", text) for text in texts)
