"""The datasets as tensorflow-datasets builders: `import t5chem.datasets.builders` registers them.

    python -m t5chem.datasets.build chebi20 --manual_dir FOLDER

does what `tfds build --imports t5chem.datasets.builders ...` does where Apache Beam and mlcroissant
are installed.

There is a builder for every dataset of `registry.all_datasets`, the user's own included. What
became of the rows is printed, and written to `validation.json` beside the dataset. This is the only
module of the package that needs TensorFlow.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import tensorflow_datasets as tfds

from t5chem.datasets.dataset import Dataset, Row
from t5chem.datasets.manual import load, made_from
from t5chem.datasets.records import FIELDS
from t5chem.datasets.registry import all_datasets
from t5x.errors import ConfigError

REPORT: Final = "validation.json"
_ENTRY: Final = "its columns or options"


class DatasetBuilder(
    tfds.core.GeneratorBasedBuilder,
    skip_registration=True,  # type: ignore[call-arg]
):
    """Makes a dataset from the files that a person has placed.

    Attributes:
        DATASET: what is made.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}  # noqa: RUF012 - tfds reads a plain dict
    DATASET: ClassVar[Dataset]
    _manual: Path

    def download_and_prepare(self, **kwargs: Any) -> None:
        """Reads the files and writes the rows; the report instead of TFDS's many lines.

        Args:
            **kwargs: as tensorflow-datasets has them; its `download_config.manual_dir` is the
                folder with the files, by default `downloads/manual` in the data folder.

        Raises:
            ConfigError: files are missing, cannot be read or are not the published ones, or the
                dataset was made before from other files.
        """
        config, downloads = kwargs.get("download_config"), kwargs.get("download_dir")
        default = Path(downloads or Path(self.data_dir).parents[1] / "downloads") / "manual"
        self._manual = Path(getattr(config, "manual_dir", None) or default).expanduser()
        self._check_made_from()
        tfds.disable_progress_bar()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                super().download_and_prepare(**kwargs)
        finally:
            tfds.enable_progress_bar()

    def _check_made_from(self) -> None:
        """A dataset that is there is taken as it is: it must be of the files that are there."""
        path = Path(self.data_dir) / REPORT
        if not path.is_file():
            return
        then = json.loads(path.read_text(encoding="utf-8"))["made_from"]
        now = made_from(self.DATASET, self._manual)
        if now and now != then:
            changed = sorted({name for name, _ in now.items() ^ then.items()})
            named = ", ".join(_ENTRY if name == "recipe" else name for name in changed)
            raise ConfigError(
                f"{self.DATASET.name} was made from something else than is there now ({named}): "
                f"remove {self.data_dir} to make it anew."
            )

    def _info(self) -> Any:
        names = ("id", *FIELDS[self.DATASET.kind])
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({name: tfds.features.Text() for name in names}),
            description=self.DATASET.title,
            homepage=self.DATASET.homepage or None,
            citation=self.DATASET.citation or None,
            license=self.DATASET.licence,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        validated = load(self.DATASET, self._manual)
        report = json.dumps(validated.report.as_dict(), ensure_ascii=False, indent=1)
        (self.data_path / REPORT).write_text(report + "\n")
        _say("\n".join(validated.report.lines()) + "\n")
        return {split: self._generate_examples(rows) for split, rows in validated.rows.items()}

    def _generate_examples(self, rows: Sequence[Row]) -> Iterator[tuple[str, dict[str, str]]]:
        for row in rows:
            yield row.id, {"id": row.id, **row.fields}


def register(dataset: Dataset) -> type[DatasetBuilder]:
    """Registers a builder for a dataset under its name.

    Returns:
        The class; its instances make the dataset.
    """
    names = {"name": dataset.name, "DATASET": dataset, "__doc__": dataset.title}
    class_name = "".join(part.capitalize() for part in dataset.name.split("_"))
    return type(class_name, (DatasetBuilder,), {**names, "__module__": __name__})


def _say(text: str) -> None:
    """Writes to the terminal even while TFDS's own chatter is held back."""
    terminal = sys.__stdout__ or sys.stderr
    terminal.write(text)
    terminal.flush()


for _dataset in all_datasets().values():
    register(_dataset)
