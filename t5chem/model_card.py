"""The README of a model folder: what the model is, what to ask it and how well it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t5x.examples.t5.network import T5Config
from t5x.huggingface import tensor_places

_HEAD = """\
---
library_name: transformers
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
from transformers import AutoTokenizer, T5ForConditionalGeneration

tokenizer = AutoTokenizer.from_pretrained(".")
model = T5ForConditionalGeneration.from_pretrained(".")
inputs = tokenizer("{example}", return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs)[0], skip_special_tokens=True))
```

Inputs have at most {inputs} tokens, answers {targets}.

## Vocabulary

`{name}`, {vocab_size:,} ids; SHA-256 of `spiece.model`: `{sha256}`.
"""


def model_card(
    config: T5Config,
    vocabulary: Mapping[str, Any],
    max_lengths: Mapping[str, int],
    info: Mapping[str, Any],
    prompts: Mapping[str, str],
) -> str:
    """Returns the text of the model card.

    Args:
        config: of the network.
        vocabulary: `name`, `sha256` and `vocab_size`.
        max_lengths: most tokens of `inputs` and `targets`.
        info: as `LoadedModel.info`; what is not in it is not said.
        prompts: of each task.
    """
    text = _HEAD.format(
        title="A T5 that speaks chemistry and English",
        summary=_summary(config, info),
        prompts="\n".join(
            f"| {task} | `{prompt}` |" if prompt else f"| {task} | none: the input stands alone |"
            for task, prompt in prompts.items()
        ),
        example=prompts["mol2text"] + "CCO",
        **max_lengths,
        **{name: vocabulary[name] for name in ("name", "sha256", "vocab_size")},
    )
    if metrics := info.get("metrics"):
        text += "\n## Results\n\n" + _metrics_table(metrics)
    if training := info.get("training_config"):
        text += f"\n## Training\n\n```\n{training.rstrip()}\n```\n"
    return text


def _summary(config: T5Config, info: Mapping[str, Any]) -> str:
    count = sum(_product(place.shape) for place in tensor_places(config).values())
    sentences = [
        f"{count:,} parameters: {config.num_encoder_layers} + {config.num_decoder_layers} layers "
        f"of width {config.emb_dim}."
    ]
    if "step" in info:
        sentences.append(f"Trained for {info['step']:,} steps.")
    if tasks := info.get("tasks"):
        sentences.append(f"Trained on {', '.join(f'`{task}`' for task in tasks)}.")
    return " ".join(sentences)


def _product(shape: tuple[int, ...]) -> int:
    return shape[0] * (shape[1] if len(shape) > 1 else 1)


def _metrics_table(metrics: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        f"| {task} | {name} | {value:.4g} |"
        for task, values in sorted(metrics.items())
        for name, value in sorted(values.items())
    ]
    return "\n".join(["| task | metric | value |", "|---|---|---|", *rows]) + "\n"
