"""Pins the training processes of one machine to separate CPUs.

They train in lockstep, so one that shares a core with another would slow down all of them. Each gets an equal part of
the job's CPUs: neighboring ones, so that a core's hyperthreads and a socket's caches belong to one process.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")


def pin_to_own_cpus() -> None:
    """Pin this process by LOCAL_RANK and LOCAL_WORLD_SIZE, torchrun's variables. Call it before threads start."""
    rank, processes = (int(os.environ.get(name, "0")) for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"))
    if cpus := cpus_of_rank(sort_by_topology(os.sched_getaffinity(0)), rank, processes):
        os.sched_setaffinity(0, cpus)


def cpus_of_rank(cpus: Sequence[int], rank: int, processes: int) -> Sequence[int]:
    """The CPUs of one process; empty for a single process, or if there are fewer CPUs than processes."""
    count = len(cpus) // processes if processes > 1 else 0
    return cpus[rank * count : (rank + 1) * count]


def sort_by_topology(cpus: set[int], folder: Path = _CPUS) -> list[int]:
    """CPUs sorted by socket and core, so that the hyperthreads of a core are neighbors."""
    return sorted(cpus, key=lambda cpu: (_read_id(folder, cpu, "physical_package"), _read_id(folder, cpu, "core"), cpu))


def _read_id(folder: Path, cpu: int, name: str) -> int:
    try:
        return int((folder / f"cpu{cpu}" / "topology" / f"{name}_id").read_text())
    except OSError:  # some systems and containers hide the topology
        return 0
