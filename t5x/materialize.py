"""Writes a mixture once as a stream that training reads without TensorFlow (docs/stream.md).

    python -m t5x.materialize --mixture=starter --module=tasks --lengths=inputs=512,targets=512 \
        --output=streams/starter

What an epoch is, `t5x.mixture_epoch` says; what the files are, `t5x.stream_format`.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import flags

from t5x import gin_utils, quiet, utils
from t5x.config_checks import check_dataset
from t5x.errors import ConfigError
from t5x.mixture_epoch import mixing_rates, read_epoch
from t5x.stream_check import check_stream
from t5x.stream_format import (
    HEADER,
    Header,
    Recipe,
    VocabularyCard,
    read_header,
    vocabulary_card,
    write_header,
)
from t5x.stream_writing import StreamWriter, new_folder
from t5x.train import train

__all__ = ["main", "materialize", "train"]  # gin files bind `train` of the main module

PACKAGES = ("array_record", "numpy", "seqio", "tensorflow", "tensorflow-datasets")


def materialize(
    cfg: utils.DatasetConfig,
    output: str,
    *,
    epochs: int = 1,
    examples: int | None = None,
    open_rows: int = 16,
    buckets: int = 128,
    rows_per_shard: int = 65536,
    say: Callable[[str], None] = print,
) -> Header:
    """Writes a mixture as a stream.

    Args:
        cfg: what to read; `shuffle` and `batch_size` have no meaning here.
        output: folder of the stream.
        epochs: passes over the task that takes longest; their examples are shuffled together.
        examples: of an epoch, shared out by the rates exactly; the last pass over a task may then
            be a part of it. None: whole passes.
        open_rows: of packing (`t5x.first_fit`).
        buckets: of the shuffle; memory holds one of them at a time.
        rows_per_shard: records of a file.
        say: prints a line.

    Returns:
        The stream's header.

    Raises:
        ConfigError: it cannot be done, or `output` exists.
    """
    numbers = {
        "epochs": epochs,
        "examples": examples,
        "open_rows": open_rows,
        "buckets": buckets,
        "rows_per_shard": rows_per_shard,
    }
    recipe = _recipe(cfg, numbers)
    _refuse_existing(output)
    tasks = check_dataset(cfg, "train")
    rates = mixing_rates(cfg.mixture_or_task_name, tasks)
    vocabularies = _vocabularies(tasks[0], recipe.lengths)
    token_type = "uint16" if max(v.size for v in vocabularies.values()) <= 2**16 else "int32"
    with new_folder(output) as folder:
        writer = StreamWriter(folder, recipe, token_type)
        counts = read_epoch(tasks, rates, cfg, writer.add, epochs, examples, say)
        shards, filled = writer.finish()
        header = Header(
            recipe=recipe,
            tasks=counts,
            rows=sum(shard.rows for shard in shards),
            filled=filled,
            token_type=token_type,
            vocabularies=vocabularies,
            configuration=gin_utils.gin.config_str().splitlines(),
            versions={name: importlib.metadata.version(name) for name in PACKAGES},
            shards=shards,
        )
        write_header(folder, header)
    return header


def _recipe(cfg: utils.DatasetConfig, numbers: Mapping[str, Any]) -> Recipe:
    if cfg.task_feature_lengths is None:
        raise ConfigError("A stream needs its lengths: give --lengths=inputs=512,targets=512.")
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise ConfigError(f"--{name} is {value}: give 1 or more.")
    seed = cfg.seed or 0
    if seed < 0:
        raise ConfigError(f"--seed is {seed}: give 0 or more.")
    return Recipe(
        mixture=str(cfg.mixture_or_task_name),
        module=cfg.module,
        split=cfg.split,
        lengths=dict(cfg.task_feature_lengths),
        pack=cfg.pack,
        seed=seed,
        use_cached=cfg.use_cached,
        **numbers,
    )


def _refuse_existing(output: str) -> None:
    if not os.path.exists(output):
        return
    what = "is no stream"
    if os.path.isfile(os.path.join(output, HEADER)):
        header = read_header(output)
        what = f"is a stream of {header.recipe.mixture} ({header.examples:,} examples) already"
    raise ConfigError(f"{output} {what}: remove it, or choose another --output.")


def _vocabularies(task: Any, lengths: Mapping[str, int]) -> dict[str, VocabularyCard]:
    return {name: vocabulary_card(task.output_features[name].vocabulary) for name in lengths}


def table(header: Header) -> str:
    """Says what is in a stream, a line a task."""
    total = header.examples
    width = max(len(task.name) for task in header.tasks)
    rates = sum(task.rate for task in header.tasks)
    lines = [
        f"  {task.name:<{width}}  {task.examples:>11,} examples  {task.examples / total:6.1%}  "
        f"(rate {task.rate / rates:.1%}, passes {len(task.passes)})"
        for task in header.tasks
    ]
    filled = ", ".join(f"{name} {share:.1%}" for name, share in header.filled.items())
    size = sum(shard.bytes for shard in header.shards)
    return "\n".join(
        [
            f"{header.recipe.mixture}, split {header.recipe.split}: {total:,} examples in "
            f"{header.rows:,} rows of {dict(header.recipe.lengths)}, {size / 1e6:,.1f} MB",
            *lines,
            f"  filled: {filled}",
        ]
    )


def define_flags() -> None:
    """Declares the flags; with `--gin_file` they give way to its `train/utils.DatasetConfig`."""
    gin_utils.define_flags()
    flags.DEFINE_string("mixture", None, "Mixture or task, as registered with SeqIO.")
    flags.DEFINE_string("module", None, "Module that registers it.")
    flags.DEFINE_string("split", "train", "Split of its tasks.")
    flags.DEFINE_list("lengths", None, "Longest features: inputs=512,targets=512.")
    flags.DEFINE_bool("pack", True, "Put several short examples into one row.")
    flags.DEFINE_bool("use_cached", False, "Read SeqIO's offline cache.")
    flags.DEFINE_integer("seed", 0, "Of random preprocessing and of the order.")
    flags.DEFINE_integer("epochs", 1, "Passes over the task that takes longest.")
    flags.DEFINE_integer("examples", None, "Examples of an epoch; without it, whole passes.")
    flags.DEFINE_integer("open_rows", 16, "Rows that packing keeps open.")
    flags.DEFINE_integer("buckets", 128, "Buckets of the shuffle; memory holds one at a time.")
    flags.DEFINE_integer("rows_per_shard", 65536, "Records of a file.")
    flags.DEFINE_string("output", None, "Folder of the stream.")
    flags.DEFINE_string("check", None, "Read every record of a stream, and write nothing.")


def config_of_flags(values: Any) -> utils.DatasetConfig:
    """Returns the dataset that the flags describe.

    Args:
        values: has the flags of `define_flags`.

    Raises:
        ConfigError: they describe none.
    """
    if values.gin_file:
        gin_utils.parse_gin_flags(values.gin_search_paths, values.gin_file, values.gin_bindings)
        with gin_utils.gin.config_scope("train"):
            cfg = gin_utils.gin.get_configurable(utils.DatasetConfig)()
        return cfg if cfg.seed is not None else dataclasses.replace(cfg, seed=values.seed)
    if not values.mixture:
        raise ConfigError("Give --mixture and --module, or a configuration with --gin_file.")
    return utils.DatasetConfig(
        mixture_or_task_name=values.mixture,
        task_feature_lengths=parse_lengths(values.lengths or ()),
        split=values.split,
        batch_size=1,
        shuffle=False,
        seed=values.seed,
        use_cached=values.use_cached,
        pack=values.pack,
        module=values.module,
    )


def parse_lengths(parts: Sequence[str]) -> dict[str, int] | None:
    """Reads `inputs=512,targets=512`; None without any.

    Raises:
        ConfigError: it is written otherwise.

    Example:
        >>> parse_lengths(["inputs=512", "targets=256"])
        {'inputs': 512, 'targets': 256}
    """
    pairs = [part.partition("=") for part in parts]
    if not all(name and number.isdigit() for name, _, number in pairs):
        raise ConfigError(
            f"--lengths={','.join(parts)} is not understood: write it as "
            "--lengths=inputs=512,targets=512."
        )
    return {name.strip(): int(number) for name, _, number in pairs} or None


def main(argv: Sequence[str]) -> None:
    """Writes, or checks, the stream that the flags describe."""
    values = flags.FLAGS
    if len(argv) > 1:
        raise ConfigError(f"Unexpected arguments: {' '.join(argv[1:])}. See --help.")
    if values.check:
        print(table(check_stream(values.check)) + "\nEvery record is whole, every example once.")
        return
    if not values.output:
        raise ConfigError("Give the folder of the stream with --output.")
    quiet.drop_native_chatter()
    quiet.quieten_absl()
    gin_utils.set_data_folders(values)
    header = materialize(
        config_of_flags(values),
        values.output,
        epochs=values.epochs,
        examples=values.examples,
        open_rows=values.open_rows,
        buckets=values.buckets,
        rows_per_shard=values.rows_per_shard,
        say=lambda line: print(line, flush=True),
    )
    print(table(header))


if __name__ == "__main__":
    define_flags()
    gin_utils.run(main, sys.argv)
