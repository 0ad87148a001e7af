"""The vocabulary of a model folder, for ours and for the tokenizers of `transformers`."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import sentencepiece

from t5chem.vocabularies import SHIPPED, SentencePieceVocabulary

SPIECE = "spiece.model"
CHEMISTRY_SPIECE = "chemistry_spiece.model"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"

_SPECIAL = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
_SPACE = "▁"


def write_tokenizer_files(
    vocabulary: SentencePieceVocabulary, max_length: int, folder: str
) -> None:
    """Writes `spiece.model`, `tokenizer_config.json` and, if it can be, `tokenizer.json`.

    `T5Tokenizer` of `transformers` 5 puts a space before every word, which our vocabularies do not
    have, so for `chem` and `atoms` there is a `tokenizer.json` of their own. `AutoTokenizer` then
    gives the ids that `vocabulary` gives, but for texts that spell a special piece, such as `</s>`
    or `<0x41>`, and for some with two equally likely splits (`fff` as `ff`, `f` or `f`, `ff`).

    Args:
        vocabulary: whose model file is copied; a `tokenizer.json` beside that is copied too.
        max_length: most tokens of an input.
        folder: exists.
    """
    copy_file(vocabulary.model_file, os.path.join(folder, SPIECE))
    beside = os.path.join(os.path.dirname(vocabulary.model_file), TOKENIZER)
    is_ours = any(open_ours() == vocabulary for open_ours in SHIPPED.values())
    if is_ours:
        _write_json(tokenizer_json(vocabulary), os.path.join(folder, TOKENIZER))
    elif os.path.isfile(beside):
        copy_file(beside, os.path.join(folder, TOKENIZER))
    content = {
        "tokenizer_class": "PreTrainedTokenizerFast" if is_ours else "T5Tokenizer",
        "extra_ids": vocabulary.extra_ids,
        "model_max_length": max_length,
        "clean_up_tokenization_spaces": False,
        **_SPECIAL,
    }
    _write_json(content, os.path.join(folder, TOKENIZER_CONFIG))


def copy_file(source: str, target: str) -> None:
    """Copies a file, unless it is the target itself."""
    if not (os.path.exists(target) and os.path.samefile(source, target)):
        shutil.copyfile(source, target)


def _write_json(content: dict[str, Any], file: str) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    Path(file).write_text(text, encoding="utf-8")


def tokenizer_json(vocabulary: SentencePieceVocabulary) -> dict[str, Any]:
    """Returns a vocabulary as the library `tokenizers` writes one.

    For models of SentencePiece's unigram kind that do not normalise, put no space before the text
    and fall back to bytes, as `chem`.

    Args:
        vocabulary: to be written.
    """
    processor = sentencepiece.SentencePieceProcessor(model_file=vocabulary.model_file)
    count = processor.get_piece_size()
    scores = [float(processor.get_score(i)) for i in range(count)]
    # Only learned pieces have a score in the file that is not 0.
    best = max(score for score in scores if score != 0.0)
    pieces = [(str(processor.id_to_piece(i)), _score(processor, i, best)) for i in range(count)]
    pieces += [(f"<extra_id_{n}>", 0.0) for n in reversed(range(vocabulary.extra_ids))]
    special = [*range(3), *range(count, len(pieces))]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(i, pieces[i][0]) for i in special],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Metaspace",
            "replacement": _SPACE,
            "prepend_scheme": "never",
            "split": False,
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "</s>", "type_id": 0}},
            ],
            "pair": [
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "</s>", "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 0}},
                {"SpecialToken": {"id": "</s>", "type_id": 0}},
            ],
            "special_tokens": {
                "</s>": {"id": "</s>", "ids": [vocabulary.eos_id], "tokens": ["</s>"]}
            },
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
            ],
        },
        "model": {
            "type": "Unigram",
            "unk_id": vocabulary.unk_id,
            "vocab": pieces,
            "byte_fallback": True,
        },
    }


def _score(processor: sentencepiece.SentencePieceProcessor, i: int, best: float) -> float:
    """Returns the log-probability that SentencePiece reckons with for a piece."""
    score = float(processor.get_score(i))
    if score != 0.0 or processor.is_control(i) or processor.is_unknown(i) or processor.is_byte(i):
        return score
    # A given symbol has 0 in the file, and by SentencePiece's rule is better than all its parts.
    return len(processor.id_to_piece(i).encode()) * best - 0.1


def _added(number: int, content: str) -> dict[str, Any]:
    options = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": number, "content": content, "special": True, **options}
