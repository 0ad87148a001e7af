"""Do two models answer alike? `compare` measures how far apart they are, and gives a verdict.

A conversion of weights is right when logits, greedy answers and beams agree. Either side may be
ours or, where torch and `transformers` are installed, theirs.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from t5chem.model_folder import LoadedModel, ModelFolderError, load_model
from t5chem.own_networks import network_of
from t5x import sampling
from t5x.beam_search import hf_beam_search
from t5x.models import EncoderDecoderModel

Backend = Literal["jax", "transformers"]

ROWS = 8
"""Inputs in a batch."""
TOLERANCE = 1e-4
"""Of logits, relative to the largest one, in float32."""
BEAM_AGREEMENT = 0.99
"""Beams may differ where two scores are equal but for rounding."""
TOP = 10
EOS, UNKNOWN = 1, 2


class Side(Protocol):
    """One of the two models."""

    @property
    def name(self) -> str:
        """Names it in the report."""

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text, the end id included."""

    def logits(
        self, inputs: Int[np.ndarray, "rows source"], targets: Int[np.ndarray, "rows target"]
    ) -> Float[np.ndarray, "rows target vocab"]:
        """Returns the logits of every place of the targets; 0 is padding."""

    def greedy(
        self, inputs: Int[np.ndarray, "rows source"], length: int
    ) -> Int[np.ndarray, "rows at_most_length"]:
        """Returns the likeliest token after the likeliest token."""

    def beams(
        self, inputs: Int[np.ndarray, "rows source"], length: int, num_beams: int
    ) -> Int[np.ndarray, "rows at_most_length"]:
        """Returns the best beam, as `generate(num_beams=..., early_stopping=False)` finds it."""


