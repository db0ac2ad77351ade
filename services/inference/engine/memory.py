"""Memory where the models lie: the GPU's, else the machine's or the container's, in bytes."""

from __future__ import annotations

from pathlib import Path

import torch

GROUP = Path("/sys/fs/cgroup")


def used_memory() -> int:
    """What this process holds."""
    if torch.cuda.is_available():
        return int(torch.cuda.memory_reserved())
    return _kibibytes(Path("/proc/self/status"), "VmRSS") or 0


def free_memory() -> int | None:
    """What another model could take; None where the system does not say."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    known = [free for free in (_kibibytes(Path("/proc/meminfo"), "MemAvailable"), _left_to_group()) if free is not None]
    return min(known, default=None)


def _kibibytes(path: Path, name: str) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:")), None)


def _left_to_group() -> int | None:
    """Below the container's limit (cgroup 2); page cache counts as used there, so this is careful."""
    try:
        most, used = ((GROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return None if most == "max" else int(most) - int(used)
    except (OSError, ValueError):
        return None
