"""The vocabularies inside TensorFlow: the ids and texts that they give outside it."""

import copy
import pickle
import random

import pytest

from t5chem import vocabularies
from t5chem.prompts import PROMPTS
from t5chem.vocabularies import seqio_vocabulary
from t5x.errors import ConfigError
from t5x.quiet import import_seqio, import_tensorflow
from tests.t5chem.vocabularies.strategies import ASCII
from tests.t5chem.vocabularies.through_tensorflow import (
    assert_equal_ids_and_nothing_lost,
    through_tensorflow,
)

tf, seqio = import_tensorflow(), import_seqio()


@pytest.fixture(params=["chem", "t5", "byte"])
def vocabulary(request, toy_t5_file):
    if request.param == "t5":
        return seqio_vocabulary.t5(toy_t5_file)
    return getattr(seqio_vocabulary, request.param)()


def random_texts(count):
    rng = random.Random(0)
    return ["".join(rng.choices(ASCII + "°δ→é😀", k=rng.randrange(60))) for _ in range(count)]


def test_tensorflow_gives_the_same_ids_and_loses_nothing(vocabulary):
    texts = [*PROMPTS.values(), "", " ", "  \t\n", "[Na+]~[OH-]", "a\0b\0", "\0", "F/C=C\\F"]
    # Equally likely splits, which SentencePieces of different age decide differently.
    texts += ["CCC", "ddd", "CCCCCCCCC", "<extra_id_0> C <extra_id_1>"]
    assert_equal_ids_and_nothing_lost(vocabulary, texts + random_texts(300))


def test_googles_vocabulary_in_tensorflow(google_file):
    assert_equal_ids_and_nothing_lost(seqio_vocabulary.t5(google_file), random_texts(300))


def test_compatible_ids_in_tensorflow(google_file):
    compatible = seqio_vocabulary.t5(google_file, compatible=True)
    texts = ["CCC(=O)NCCC", "a  b\t\\", *random_texts(100)]
    for text, (ids, decoded) in zip(texts, through_tensorflow(compatible, texts), strict=True):
        assert ids == vocabularies.t5(google_file, compatible=True).encode(text)
        assert decoded == compatible.ours.decode(ids)


def test_a_batch_decodes_row_by_row_up_to_the_end(vocabulary):
    ids = [*vocabulary.encode("C\\C"), 1, 9, 9], [*vocabulary.encode("O~"), 1, 0]
    width = max(map(len, ids))
    batch = tf.constant([[*row, *[0] * (width - len(row))] for row in ids])
    assert vocabulary.decode_tf(batch).numpy().tolist() == [b"C\\C", b"O~"]
    assert [vocabulary.decode(row) for row in ids] == ["C\\C", "O~"]


def test_seqio_tokenizes_and_appends_the_end(vocabulary):
    features = {"inputs": seqio.Feature(vocabulary), "targets": seqio.Feature(vocabulary)}
    dataset = tf.data.Dataset.from_tensors({"inputs": "C\\C", "targets": "a  b"})
    dataset = seqio.preprocessors.tokenize(dataset, features)
    (row,) = seqio.preprocessors.append_eos(dataset, features).as_numpy_iterator()
    assert row["inputs"].tolist() == [*vocabulary.ours.encode("C\\C"), 1]
    assert row["targets"].tolist() == [*vocabulary.ours.encode("a  b"), 1]
    assert row["targets"].dtype == "int32"


def test_sizes_and_special_ids(vocabulary):
    ours = vocabulary.ours
    assert vocabulary.vocab_size == ours.vocab_size
    assert vocabulary.extra_ids == ours.extra_ids
    assert (vocabulary.pad_id, vocabulary.eos_id, vocabulary.unk_id) == (0, 1, 2)
    assert vocabulary.bos_id is None


def test_chem_has_the_size_that_seqio_counts():
    theirs = seqio.SentencePieceVocabulary(vocabularies.CHEM_MODEL_FILE, 100)
    assert seqio_vocabulary.chem().vocab_size == theirs.vocab_size == 4_608
    assert list(theirs.encode("C[C@@H](N)C")) == seqio_vocabulary.chem().encode("C[C@@H](N)C")


def test_equal_copies(vocabulary):
    for other in (copy.deepcopy(vocabulary), pickle.loads(pickle.dumps(vocabulary))):
        assert other == vocabulary
        assert hash(other) == hash(vocabulary)
        assert other.encode("CO") == vocabulary.encode("CO")


def test_kinds_differ_and_say_their_hashes(toy_t5_file):
    kinds = [
        seqio_vocabulary.chem(),
        seqio_vocabulary.t5(toy_t5_file),
        seqio_vocabulary.t5(toy_t5_file, compatible=True),
        seqio_vocabulary.byte(),
    ]
    assert len(set(kinds)) == len({repr(kind) for kind in kinds}) == 4
    assert all(kind.ours.fingerprint in repr(kind) for kind in kinds)
    assert seqio_vocabulary.byte() != seqio.ByteVocabulary(125)


def test_any_model_file_can_be_used():
    assert seqio_vocabulary.sentence_piece(vocabularies.CHEM_MODEL_FILE) == seqio_vocabulary.chem()


def test_a_missing_file_is_missed_only_when_an_id_is_asked_for(monkeypatch):
    monkeypatch.delenv("T5CHEM_T5_VOCAB", raising=False)
    vocabulary = copy.deepcopy(seqio_vocabulary.t5())
    assert vocabulary.eos_id == 1
    with pytest.raises(ConfigError, match="T5CHEM_T5_VOCAB"):
        vocabulary.encode("C")


def test_encoding_outside_a_graph_is_the_same():
    vocabulary = seqio_vocabulary.chem()
    text = "a\\b é"
    for given in (text, tf.constant(text)):
        assert vocabulary.encode_tf(given).numpy().tolist() == vocabulary.encode(text)
