"""Memory where the models lie: the GPU's, else the machine's or the container's, in bytes."""

from __future__ import annotations

from pathlib import Path

import torch

from services.inference.free_memory import free_main_memory, kibibytes


def used_memory() -> int:
    """What this process holds."""
    if torch.cuda.is_available():
        return int(torch.cuda.memory_reserved())
    return kibibytes(Path("/proc/self/status"), "VmRSS") or 0


def free_memory() -> int | None:
    """What another model could take; None where the system does not say."""
    return int(torch.cuda.mem_get_info()[0]) if torch.cuda.is_available() else free_main_memory()
