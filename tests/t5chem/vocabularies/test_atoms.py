"""The vocabulary `atoms`: tokens by definition, ids that lose nothing, the shipped file."""

from pathlib import Path

import pytest
from hypothesis import given

from t5chem.vocabularies import ATOMS_MODEL_FILE, SentencePieceVocabulary, atoms, chem
from t5chem.vocabularies.atom_tokens import atom_tokens, bracket_atoms_of, build
from tests.t5chem.vocabularies.strategies import EVERY_TEXT, SMILES, SMILES_LIKE


@pytest.mark.parametrize(
    ("smiles", "tokens"),
    [
        ("CCO", "C C O"),
        ("ClCCBr", "Cl C C Br"),
        ("C[C@@H](N)C(=O)O", "C [C@@H] ( N ) C ( = O ) O"),
        (r"F/C=C\Cl", r"F / C = C \ Cl"),
        ("c1ccc2[nH]ccc2c1", "c 1 c c c 2 [nH] c c c 2 c 1"),
        ("C%12CC%12", "C %12 C C %12"),
        ("C%123", "C %12 3"),
        ("[Na+]~[OH-].CO", "[Na+] ~ [OH-] . C O"),
        ("[13CH3:1]C#N", "[13CH3:1] C # N"),
        ("CC.O>>CCO", "C C . O > > C C O"),
        ("Sc1ccccc1", "S c 1 c c c c c 1"),
        ("[Sc+3]", "[Sc+3]"),
        ("B(O)O", "B ( O ) O"),
        ("C$C*", "C $ C *"),
    ],
)
def test_tokens_literally(smiles, tokens):
    assert atom_tokens(smiles) == tokens.split()


@pytest.mark.parametrize(("text", "rest"), [("CC(E)", "E)"), ("C[C", "[C"), ("C C", " C")])
def test_what_is_no_smiles_is_refused(text, rest):
    with pytest.raises(ValueError, match="no token begins at") as refusal:
        atom_tokens(text)
    assert repr(rest) in str(refusal.value)


BRACKET_ATOMS = frozenset(bracket_atoms_of(chem()))


def spelt(token):
    """A token as the vocabulary writes it: rare bracket atoms by their characters."""
    if token.startswith("[") and token not in BRACKET_ATOMS:
        return atoms().pieces(token)
    return [token]


@given(SMILES_LIKE)
def test_ids_are_of_the_tokens(smiles):
    expected = [piece for token in atom_tokens(smiles) for piece in spelt(token)]
    assert atoms().pieces(smiles) == expected
    assert atoms().decode(atoms().encode(smiles)) == smiles


@given(SMILES)
def test_real_molecules_have_one_id_a_token_and_come_back(smiles):
    ids = atoms().encode(smiles)
    assert len(ids) == len(atom_tokens(smiles))
    assert atoms().decode(ids) == smiles


@given(EVERY_TEXT)
def test_no_text_is_lost(text):
    ids = atoms().encode(text)
    assert atoms().unk_id not in ids
    assert atoms().decode(ids) == text


def test_every_nci_molecule_comes_back():
    from rdkit import RDConfig

    lines = Path(RDConfig.RDDataDir, "NCI", "first_5K.smi").read_text().split("\n")
    molecules = [line.split()[0] for line in lines if line]
    assert len(molecules) > 4_900
    for smiles in molecules:
        assert "".join(atom_tokens(smiles)) == smiles
        assert atoms().decode(atoms().encode(smiles)) == smiles


def test_the_shipped_file_is_what_is_built(tmp_path):
    assert Path(ATOMS_MODEL_FILE).read_bytes() == build(bracket_atoms_of(chem()))
    assert atoms().vocab_size == 753
    few = tmp_path / "few.model"
    few.write_bytes(build(["[Po+4]"]))
    assert SentencePieceVocabulary(few).pieces("C[Po+4][Na+]") == [
        "C", "[Po+4]", "[", "N", "a", "+", "]"
    ]  # fmt: skip


def test_sentinels():
    assert atoms().decode([atoms().sentinel_ids[0]]).strip() == "<extra_id_0>"
    assert atoms().decode([atoms().sentinel_ids[99]]).strip() == "<extra_id_99>"
