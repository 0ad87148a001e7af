"""The README of a model folder: what the model is, what to ask it and how well it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from t5chem.fusion import FusionConfig
from t5chem.own_networks import Config, parameter_shapes
from t5chem.tokenizer_files import CHEMISTRY_SPIECE, SPIECE
from t5x.examples.t5.network import T5Config

_HEAD = """\
---
library_name: {library}
pipeline_tag: text2text-generation
tags: [chemistry, smiles, t5]
---

# {title}

{summary}

## Ask it

Each task has a prompt, which stands before the input:

| task | prompt |
|---|---|
{prompts}

```python
{code}
```

Inputs have at most {inputs} tokens, answers {targets}.

## Vocabulary

{vocabularies}
"""

_WITH_TRANSFORMERS = """\
from transformers import AutoTokenizer, T5ForConditionalGeneration

tokenizer = AutoTokenizer.from_pretrained(".")
model = T5ForConditionalGeneration.from_pretrained(".")
inputs = tokenizer("{example}", return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs)[0], skip_special_tokens=True))"""

_WITH_T5CHEM = """\
from t5chem import Predictor

print(Predictor.load(".").mol2text("CCO").best.text)"""


def model_card(
    config: Config,
    vocabulary: Mapping[str, Any],
    max_lengths: Mapping[str, int],
    info: Mapping[str, Any],
    prompts: Mapping[str, str],
) -> str:
    """Returns the text of the model card.

    Args:
        config: of the network.
        vocabulary: `name`, `sha256` and `vocab_size`; `chemistry` has those of a second one.
        max_lengths: most tokens of `inputs` and `targets`.
        info: as `LoadedModel.info`; what is not in it is not said.
        prompts: of each task.
    """
    is_t5 = isinstance(config, T5Config)
    example = prompts["mol2text"] + "CCO"
    chemistry = vocabulary.get("chemistry")
    text = _HEAD.format(
        library="transformers" if is_t5 else "t5chem",
        title="A T5 that speaks chemistry and English",
        summary=_summary(config, info),
        prompts="\n".join(
            f"| {task} | `{prompt}` |" if prompt else f"| {task} | none: the input stands alone |"
            for task, prompt in prompts.items()
        ),
        code=_WITH_TRANSFORMERS.format(example=example) if is_t5 else _WITH_T5CHEM,
        inputs=max_lengths["inputs"],
        targets=max_lengths["targets"],
        vocabularies=_vocabulary_line(vocabulary, SPIECE)
        + ("\n" + _vocabulary_line(chemistry, CHEMISTRY_SPIECE) if chemistry else ""),
    )
    if metrics := info.get("metrics"):
        text += "\n## Results\n\n" + _metrics_table(metrics)
    if training := info.get("training_config"):
        text += f"\n## Training\n\n```\n{training.rstrip()}\n```\n"
    return text


def _vocabulary_line(facts: Mapping[str, Any], file: str) -> str:
    return (
        f"`{facts['name']}`, {facts['vocab_size']:,} ids; SHA-256 of `{file}`: `{facts['sha256']}`."
    )


def _summary(config: Config, info: Mapping[str, Any]) -> str:
    sentences = [_sizes(config)]
    if "step" in info:
        sentences.append(f"Trained for {info['step']:,} steps.")
    if tasks := info.get("tasks"):
        sentences.append(f"Trained on {', '.join(f'`{task}`' for task in tasks)}.")
    return " ".join(sentences)


def _sizes(config: Config) -> str:
    shapes = parameter_shapes(config).values()
    if isinstance(config, FusionConfig):
        text, chemistry, decoder = config.text_encoder, config.chemistry_encoder, config.decoder
        return (
            f"{sum(map(math.prod, shapes)):,} parameters: a text encoder of "
            f"{text.num_encoder_layers} layers of width {text.emb_dim} and a chemistry encoder of "
            f"{chemistry.num_encoder_layers} of {chemistry.emb_dim}, joined by "
            f"{config.aggregation.replace('_', '-')}, and a decoder of "
            f"{decoder.num_decoder_layers} layers of width {decoder.emb_dim}."
        )
    return (
        f"{sum(map(math.prod, shapes)):,} parameters: {config.num_encoder_layers} + "
        f"{config.num_decoder_layers} layers of width {config.emb_dim}."
    )


def _metrics_table(metrics: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        f"| {task} | {name} | {value:.4g} |"
        for task, values in sorted(metrics.items())
        for name, value in sorted(values.items())
    ]
    return "\n".join(["| task | metric | value |", "|---|---|---|", *rows]) + "\n"
