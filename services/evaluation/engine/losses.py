"""Negative log-likelihood (NLL) of each row under a model, over its trained tokens.

For a row with tokens x and trained positions T, the loss is the sum over t in T of -ln p(x_t | x_<t), in nats.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from shared.engine.process.protocol import EngineError
from shared.engine.text.samples import EncodedSample

MAX_BATCH_LOGITS = 1 << 27
"""512 MB in float32. With a large vocabulary, this bounds a batch before `batch_tokens` does."""


@dataclass(frozen=True)
class Loss:
    """The NLL of a row in nats, summed over its trained tokens, and the number of these tokens."""

    nats: float
    tokens: int

    def __add__(self, other: "Loss") -> "Loss":
        return Loss(self.nats + other.nats, self.tokens + other.tokens)


@torch.inference_mode()
def compute_losses(
    model: Any, samples: Sequence[EncodedSample], batch_tokens: int, on_progress: Callable[[int, int], None]
) -> list[Loss]:
    """Return the loss of each sample, in order. A sample's first token has no prediction and does not count.

    Batches are formed by length, so that little is padded. Raises EngineError `not_finite`.
    """
    losses = [Loss(0.0, 0)] * len(samples)
    budget = min(batch_tokens, MAX_BATCH_LOGITS // model.config.get_text_config().vocab_size)
    done = 0
    for batch in _batches([len(sample.input_ids) for sample in samples], budget):
        for index, loss in zip(batch, _batch_losses(model, [samples[i] for i in batch]), strict=True):
            losses[index] = loss
        done += len(batch)
        on_progress(done, len(samples))
    return losses


def _batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield batches of indices, longest first: the first batch shows at once whether memory suffices.

    A batch has at most `budget` padded tokens, or one sample.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _batch_losses(model: Any, samples: Sequence[EncodedSample]) -> list[Loss]:
    width = max(len(sample.input_ids) for sample in samples)
    ids = _pad([sample.input_ids for sample in samples], width, model.device)
    mask = _pad([[1] * len(sample.input_ids) for sample in samples], width, model.device)
    trained = _pad([sample.trained for sample in samples], width, model.device).bool()
    # Only positions that some row trains on need logits: the others would cost memory for nothing.
    targets = trained[:, 1:].any(0).nonzero()[:, 0] + 1
    if not len(targets):
        return [Loss(0.0, 0)] * len(samples)
    logits = model(input_ids=ids, attention_mask=mask, logits_to_keep=targets - 1, use_cache=False).logits.float()
    nats = -logits.log_softmax(-1).gather(-1, ids[:, targets, None])[..., 0]
    counted = trained[:, targets]
    sums = (nats * counted).double().sum(1).tolist()  # long rows lose digits in float32
    if not all(map(math.isfinite, sums)):
        raise EngineError(
            "not_finite", "The model's logits are not finite.", remedy="Train it again with a lower learning rate."
        )
    return [Loss(total, int(count)) for total, count in zip(sums, counted.sum(1).tolist(), strict=True)]


def _pad(rows: Sequence[Sequence[int]], width: int, device: Any) -> Tensor:
    return torch.tensor([[*row, *([0] * (width - len(row)))] for row in rows], device=device)
