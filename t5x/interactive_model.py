"""A model in a notebook: texts in, predictions, scores and training steps out.

Importable without TensorFlow, SeqIO and gin; metrics that training writes ask for TensorFlow.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np
from jax.typing import DTypeLike

from t5x.checkpoints import RestoreCheckpointConfig
from t5x.inference import BatchInferFn, decode_tokens, get_batch_infer_fn, unzip_aux
from t5x.initialization import TrainStateInitializer
from t5x.models import Batch, EncoderDecoderModel
from t5x.partitioning import PjitPartitioner
from t5x.schedules import LearningRateCallable, create_learning_rate_scheduler
from t5x.train_state import FlaxOptimTrainState
from t5x.trainer import Trainer

RESTORE_MODES = ("latest", "specific", "scratch")

Example = str | Mapping[str, str]
"""The inputs, or `{"inputs": ..., "targets": ...}`."""


class InteractiveModel:
    """A model with its parameters, to be asked and trained from Python.

    Args:
        batch_size: rows computed at once; more examples are cut into batches, fewer are filled up.
        task_feature_lengths: longest inputs and targets in tokens, EOS included; longer ones are
            cut, and no prediction is longer than the targets.
        output_dir: where training writes its metrics; None writes none.
        partitioner: which device holds what.
        model: needs vocabularies with `encode` and `decode`, and an optimizer.
        dtype: of the parameters.
        restore_mode: 'latest' checkpoint of a folder, a 'specific' one, or 'scratch'.
        checkpoint_path: of the checkpoint; not read from scratch.
        input_shapes: of a batch's model features, such as `{'encoder_input_tokens': (8, 128),
            'decoder_target_tokens': (8, 64)}`.
        input_types: of the model features; int32 when None.
        init_random_seed: of initialisation and dropout.
        add_eos: end inputs and targets with EOS, as T5's tasks do.
        eval_names: names of tasks whose losses `trainer.eval` may be asked for.
        learning_rate_fn: from step to learning rate; None is T5's for fine-tuning, 0.001.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: another `restore_mode`, or a model without an optimizer.
    """

    def __init__(
        self,
        batch_size: int,
        task_feature_lengths: Mapping[str, int],
        output_dir: str | None,
        partitioner: PjitPartitioner,
        model: EncoderDecoderModel,
        dtype: DTypeLike | None,
        restore_mode: Literal["latest", "specific", "scratch"],
        checkpoint_path: str,
        input_shapes: Mapping[str, tuple[int, ...]],
        input_types: Mapping[str, Any] | None = None,
        init_random_seed: int = 42,
        add_eos: bool = True,
        eval_names: Sequence[str] | None = None,
        learning_rate_fn: LearningRateCallable | None = None,
    ) -> None:
        if restore_mode not in RESTORE_MODES:
            raise ValueError(
                f"restore_mode {restore_mode!r} is none of {', '.join(RESTORE_MODES)}."
            )
        if model.optimizer_def is None:
            raise ValueError("The model has no optimizer_def: give it one, even to predict only.")
        self.model = model
        self._batch_size = batch_size
        self._lengths = task_feature_lengths
        self._add_eos = add_eos
        initializer = TrainStateInitializer(
            model.optimizer_def, model.get_initial_variables, input_shapes, partitioner, input_types
        )
        init_rng, dropout_rng = jax.random.split(jax.random.key(init_random_seed))
        restore_cfg = RestoreCheckpointConfig(
            path=[] if restore_mode == "scratch" else checkpoint_path,
            mode="latest" if restore_mode == "scratch" else restore_mode,
            dtype=dtype,
        )
        state = initializer.from_checkpoint(restore_cfg)
        self.trainer = Trainer(
            model=model,
            train_state=initializer.from_scratch(init_rng) if state is None else state,
            partitioner=partitioner,
            eval_names=list(eval_names or ()),
            summary_dir=output_dir,
            train_state_axes=initializer.train_state_axes,
            rng=dropout_rng,
            learning_rate_fn=learning_rate_fn
            or create_learning_rate_scheduler("constant", base_learning_rate=0.001),
            num_microbatches=None,
        )
        self._predict = get_batch_infer_fn(
            model.predict_batch_with_aux, batch_size, partitioner, rng=dropout_rng
        )
        self._score = get_batch_infer_fn(model.score_batch, batch_size, partitioner)

    @property
    def train_state(self) -> FlaxOptimTrainState:
        """Parameters, step and optimizer state."""
        return self.trainer.train_state

    @property
    def step(self) -> int:
        """Steps taken, those of the checkpoint included."""
        return int(self.train_state.step)

    def train_step(self, examples: Sequence[Example]) -> dict[str, float]:
        """Takes one training step.

        Args:
            examples: at most `batch_size`, with targets.

        Returns:
            The step's metrics, such as `loss`.

        Raises:
            ValueError: more examples than a batch holds, none, or one without targets.
        """
        return self.trainer.train(iter([self._training_batch(examples)]), num_steps=1)

    def train_loop(
        self,
        num_steps: int,
        train_batches: Iterator[Batch] | None = None,
        examples: Sequence[Example] | None = None,
    ) -> dict[str, float]:
        """Takes several training steps.

        Args:
            num_steps: how many.
            train_batches: model features, a batch a step (`t5x.data.batches` yields such).
            examples: in place of `train_batches`: learned from in every step.

        Returns:
            The metrics of all these steps together.

        Raises:
            ValueError: not exactly one of `train_batches` and `examples` is given.
        """
        if (train_batches is None) == (examples is None):
            raise ValueError("Give either train_batches or examples.")
        if train_batches is None:
            batch = self._training_batch(examples or ())
            train_batches = iter(lambda: batch, None)
        return self.trainer.train(train_batches, num_steps)

    def predict(
        self, examples: Sequence[Example]
    ) -> tuple[list[tuple[Example, str | list[str]]], dict]:
        """Returns ([(example, prediction), ...], {}), as T5X's notebooks unpack it."""
        return self.predict_with_aux(examples)[0], {}

    def predict_with_aux(
        self, examples: Sequence[Example]
    ) -> tuple[list[tuple[Example, str | list[str]]], dict[str, list[Any]]]:
        """Returns ([(example, prediction), ...], {'scores': [...]}).

        Args:
            examples: any number.
        """
        tokens, aux = unzip_aux(self._infer(self._predict, examples))
        texts = [decode_tokens(self.model.output_vocabulary, row) for row in tokens]
        scores = {name: [np.asarray(x).tolist() for x in values] for name, values in aux.items()}
        return list(zip(examples, texts, strict=True)), scores

    def score(self, examples: Sequence[Example]) -> tuple[list[tuple[Example, float]], dict]:
        """Returns ([(example, log-likelihood of its targets), ...], {}).

        Args:
            examples: any number, with targets.
        """
        _check_targets(examples)
        scores = map(float, self._infer(self._score, examples))
        return list(zip(examples, scores, strict=True)), {}

    def evaluate(
        self, examples: Sequence[Example], metric_fns: Sequence[Callable[..., Mapping[str, Any]]]
    ) -> dict[str, Any]:
        """Returns what metric functions say of the model.

        Args:
            examples: any number, with targets.
            metric_fns: as SeqIO's tasks have them: `fn(targets, predictions)` or
                `fn(targets, scores)`, returning numbers by name.
        """
        _check_targets(examples)
        targets = [example["targets"] for example in examples if not isinstance(example, str)]
        answers: dict[str, list[Any]] = {}
        numbers: dict[str, Any] = {}
        for fn in metric_fns:
            kind = "scores" if "scores" in inspect.signature(fn).parameters else "predictions"
            if kind not in answers:
                pairs, _ = self.score(examples) if kind == "scores" else self.predict(examples)
                answers[kind] = [answer for _, answer in pairs]
            numbers |= fn(targets, answers[kind])
        return numbers

    def _infer(self, infer_batch: BatchInferFn, examples: Sequence[Example]) -> list[Any]:
        results: list[Any] = []
        for start in range(0, len(examples), self._batch_size):
            batch = self._features(examples[start : start + self._batch_size])
            results += infer_batch(self.train_state.params, batch, start)
        return results

    def _training_batch(self, examples: Sequence[Example]) -> Batch:
        """Fills up with empty rows, which weigh nothing."""
        if not 0 < len(examples) <= self._batch_size:
            raise ValueError(
                f"A training step takes 1 to batch_size={self._batch_size} examples, got "
                f"{len(examples)}."
            )
        _check_targets(examples)
        missing = self._batch_size - len(examples)
        return {
            name: np.pad(x, ((0, missing), (0, 0))) for name, x in self._features(examples).items()
        }

    def _features(self, examples: Sequence[Example]) -> dict[str, np.ndarray]:
        """Tokenizes examples to model features, `[examples, length]`."""
        rows = [{"inputs": e} if isinstance(e, str) else e for e in examples]
        model = self.model
        inputs = self._tokens("inputs", (row["inputs"] for row in rows), model.input_vocabulary)
        targets = self._tokens(
            "targets", (row.get("targets", "") for row in rows), model.output_vocabulary
        )
        return {
            "encoder_input_tokens": inputs,
            "decoder_target_tokens": targets,
            "decoder_input_tokens": np.pad(targets, ((0, 0), (1, 0)))[:, :-1],
            "decoder_loss_weights": (targets > 0).astype(np.int32),
        }

    def _tokens(self, feature: str, texts: Iterable[str], vocabulary: Any) -> np.ndarray:
        length = self._lengths[feature]
        end = [vocabulary.eos_id] if self._add_eos else []
        rows = [[*vocabulary.encode(text)[: length - len(end)], *end] for text in texts]
        return np.array([row + [0] * (length - len(row)) for row in rows], np.int32)


def _check_targets(examples: Sequence[Example]) -> None:
    for number, example in enumerate(examples):
        if isinstance(example, str) or "targets" not in example:
            raise ValueError(
                f"Example {number} has no targets: give {{'inputs': ..., 'targets': ...}}."
            )
