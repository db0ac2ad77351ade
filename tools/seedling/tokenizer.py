"""Trains seedling's tokenizer: byte-level BPE, every digit a token of its own, ChatML markers as special tokens."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tools.seedling.corpus import Document

END, PAD, TURN_START, TURN_END = "<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>"
SPECIAL = (END, PAD, TURN_START, TURN_END)  # in this order: ids 0, 1, 2, 3
TEMPLATE = Path(__file__).with_name("chat_template.jinja")


def train(documents: Iterable[Document], vocabulary: int, context: int) -> PreTrainedTokenizerFast:
    """`vocabulary` counts special tokens and the 256 bytes, so any text round-trips exactly."""
    tokenizer = Tokenizer(models.BPE())
    # Single digits: a number then costs its length, and sums can be learned place by place.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\d"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((piece for document in documents for piece in _pieces(document)), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[TURN_START, TURN_END],
        model_max_length=context,
        clean_up_tokenization_spaces=False,
        chat_template=TEMPLATE.read_text(encoding="utf-8"),
    )


def encode(tokenizer: PreTrainedTokenizerFast, document: Document) -> list[int]:
    """Token ids of one document, closed by the end token; conversations pass through the chat template."""
    text = document.text
    if document.messages:
        text = str(tokenizer.apply_chat_template(list(document.messages), tokenize=False))
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return [*ids, tokenizer.eos_token_id]


def _pieces(document: Document) -> list[str]:
    return [message["content"] for message in document.messages] or [document.text]
