"""Processes of one machine that train together keep to CPUs of their own: none waits while two share a core.

Each gets an equal part of all CPUs that the job may use, whole cores and neighbours, so that other work still has room.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")


def keep_to_own_cpus() -> None:
    """For a process whose environment tells its number on this machine, as torchrun does; before it starts threads."""
    number, processes = (int(os.environ.get(name, "0")) for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"))
    if mine := part(neighbours(os.sched_getaffinity(0)), number, processes):
        os.sched_setaffinity(0, mine)


def part(cpus: Sequence[int], number: int, processes: int) -> Sequence[int]:
    """The CPUs of one of several processes; none where it is alone, or there are too few."""
    each = len(cpus) // processes if processes > 1 else 0
    return cpus[number * each : (number + 1) * each]


def neighbours(cpus: set[int], folder: Path = _CPUS) -> list[int]:
    """By socket and core, so that the threads of one core stand side by side."""
    return sorted(cpus, key=lambda cpu: (*(_place(folder, cpu, name) for name in ("physical_package", "core")), cpu))


def _place(folder: Path, cpu: int, name: str) -> int:
    try:
        return int((folder / f"cpu{cpu}" / "topology" / f"{name}_id").read_text())
    except OSError:  # a system that does not tell
        return 0
