"""Checks of a configuration that cost nothing: before data are read and devices computed on."""

from __future__ import annotations

import itertools
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from t5x.checkpoint_restoring import NoCheckpointError
from t5x.checkpoints import RestoreCheckpointConfig
from t5x.data import (
    DatasetConfig,
    get_mixture_or_task,
    import_module,
    seqio,
    traced_plainly,
    verify_matching_vocabs,
)
from t5x.errors import ConfigError, blamed_on, did_you_mean
from t5x.models import EncoderDecoderModel
from t5x.partitioning import DataLayout, PjitPartitioner

EXAMPLES_MEASURED = 16
SHORTEST_LENGTH = 2
"""One token and EOS."""


def check_dataset(cfg: DatasetConfig, scope: str) -> list[Any]:
    """Checks that a dataset can be read as its configuration says.

    Args:
        cfg: of the dataset.
        scope: of its gin bindings: 'train', 'train_eval' or 'infer_eval'; '' without one.

    Returns:
        The SeqIO tasks of the mixture that have the split.

    Raises:
        ConfigError: it cannot.
    """
    setting = _settings(scope)
    _import_tasks(cfg, setting)
    with blamed_on(setting("mixture_or_task_name"), setting("module")):
        mixture_or_task = get_mixture_or_task(cfg.mixture_or_task_name)
    tasks = list(seqio.get_subtasks(mixture_or_task))
    with_split = [task for task in tasks if cfg.split in task.splits]
    if not with_split:
        splits = sorted({split for task in tasks for split in task.splits})
        raise ConfigError(
            f"{cfg.mixture_or_task_name!r} has no split {cfg.split!r}."
            f"{did_you_mean(cfg.split, splits)} It has: {', '.join(splits)}.",
            setting("split"),
        )
    if cfg.use_cached:
        _check_caches(with_split, cfg, setting)
    if cfg.task_feature_lengths is not None:
        _check_features(mixture_or_task, cfg, setting)
    return with_split


def _settings(scope: str) -> Callable[[str], str]:
    prefix = f"{scope}/" if scope else ""
    return lambda argument: f"{prefix}DatasetConfig.{argument}"


def _import_tasks(cfg: DatasetConfig, setting: Callable[[str], str]) -> None:
    try:
        with blamed_on(setting("module")):
            import_module(cfg.module)
    except ConfigError:
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise ConfigError(
            f"MIXTURE_OR_TASK_MODULE names {cfg.module!r}, which does not import: "
            f"{type(error).__name__}: {error} ({os.path.basename(frame.filename)}, line "
            f"{frame.lineno}). `python -c 'import {cfg.module}'` shows the rest.",
            setting("module"),
        ) from error


def _check_caches(tasks: Sequence[Any], cfg: DatasetConfig, setting: Callable[[str], str]) -> None:
    missing = [task.name for task in tasks if task.supports_caching and task.cache_dir is None]
    if missing:
        folders = seqio.utils.get_global_cache_dirs()
        folder = folders[0] if folders else "<folder>"
        module = f" --module_import={cfg.module}" if cfg.module else ""
        raise ConfigError(
            f"USE_CACHED_TASKS asks for SeqIO's offline cache, and there is none of "
            f"{', '.join(missing)} in {', '.join(folders) or 'any folder: none was given'}. Make "
            f"it with\n  seqio_cache_tasks --tasks={','.join(missing)} --output_cache_dir={folder}"
            f"{module}\nand name the folder with --seqio_additional_cache_dirs={folder}, or set "
            "USE_CACHED_TASKS to False.",
            setting("use_cached"),
        )


def _check_features(
    mixture_or_task: Any, cfg: DatasetConfig, setting: Callable[[str], str]
) -> None:
    lengths = dict(cfg.task_feature_lengths or {})
    features = list(mixture_or_task.output_features)
    for name in features:
        if name not in lengths:
            raise ConfigError(
                f"TASK_FEATURE_LENGTHS {lengths} gives no length for {name!r}, a feature of "
                f"{cfg.mixture_or_task_name!r}. Its features: {', '.join(features)}.",
                setting("task_feature_lengths"),
            )
        if lengths[name] < SHORTEST_LENGTH:
            raise ConfigError(
                f"TASK_FEATURE_LENGTHS[{name!r}] is {lengths[name]}: give at least "
                f"{SHORTEST_LENGTH}, a token and the end of the sequence.",
                setting("task_feature_lengths"),
            )


def check_lengths(tasks: Sequence[Any], cfg: DatasetConfig, scope: str) -> None:
    """Checks that the feature lengths leave something of each task's first examples.

    Measured are tasks that keep their text (`inputs_pretokenized`), as SeqIO's `tokenize` does. A
    prompt is what all inputs begin with.

    Args:
        tasks: as `check_dataset` returns them.
        cfg: of the dataset; nothing is checked without `task_feature_lengths`.
        scope: as for `check_dataset`.

    Raises:
        ConfigError: a length cuts every example of a task, or all but its prompt.
    """
    if cfg.task_feature_lengths is None:
        return
    for task in tasks:
        dataset = traced_plainly(
            task.get_dataset,
            sequence_length=dict(cfg.task_feature_lengths),
            split=cfg.split,
            use_cached=cfg.use_cached,
            shuffle=False,
        )
        examples = list(dataset.take(EXAMPLES_MEASURED).as_numpy_iterator())
        for name, length in cfg.task_feature_lengths.items():
            if name in task.output_features:
                sequences = _encoded(examples, name, task.output_features[name])
                _check_length(task.name, name, length, sequences, _settings(scope))


