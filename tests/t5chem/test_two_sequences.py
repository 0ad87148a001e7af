"""The input as two token sequences, from the task to the model's features."""

import dataclasses

import numpy as np
import pytest

from t5chem.fusion import FusedTransformer, FusionConfig
from t5x import data, packing
from t5x.data import seqio, tf
from t5x.errors import ConfigError
from t5x.models import EncoderDecoderModel
from tests.t5chem.two_encoders import t5

CFG = data.DatasetConfig(
    mixture_or_task_name="toy_two",
    task_feature_lengths={"inputs": 40, "inputs_chemistry": 30, "targets": 20},
    split="train",
    batch_size=2,
    shuffle=False,
    seed=0,
    pack=True,
    module="tests.t5chem.two_vocabulary_tasks",
)


@pytest.fixture(scope="module")
def sequences():
    """The module, which imports TensorFlow."""
    from t5chem import two_sequences

    data.import_module(CFG.module)
    return two_sequences


def test_packed_features_literally(sequences):
    examples = [
        {"inputs": [5, 6, 1], "inputs_chemistry": [7, 1], "targets": [8, 1]},
        {"inputs": [9, 1], "inputs_chemistry": [3, 4, 1], "targets": [2, 1]},
    ]
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(examples),
        output_signature=dict.fromkeys(examples[0], tf.TensorSpec([None], tf.int32)),
    )
    lengths = {"inputs": 6, "inputs_chemistry": 7, "targets": 5}
    converter = sequences.TwoSequenceFeatureConverter(pack=True)
    (row,) = converter(dataset, lengths).as_numpy_iterator()
    assert {name: column.tolist() for name, column in row.items()} == {
        "encoder_input_tokens": [5, 6, 1, 9, 1, 0],
        "encoder_segment_ids": [1, 1, 1, 2, 2, 0],
        "encoder_positions": [0, 1, 2, 0, 1, 0],
        "chemistry_input_tokens": [7, 1, 3, 4, 1, 0, 0],
        "chemistry_segment_ids": [1, 1, 2, 2, 2, 0, 0],
        "chemistry_positions": [0, 1, 0, 1, 2, 0, 0],
        "decoder_target_tokens": [8, 1, 2, 1, 0],
        "decoder_input_tokens": [0, 8, 0, 2, 0],
        "decoder_loss_weights": [1, 1, 1, 1, 0],
        "decoder_segment_ids": [1, 1, 2, 2, 0],
        "decoder_positions": [0, 1, 0, 1, 0],
    }
    assert converter.get_model_feature_lengths(lengths) == {n: len(c) for n, c in row.items()}


def test_both_sequences_hold_the_same_text(sequences):
    dataset = data.get_dataset(CFG, seqio.ShardInfo(0, 1), sequences.TwoSequenceFeatureConverter)
    batch = next(data.batches(dataset))
    text, chemistry = batch["encoder_input_tokens"], batch["chemistry_input_tokens"]
    for row in range(2):
        same = [tokens[row][: np.argmax(tokens[row] == 1)] for tokens in (text, chemistry)]
        assert (same[0] + 200 == same[1]).all() and len(same[0]) > 5


def model(chemistry_rows: int, vocabulary=None) -> EncoderDecoderModel:
    vocabulary = vocabulary or seqio.ByteVocabulary()
    text, chemistry = t5(vocab_size=384), t5(vocab_size=chemistry_rows)
    config = FusionConfig(text, chemistry, text, two_vocabularies=True)
    return EncoderDecoderModel(FusedTransformer(config), vocabulary, vocabulary)


def test_vocabularies_are_compared_with_the_model(sequences):
    sequences.verify_vocabularies(CFG, model(640))
    with pytest.raises(ConfigError, match=r"has 559 ids and its embedding 512 rows.*better 640"):
        sequences.verify_vocabularies(CFG, model(512))
    with pytest.raises(ValueError, match="The input vocabulary of 'toy_two' differs"):
        sequences.verify_vocabularies(CFG, model(640, seqio.ByteVocabulary(extra_ids=7)))
    plain = dataclasses.replace(CFG, mixture_or_task_name="toy", module="tests.t5x.toy_tasks")
    with pytest.raises(ConfigError, match=r"'toy' has no feature 'inputs_chemistry'.*two\.gin"):
        sequences.verify_vocabularies(plain, model(640))


def test_without_packing_it_pads(sequences):
    converter = sequences.TwoSequenceFeatureConverter(pack=False)
    lengths = CFG.task_feature_lengths
    assert converter.get_model_feature_lengths(lengths) == {
        **packing.FirstFitFeatureConverter(pack=False).get_model_feature_lengths(lengths),
        "chemistry_input_tokens": 30,
    }
