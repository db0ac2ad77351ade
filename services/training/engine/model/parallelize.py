"""Parallelizes a model: a full copy in each process (DDP, arXiv 2006.15704), or a shard in each (FSDP2, 2304.11277).

Checkpoints always hold full tensors, equal to those of a single process, so a run can resume with any number of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from services.training.engine.distributed.ranks import Ranks
from services.training.engine.model.loss import StepLoss
from services.training.engine.spec import Strategy


def parallelize(model: Any, strategy: Strategy, ranks: Ranks, device: torch.device) -> nn.Module:
    """The loss module of this process. With fsdp, `model` keeps only this process's shard of each weight."""
    if ranks.size == 1:
        return StepLoss(model)
    if strategy == "ddp":
        return DistributedDataParallel(StepLoss(model), forward_sync_buffers=False)
    mesh = init_device_mesh(device.type, (ranks.size,))
    # Each layer is a group of its own, so that only one layer's full weights exist at a time.
    for layer in transformer_layers(model):
        fully_shard(layer, mesh=mesh)
    return StepLoss(fully_shard(model, mesh=mesh))


def transformer_layers(model: Any) -> Iterator[nn.Module]:
    """The decoder layers: the modules that transformers declares indivisible (`_no_split_modules`)."""
    names = set(getattr(model, "_no_split_modules", None) or ())
    return (module for module in model.modules() if type(module).__name__ in names)


def gather_full(state: Any) -> Any:
    """State (nested dicts and lists) with sharded tensors gathered to full ones on the CPU of the main process.

    A collective operation: all processes must call it. The others get empty tensors.
    """
    if isinstance(state, DTensor):
        full = state.full_tensor()
        return full.cpu() if distributed.get_rank() == 0 else torch.empty(0)
    if isinstance(state, Mapping):
        return {name: gather_full(value) for name, value in state.items()}
    return [gather_full(value) for value in state] if isinstance(state, list) else state


def gather_full_model(model: Any) -> dict[str, Tensor] | None:
    """The full weights of a sharded model, tied weights as one tensor; None if the model is not sharded."""
    if not isinstance(model, FSDPModule):
        return None
    tied, gathered = dict(model.named_parameters(remove_duplicate=False)), dict[int, Tensor]()  # type: ignore[attr-defined]
    state: dict[str, Tensor] = model.state_dict()  # type: ignore[attr-defined]
    return {name: gathered.setdefault(id(tied.get(name, value)), gather_full(value)) for name, value in state.items()}


def to_local_shard(value: Tensor, like: Tensor) -> Tensor:
    """This process's shard of a full tensor, sharded as `like` is; unchanged if `like` is not sharded."""
    if not isinstance(like, DTensor) or isinstance(value, DTensor) or value.shape != like.shape:
        return value
    value = value.to(like.device)
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)


def shard_optimizer_state(state: dict[str, Any], optimizer: Any) -> dict[str, Any]:
    """An optimizer's full state, reduced to the shards of this process."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    shards = {
        number: {
            name: to_local_shard(value, weights[number]) if isinstance(value, Tensor) else value
            for name, value in values.items()
        }
        for number, values in state["state"].items()
    }
    return {**state, "state": shards}
