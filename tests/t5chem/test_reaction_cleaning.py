"""Cleaning: literal rows of the formats that data sets use, and what must hold for any row."""

import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t5chem.reaction_cleaning import (
    EXAMPLES,
    REASONS,
    CleaningReport,
    CleanReaction,
    Dropped,
    clean,
    clean_reaction_smiles,
    group_ions,
    split_ions,
)
from t5chem.smiles import canonical_mixture

USPTO_480K = (
    "[CH3:15][C:16](=[O:17])[CH3:18].[CH3:3][O:4][c:5]1[cH:6][cH:7][c:8]([S:11](=[O:12])(=[O:13])"
    "[Cl:14])[cH:9][cH:10]1.[I-:1].[Na+:2]>>[CH3:3][O:4][c:5]1[cH:6][cH:7][c:8]([S:11](=[O:12])"
    "[O-:13])[cH:9][cH:10]1.[Na+:2] 11-14;11-13"
)


def test_atom_maps_tell_the_reagents_of_uspto_480k():
    assert clean_reaction_smiles(USPTO_480K) == CleanReaction(
        reactants="COc1ccc(S(=O)(=O)Cl)cc1.[I-]~[Na+]",  # sodium is mapped: its salt takes part
        reagents="CC(C)=O",
        products="COc1ccc(S(=O)[O-])cc1~[Na+]",
    )


def test_reagents_mixed_in_or_dropped():
    text = "CC(=O)O.OCC>OS(O)(=O)=O.c1ccccc1>CCOC(C)=O"
    apart = clean_reaction_smiles(text)
    assert apart == CleanReaction("CC(=O)O.CCO", "O=S(=O)(O)O.c1ccccc1", "CCOC(C)=O")
    mixed = clean_reaction_smiles(text, reagents="mixed")
    assert mixed == CleanReaction("CC(=O)O.CCO.O=S(=O)(O)O.c1ccccc1", "", "CCOC(C)=O")
    dropped = clean_reaction_smiles(text, reagents="dropped")
    assert dropped == CleanReaction("CC(=O)O.CCO", "", "CCOC(C)=O")


def test_kekule_becomes_aromatic_and_stereo_stays():
    assert clean("C1=CC=CC=C1Br.C[C@H](O)F", "", "C1=CC=CC=C1O[C@@H](C)F") == CleanReaction(
        "Brc1ccccc1.C[C@H](O)F", "", "C[C@@H](F)Oc1ccccc1"
    )


def test_ions_apart():
    row = "[Na+].[OH-].CCl>CO>CN"
    assert clean_reaction_smiles(row).reactants == "CCl.[Na+]~[OH-]"
    assert clean_reaction_smiles(row, ions="apart").reactants == "CCl.[Na+].[OH-]"
    assert clean("[OH-]~[Na+].CCl", "", "CN", ions="apart").reactants == "CCl.[Na+].[OH-]"


def test_groups_of_fragments_beat_charges():
    # 0 amine, 1 and 6 its hydrochloride and sodium iodide's ions, counted over all slots
    text = "CCN.Cl.CBr.[Na+]>[I-].O>CCNC |f:0.1|"
    assert clean_reaction_smiles(text) == CleanReaction("CBr.CCN~Cl.[I-]~[Na+]", "O", "CCNC")
    with_more = "CBr>[K+].[Na+].[OH-].[I-]>CO |f:1.4,2.3,^1:0|"
    assert clean_reaction_smiles(with_more).reagents == "[I-]~[K+].[Na+]~[OH-]"
    assert clean_reaction_smiles(with_more.partition(" ")[0]).reagents == "[I-]~[K+].[Na+]~[OH-]"
    other = with_more.replace("1.4,2.3", "1.3,2.4")
    assert clean_reaction_smiles(other).reagents == "[I-]~[Na+].[K+]~[OH-]"
    assert clean_reaction_smiles("CBr>[K+].O.[OH-]>CO |$;;R$,f:1.3|").reagents == "O.[K+]~[OH-]"


def test_ions_of_reactants_and_reagents_find_each_other():
    assert clean("CC(=O)[O-].CBr", "CO.[Na+]", "CC(=O)OC") == CleanReaction(
        "CBr.CC(=O)[O-]~[Na+]", "CO", "COC(C)=O"
    )
    assert clean("CBr.[Na+]", "CO.[Na+]", "CN").reagents == "CO.[Na+]"


def test_unmapped_rows_have_only_reactants():
    assert clean_reaction_smiles("CO.CBr>>COC") == CleanReaction("CBr.CO", "", "COC")
    assert clean_reaction_smiles("C[OH:1].CBr>>C[O:7]C").reactants == "CBr.CO"


