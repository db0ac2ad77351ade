"""What the log says of the kernels that a run computes with."""

from __future__ import annotations

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from services.training.engine.kernels.cpu_fused import use_fused_kernels
from services.training.engine.kernels.report import describe_kernels
from services.training.engine.spec import Settings

SETTINGS = {"dtype": "bf16", "threads": 1, "max_length": 64, "micro_batch_tokens": 64, "template_hash": ""}


def made() -> Any:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_hidden_layers": 1}
    return LlamaForCausalLM(LlamaConfig(vocab_size=50, **sizes))


def said(model: Any, device: str) -> list[str]:
    return list(describe_kernels(model, torch.device(device), Settings(layout="packed", **SETTINGS)))


def test_the_log_names_what_a_trial_has_let_in_and_what_it_has_not() -> None:
    model = made()
    assert said(model, "cpu") == []
    use_fused_kernels(model)
    assert said(model, "cpu") == ["using fused CPU kernels for LlamaRMSNorm"]


def test_on_a_gpu_it_also_says_what_could_be_installed_and_how_documents_attend() -> None:
    model = made()
    missing, attention = said(model, "cuda:9")  # which no machine of ours has
    assert "anneal[gpu]" in missing
    assert attention == "packed attention: one kernel call per document"
