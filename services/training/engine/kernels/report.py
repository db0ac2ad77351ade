"""Which kernels a run computes with, in words for its log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from services.training.engine.attention import varlen
from services.training.engine.kernels import liger
from services.training.engine.kernels.cpu_fused import replaced
from services.training.engine.spec import TORCH_DTYPES, Settings


def in_words(model: Any, device: torch.device, settings: Settings) -> Iterator[str]:
    """A line for each choice that was made by trial, and one for what could be installed."""
    if kinds := replaced(model):
        yield f"{'Liger' if device.type == 'cuda' else 'our'} kernels compute {', '.join(kinds)}: a trial agreed"
    if device.type != "cuda":
        return
    if not liger.installed():
        yield 'liger-kernel is not installed (pip install "anneal[gpu]"): the model\'s own layers compute'
    if settings.layout == "packed":
        yield f"packed documents attend {'in one kernel' if _in_one(model, device, settings) else 'one by one'}"


def _in_one(model: Any, device: torch.device, settings: Settings) -> bool:
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    dtype = getattr(torch, TORCH_DTYPES[settings.dtype])
    return varlen.knows(dtype, size) and varlen.works(
        device, dtype, heads, getattr(config, "num_key_value_heads", None) or heads, size
    )