@pytest.mark.parametrize(
    ("text", "reason", "shown"),
    [
        ("CO", "not a reaction", "CO"),
        ("", "not a reaction", ""),
        ("CO>>CN>CC", "not a reaction", "CO>>CN>CC"),
        ("CO>>C(C", "invalid SMILES", "C(C"),
        ("CO.>>CN", "invalid SMILES", ""),
        ("[CH3:1][OH:2].C(F)(F)(F)(F)F>>[CH3:1]N", "invalid SMILES", "C(F)(F)(F)(F)F"),
        ("CO>CN>", "no product", "CO>CN>"),
        (">CN>CO", "no reactants", ">CN>CO"),
        ("OC.CN>>CO", "identity", "CO"),
        ("CN>OC>CO", "identity", "CO"),
        ("[Na+].[Cl-].C>>[Cl-].[Na+]", "identity", "[Cl-].[Na+]"),
        ("CO.CN>>CC |f:0.2|", "bad fragment groups", "|f:0.2|"),
        ("CO.CN>>CC |f:0.7|", "bad fragment groups", "|f:0.7|"),
        ("CO.CN.C>>CC |f:0.1,1.2|", "bad fragment groups", "|f:0.1,1.2|"),
    ],
)
def test_dropped_rows(text, reason, shown):
    assert reason in REASONS
    assert clean_reaction_smiles(text) == Dropped(reason, shown)


def test_a_product_beside_one_that_is_unchanged_is_kept():
    assert clean("CO.CBr", "", "CO.CN").products == "CN.CO"


def test_splitting_ions_and_grouping_them_again():
    mixture = "CCO.O=C([O-])[O-]~[K+]~[K+].[I-]~[Na+]"
    assert split_ions(mixture) == "CCO.O=C([O-])[O-].[I-].[K+].[K+].[Na+]"
    assert group_ions(split_ions(mixture)) == mixture
    assert group_ions("C(") is None


def test_report():
    report = CleaningReport()
    rows = ["CO>>CN", "CO>>", "CO>>", "CO>>CO", "CN>>", "CS>>", "x>>C"]
    for number, row in enumerate(rows, start=1):
        report.count(f"line {number}", clean_reaction_smiles(row))
    assert (report.read, report.kept) == (7, 1)
    assert report.dropped == {"no product": 4, "identity": 1, "invalid SMILES": 1}
    assert report.examples["no product"] == [
        ("line 2", "CO>>"),
        ("line 3", "CO>>"),
        ("line 5", "CN>>"),
    ]
    assert len(report.examples["no product"]) == EXAMPLES
    assert list(report.lines()) == [
        "7 rows read, 1 kept, 6 dropped",
        "          1 invalid SMILES       such as line 7: x",
        "          4 no product           such as line 2: CO>>",
        "          1 identity             such as line 4: CO",
    ]
    assert json.loads(json.dumps(report.as_dict()))["dropped"] == {
        "invalid SMILES": 1,
        "no product": 4,
        "identity": 1,
    }


COMPOUNDS = st.sampled_from(
    ["OCC", "C1=CC=CC=C1", "[Na+].[OH-]", "[K+]~[Cl-]", "O", "C[C@H](N)O", "[Li+]", "CC(=O)[O-]"]
)
SLOTS = st.lists(COMPOUNDS, max_size=4).map(".".join)


@given(SLOTS, SLOTS, SLOTS)
def test_a_cleaned_reaction_is_clean(reactants, reagents, products):
    result = clean(reactants, reagents, products)
    if isinstance(result, Dropped):
        assert result.reason in ("no product", "no reactants", "identity")
        return
    sides = (result.reactants, result.reagents, result.products)
    assert all(side == (canonical_mixture(side) if side else "") for side in sides)
    assert clean(*sides) == result
    given_left = ".".join(part for part in (reactants, reagents) if part)
    assert split_ions(canonical_mixture(split_ions(given_left))) == split_ions(
        ".".join(part for part in sides[:2] if part)
    )
    apart = clean(reactants, reagents, products, ions="apart")
    assert "~" not in apart.reactants + apart.reagents + apart.products


@given(st.text(max_size=40))
def test_any_text_is_cleaned_or_dropped(text):
    assert isinstance(clean_reaction_smiles(text), CleanReaction | Dropped)


def test_real_rows(shared):
    with tarfile.open(shared / "data" / "uspto_mit" / "valid.txt.tar.gz") as archive:
        file = archive.extractfile("valid.txt")
        rows = [line.decode() for _, line in zip(range(500), file, strict=False)]
    report = CleaningReport()
    cleaned = [clean_reaction_smiles(row) for row in rows]
    for number, result in enumerate(cleaned, start=1):
        report.count(f"line {number}", result)
    assert report.read == 500
    assert report.kept >= 495
    left = [one.reactants for one in cleaned if isinstance(one, CleanReaction)]
    assert not any(":" in text for text in left)
    assert sum("[Na+]~[OH-]" in text for text in left) < sum(
        "[Na+]~[OH-]" in f"{one.reactants}.{one.reagents}"
        for one in cleaned
        if isinstance(one, CleanReaction)
    )
