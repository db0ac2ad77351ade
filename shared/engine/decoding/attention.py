"""Attention of a padded batch on a CPU, where transformers would first copy the keys and values of shared heads.

It does so whenever there is a mask, because of GPUs, whose fast kernels take shared heads only without one. On a CPU
torch's kernel takes both, and the copies cost several times the attention itself (docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_NAME = "shared_heads"


def _attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Attention [rows, tokens, heads, size] for query [rows, heads, tokens, size], keys and values [rows, fewer, …]."""
    if attention_mask is None or options.get("position_bias") is not None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    attended = scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask, scale=options.get("scaling"), enable_gqa=True
    )
    return attended.transpose(1, 2).contiguous(), None


AttentionInterface.register(_NAME, _attention)
AttentionMaskInterface.register(_NAME, sdpa_mask)


@contextmanager
def heads_shared(model: Any) -> Iterator[None]:
    """Within, `model` attends so, if it is on a CPU and would else use torch's kernel by way of transformers."""
    config = model.config
    before = config._attn_implementation
    if before != "sdpa" or model.device.type != "cpu":
        yield
        return
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = before
