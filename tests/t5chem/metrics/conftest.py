"""A WordNet of one noun synset, so that METEOR's synonyms are tested without the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

HEADER = "  1 WordNet 3.0 Copyright 2006 by nobody: a test's.\n"


@pytest.fixture(scope="session")
def small_wordnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Knows that a car is an auto, and nothing else."""
    folder = tmp_path_factory.mktemp("wordnet")
    for part in ("adj", "adv", "noun", "verb"):
        (folder / f"{part}.exc").write_text("")
        (folder / f"data.{part}").write_text(HEADER)
        (folder / f"index.{part}").write_text(HEADER)
    offset = f"{len(HEADER):08d}"
    (folder / "data.noun").write_text(
        f"{HEADER}{offset} 06 n 02 car 0 auto 0 000 | a motor vehicle  \n"
    )
    (folder / "index.noun").write_text(
        f"{HEADER}auto n 1 0 1 0 {offset}  \ncar n 1 0 1 0 {offset}  \n"
    )
    return folder
