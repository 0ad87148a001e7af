"""Training data from a materialised mixture: a batch is a function of seed and step.

    train_script.train.get_dataset_fn = @stream.Stream()
    stream.Stream.folder = 'streams/starter'

An epoch is a permutation of the stream's rows, drawn from seed and epoch; epochs follow each other
without a gap, and batches are cut from that sequence: one at the end of an epoch is filled up with
the first rows of the next, so that nothing is dropped and nothing comes twice. A host's share is a
slice of the global batch, which is the same for any number of hosts. Going on at a step costs
nothing. Grain reads; TensorFlow and SeqIO are never imported.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import grain
import jax
import numpy as np

from t5x.data import Batch, DatasetConfig, ShardInfo
from t5x.errors import ConfigError
from t5x.stream_features import DECODER, ENCODER, model_features
from t5x.stream_format import (
    DamagedStreamError,
    Header,
    VocabularyCard,
    read_header,
    vocabulary_card,
)


class Stream:
    """Reads a stream for training; `train`'s `get_dataset_fn`.

    Args:
        folder: as `t5x.materialize` writes it.
        num_threads: that prepare batches ahead.
        prefetch_batches: how many they prepare.
    """

    def __init__(self, folder: str, num_threads: int = 4, prefetch_batches: int = 8) -> None:
        self._folder = folder
        self._read_options = grain.ReadOptions(num_threads, prefetch_batches)

    @functools.cached_property
    def header(self) -> Header:
        """What is in the stream."""
        return read_header(self._folder)

    def check(self, cfg: DatasetConfig, model: Any, scope: str) -> list[str]:
        """Checks that the stream is what a configuration asks for.

        Args:
            cfg: of the dataset.
            model: whose vocabularies must be the stream's; None: they are not compared.
            scope: of the configuration's gin bindings, such as 'train'.

        Returns:
            The name of the mixture.

        Raises:
            ConfigError: it is another.
            DamagedStreamError: its files are not whole.
        """
        recipe = self.header.recipe
        asked = {
            "mixture_or_task_name": (recipe.mixture, str(cfg.mixture_or_task_name)),
            "split": (recipe.split, cfg.split),
            "task_feature_lengths": (
                dict(recipe.lengths), dict(cfg.task_feature_lengths or {})
            ),
            "pack": (recipe.pack, cfg.pack),
        }  # fmt: skip
        for name, (found, wanted) in asked.items():
            if found != wanted:
                raise ConfigError(
                    f"The stream in {self._folder} has {name} {found!r}, and the configuration "
                    f"asks for {wanted!r}: change one of them, or materialise another stream.",
                    f"{scope}/DatasetConfig.{name}",
                    "Stream.folder",
                )
        if cfg.runtime_preprocessors:
            raise ConfigError(
                "runtime_preprocessors do not run on a stream: materialise it with them.",
                f"{scope}/DatasetConfig.runtime_preprocessors",
            )
        if set(recipe.lengths) != {ENCODER, DECODER}:
            raise ConfigError(
                f"The stream in {self._folder} has the features {', '.join(recipe.lengths)}: an "
                f"encoder-decoder model reads {ENCODER} and {DECODER}.",
                "Stream.folder",
            )
        if model is not None:
            self._check_vocabularies(model)
        return [recipe.mixture]

    def _check_vocabularies(self, model: Any) -> None:
        sides = {ENCODER: model.input_vocabulary, DECODER: model.output_vocabulary}
        for name, vocabulary in sides.items():
            card, found = self.header.vocabularies[name], vocabulary_card(vocabulary)
            if (card.size, card.digest) != (found.size, found.digest):
                raise ConfigError(
                    f"The {name} of the stream in {self._folder} are not in the model's "
                    f"vocabulary:\n  stream: {card}\n  model:  {found}\nSet VOCABULARY to the "
                    "stream's, or materialise the mixture in the model's.",
                    "EncoderDecoderModel.input_vocabulary",
                    "Stream.folder",
                )

    def __call__(
        self,
        cfg: DatasetConfig,
        shard_info: ShardInfo,
        feature_converter_cls: Any = None,
        num_epochs: int | None = None,
    ) -> StreamDataset:
        """Returns one host's share of the batches.

        Args:
            cfg: `seed` and `shuffle` decide the order, `batch_size` the batches.
            shard_info: which share.
            feature_converter_cls: not used: the features are those of SeqIO's encoder-decoder
                converter.
            num_epochs: None repeats for ever; otherwise the last batch is dropped unless it is
                full.
        """
        return StreamDataset(
            self._folder, self.header, cfg, shard_info, num_epochs, self._read_options
        )


class StreamDataset:
    """Batches of model features, each a function of its number.

    Args:
        folder: of the stream.
        header: its content.
        cfg: as for `Stream`.
        shard_info: likewise.
        num_epochs: likewise.
        read_options: of Grain.
    """

    def __init__(
        self,
        folder: str,
        header: Header,
        cfg: DatasetConfig,
        shard_info: ShardInfo,
        num_epochs: int | None,
        read_options: grain.ReadOptions,
    ) -> None:
        if cfg.batch_size % shard_info.num_shards:
            raise ConfigError(
                f"BATCH_SIZE {cfg.batch_size} is not divisible by the {shard_info.num_shards} "
                "hosts that read data: choose a multiple.",
                "train/DatasetConfig.batch_size",
            )
        self._header = header
        self._read_options = read_options
        self._host_rows = cfg.batch_size // shard_info.num_shards
        records = grain.MapDataset.source(_Records(folder, header))
        if cfg.shuffle:
            records = records.shuffle(seed=order_seed(cfg.seed or 0))
        # Repeated before it is cut: batches reach across the end of an epoch. A host's rows are
        # neighbours in the global batch, which is put together from the hosts' in their order.
        shares = records.repeat(num_epochs).batch(
            self._host_rows, drop_remainder=True, batch_fn=list
        )
        self._shares = shares[shard_info.index :: shard_info.num_shards]

    def __len__(self) -> int:
        """Number of batches; beyond counting when epochs repeat for ever."""
        return len(self._shares)

    @property
    def element_spec(self) -> Mapping[str, jax.ShapeDtypeStruct]:
        """Shape and type of the features of this host's share of a batch."""
        recipe = self._header.recipe
        empty = model_features([], recipe.lengths, recipe.pack)
        return {
            name: jax.ShapeDtypeStruct((self._host_rows, values.shape[1]), values.dtype)
            for name, values in empty.items()
        }

    def batches_from(self, start: int) -> Iterator[Batch]:
        """Yields the batches from number `start` on, prepared ahead in threads.

        Args:
            start: number of the first batch, from 0.
        """
        iterator = iter(self._shares.map(self._features).to_iter_dataset(self._read_options))
        iterator.set_state({"next_index": start})
        return iterator

    def as_numpy_iterator(self) -> Iterator[Batch]:
        """Yields all batches, as a `tf.data.Dataset` does."""
        return self.batches_from(0)

    def example_ids(self, number: int) -> list[np.ndarray]:
        """Returns the ids of the examples in each row of this host's share of a batch.

        Args:
            number: of the batch.

        Returns:
            For each row (place of the task in the header, number of the example), `int[n, 2]`.
        """
        return [self._header.codec.decode(record).ids for record in self._shares[number]]

    def _features(self, records: Sequence[bytes]) -> Batch:
        recipe, codec = self._header.recipe, self._header.codec
        rows = [codec.decode(record) for record in records]
        return model_features(rows, recipe.lengths, recipe.pack)


