"""Small tokenizers of the families that the BPE cache supports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from tests.support.tiny_model import TEXT

SEEDLING = Path(__file__).parents[3] / "services/training/seedling/tokenizer.json"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


def of_family(pattern: str | None, normalizer: Any = None) -> Tokenizer:
    """A byte-level BPE tokenizer that splits words by `pattern`."""
    made = Tokenizer(models.BPE())
    split = [pre_tokenizers.Split(Regex(pattern), "isolated")] if pattern else []
    made.pre_tokenizer = pre_tokenizers.Sequence([*split, pre_tokenizers.ByteLevel(False, use_regex=pattern is None)])
    if normalizer:
        made.normalizer = normalizer
    alphabet, special = pre_tokenizers.ByteLevel.alphabet(), ["<|im_start|>", "<|im_end|>", "<|im"]
    made.train_from_iterator(
        TEXT * 9, trainers.BpeTrainer(vocab_size=340, initial_alphabet=alphabet, special_tokens=special)
    )
    return made


FAMILIES = {
    "seedling": Tokenizer.from_file(str(SEEDLING)),
    "gpt2": of_family(None),
    "llama3": of_family(LLAMA3),
    "qwen": of_family(LLAMA3.replace("{1,3}", ""), normalizers.NFC()),
}
