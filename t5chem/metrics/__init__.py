"""How each of the five tasks is scored: pure functions over lists of strings.

Two tables, by the task's name:

* `SCORERS`, while a model trains: a few figures, quickly, as plain floats;
  `PRIMARY_METRIC` names the one a task is judged by.
* `EVALUATORS`, for a report: every figure, each a `Score` that knows its rows, its invalid rows,
  its 95 % interval and the versions of what computed it.

```python
from t5chem.metrics import EVALUATORS, Settings, compare_evaluations

if __name__ == "__main__":  # the processes start from this file
    settings = Settings(processes=4, scibert="scibert-vocab.txt")
    ours = EVALUATORS["text2mol"](targets, predictions, settings)
    for name, score in ours.scores.items():
        print(name, score.value, score.interval, score.count, len(score.invalid), score.versions)
    for name, remedy in ours.left_out.items():
        print(name, remedy)  # "needs fcd_torch: pip install ..."
    theirs = EVALUATORS["text2mol"](targets, other_predictions, settings)
    for name, comparison in compare_evaluations(theirs, ours).items():
        print(name, comparison.difference, comparison.interval, comparison.p_value)
```

All evaluators take `(targets, predictions, settings)` and return an `Evaluation`; `as_dict` of it
is what JSON can hold, `row_values` of a score what distributions and the worst rows are found by.
What else one takes, by keyword:

| evaluator | predictions | also |
|---|---|---|
| `evaluate_text2mol` | one SMILES a row | `descriptions` and `text2mol`, a model with its weights |
| `evaluate_mol2text` | one text a row | |
| `evaluate_paragraph2actions` | one action sequence a row | |
| `evaluate_forward` | one mixture a row, or a list, best first | |
| `evaluate_retrosynthesis` | one mixture a row, or a list, best first | `forward`, `classes` |
| `evaluate_samples(samples, known)` | sampled SMILES, in no table: it has no targets | |

A metric whose package or data is absent is not in `scores` but in `left_out`, with the command that
adds it. Empty lists, lists of different lengths and rows that are no strings are a `ValueError`
that names the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from t5chem.metrics.bootstrap import Comparison, compare
from t5chem.metrics.evaluation import Evaluation, Settings, compare_evaluations
from t5chem.metrics.mol2text import evaluate_mol2text
from t5chem.metrics.paragraph2actions import evaluate_paragraph2actions
from t5chem.metrics.reactions import evaluate_forward, evaluate_retrosynthesis
from t5chem.metrics.round_trips import ForwardPredictions
from t5chem.metrics.sampled import evaluate_samples
from t5chem.metrics.scores import Score
from t5chem.metrics.text2mol import evaluate_text2mol
from t5chem.metrics.training import (
    PRIMARY_METRIC,
    SCORERS,
    Scorer,
    parse_rate,
    score_forward,
    score_mol2text,
    score_paragraph2actions,
    score_retrosynthesis,
    score_text2mol,
)

EVALUATORS: Final[Mapping[str, Callable[..., Evaluation]]] = MappingProxyType(
    {
        "forward": evaluate_forward,
        "retrosynthesis": evaluate_retrosynthesis,
        "paragraph2actions": evaluate_paragraph2actions,
        "text2mol": evaluate_text2mol,
        "mol2text": evaluate_mol2text,
    }
)

__all__ = [
    "EVALUATORS",
    "PRIMARY_METRIC",
    "SCORERS",
    "Comparison",
    "Evaluation",
    "ForwardPredictions",
    "Score",
    "Scorer",
    "Settings",
    "compare",
    "compare_evaluations",
    "evaluate_forward",
    "evaluate_mol2text",
    "evaluate_paragraph2actions",
    "evaluate_retrosynthesis",
    "evaluate_samples",
    "evaluate_text2mol",
    "parse_rate",
    "score_forward",
    "score_mol2text",
    "score_paragraph2actions",
    "score_retrosynthesis",
    "score_text2mol",
]
