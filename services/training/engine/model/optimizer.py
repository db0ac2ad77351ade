"""One optimizer step: precision, gradient accumulation, clipping, optimizer and learning rate schedule."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler

from services.training.engine.attention.packed import attention_for
from services.training.engine.data.batches import MicroBatch
from services.training.engine.distributed.ranks import SINGLE_PROCESS, Ranks
from services.training.engine.interrupts import Interrupts
from services.training.engine.spec import BatchLayout, Dtype, Hyperparameters

_PRECISION = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
_COSINE_FLOOR = 0.1
"""The final learning rate as a share of its peak."""


def accelerator_for(dtype: Dtype) -> Accelerator:
    """Device and mixed precision, with a gradient scaler for fp16."""
    return Accelerator(mixed_precision=_PRECISION[dtype])


def accumulate(
    loss_of: nn.Module,
    batches: Sequence[MicroBatch],
    layout: BatchLayout,
    accelerator: Accelerator,
    interrupts: Interrupts,
    ranks: Ranks = SINGLE_PROCESS,
) -> float:
    """Accumulate the gradients of a step's mean loss per trained token; return that loss, in nats.

    Every micro-batch loss is divided by the trained tokens of the whole step. The mean of per-batch means would weight
    tokens by the batch they are in, and the result would depend on how a step is split. DDP and FSDP average gradients
    over the processes, so the loss is multiplied by their number.
    """
    total, (trained,) = 0.0, ranks.sum(sum(batch.trained for batch in batches))
    with attention_for(getattr(loss_of, "module", loss_of).model, layout):
        for number, batch in enumerate(batches, 1):
            interrupts.check()
            with gradient_accumulation(loss_of, last=number == len(batches)):
                with accelerator.autocast():
                    loss = loss_of(batch.to(accelerator.device)) / trained
                accelerator.backward(loss * ranks.size)
            total += loss.item()
    return ranks.sum(total)[0]


@contextmanager
def gradient_accumulation(loss: nn.Module, *, last: bool) -> Iterator[None]:
    """Context of a micro-batch's backward pass; only the last one of a step averages gradients over the processes."""
    if isinstance(loss, DistributedDataParallel) and not last:
        with loss.no_sync():
            yield
        return
    if isinstance(model := getattr(loss, "model", None), FSDPModule):
        model.set_requires_gradient_sync(last)
    yield


def make_optimizer(model: Any, settings: Hyperparameters) -> torch.optim.Optimizer:
    """AdamW (arXiv 1711.05101) over the trainable weights; weight decay for matrices, not for norms and biases."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [w for w in weights if w.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [w for w in weights if w.dim() <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if settings.optimizer == "adamw_8bit":
        from bitsandbytes.optim.adamw import AdamW8bit

        return AdamW8bit(groups, lr=settings.learning_rate)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def make_scheduler(optimizer: Any, settings: Hyperparameters, total_steps: int) -> Any:
    """Linear warm-up, then constant, linear decay to zero, or cosine decay (arXiv 1608.03983) to a tenth.

    Step n of the warm-up has n / warm-up of the peak: transformers' schedules spend the first step on a rate of zero.
    """
    name, options = settings.scheduler, {}
    if name == "cosine":
        name, options = "cosine_with_min_lr", {"min_lr_rate": _COSINE_FLOOR}
    elif name == "constant":
        name = "constant_with_warmup"
    warmup = settings.warmup(total_steps)
    schedule = get_scheduler(
        name,
        optimizer,
        num_warmup_steps=warmup,
        num_training_steps=total_steps,
        scheduler_specific_kwargs=options,
    )
    return LambdaLR(optimizer, [partial(_without_zero, rate, warmup, total_steps) for rate in schedule.lr_lambdas])


def _without_zero(rate: Callable[[int], float], warmup: int, total_steps: int, steps: int) -> float:
    """The rate after `steps` steps; it is also asked after the last one, where a decay may have divided by zero."""
    return (steps + 1) / warmup if steps < warmup else rate(min(steps, total_steps - 1))


def clip(model: Any, limit: float | None, accelerator: Accelerator) -> float:
    """Clip the gradients to norm `limit` (arXiv 1211.5063); return their norm before clipping."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    norm = accelerator.clip_grad_norm_(weights, limit or float("inf"))
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


def seed_step(seed: int, step: int, ranks: Ranks) -> None:
    """Seed dropout per step and process, so that processes differ and a repeated step draws the same numbers."""
    if ranks.size > 1:
        digest = hashlib.sha256(f"{seed}/{step}/{ranks.rank}".encode()).digest()
        torch.manual_seed(int.from_bytes(digest[:7]))


def random_state() -> dict[str, Any]:
    """The state of the random generators, which dropout uses."""
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "gpus": gpus}


def restore_random_state(state: Mapping[str, Any]) -> None:
    """Restore the random generators."""
    torch.set_rng_state(state["cpu"])
    if state["gpus"]:
        torch.cuda.set_rng_state_all(state["gpus"])
