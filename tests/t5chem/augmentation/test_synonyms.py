"""Names: what is exchanged, and the many things that only look like a name."""

import random
import re

import pytest
from rdkit import Chem

from t5chem.augmentation.synonyms import substitute_names, synonyms
from t5chem.corpora.compounds import mentions_stereo
from t5chem.corpora.stereo import stereo_elements


def named(text, seed=0):
    return substitute_names(text, random.Random(seed))


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("The molecule is caffeine.", "The molecule is 1,3,7-trimethylpurine-2,6-dione."),
        (
            "The molecule is an acid that is salicylic acid which is substituted at C-5.",
            "The molecule is an acid that is 2-hydroxybenzoic acid which is substituted at C-5.",
        ),
        ("It is formed from glycerol, slowly.", "It is formed from propane-1,2,3-triol, slowly."),
        ("It derives from a hexadecanoic acid.", "It derives from a palmitic acid."),
        (
            "It is a conjugate acid of a glycerol.",
            "It is a conjugate acid of a propane-1,2,3-triol.",
        ),
        ("It is an ester of palmitic acid.", "It is an ester of hexadecanoic acid."),
        ("It derives from an octadecanoic acid.", "It derives from a stearic acid."),
    ],
)
def test_names_that_are_exchanged(text, other):
    assert named(text) == other


@pytest.mark.parametrize(
    "text",
    [
        "The molecule is a phenol.",  # a class
        "It is a caffeine derivative.",
        "The molecule is caffeine derivative.",
        "It is an amide of phenyl acetic acid.",  # the end of a longer name
        "It derives from a hydroxy glycerol.",
        "The molecule is caffeine-like.",
        "The molecule is (caffeine).",
        "It is made of glycerol phosphate.",  # the beginning of one
        "The molecule is L-alanine.",  # stereochemistry, said
        "The molecule is glucose.",  # and meant
        "The molecule is cholesterol.",
        "It derives from a caffeine.",  # 'a 1,3,7-...' or 'an 1,3,7-...'
        "Caffeine is nice.",
        "",
    ],
)
def test_names_that_are_left_alone(text):
    assert {named(text, seed) for seed in range(5)} == {text}


def test_each_name_has_its_own_chance_and_is_exchanged_everywhere():
    text = "It is made of caffeine and glycerol. It is caffeine with glycerol."
    seen = {named(text, seed) for seed in range(40)}
    assert len(seen) == 3
    assert text not in seen
    for other in seen:
        assert ("caffeine" in other) + ("purine" in other) == 1
        assert ("glycerol" in other) + ("triol" in other) == 1


def test_every_pair_is_mutual_and_says_nothing_of_stereochemistry():
    pairs = synonyms()
    assert len(pairs) > 50_000
    for name, (other, smiles) in list(pairs.items())[::50]:
        assert pairs[other.lower()].name.lower() == name
        assert pairs[other.lower()].smiles == smiles
        assert not mentions_stereo(other)
        assert not re.search(r"[@/\\.]", smiles)


def test_names_mean_one_compound():
    """OPSIN's answers for some of them, kept as literals."""
    for name, smiles in {
        "2-hydroxybenzoic acid": "O=C(O)c1ccccc1O",
        "isonicotinamide": "NC(=O)c1ccncc1",
        "propane-1,2,3-triol": "OCC(O)CO",
        "palmitic acid": "CCCCCCCCCCCCCCCC(=O)O",
    }.items():
        found = synonyms()[name].smiles
        assert Chem.CanonSmiles(found) == Chem.CanonSmiles(smiles)
        assert not stereo_elements(Chem.MolFromSmiles(found))
