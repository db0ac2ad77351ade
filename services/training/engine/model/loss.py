"""Cross entropy over the trained tokens, at bounded memory where the vocabulary is large."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from services.training.engine.data.batches import MicroBatch

MOST_LOGITS = 1 << 26
"""Logits that exist at a time (256 MB in fp32). A vocabulary of 150,000 reaches it at 450 tokens."""


class StepLoss(nn.Module):
    """A model and its loss as one module, whose forward pass DDP can intercept."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: MicroBatch) -> Tensor:
        """The loss summed over the micro-batch's trained tokens, in nats."""
        return loss_sum(self.model, batch)


def loss_sum(model: Any, batch: MicroBatch) -> Tensor:
    """Cross entropy summed over the trained tokens, in nats; logits exist for those alone, not for too many at once."""
    head = model.get_output_embeddings()
    if (
        head is None
        or batch.targets.numel() * head.weight.shape[0] <= MOST_LOGITS
        or not applies_head_last(model, batch)
    ):
        return _summed(model(**batch.inputs, use_cache=False).logits.flatten(0, 1), batch.targets.flatten())
    with _without_head(head):
        hidden = model(**batch.inputs, use_cache=False).logits.flatten(0, 1)
    rows = max(1, MOST_LOGITS // head.weight.shape[0])
    chunks = zip(hidden.split(rows), batch.targets.flatten().split(rows), strict=True)
    return torch.stack([checkpoint(_of_chunk, head, *chunk, use_reentrant=False) for chunk in chunks]).sum()


@torch.no_grad()
def applies_head_last(model: Any, batch: MicroBatch) -> bool:
    """Whether the logits are what the head makes of its input, with nothing behind it, found out by trying once.

    `batch` shows by its inputs which attention is in place.
    """
    if (known := getattr(model, "_applies_head_last", None)) is None:
        head = model.get_output_embeddings()
        inputs: dict[str, Any] = {"input_ids": torch.arange(1, 6, device=model.device)[None], "use_cache": False}
        if "document_lengths" in batch.inputs:
            inputs["document_lengths"] = [5]
        logits = model(**inputs).logits
        with _without_head(head):
            hidden = model(**inputs).logits
        found = head(hidden)
        known = model._applies_head_last = logits.shape == found.shape and torch.allclose(logits, found, 1e-2, 1e-3)
    return known


@contextmanager
def _without_head(head: Any) -> Iterator[None]:
    """Within, the head hands on what it is given."""
    head.forward = lambda hidden: hidden
    try:
        yield
    finally:
        del head.forward


def _of_chunk(head: Any, hidden: Tensor, targets: Tensor) -> Tensor:
    return _summed(head(hidden), targets)


def _summed(logits: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(logits.float(), targets, ignore_index=-100, reduction="sum")
