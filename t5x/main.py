"""One command for all kinds of run: `python -m t5x.main --run_mode=eval --gin_file=...`.

The functions stand here under their names, so that gin files which say `import __main__ as
train_script` (or `eval_script`, `infer_script`) find them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

import t5x.eval
import t5x.infer
import t5x.train
from t5x import gin_utils
from t5x.eval import evaluate
from t5x.infer import infer
from t5x.train import train

__all__ = ["evaluate", "infer", "main", "train"]

COMMANDS = {"train": t5x.train.main, "eval": t5x.eval.main, "infer": t5x.infer.main}


def main(argv: Sequence[str]) -> None:
    """Runs the command that `--run_mode` names."""
    COMMANDS[flags.FLAGS.run_mode](argv)


if __name__ == "__main__":
    gin_utils.define_flags()
    flags.DEFINE_enum("run_mode", None, list(COMMANDS), "What to do.", required=True)
    gin_utils.run(main, sys.argv)
