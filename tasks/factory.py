"""The table of corpora, and the one factory that turns its rows into SeqIO tasks."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from t5chem import metrics
from t5chem.corpora.splits import SPLITS
from t5chem.vocabularies import seqio_vocabulary
from t5x.errors import ConfigError, did_you_mean
from t5x.quiet import import_seqio

seqio: Any = import_seqio()

# These need SeqIO's TensorFlow, which `import_seqio` has just silenced.
import tensorflow_datasets as tfds  # noqa: E402

from t5chem import preprocessors  # noqa: E402
from t5chem.corpora import starter  # noqa: E402,F401 - registers the builder
from t5chem.datasets import builders  # noqa: E402,F401 - registers the others
from t5chem.datasets.records import FIELDS  # noqa: E402
from t5chem.datasets.registry import all_datasets  # noqa: E402


class PreparedTfdsSource(seqio.TfdsDataSource):
    """A tensorflow-datasets source that is made when it is first asked for.

    SeqIO asks a builder for its shards before it would prepare it, which fails on a machine that
    does not have the dataset yet.
    """

    @property
    def tfds_dataset(self) -> Any:
        """The dataset's loader; its files are there."""
        loader = super().tfds_dataset
        _prepare(loader.name, loader.data_dir)
        return loader

    def rows_made(self, split: str) -> int | None:
        """Returns how many records a split has; None when they have not been made here."""
        loader = super().tfds_dataset
        splits = _builder(loader.name, loader.data_dir).info.splits
        return int(splits[split].num_examples) if split in splits else None

    def get_dataset(
        self,
        split: str | None = None,
        shuffle: bool = True,
        seed: int | None = None,
        shard_info: Any = None,
        **arguments: Any,
    ) -> Any:
        """Returns the records of a split, as SeqIO asks for them; shuffled ones with a buffer."""
        records = super().get_dataset(split, shuffle, seed, shard_info, **arguments)
        return records.shuffle(RECORDS_SHUFFLED, seed=seed) if shuffle else records


@functools.cache
def _prepare(name: str, data_dir: str | None) -> None:
    """Makes a dataset, or checks that it was made from the files that are there now."""
    _builder(name, data_dir).download_and_prepare()


def _builder(name: str, data_dir: str | None) -> Any:
    # With its version, a dataset that exists is opened by a builder that knows nothing of ours.
    return tfds.builder(name.partition(":")[0], data_dir=data_dir)


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Where the records of a corpus are.

    Attributes:
        name: first part of its tasks' names.
        records: tensorflow-datasets names by kind (`t5chem.datasets.records.FIELDS`).
        splits: that it has; None where only its files tell, which are then read when they are
            asked for.
    """

    name: str
    records: Mapping[str, str]
    splits: tuple[str, ...] | None = None


CORPORA = (
    Corpus("starter", {kind: f"starter/{kind}:1.0.0" for kind in FIELDS}, SPLITS),
    *(Corpus(name, {one.kind: f"{name}:1.0.0"}) for name, one in all_datasets().items()),
)
"""The starter corpus, the public datasets, and those of the user's own `datasets.yaml`."""

RECORDS_SHUFFLED = 2_000
"""Records a source shuffles as it reads them, besides the order that they have on disk."""

SHUFFLE_BUFFER = 64
"""Examples a task shuffles. Every one is read and tokenised before the first step, which the tasks
of a mixture wait seconds for with SeqIO's own 1,000; records are shuffled before that, cheaply."""

COPIES_SHUFFLED = 1_000
"""The same where an example's copies follow it: they are to be far apart."""

AUGMENTED = "_augm"
"""What the names of tasks and mixtures with augmented copies end with, before the vocabulary."""

VOCABULARIES: dict[str, Callable[[], Any]] = {
    "": seqio_vocabulary.chem,
    ".t5": seqio_vocabulary.t5,
    ".t5_compatible": functools.partial(seqio_vocabulary.t5, compatible=True),
    ".byte": seqio_vocabulary.byte,
    ".atoms": seqio_vocabulary.atoms,
}
"""What the names of tasks and mixtures end with, and the vocabulary that this means."""

ATOMS: Final = ".atoms"
"""Tasks of reactions alone, and without a prompt: models with this vocabulary learn one task."""


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


