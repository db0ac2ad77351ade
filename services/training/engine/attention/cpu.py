"""Causal attention on a CPU, faster than torch's kernel: short documents in batches, longer ones in blocks.

Batched: consecutive documents of similar length are padded to one batch and attend in one kernel call. No mask is
needed: causal attention never looks ahead, so the padding after a document cannot change its values.

Blocked: matrix products over blocks of queries. In the backward pass, torch's CPU kernel is no faster in bf16 than in
fp32, several times slower than the CPU's bf16 matrix products. Plain products run at full speed, and blocks above the
diagonal are skipped. The probabilities saved for the backward pass take tokens² / 2 elements per head, so this is for
documents of moderate length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

BATCH_BELOW_TOKENS = {torch.float32: 64, torch.bfloat16: 112}
"""Shorter documents gain from batching (docs/experiments.md). They attend in fp32, where torch's kernel is faster than
in bf16."""
_MIN_LENGTH_RATIO = 0.8
"""Shortest to longest document of a batch; bounds the padding."""

BLOCK_QUERIES = {torch.float32: 64, torch.bfloat16: 128}
"""Queries per block. These and BLOCKED_FROM_TOKENS were the fastest of those measured (docs/experiments.md)."""
BLOCKED_FROM_TOKENS = {torch.float32: 160, torch.bfloat16: 112}
"""Document length from which blocks are faster than torch's kernel; in bf16 also faster than a batch in fp32."""
MAX_PROBABILITIES = 1 << 22
"""Probabilities that one document may save for the backward pass (16 MB in fp32)."""

AttentionFunction = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Causal attention of query [documents, heads, tokens, size], keys and values [documents, kv heads, tokens, size]."""


def group_similar_lengths(lengths: Sequence[int], below: int) -> list[list[int]]:
    """Split consecutive document lengths into groups that attend as one batch; a group's first is its longest.

    Documents of `below` tokens or more are groups of their own. The order stays, so no token has to move.
    """
    groups: list[list[int]] = []
    for length in lengths:
        longest = groups[-1][0] if groups else 0
        if longest < below and _MIN_LENGTH_RATIO * longest <= length <= longest:
            groups[-1].append(length)
        else:
            groups.append([length])
    return groups


def attend_batched(
    attend: AttentionFunction, query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int]
) -> Tensor:
    """Apply `attend` to packed documents as one padded batch, the longest document first.

    Query and result are [1, heads, tokens, size], keys and values [1, kv heads, tokens, size].
    """
    padded, inverse = _padding_indices(tuple(lengths), query.device)
    rows = [tensor[0].transpose(0, 1) for tensor in (query, key, value)]
    batch = [_Pad.apply(row, padded, inverse).unflatten(0, (len(lengths), -1)).transpose(1, 2) for row in rows]
    if query.device.type == "cpu":
        batch = [tensor.float() for tensor in batch]
    with torch.autocast("cpu", enabled=False):  # autocast would run the kernel in bf16, where it is slower
        attended = attend(*batch).to(query.dtype).transpose(1, 2).flatten(0, 1)
    return _Unpad.apply(attended, inverse).transpose(0, 1)[None]


@lru_cache(maxsize=64)
def _padding_indices(lengths: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """The packed token at each place of the padded batch [documents * longest], and each token's place [tokens].

    A padding place repeats some later token: any finite value will do.
    """
    longest, sizes = lengths[0], torch.tensor(lengths)
    starts, column = sizes.cumsum(0) - sizes, torch.arange(longest)
    padded = (starts[:, None] + column).clamp_(max=sum(lengths) - 1).flatten()
    inverse = (column < sizes[:, None]).flatten().nonzero()[:, 0]
    return padded.to(device), inverse.to(device)


class _Pad(torch.autograd.Function):
    """Gather rows by `index`. The backward pass gathers by `inverse`: padding has no gradient, so nothing adds up."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        """[documents * longest, ...] of rows [tokens, ...]."""
        ctx.save_for_backward(inverse)
        return rows.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """[tokens, ...]."""
        return gradients[0].index_select(0, *ctx.saved_tensors), None, None


class _Unpad(torch.autograd.Function):
    """Gather rows by `inverse`; padding gets a gradient of zero."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, inverse: Tensor) -> Tensor:
        """[tokens, ...] of rows [documents * longest, ...]."""
        ctx.save_for_backward(inverse)
        ctx.padded_rows = rows.shape[0]
        return rows.index_select(0, inverse)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """[documents * longest, ...]."""
        out, (inverse,) = gradients[0], ctx.saved_tensors
        return out.new_zeros(ctx.padded_rows, *out.shape[1:]).index_copy_(0, inverse, out), None


