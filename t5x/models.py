"""Encoder-decoder models: what the trainer, the evaluator and the user ask of a network.

Importable without TensorFlow, SeqIO and gin: only training asks for SeqIO's feature converter.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from t5x import decoding, losses, metrics
from t5x.chunked_loss import LossSums, Settings, chunked_cross_entropy
from t5x.errors import ConfigError
from t5x.optimizers import OptimizerDef, Tree

Batch = Mapping[str, Any]


class Vocabulary(Protocol):
    """What a model needs of a vocabulary; SeqIO's are such."""

    @property
    def eos_id(self) -> int | None:
        """Id of the token that ends a sequence."""

    @property
    def vocab_size(self) -> int:
        """Number of ids."""


class EncoderDecoderModel:
    """A Flax encoder-decoder with its losses, scores and predictions.

    Args:
        module: a Flax module with `__call__`, `encode` and `decode` as `network.Transformer` has.
            The names in its `further_inputs`, if it has any, are model features that `__call__`
            and `encode` take besides, such as a second sequence of tokens; a batch need not have
            those for packed rows.
        input_vocabulary: of the encoder.
        output_vocabulary: of the decoder; its `eos_id` ends a prediction.
        optimizer_def: used by training only; None for a model that only predicts.
        decode_fn: `decoding.beam_search`, `decoding.temperature_sample` or one of their kind.
        feature_converter_cls: a SeqIO feature converter; None is `seqio.EncDecFeatureConverter`.
        label_smoothing: see `losses.compute_weighted_cross_entropy`.
        z_loss: likewise.
        loss_normalizing_factor: see `losses.LossNormalizingFactor`.
        default_decoder_params: arguments of `decode_fn` that `predict_batch` always passes.
        loss_over_padding: padding behind the targets is to be predicted like a word, as by trainers
            that do not mask it, and the decoder sees it. For rows of one example each.
        loss_chunks: make the loss of so many slices of the targets one after the other, so that
            the logits of one exist at once (`chunked_loss`); it must divide their length. The
            module's `__call__` must take a `head`, as `network.Transformer`'s does. None makes all
            logits.
    """

    def __init__(
        self,
        module: nn.Module,
        input_vocabulary: Vocabulary,
        output_vocabulary: Vocabulary,
        optimizer_def: OptimizerDef | None = None,
        decode_fn: Callable[..., Any] = decoding.beam_search,
        feature_converter_cls: Callable[..., Any] | None = None,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        loss_normalizing_factor: losses.LossNormalizingFactor = None,
        default_decoder_params: Mapping[str, Any] | None = None,
        loss_over_padding: bool = False,
        loss_chunks: int | None = None,
    ) -> None:
        losses.parse_normalizing_factor(loss_normalizing_factor)
        if loss_chunks is not None:
            _check_takes_head(module)
        self.module = module
        self.input_vocabulary = input_vocabulary
        self.output_vocabulary = output_vocabulary
        self.optimizer_def = optimizer_def
        self.default_decoder_params = dict(default_decoder_params or {})
        self._decode_fn = decode_fn
        self._feature_converter_cls = feature_converter_cls
        self._label_smoothing = label_smoothing
        self._z_loss = z_loss
        self._loss_normalizing_factor = loss_normalizing_factor
        self._loss_over_padding = loss_over_padding
        self._loss_chunks = loss_chunks

    @property
    def FEATURE_CONVERTER_CLS(self) -> Callable[..., Any]:
        """SeqIO's converter from task features to model features."""
        if self._feature_converter_cls is None:
            import seqio  # TensorFlow comes with it: only those who train pay for it.

            return seqio.EncDecFeatureConverter
        return self._feature_converter_cls

    def get_initial_variables(
        self,
        rng: Array,
        input_shapes: Mapping[str, tuple[int, ...]],
        input_types: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Returns `params` and `params_axes` of the freshly initialised module.

        Args:
            rng: a key.
            input_shapes: of the model features, such as `{'encoder_input_tokens': (8, 128), ...}`.
            input_types: of the model features; int32 when None.
        """
        types = input_types or {}

        def ones(name: str) -> Array:
            return jnp.ones(input_shapes[name], types.get(name, jnp.int32))

        targets = ones("decoder_target_tokens")
        further: dict[str, Any] = {name: ones(name) for name in self._further_inputs(input_shapes)}
        return self.module.init(
            rng, ones("encoder_input_tokens"), targets, targets, enable_dropout=False, **further
        )

    def _further_inputs(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what the module's encoder reads of a batch besides a plain T5's inputs."""
        names = getattr(self.module, "further_inputs", ())
        return {name: batch[name] for name in names if name in batch}

    def _logits(
        self,
        params: Tree,
        batch: Batch,
        dropout_rng: Array | None = None,
        mutable: Any = False,
        **further: Any,
    ) -> Any:
        return self.module.apply(
            {"params": params},
            batch["encoder_input_tokens"],
            batch["decoder_input_tokens"],
            batch["decoder_target_tokens"],
            encoder_segment_ids=batch.get("encoder_segment_ids"),
            decoder_segment_ids=batch.get("decoder_segment_ids"),
            encoder_positions=batch.get("encoder_positions"),
            decoder_positions=batch.get("decoder_positions"),
            enable_dropout=dropout_rng is not None,
            rngs=None if dropout_rng is None else {"dropout": dropout_rng},
            mutable=mutable,
            **self._further_inputs(batch),
            **further,
        )

    def loss_normalizer(self, batch: Batch) -> float | Float[Array, ""] | None:
        """Returns what the loss of the whole batch is divided by (None: nothing).

        A trainer that cuts the batch into micro-batches computes it once for all of them.
        """
        factor, _ = losses.get_loss_normalizing_factor_and_weights(
            self._loss_normalizing_factor, self._weighted(batch)
        )
        return factor

    def _weighted(self, batch: Batch) -> Batch:
        """Returns the batch with a weight at every target place if padding is to be predicted."""
        if not self._loss_over_padding:
            return batch
        if "decoder_segment_ids" in batch:
            raise ConfigError(
                "EncoderDecoderModel.loss_over_padding (LOSS_OVER_PADDING) is True, and rows are "
                "packed: padding belongs to none of their examples. Set "
                "train/utils.DatasetConfig.pack and train_eval/utils.DatasetConfig.pack to False, "
                "or LOSS_OVER_PADDING to False.",
                "EncoderDecoderModel.loss_over_padding",
            )
        return {**batch, "decoder_loss_weights": jnp.ones_like(batch["decoder_target_tokens"])}

    def loss_fn(
        self,
        params: Tree,
        batch: Batch,
        dropout_rng: Array | None,
        loss_normalizer: float | Float[Array, ""] | None = None,
    ) -> tuple[Float[Array, ""], metrics.MetricsMap]:
        """Returns the loss and the metrics of a batch.

        Args:
            params: of the module.
            batch: model features.
            dropout_rng: None switches dropout off.
            loss_normalizer: of the batch that this one was cut from; None: of this one.
        """
        batch = seen = self._weighted(batch)
        if self._loss_over_padding:
            # The network masks places whose target is padding: none is to be.
            seen = {
                **batch,
                "decoder_target_tokens": jnp.maximum(batch["decoder_target_tokens"], 1),
            }
        factor, weights = losses.get_loss_normalizing_factor_and_weights(
            self._loss_normalizing_factor, batch
        )
        factor = factor if loss_normalizer is None else loss_normalizer
        sums = self._loss_sums(params, seen, batch["decoder_target_tokens"], weights, dropout_rng)
        loss, z_loss = (x if factor is None else x / factor for x in (sums.loss, sums.z_loss))
        named = self._compute_metrics(sums.correct, batch, weights, loss, z_loss)
        # T5X's names divide what the factor has divided already; by this one all runs compare.
        return loss, {**named, "token_loss": metrics.Ratio(sums.loss, jnp.sum(weights))}

    def _loss_sums(
        self,
        params: Tree,
        batch: Batch,
        targets: Int[Array, "batch length"],
        weights: Float[Array, "batch length"],
        dropout_rng: Array | None,
    ) -> LossSums:
        """Returns the batch's sums; `targets` are those of `batch`, but for padding."""
        num_chunks = self._loss_chunks
        if num_chunks is None:
            logits = self._logits(params, batch, dropout_rng)
            loss, z_loss, _ = losses.compute_weighted_cross_entropy(
                logits, targets, weights, self._label_smoothing, self._z_loss
            )
            return LossSums(loss, z_loss, metrics.count_correct(logits, targets, weights))

        def head(hidden: Array, table: Array, scale: float) -> LossSums:
            settings = Settings(num_chunks, scale, self._label_smoothing, self._z_loss)
            return chunked_cross_entropy(hidden, table, targets, weights, settings)

        return self._logits(params, batch, dropout_rng, head=head)

    def eval_fn(self, params: Tree, batch: Batch) -> tuple[Float[Array, ""], metrics.MetricsMap]:
        """Returns the loss and the metrics of a batch, without dropout."""
        return self.loss_fn(params, batch, dropout_rng=None)

    def _compute_metrics(
        self, num_correct: Array, batch: Batch, weights: Array, loss: Array, z_loss: Array
    ) -> metrics.MetricsMap:
        segment_ids = {
            side: batch[f"{side}_segment_ids"]
            for side in ("encoder", "decoder")
            if f"{side}_segment_ids" in batch
        }
        names = ("encoder_input_tokens", "decoder_target_tokens")
        return metrics.compute_base_metrics(
            num_correct,
            batch["decoder_target_tokens"],
            weights,
            loss,
            z_loss,
            segment_ids=segment_ids,
            inputs={name: batch[name] for name in names},
        )

    def score_batch(
        self, params: Tree, batch: Batch, return_intermediates: bool = False
    ) -> Float[Array, " batch"] | tuple[Float[Array, " batch"], Mapping[str, Any]]:
        """Returns the log-likelihood of each row's targets given its inputs.

        Args:
            params: of the module.
            batch: model features; `decoder_loss_weights` choose the tokens that count.
            return_intermediates: also return what the module's layers `sow`.
        """
        intermediates: Mapping[str, Any] = {}
        if return_intermediates:
            logits, variables = self._logits(params, batch, mutable=["intermediates"])
            intermediates = variables.get("intermediates", {})
        else:
            logits = self._logits(params, batch)
        targets = batch["decoder_target_tokens"]
        weights = batch.get("decoder_loss_weights", targets > 0).astype(jnp.float32)
        log_probs = jax.nn.log_softmax(logits.astype(jnp.float32), axis=-1)
        token_scores = jnp.take_along_axis(log_probs, targets[..., None], axis=-1)[..., 0]
        scores = jnp.sum(token_scores * weights, axis=-1)
        return (scores, intermediates) if return_intermediates else scores

    def predict_batch_with_aux(
        self,
        params: Tree,
        batch: Batch,
        rng: Array | None = None,
        decoder_params: Mapping[str, Any] | None = None,
        return_all_decodes: bool | None = None,
        num_decodes: int | None = None,
        prompt_with_targets: bool = False,
    ) -> tuple[Array, Mapping[str, Array]]:
        """Decodes a batch.

        The inputs are encoded once, their keys and values for cross-attention projected once, and
        all beams or samples of a row read that one copy.

        Args:
            params: of the module.
            batch: `encoder_input_tokens` (and the module's `further_inputs`), and
                `decoder_input_tokens` whose length is the longest prediction.
            rng: for sampling.
            decoder_params: further arguments of the decoding function; they beat
                `default_decoder_params`.
            return_all_decodes: all beams or samples, sorted worst to best, instead of the best.
            num_decodes: beams or samples a row; the decoding function's own default when None.
            prompt_with_targets: begin every prediction with the row's `decoder_input_tokens`.

        Returns:
            Tokens `[batch, length]` (or `[batch, num_decodes, length]`) and `{'scores': ...}`
            `[batch]` (or `[batch, num_decodes]`).
        """
        inputs = batch["encoder_input_tokens"]
        prompts = batch["decoder_input_tokens"]
        if not prompt_with_targets:
            prompts = jnp.zeros_like(prompts)
        arguments = {**self.default_decoder_params, **(decoder_params or {})}
        if num_decodes is not None:
            arguments["num_decodes"] = num_decodes
        if rng is not None:
            arguments["decode_rng"] = rng
        encoded, cache = self._encode(params, inputs, prompts, self._further_inputs(batch))
        all_tokens, all_scores = self._decode_fn(
            inputs=prompts,
            cache=cache,
            tokens_to_logits=functools.partial(
                self._step_logits, params, encoded, inputs, prompts.shape[1]
            ),
            eos_id=self.output_vocabulary.eos_id,
            **arguments,
        )
        if return_all_decodes:
            return all_tokens, {"scores": all_scores}
        return all_tokens[:, -1], {"scores": all_scores[:, -1]}

    def predict_batch(self, params: Tree, batch: Batch, rng: Array | None = None) -> Array:
        """Returns the best prediction a row, `[batch, length]`."""
        return self.predict_batch_with_aux(params, batch, rng)[0]

    def _encode(
        self,
        params: Tree,
        inputs: Int[Array, "batch source"],
        prompts: Int[Array, "batch target"],
        further: Mapping[str, Any],
    ) -> tuple[Array, Tree]:
        """Returns the encoder's output and a cache with the inputs' keys and values in it."""
        encoded: Any = self.module.apply(
            {"params": params}, inputs, enable_dropout=False, method="encode", **further
        )
        # Of this call only the cache is used, so the compiler drops the decoder's arithmetic.
        _, variables = self.module.apply(
            {"params": params},
            encoded,
            inputs,
            prompts,
            prompts,
            enable_dropout=False,
            decode=True,
            mutable=["cache"],
            method="decode",
        )
        return encoded, variables["cache"]

    def _step_logits(
        self, params: Tree, encoded: Array, inputs: Array, max_length: int, state: Any
    ) -> tuple[Float[Array, "rows vocab"], Tree]:
        """One decoding step, as `decoding` asks for it."""
        logits, variables = self.module.apply(
            {"params": params, "cache": state.cache},
            encoded,
            inputs,
            state.cur_token,
            state.cur_token,
            enable_dropout=False,
            decode=True,
            max_decode_length=max_length,
            mutable=["cache"],
            method="decode",
        )
        return logits[:, 0], variables["cache"]


def _check_takes_head(module: nn.Module) -> None:
    if "head" not in inspect.signature(type(module).__call__).parameters:
        raise ConfigError(
            f"loss_chunks needs a module whose __call__ takes a head, and {type(module).__name__} "
            "makes all its logits itself: set loss_chunks to None.",
            "EncoderDecoderModel.loss_chunks",
        )
