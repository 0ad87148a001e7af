"""What a run has learned: scores of every task beside trivial answers, and examples."""

from __future__ import annotations

import collections
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

COPY = "copy of the input"
FREQUENT = "most frequent answer"
ANSWERS_COUNTED = 2000


def trivial_scores(
    task: Any, examples: Sequence[Mapping[str, Any]], frequent: str | None = None
) -> dict[str, dict[str, float]]:
    """Returns what copying the input, and always giving the most frequent answer, would score.

    Args:
        task: a SeqIO task with `metric_fns(targets, predictions)`.
        examples: of its evaluation set; the text is read from `source` (the input without its
            prompt, when the task keeps it) or `inputs_pretokenized`, and `targets_pretokenized`.
        frequent: the answer to give always; None: the most frequent of the examples.
    """
    if not examples or "targets_pretokenized" not in examples[0]:
        return {}
    targets = [_text(example["targets_pretokenized"]) for example in examples]
    source = "source" if "source" in examples[0] else "inputs_pretokenized"
    copies = [_text(example[source]) for example in examples]
    frequent = most_common(targets) if frequent is None else frequent
    answers = {COPY: copies, FREQUENT: [frequent] * len(targets)}
    return {
        name: _scores(task, examples, targets, predictions) for name, predictions in answers.items()
    }


def most_common(answers: Sequence[str]) -> str:
    """Returns the most frequent answer; the first of several that are equally frequent."""
    return collections.Counter(answers).most_common(1)[0][0]


def frequent_training_answer(task: Any) -> str | None:
    """Returns the most frequent of a task's first training answers; None without such a split.

    Where all answers differ, as descriptions do, this is the first one: an answer like any other.
    """
    if "train" not in task.splits:
        return None
    dataset = task.get_dataset(sequence_length=None, split="train", shuffle=False)
    examples = dataset.take(ANSWERS_COUNTED).as_numpy_iterator()
    answers = [_text(e["targets_pretokenized"]) for e in examples if "targets_pretokenized" in e]
    return most_common(answers) if answers else None


def _scores(
    task: Any,
    examples: Sequence[Mapping[str, Any]],
    targets: Sequence[str],
    predictions: Sequence[str],
) -> dict[str, float]:
    processed = [
        [task.postprocess_fn(text, example=example, is_target=is_target) for text, example in pairs]
        for is_target, pairs in (
            (True, zip(targets, examples, strict=True)),
            (False, zip(predictions, examples, strict=True)),
        )
    ]
    numbers: dict[str, float] = {}
    for metric_fn in task.predict_metric_fns:
        numbers |= {name: float(value) for name, value in metric_fn(*processed).items()}
    return numbers


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def predictions_path(model_dir: str, task_name: str, step: int) -> str:
    """Returns where an evaluation writes inputs, targets and predictions; as `read_predictions`."""
    return os.path.join(model_dir, "inference_eval", f"{task_name}-{step:06d}.jsonl")


def read_predictions(model_dir: str, task_name: str, step: int) -> list[dict[str, str]]:
    """Returns inputs, targets and predictions that an evaluation wrote.

    Args:
        model_dir: folder of the run.
        task_name: of the evaluated task.
        step: of the evaluation.
    """
    path = predictions_path(model_dir, task_name, step)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [
        {
            "inputs": row["input"].get("inputs_pretokenized", ""),
            "target": row["target"],
            "prediction": row["prediction"],
        }
        for row in rows
        if "prediction" in row
    ]


def spread(rows: Sequence[Any], count: int) -> list[Any]:
    """Returns `count` rows at even distances, the same ones every time."""
    if len(rows) <= count:
        return list(rows)
    return [rows[i * len(rows) // count] for i in range(count)]


def task_results(
    evaluator: Any,
    scores: Mapping[str, Mapping[str, float]],
    model_dir: str,
    step: int,
    num_samples: int,
) -> list[dict[str, Any]]:
    """Returns one entry a task: its scores, those of trivial answers, and sampled predictions.

    Args:
        evaluator: a `t5x.evaluation.InferenceEvaluator`.
        scores: numbers by task and metric.
        model_dir: folder of the run.
        step: of the evaluation.
        num_samples: predictions to show a task.
    """
    entries = []
    for task in evaluator.eval_tasks:
        dataset = evaluator.seqio_evaluator.cached_task_datasets[task.name]
        examples = list(dataset.as_numpy_iterator())
        entries.append(
            {
                "task": task.name,
                "count": len(examples),
                "scores": dict(scores.get(task.name, {})),
                "baselines": trivial_scores(task, examples, frequent_training_answer(task)),
                "samples": spread(read_predictions(model_dir, task.name, step), num_samples),
            }
        )
    return entries


def write_results(model_dir: str, results: Mapping[str, Any]) -> str:
    """Writes `results.json` and returns its path."""
    path = os.path.join(model_dir, "results.json")
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1, ensure_ascii=False)
    os.replace(path + ".tmp", path)
    return path


def reported_step(model_dir: str) -> int | None:
    """Returns the step that `results.json` tells of; None without such a file."""
    path = os.path.join(model_dir, "results.json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)["step"]
