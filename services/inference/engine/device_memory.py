"""Memory of the device that holds the models: the GPU, or else the machine or container. In bytes."""

from __future__ import annotations

import torch

from services.inference.available_memory import free_main_memory
from shared.runtime.processes.machine import resident_memory


def used_memory() -> int:
    """Return the device memory of this process."""
    return int(torch.cuda.memory_reserved()) if torch.cuda.is_available() else resident_memory()


def free_memory() -> int:
    """Return the device memory that another model could use."""
    return int(torch.cuda.mem_get_info()[0]) if torch.cuda.is_available() else free_main_memory()
