"""What a model answers: candidates, results, routes; and what may be asked of it: options."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Options:
    """How answers are found.

    Attributes:
        num_beams: beams of the search; 1 is greedy decoding, None what the model prefers.
        num_samples: draw so many answers instead; equal ones are given once.
        temperature: of the draws; small ones stay close to the likeliest answer.
        top: candidates to return; all when None.
        seed: of the draws. They depend on it and on the input, not on the other inputs (but for
            rounding, which batches of one and of many rows do differently).
        valid_smiles: write only SMILES whose syntax is right, see `t5chem.constrained`.
        max_length: tokens of the longest answer, end token included; the model's when None.

    Raises:
        ValueError: a value is out of range.
    """

    num_beams: int | None = None
    num_samples: int | None = None
    temperature: float = 1.0
    top: int | None = None
    seed: int = 0
    valid_smiles: bool = False
    max_length: int | None = None

    def __post_init__(self) -> None:
        for name in ("num_beams", "num_samples", "top"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value}: at least 1.")
        if self.num_beams is not None and self.num_samples is not None:
            raise ValueError(
                f"num_beams={self.num_beams} and num_samples={self.num_samples}: search for answers"
                " or draw them, not both."
            )
        if not self.temperature > 0:
            raise ValueError(
                f"temperature={self.temperature}: above 0; num_beams=1 decodes greedily."
            )
        if self.max_length is not None and self.max_length < 2:
            raise ValueError(f"max_length={self.max_length}: at least 2, one token and the end.")


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One answer.

    Attributes:
        rank: 1 is the best.
        text: as the model wrote it, to its end token.
        log_likelihood: natural logarithm of its probability, end token included; with
            `valid_smiles`, among the tokens that were allowed.
        valid: whether RDKit reads all of it and sanitises it; None for an answer that is no
            SMILES.
        canonical: RDKit's canonical SMILES, compounds sorted; None when there is none.
    """

    rank: int
    text: str
    log_likelihood: float
    valid: bool | None
    canonical: str | None


@dataclasses.dataclass(frozen=True)
class Result:
    """The answers to one input, or why there is none.

    Attributes:
        input: as it was given.
        candidates: best first; empty when the input could not be asked.
        error: what is wrong with the input; None when it was answered.
    """

    input: str
    candidates: tuple[Candidate, ...] = ()
    error: str | None = None

    @property
    def best(self) -> Candidate:
        """The first candidate.

        Raises:
            ValueError: the input was not answered; the message is `error`.
        """
        if not self.candidates:
            raise ValueError(self.error or f"The model wrote no answer to {self.input!r}.")
        return self.candidates[0]


@dataclasses.dataclass(frozen=True)
class Route:
    """Precursors of a product, and whether the forward task returns from them to it.

    Attributes:
        precursors: a candidate of the retrosynthesis.
        product: what the forward task makes of them; None for precursors that are not valid.
        closes: whether that is the product asked for, spelling aside.
    """

    precursors: Candidate
    product: Candidate | None
    closes: bool


@dataclasses.dataclass(frozen=True)
class RoundTrip:
    """The routes to one product, best first, or why there is none."""

    input: str
    routes: tuple[Route, ...] = ()
    error: str | None = None
