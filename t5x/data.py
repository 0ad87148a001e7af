"""SeqIO datasets as batches of model features: the same ones for the same seed and step.

TensorFlow and SeqIO are imported when a dataset is made, not with this module.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from absl import logging

from t5x.errors import ConfigError
from t5x.quiet import import_seqio, seqio, tf

Batch = dict[str, np.ndarray]


@dataclasses.dataclass
class DatasetConfig:
    """Which examples, how long, in which batches.

    Attributes:
        mixture_or_task_name: as registered with SeqIO.
        task_feature_lengths: longest inputs and targets, in tokens, EOS included; None, in
            inference evaluation, stands for the longest example.
        split: 'train', 'validation', 'test'.
        batch_size: rows of the global batch.
        shuffle: whether the order is drawn from the seed.
        seed: of order, mixing and random preprocessing; None takes the run's own seed.
        use_cached: read SeqIO's offline cache.
        pack: put several short examples into one row.
        use_custom_packing_ops: pack with Mesh TensorFlow's operations, seldom installed.
        module: imported first, to register the tasks.
        use_memory_cache: keep evaluation examples in memory.
        trim_output_features: cut examples to `task_feature_lengths`.
        runtime_preprocessors: run after the tasks' own, on the mixed, trimmed and shuffled
            examples, before they become model features; inference evaluation does not run them.
            As in SeqIO they may take `sequence_length` and `output_features`.
        num_prefetch_threads: accepted for T5X's sake; setting it warns.
        num_workers: accepted for T5X's sake; setting it warns.
    """

    mixture_or_task_name: Any
    task_feature_lengths: Mapping[str, int] | None
    split: str
    batch_size: int
    shuffle: bool
    seed: int | None
    use_cached: bool = False
    pack: bool = False
    use_custom_packing_ops: bool = False
    module: str | None = None
    use_memory_cache: bool = True
    trim_output_features: bool = True
    runtime_preprocessors: Sequence[Any] | None = None
    num_prefetch_threads: int | None = None
    num_workers: int = 0

    def __post_init__(self) -> None:
        for name in ("num_prefetch_threads", "num_workers"):
            if getattr(self, name):
                logging.log_first_n(
                    logging.WARNING,
                    "DatasetConfig.%s=%s has no effect: tf.data chooses its own number of threads.",
                    2, name, getattr(self, name),
                )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class ShardInfo:
    """Which share of each batch a host reads; SeqIO takes it for its own `seqio.ShardInfo`.

    Attributes:
        index: of the share, from 0.
        num_shards: number of shares.
    """

    index: int
    num_shards: int


@runtime_checkable
class SeekableDataset(Protocol):
    """One host's share of batches that are a function of their number."""

    @property
    def element_spec(self) -> Mapping[str, jax.ShapeDtypeStruct]:
        """Shape and type of a batch's features."""

    def batches_from(self, start: int) -> Iterator[Batch]:
        """Yields the batches from number `start` on, which costs no more than from the first."""


@runtime_checkable
class CheckedSource(Protocol):
    """A `get_dataset_fn` that reads no SeqIO task and checks its configuration itself."""

    def check(self, cfg: DatasetConfig, model: Any, scope: str) -> list[str]:
        """Returns the names of its datasets, or raises a `ConfigError`.

        Args:
            cfg: of the dataset.
            model: whose vocabularies must be the data's; None: they are not compared.
            scope: of the configuration's gin bindings, such as 'train'.
        """

    def __call__(self, cfg: DatasetConfig, shard_info: Any, *arguments: Any) -> Any:
        """Returns a `SeekableDataset`, or several by name."""


def import_module(module: str | None) -> None:
    """Imports the module that registers the tasks, which may register gin's configurables too.

    Raises:
        ModuleNotFoundError: there is no such module; the message says where it was looked for.
    """
    if not module:
        return
    import gin

    import_seqio()  # silently, before the module does
    try:
        # A run's configuration is locked by now; new functions change nothing that it says.
        with gin.unlock_config():
            importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(error.name + ".")):
            raise ModuleNotFoundError(
                f"MIXTURE_OR_TASK_MODULE names {module!r}, which Python cannot find. Install the "
                "package that holds it, or run from the folder above it.",
                name=error.name,
            ) from None
        raise


def get_mixture_or_task(name: Any) -> Any:
    """Returns a registered SeqIO mixture or task.

    Raises:
        ValueError: nothing of that name is registered; the message gives the nearest names.
    """
    if not isinstance(name, str):
        return name
    known = sorted({*seqio.MixtureRegistry.names(), *seqio.TaskRegistry.names()})
    if name in known:
        return seqio.get_mixture_or_task(name)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    raise ValueError(
        f"No mixture or task is called {name!r}.{hint} MIXTURE_OR_TASK_MODULE must name the module "
        f"that registers it; {len(known)} are registered now."
    )