class OurSide:
    """A model run by this package.

    Args:
        model: to be run.
        name: names it in the report.
    """

    def __init__(self, model: LoadedModel, name: str = "ours") -> None:
        self.name = name
        self._vocabulary = model.vocabulary
        self._params = jax.device_put(model.params)
        self._module = network_of(model.config)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text, the end id included."""
        return [*self._vocabulary.encode(text), EOS]

    def logits(
        self, inputs: Int[np.ndarray, "rows source"], targets: Int[np.ndarray, "rows target"]
    ) -> Float[np.ndarray, "rows target vocab"]:
        """Returns the logits of every place of the targets."""
        shifted = np.pad(targets, ((0, 0), (1, 0)))[:, :-1]
        return np.asarray(self._logits(self._params, inputs, shifted, targets))

    def greedy(
        self, inputs: Int[np.ndarray, "rows source"], length: int
    ) -> Int[np.ndarray, "rows length"]:
        """Returns the likeliest token after the likeliest token."""
        return np.asarray(self._greedy(self._params, _batch(inputs, length)))

    def beams(
        self, inputs: Int[np.ndarray, "rows source"], length: int, num_beams: int
    ) -> Int[np.ndarray, "rows length"]:
        """Returns the best beam."""
        return np.asarray(self._beams(self._params, _batch(inputs, length), num_beams))

    @functools.cached_property
    def _logits(self) -> jax.stages.Wrapped:
        def logits(params: dict, inputs: Array, shifted: Array, targets: Array) -> Any:
            return self._module.apply(
                {"params": params}, inputs, shifted, targets, enable_dropout=False
            )

        return jax.jit(logits)

    @functools.cached_property
    def _greedy(self) -> jax.stages.Wrapped:
        decode = functools.partial(sampling.temperature_sample, temperature=0.0)
        return jax.jit(self._model(decode).predict_batch)

    @functools.cached_property
    def _beams(self) -> jax.stages.Wrapped:
        model = self._model(hf_beam_search)

        def beams(params: dict, batch: dict, num_beams: int) -> Array:
            return model.predict_batch_with_aux(params, batch, num_decodes=num_beams)[0]

        return jax.jit(beams, static_argnums=2)

    def _model(self, decode: Callable[..., Any]) -> EncoderDecoderModel:
        return EncoderDecoderModel(
            self._module, self._vocabulary, self._vocabulary, decode_fn=decode
        )


def _batch(inputs: Int[np.ndarray, "rows source"], length: int) -> dict[str, Array]:
    return {
        "encoder_input_tokens": jnp.asarray(inputs),
        "decoder_input_tokens": jnp.zeros((inputs.shape[0], length), jnp.int32),
    }


class TransformersSide:
    """A model folder run by Hugging Face's `transformers`, in float32 on the CPU.

    Args:
        folder: with its weights and tokenizer; nothing is downloaded.

    Raises:
        ModelFolderError: torch or `transformers` is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            import torch
            import transformers
        except ModuleNotFoundError as error:
            raise ModelFolderError(
                f"{error.name} is not installed, and it is what answers for the other side: "
                "pip install torch transformers"
            ) from None
        self.name = f"transformers {transformers.__version__}"
        self._torch = torch
        self._folder = os.fspath(folder)
        self._model = transformers.T5ForConditionalGeneration.from_pretrained(
            self._folder, dtype=torch.float32, local_files_only=True
        ).eval()

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text, the end id included."""
        return list(self._tokenizer(text)["input_ids"])

    @functools.cached_property
    def _tokenizer(self) -> Callable[[str], Any]:
        import transformers

        return transformers.AutoTokenizer.from_pretrained(self._folder, local_files_only=True)

    def logits(
        self, inputs: Int[np.ndarray, "rows source"], targets: Int[np.ndarray, "rows target"]
    ) -> Float[np.ndarray, "rows target vocab"]:
        """Returns the logits of every place of the targets."""
        tokens = self._torch.tensor(inputs)
        shifted = self._torch.tensor(np.pad(targets, ((0, 0), (1, 0)))[:, :-1])
        with self._torch.no_grad():
            answer = self._model(
                input_ids=tokens, attention_mask=(tokens > 0).long(), decoder_input_ids=shifted
            )
        return answer.logits.numpy()

    def greedy(
        self, inputs: Int[np.ndarray, "rows source"], length: int
    ) -> Int[np.ndarray, "rows at_most_length"]:
        """Returns the likeliest token after the likeliest token."""
        return self.beams(inputs, length, 1)

    def beams(
        self, inputs: Int[np.ndarray, "rows source"], length: int, num_beams: int
    ) -> Int[np.ndarray, "rows at_most_length"]:
        """Returns the best beam."""
        tokens = self._torch.tensor(inputs)
        answer = self._model.generate(
            tokens,
            attention_mask=(tokens > 0).long(),
            max_new_tokens=length,
            num_beams=num_beams,
            early_stopping=False,
            length_penalty=1.0,
            do_sample=False,
        )
        return answer[:, 1:].numpy()


def open_side(path: str | os.PathLike[str], backend: Backend) -> Side:
    """Returns a model to compare.

    Args:
        path: of whatever `load_model` takes; for `transformers` a model folder.
        backend: what runs it.

    Raises:
        ModelFolderError: there is no such model, or the backend is not installed.
    """
    if backend == "transformers":
        return TransformersSide(path)
    return OurSide(load_model(path), name=f"t5chem {os.fspath(path)}")


@dataclasses.dataclass(frozen=True)
class ParityReport:
    """How far two models are apart. As a string it is a table.

    Attributes:
        ours: name of one side.
        theirs: name of the other.
        inputs: how many were compared.
        token_agreement: share of the inputs that both tokenize alike.
        largest_logit: largest magnitude of a logit of theirs.
        largest_logit_difference: over every place of every answer.
        largest_kl: largest Kullback-Leibler divergence of ours from theirs at a place, in nats.
        top_k_overlap: share of each place's ten likeliest tokens that is also among ours.
        greedy_agreement: share of the inputs with the same greedy answer.
        beam_agreement: share of the inputs with the same best beam.
    """

    ours: str
    theirs: str
    inputs: int
    token_agreement: float
    largest_logit: float
    largest_logit_difference: float
    largest_kl: float
    top_k_overlap: float
    greedy_agreement: float
    beam_agreement: float

    @property
    def differences(self) -> list[str]:
        """What is further apart than rounding explains."""
        checks = {
            "tokens": self.token_agreement == 1.0,
            "logits": self.largest_logit_difference <= TOLERANCE * max(1.0, self.largest_logit),
            "greedy answers": self.greedy_agreement == 1.0,
            "beams": self.beam_agreement >= BEAM_AGREEMENT,
        }
        return [name for name, agrees in checks.items() if not agrees]

    @property
    def verdict(self) -> str:
        """One line."""
        if self.differences:
            return f"DIFFERENT in {', '.join(self.differences)}"
        return "the same model, but for rounding"

    @property
    def exit_code(self) -> int:
        """0 where they agree, 1 where not."""
        return 1 if self.differences else 0

    def __str__(self) -> str:
        rows = [
            ("ours", self.ours),
            ("theirs", self.theirs),
            ("inputs", str(self.inputs)),
            ("tokenized alike", f"{self.token_agreement:.1%}"),
            ("largest logit", f"{self.largest_logit:.4g}"),
            ("largest logit difference", f"{self.largest_logit_difference:.3g}"),
            ("largest KL divergence", f"{self.largest_kl:.3g} nats"),
            (f"top-{TOP} overlap", f"{self.top_k_overlap:.2%}"),
            ("same greedy answer", f"{self.greedy_agreement:.1%}"),
            ("same best beam", f"{self.beam_agreement:.1%}"),
            ("verdict", self.verdict),
        ]
        return "\n".join(f"{name:<26}{value}" for name, value in rows)


def compare(
    ours: Side, theirs: Side, inputs: Sequence[str], *, length: int = 64, num_beams: int = 10
) -> ParityReport:
    """Runs two models on the same inputs and measures how far they are apart.

    Both read the ids of our tokenizer. Logits are compared along their greedy answers.

    Args:
        ours: one side.
        theirs: the other.
        inputs: texts, prompts included.
        length: most tokens of an answer.
        num_beams: beams of the search.

    Raises:
        ValueError: there are no inputs, or the vocabularies are not of one size.
    """
    if not inputs:
        raise ValueError("There is nothing to compare: give at least one input.")
    encoded = [ours.encode(text) for text in inputs]
    pairs = zip(encoded, inputs, strict=True)
    tokenized_alike = [ids == theirs.encode(text) for ids, text in pairs]
    measured = [
        _compare_batch(ours, theirs, tokens, real, length, num_beams)
        for tokens, real in _batches(encoded)
    ]
    return ParityReport(
        ours=ours.name,
        theirs=theirs.name,
        inputs=len(inputs),
        token_agreement=float(np.mean(tokenized_alike)),
        largest_logit=max(batch.largest_logit for batch in measured),
        largest_logit_difference=max(batch.largest_difference for batch in measured),
        largest_kl=max(batch.largest_kl for batch in measured),
        top_k_overlap=float(np.concatenate([batch.overlap for batch in measured]).mean()),
        greedy_agreement=sum(batch.same_greedy for batch in measured) / len(inputs),
        beam_agreement=sum(batch.same_beams for batch in measured) / len(inputs),
    )


def _batches(encoded: Sequence[list[int]]) -> Iterator[tuple[Int[np.ndarray, "rows source"], int]]:
    """Yields batches of one shape, so that they compile once, and how many rows are real."""
    width = max(map(len, encoded))
    for start in range(0, len(encoded), ROWS):
        rows = encoded[start : start + ROWS]
        # A row of padding alone would attend to nothing.
        filled = [*rows, *[rows[0]] * (ROWS - len(rows))]
        yield np.array([row + [0] * (width - len(row)) for row in filled], np.int32), len(rows)


@dataclasses.dataclass(frozen=True)
class _Measured:
    largest_logit: float
    largest_difference: float
    largest_kl: float
    overlap: Float[np.ndarray, " places"]
    same_greedy: int
    same_beams: int


def _compare_batch(
    ours: Side,
    theirs: Side,
    inputs: Int[np.ndarray, "rows source"],
    real: int,
    length: int,
    num_beams: int,
) -> _Measured:
    answers = theirs.greedy(inputs, length)
    targets, places = _targets(answers, length)
    places[real:] = False
    mine, others = ours.logits(inputs, targets), theirs.logits(inputs, targets)
    if mine.shape != others.shape:
        raise ValueError(
            f"{ours.name} scores {mine.shape[-1]} tokens, {theirs.name} {others.shape[-1]}: these "
            "are not one model."
        )
    mine, others = mine[places].astype(np.float64), others[places].astype(np.float64)
    beams = zip(
        ours.beams(inputs, length, num_beams), theirs.beams(inputs, length, num_beams), strict=True
    )
    greedy = zip(ours.greedy(inputs, length), answers, strict=True)
    return _Measured(
        largest_logit=float(np.abs(others).max()),
        largest_difference=float(np.abs(mine - others).max()),
        largest_kl=float(_kl(others, mine).max()),
        overlap=_overlap(others, mine),
        same_greedy=sum(cut(a) == cut(b) for a, b in list(greedy)[:real]),
        same_beams=sum(cut(a) == cut(b) for a, b in list(beams)[:real]),
    )


def _targets(
    answers: Int[np.ndarray, "rows any"], length: int
) -> tuple[Int[np.ndarray, "rows length"], Bool[np.ndarray, "rows length"]]:
    """Returns the answers as targets, and which places are theirs."""
    targets, places = np.zeros((len(answers), length), np.int32), np.zeros((len(answers), length))
    for row, answer in enumerate(map(cut, answers)):
        # Random weights may say 'padding', which as a target would not be attended to.
        targets[row, : len(answer)] = [token or UNKNOWN for token in answer]
        places[row, : len(answer)] = 1
    return targets, places.astype(bool)


def cut(row: Int[np.ndarray, " any"]) -> list[int]:
    """Returns the tokens up to the end token, which belongs to them.

    Example:
        >>> cut(np.array([5, 6, 1, 0, 0])), cut(np.array([5, 0]))
        ([5, 6, 1], [5, 0])
    """
    tokens = [int(token) for token in row]
    return tokens[: tokens.index(EOS) + 1] if EOS in tokens else tokens


def _log_softmax(logits: Float[np.ndarray, "n vocab"]) -> Float[np.ndarray, "n vocab"]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _kl(
    p: Float[np.ndarray, "n vocab"], q: Float[np.ndarray, "n vocab"]
) -> Float[np.ndarray, " n"]:
    """Returns KL(p || q) of each row of logits."""
    log_p, log_q = _log_softmax(p), _log_softmax(q)
    return (np.exp(log_p) * (log_p - log_q)).sum(axis=-1)


def _overlap(
    theirs: Float[np.ndarray, "n vocab"], ours: Float[np.ndarray, "n vocab"]
) -> Float[np.ndarray, " n"]:
    """Returns the share of the likeliest tokens of each row that both have."""
    k = min(TOP, theirs.shape[-1])
    tops = [np.argpartition(-logits, k - 1, axis=-1)[:, :k] for logits in (theirs, ours)]
    return np.array([len(set(a) & set(b)) / k for a, b in zip(*tops, strict=True)])
