"""Asks a model: text or SMILES in, candidates with log-likelihoods out. `Predictor`.

    predictor = Predictor.load("folder")
    predictor.text2mol("The molecule is ethanol.").best.text

Nothing here imports TensorFlow, SeqIO or gin.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, overload

import jax
import numpy as np
from jaxtyping import Float, Int

from t5chem import generation
from t5chem.answers import Candidate, Options, Result, RoundTrip, Route
from t5chem.compatibility import Compatibility
from t5chem.constrained import smiles_tokens
from t5chem.generation import Decoding
from t5chem.model_folder import LoadedModel, load_model
from t5chem.prompts import PROMPTS, REACTIONS, SMILES_INPUT, SMILES_OUTPUT
from t5chem.smiles import canonical, canonical_mixture
from t5x.errors import did_you_mean

_FIRST_BUCKET: Final = 32
_SHORT_ANSWERS: Final = (64, 192)

_Answers = list[tuple[list[int], float]]

T = TypeVar("T")

Ids = tuple[list[int], ...]
"""An input by the model's vocabulary, and by the chemistry encoder's own if there is one."""


@dataclasses.dataclass(frozen=True, eq=False)
class Predictor:
    """Asks a model. Holds no state: any number of threads may use one.

    Inputs are padded to the next of a few lengths (32, 64, ... tokens) and cut into batches of
    `batch_size` rows, a single input into a batch of one, so that each length is compiled once.

    Args:
        model: weights, sizes, vocabulary; `Predictor.load` reads one from a folder.
        batch_size: inputs computed at once.

    Example:
        >>> predictor = Predictor.load("runs/tiny")  # doctest: +SKIP
        >>> predictor.text2mol("The molecule is ethanol.").best.canonical  # doctest: +SKIP
        'CCO'
    """

    model: LoadedModel
    batch_size: int = 8

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size={self.batch_size}: at least one input at once.")
        # Compiled functions are looked up by configuration, so it has to be hashable.
        config = _hashable(self.model.config)
        on_device = jax.device_put(self.model.params)
        model = dataclasses.replace(self.model, config=config, params=on_device)
        object.__setattr__(self, "model", model)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        batch_size: int = 8,
        prompts: Mapping[str, str] | None = None,
    ) -> Predictor:
        """Returns a predictor for a model folder, a run's `model_dir` or one of its checkpoints.

        Args:
            path: of the folder.
            batch_size: inputs computed at once.
            prompts: what stands before the input of each task, such as
                `t5chem.compatibility.NO_PROMPTS`; the model's own when None.

        Raises:
            t5chem.model_folder.ModelFolderError: it is none of these, or damaged.
        """
        model = load_model(path)
        if prompts is not None:
            model = dataclasses.replace(model, prompts=prompts)
        return cls(model, batch_size)

    # The tasks

    @overload
    def predict(self, task: str, inputs: str, **options: Any) -> Result: ...
    @overload
    def predict(self, task: str, inputs: Sequence[str], **options: Any) -> list[Result]: ...
    def predict(
        self, task: str, inputs: str | Sequence[str], **options: Any
    ) -> Result | list[Result]:
        """Answers inputs; one that cannot be asked gets an error and stops no other.

        Args:
            task: one of `t5chem.prompts.PROMPTS`.
            inputs: without the prompt. SMILES must be valid; those of a reaction are asked in
                canonical form, as the model read them in training, those to be described as given.
            options: see `Options`: `num_beams`, `num_samples`, `temperature`, `top`, `seed`,
                `valid_smiles`, `max_length`.

        Raises:
            ValueError: an option that is out of range, or that the task or the model cannot have.
        """
        chosen = Options(**options)
        settings = self.decoding(task, chosen)
        texts = [inputs] if isinstance(inputs, str) else list(inputs)
        asked = [self._ids(task, text) for text in texts]
        answers = self._decode(asked, settings, chosen)
        results = [
            Result(text, error=ids)
            if isinstance(ids, str)
            else Result(text, self._candidates(task, answer, chosen.top))
            for text, ids, answer in zip(texts, asked, answers, strict=True)
        ]
        return results[0] if isinstance(inputs, str) else results

    @overload
    def text2mol(self, inputs: str, **options: Any) -> Result: ...
    @overload
    def text2mol(self, inputs: Sequence[str], **options: Any) -> list[Result]: ...
    def text2mol(self, inputs: str | Sequence[str], **options: Any) -> Result | list[Result]:
        """Writes the molecule that a description tells of; options as for `predict`."""
        return self.predict("text2mol", inputs, **options)

    @overload
    def mol2text(self, inputs: str, **options: Any) -> Result: ...
    @overload
    def mol2text(self, inputs: Sequence[str], **options: Any) -> list[Result]: ...
    def mol2text(self, inputs: str | Sequence[str], **options: Any) -> Result | list[Result]:
        """Describes a molecule; options as for `predict`."""
        return self.predict("mol2text", inputs, **options)

    @overload
    def forward(self, inputs: str, **options: Any) -> Result: ...
    @overload
    def forward(self, inputs: Sequence[str], **options: Any) -> list[Result]: ...
    def forward(self, inputs: str | Sequence[str], **options: Any) -> Result | list[Result]:
        """Predicts the product of reactants and reagents; options as for `predict`."""
        return self.predict("forward", inputs, **options)

    @overload
    def retrosynthesis(self, inputs: str, **options: Any) -> Result: ...
    @overload
    def retrosynthesis(self, inputs: Sequence[str], **options: Any) -> list[Result]: ...
    def retrosynthesis(self, inputs: str | Sequence[str], **options: Any) -> Result | list[Result]:
        """Predicts what a product is made from; options as for `predict`."""
        return self.predict("retrosynthesis", inputs, **options)

    @overload
    def paragraph2actions(self, inputs: str, **options: Any) -> Result: ...
    @overload
    def paragraph2actions(self, inputs: Sequence[str], **options: Any) -> list[Result]: ...
    def paragraph2actions(
        self, inputs: str | Sequence[str], **options: Any
    ) -> Result | list[Result]:
        """Reads the actions out of an experimental paragraph; options as for `predict`."""
        return self.predict("paragraph2actions", inputs, **options)

    @overload
    def round_trip(self, products: str, **options: Any) -> RoundTrip: ...
    @overload
    def round_trip(self, products: Sequence[str], **options: Any) -> list[RoundTrip]: ...
    def round_trip(
        self, products: str | Sequence[str], **options: Any
    ) -> RoundTrip | list[RoundTrip]:
        """Predicts routes to products and asks the forward task where they lead.

        Args:
            products: SMILES.
            options: of the retrosynthesis, as for `predict`; the forward answer is the model's
                best.
        """
        texts = [products] if isinstance(products, str) else list(products)
        results = self.retrosynthesis(texts, **options)
        precursors = [c.canonical for result in results for c in result.candidates if c.canonical]
        made = dict(zip(precursors, self.forward(precursors, top=1), strict=True))
        trips = [
            RoundTrip(
                result.input,
                tuple(_route(result, c, made) for c in result.candidates),
                result.error,
            )
            for result in results
        ]
        return trips[0] if isinstance(products, str) else trips

    # Numbers

    def score(
        self, task: str, inputs: Sequence[str], targets: Sequence[str]
    ) -> Float[np.ndarray, " n"]:
        """Returns the log-likelihoods of answers, end token included.

        Args:
            task: one of `t5chem.prompts.PROMPTS`.
            inputs: as for `predict`.
            targets: the answers, one an input.

        Raises:
            ValueError: an input or a target that cannot be asked; the message has its number.
        """
        if len(inputs) != len(targets):
            raise ValueError(f"{len(inputs)} inputs and {len(targets)} targets: one each.")
        asked = _all_good([self._ids(task, text) for text in inputs])
        answers = _all_good([self._target_ids(text) for text in targets])
        scores = np.zeros(len(inputs), np.float32)
        longest = self.model.max_lengths["targets"]
        for rows, length, size in self._batches(asked):
            batch = _features([asked[row] for row in rows], length, size)
            wanted = [answers[row] for row in rows]
            width = _bucket(max(map(len, wanted)), longest)
            targets_batch = _pad(wanted, width, size)
            values = generation.score(self.model.config, self.model.params, batch, targets_batch)
            scores[rows] = np.asarray(values)[: len(rows)]
        return scores

    def embed(self, task: str, inputs: Sequence[str]) -> Float[np.ndarray, "n width"]:
        """Returns the encoder's states, averaged over the tokens of prompt and input.

        Args:
            task: whose prompt stands before the inputs.
            inputs: as for `predict`.

        Raises:
            ValueError: an input that cannot be asked; the message has its number.
        """
        asked = _all_good([self._ids(task, text) for text in inputs])
        vectors = np.zeros((len(inputs), self.model.config.emb_dim), np.float32)
        for rows, length, size in self._batches(asked):
            batch = _features([asked[row] for row in rows], length, size)
            means = generation.embed(self.model.config, self.model.params, batch)
            vectors[rows] = np.asarray(means)[: len(rows)]
        return vectors

    # What is behind it

    @functools.cached_property
    def compatibility(self) -> Compatibility:
        """How `<unk>` in the model's answers is read."""
        return Compatibility.of(self.model.vocabulary)

    def decoding(self, task: str, options: Options) -> Decoding:
        """Returns how a task's answers are decoded with these options.

        Raises:
            ValueError: the task or the model cannot have them.
        """
        _check_task(task)
        if options.valid_smiles and task not in SMILES_OUTPUT:
            raise ValueError(f"valid_smiles: the answers of {task} are not SMILES.")
        longest = self.model.max_lengths["targets"]
        if options.max_length is not None and options.max_length > longest:
            raise ValueError(f"max_length={options.max_length}: at most the model's {longest}.")
        preferred = self.model.generation
        is_hf = self.model.beam_semantics == "hf"
        penalty = preferred.get("length_penalty", 1.0) if is_hf else preferred.get("alpha", 0.6)
        settings = Decoding(
            semantics=self.model.beam_semantics,
            num_decodes=options.num_samples or options.num_beams or preferred.get("num_beams", 1),
            samples=options.num_samples is not None,
            length=options.max_length or longest,
            drop_unfinished=False,
            penalty=float(penalty),
            early_stopping=preferred.get("early_stopping", False),
            valid_smiles=options.valid_smiles,
            with_ions=task in REACTIONS,
        )
        if options.valid_smiles:  # raises if the vocabulary cannot
            smiles_tokens(self.model.vocabulary, self.model.config.vocab_size, settings.with_ions)
        return settings

    def _ids(self, task: str, text: str) -> Ids | str:
        """Returns what the model reads, or what is wrong with the input."""
        _check_task(task)
        if not text.strip():
            return "empty input"
        if task in SMILES_INPUT:
            text = text.strip()
            if not _is_one_word(text) or canonical(text) is None:
                return f"not a valid SMILES: {_shortened(text)}"
        if task in REACTIONS:
            # Ions that are charged apart may not be a compound each: then the text stays as it is.
            text = canonical_mixture(text) or text
        asked = self.model.prompts[task] + text
        vocabularies = (self.model.vocabulary, self.model.chemistry_vocabulary)
        ids = tuple([*v.encode(asked), v.eos_id] for v in vocabularies if v is not None)
        longest = self.model.max_lengths["inputs"]
        if (length := _length(ids)) > longest:
            return f"too long: {length} tokens with the prompt, the model reads {longest}"
        return ids

    def _target_ids(self, text: str) -> list[int] | str:
        ids = [*self.model.vocabulary.encode(text), self.model.vocabulary.eos_id]
        longest = self.model.max_lengths["targets"]
        if len(ids) > longest:
            return f"target too long: {len(ids)} tokens, the model writes {longest}"
        return ids

    def _batches(self, asked: Sequence[Ids | str]) -> Iterator[tuple[list[int], int, int]]:
        """Yields (numbers of rows, padded length, padded number of rows); skips what has no ids."""
        buckets: dict[int, list[int]] = {}
        longest = self.model.max_lengths["inputs"]
        for row, ids in enumerate(asked):
            if not isinstance(ids, str):
                buckets.setdefault(_bucket(_length(ids), longest), []).append(row)
        size = 1 if len(asked) == 1 else self.batch_size
        for length, rows in sorted(buckets.items()):
            for start in range(0, len(rows), size):
                yield rows[start : start + size], length, size

    def _decode(
        self, asked: Sequence[Ids | str], settings: Decoding, options: Options
    ) -> list[_Answers]:
        """Returns tokens and log-likelihoods of each row's answers, best first."""
        answers: list[_Answers] = [[] for _ in asked]
        waiting = list(asked)
        for length in _lengths(settings):
            is_short = length < settings.length
            shorter = dataclasses.replace(settings, length=length, drop_unfinished=is_short)
            for rows, places, size in self._batches(waiting):
                ids = [ids for row in rows if not isinstance(ids := waiting[row], str)]
                found = self._generate(_features(ids, places, size), shorter, options)
                for row, answer in zip(rows, found, strict=False):
                    answers[row] = answer
                    if any(self.model.vocabulary.eos_id in ids for ids, _ in answer):
                        waiting[row] = "done"
        return answers

    def _generate(
        self, batch: dict[str, np.ndarray], settings: Decoding, options: Options
    ) -> list[_Answers]:
        """Answers one batch; draws depend on the seed and the row's own ids."""
        rows = batch["encoder_input_tokens"]
        hashes = np.array([zlib.crc32(row.tobytes()) for row in rows], np.uint32)
        tokens, scores = jax.device_get(
            generation.generate(
                self.model.config,
                settings,
                self.model.vocabulary,
                self.model.params,
                batch,
                hashes,
                np.uint32(options.seed % 2**32),
                np.float32(options.temperature),
            )
        )
        return [
            # A search that found fewer beams has empty places.
            [(ids.tolist(), float(s)) for ids, s in zip(*row, strict=True) if ids.any()]
            for row in zip(tokens, scores, strict=True)
        ]

    def _candidates(
        self, task: str, answers: Iterable[tuple[list[int], float]], top: int | None
    ) -> tuple[Candidate, ...]:
        """Best first, as the search ranks them; equal texts once."""
        texts: dict[str, float] = {}
        for ids, log_likelihood in answers:
            text = self.compatibility.text(task, ids, self.model.vocabulary)
            texts.setdefault(text, log_likelihood)
        return tuple(
            _candidate(task, rank, text, log_likelihood)
            for rank, (text, log_likelihood) in enumerate(list(texts.items())[:top], start=1)
        )


