"""Predicts or scores a data set: `python -m t5x.infer --gin_file=gin/infer.gin`."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from t5x import gin_utils, hosts, utils
from t5x.chunks import ChunkedOutput, merge_chunks
from t5x.config_checks import check_checkpoints, check_folder, check_inference
from t5x.data import input_shapes, tf
from t5x.errors import ConfigError, RunError
from t5x.inference import BatchInferFn, decode_tokens, get_batch_infer_fn, unzip_aux
from t5x.metric_writing import to_json_number
from t5x.models import EncoderDecoderModel
from t5x.optimizers import Tree
from t5x.partitioning import PjitPartitioner
from t5x.progress import Progress
from t5x.restoring import NoOptimizer, restored_states

MODES = ("predict", "score", "predict_with_aux")

Example = Mapping[str, Any]
Inferences = tuple[Sequence[Any], Mapping[str, Sequence[Any]]]
"""One prediction (token ids) or score a row, and auxiliary values by name, one a row each."""

Writer = Callable[[Sequence[Example], list[Any]], Callable[[str], None]]
"""From examples and their results to a function that writes them to a path."""


def write_inferences_to_file(
    path: str,
    inferences: Inferences,
    examples: Iterable[Example],
    mode: str,
    vocabulary: Any,
) -> None:
    """Writes a JSON line a row: `{"inputs": {...}, "prediction": ..., "aux": {...}}` or `"score"`.

    `inputs` holds the example's texts, and its numbers where there is no text of them.

    Args:
        path: of the file.
        inferences: results of the model.
        examples: what they are the results for.
        mode: of `infer`.
        vocabulary: decodes predictions.
    """
    results, aux = inferences
    with open(path, "w", encoding="utf-8") as file:
        for row, (example, result) in enumerate(zip(examples, results, strict=True)):
            line: dict[str, Any] = {"inputs": _readable(example)}
            if mode == "score":
                line["score"] = _to_json(result)
            else:
                line["prediction"] = decode_tokens(vocabulary, result)
            if aux:
                line["aux"] = {name: _to_json(values[row]) for name, values in aux.items()}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def infer(
    *,
    mode: str,
    model: EncoderDecoderModel,
    dataset_cfg: utils.DatasetConfig,
    restore_checkpoint_cfg: utils.RestoreCheckpointConfig,
    partitioner: PjitPartitioner,
    output_dir: str,
    checkpoint_period: int,
    shard_id: int = 0,
    num_shards: int = 1,
    merge_chunked_results: bool = True,
    write_fn: Callable[..., None] = write_inferences_to_file,
    checkpoint_ds_iter: bool = True,
    train_state_initializer_cls: Callable[..., Any] = utils.TrainStateInitializer,
    fallback_init_rng: int | None = None,
    merge_fn: Callable[[Sequence[str], str], None] = merge_chunks,
    summarize_config_fn: Callable[..., None] = gin_utils.summarize_gin_config,
    output_vocab_feature_name: str = "targets",
    file_extension: str = "jsonl",
    keep_aux_as_numpy: bool = False,
    use_orbax: bool = True,
) -> list[str]:
    """Predicts or scores every example of each task's split, in order.

    Each task's result is `output_dir/<task>-<mode>.<extension>-<shard>-of-<shards>`, beside an
    empty file of that name with `.COMPLETED` after it. An interrupted run started again goes on
    after its last finished chunk, and gives the same file. Several hosts infer each batch together,
    and the first writes.

    Args:
        mode: 'predict', 'score', or 'predict_with_aux' (predictions with their scores).
        model: predicts and scores.
        dataset_cfg: examples; `task_feature_lengths=None` means the longest of a task.
        restore_checkpoint_cfg: the checkpoint.
        partitioner: which device holds what.
        output_dir: where everything is written.
        checkpoint_period: batches a chunk.
        shard_id: which part of the examples this run infers: those whose number leaves this rest
            when divided by `num_shards`.
        num_shards: runs that share the work.
        merge_chunked_results: merge the chunks into one file; otherwise they stay in
            `<result>.chunks`.
        write_fn: called with `(path, inferences, examples, mode, vocabulary)` for each chunk.
        checkpoint_ds_iter: accepted for T5X's sake: finished rows are always passed over.
        train_state_initializer_cls: makes the state that is restored.
        fallback_init_rng: seed of random parameters where `restore_checkpoint_cfg` allows them.
        merge_fn: called with `(paths of the chunks, path of the result)`.
        summarize_config_fn: called with `(output_dir, None, 0)`.
        output_vocab_feature_name: the task's feature whose vocabulary decodes predictions.
        file_extension: of the results' names.
        keep_aux_as_numpy: give `write_fn` the auxiliary values as numpy arrays, not as lists.
        use_orbax: accepted for T5X's sake: the layout of a checkpoint is recognised.

    Returns:
        Paths of the results, one a task.

    Raises:
        ConfigError: the configuration contradicts itself, the data or an unfinished run.
        RunError: the user interrupted it.
    """
    _check(mode, dataset_cfg, shard_id, num_shards)
    check_folder(output_dir, "INFER_OUTPUT_DIR")
    tasks = check_inference(dataset_cfg, model, partitioner)
    suffix = f"{mode}.{file_extension}-{shard_id:05d}-of-{num_shards:05d}"
    outputs = [
        (task, ChunkedOutput(os.path.join(output_dir, f"{task.name}-{suffix}"))) for task in tasks
    ]
    complete = hosts.from_first([output.path for _, output in outputs if output.is_complete])
    unfinished = [(task, output) for task, output in outputs if output.path not in complete]
    log = hosts.output()
    for path in complete:
        print(f"Complete already, nothing to do: {path}", flush=True, file=log)
    if not unfinished:
        return [output.path for _, output in outputs]
    check_checkpoints(restore_checkpoint_cfg)
    summarize_config_fn(output_dir, None, 0)

    # -------------------------------------------------------------------- data
    data = [_TaskData(task, dataset_cfg, model, shard_id, num_shards) for task, _ in unfinished]
    initializer = train_state_initializer_cls(
        optimizer_def=NoOptimizer(),
        init_fn=model.get_initial_variables,
        input_shapes=data[0].input_shapes,
        partitioner=partitioner,
    )

    # ------------------------------------------------------------------- model
    states = list(
        itertools.islice(restored_states(initializer, restore_checkpoint_cfg, fallback_init_rng), 2)
    )
    if len(states) > 1:
        raise ConfigError(
            "Inference takes one checkpoint: set CHECKPOINT_PATH to one path, and "
            "RestoreCheckpointConfig.mode to 'specific' or 'latest'.",
            "CHECKPOINT_PATH",
            "RestoreCheckpointConfig.mode",
        )
    ((origin, state),) = states
    print(f"\nStep {int(state.step)}, from {origin}", flush=True, file=log)
    infer_batch = _infer_fn(mode, model, dataset_cfg, partitioner)

    # -------------------------------------------------------------------- loop
    chunk_rows = checkpoint_period * dataset_cfg.batch_size
    for part, (task, output) in zip(data, unfinished, strict=True):
        settings = {
            **part.settings,
            "rows of a chunk": chunk_rows,
            "batch size": dataset_cfg.batch_size,
            "checkpoint": f"{restore_checkpoint_cfg.path}, step {int(state.step)}",
            **_configuration(),
        }
        done = _begin(output, settings)
        again = f", of which {done * chunk_rows} are done" if done else ""
        print(f"{task.name}: {part.rows} rows{again}", flush=True, file=log)
        vocabulary = task.output_features[output_vocab_feature_name].vocabulary
        write = _writer(mode, write_fn, vocabulary, keep_aux_as_numpy)
        _infer_task(part, output, done, chunk_rows, infer_batch, state.params, write)
        num_chunks = -(-part.rows // chunk_rows)
        if hosts.is_first():
            output.finish(num_chunks, merge_fn if merge_chunked_results else None)
            print(f"Written: {output.path if merge_chunked_results else output.folder}", flush=True)
    return [output.path for _, output in outputs]


def _begin(output: ChunkedOutput, settings: Mapping[str, Any]) -> int:
    """Returns how many chunks are done: the first host looks, the others learn from it."""
    return hosts.from_first(output.begin(settings) if hosts.is_first() else None)


def _writer(
    mode: str, write_fn: Callable[..., None], vocabulary: Any, keep_aux_as_numpy: bool
) -> Writer:
    """Binds `write_fn` to what is the same for all chunks."""

    def for_chunk(examples: Sequence[Example], results: list[Any]) -> Callable[[str], None]:
        values, aux = unzip_aux(results) if mode == "predict_with_aux" else (results, {})
        if not keep_aux_as_numpy:
            aux = jax.tree.map(lambda x: np.asarray(x).tolist(), aux)
        return lambda path: write_fn(path, (values, aux), examples, mode, vocabulary)

    return for_chunk


class _TaskData:
    """One task's examples and model features, for this shard.

    Args:
        task: a SeqIO task.
        cfg: of the data.
        model: has the feature converter.
        shard_id: as for `infer`.
        num_shards: likewise.
    """

    def __init__(
        self,
        task: Any,
        cfg: utils.DatasetConfig,
        model: EncoderDecoderModel,
        shard_id: int,
        num_shards: int,
    ) -> None:
        examples = task.get_dataset(
            sequence_length=dict(cfg.task_feature_lengths) if cfg.task_feature_lengths else None,
            split=cfg.split,
            use_cached=cfg.use_cached,
            shuffle=cfg.shuffle,
            seed=cfg.seed or 0,
            num_epochs=1,
            trim_output_features=cfg.trim_output_features,
        )
        converter = model.FEATURE_CONVERTER_CLS(pack=False)
        total, longest = _measure(examples, converter.TASK_FEATURES)
        lengths = {**longest, **(cfg.task_feature_lengths or {})}
        features = converter(examples, lengths)
        # The pipeline runs twice, with the same seed: as texts to write, as numbers to compute on.
        self._dataset = tf.data.Dataset.zip((examples, features)).shard(num_shards, shard_id)
        self._batch_size = cfg.batch_size
        self.rows = -(-(total - shard_id) // num_shards)
        self.input_shapes = input_shapes(features.batch(1), cfg.batch_size)
        self.settings = {
            "rows": self.rows,
            "feature lengths": lengths,
            "split": cfg.split,
            "seed": cfg.seed,
            "shuffle": cfg.shuffle,
        }

    def batches(self, start: int) -> Iterator[list[tuple[Example, Example]]]:
        """Yields batches of (example, model features) from row `start` on."""
        rows = iter(self._dataset.skip(start).prefetch(tf.data.AUTOTUNE).as_numpy_iterator())
        while batch := list(itertools.islice(rows, self._batch_size)):
            yield batch


def _measure(dataset: Any, features: Iterable[str]) -> tuple[int, dict[str, int]]:
    """Returns the number of examples and the longest of each feature."""
    count, longest = 0, dict.fromkeys(features, 1)
    for example in dataset.as_numpy_iterator():
        count += 1
        for name in longest:
            longest[name] = max(longest[name], len(example.get(name, ())))
    return count, longest


def _infer_task(
    data: _TaskData,
    output: ChunkedOutput,
    done: int,
    chunk_rows: int,
    infer_batch: BatchInferFn,
    params: Tree,
    write: Writer,
) -> None:
    """Infers the chunks that are missing."""
    row = min(done * chunk_rows, data.rows)
    progress = Progress(row, data.rows, hosts.output(), unit="row")
    examples: list[Example] = []
    results: list[Any] = []
    try:
        for batch in data.batches(start=row):
            features = {name: np.stack([f[name] for _, f in batch]) for name in batch[0][1]}
            results += infer_batch(params, features, row)
            examples += [example for example, _ in batch]
            row += len(batch)
            progress.update(row, {})
            if row % chunk_rows == 0 or row == data.rows:
                index = (row - 1) // chunk_rows
                if hosts.is_first():
                    output.write_chunk(index, write(examples, results))
                examples, results = [], []
    except KeyboardInterrupt:
        raise RunError(
            f"Interrupted at row {row} of {data.rows}. Finished chunks of {chunk_rows} rows are "
            f"kept in {output.folder}: the same command goes on after them."
        ) from None
    finally:
        progress.close()


def _infer_fn(
    mode: str, model: EncoderDecoderModel, cfg: utils.DatasetConfig, partitioner: PjitPartitioner
) -> BatchInferFn:
    steps: dict[str, Callable[..., Any]] = {
        "predict": model.predict_batch,
        "score": model.score_batch,
        "predict_with_aux": model.predict_batch_with_aux,
    }
    rng = None if mode == "score" else jax.random.key(cfg.seed or 0)
    return get_batch_infer_fn(steps[mode], cfg.batch_size, partitioner, rng=rng)


def _check(mode: str, cfg: utils.DatasetConfig, shard_id: int, num_shards: int) -> None:
    if mode not in MODES:
        raise ConfigError(f"infer.mode {mode!r} is none of {', '.join(MODES)}.", "infer.mode")
    if cfg.pack:
        raise ConfigError(
            "DatasetConfig.pack is True: set it to False, each row has its own prediction.",
            "DatasetConfig.pack",
        )
    if not 0 <= shard_id < num_shards:
        raise ConfigError(
            f"infer.shard_id {shard_id} is not below num_shards {num_shards}: count from 0.",
            "infer.shard_id",
            "infer.num_shards",
        )


def _configuration() -> dict[str, str]:
    """Returns the bindings of gin by name."""
    lines = gin_utils.gin.config_str(max_line_length=10_000).splitlines()
    pairs = (line.split(" = ", 1) for line in lines if not line.startswith("#"))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _readable(example: Example) -> dict[str, Any]:
    """Leaves out the ids of what is there as text."""
    return {
        name: _to_json(value)
        for name, value in example.items()
        if f"{name}_pretokenized" not in example
    }


def _to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, np.ndarray | np.generic):
        return _to_json(value.tolist())
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    return to_json_number(value) if isinstance(value, float) else value


def main(argv: Sequence[str]) -> None:
    """Parses the configuration and infers."""
    gin_utils.run_configured(infer, argv, "gin/infer.gin")


if __name__ == "__main__":
    gin_utils.define_flags()
    gin_utils.run(main, sys.argv)
