"""Grouped-query attention of a padded batch on a CPU, without copying the shared keys and values.

transformers repeats keys and values for every query head whenever there is a mask, because fast GPU kernels take
grouped heads only without one. torch's CPU kernel takes both, and the copies cost several times the attention itself
(docs/experiments.md).
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

from shared.engine.loading.transformers_private import attention_implementation, attention_implementation_set

_NAME = "sdpa_grouped_query"


def _attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Attention [rows, tokens, heads, size] of query [rows, heads, tokens, size], key, value [rows, kv heads, ...]."""
    if attention_mask is None or options.get("position_bias") is not None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    attended = scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask, scale=options.get("scaling"), enable_gqa=True
    )
    return attended.transpose(1, 2).contiguous(), None


AttentionInterface.register(_NAME, _attention)
AttentionMaskInterface.register(_NAME, sdpa_mask)


@contextmanager
def grouped_query_attention(model: Any) -> Iterator[None]:
    """Use this attention within the block if `model` is on a CPU and uses torch's SDPA; else change nothing."""
    if attention_implementation(model.config) != "sdpa" or model.device.type != "cpu":
        yield
        return
    with attention_implementation_set(model.config, _NAME):
        yield
