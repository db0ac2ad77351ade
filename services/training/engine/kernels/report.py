"""Log lines that say which kernels a run uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from services.training.engine.attention import varlen
from services.training.engine.kernels import liger
from services.training.engine.kernels.cpu_fused import replaced_layers
from services.training.engine.spec import TORCH_DTYPES, Hyperparameters, Settings
from shared.engine.loading.context import largest_size


def describe_kernels(
    model: Any, device: torch.device, settings: Settings, hyperparameters: Hyperparameters
) -> Iterator[str]:
    """A line per choice that a trial made and per fallback, and one if a missing package would make the run faster."""
    if layers := replaced_layers(model):
        yield f"using {'Liger' if device.type == 'cuda' else 'fused CPU'} kernels for {', '.join(layers)}"
    yield from getattr(model, "kernel_fallbacks", [])
    if device.type != "cuda":
        return
    if not hyperparameters.gpu_kernels:
        yield "gpu_kernels is off: the model's own layers and attention, as transformers has them"
        return
    if not liger.is_installed():
        yield 'liger-kernel is not installed (pip install "anneal[gpu]"): using the model\'s own layers'
    if settings.layout == "packed":
        varlen_used = _uses_varlen(model, device, settings)
        yield f"packed attention: {'one kernel per micro-batch' if varlen_used else 'one kernel call per document'}"


def _uses_varlen(model: Any, device: torch.device, settings: Settings) -> bool:
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    kv_heads = largest_size(config, "num_key_value_heads") or heads
    size = largest_size(config, "head_dim") or config.hidden_size // heads
    dtype = getattr(torch, TORCH_DTYPES[settings.dtype])
    return varlen.supports(dtype, size) and varlen.passes_trial(device, dtype, heads, kv_heads, size)
