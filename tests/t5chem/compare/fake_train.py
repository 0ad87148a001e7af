"""Stands in for `t5x.train`: leaves what a scored run leaves, in no time.

Its answers are right in `share` of the rows. It notes in `calls.txt` that it ran, fails where
`fail.<name>` stands beside, and takes as many seconds as `sleep.txt` there says.
"""

import ast
import json
import sys
import time
from pathlib import Path

TARGETS = ["CCO", "CCN", "CCC", "CCCl", "CCBr", "CC=O", "CCS", "CCF", "CCI", "C#N"]


def settings(argv):
    prefix = "--gin_bindings="
    pairs = [arg.removeprefix(prefix).split(" = ") for arg in argv if arg.startswith(prefix)]
    return {name: ast.literal_eval(value) for name, value in pairs}


def main():
    said = settings(sys.argv)
    model_dir = Path(said["MODEL_DIR"])
    name, home = model_dir.parent.name, model_dir.parents[3]
    with open(home / "calls.txt", "a") as calls:
        calls.write(f"{name}\n")
    print("training", name, flush=True)
    if (home / "sleep.txt").exists():
        time.sleep(float((home / "sleep.txt").read_text()))
    if (home / f"fail.{name}").exists():
        print("Error: the loss is NaN.", flush=True)
        sys.exit(1)
    start = said.get("INITIAL_CHECKPOINT_PATH")
    assert start is None or Path(start, "results.json").exists()
    (model_dir / "inference_eval").mkdir(parents=True)
    right = said.get("SHARE", 5) + said["RANDOM_SEED"]
    rows = [
        {"inputs": {"inputs_pretokenized": "q"}, "target": target, "prediction": answer}
        for target, answer in zip(
            TARGETS, [*TARGETS[:right], *["C"] * (len(TARGETS) - right)], strict=True
        )
    ]
    path = model_dir / "inference_eval" / "toy_text2mol-000002.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (model_dir / "results.json").write_text(
        json.dumps({"title": "toys", "step": 2, "tasks": [{"task": "toy_text2mol"}]})
    )
    losses = [{"step": 1, "token_loss": 3.0 + said["RANDOM_SEED"]}, {"step": 2, "token_loss": 1.5}]
    for name, rows in (("train", losses), ("training_eval/toy_text2mol", losses[-1:])):
        (model_dir / name).mkdir(parents=True)
        (model_dir / name / "metrics.jsonl").write_text("".join(f"{json.dumps(x)}\n" for x in rows))
    costs = {"parameters": 1000, "trained_parameters": 600, "flops_a_step": 50, "steps": 2}
    (model_dir / "costs.json").write_text(json.dumps(costs))


if __name__ == "__main__":
    main()
