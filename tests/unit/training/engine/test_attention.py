"""Attention by blocks is torch's own attention, forwards and backwards."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from services.training.engine.attention import cpu
from services.training.engine.attention.cpu import BlockedAttention, group_similar_lengths, prefers_blocks
from services.training.engine.attention.packed import packed_attention


def made(tokens: int, heads: int, dtype: torch.dtype) -> Tensor:
    """Strided as a model's projections are: [1, heads, tokens, size] over [1, tokens, heads, size]."""
    drawn = torch.randn(1, tokens, heads, 16, generator=torch.Generator().manual_seed(tokens + heads))
    return drawn.to(dtype).transpose(1, 2).detach().requires_grad_()


def gradients(out: Tensor, *inputs: Tensor) -> list[Tensor]:
    weights = torch.linspace(-1, 1, out.numel()).view(out.shape).to(out.dtype)
    return [out.detach(), *torch.autograd.grad(out, inputs, weights)]


@pytest.mark.parametrize("tokens", [1, 63, 64, 65, 200, 300])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 4e-2)])
@pytest.mark.parametrize("shared", [1, 2, 4])
def test_values_and_gradients_are_those_of_torch(
    tokens: int, dtype: torch.dtype, tolerance: float, shared: int
) -> None:
    query, key, value = made(tokens, 4, dtype), made(tokens, shared, dtype), made(tokens, shared, dtype)
    found = gradients(BlockedAttention.apply(query, key, value, 0.3), query, key, value)
    exact = [tensor.detach().double().requires_grad_() for tensor in (query, key, value)]
    reference = scaled_dot_product_attention(*exact, is_causal=True, scale=0.3, enable_gqa=True)
    for one, other in zip(found, gradients(reference, *exact), strict=True):
        assert (one.double() - other).abs().max() <= tolerance * max(1, float(other.abs().max()))


def test_a_long_document_takes_this_way_and_sees_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = [200, 40, 170]
    query, key, value = (made(sum(lengths), heads, torch.float32) for heads in (4, 2, 2))
    assert [prefers_blocks(part) for part in query.split(lengths, 2)] == [True, False, True]
    found, _ = packed_attention(None, query, key, value, None, document_lengths=lengths, scaling=0.3)
    monkeypatch.setattr(cpu, "BLOCKED_FROM_TOKENS", {})
    plain, _ = packed_attention(None, query, key, value, None, document_lengths=lengths, scaling=0.3)
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-6)


def test_a_document_too_long_to_keep_its_probabilities_is_left_to_torch() -> None:
    assert not prefers_blocks(torch.empty(1, 32, 512, 64))


def test_autocast_changes_nothing_but_the_precision() -> None:
    query, key, value = (made(200, heads, torch.float32) for heads in (4, 2, 2))
    exact, _ = packed_attention(None, query, key, value, None, document_lengths=[200])
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = packed_attention(None, query, key, value, None, document_lengths=[200])
    assert found.dtype == torch.bfloat16
    found.sum().backward()
    assert query.grad is not None
    assert query.grad.isfinite().all()
    torch.testing.assert_close(found.float(), exact, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 4e-2)])
@pytest.mark.parametrize("lengths", [[60, 50, 48, 20, 17, 5, 1], [9, 9, 9], [3, 30, 29, 200, 40]])
def test_short_documents_side_by_side_are_what_each_is_alone(
    dtype: torch.dtype, tolerance: float, lengths: list[int]
) -> None:
    whole = [made(sum(lengths), heads, dtype) for heads in (4, 2, 2)]
    out, _ = packed_attention(None, *whole, None, document_lengths=lengths, scaling=0.3)
    found = gradients(out, *whole)
    exact = [tensor.detach().double().requires_grad_() for tensor in whole]
    alone = [
        scaled_dot_product_attention(*document, is_causal=True, scale=0.3, enable_gqa=True)
        for document in zip(*(tensor.split(lengths, 2) for tensor in exact), strict=True)
    ]
    reference = gradients(torch.cat(alone, 2).transpose(1, 2), *exact)
    for one, other in zip(found, reference, strict=True):
        assert (one.double() - other).abs().max() <= tolerance * max(1, float(other.abs().max()))


def test_documents_attend_together_where_they_are_short_and_alike() -> None:
    assert group_similar_lengths([200, 60, 50, 40, 33, 33, 90], 64) == [[200], [60, 50], [40, 33, 33], [90]]


def test_within_a_window_no_longer_document_is_side_by_side() -> None:
    whole = [made(60, heads, torch.float32) for heads in (4, 2, 2)]
    plain, _ = packed_attention(None, *whole, None, document_lengths=[30, 30], sliding_window=30)
    windowed, _ = packed_attention(None, *whole, None, document_lengths=[30, 30], sliding_window=4)
    first = torch.equal(plain[:, :4], windowed[:, :4])
    assert first
    assert not torch.allclose(plain[:, 4:30], windowed[:, 4:30])


def test_under_autocast_short_documents_keep_to_the_quicker_precision() -> None:
    """torch's kernel multiplies bf16 slower than fp32 here, and autocast would choose bf16."""
    lengths = [60, 50, 48, 20]
    whole = [made(sum(lengths), heads, torch.float32) for heads in (4, 2, 2)]
    halves = [tensor.detach().bfloat16() for tensor in whole]
    alone, _ = packed_attention(None, *halves, None, document_lengths=lengths)
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = packed_attention(None, *whole, None, document_lengths=lengths)
    assert torch.equal(found, alone)
