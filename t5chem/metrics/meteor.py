"""METEOR as NLTK computes it, with WordNet from wherever it is installed.

WordNet is data that no package of the index carries. It is taken from the first of:

1. a folder that is named, with WordNet's files `data.noun`, `index.noun`, `noun.exc` and so on;
2. NLTK's data, after `python -m nltk.downloader wordnet`;
3. `/usr/share/wordnet`, after `apt install wordnet-base wordnet-sense-index` on Debian.
"""

from __future__ import annotations

import functools
import io
import os
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from t5chem.metrics.scores import versions_of

DEBIAN: Final = "/usr/share/wordnet"
# Lexicographer files of WordNet: Debian has no `lexnames`, and METEOR asks for no name.
_LEXNAMES: Final = "".join(f"{number:02d}\tlexnames.{number:02d}\t0\n" for number in range(45))
_NEEDED: Final = tuple(
    name
    for part in ("adj", "adv", "noun", "verb")
    for name in (f"data.{part}", f"index.{part}", f"{part}.exc")
)


class WordNetMissing(LookupError):
    """WordNet is in none of the places where it is looked for."""


class Meteor:
    """Scores tokens against tokens; `versions` names NLTK and WordNet.

    Args:
        folder: of WordNet's files; None looks where NLTK and Debian keep them.

    Raises:
        ImportError: NLTK is not installed.
        WordNetMissing: it is in none of the places.
        ValueError: `folder` is not WordNet.
    """

    def __init__(self, folder: str | None = None) -> None:
        from nltk.stem.porter import PorterStemmer
        from nltk.translate import meteor_score

        reader = _open_wordnet(folder)
        self.versions = {**versions_of("nltk"), "WordNet": reader.get_version()}
        self._score = functools.partial(
            meteor_score.single_meteor_score,
            # A corpus has few different words, and looking one up is nearly all of the work.
            stemmer=SimpleNamespace(stem=functools.lru_cache(100_000)(PorterStemmer().stem)),
            wordnet=SimpleNamespace(synsets=functools.lru_cache(100_000)(reader.synsets)),
        )

    def __call__(self, target: list[str], prediction: list[str]) -> float:
        """Returns METEOR of a row, from 0 to 1; equal texts reach less than 1."""
        return self._score(target, prediction)


def _open_wordnet(folder: str | None) -> Any:
    if folder is not None:
        return _open_folder(folder)
    from nltk.corpus import wordnet

    try:
        wordnet.ensure_loaded()
        return wordnet
    except LookupError as error:
        if not _is_wordnet(DEBIAN):
            raise WordNetMissing(f"No WordNet in NLTK's data, nor in {DEBIAN}.") from error
        return _open_folder(DEBIAN)


def _is_wordnet(folder: str) -> bool:
    return all((Path(folder) / name).is_file() for name in _NEEDED)


def _open_folder(folder: str) -> Any:
    """NLTK's reader of a folder, which would otherwise insist on two files METEOR has no use for.

    Those are `lexnames`, which Debian does not install, and the NLTK copy of WordNet 3.0, to which
    a reader of any other copy maps its synsets.
    """
    if not _is_wordnet(folder):
        missing = [name for name in _NEEDED if not (Path(folder) / name).is_file()]
        raise ValueError(f"{folder} is not WordNet: it has no {', '.join(missing)}.")
    import nltk
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    # NLTK reads only below the folders of this list; appending is how one is allowed.
    root = os.path.abspath(folder)
    if root not in nltk.data.path:
        nltk.data.path.append(root)

    class Reader(WordNetCorpusReader):
        def open(self, file: str) -> Any:
            return io.StringIO(_LEXNAMES) if file == "lexnames" else super().open(file)

        def map_wn(self, version: str = "wordnet") -> None:
            return None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are no other languages
        return Reader(root, None)