@dataclasses.dataclass(frozen=True)
class TaskName:
    """What the name of a task says.

    Attributes:
        corpus: name of the `Corpus`.
        task: one of `t5chem.prompts.PROMPTS`.
        augmented: whether its examples have augmented copies.
        suffix: its vocabulary, a key of `VOCABULARIES`.
    """

    corpus: str
    task: str
    augmented: bool
    suffix: str

    def __str__(self) -> str:
        ending = AUGMENTED if self.augmented else ""
        return f"{self.corpus}_{self.task}{ending}{self.suffix}"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a task is made of a corpus' records.

    Attributes:
        tfds_name: of the records.
        splits: of the corpus.
        task: one of `t5chem.prompts.PROMPTS`.
        inputs: the record's fields that ask.
        targets: the record's fields that answer.
        augmented: whether its examples have augmented copies.
    """

    tfds_name: str
    splits: tuple[str, ...] | None
    task: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    augmented: bool


RECIPES: dict[str, Recipe] = {}
"""How each of our tasks is made, by its name."""


def register(task: str, kind: str, inputs: Sequence[str], targets: Sequence[str]) -> list[TaskName]:
    """Registers a task for every corpus that has records of its kind, in every vocabulary.

    Args:
        task: one of `t5chem.prompts.PROMPTS`.
        kind: of the records.
        inputs: the record's fields that ask.
        targets: the record's fields that answer.

    Returns:
        Names of the tasks: each plain, and with augmented copies.
    """
    names = []
    for corpus, augmented in itertools.product(CORPORA, (False, True)):
        if kind not in corpus.records:
            continue
        recipe = Recipe(
            corpus.records[kind], corpus.splits, task, tuple(inputs), tuple(targets), augmented
        )
        for suffix in vocabularies_of(kind):
            name = TaskName(corpus.name, task, augmented, suffix)
            RECIPES[str(name)] = recipe
            prompt = "" if suffix == ATOMS else None
            _add(str(name), recipe, output_features(suffix), [metrics.SCORERS[task]], prompt)
            names.append(name)
    return names


def vocabularies_of(kind: str) -> list[str]:
    """Returns the suffixes, of `VOCABULARIES`, that tasks of a kind of record come in."""
    return [suffix for suffix in VOCABULARIES if suffix != ATOMS or kind == "reactions"]


def variant(
    name: str,
    like: str,
    *,
    vocabulary: Any = None,
    prompt: str | None = None,
    metric_fns: Sequence[Callable[..., Any]] | None = None,
    chemistry_vocabulary: Any = None,
) -> Any:
    """Registers a task that differs from one of ours, and returns it.

    Args:
        name: of the new task.
        like: one of ours, such as 'chebi20_text2mol'; its records are read.
        vocabulary: a `seqio.Vocabulary` of inputs and targets; None: that of `like`.
        prompt: put before every input; None: that of `like`.
        metric_fns: SeqIO's metrics, functions of targets and predictions; None: those of `like`.
        chemistry_vocabulary: a `seqio.Vocabulary` in which the feature `inputs_chemistry` holds the
            input once more (`t5chem.two_sequences`); None: there is no such feature.

    Raises:
        ConfigError: `like` is none of our tasks, or the name is taken.

    Example:
        >>> variant("terse", "starter_text2mol", prompt="SMILES of: ").name
        'terse'
    """
    if like not in RECIPES:
        raise ConfigError(f"There is no task {like!r} to vary.{did_you_mean(like, RECIPES)}")
    if name in [*seqio.TaskRegistry.names(), *seqio.MixtureRegistry.names()]:
        raise ConfigError(f"The name {name!r} is taken: give the variant another one.")
    ours = seqio.TaskRegistry.get(like)
    features = {
        feature: seqio.Feature(vocabulary=vocabulary or one.vocabulary, add_eos=True)
        for feature, one in ours.output_features.items()
    }
    if chemistry_vocabulary is not None:
        features[preprocessors.CHEMISTRY_INPUTS] = seqio.Feature(
            vocabulary=chemistry_vocabulary, add_eos=True
        )
    scorers = ours.metric_fns if metric_fns is None else list(metric_fns)
    return _add(name, RECIPES[like], features, scorers, prompt)


def _add(
    name: str,
    recipe: Recipe,
    features: Mapping[str, Any],
    metric_fns: Sequence[Callable[..., Any]],
    prompt: str | None = None,
) -> Any:
    return seqio.TaskRegistry.add(
        name,
        source=PreparedTfdsSource(tfds_name=recipe.tfds_name, splits=recipe.splits),
        preprocessors=[
            *preprocessors.ask(
                recipe.task, recipe.inputs, recipe.targets, recipe.augmented, prompt
            ),
            *([preprocessors.ask_twice] if preprocessors.CHEMISTRY_INPUTS in features else []),
            seqio.preprocessors.tokenize,
            seqio.CacheDatasetPlaceholder(),
            seqio.preprocessors.append_eos_after_trim,
        ],
        output_features=features,
        shuffle_buffer_size=COPIES_SHUFFLED if recipe.augmented else SHUFFLE_BUFFER,
        metric_fns=metric_fns,
    )
