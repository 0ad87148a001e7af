"""The published files themselves, as far as they are at hand: rows and reports to the number."""

import pytest

from t5chem.datasets.manual import load
from t5chem.datasets.registry import built_in

pytestmark = pytest.mark.slow


@pytest.fixture
def data(shared):
    return shared / "data"


def loaded(name, manual):
    found = load(built_in()[name], manual)
    # Each is the file that the card speaks of: a notice would say if not.
    assert not [text for text in found.report.notices if "the card speaks of" in text]
    return found


def test_chebi20(data):
    found = loaded("chebi20", data)
    report = found.report
    assert report.kept == {"validation": 3301, "test": 3300}
    assert report.changed == {"doubled backslashes halved": 502 + 484}
    assert report.dropped == report.counted == {}
    for split, count in (("validation", 502), ("test", 484)):
        smiles = [row.fields["smiles"] for row in found.rows[split]]
        assert sum("\\" in text for text in smiles) == count
        assert not any("\\\\" in text for text in smiles)
    # Apart from its backslashes each is the text of the file.
    lines = (data / "chebi20" / "test.txt").read_text(encoding="utf-8").splitlines()[1:]
    rows = [[row.fields["smiles"], row.fields["description"]] for row in found.rows["test"]]
    assert rows == [
        [cells[1].replace("\\\\", "\\"), cells[2]] for cells in (line.split("\t") for line in lines)
    ]


def test_sets_made_from_chebi20s_train_molecules(data):
    rebuilt = loaded("chebi20_rebuilt", data).report
    assert rebuilt.kept == {"train": 26391} and rebuilt.dropped == rebuilt.counted == {}
    assert rebuilt.changed == {"backslashes before braces removed": 119}
    subset = loaded("chebi20_subset", data).report
    # Two describe another molecule word for word as ChEBI-20's test and validation do.
    assert subset.kept == {"train": 3637} and subset.counted == {}
    assert subset.dropped == {"held out elsewhere": 2}


def test_iupac(data):
    report = loaded("iupac", data).report
    assert report.read == 14823
    assert report.kept == {"train": 10350, "validation": 982, "test": 1985}
    assert report.dropped == {
        "held out elsewhere": 1504,
        "on two sides of the split": 1,
        "duplicate": 1,
    }
    assert report.counted == {}


def test_lpm24_properties(data):
    found = loaded("lpm24_properties", data)
    assert found.report.read == 160560 and found.report.kept == {"train": 160192}
    assert found.report.dropped == {"held out elsewhere": 367, "invalid SMILES": 1}
    assert found.report.counted == {}


def test_uspto50k(data):
    found = loaded("uspto50k", data)
    assert found.report.kept == {"train": 40029, "validation": 5004, "test": 5004}
    assert found.report.dropped == {}
    assert found.report.changed == {"product among its reactants, kept as published": 8}
    assert found.report.counted == {"on two sides of the split": 257}
    classes = [row.fields["reaction_class"] for row in found.rows["test"]]
    assert classes.count("heteroatom alkylation and arylation") == 1512
    assert classes.count("functional group addition") == 23


def test_uspto_mit(data):
    report = loaded("uspto_mit", data).report
    assert report.read == 70000
    assert report.kept == {"validation": 29998, "test": 39994}
    assert report.dropped == {"invalid SMILES": 8}
    assert report.changed == {"product among its reactants, kept as published": 53 + 86}


def test_chemtrans(data):
    report = loaded("chemtrans", data).report
    assert report.kept == {"train": 2765, "validation": 395, "test": 790}
    assert report.dropped == report.counted == {}
    assert report.changed == {"runs of white space made one space": 3862}


def test_paragraph2actions(data):
    report = loaded("paragraph2actions", data).report
    assert report.kept == {"train": 80, "validation": 10, "test": 10}
    assert report.dropped == report.counted == report.changed == {}


def test_the_sample_of_text_chem_t5(data):
    manual = data / "gt4sd_sample"
    reports = {kind: loaded(f"pistachio_{kind}", manual).report for kind in _SAMPLE}
    assert {kind: report.kept for kind, report in reports.items()} == _SAMPLE
    assert reports["molecules"].changed == {"doubled backslashes halved": 3}
    # A reaction stands there in both directions.
    assert reports["reactions"].dropped == {"duplicate": 2}


_SAMPLE = {
    "molecules": {"train": 4, "validation": 4, "test": 4},
    "reactions": {"train": 2, "validation": 4, "test": 4},
    "procedures": {"train": 2, "validation": 2, "test": 2},
}