def _hashable(config: Any) -> Any:
    """Returns a configuration with tuples for its lists."""
    parts = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    for name, value in parts.items():
        if dataclasses.is_dataclass(value):
            parts[name] = _hashable(value)
        elif isinstance(value, list):
            parts[name] = tuple(value)
    return dataclasses.replace(config, **parts)


def _check_task(task: str) -> None:
    if task not in PROMPTS:
        near = did_you_mean(task, PROMPTS)
        raise ValueError(f"Unknown task {task!r}.{near} The tasks are {', '.join(PROMPTS)}.")


def _candidate(task: str, rank: int, text: str, log_likelihood: float) -> Candidate:
    if task not in SMILES_OUTPUT:
        return Candidate(rank, text, log_likelihood, valid=None, canonical=None)
    spelled = None
    if _is_one_word(text):
        spelled = canonical_mixture(text) if task in REACTIONS else canonical(text)
    return Candidate(rank, text, log_likelihood, valid=spelled is not None, canonical=spelled)


def _is_one_word(text: str) -> bool:
    """Whether a text may be SMILES; RDKit passes over what stands behind a space or is not ASCII.

    Example:
        >>> _is_one_word("CCO"), _is_one_word("CCO ethanol"), _is_one_word("CCO日")
        (True, False, False)
    """
    return text.isascii() and len(text.split()) == 1


