"""Pretrains seedling from scratch: corpus, tokenizer, packed sequences, training loop, model folder."""

# ruff: noqa: T201 - a script that prints its progress

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch.nn.utils import clip_grad_norm_
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from shared.engine.process.malloc import retain_freed_memory
from tools.seedling import tokenizer as tokenization
from tools.seedling.corpus import Document, generate_documents
from tools.seedling.wordnet import read_senses


@dataclass(frozen=True)
class Recipe:
    """All settings that determine the result; `tokens` is the training budget."""

    tokens: int = 1_500_000
    seed: int = 7
    sequence_length: int = 512
    batch_size: int = 4
    learning_rate: float = 3e-3
    warmup_steps: int = 50
    vocab_size: int = 3072
    tokenizer_documents: int = 8_000
    held_out_documents: int = 400


def pretrain(recipe: Recipe, wordnet: Path, out: Path) -> None:
    """Train the model and write a Hugging Face model folder (safetensors, bf16) to `out`."""
    retain_freed_memory()
    torch.manual_seed(recipe.seed)
    senses = read_senses(wordnet)
    tokenizer = tokenization.train_tokenizer(
        islice(generate_documents(recipe.seed, senses), recipe.tokenizer_documents), recipe.vocab_size, max_length=2048
    )
    model = LlamaForCausalLM(_config(tokenizer))
    held_out = pack(
        tokenizer,
        islice(generate_documents(recipe.seed + 1, senses), recipe.held_out_documents),
        recipe.sequence_length,
    )
    validation = list(islice(held_out, 16))
    use_bfloat16 = bfloat16_is_faster()
    steps = recipe.tokens // (recipe.sequence_length * recipe.batch_size)
    print(
        f"{model.num_parameters():,} parameters, {steps} steps, {len(senses):,} senses, bfloat16 {use_bfloat16}",
        flush=True,
    )

    optimizer = torch.optim.AdamW(_param_groups(model), lr=recipe.learning_rate, betas=(0.9, 0.95), fused=True)
    stream = pack(tokenizer, generate_documents(recipe.seed, senses), recipe.sequence_length)
    started = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _lr_factor(step, steps, recipe.warmup_steps)
        loss = cross_entropy(model, list(islice(stream, recipe.batch_size)), use_bfloat16)
        loss.backward()
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 25 == 0:
            tokens_seen = (step + 1) * recipe.sequence_length * recipe.batch_size
            tokens_per_second = tokens_seen / (time.monotonic() - started)
            print(
                f"step {step} tokens {tokens_seen:,} loss {loss.item():.3f} {tokens_per_second:,.0f} tokens/s",
                flush=True,
            )
    with torch.no_grad():
        print(f"held-out loss {cross_entropy(model, validation, use_bfloat16).item():.3f}", flush=True)
    save(model, tokenizer, out)


PackedSequence = tuple[list[int], list[int]]
"""Token ids and position ids, each of length `sequence_length`."""


def pack(tokenizer: PreTrainedTokenizerFast, source: Iterator[Document], length: int) -> Iterator[PackedSequence]:
    """Concatenate documents and cut them to `length` tokens; position ids restart at each document."""
    ids: list[int] = []
    positions: list[int] = []
    for document in source:
        tokens = tokenization.encode(tokenizer, document)
        ids += tokens
        positions += range(len(tokens))
        while len(ids) >= length:
            yield ids[:length], positions[:length]
            ids, positions = ids[length:], positions[length:]


def cross_entropy(model: LlamaForCausalLM, batch: list[PackedSequence], use_bfloat16: bool) -> torch.Tensor:
    """Return the mean cross-entropy in nats per token.

    transformers separates packed documents by their position ids, but only without an attention mask and a cache.
    The label of a document's first token is masked because nothing in the document predicts it.
    """
    ids = torch.tensor([sequence[0] for sequence in batch])
    positions = torch.tensor([sequence[1] for sequence in batch])
    labels = ids.masked_fill(positions == 0, -100)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=use_bfloat16):
        output = model(input_ids=ids, position_ids=positions, labels=labels, use_cache=False)
    return output.loss


def bfloat16_is_faster() -> bool:
    """Whether bfloat16 matmuls are faster than float32 on this CPU; without AVX-512 they can be 100 times slower."""
    seconds = []
    for dtype in (torch.float32, torch.bfloat16):
        left, right = torch.ones(512, 256, dtype=dtype), torch.ones(256, 768, dtype=dtype)
        left @ right
        started = time.monotonic()
        left @ right
        seconds.append(time.monotonic() - started)
    return seconds[1] < seconds[0]


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Save the model in bfloat16 and its tokenizer; generation stops at the end of a turn or of the text."""
    turn_end = tokenizer.convert_tokens_to_ids(tokenization.TURN_END)
    model.generation_config = GenerationConfig(
        eos_token_id=[turn_end, tokenizer.eos_token_id], pad_token_id=tokenizer.pad_token_id
    )
    torch.nn.Module.bfloat16(model)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def _config(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        num_hidden_layers=5,
        intermediate_size=768,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _param_groups(model: LlamaForCausalLM) -> list[dict[str, object]]:
    """Apply weight decay to matrices only, not to norm weights."""
    matrices = [weight for weight in model.parameters() if weight.dim() > 1]
    vectors = [weight for weight in model.parameters() if weight.dim() == 1]
    return [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]


def _lr_factor(step: int, steps: int, warmup: int) -> float:
    """Return the learning-rate factor: linear warmup, then cosine decay to 5 %."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress))
