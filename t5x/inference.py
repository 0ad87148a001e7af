"""Predictions and scores of batches of any number of rows, on any mesh.

Importable without TensorFlow, SeqIO and gin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from t5x.models import Batch
from t5x.optimizers import Tree
from t5x.partitioning import Partitioned, PjitPartitioner

BatchInferFn = Callable[[Tree, Batch, int], list[Any]]
"""From (parameters, batch, number of its first row) to one result a row."""


def get_batch_infer_fn(
    infer_step: Callable[..., Any],
    batch_size: int,
    partitioner: PjitPartitioner,
    params_sharding: Any = None,
    rng: Array | None = None,
) -> BatchInferFn:
    """Returns a function from a batch of at most `batch_size` rows to one result a row.

    A batch with fewer rows is filled with copies of its first one, whose results are dropped: every
    batch has one shape, no row is lost, and no host waits for another. Each device takes the rows
    that the mesh gives it, so that results keep their order on any mesh.

    Args:
        infer_step: `model.predict_batch`, `model.score_batch` or their kind.
        batch_size: rows of a full batch; a multiple of the mesh's data axis.
        partitioner: where arrays live.
        params_sharding: of the parameters; as they are when None.
        rng: for sampling: passed to `infer_step` after folding the number of the batch's first row
            into it, so that a row's prediction does not depend on where a run began. None passes
            none.

    Returns:
        `(params, batch, first_row) -> [result, ...]`. A result has the structure of what
        `infer_step` returns, without the batch axis. On several hosts, each gives the same batch
        and gets all results.
    """
    partitioner.get_data_layout(batch_size)  # refuses what does not divide
    step = infer_program(infer_step, partitioner, params_sharding, rng)

    def infer(params: Tree, batch: Batch, first_row: int) -> list[Any]:
        count = len(next(iter(batch.values())))
        full = {name: _fill(x, batch_size) for name, x in batch.items()}
        outputs = step(params, partitioner.shard_whole_batch(full), np.int32(first_row))
        outputs = jax.device_get(outputs)
        return [jax.tree.map(lambda x, row=row: x[row], outputs) for row in range(count)]

    return infer


def infer_program(
    infer_step: Callable[..., Any],
    partitioner: PjitPartitioner,
    params_sharding: Any = None,
    rng: Array | None = None,
) -> Partitioned:
    """Returns the program of `get_batch_infer_fn`: `(params, batch, first_row) -> results`.

    Args:
        infer_step: as there.
        partitioner: as there.
        params_sharding: as there.
        rng: as there.
    """

    def run(params: Tree, batch: Batch, first_row: Array) -> Any:
        if rng is None:
            return infer_step(params, batch)
        return infer_step(params, batch, jax.random.fold_in(rng, first_row))

    return partitioner.partition(
        run,
        in_axis_resources=(params_sharding, partitioner.data_sharding, None),
        out_axis_resources=partitioner.replicated,
    )


def _fill(x: np.ndarray, rows: int) -> np.ndarray:
    missing = rows - x.shape[0]
    return np.concatenate([x, np.repeat(x[:1], missing, axis=0)]) if missing else x


def unzip_aux(results: Iterable[tuple[Any, Mapping[str, Any]]]) -> tuple[list, dict[str, list]]:
    """Separates predictions from auxiliary values.

    Example:
        >>> unzip_aux([("a", {"scores": 1.0}), ("b", {"scores": 2.0})])
        (['a', 'b'], {'scores': [1.0, 2.0]})
    """
    predictions, aux_values = [], []
    for prediction, aux in results:
        predictions.append(prediction)
        aux_values.append(aux)
    names = aux_values[0] if aux_values else {}
    return predictions, {name: [aux[name] for aux in aux_values] for name in names}


def decode_tokens(vocabulary: Any, tokens: np.ndarray) -> str | list[str]:
    """Returns the text of predicted tokens, up to EOS.

    Args:
        vocabulary: has `decode(ids)`, as SeqIO's do.
        tokens: `[length]`, or `[decodes, length]` for a list of texts.
    """
    if tokens.ndim > 1:
        return [vocabulary.decode(row.tolist()) for row in tokens]
    return vocabulary.decode(tokens.tolist())
