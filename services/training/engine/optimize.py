"""Precision, loss, optimizer and schedule: how one step changes the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from transformers import get_scheduler

from services.training.engine.attention import attention_for
from services.training.engine.batches import MicroBatch
from services.training.engine.interrupts import Interrupts
from services.training.engine.loss import loss_sum
from services.training.engine.spec import Dtype, Hyperparameters, Layout

_PRECISION = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
_COSINE_FLOOR = 0.1


def accelerator_for(dtype: Dtype) -> Accelerator:
    """Device and mixed precision, the gradient scaler of fp16 included."""
    return Accelerator(mixed_precision=_PRECISION[dtype])


def accumulate(
    model: Any, batches: Sequence[MicroBatch], layout: Layout, accelerator: Accelerator, interrupts: Interrupts
) -> float:
    """Add up the gradients of a step's mean loss per trained token; returns that loss.

    Every micro-batch is divided by the trained tokens of the whole step, so how a step is split changes nothing.
    """
    total, trained = 0.0, sum(batch.trained for batch in batches)
    with attention_for(model, layout):
        for batch in batches:
            interrupts.check()
            with accelerator.autocast():
                loss = loss_sum(model, batch.to(accelerator.device)) / trained
            accelerator.backward(loss)
            total += loss.item()
    return total


def make_optimizer(model: Any, settings: Hyperparameters) -> torch.optim.Optimizer:
    """AdamW (arXiv 1711.05101) over what is trainable; weight decay on matrices only."""
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
    """Linear warm-up, then constant, linear to nothing, or cosine to a tenth of the learning rate."""
    name, options = settings.scheduler, {}
    if name == "cosine":
        name, options = "cosine_with_min_lr", {"min_lr_rate": _COSINE_FLOOR}
    elif name == "constant":
        name = "constant_with_warmup"
    return get_scheduler(
        name,
        optimizer,
        num_warmup_steps=settings.warmup(total_steps),
        num_training_steps=total_steps,
        scheduler_specific_kwargs=options,
    )


def clip(model: Any, limit: float | None, accelerator: Accelerator) -> float:
    """Scale the gradients down to norm `limit`; returns their norm before."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    return float(accelerator.clip_grad_norm_(weights, limit or float("inf")))


def random_state() -> dict[str, Any]:
    """The generators that dropout draws from."""
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "gpus": gpus}


def restore_random_state(state: Mapping[str, Any]) -> None:
    """Let the generators go on from `state`."""
    torch.set_rng_state(state["cpu"])
    if state["gpus"]:
        torch.cuda.set_rng_state_all(state["gpus"])
