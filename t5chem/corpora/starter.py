"""The starter corpus as a tensorflow-datasets builder: made on this machine, once.

Configurations are `starter/molecules`, `starter/reactions` and `starter/procedures`. The rows come
from packages that are installed anyway (`rdkit`, `chemicals`) and from a fixed seed: nothing is
downloaded, and machines with the same versions of them make the same bytes. `docs/corpus.md` is the
card.
"""

from __future__ import annotations

import collections
import contextlib
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow_datasets as tfds

from t5chem.corpora.splits import SPLITS

FIELDS = {
    "molecules": ("id", "smiles", "name", "description"),
    "reactions": ("id", "reaction_class", "reactants", "reagents", "products"),
    "procedures": ("id", "product", "paragraph", "actions"),
}
SEED = 0


class Starter(tfds.core.GeneratorBasedBuilder):
    """Molecules with descriptions, reactions, and procedures with their actions."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}  # noqa: RUF012 - tfds reads a plain dict
    BUILDER_CONFIGS = [  # noqa: RUF012 - tfds reads a plain list
        tfds.core.BuilderConfig(name=kind, description=f"The {kind} of the starter corpus.")
        for kind in FIELDS
    ]

    def download_and_prepare(self, **kwargs: Any) -> None:
        """Makes the rows and writes them; one line on the terminal instead of TFDS's many.

        Of several processes that make them at once the first to be done gives them to all.
        """
        tfds.disable_progress_bar()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                super().download_and_prepare(**kwargs)
        except OSError:
            if not self.data_path.exists():
                raise
            self.info.read_from_directory(self.data_dir)
        finally:
            tfds.enable_progress_bar()

    def _info(self) -> Any:
        fields = FIELDS[self.builder_config.name]
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({name: tfds.features.Text() for name in fields}),
            description=(__doc__ or "").strip(),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        by_split = collections.defaultdict(list)
        for row in _rows(self.builder_config.name):
            by_split[row.pop("split")].append(row)
        return {split: self._generate_examples(by_split[split]) for split in SPLITS}

    def _generate_examples(self, rows: Sequence[dict[str, str]]) -> Iterator[tuple[str, Any]]:
        fields = FIELDS[self.builder_config.name]
        for row in rows:
            yield row["id"], {name: row[name] for name in fields}


def _rows(kind: str) -> Iterator[dict[str, str]]:
    """Runs the generator in a process of its own and yields its rows."""
    _say(f"Making the starter corpus' {kind}, once on this machine ...")
    begin = time.monotonic()
    command = [sys.executable, "-m", "t5chem.corpora", kind, "--seed", str(SEED)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise RuntimeError(
            f"'{' '.join(command)}' failed with code {process.returncode}; run it to see why."
        )
    _say(f" {time.monotonic() - begin:.0f} s\n")


def _say(text: str) -> None:
    """Writes to the terminal even while TFDS's own chatter is held back."""
    terminal = sys.__stdout__ or sys.stderr
    terminal.write(text)
    terminal.flush()