def prefers_blocks(query: Tensor) -> bool:
    """Whether BlockedAttention is the fastest for query [1, heads, tokens, size]."""
    _, heads, tokens, _ = query.shape
    minimum = BLOCKED_FROM_TOKENS.get(query.dtype)
    return not query.is_cuda and minimum is not None and minimum <= tokens and heads * tokens**2 <= MAX_PROBABILITIES


class BlockedAttention(torch.autograd.Function):
    """softmax(scale * q kᵀ, causal) v for q [1, heads, tokens, size], k and v [1, kv heads, tokens, size]."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Attention [1, heads, tokens, size]; groups of heads share keys (arXiv 2305.13245)."""
        with torch.autocast("cpu", enabled=False):  # autocast would save fp32 probabilities, twice the memory
            return BlockedAttention._forward(ctx, query, key, value, scale)

    @staticmethod
    def _forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        kv_heads, tokens, size = key.shape[1:]
        queries = query.view(kv_heads, -1, tokens, size)
        keys, values = key[0], value[0]
        out, saved = torch.empty_like(queries), []
        for begin in range(0, tokens, BLOCK_QUERIES[query.dtype]):
            end = min(tokens, begin + BLOCK_QUERIES[query.dtype])
            # No query of this block sees a key at `end` or later, so those products are skipped.
            scores = torch.bmm(_block_rows(queries, begin, end), keys[:, :end].transpose(1, 2)).mul_(scale)
            _mask_future(scores, begin, end)
            probabilities = torch.softmax(scores, -1)
            out[:, :, begin:end] = torch.bmm(probabilities, values[:, :end]).view(kv_heads, -1, end - begin, size)
            saved.append(probabilities)
        ctx.save_for_backward(queries, keys, values, out, *saved)
        ctx.scale = scale
        return out.view_as(query)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of q, k and v (FlashAttention, arXiv 2205.14135, appendix B)."""
        queries, keys, values, out, *saved = ctx.saved_tensors
        kv_heads, _, tokens, size = queries.shape
        grad_out = gradients[0].reshape(queries.shape)
        # The softmax's gradient is dS = P ∘ (dP - D) with D = rowsum(dO ∘ O). D is summed in fp32, because every
        # score of its row inherits its rounding error.
        delta = (grad_out.float() * out.float()).sum(-1, keepdim=True)
        grad_query, grad_key, grad_value = torch.empty_like(queries), torch.zeros_like(keys), torch.zeros_like(values)
        for number, probabilities in enumerate(saved):
            begin = number * BLOCK_QUERIES[queries.dtype]
            end = min(tokens, begin + BLOCK_QUERIES[queries.dtype])
            rows, grad_rows = _block_rows(queries, begin, end), _block_rows(grad_out, begin, end)
            grad_scores = torch.bmm(grad_rows, values[:, :end].transpose(1, 2))
            block_delta = _block_rows(delta, begin, end).to(grad_scores.dtype)
            grad_scores.sub_(block_delta).mul_(probabilities).mul_(ctx.scale)
            grad_query[:, :, begin:end] = torch.bmm(grad_scores, keys[:, :end]).view(kv_heads, -1, end - begin, size)
            grad_key[:, :end].baddbmm_(grad_scores.transpose(1, 2), rows)
            grad_value[:, :end].baddbmm_(probabilities.transpose(1, 2), grad_rows)
        return grad_query.view(1, -1, tokens, size), grad_key[None], grad_value[None], None


def _block_rows(tensor: Tensor, begin: int, end: int) -> Tensor:
    """A block of [kv heads, group, tokens, size] as [kv heads, group * rows, size]: one product per kv head."""
    return tensor[:, :, begin:end].reshape(tensor.shape[0], -1, tensor.shape[-1])


def _mask_future(scores: Tensor, begin: int, end: int) -> None:
    """Add minus infinity above the diagonal of the block's last columns; all earlier keys are visible."""
    rows = end - begin
    future = torch.full((rows, rows), float("-inf"), dtype=scores.dtype).triu_(1)
    scores.view(scores.shape[0], -1, rows, end)[..., begin:].add_(future)
