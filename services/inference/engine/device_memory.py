"""Memory of the device that holds the models: the GPU, or else the machine or container. In bytes."""

from __future__ import annotations

import torch

from services.inference.available_memory import free_main_memory
from shared.runtime.processes.machine import resident_memory


def used_memory() -> int:
    """Return the device memory of this process."""
    return int(torch.cuda.memory_reserved()) if torch.cuda.is_available() else resident_memory()


def free_memory() -> int:
    """Return the device memory that another model could use, what torch keeps for new tensors included."""
    if not torch.cuda.is_available():
        return free_main_memory()
    cached = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return int(torch.cuda.mem_get_info()[0] + cached)
