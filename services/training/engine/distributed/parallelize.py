"""A model over several processes: a whole copy in each (DDP, arXiv 2006.15704), or a part in each (FSDP2, 2304.11277).

What is written is always whole and the same as of one process, so that a run can go on with any number of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from services.training.engine.data.batches import MicroBatch
from services.training.engine.distributed.ranks import Ranks
from services.training.engine.model.loss import loss_sum
from services.training.engine.spec import Strategy


class StepLoss(nn.Module):
    """A model with its loss, in one forward pass."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: MicroBatch) -> Tensor:
        """Summed over the micro-batch's trained tokens, in nats."""
        return loss_sum(self.model, batch)


def spread(model: Any, strategy: Strategy, ranks: Ranks, device: torch.device) -> nn.Module:
    """The loss of `model` as its processes compute it; with fsdp the model keeps only this process's part."""
    if ranks.size == 1:
        return StepLoss(model)
    if strategy == "ddp":
        return DistributedDataParallel(StepLoss(model), forward_sync_buffers=False)
    mesh = init_device_mesh(device.type, (ranks.size,))
    for layer in layers(model):
        fully_shard(layer, mesh=mesh)
    return StepLoss(fully_shard(model, mesh=mesh))


def layers(model: Any) -> Iterator[nn.Module]:
    """The blocks that transformers wants kept together."""
    kept = set(getattr(model, "_no_split_modules", None) or ())
    return (module for module in model.modules() if type(module).__name__ in kept)


@contextmanager
def adding_up(loss: nn.Module, *, last: bool) -> Iterator[None]:
    """A micro-batch's way back; only the last of a step exchanges gradients, which are then the processes' mean."""
    if isinstance(loss, DistributedDataParallel) and not last:
        with loss.no_sync():
            yield
        return
    if isinstance(model := getattr(loss, "model", None), FSDPModule):
        model.set_requires_gradient_sync(last)
    yield


def whole(state: Any) -> Any:
    """State (nested dicts and lists) with its tensors whole where each process holds a part of them.

    All must ask together; only the first one gets them, the others empty ones.
    """
    if isinstance(state, DTensor):
        full = state.full_tensor()
        return full.cpu() if distributed.get_rank() == 0 else torch.empty(0)
    if isinstance(state, Mapping):
        return {name: whole(value) for name, value in state.items()}
    return [whole(value) for value in state] if isinstance(state, list) else state


def whole_model(model: Any) -> dict[str, Tensor] | None:
    """The weights of a model of which each process holds a part, tied ones the same tensor; else None."""
    if not isinstance(model, FSDPModule):
        return None
    tied, found = dict(model.named_parameters(remove_duplicate=False)), dict[int, Tensor]()  # type: ignore[attr-defined]
    state: dict[str, Tensor] = model.state_dict()  # type: ignore[attr-defined]
    return {name: found.setdefault(id(tied.get(name, value)), whole(value)) for name, value in state.items()}


def part(value: Tensor, like: Tensor) -> Tensor:
    """What this process holds of a whole tensor that is spread as `like` is."""
    if not isinstance(like, DTensor) or isinstance(value, DTensor) or value.shape != like.shape:
        return value
    value = value.to(like.device)
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)


def part_of_optimizer(state: dict[str, Any], optimizer: Any) -> dict[str, Any]:
    """An optimizer's whole state, for the parts that this process holds."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    parts = {
        number: {
            name: part(value, weights[number]) if isinstance(value, Tensor) else value for name, value in of.items()
        }
        for number, of in state["state"].items()
    }
    return {**state, "state": parts}
