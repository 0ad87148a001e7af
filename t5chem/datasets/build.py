"""Builds a dataset, as `tfds build` does, which starts only with Apache Beam and mlcroissant.

python -m t5chem.datasets.build chebi20 --manual_dir FOLDER
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from t5chem.datasets.registry import find
from t5x.errors import RunError
from t5x.quiet import drop_native_chatter, import_tensorflow


def main(argv: Sequence[str] | None = None) -> int:
    """Builds the datasets that are named; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m t5chem.datasets.build")
    parser.add_argument("names", nargs="+", metavar="NAME", help="of a dataset")
    parser.add_argument("--manual_dir", help="folder with the files, in folders by dataset")
    parser.add_argument("--data_dir", help="to build in; tensorflow-datasets' own by default")
    options = parser.parse_args(argv)
    try:
        for name in options.names:
            find(name)
        _build(options.names, options.manual_dir, options.data_dir)
    except RunError as error:
        print(error.message, file=sys.stderr)
        return error.exit_code
    return 0


def _build(names: Sequence[str], manual_dir: str | None, data_dir: str | None) -> None:
    # TensorFlow takes seconds to import: a name that does not exist is told before.
    import_tensorflow()
    import tensorflow_datasets as tfds

    from t5chem.datasets import builders  # noqa: F401 - registers them

    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    for name in names:
        builder = tfds.builder(name, data_dir=data_dir)
        builder.download_and_prepare(download_config=config)
        print(f"{name} is in {builder.data_dir}")


if __name__ == "__main__":
    drop_native_chatter()
    sys.exit(main())
