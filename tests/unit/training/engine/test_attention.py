"""Blocked CPU attention matches torch's attention in the forward and backward pass."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from services.training.engine.attention import cpu
from services.training.engine.attention.cpu import BlockedAttention, prefers_blocks
from services.training.engine.attention.packed import packed_attention


def random_projection(tokens: int, heads: int, dtype: torch.dtype) -> Tensor:
    """Return random values with a projection's strides: a [1, heads, tokens, size] view of [1, tokens, heads, size]."""
    values = torch.randn(1, tokens, heads, 16, generator=torch.Generator().manual_seed(tokens + heads))
    return values.to(dtype).transpose(1, 2).detach().requires_grad_()


def gradients(out: Tensor, *inputs: Tensor) -> list[Tensor]:
    weights = torch.linspace(-1, 1, out.numel()).view(out.shape).to(out.dtype)
    return [out.detach(), *torch.autograd.grad(out, inputs, weights)]


@pytest.mark.parametrize("tokens", [1, 63, 64, 65, 200, 300])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 4e-2)])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_causal_attention_matches_torch_values_and_gradients(
    tokens: int, dtype: torch.dtype, tolerance: float, kv_heads: int
) -> None:
    query, key, value = (random_projection(tokens, heads, dtype) for heads in (4, kv_heads, kv_heads))
    actual = gradients(BlockedAttention.apply(query, key, value, 0.3), query, key, value)
    exact = [tensor.detach().double().requires_grad_() for tensor in (query, key, value)]
    reference = scaled_dot_product_attention(*exact, is_causal=True, scale=0.3, enable_gqa=True)
    for tensor, expected in zip(actual, gradients(reference, *exact), strict=True):
        assert (tensor.double() - expected).abs().max() <= tolerance * max(1, float(expected.abs().max()))


def test_long_documents_in_a_pack_do_not_attend_to_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = [200, 40, 170]
    query, key, value = (random_projection(sum(lengths), heads, torch.float32) for heads in (4, 2, 2))
    assert [prefers_blocks(part) for part in query.split(lengths, 2)] == [True, False, True]
    actual, _ = packed_attention(None, query, key, value, None, document_lengths=lengths, scaling=0.3)
    monkeypatch.setattr(cpu, "BLOCKED_FROM_TOKENS", {})
    plain, _ = packed_attention(None, query, key, value, None, document_lengths=lengths, scaling=0.3)
    torch.testing.assert_close(actual, plain, rtol=1e-5, atol=1e-6)


def test_document_with_too_many_probabilities_uses_torch_attention() -> None:
    assert not prefers_blocks(torch.empty(1, 32, 512, 64))


def test_autocast_changes_only_the_precision() -> None:
    query, key, value = (random_projection(200, heads, torch.float32) for heads in (4, 2, 2))
    exact, _ = packed_attention(None, query, key, value, None, document_lengths=[200])
    with torch.autocast("cpu", torch.bfloat16):
        actual, _ = packed_attention(None, query, key, value, None, document_lengths=[200])
    assert actual.dtype == torch.bfloat16
    actual.sum().backward()
    assert query.grad is not None
    assert query.grad.isfinite().all()
    torch.testing.assert_close(actual.float(), exact, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 4e-2)])
@pytest.mark.parametrize("lengths", [[60, 50, 48, 20, 17, 5, 1], [9, 9, 9], [3, 30, 29, 200, 40]])
def test_packed_documents_match_separate_attention(dtype: torch.dtype, tolerance: float, lengths: list[int]) -> None:
    inputs = [random_projection(sum(lengths), heads, dtype) for heads in (4, 2, 2)]
    out, _ = packed_attention(None, *inputs, None, document_lengths=lengths, scaling=0.3)
    actual = gradients(out, *inputs)
    exact = [tensor.detach().double().requires_grad_() for tensor in inputs]
    separate = [
        scaled_dot_product_attention(*document, is_causal=True, scale=0.3, enable_gqa=True)
        for document in zip(*(tensor.split(lengths, 2) for tensor in exact), strict=True)
    ]
    reference = gradients(torch.cat(separate, 2).transpose(1, 2), *exact)
    for tensor, expected in zip(actual, reference, strict=True):
        assert (tensor.double() - expected).abs().max() <= tolerance * max(1, float(expected.abs().max()))


def test_documents_longer_than_the_window_use_windowed_attention() -> None:
    inputs = [random_projection(60, heads, torch.float32) for heads in (4, 2, 2)]
    plain, _ = packed_attention(None, *inputs, None, document_lengths=[30, 30], sliding_window=30)
    windowed, _ = packed_attention(None, *inputs, None, document_lengths=[30, 30], sliding_window=4)
    assert torch.equal(plain[:, :4], windowed[:, :4])
    assert not torch.allclose(plain[:, 4:30], windowed[:, 4:30])
