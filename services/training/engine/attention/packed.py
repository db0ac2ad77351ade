"""Causal attention over documents laid end to end in one row: no padding, no mask, no leak between documents.

Each document attends to itself alone, with the plain causal kernel, so the cost is the sum of the squares of the
documents' lengths instead of the square of their sum. It is what variable-length flash attention does on a GPU
(arXiv 2205.14135, engine/varlen.py), written with torch's own kernel so that it runs everywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from services.training.engine.attention import varlen
from services.training.engine.attention.cpu import SHORTER, CausalAttention, runs, side_by_side, suits
from services.training.engine.spec import BatchLayout
from shared.engine.loading.transformers_private import attention_implementation

NAME = "ragged"


def ragged_attention(
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

    Raises NotImplementedError for an attention that is more than scaled dot products, such as one with sinks.
    """
    if attention_mask is not None or any(
        options.get(name) is not None for name in ("s_aux", "softcap", "position_bias")
    ):
        raise NotImplementedError("this model's attention needs its own kernel")
    if torch.is_autocast_enabled(device := query.device.type):
        query, key, value = (tensor.to(torch.get_autocast_dtype(device)) for tensor in (query, key, value))
    if query.is_cuda and not dropout and varlen.suits(query, key):
        attended = varlen.attend(query, key, value, document_lengths, scaling, sliding_window)
        return attended.transpose(1, 2).contiguous(), None
    attend = partial(_attend, dropout=dropout, scaling=scaling, window=sliding_window)
    shorter = min(SHORTER.get(query.dtype, 0), sliding_window or sys.maxsize)
    together = runs(document_lengths, shorter)
    sizes = [sum(lengths) for lengths in together]
    parts = zip(query.split(sizes, 2), key.split(sizes, 2), value.split(sizes, 2), strict=True)
    one_by_one = [
        side_by_side(attend, *part, lengths) if lengths[0] < shorter else attend(*part)
        for part, lengths in zip(parts, together, strict=True)
    ]
    return torch.cat(one_by_one, 2).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, ragged_attention)


def _attend(
    query: Tensor, key: Tensor, value: Tensor, *, dropout: float, scaling: float | None, window: int | None
) -> Tensor:
    """One document by itself, or short ones side by side: [documents, heads, tokens, size]."""
    mask = _window_mask(query, window)
    if mask is None and not dropout and suits(query):
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        return CausalAttention.apply(query, key, value, scale)
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
    """[tokens, tokens], true where a token may look; None where the window holds the whole document."""
    length = query.shape[2]
    if window is None or length <= window:
        return None
    position = torch.arange(length, device=query.device)
    distance = position[:, None] - position[None, :]
    return (distance >= 0) & (distance < window)


@contextmanager
def ragged(model: Any) -> Iterator[None]:
    """Within, `model` attends by documents and wants `document_lengths`; afterwards as it did before."""
    before = attention_implementation(model.config)
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def attention_for(model: Any, layout: BatchLayout) -> AbstractContextManager[None]:
    """The attention that micro-batches of this layout need."""
    return ragged(model) if layout == "packed" else nullcontext()