def _lengths(settings: Decoding) -> list[int]:
    """Returns the places to decode with, one after the other until an answer ends.

    What each step costs grows with the places, and most answers are short. A greedy answer that
    ends is the same with more places, and so is a search of Hugging Face's that is done. T5X's
    search and a mask that closes what is open look ahead to the last place, and draws with other
    places are other draws, so those have all of them.
    """
    looks_ahead = settings.semantics == "t5x" or settings.early_stopping == "never"
    if settings.samples or settings.valid_smiles or (settings.is_search and looks_ahead):
        return [settings.length]
    shorter = [length for length in _SHORT_ANSWERS if length < settings.length]
    return [*shorter, settings.length]


def _route(result: Result, precursors: Candidate, made: dict[str, Result]) -> Route:
    answer = made.get(precursors.canonical or "")
    if answer is None or not answer.candidates:
        return Route(precursors, None, closes=False)
    product = answer.best.canonical
    wanted = canonical(result.input)
    closes = product is not None and canonical(product) == wanted
    return Route(precursors, answer.best, closes)


def _all_good(rows: Sequence[T | str]) -> list[T]:
    bad = [f"row {number}: {row}" for number, row in enumerate(rows) if isinstance(row, str)]
    if bad:
        raise ValueError(f"{len(bad)} of {len(rows)} rows cannot be asked; {'; '.join(bad[:5])}.")
    return [row for row in rows if not isinstance(row, str)]


def _bucket(length: int, longest: int) -> int:
    """Returns the next power of two, 32 at least, or the longest that the model takes."""
    bucket = _FIRST_BUCKET
    while bucket < length:
        bucket *= 2
    return min(bucket, max(longest, length))


def _length(ids: Ids) -> int:
    return max(map(len, ids))


def _features(rows: Sequence[Ids], length: int, size: int) -> dict[str, np.ndarray]:
    """The model features of what is asked."""
    names = ("encoder_input_tokens", "chemistry_input_tokens")
    columns = zip(*rows, strict=True)
    return {name: _pad(column, length, size) for name, column in zip(names, columns, strict=False)}


def _pad(rows: Sequence[list[int]], length: int, size: int) -> Int[np.ndarray, "rows length"]:
    """Rows of ids in an array; missing rows are copies of the first."""
    padded = np.zeros((size, length), np.int32)
    for number in range(size):
        ids = rows[number] if number < len(rows) else rows[0]
        padded[number, : len(ids)] = ids
    return padded


def _shortened(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