def get_vocabulary(cfg: DatasetConfig) -> tuple[Any, Any]:
    """Returns the (input, output) vocabularies of a dataset's tasks."""
    import_module(cfg.module)
    features = get_mixture_or_task(cfg.mixture_or_task_name).output_features
    targets = features["targets"].vocabulary
    return (features["inputs"].vocabulary if "inputs" in features else targets), targets


def verify_matching_vocabs(cfg: DatasetConfig, model: Any) -> None:
    """Checks that a model reads and writes its tasks' vocabularies.

    Raises:
        ValueError: it does not; the message names both.
    """
    pairs = zip(
        ("input", "output"),
        get_vocabulary(cfg),
        (model.input_vocabulary, model.output_vocabulary),
        strict=True,
    )
    for side, of_task, of_model in pairs:
        if of_task != of_model:
            raise ValueError(
                f"The {side} vocabulary of {cfg.mixture_or_task_name!r} differs from the model's:\n"
                f"  task:  {of_task!r}\n  model: {of_model!r}\n"
                "Set VOCABULARY to the task's, or choose tasks registered for the model's."
            )


def feature_lengths(cfg: DatasetConfig) -> Mapping[str, int]:
    """Returns the longest inputs and targets of a dataset, in tokens.

    Args:
        cfg: of the dataset.

    Raises:
        ConfigError: they are not set.
    """
    if cfg.task_feature_lengths is None:
        raise ConfigError(
            "TASK_FEATURE_LENGTHS is not set: give the longest inputs and targets in tokens, such "
            "as {'inputs': 512, 'targets': 512}.",
            "DatasetConfig.task_feature_lengths",
        )
    return cfg.task_feature_lengths


