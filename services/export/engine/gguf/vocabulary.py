"""The tokenizer in a GGUF file: tokens, merges, special tokens and chat template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gguf import GGUFWriter, TokenType

from services.export.engine.gguf.architectures import refuse
from shared.engine.text.template import ChatTemplate

GPT2 = ("gpt2",)
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|")
PRE_TOKENIZERS: Mapping[tuple[tuple[str, ...], bool], str] = {
    (GPT2, False): "gpt-2",
    (("digits", "gpt2"), False): "smollm",
    ((r"\d", "gpt2"), False): "smollm",
    ((r"\p{N}", "gpt2"), False): "smollm",
    ((QWEN2,), False): "qwen2",
    ((LLAMA3,), True): "llama-bpe",
}
"""llama.cpp's name of a pre-tokenizer, by its steps in tokenizer.json and `ignore_merges` (src/llama-vocab.cpp)."""


def add_vocabulary(writer: GGUFWriter, tokenizer: Any, template: ChatTemplate, size: int) -> None:
    """Add a byte-level BPE tokenizer with `size` tokens, as many as the model has embeddings.

    Raises EngineError `gguf_unsupported` for a tokenizer that llama.cpp does not have.
    """
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre_tokenizer(backend))
    added = {token["id"]: token for token in backend["added_tokens"]}
    by_id = {id: token for token, id in tokenizer.get_vocab().items()}
    writer.add_token_list([by_id.get(id, f"[PAD{id}]") for id in range(size)])
    writer.add_token_types([_token_type(id in by_id, added.get(id)) for id in range(size)])
    merges = backend["model"]["merges"]
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    _add_special_tokens(writer, tokenizer, template)


def pre_tokenizer(backend: Mapping[str, Any]) -> str:
    """llama.cpp's name for the pre-tokenizer of a tokenizer.json. Raises EngineError `gguf_unsupported`."""
    model, normalizer = backend["model"], backend["normalizer"]
    if model["type"] != "BPE" or model.get("byte_fallback"):
        kind = "SentencePiece's BPE" if model["type"] == "BPE" else model["type"]
        refuse(f"this tokenizer ({kind}; only byte-level BPE can be written)")
    if normalizer is not None and normalizer["type"] != "NFC":
        refuse(f"this tokenizer (the normalizer {normalizer['type']})")
    for token in backend["added_tokens"]:
        if token["lstrip"] or token["rstrip"] or token["single_word"]:
            refuse(f"this tokenizer (the token {token['content']!r} strips spaces)")
    steps = _steps(backend["pre_tokenizer"] or {"type": "none"})
    name = PRE_TOKENIZERS.get((steps, bool(model.get("ignore_merges"))))
    if name is None:
        refuse(f"this tokenizer (the pre-tokenizer {' + '.join(steps)})")
    return name


def needs_nfc(tokenizer: Any) -> bool:
    """Whether the tokenizer composes characters (NFC) first, which llama.cpp does not."""
    return json.loads(tokenizer.backend_tokenizer.to_str())["normalizer"] is not None


def _steps(step: Mapping[str, Any]) -> tuple[str, ...]:
    """The splits of a pre-tokenizer: their regular expressions, `digits`, and `gpt2` for that of ByteLevel."""
    kind = step["type"]
    if kind == "Sequence":
        return tuple(name for part in step["pretokenizers"] for name in _steps(part))
    if kind == "Digits" and step["individual_digits"]:
        return ("digits",)
    if kind == "Split" and step["behavior"] == "Isolated" and not step["invert"]:
        return tuple(step["pattern"].values())
    if kind == "ByteLevel" and not step["add_prefix_space"]:
        return GPT2 if step["use_regex"] else ()
    return (kind,)


def _token_type(known: bool, added: Mapping[str, Any] | None) -> TokenType:
    if not known:
        return TokenType.UNUSED
    if added is None:
        return TokenType.NORMAL
    return TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED


def _add_special_tokens(writer: GGUFWriter, tokenizer: Any, template: ChatTemplate) -> None:
    """Add the ids of special tokens. The first stop token of the template ends a turn (`eot`)."""
    eos = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else next(iter(template.stop_ids), None)
    for id, add in (
        (tokenizer.bos_token_id, writer.add_bos_token_id),
        (eos, writer.add_eos_token_id),
        (next((id for id in template.stop_ids if id != eos), None), writer.add_eot_token_id),
        (tokenizer.unk_token_id, writer.add_unk_token_id),
        (tokenizer.pad_token_id, writer.add_pad_token_id),
    ):
        if id is not None:
            add(id)
    ids = tokenizer("a").input_ids
    writer.add_add_bos_token(ids[0] == tokenizer.bos_token_id)
    writer.add_add_eos_token(False)
    writer.add_chat_template(template.source)
