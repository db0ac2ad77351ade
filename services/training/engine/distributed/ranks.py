"""The processes that train a model together: which one this is, and what they tell each other.

A process alone is a group of one. Whoever starts a group (engine/peers.py, torchrun, Ray) leaves in the environment of
each process what torchrun promises: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from services.training.engine.distributed.cpu_affinity import keep_to_own_cpus

T = TypeVar("T")

PATIENCE = timedelta(hours=6)
"""How long a process waits for another: the first one tokenizes alone. Death is noticed at once, by other means."""


BACKENDS = {True: "cpu:gloo,cuda:nccl", False: "gloo"}
"""With GPUs, and without."""


class Dismissed(Exception):
    """The first process has failed, and says why; nothing is left to do for this one."""


@dataclass(frozen=True)
class Ranks:
    """`rank` of `size` processes, and its number among those on this machine."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @classmethod
    def joined(cls) -> Ranks:
        """The group that the environment speaks of, once all its processes have come; without one, this process."""
        rank, size, local = (int(os.environ.get(name, "-1")) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
        if size < 2:
            return cls()
        gpus = torch.cuda.is_available()
        if gpus:
            torch.cuda.set_device(local % torch.cuda.device_count())
        else:
            keep_to_own_cpus()
        if not distributed.is_initialized():
            distributed.init_process_group(BACKENDS[gpus], timeout=PATIENCE)
        return cls(rank, size, local)

    @property
    def first(self) -> bool:
        """Whether this process is the one that speaks, writes and hears commands."""
        return self.rank == 0

    def summed(self, *values: float) -> list[float]:
        """Each value added up over all processes."""
        if self.size == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(tensor)
        return tensor.tolist()

    def agreed(self, number: float) -> float:
        """The first process's number, for all."""
        if self.size == 1:
            return number
        tensor = torch.tensor(number, dtype=torch.float64)
        distributed.broadcast(tensor, 0)
        return tensor.item()

    def told(self, find: Callable[[], T]) -> T:
        """What `find` returns in the first process, for all; where it raises there, the others are dismissed."""
        if self.size == 1:
            return find()
        told: list[Any] = [None]
        try:
            if self.first:
                told = [(find(),)]
        finally:
            distributed.broadcast_object_list(told, 0)
        if told[0] is None:
            raise Dismissed
        return told[0][0]


ALONE = Ranks()