class _Records:
    """The records of all shards, by number; says which stream it is that cannot be read.

    Args:
        folder: of the stream.
        header: its content.
    """

    def __init__(self, folder: str, header: Header) -> None:
        self._folder = folder
        paths = [os.path.join(folder, shard.name) for shard in header.shards]
        self._source = self._trying(lambda: grain.sources.ArrayRecordDataSource(paths))

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, number: int) -> bytes:
        return self._trying(lambda: self._source[number])

    def _trying(self, read: Any) -> Any:
        try:
            return read()
        except RuntimeError as error:
            raise DamagedStreamError(
                f"The stream in {self._folder} cannot be read ({error}). `python -m "
                f"t5x.materialize --check={self._folder}` tells what is damaged: copy the stream "
                "again, or make it anew.",
                "Stream.folder",
            ) from error

    def __repr__(self) -> str:
        return f"_Records({self._folder})"


def order_seed(seed: int) -> int:
    """Returns the seed of the first epoch's order; Grain adds the number of the epoch.

    Hashed, so that the second epoch of one seed is not the first of the next.

    Args:
        seed: of the run.
    """
    return int.from_bytes(hashlib.sha256(f"order of a stream, {seed}".encode()).digest()[:4])


class WatchedStreams:
    """Reads streams whose loss is watched; `train`'s `train_eval_get_dataset_fn`.

    Args:
        folders: of streams, each named after its mixture or task: one a task shows the loss of
            each.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self._streams = [Stream(folder) for folder in folders]

    def check(self, cfg: DatasetConfig, model: Any, scope: str) -> list[str]:
        """Checks every stream as `Stream.check` does; the name may be that of a single task.

        Returns:
            Their names.
        """
        return [
            name
            for stream in self._streams
            for name in stream.check(_named_as(stream, cfg), model, scope)
        ]

    def __call__(
        self,
        cfg: DatasetConfig,
        shard_info: ShardInfo,
        feature_converter_cls: Any,
        eval_steps: int,
    ) -> dict[str, FirstBatches]:
        """Returns the first `eval_steps` batches of each stream by its name.

        Args:
            cfg: as for `Stream`.
            shard_info: likewise.
            feature_converter_cls: likewise.
            eval_steps: batches a stream.
        """
        return {
            stream.header.recipe.mixture: FirstBatches(
                stream(_named_as(stream, cfg), shard_info, feature_converter_cls), eval_steps
            )
            for stream in self._streams
        }


def _named_as(stream: Stream, cfg: DatasetConfig) -> DatasetConfig:
    return dataclasses.replace(cfg, mixture_or_task_name=stream.header.recipe.mixture)


class FirstBatches:
    """The first batches of a dataset.

    Args:
        dataset: has enough of them.
        count: how many.
    """

    def __init__(self, dataset: StreamDataset, count: int) -> None:
        self._dataset = dataset
        self._count = count

    def as_numpy_iterator(self) -> Iterator[Batch]:
        """Yields them."""
        return itertools.islice(self._dataset.batches_from(0), self._count)


class StreamVocabulary:
    """What training needs of a vocabulary, read from a stream: how many ids, and which ends a text.

    It neither encodes nor decodes, so a model with it trains and watches its loss, and predicts
    nothing. It spares a run the vocabulary's own module, which imports TensorFlow.

    Args:
        folder: of the stream.
        feature: whose vocabulary.
    """

    def __init__(self, folder: str, feature: str = DECODER) -> None:
        self._folder = folder
        self._feature = feature

    @functools.cached_property
    def card(self) -> VocabularyCard:
        """What tells it from others."""
        return read_header(self._folder).vocabularies[self._feature]

    @property
    def eos_id(self) -> int | None:
        """Id of the token that ends a sequence."""
        return self.card.eos_id

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return self.card.size
