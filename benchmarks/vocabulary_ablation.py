r"""What T5's own vocabulary costs: molecules with `\` that a model can, and does, write.

    T5CHEM_T5_VOCAB=spiece.model python benchmarks/vocabulary_ablation.py [--steps 500] [--rows 400]

trains the tiny model on the starter corpus' `text2mol` twice, with the same steps, rows a step and
seed: once with Google's vocabulary as it is, once with `chem`. Of the validation rows whose SMILES
has a backslash it counts those that come back from the vocabulary's ids (can), those whose answer
has one (does), and the answers that are valid. Runs stay in `--folder`; a second call goes on.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from t5chem.smiles import parse
from t5chem.vocabularies import VOCABULARIES

RUNS = {"T5's own": "t5_compatible", "chem": "chem"}


def train(vocabulary, folder, steps, rows):
    """Trains and scores the tiny model; its progress goes to the terminal."""
    suffix = "" if vocabulary == "chem" else f".{vocabulary}"
    settings = {
        "MODEL_DIR": f"'{folder}'",
        "MIXTURE_OR_TASK_NAME": f"'starter_text2mol{suffix}'",
        "TRAIN_STEPS": steps,
        "EVAL_PERIOD": steps,
        "EVALUATOR_NUM_EXAMPLES": rows,
        "utils.create_learning_rate_scheduler.steps_per_cycle": steps,
        "train_script.train.run_eval_before_training": False,
    }
    command = [sys.executable, "-m", "t5x.train", "--gin_file=gin/tiny.gin"]
    command.append(f"--gin_file=gin/vocabulary/{vocabulary}.gin")
    command += [f"--gin.{name}={value}" for name, value in settings.items()]
    subprocess.run(command, check=True)
    return folder / "inference_eval" / f"starter_text2mol{suffix}-{steps:06d}.jsonl"


def counts(predictions, vocabulary):
    """Rows with a backslash: how many there are, can be written, are, and are valid."""
    rows = [json.loads(line) for line in predictions.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if "\\" in row["target"]]
    can = [vocabulary.decode(vocabulary.encode(row["target"])) == row["target"] for row in rows]
    does = ["\\" in row["prediction"] for row in rows]
    valid = [parse(row["prediction"]) is not None for row in rows]
    return len(rows), sum(can), sum(does), sum(valid)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--folder", type=Path, default=Path("runs/vocabulary_ablation"))
    args = parser.parse_args()
    if not os.environ.get("T5CHEM_T5_VOCAB"):
        parser.error("T5CHEM_T5_VOCAB does not name Google's spiece.model.")
    found = {}
    for name, kind in RUNS.items():
        folder = args.folder.absolute() / kind
        step = f"{args.steps:06d}.jsonl"
        done = list((folder / "inference_eval").glob(f"starter_text2mol*-{step}"))
        predictions = done[0] if done else train(kind, folder, args.steps, args.rows)
        found[name] = counts(predictions, VOCABULARIES[kind]())
    print(f"\n{'vocabulary':<12}{'rows':>6}{'can':>7}{'does':>7}{'valid':>7}")
    for name, numbers in found.items():
        rows, can, does, valid = numbers
        print(f"{name:<12}{rows:>6}{can / rows:>7.3f}{does / rows:>7.3f}{valid / rows:>7.3f}")


if __name__ == "__main__":
    main()
