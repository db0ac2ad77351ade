"""Fused CPU layers match the model's own layers in both passes; layers with another formula are not fused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from services.training.engine.kernels.cpu_fused import use_fused_kernels

PRECISIONS = [(torch.float32, 2e-5), (torch.bfloat16, 3e-2)]


class OnePlusNorm(LlamaRMSNorm):
    """Gemma's RMSNorm, which scales by one plus the weight."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        return super().forward(hidden_states) * (1 + self.weight) / self.weight


def model(**lora: Any) -> Any:
    """Return a model of two layers whose adapters have non-zero weights, or the plain model without `lora`."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_key_value_heads": 1}
    plain = LlamaForCausalLM(LlamaConfig(vocab_size=50, num_hidden_layers=2, **sizes))
    if not lora:
        return plain
    adapted = get_peft_model(plain, LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", **lora))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return adapted


def logits_and_gradients(model: Any, dtype: torch.dtype) -> list[Tensor]:
    """Return the logits of one sequence and the gradients of the trained weights."""
    ids = torch.arange(1, 20)[None]
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        logits = model(input_ids=ids, use_cache=False).logits
    (logits.float() * torch.linspace(-1, 1, logits.numel()).view(logits.shape)).sum().backward()
    return [logits.detach().float(), *(w.grad for w in model.parameters() if w.requires_grad)]


def fuse_kinds(model: Any) -> set[str]:
    """Fuse the model's layers; return the class names of the fused ones."""
    use_fused_kernels(model)
    return {type(module).__name__ for module in model.modules() if hasattr(module, "original_forward")}


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize(("lora", "kinds"), [({}, {"LlamaRMSNorm"}), ({"r": 4}, {"LlamaRMSNorm", "Linear"})])
def test_fused_layers_match_the_models_values_and_gradients(
    dtype: torch.dtype, tolerance: float, lora: dict[str, int], kinds: set[str]
) -> None:
    original, fused = model(**lora), model(**lora)
    assert fuse_kinds(fused) == kinds
    for value, expected in zip(logits_and_gradients(fused, dtype), logits_and_gradients(original, dtype), strict=True):
        assert (value - expected).abs().max() <= tolerance * expected.abs().max()


def test_disabled_adapter_does_not_change_logits() -> None:
    adapted, plain = model(r=4), model()
    use_fused_kernels(adapted)
    with adapted.disable_adapter(), torch.no_grad():
        ids = torch.arange(1, 20)[None]
        torch.testing.assert_close(adapted(input_ids=ids).logits, plain(input_ids=ids).logits)


@pytest.mark.parametrize("lora", [{"lora_dropout": 0.1}, {"use_dora": True}, {"lora_bias": True}])
def test_unsupported_adapter_kinds_are_not_fused(lora: dict[str, Any]) -> None:
    assert fuse_kinds(model(r=4, **lora)) == {"LlamaRMSNorm"}


def test_norm_with_a_different_formula_is_not_fused() -> None:
    other = model()
    for layer in other.model.layers:
        layer.input_layernorm = OnePlusNorm(32)
    assert fuse_kinds(other) == {"LlamaRMSNorm"}
    assert all("forward" not in vars(layer.input_layernorm) for layer in other.model.layers)
