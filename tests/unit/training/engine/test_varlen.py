"""Attention by one kernel on a GPU: what is asked of the kernel, and that only a right one is used.

The kernel itself needs a GPU; torch's description of it, written out, stands for it here.
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


def as_documented(
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
    """torch.nn.attention.varlen.varlen_attn by its docstring and arXiv 2307.08691: query (tokens, heads, size)."""
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
    assert torch.equal(cu_seq_q, cu_seq_k)
    assert cu_seq_q[0] == 0
    assert cu_seq_q[-1] == len(query)
    assert max_q == max_k == cu_seq_q.diff().max()
    left, right = window_size
    attended = []
    for begin, end in zip(cu_seq_q[:-1].tolist(), cu_seq_q[1:].tolist(), strict=True):
        parts = (tensor[begin:end].transpose(0, 1)[None] for tensor in (query, key, value))
        sees = torch.ones(end - begin, end - begin, dtype=torch.bool).tril_(right)
        sees = sees if left < 0 else sees.triu_(-left)
        out = scaled_dot_product_attention(*parts, attn_mask=sees, scale=scale, enable_gqa=enable_gqa)
        attended.append(out[0].transpose(0, 1))
    return torch.cat(attended)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(varlen, "varlen_attn", as_documented)


def made(tokens: int, heads: int) -> Tensor:
    drawn = torch.randn(1, tokens, heads, 16, generator=torch.Generator().manual_seed(tokens + heads))
    return drawn.transpose(1, 2).requires_grad_()


@pytest.mark.parametrize("shared", [1, 2, 4])
@pytest.mark.parametrize("window", [None, 4])
def test_one_kernel_is_asked_for_what_the_documents_are_alone(kernel: None, shared: int, window: int | None) -> None:
    lengths = [30, 1, 7, 30]
    inputs = [made(sum(lengths), heads) for heads in (4, shared, shared)]
    alone, _ = packed_attention(None, *inputs, None, document_lengths=lengths, scaling=0.3, sliding_window=window)
    together = varlen.attend(*inputs, lengths, 0.3, window).transpose(1, 2)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    weights = torch.linspace(-1, 1, alone.numel()).view(alone.shape)
    for one, other in zip(
        torch.autograd.grad(together, inputs, weights), torch.autograd.grad(alone, inputs, weights), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_documents_begin_where_the_one_before_ends() -> None:
    assert varlen.boundaries((5, 1, 9), CPU).tolist() == [0, 5, 6, 15]


def leaking(query: Tensor, key: Tensor, value: Tensor, lengths: Any, scale: float | None, window: int | None) -> Tensor:
    """One document of all of them."""
    return varlen.attend(query, key, value, [sum(lengths)], scale, window)


def far_sighted(
    query: Tensor, key: Tensor, value: Tensor, lengths: Any, scale: float | None, window: int | None
) -> Tensor:
    return varlen.attend(query, key, value, lengths, scale, window and window + 1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_trial_accepts_the_right_kernel_alone(kernel: None, dtype: torch.dtype) -> None:
    assert varlen.matches_reference(varlen.attend, CPU, dtype, 4, 2, 16)
    assert not varlen.matches_reference(leaking, CPU, dtype, 4, 2, 16)
    assert not varlen.matches_reference(far_sighted, CPU, dtype, 4, 2, 16)


def test_a_machine_without_the_kernel_says_so_at_the_trial() -> None:
    assert not varlen.passes_trial(CPU, torch.bfloat16, 4, 2, 16)


def test_on_a_cpu_it_is_not_even_tried() -> None:
    query, key = (made(9, heads).bfloat16() for heads in (4, 2))
    before = varlen.passes_trial.cache_info().misses
    assert not varlen.is_usable(query, key)
    assert varlen.passes_trial.cache_info().misses == before
