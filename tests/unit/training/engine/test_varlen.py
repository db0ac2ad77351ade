"""Variable-length attention on a GPU: the arguments of the kernel, and the trial that admits only a correct kernel.

The kernel needs a GPU, so the tests replace it with a reference written from torch's documentation.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from services.training.engine.attention import varlen
from services.training.engine.attention.packed import packed_attention

CPU = torch.device("cpu")


def reference_varlen_attn(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor,
    max_q: int,
    max_k: int,
    *,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> Tensor:
    """Implement torch.nn.attention.varlen.varlen_attn (arXiv 2307.08691); query is (tokens, heads, size)."""
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
    assert torch.equal(cu_seq_q, cu_seq_k)
    assert cu_seq_q[0] == 0
    assert cu_seq_q[-1] == len(query)
    assert max_q == max_k == cu_seq_q.diff().max()
    left, right = window_size
    outputs = []
    for begin, end in zip(cu_seq_q[:-1].tolist(), cu_seq_q[1:].tolist(), strict=True):
        parts = (tensor[begin:end].transpose(0, 1)[None] for tensor in (query, key, value))
        mask = torch.ones(end - begin, end - begin, dtype=torch.bool).tril_(right)
        mask = mask if left < 0 else mask.triu_(-left)
        out = scaled_dot_product_attention(*parts, attn_mask=mask, scale=scale, enable_gqa=enable_gqa)
        outputs.append(out[0].transpose(0, 1))
    return torch.cat(outputs)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(varlen, "varlen_attn", reference_varlen_attn)


def random_projection(tokens: int, heads: int) -> Tensor:
    values = torch.randn(1, tokens, heads, 16, generator=torch.Generator().manual_seed(tokens + heads))
    return values.transpose(1, 2).requires_grad_()


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("window", [None, 4])
def test_varlen_attention_matches_separate_documents(kernel: None, kv_heads: int, window: int | None) -> None:
    lengths = [30, 1, 7, 30]
    inputs = [random_projection(sum(lengths), heads) for heads in (4, kv_heads, kv_heads)]
    separate, _ = packed_attention(None, *inputs, None, document_lengths=lengths, scaling=0.3, sliding_window=window)
    packed = varlen.attend(*inputs, lengths, 0.3, window).transpose(1, 2)
    torch.testing.assert_close(packed, separate, rtol=1e-5, atol=1e-6)
    weights = torch.linspace(-1, 1, separate.numel()).view(separate.shape)
    for gradient, expected in zip(
        torch.autograd.grad(packed, inputs, weights), torch.autograd.grad(separate, inputs, weights), strict=True
    ):
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5)


def test_boundaries_are_cumulative_lengths() -> None:
    assert varlen.boundaries((5, 1, 9), CPU).tolist() == [0, 5, 6, 15]


def cross_document(
    query: Tensor, key: Tensor, value: Tensor, lengths: Any, scale: float | None, window: int | None
) -> Tensor:
    """Attend across the borders of documents, as a faulty kernel might."""
    return varlen.attend(query, key, value, [sum(lengths)], scale, window)


def window_off_by_one(
    query: Tensor, key: Tensor, value: Tensor, lengths: Any, scale: float | None, window: int | None
) -> Tensor:
    return varlen.attend(query, key, value, lengths, scale, window and window + 1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_trial_accepts_only_a_correct_kernel(kernel: None, dtype: torch.dtype) -> None:
    assert varlen.matches_reference(varlen.attend, CPU, dtype, 4, 2, 16)
    assert not varlen.matches_reference(cross_document, CPU, dtype, 4, 2, 16)
    assert not varlen.matches_reference(window_off_by_one, CPU, dtype, 4, 2, 16)


def test_trial_fails_without_the_kernel() -> None:
    assert not varlen.passes_trial(CPU, torch.bfloat16, 4, 2, 16)


def test_kernel_is_not_tried_on_cpu() -> None:
    query, key = (random_projection(9, heads).bfloat16() for heads in (4, 2))
    before = varlen.passes_trial.cache_info().misses
    assert not varlen.is_usable(query, key, key)
    assert varlen.passes_trial.cache_info().misses == before
