"""The processes that train one model: the rank of this one, and the collective operations between them.

A single process is a group of one. Every launcher (distributed/local_processes.py, torchrun, Ray) sets torchrun's
environment variables in each process: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from services.training.engine.distributed.cpu_affinity import pin_to_own_cpus

T = TypeVar("T")

COLLECTIVE_TIMEOUT = timedelta(hours=6)
"""How long a process waits for the others: long, because the main process tokenizes alone. The launcher notices a dead
process at once."""

BACKENDS = {True: "cpu:gloo,cuda:nccl", False: "gloo"}
"""torch.distributed backends with GPUs and without."""


class MainProcessFailed(Exception):
    """The main process has failed and reports the error; this one has nothing left to do."""


@dataclass(frozen=True)
class Ranks:
    """The rank of this process among `size`, and its rank among the processes of this machine, `local`."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @classmethod
    def join(cls) -> Ranks:
        """Join the group described by the environment and wait for its processes; without one, a group of one."""
        rank, size, local = (int(os.environ.get(name, "-1")) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
        if size < 2:
            return cls()
        gpus = torch.cuda.is_available()
        if gpus:
            torch.cuda.set_device(local % torch.cuda.device_count())
        else:
            pin_to_own_cpus()
        if not distributed.is_initialized():
            distributed.init_process_group(BACKENDS[gpus], timeout=COLLECTIVE_TIMEOUT)
        return cls(rank, size, local)

    @property
    def is_main(self) -> bool:
        """Whether this process reports, writes files and receives commands."""
        return self.rank == 0

    def sum(self, *values: float) -> list[float]:
        """Each value summed over all processes."""
        if self.size == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)  # token counts exceed what fp32 holds exactly
        distributed.all_reduce(tensor)
        return tensor.tolist()

    def broadcast(self, number: float) -> float:
        """The main process's number, in all processes."""
        if self.size == 1:
            return number
        tensor = torch.tensor(number, dtype=torch.float64)
        distributed.broadcast(tensor, 0)
        return tensor.item()

    def broadcast_result(self, find: Callable[[], T]) -> T:
        """Call `find` in the main process; return its result in all. On failure, the others raise MainProcessFailed."""
        if self.size == 1:
            return find()
        message: list[Any] = [None]
        try:
            if self.is_main:
                message = [(find(),)]
        finally:
            distributed.broadcast_object_list(message, 0)
        if message[0] is None:
            raise MainProcessFailed
        return message[0][0]


SINGLE_PROCESS = Ranks()
