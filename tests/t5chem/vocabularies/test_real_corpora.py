"""Every molecule and every description that we have survives all three vocabularies."""

import random

import pytest

from t5chem.vocabularies import byte, chem, seqio_vocabulary, t5
from tests.t5chem.vocabularies.through_tensorflow import assert_equal_ids_and_nothing_lost

KINDS = ["chem", "t5", "byte"]


def table(path):
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return [row[1].replace("\\\\", "\\") for row in rows], [row[2] for row in rows]


def chebi20(data):
    tables = [table(data / f"chebi20/{split}.txt") for split in ("validation", "test")]
    return [text for smiles, _ in tables for text in smiles], [
        text for _, descriptions in tables for text in descriptions
    ]


def uspto50k(data):
    return [
        line.replace(" ", "")
        for split in ("train", "valid", "test")
        for side in ("sources", "targets")
        for line in (data / f"uspto50k/{split}_{side}").read_text().splitlines()
    ]


def iupac(data):
    files = [data / f"iupac/{split}.txt" for split in ("train", "validation", "test")]
    return [text for file in files for column in table(file) for text in column]


def everything(data):
    smiles, descriptions = chebi20(data)
    return smiles + descriptions + uspto50k(data) + iupac(data)


def starter():
    from tasks.factory import CORPORA, PreparedTfdsSource

    for name in CORPORA[0].records.values():
        builder = PreparedTfdsSource(tfds_name=name, splits=["train"]).tfds_dataset.builder
        for split in builder.info.splits:
            for row in builder.as_dataset(split=split).as_numpy_iterator():
                yield from (value.decode() for value in row.values() if isinstance(value, bytes))


def open_kind(kind, google_file):
    return t5(google_file) if kind == "t5" else {"chem": chem, "byte": byte}[kind]()


def open_in_seqio(kind, google_file):
    return seqio_vocabulary.t5(google_file) if kind == "t5" else getattr(seqio_vocabulary, kind)()


@pytest.mark.parametrize("kind", KINDS)
def test_chebi20_survives(shared, google_file, kind):
    vocabulary = open_kind(kind, google_file)
    smiles, descriptions = chebi20(shared / "data")
    assert len(smiles) == len(descriptions) == 6_601
    for text in smiles + descriptions:
        ids = vocabulary.encode(text)
        assert vocabulary.unk_id not in ids
        assert vocabulary.decode(ids) == text


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_survives_in_tensorflow(shared, google_file, kind):
    data = shared / "data"
    sample = random.Random(0).sample(everything(data), 500)
    assert_equal_ids_and_nothing_lost(open_in_seqio(kind, google_file), sample)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_everything_survives_in_tensorflow_and_out_of_it(shared, google_file, kind):
    data = shared / "data"
    texts = list(dict.fromkeys([*everything(data), *starter()]))
    assert len(texts) > 150_000
    assert_equal_ids_and_nothing_lost(open_in_seqio(kind, google_file), texts)


def test_what_plain_t5_loses_of_chebi20(shared, google_file):
    plain = t5(google_file, compatible=True)
    smiles, descriptions = chebi20(shared / "data")
    lost = [text for text in smiles if plain.decode(plain.encode(text)) != text]
    assert len(lost) == 502 + 484
    assert {plain.unknown_characters(text).replace("\\", "") for text in lost} == {""}
    lost = [text for text in descriptions if plain.decode(plain.encode(text)) != text]
    assert len(lost) == 65 + 59
