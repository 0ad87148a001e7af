"""Pre-training: texts and SMILES of every corpus, learned by span corruption (T5's denoising).

Tasks are `<corpus>_denoise_<what>`, such as `starter_denoise_descriptions`; mixtures are
`<corpus>_denoise_text` and `<corpus>_denoise_smiles`, one domain at equal rates, and
`<corpus>_denoise`, the two domains 1:1, as MolT5 is trained.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator

from tasks.factory import (
    CORPORA,
    SHUFFLE_BUFFER,
    Corpus,
    PreparedTfdsSource,
    output_features,
    preprocessors,
    seqio,
    vocabularies_of,
)


@dataclasses.dataclass(frozen=True)
class Texts:
    """Texts that a model learns by heart, with gaps.

    Attributes:
        name: of them, the end of the task's.
        domain: 'text' or 'smiles'.
        kind: of the records.
        fields: of a record; those of several are merged.
    """

    name: str
    domain: str
    kind: str
    fields: tuple[str, ...]


TEXTS = (
    Texts("descriptions", "text", "molecules", ("description",)),
    Texts("paragraphs", "text", "procedures", ("paragraph",)),
    Texts("molecules", "smiles", "molecules", ("smiles",)),
    Texts("products", "smiles", "reactions", ("products",)),
    Texts("precursors", "smiles", "reactions", ("reactants", "reagents")),
)


def _add_all() -> None:
    for corpus in CORPORA:
        for suffix in vocabularies_of("molecules"):
            _add_mixtures(corpus, suffix, list(_add_tasks(corpus, suffix)))


def _add_tasks(corpus: Corpus, suffix: str) -> Iterator[tuple[str, str]]:
    """Registers the tasks of a corpus and yields (domain, name) of each."""
    for texts in TEXTS:
        if texts.kind not in corpus.records:
            continue
        name = f"{corpus.name}_denoise_{texts.name}{suffix}"
        seqio.TaskRegistry.add(
            name,
            source=PreparedTfdsSource(tfds_name=corpus.records[texts.kind], splits=corpus.splits),
            preprocessors=[
                preprocessors.text_of(texts.fields),
                seqio.preprocessors.tokenize,
                seqio.CacheDatasetPlaceholder(),
                preprocessors.corrupt_spans,
                seqio.preprocessors.append_eos_after_trim,
            ],
            output_features=output_features(suffix),
            shuffle_buffer_size=SHUFFLE_BUFFER,
            metric_fns=[],
        )
        yield texts.domain, name


def _add_mixtures(corpus: Corpus, suffix: str, tasks: list[tuple[str, str]]) -> None:
    """Registers a mixture a domain, and one of both, in which each domain has the rate 1."""
    domains = collections.defaultdict(list)
    for domain, name in tasks:
        domains[domain].append(name)
    rates: dict[str, float] = {}
    for domain, names in domains.items():
        seqio.MixtureRegistry.add(
            f"{corpus.name}_denoise_{domain}{suffix}", names, default_rate=1.0
        )
        rates |= {name: 1 / len(names) for name in names}
    seqio.MixtureRegistry.add(f"{corpus.name}_denoise{suffix}", list(rates.items()))


_add_all()
