"""The page of cards: what the code says, and nothing older."""

from pathlib import Path

from t5chem.datasets.cards import card, page
from t5chem.datasets.registry import built_in

PAGE = Path(__file__).parents[3] / "docs" / "datasets.md"


def test_the_page_is_what_the_code_says():
    # To write it: python -m t5chem.datasets.cards > docs/datasets.md
    assert PAGE.read_text(encoding="utf-8") == page(built_in().values())


def test_every_card_is_complete():
    for dataset in built_in().values():
        assert dataset.title and dataset.notes and dataset.homepage and dataset.licence
        text = card(dataset)
        assert text.startswith(f"## {dataset.name}\n")
        for split, count in dataset.counts.items():
            assert f"{split} {count:,}" in text
        for file in dataset.files:
            assert f"`{file.name}`" in text
            assert file.sha256 is None or file.sha256 in text


def test_a_card():
    assert card(built_in()["chebi20_subset"]).splitlines()[2:] == [
        "Real descriptions of some of ChEBI-20's train molecules. This is not ChEBI-20: 3,535 of "
        "its train molecules, 104 rows describe one of them again. Train only; no molecule of "
        "ChEBI-20's validation and test is in it. Dropped are 2 rows whose description is, word "
        "for word, that of another molecule there. Its file has no public address.",
        "",
        "- Kind: molecules",
        "- Homepage: https://www.ebi.ac.uk/chebi",
        "- Licence: not stated",
        "- Rows: train 3,637",
        "- Dropped from train: held out elsewhere (chebi20)",
        "- Files, in `chebi20/`:",
        "  - `train_subset_real.tsv`, SHA-256 "
        "`94eb872994be482f1215ba3320fb4a0714c9754e65007879bdb3a5e93737c44e`",
    ]
