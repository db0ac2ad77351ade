"""Fused CPU layers match the model's own layers in both passes; layers with another formula are not fused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import FalconConfig, FalconForCausalLM, LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from services.training.engine.kernels import cpu_fused
from services.training.engine.kernels.cpu_fused import (
    FusedLoraLinear,
    FusedRMSNorm,
    replace_forwards,
    use_fused_kernels,
)

PRECISIONS = [(torch.float32, 2e-5), (torch.bfloat16, 3e-2)]


class OnePlusNorm(LlamaRMSNorm):
    """Gemma's RMSNorm, which scales by one plus the weight."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        return super().forward(hidden_states) * (1 + self.weight) / self.weight


def model(*, untrained: bool = False, **lora: Any) -> Any:
    """Return a model of two layers whose adapters have non-zero weights unless they are `untrained`.

    Without `lora`, return the plain model.
    """
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_key_value_heads": 1}
    plain = LlamaForCausalLM(LlamaConfig(vocab_size=50, num_hidden_layers=2, **sizes))
    if not lora:
        return plain
    adapted = get_peft_model(plain, LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", **lora))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name and not untrained:
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
    assert other.kernel_fallbacks == []


def lora_parts(module: Any) -> tuple[Tensor, Tensor, Tensor, float]:
    weights = module.base_layer.weight, module.lora_A["default"].weight, module.lora_B["default"].weight
    return *weights, module.scaling["default"]


def wrong_scale(module: Any, x: Tensor) -> Tensor:
    weight, down, up, scale = lora_parts(module)
    return FusedLoraLinear.apply(x, weight, None, down, up, -17 * scale)


def without_lora(module: Any, x: Tensor) -> Tensor:
    return module.base_layer(x)


def untrained_b(module: Any, x: Tensor) -> Tensor:
    """Right values, but no gradient for B."""
    weight, down, up, scale = lora_parts(module)
    return FusedLoraLinear.apply(x, weight, None, down, up.detach(), scale)


def without_scale_in_backward(module: Any, x: Tensor) -> Tensor:
    """Right values, and gradients of A as if the scale were one."""
    weight, down, up, scale = lora_parts(module)
    low = x @ down.T
    return x @ weight.T + scale * (low / scale + (low - low / scale).detach()) @ up.T


def only_first_shape(module: Any, x: Tensor) -> Tensor:
    """Right for square layers only."""
    weight, down, up, scale = lora_parts(module)
    return FusedLoraLinear.apply(x, weight, None, down, up, scale if weight.shape[0] == weight.shape[1] else -scale)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("untrained", [True, False])
@pytest.mark.parametrize("wrong", [wrong_scale, without_lora, untrained_b, without_scale_in_backward])
def test_wrong_lora_is_rejected_by_the_trial_before_and_after_training(
    wrong: Any, untrained: bool, dtype: torch.dtype
) -> None:
    adapted = model(r=4, lora_alpha=12, untrained=untrained)
    before = {name: weight.clone() for name, weight in adapted.named_parameters()}
    reasons = replace_forwards(adapted, lambda module: wrong if cpu_fused._is_plain_lora(module) else None, dtype)
    assert cpu_fused.replaced_layers(adapted) == []
    assert reasons
    assert all(reason.startswith("Linear keeps its own code: ") for reason in reasons)
    assert any("differ by" in reason or "the trial failed with RuntimeError" in reason for reason in reasons)
    assert all(torch.equal(weight, before[name]) for name, weight in adapted.named_parameters())


def test_every_shape_has_a_trial_of_its_own() -> None:
    adapted = model(r=4, untrained=True)
    reasons = replace_forwards(adapted, lambda module: only_first_shape if cpu_fused._is_plain_lora(module) else None)
    fused = {name.split(".")[-1] for name, module in adapted.named_modules() if hasattr(module, "original_forward")}
    assert fused == {"q_proj", "o_proj"}
    assert len(reasons) == 3  # k and v; gate and up; down


@pytest.mark.parametrize(
    "wrong",
    [
        lambda module, x: FusedRMSNorm.apply(x, torch.ones_like(module.weight), module.variance_epsilon),
        lambda module, x: FusedRMSNorm.apply(x, module.weight.detach(), module.variance_epsilon),
        lambda module, x: FusedRMSNorm.apply(x, module.weight, 0.1),
        lambda module, x: FusedRMSNorm.apply(x.flip(1), module.weight, module.variance_epsilon),
    ],
)
def test_wrong_norm_is_rejected_although_its_weights_are_ones(wrong: Any) -> None:
    plain = model()
    (reason,) = replace_forwards(plain, lambda module: wrong if isinstance(module, LlamaRMSNorm) else None)
    assert reason.startswith("LlamaRMSNorm keeps its own code: ")
    assert cpu_fused.replaced_layers(plain) == []


def test_other_adapters_are_named_with_the_reason() -> None:
    with_dropout, dora = model(r=4, lora_dropout=0.1), model(r=4, use_dora=True)
    for adapted in (with_dropout, dora):
        use_fused_kernels(adapted)
    assert with_dropout.kernel_fallbacks == ["14 adapters keep peft's own code: they have dropout"]
    assert dora.kernel_fallbacks == ["14 adapters keep peft's own code: they are not plain LoRA"]


def test_adapters_over_other_layers_are_named_with_the_layers() -> None:
    config = FalconConfig(vocab_size=64, hidden_size=32, num_hidden_layers=1, num_attention_heads=2)
    falcon = get_peft_model(FalconForCausalLM(config), LoraConfig(target_modules=["dense", "dense_h_to_4h"]))
    use_fused_kernels(falcon)
    assert falcon.kernel_fallbacks == ["2 adapters keep peft's own code: they are over layers of FalconLinear"]
