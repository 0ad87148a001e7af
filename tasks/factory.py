"""The table of corpora, and the one factory that turns its rows into SeqIO tasks."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

from t5chem import metrics
from t5chem.corpora.splits import SPLITS
from t5chem.vocabularies import seqio_vocabulary
from t5x.quiet import import_seqio

seqio: Any = import_seqio()

# Both need SeqIO's TensorFlow, which `import_seqio` has just silenced.
from t5chem import preprocessors  # noqa: E402
from t5chem.corpora import starter  # noqa: E402,F401 - registers the builder


class PreparedTfdsSource(seqio.TfdsDataSource):
    """A tensorflow-datasets source that is made when it is first asked for.

    SeqIO asks a builder for its shards before it would prepare it, which fails on a machine that
    does not have the dataset yet.
    """

    @property
    def tfds_dataset(self) -> Any:
        """The dataset's loader; its files are there."""
        loader = super().tfds_dataset
        loader.builder.download_and_prepare()
        return loader


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Where the records of a corpus' kinds are, as tensorflow-datasets names.

    Attributes:
        name: first part of its tasks' names.
        molecules: records with `smiles` and `description`.
        reactions: records with `reactants`, `reagents` and `products`.
        procedures: records with `paragraph` and `actions`.
    """

    name: str
    molecules: str | None = None
    reactions: str | None = None
    procedures: str | None = None


CORPORA = (
    Corpus(
        "starter",
        molecules="starter/molecules:1.0.0",
        reactions="starter/reactions:1.0.0",
        procedures="starter/procedures:1.0.0",
    ),
)


SHUFFLE_BUFFER = 256
"""Examples a task shuffles. tensorflow-datasets has shuffled the records on disk; SeqIO's own 1,000
are read and tokenised before the first step, which five tasks wait seconds for."""

VOCABULARIES: dict[str, Callable[[], Any]] = {
    "": seqio_vocabulary.chem,
    ".t5": seqio_vocabulary.t5,
    ".t5_compatible": functools.partial(seqio_vocabulary.t5, compatible=True),
    ".byte": seqio_vocabulary.byte,
}
"""What the names of tasks and mixtures end with, and the vocabulary that this means."""


@functools.cache
def output_features(suffix: str) -> dict[str, Any]:
    """Returns the features of a task: text, EOS appended.

    Args:
        suffix: of its name, from `VOCABULARIES`.
    """
    vocabulary = VOCABULARIES[suffix]()
    return {
        name: seqio.Feature(vocabulary=vocabulary, add_eos=True) for name in ("inputs", "targets")
    }


def register(task: str, kind: str, inputs: Sequence[str], targets: Sequence[str]) -> list[str]:
    """Registers a task for every corpus that has records of its kind, in every vocabulary.

    Args:
        task: one of `t5chem.prompts.PROMPTS`.
        kind: a field of `Corpus`.
        inputs: the record's fields that ask.
        targets: the record's fields that answer.

    Returns:
        Names of the tasks.
    """
    return [
        _register_one(corpus, suffix, task, kind, inputs, targets)
        for suffix in VOCABULARIES
        for corpus in CORPORA
        if getattr(corpus, kind) is not None
    ]


def _register_one(
    corpus: Corpus, suffix: str, task: str, kind: str, inputs: Sequence[str], targets: Sequence[str]
) -> str:
    name = f"{corpus.name}_{task}{suffix}"
    seqio.TaskRegistry.add(
        name,
        source=PreparedTfdsSource(tfds_name=getattr(corpus, kind), splits=SPLITS),
        preprocessors=[
            preprocessors.ask(task, inputs, targets),
            seqio.preprocessors.tokenize,
            seqio.CacheDatasetPlaceholder(),
            seqio.preprocessors.append_eos_after_trim,
        ],
        output_features=output_features(suffix),
        shuffle_buffer_size=SHUFFLE_BUFFER,
        metric_fns=[metrics.SCORERS[task]],
    )
    return name