def get_dataset(
    cfg: DatasetConfig,
    shard_info: Any,
    feature_converter_cls: Callable[..., Any],
    num_epochs: int | None = None,
    continue_from_last_checkpoint: bool = False,
) -> Any:
    """Returns one host's share of a dataset as batched model features.

    Each host reads examples of its own: shuffled, mixed and packed apart from the others', so that
    another number of hosts makes other batches. `get_same_dataset` makes the same ones.

    Args:
        cfg: what to read; `cfg.seed` makes order and random preprocessing reproducible.
        shard_info: a `ShardInfo`; `cfg.batch_size` is divided among the shards.
        feature_converter_cls: of the model.
        num_epochs: None repeats for ever.
        continue_from_last_checkpoint: accepted for T5X's sake; `t5x.train` winds the data forward.

    Returns:
        A `tf.data.Dataset` of dictionaries `[rows of this host, length]`.
    """
    import_module(cfg.module)
    lengths = dict(feature_lengths(cfg))
    _check_divides(cfg, shard_info)
    task = get_mixture_or_task(cfg.mixture_or_task_name)
    dataset = traced_plainly(
        task.get_dataset,
        sequence_length=lengths,
        split=cfg.split,
        use_cached=cfg.use_cached,
        shuffle=cfg.shuffle,
        seed=cfg.seed,
        shard_info=shard_info,
        num_epochs=num_epochs,
        trim_output_features=cfg.trim_output_features,
    )
    dataset = preprocess_at_runtime(dataset, cfg, task.output_features)
    converter = feature_converter_cls(
        pack=cfg.pack, use_custom_packing_ops=cfg.use_custom_packing_ops
    )
    features = converter(dataset, task_feature_lengths=lengths)
    return features.batch(cfg.batch_size // shard_info.num_shards, drop_remainder=True)


def get_same_dataset(
    cfg: DatasetConfig,
    shard_info: Any,
    feature_converter_cls: Callable[..., Any],
    num_epochs: int | None = None,
    continue_from_last_checkpoint: bool = False,
) -> Any:
    """Returns one host's rows of batches that are the same whatever the number of hosts.

    Every host reads all that one host alone would, and keeps its rows: the processor of each works
    for the whole batch. A `stream.Stream` has the same batches without that price.

    Args:
        cfg: as for `get_dataset`.
        shard_info: likewise.
        feature_converter_cls: likewise.
        num_epochs: likewise.
        continue_from_last_checkpoint: likewise.

    Returns:
        A `tf.data.Dataset` of dictionaries `[rows of this host, length]`.
    """
    _check_divides(cfg, shard_info)
    dataset = get_dataset(cfg, ShardInfo(0, 1), feature_converter_cls, num_epochs)
    if shard_info.num_shards == 1:
        return dataset
    rows = cfg.batch_size // shard_info.num_shards
    begin = shard_info.index * rows
    mine = slice(begin, begin + rows)
    return in_fixed_order(dataset).map(lambda batch: {name: x[mine] for name, x in batch.items()})


def _check_divides(cfg: DatasetConfig, shard_info: Any) -> None:
    if cfg.batch_size % shard_info.num_shards:
        raise ValueError(
            f"BATCH_SIZE {cfg.batch_size} is not divisible by the {shard_info.num_shards} hosts "
            "that read data: choose a multiple."
        )


def traced_plainly(make_dataset: Callable[..., Any], **arguments: Any) -> Any:
    """Makes a dataset without AutoGraph where that is possible.

    AutoGraph rewrites the source of every function that a dataset maps, SeqIO's own among them,
    which takes as long as all else that makes the dataset. Only Python's `if` and loops on tensors
    need it: functions that have them raise an error when they are traced, and get it.

    Args:
        make_dataset: such as a task's `get_dataset`; may be called twice.
        arguments: of it.
    """
    try:
        return tf.autograph.experimental.do_not_convert(make_dataset)(**arguments)
    except Exception:
        return make_dataset(**arguments)  # an error that has another cause is raised again here


def preprocess_at_runtime(dataset: Any, cfg: DatasetConfig, output_features: Any) -> Any:
    """Runs `cfg.runtime_preprocessors`.

    Args:
        dataset: a `tf.data.Dataset` of task features.
        cfg: has the preprocessors, the lengths and the seed.
        output_features: of the task.
    """
    arguments = {"sequence_length": cfg.task_feature_lengths, "output_features": output_features}
    # Far from the seeds that SeqIO counts up from the run's own for the tasks' preprocessors.
    seed = None if cfg.seed is None else cfg.seed + 1_000_000
    with seqio.utils.map_seed_manager(seed):
        for preprocess in cfg.runtime_preprocessors or ():
            accepted = inspect.signature(preprocess).parameters
            own = {name: value for name, value in arguments.items() if name in accepted}
            dataset = preprocess(dataset, **own)
    return dataset


def get_training_eval_datasets(
    cfg: DatasetConfig,
    shard_info: Any,
    feature_converter_cls: Callable[..., Any],
    eval_steps: int,
    get_dataset_fn: Callable[..., Any] = get_same_dataset,
) -> dict[str, Any]:
    """Returns `eval_steps` batches of each task of a mixture that has the split.

    They are the same on any number of hosts, so that losses can be compared.

    Args:
        cfg: of the evaluation.
        shard_info: a `ShardInfo`.
        feature_converter_cls: of the model.
        eval_steps: batches a task.
        get_dataset_fn: makes the dataset of one task.
    """
    import_module(cfg.module)
    tasks = seqio.get_subtasks(get_mixture_or_task(cfg.mixture_or_task_name))
    datasets = {}
    for task in tasks:
        if cfg.split in task.splits:
            one_task = dataclasses.replace(cfg, mixture_or_task_name=task.name)
            dataset = get_dataset_fn(one_task, shard_info, feature_converter_cls, num_epochs=None)
            datasets[task.name] = in_fixed_order(dataset).take(eval_steps).cache()
    return datasets


def batches(dataset: Any, start: int = 0) -> Iterator[Batch]:
    """Yields the batches of a dataset as numpy arrays, prepared ahead in the background.

    Args:
        dataset: a `SeekableDataset`, or a deterministic `tf.data.Dataset`.
        start: how many batches an earlier part of the same run has consumed: they are passed over,
            so that the run goes on as if it had never stopped. `tf.data` makes them again for that.
    """
    if isinstance(dataset, SeekableDataset):
        return dataset.batches_from(start)
    dataset = in_fixed_order(dataset)
    if start:
        dataset = dataset.skip(start)
    return iter(dataset.prefetch(tf.data.AUTOTUNE).as_numpy_iterator())


def in_fixed_order(dataset: Any) -> Any:
    """Makes parallel reads and maps yield in order, whatever the source's own options say."""
    options = tf.data.Options()
    options.deterministic = True
    return dataset.with_options(options)


def batch_struct(dataset: Any, batch_size: int) -> dict[str, jax.ShapeDtypeStruct]:
    """Returns the shapes and types of the global batch's features.

    Args:
        dataset: a `SeekableDataset` or a `tf.data.Dataset`, of one host.
        batch_size: rows of the global batch.
    """
    return {
        name: jax.ShapeDtypeStruct(
            (batch_size, *spec.shape[1:]), getattr(spec.dtype, "as_numpy_dtype", spec.dtype)
        )
        for name, spec in dataset.element_spec.items()
    }


def input_shapes(dataset: Any, batch_size: int) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the global batch's features."""
    return {name: struct.shape for name, struct in batch_struct(dataset, batch_size).items()}
