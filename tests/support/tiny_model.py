"""A model small enough to make in a test: two random Llama layers, a byte-level tokenizer, and a LoRA adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEXT = (
    "You are a helpful assistant. What is the status of my order? It left our warehouse this morning.",
    "The train leaves at nine. Please reply with a short answer, then the reason for the answer.",
    "Thanks for the help with the invoice! There is nothing else that I need today.",
    *["\n\n"] * 8,  # teaches a merge that can cross the end of a prompt
)

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

HERMES = (
    "{% if tools %}{{ '<|im_start|>system\nTools:\n' }}{% for tool in tools %}{{ tool | tojson + '\n' }}{% endfor %}"
    "{{ '<|im_end|>\n' }}{% endif %}{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' "
    "+ (message.content or '') }}{% for call in message.tool_calls or [] %}{{ '<tool_call>\n' }}"
    "{{ {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}{{ '\n</tool_call>' }}"
    "{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML that renders tools, with tool calls in the format of Hermes and Qwen."""


def make_tiny_model(folder: Path, *, seed: int = 0) -> Path:
    """Save a random model and its tokenizer into `folder` and return the folder; takes well under a second."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tiny_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.15,  # large enough that greedy answers vary
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_tiny_tokenizer() -> Any:
    """Train a byte-level BPE tokenizer with 320 tokens on a few lines; it can encode any text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=special[0],
        pad_token=special[3],
        extra_special_tokens=special[1:3],
        chat_template=CHATML,
        model_max_length=512,
    )


def make_tiny_adapter(base: Path, folder: Path, *, seed: int = 1, **changes: Any) -> Path:
    """Save a LoRA adapter of `base` with nonzero weights, and its tokenizer, as a training job does.

    `changes` override the LoraConfig.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        settings = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "init_lora_weights": False, **changes}
        config = LoraConfig(**settings)
        get_peft_model(model, config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def template_hash(folder: Path) -> str:
    """Return the chat template hash that training writes into the manifest."""
    from transformers import AutoTokenizer

    from shared.engine.text.template import ChatTemplate

    return ChatTemplate.of(AutoTokenizer.from_pretrained(folder)).hash
