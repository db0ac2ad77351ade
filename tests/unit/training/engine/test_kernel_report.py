"""The kernel report that a run logs."""

from __future__ import annotations

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from services.training.engine.kernels.cpu_fused import use_fused_kernels
from services.training.engine.kernels.report import describe_kernels
from services.training.engine.spec import Hyperparameters, Settings

SETTINGS = {"dtype": "bf16", "threads": 1, "max_length": 64, "micro_batch_tokens": 64, "template_hash": ""}


def make_model() -> Any:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_hidden_layers": 1}
    return LlamaForCausalLM(LlamaConfig(vocab_size=50, **sizes))


def report(model: Any, device: str, *, gpu_kernels: bool = False) -> list[str]:
    settings = Settings(layout="packed", **SETTINGS)
    hyperparameters = Hyperparameters(learning_rate=1e-3, gpu_kernels=gpu_kernels)
    return list(describe_kernels(model, torch.device(device), settings, hyperparameters))


def test_log_names_the_kernels_that_passed_their_trial() -> None:
    model = make_model()
    assert report(model, "cpu") == []
    use_fused_kernels(model)
    assert report(model, "cpu") == ["using fused CPU kernels for LlamaRMSNorm"]


def test_gpu_log_names_missing_packages_and_attention() -> None:
    model, gpu = make_model(), "cuda:9"  # a device that does not exist
    assert report(model, gpu) == ["gpu_kernels is off: the model's own layers and attention, as transformers has them"]
    missing, attention = report(model, gpu, gpu_kernels=True)
    assert "anneal[gpu]" in missing
    assert attention == "packed attention: one kernel call per document"
