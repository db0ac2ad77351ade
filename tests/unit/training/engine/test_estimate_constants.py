"""What the estimates copy from the engine and from TRL: a change there fails here."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen3MoeConfig
from trl.kernels import chunked_logprob
from trl.trainer import utils as trl_utils

from services.training.engine.attention.cpu import BLOCK_QUERIES, BLOCKED_FROM_TOKENS, MAX_PROBABILITIES
from services.training.engine.data import sample_prompts
from services.training.engine.model import loss
from services.training.engine.model.loading import with_adapters
from services.training.engine.spec import Hyperparameters, Lora
from services.training.engine.tasks.inspect_model import _shape
from services.training.estimates import memory
from services.training.estimates.memory import count_trainable
from services.training.jobs import evaluation_share
from shared.blobs.manifests import ModelShape


def test_constants_are_those_of_the_engine() -> None:
    for dtype, blocked_from in BLOCKED_FROM_TOKENS.items():
        name = {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]
        assert (memory.MIN_BLOCKED_TOKENS[name], memory.QUERY_BLOCK[name]) == (blocked_from, BLOCK_QUERIES[dtype])
    assert memory.MAX_STORED_PROBABILITIES == MAX_PROBABILITIES
    assert memory.MAX_LOGITS == loss.MAX_LOGITS
    assert memory.TILE_TOKENS == chunked_logprob.TOKEN_CHUNK_SIZE
    assert memory.TILE_VOCABULARY == trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE


def test_trained_parameters_are_those_of_real_adapters() -> None:
    """Of a dense model and of a mixture, whose experts are tensors of all experts' weights."""
    sizes: dict[str, Any] = {
        "vocab_size": 64,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "head_dim": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    }
    experts = {"num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 12}
    for config in (LlamaConfig(**sizes), Qwen3MoeConfig(**sizes, **experts)):
        model = AutoModelForCausalLM.from_config(config)
        shape = ModelShape(**_shape(config, sum(weight.numel() for weight in model.parameters()), 0))
        adapted = with_adapters(model, Hyperparameters(learning_rate=1, lora=Lora(rank=4)), "base")
        trained = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
        assert count_trainable(shape, "lora", 4) == trained
        assert count_trainable(shape, "full", 4) == shape.parameters


def test_sample_answers_are_those_of_the_engine() -> None:
    assert evaluation_share.SAMPLE_ANSWERS == sample_prompts.PROMPTS
    assert evaluation_share.MAX_ANSWER_TOKENS == sample_prompts._MAX_ANSWER_TOKENS
    assert evaluation_share.EXTRA_ANSWER_TOKENS == sample_prompts._EXTRA_ANSWER_TOKENS
    assert Hyperparameters(learning_rate=1).eval_rows == evaluation_share.MAX_EVAL_ROWS
    assert sample_prompts.PROMPT_ROWS == evaluation_share.MAX_EVAL_ROWS


def test_evaluations_use_evenly_spaced_rows() -> None:
    assert sample_prompts.evaluation_rows(10, 4) == [0, 2, 5, 7]
    assert sample_prompts.evaluation_rows(3, 4) == [0, 1, 2]