def _encoded(examples: Sequence[Mapping[str, Any]], name: str, feature: Any) -> list[list[int]]:
    """The untrimmed ids of a feature, EOS included."""
    texts = [example.get(f"{name}_pretokenized") for example in examples]
    end = [feature.vocabulary.eos_id] if feature.add_eos else []
    return [
        [*feature.vocabulary.encode(text.decode()), *end]
        for text in texts
        if isinstance(text, bytes)
    ]


def _check_length(
    task: str,
    feature: str,
    length: int,
    sequences: Sequence[Sequence[int]],
    setting: Callable[[str], str],
) -> None:
    if len(sequences) < 2:
        return
    where = f"TASK_FEATURE_LENGTHS[{feature!r}] is {length}"
    sizes = [len(sequence) for sequence in sequences]
    together = zip(*sequences, strict=False)
    prompt = len(list(itertools.takewhile(lambda ids: len(set(ids)) == 1, together)))
    if prompt < min(sizes) and length <= prompt + 1:
        raise ConfigError(
            f"{where}, and all {feature} of {task!r} begin with the same {prompt} tokens, their "
            f"prompt: nothing else would be left of them. Its first {len(sizes)} examples need up "
            f"to {max(sizes)}.",
            setting("task_feature_lengths"),
        )
    if length < min(sizes):
        raise ConfigError(
            f"{where}, which cuts every one of the first {len(sizes)} {feature} of {task!r}: they "
            f"have {min(sizes)} to {max(sizes)} tokens, the end of the sequence included.",
            setting("task_feature_lengths"),
        )


def check_embedding(model: EncoderDecoderModel) -> None:
    """Checks that the network's embedding has a row for every id of the vocabularies.

    Args:
        model: a module whose `config` has no `vocab_size` is not checked.

    Raises:
        ConfigError: it has fewer.
    """
    rows = getattr(getattr(model.module, "config", None), "vocab_size", None)
    size = max(model.input_vocabulary.vocab_size, model.output_vocabulary.vocab_size)
    if rows is not None and size > rows:
        raise ConfigError(
            f"The vocabulary has {size} ids and the embedding {rows} rows (NUM_EMBEDDINGS): give "
            f"at least {size}, better {-(-size // 128) * 128}, a multiple of 128.",
            "T5Config.vocab_size",
        )


def check_vocabularies(
    cfg: DatasetConfig,
    model: EncoderDecoderModel,
    verify: Callable[[DatasetConfig, Any], None],
    scope: str,
) -> None:
    """Checks that model and tasks speak of the same ids.

    Args:
        cfg: of the dataset.
        model: has `input_vocabulary` and `output_vocabulary`.
        verify: `data.verify_matching_vocabs` or one of its kind, which raises `ValueError`.
        scope: as for `check_dataset`.

    Raises:
        ConfigError: they do not.
    """
    with blamed_on("EncoderDecoderModel.input_vocabulary", _settings(scope)("module")):
        verify(cfg, model)


def check_batch(cfg: DatasetConfig, partitioner: PjitPartitioner, scope: str) -> DataLayout:
    """Returns which part of each batch this host feeds.

    Args:
        cfg: of the dataset.
        partitioner: its mesh has a data axis.
        scope: as for `check_dataset`.

    Raises:
        ConfigError: the data axis does not divide the batch.
    """
    with blamed_on(_settings(scope)("batch_size"), "PjitPartitioner.num_partitions"):
        return partitioner.get_data_layout(cfg.batch_size)


def check_inference(
    cfg: DatasetConfig, model: EncoderDecoderModel, partitioner: PjitPartitioner
) -> list[Any]:
    """Checks what a command that predicts or scores is to read and to compute on.

    Args:
        cfg: of the dataset.
        model: predicts or scores.
        partitioner: where arrays live.

    Returns:
        The SeqIO tasks of the mixture that have the split.

    Raises:
        ConfigError: it cannot work.
    """
    check_batch(cfg, partitioner, "")
    tasks = check_dataset(cfg, "")
    check_embedding(model)
    check_vocabularies(cfg, model, verify_matching_vocabs, "")
    check_lengths(tasks, cfg, "")
    return tasks


def check_checkpoints(cfg: RestoreCheckpointConfig) -> None:
    """Checks that there is a folder wherever a checkpoint is to be read.

    Args:
        cfg: with `fallback_to_scratch` nothing is checked.

    Raises:
        NoCheckpointError: there is none.
    """
    for path in () if cfg.fallback_to_scratch else cfg.paths:
        if not os.path.isdir(path):
            raise NoCheckpointError(
                f"There is no folder {path}: set CHECKPOINT_PATH to a folder checkpoint_<step>, or "
                "to one that holds such folders.",
                "CHECKPOINT_PATH",
                "RestoreCheckpointConfig.path",
            )


def check_folder(path: str, setting: str) -> None:
    """Checks that what is to be written goes to a folder, and not to the address of a bucket.

    Args:
        path: where to write.
        setting: its name in the configuration.

    Raises:
        ConfigError: it is an address, such as gs://bucket/run, which would be made here as a folder
            of that name.
    """
    if "://" in path:
        raise ConfigError(
            f"{setting} is {path}, and a run writes to folders. Mount the bucket (gcsfuse BUCKET "
            "/gcs/BUCKET) and give its folder, /gcs/BUCKET/...; the scripts that start runs on "
            "Google Cloud do both.",
            setting,
        )
