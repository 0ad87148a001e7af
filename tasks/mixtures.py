"""Mixtures: all tasks of a corpus at equal rates, as the paper trains them, and one a domain."""

from tasks import mol2mol, mol2text, text2mol, text2text
from tasks.factory import CORPORA, VOCABULARIES, seqio

DOMAINS = {
    "text2mol": text2mol.TASKS,
    "mol2text": mol2text.TASKS,
    "mol2mol": mol2mol.TASKS,
    "text2text": text2text.TASKS,
}


def _add(name: str, tasks: list[str]) -> None:
    # A domain of one task would bear the task's own name; SeqIO keeps them in separate registries,
    # but one name must mean one thing.
    if tasks and tasks != [name]:
        seqio.MixtureRegistry.add(name, tasks, default_rate=1.0)


def _belongs(task: str, corpus: str, suffix: str) -> bool:
    name, dot, vocabulary = task.partition(".")
    return name.startswith(f"{corpus}_") and dot + vocabulary == suffix


def _add_all(corpus: str, suffix: str) -> None:
    own = {
        domain: [task for task in tasks if _belongs(task, corpus, suffix)]
        for domain, tasks in DOMAINS.items()
    }
    _add(corpus + suffix, [task for tasks in own.values() for task in tasks])
    for domain, tasks in own.items():
        _add(f"{corpus}_{domain}{suffix}", tasks)


for _corpus in CORPORA:
    for _suffix in VOCABULARIES:
        _add_all(_corpus.name, _suffix)
