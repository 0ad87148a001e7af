"""Span corruption, T5's task of pre-training: spans of a text are left out and must be written.

15 % of the tokens are noise, in spans of 3 on average. In the inputs each span is one sentinel; the
targets are the sentinels, each with the tokens that it stands for (Raffel et al. 2020, section
3.1.4). So a text of n tokens has a fixed number of noise tokens and spans, and fixed lengths after
corruption, whatever is drawn. NumPy alone; `t5chem.preprocessors` has it as a step of SeqIO.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from t5x.errors import ConfigError

FEWEST: Final = 2
"""Tokens of the shortest text: one to keep, one to leave out."""


class Lengths(NamedTuple):
    """Tokens of a corrupted text, the end included.

    Attributes:
        inputs: what is left and a sentinel a span.
        targets: what was left out and a sentinel a span.
    """

    inputs: int
    targets: int


@dataclasses.dataclass(frozen=True)
class SpanCorruption:
    """How much is left out.

    Attributes:
        noise_density: share of the tokens, between 0 and 1.
        mean_noise_span_length: tokens of a span on average, at least 1.

    Raises:
        ConfigError: a number out of its range.

    Example:
        >>> SpanCorruption().lengths(568)
        Lengths(inputs=512, targets=114)
        >>> SpanCorruption().longest(512, 114)
        568
    """

    noise_density: float = 0.15
    mean_noise_span_length: float = 3.0

    def __post_init__(self) -> None:
        if not 0 < self.noise_density < 1:
            raise ConfigError(
                f"SpanCorruption.noise_density is {self.noise_density}: give a share between 0 and "
                "1, such as T5's 0.15.",
                "SpanCorruption.noise_density",
            )
        if self.mean_noise_span_length < 1:
            raise ConfigError(
                f"SpanCorruption.mean_noise_span_length is {self.mean_noise_span_length}: give 1 "
                "or more, such as T5's 3.0.",
                "SpanCorruption.mean_noise_span_length",
            )

    def noise(self, length: int) -> tuple[int, int]:
        """Returns (noise tokens, spans) of a text.

        Args:
            length: its tokens, `FEWEST` or more.
        """
        tokens = min(max(round(length * self.noise_density), 1), length - 1)
        spans = max(round(tokens / self.mean_noise_span_length), 1)
        return tokens, min(spans, length - tokens)

    def lengths(self, length: int) -> Lengths:
        """Returns the lengths of a corrupted text.

        Args:
            length: of the text, `FEWEST` or more.
        """
        tokens, spans = self.noise(length)
        return Lengths(length - tokens + spans + 1, tokens + spans + 1)

    def longest(self, inputs: int, targets: int) -> int:
        """Returns how long a text may be that fits corrupted.

        Args:
            inputs: most tokens of the inputs, the end included.
            targets: of the targets, likewise.

        Raises:
            ConfigError: not even the shortest text fits.
        """

        def fits(length: int) -> bool:
            found = self.lengths(length)
            return found.inputs <= inputs and found.targets <= targets

        if not fits(FEWEST):
            raise ConfigError(
                f"TASK_FEATURE_LENGTHS gives inputs {inputs} and targets {targets} tokens; a text "
                f"of {FEWEST} tokens becomes {tuple(self.lengths(FEWEST))}: give more.",
                "DatasetConfig.task_feature_lengths",
            )
        length = FEWEST
        while fits(length + 1):
            length += 1
        return length

    def corrupt(
        self, tokens: Int[np.ndarray, " length"], sentinels: Sequence[int], rng: np.random.Generator
    ) -> tuple[Int[np.ndarray, " inputs"], Int[np.ndarray, " targets"]]:
        """Returns inputs and targets, without end.

        Args:
            tokens: of the text, `FEWEST` or more.
            sentinels: ids of the first, second, ... span; as many as there are spans, or more.
            rng: draws the spans.

        Raises:
            ConfigError: there are fewer sentinels than spans.
        """
        noise, spans = self.noise(len(tokens))
        if spans > len(sentinels):
            raise ConfigError(
                f"A text of {len(tokens)} tokens has {spans} spans, the vocabulary "
                f"{len(sentinels)} sentinels: give shorter TASK_FEATURE_LENGTHS.",
                "DatasetConfig.task_feature_lengths",
            )
        mask = noise_mask(len(tokens), noise, spans, rng)
        chosen = np.asarray(sentinels[:spans], tokens.dtype)
        begins = mask & ~np.concatenate([[False], mask[:-1]])
        inputs = tokens.copy()
        inputs[begins] = chosen
        return inputs[~mask | begins], np.insert(tokens[mask], np.flatnonzero(begins[mask]), chosen)


def noise_mask(
    length: int, noise: int, spans: int, rng: np.random.Generator
) -> Bool[np.ndarray, " length"]:
    """Returns which tokens are noise: so many spans of them, with kept tokens between.

    All ways are equally likely. T5's own draw begins with kept tokens and ends with noise, which
    does not matter to texts that are cut somewhere; the one span of a short SMILES would always be
    its end.

    Args:
        length: of the text.
        noise: tokens that are noise.
        spans: of noise; at least `spans - 1` tokens are kept.
        rng: draws them.

    Example:
        >>> noise_mask(4, 3, 2, np.random.default_rng(0)).sum()
        np.int64(3)
    """
    # Before the first span and behind the last there may be nothing.
    kept = _composition(length - noise + 2, spans + 1, rng)
    kept[[0, -1]] -= 1
    left_out = _composition(noise, spans, rng)
    sizes = np.zeros(2 * spans + 1, int)
    sizes[::2], sizes[1::2] = kept, left_out
    return np.repeat(np.arange(len(sizes)) % 2 == 1, sizes)


def _composition(total: int, parts: int, rng: np.random.Generator) -> Int[np.ndarray, " parts"]:
    """Draws one of the ways to write `total` as a sum of so many positive numbers."""
    cuts = np.sort(rng.choice(total - 1, parts - 1, replace=False)) + 1
    return np.diff(np.concatenate([[0], cuts, [total]]))
