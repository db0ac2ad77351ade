"""Packed attention: causal attention over documents end to end in one row, without padding and without a mask.

Each document attends only to itself, so the cost is the sum of the squared lengths instead of the square of their sum.
This is the variable-length attention of FlashAttention (arXiv 2205.14135). On a GPU that supports it, one kernel
computes a whole micro-batch (attention/varlen.py); elsewhere, each document is a call of its own, of torch's kernel or,
on a CPU, of blocked attention (attention/cpu.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from services.training.engine.attention import varlen
from services.training.engine.attention.cpu import BlockedAttention, prefers_blocks
from services.training.engine.spec import BatchLayout
from shared.engine.loading.transformers_private import attention_implementation

NAME = "packed"
"""The name under which transformers finds this attention."""


def packed_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    document_lengths: Sequence[int],
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention [1, tokens, heads, size] for query [1, heads, tokens, size], keys and values [1, kv heads, ...].

    Raises NotImplementedError for attention that is more than scaled dot products, such as with sinks.
    """
    if attention_mask is not None or any(
        options.get(name) is not None for name in ("s_aux", "softcap", "position_bias")
    ):
        raise NotImplementedError("this model's attention needs its own kernel")
    if torch.is_autocast_enabled(device := query.device.type):
        # Autocast casts the inputs of torch's attention only; the other kernels need it done here.
        query, key, value = (tensor.to(torch.get_autocast_dtype(device)) for tensor in (query, key, value))
    if query.is_cuda and not dropout and varlen.is_usable(query, key, value):
        attended = varlen.attend(query, key, value, document_lengths, scaling, sliding_window)
        return attended.transpose(1, 2).contiguous(), None
    lengths = list(document_lengths)
    parts = zip(query.split(lengths, 2), key.split(lengths, 2), value.split(lengths, 2), strict=True)
    outputs = [_attend(*part, dropout=dropout, scaling=scaling, window=sliding_window) for part in parts]
    return torch.cat(outputs, 2).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, packed_attention)


def _attend(
    query: Tensor, key: Tensor, value: Tensor, *, dropout: float, scaling: float | None, window: int | None
) -> Tensor:
    """Causal attention [1, heads, tokens, size] of one document."""
    mask = _window_mask(query, window)
    if mask is None and not dropout and prefers_blocks(query):
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        return BlockedAttention.apply(query, key, value, scale)
    return scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        dropout_p=dropout,
        is_causal=mask is None,
        scale=scaling,
        enable_gqa=key.shape[1] != query.shape[1],
    )


def _window_mask(query: Tensor, window: int | None) -> Tensor | None:
    """Sliding-window mask [tokens, tokens], true where a token may attend; None if the window covers the document."""
    length = query.shape[2]
    if window is None or length <= window:
        return None
    position = torch.arange(length, device=query.device)
    distance = position[:, None] - position[None, :]
    return (distance >= 0) & (distance < window)


@contextmanager
def use_packed_attention(model: Any) -> Iterator[None]:
    """Within the context, `model` uses packed attention and its forward pass needs `document_lengths`."""
    before = attention_implementation(model.config)
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def attention_for(model: Any, layout: BatchLayout) -> AbstractContextManager[None]:
    """A context in which `model` uses the attention that micro-batches of this layout need."""
    return use_packed_attention(model) if layout == "packed" else nullcontext()
