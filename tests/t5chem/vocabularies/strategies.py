"""Random texts and random SMILES."""

from hypothesis import strategies as st
from rdkit import Chem

ASCII = "".join(map(chr, range(128)))
EVERY_TEXT = st.text(st.characters(exclude_characters="▁", exclude_categories=["Cs"]))

_TOKENS = [*"BCNOPSFIbcnops()-=#$:/\\.~123456789", "Cl", "Br", "%10", "%99"]
_TOKENS += ["[C@@H]", "[C@]", "[nH]", "[Na+]", "[O-]", "[13CH3]", "[Po+4]", "[CH3:12]", "[se]"]
SMILES_LIKE = st.lists(st.sampled_from(_TOKENS), max_size=60).map("".join)

_MOLECULES = [
    Chem.MolFromSmiles(smiles)
    for smiles in (
        r"C/C=C\C(=O)O[C@@H]1CC[C@H](O)C1",
        r"CC1=C2N/C(=C\C3=NC(=O)C(C)=C3CCC(=O)O)/C(CCC(=O)O)=C2C=C1",
        "OC[C@H]1O[C@@H](n2cnc3c(N)ncnc32)[C@H](O)[C@@H]1O",
        "[Na+].[O-]S(=O)(=O)c1ccc(/N=N/c2ccccc2)cc1",
    )
]
SMILES = st.builds(
    lambda mol, seed: Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed)[0],
    st.sampled_from(_MOLECULES),
    st.integers(1, 10**6),
)
