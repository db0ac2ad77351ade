"""Trains seedling's tokenizer: byte-level BPE with single-digit tokens and ChatML special tokens."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tools.seedling.corpus import Document

END, PAD, TURN_START, TURN_END = "<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>"
SPECIAL = (END, PAD, TURN_START, TURN_END)  # ids 0 to 3, in this order
TEMPLATE = Path(__file__).with_name("chat_template.jinja")


def train_tokenizer(documents: Iterable[Document], vocab_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """Train on `documents`. `vocab_size` includes the special tokens and all 256 bytes, so any text round-trips."""
    tokenizer = Tokenizer(models.BPE())
    # One token per digit aligns numbers by place value, which makes arithmetic learnable.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\d"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text for document in documents for text in _texts(document)), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[TURN_START, TURN_END],
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
        chat_template=TEMPLATE.read_text(encoding="utf-8"),
    )


def encode(tokenizer: PreTrainedTokenizerFast, document: Document) -> list[int]:
    """Return the token ids of one document with a final end token; conversations use the chat template."""
    text = document.text
    if document.messages:
        text = str(tokenizer.apply_chat_template(list(document.messages), tokenize=False))
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return [*ids, tokenizer.eos_token_id]


def _texts(document: Document) -> list[str]:
    return [message["content"] for message in document.messages] or [document.text]
