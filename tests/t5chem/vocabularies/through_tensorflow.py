"""Texts through a SeqIO vocabulary inside a TensorFlow graph."""

from t5x.quiet import import_tensorflow

tf = import_tensorflow()


def through_tensorflow(vocabulary, texts):
    """Yields ids and the text they decode to, both computed by a `tf.data` graph."""

    def there_and_back(text):
        ids = vocabulary.encode_tf(text)
        return ids, vocabulary.decode_tf(ids)

    # As a list of bytes: numpy would take trailing zero bytes away.
    texts = tf.constant([text.encode() for text in texts], tf.string)
    dataset = tf.data.Dataset.from_tensor_slices(texts).map(there_and_back)
    for ids, text in dataset.as_numpy_iterator():
        yield ids.tolist(), text.decode()


def assert_equal_ids_and_nothing_lost(vocabulary, texts):
    """Of a SeqIO vocabulary and of ours within it."""
    texts = list(texts)
    rows = through_tensorflow(vocabulary, texts)
    for text, (ids, decoded) in zip(texts, rows, strict=True):
        assert vocabulary.ours.encode(text) == ids, text
        assert vocabulary.ours.unk_id not in ids, text
        assert vocabulary.ours.decode(ids) == decoded == text
