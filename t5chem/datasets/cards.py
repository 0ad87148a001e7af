"""Cards of the package's datasets, as `docs/datasets.md` holds them.

python -m t5chem.datasets.cards > docs/datasets.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from t5chem.datasets.dataset import PROBLEMS, Dataset, SourceFile
from t5chem.datasets.records import FIELDS
from t5chem.datasets.registry import built_in

_INTRODUCTION: Final = """\
# Datasets

Public data as records that the tasks ask and answer. Nothing is downloaded: place the files of a
dataset in a folder and build it.

```
mkdir -p data/chebi20 && cp .../test.txt .../validation.txt .../train.txt data/chebi20/
python -m t5chem.datasets.build chebi20 --manual_dir data
```

Where Apache Beam and mlcroissant are installed, `tfds build --imports t5chem.datasets.builders
chebi20 --manual_dir data` does the same. A task that is asked for its examples builds what is not
there yet.

Files are looked for in the dataset's folder within `--manual_dir`, and then in that itself; without
the option in `downloads/manual` of tensorflow-datasets' data folder, by default
`~/tensorflow_datasets/downloads/manual`. A message says what is missing and where it is published.
Your own tables need no builder: see [data.md](data.md). What a small run on some of these reaches
stands in [real_run.md](real_run.md).

**Records.** All values are text.

| kind | fields |
|---|---|
{kinds}
`id` comes besides: split and row in the file, and what the source calls it (`test-2-5354212`).

**What is checked.** Every file: that it is there, whole, UTF-8, and has the columns it should.
Every row: number of columns, empty fields, doubled backslashes (halved), SMILES that RDKit does not
accept, duplicates, molecules on two sides of the split, and molecules or descriptions that another
dataset validates or tests with. Two molecules are the same when their canonical isomeric SMILES
are; of a reaction the product is compared, of a procedure the paragraph. The report is printed and
stays beside the dataset as `validation.json`, with file and row of the first few of each kind.

A row that cannot be read is dropped and counted. Of what else is wrong, rows of train are dropped
where the card says so; rows of validation and test, by which models are compared, are counted and
stay. When a split does not have the rows of its card, nothing is made. Rows are held in memory
while they are compared: about a gigabyte for a million reactions.

*Rows* are those kept of the files whose SHA-256 are given; "-" stands where there are none, or
where the files were not at hand. A licence is as its publishers state it; that of a repository need
not be that of the data in it.

| dataset | kind | train | validation | test |
|---|---|---|---|---|
"""

_SPLITS: Final = ("train", "validation", "test")


def page(datasets: Iterable[Dataset]) -> str:
    """Returns the cards of datasets as a page of Markdown."""
    datasets = list(datasets)
    kinds = "".join(
        f"| {kind} | {', '.join(f'`{name}`' for name in names)} |\n"
        for kind, names in FIELDS.items()
    )
    rows = "".join(_summary(dataset) for dataset in datasets)
    cards = "\n".join(card(dataset) for dataset in datasets)
    return f"{_INTRODUCTION.replace('{kinds}', kinds)}{rows}\n{cards}"


def card(dataset: Dataset) -> str:
    """Returns the card of a dataset as a section of Markdown."""
    return "\n".join(_card(dataset)) + "\n"


def _card(dataset: Dataset) -> Iterator[str]:
    yield f"## {dataset.name}\n"
    yield f"{dataset.title}. {dataset.notes}\n"
    yield f"- Kind: {dataset.kind}"
    if dataset.homepage:
        yield f"- Homepage: {dataset.homepage}"
    yield f"- Licence: {dataset.licence}"
    if dataset.citation:
        yield f"- Citation: {dataset.citation}"
    yield f"- Rows: {_counts(dataset)}"
    yield f"- Dropped from train: {_drops(dataset)}"
    yield f"- Files, in `{dataset.folder or dataset.name}/`:"
    yield from (f"  - {_file(file)}" for file in dataset.files)


def _summary(dataset: Dataset) -> str:
    counts = " | ".join(_count(dataset, split) for split in _SPLITS)
    return f"| [{dataset.name}](#{dataset.name}) | {dataset.kind} | {counts} |\n"


def _count(dataset: Dataset, split: str) -> str:
    return f"{dataset.counts[split]:,}" if split in dataset.counts else "-"


def _counts(dataset: Dataset) -> str:
    known = [f"{split} {_count(dataset, split)}" for split in _SPLITS if split in dataset.counts]
    return ", ".join(known) if known else "not measured here"


def _drops(dataset: Dataset) -> str:
    names = " and ".join(dataset.held_out_from)
    dropped = [problem for problem in PROBLEMS if problem in dataset.drops]
    if not dataset.held_out_from:
        dropped = [problem for problem in dropped if problem != "held out elsewhere"]
    said = [f"{one} ({names})" if one == "held out elsewhere" else one for one in dropped]
    text = ", ".join(said) if said else "nothing but rows that cannot be read"
    if dataset.held_out_from and "held out elsewhere" not in dataset.drops:
        text += f"; rows held out in {names} are counted where its files are there"
    return text


def _file(file: SourceFile) -> str:
    names = " or ".join(f"`{name}`" for name in (file.name, *file.alternatives))
    parts = [names]
    if not file.required:
        parts.append("not required")
    if file.url:
        parts.append(f"<{file.url}>" if " " not in file.url else file.url)
    if file.sha256:
        parts.append(f"SHA-256 `{file.sha256}`")
    return ", ".join(parts)


if __name__ == "__main__":
    print(page(built_in().values()), end="")
