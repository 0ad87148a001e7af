"""Says before a run what it takes: `python -m t5chem.preflight --gin_file=... --topology=v5e:2x4`.

`t5x.preflight` does the work: what is trained makes no difference to it.
"""

from __future__ import annotations

import sys

from t5x import gin_utils
from t5x.preflight import define_flags, main
from t5x.train import train

__all__ = ["main", "train"]  # gin files speak of `train` in the command that reads them

if __name__ == "__main__":
    define_flags()
    gin_utils.run(main, sys.argv)
