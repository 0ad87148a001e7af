"""Mixtures: all tasks of a corpus at equal rates, as the paper trains them, and one a domain."""

from tasks import mol2mol, mol2text, text2mol, text2text
from tasks.factory import CORPORA, seqio

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


for _corpus in CORPORA:
    _own = {
        domain: [task for task in tasks if task.startswith(f"{_corpus.name}_")]
        for domain, tasks in DOMAINS.items()
    }
    _add(_corpus.name, [task for tasks in _own.values() for task in tasks])
    for _domain, _tasks in _own.items():
        _add(f"{_corpus.name}_{_domain}", _tasks)
