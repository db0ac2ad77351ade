"""Fused layers are the model's own layers, forwards and backwards; what is not quite the same is left alone."""

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
    """Gemma's: the weight is what is added to one."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        return super().forward(hidden_states) * (1 + self.weight) / self.weight


def model(**lora: Any) -> Any:
    """Two layers whose adapters have learned something, or with no `lora` the plain model."""
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


def learned(model: Any, dtype: torch.dtype) -> list[Tensor]:
    """The logits of a sentence, and the gradients of all that is trained."""
    ids = torch.arange(1, 20)[None]
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        logits = model(input_ids=ids, use_cache=False).logits
    (logits.float() * torch.linspace(-1, 1, logits.numel()).view(logits.shape)).sum().backward()
    return [logits.detach().float(), *(w.grad for w in model.parameters() if w.requires_grad)]


def fused(model: Any) -> set[str]:
    """The kinds of layers that no longer go their own way."""
    use_fused_kernels(model)
    return {type(module).__name__ for module in model.modules() if hasattr(module, "original_forward")}


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize(("lora", "kinds"), [({}, {"LlamaRMSNorm"}), ({"r": 4}, {"LlamaRMSNorm", "Linear"})])
def test_values_and_gradients_are_the_models_own(
    dtype: torch.dtype, tolerance: float, lora: dict[str, int], kinds: set[str]
) -> None:
    own, quick = model(**lora), model(**lora)
    assert fused(quick) == kinds
    for one, other in zip(learned(quick, dtype), learned(own, dtype), strict=True):
        assert (one - other).abs().max() <= tolerance * other.abs().max()


def test_an_adapter_that_is_switched_off_changes_nothing() -> None:
    adapted, plain = model(r=4), model()
    use_fused_kernels(adapted)
    with adapted.disable_adapter(), torch.no_grad():
        ids = torch.arange(1, 20)[None]
        torch.testing.assert_close(adapted(input_ids=ids).logits, plain(input_ids=ids).logits)


@pytest.mark.parametrize("lora", [{"lora_dropout": 0.1}, {"use_dora": True}, {"lora_bias": True}])
def test_other_kinds_of_adapters_go_their_own_way(lora: dict[str, Any]) -> None:
    assert fused(model(r=4, **lora)) == {"LlamaRMSNorm"}


def test_a_norm_that_computes_differently_is_left_alone() -> None:
    other = model()
    for layer in other.model.layers:
        layer.input_layernorm = OnePlusNorm(32)
    assert fused(other) == {"LlamaRMSNorm"}
    assert all("forward" not in vars(layer.input_layernorm) for layer in other.model.layers)
