"""Memory where the models lie: the GPU's, else the machine's or the container's, in bytes."""

from __future__ import annotations

import torch

from services.inference.free_memory import free_main_memory
from shared.runtime.processes.machine import resident_memory


def used_memory() -> int:
    """What this process holds."""
    return int(torch.cuda.memory_reserved()) if torch.cuda.is_available() else resident_memory()


def free_memory() -> int:
    """What another model could take."""
    return int(torch.cuda.mem_get_info()[0]) if torch.cuda.is_available() else free_main_memory()
