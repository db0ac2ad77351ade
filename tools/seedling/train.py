"""Pre-trains seedling from nothing: corpus, tokenizer, packed rows, one loop, one folder. Reads from top to bottom."""

# ruff: noqa: T201 - a script: its progress goes to the terminal

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
from tools.seedling.corpus import Document, documents
from tools.seedling.wordnet import read_senses


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result; `tokens` is the budget in tokens, padding not counted (there is none)."""

    tokens: int = 1_500_000
    seed: int = 7
    row: int = 512
    rows_per_step: int = 4
    learning_rate: float = 3e-3
    warmup_steps: int = 50
    vocabulary: int = 3072
    tokenizer_documents: int = 8_000
    held_out_documents: int = 400


def run(recipe: Recipe, wordnet: Path, out: Path) -> None:
    """Train and write a complete Hugging Face model folder (safetensors, bf16) to `out`."""
    retain_freed_memory()
    torch.manual_seed(recipe.seed)
    senses = read_senses(wordnet)
    tokenizer = tokenization.train(
        islice(documents(recipe.seed, senses), recipe.tokenizer_documents), recipe.vocabulary, context=2048
    )
    model = LlamaForCausalLM(_config(tokenizer))
    held_out = rows(tokenizer, islice(documents(recipe.seed + 1, senses), recipe.held_out_documents), recipe.row)
    validation = list(islice(held_out, 16))
    fast = fast_bfloat16()
    steps = recipe.tokens // (recipe.row * recipe.rows_per_step)
    print(f"{model.num_parameters():,} parameters, {steps} steps, {len(senses):,} senses, bfloat16 {fast}", flush=True)

    optimizer = torch.optim.AdamW(_groups(model), lr=recipe.learning_rate, betas=(0.9, 0.95), fused=True)
    stream = rows(tokenizer, documents(recipe.seed, senses), recipe.row)
    started = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(step, steps, recipe.warmup_steps)
        total = loss(model, list(islice(stream, recipe.rows_per_step)), fast)
        total.backward()
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 25 == 0:
            seen = (step + 1) * recipe.row * recipe.rows_per_step
            rate = seen / (time.monotonic() - started)
            print(f"step {step} tokens {seen:,} loss {total.item():.3f} {rate:,.0f} tokens/s", flush=True)
    with torch.no_grad():
        print(f"held-out loss {loss(model, validation, fast).item():.3f}", flush=True)
    save(model, tokenizer, out)


Row = tuple[list[int], list[int]]


def rows(tokenizer: PreTrainedTokenizerFast, source: Iterator[Document], length: int) -> Iterator[Row]:
    """Documents laid end to end and cut to `length` tokens: (ids, position_ids), positions restarting per document."""
    ids: list[int] = []
    positions: list[int] = []
    for document in source:
        tokens = tokenization.encode(tokenizer, document)
        ids += tokens
        positions += range(len(tokens))
        while len(ids) >= length:
            yield ids[:length], positions[:length]
            ids, positions = ids[length:], positions[length:]


def loss(model: LlamaForCausalLM, batch: list[Row], bfloat16: bool) -> torch.Tensor:
    """Mean cross entropy in nats per token. Position ids alone keep packed documents apart (no attention mask, no
    cache: either would let them see each other). A label at a document's first token is masked: it is no prediction."""
    ids = torch.tensor([row[0] for row in batch])
    positions = torch.tensor([row[1] for row in batch])
    labels = ids.masked_fill(positions == 0, -100)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        output = model(input_ids=ids, position_ids=positions, labels=labels, use_cache=False)
    return output.loss


def fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 faster than float32; without AVX-512 it is a hundred times slower."""
    seconds = []
    for dtype in (torch.float32, torch.bfloat16):
        left, right = torch.ones(512, 256, dtype=dtype), torch.ones(256, 768, dtype=dtype)
        left @ right
        started = time.monotonic()
        left @ right
        seconds.append(time.monotonic() - started)
    return seconds[1] < seconds[0]


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Both end tokens stop generation: the turn's and the text's."""
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


def _groups(model: LlamaForCausalLM) -> list[dict[str, object]]:
    """Weight decay on matrices only, not on norms."""
    matrices = [weight for weight in model.parameters() if weight.dim() > 1]
    vectors = [weight for weight in model.parameters() if weight.dim() == 1]
    return [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]


def _schedule(step: int, steps: int, warmup: int) -> float:
    """Linear warm-up, then cosine down to 5 %."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress))
