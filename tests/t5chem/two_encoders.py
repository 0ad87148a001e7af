"""Two-encoder models of a few thousand parameters."""

import jax
import jax.numpy as jnp
import numpy as np

from t5chem.fusion import FusedTransformer, FusionConfig
from t5x.examples.t5.network import T5Config
from t5x.models import EncoderDecoderModel
from t5x.optimizers import Freezing, adamw
from tests.t5x.toy_model import VOCAB_SIZE, Vocabulary, toy_batch

ENCODERS = ("text_encoder/.*", "chemistry_encoder/.*")


def t5(**sizes) -> T5Config:
    small = {"emb_dim": 16, "num_heads": 2, "head_dim": 8, "mlp_dim": 24, "dropout_rate": 0.0}
    layers = {"num_encoder_layers": 1, "num_decoder_layers": 1}
    return T5Config(**{"vocab_size": VOCAB_SIZE, **small, **layers, **sizes})


def fusion_config(
    aggregation="cross_attention", two_vocabularies=False, **chemistry
) -> FusionConfig:
    """A chemistry encoder of another width than the others, unless told otherwise."""
    other = t5(**{"emb_dim": 24, "num_encoder_layers": 2, **chemistry})
    return FusionConfig(t5(), other, t5(), aggregation, two_vocabularies)


def fused_model(
    aggregation="cross_attention", frozen=(), two_vocabularies=False, **chemistry
) -> EncoderDecoderModel:
    optimizer = adamw(weight_decay=0.1)
    return EncoderDecoderModel(
        FusedTransformer(fusion_config(aggregation, two_vocabularies, **chemistry)),
        Vocabulary(),
        Vocabulary(),
        optimizer_def=Freezing(optimizer, frozen) if frozen else optimizer,
        loss_normalizing_factor="NUM_REAL_TARGET_TOKENS",
    )


def batch_of(model: EncoderDecoderModel, seed: int = 0, rows: int = 8) -> dict[str, np.ndarray]:
    """Rows of different lengths; with two vocabularies the second sequence has its own."""
    batch = toy_batch(seed, rows)
    if model.module.config.two_vocabularies:
        other = toy_batch(seed + 1000, rows, source=9)["encoder_input_tokens"]
        batch["chemistry_input_tokens"] = other
    return batch


def initial_params(model: EncoderDecoderModel, seed: int = 0):
    shapes = {name: value.shape for name, value in batch_of(model).items()}
    init = jax.jit(lambda key: model.get_initial_variables(key, shapes)["params"])
    return init(jax.random.key(seed))


def packed(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Puts the first two rows of a batch into one."""
    row: dict[str, np.ndarray] = {}
    for name, tokens in batch.items():
        real = "decoder_target_tokens" if name.startswith("decoder") else name
        parts = [tokens[i][batch[real][i] > 0] for i in range(2)]
        row[name] = np.concatenate(parts)[None]
        if name in ("encoder_input_tokens", "chemistry_input_tokens", "decoder_target_tokens"):
            numbers = [np.full(len(part), number) for number, part in enumerate(parts, start=1)]
            row[f"{name.partition('_')[0]}_segment_ids"] = np.concatenate(numbers)[None]
    return {name: jnp.asarray(tokens, jnp.int32) for name, tokens in row.items()}
