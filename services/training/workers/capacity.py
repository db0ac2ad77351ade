"""The capacity of this machine, what jobs hold of it, and which job may start next."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from services.training.errors import ExceedsMachine
from services.training.models import Allocation, Job
from shared.documents.entities import now
from shared.runtime.processes import machine
from shared.runtime.processes.cpu_limit import usable_cpus
from shared.runtime.processes.memory_limit import usable_memory

BACKFILL_LIMIT = timedelta(minutes=10)
"""Smaller jobs may overtake a job (backfill) until it has waited this long."""
RESERVATION_TIMEOUT_S = 15.0
"""A job that may not be overtaken blocks the queue for at most this long after this worker last saw it there."""


@dataclass(frozen=True)
class Machine:
    """Processor cores, GPUs and main memory (GiB) that jobs may hold.

    `cpu_bf16`, `gpu_bf16`: the CPU, and every GPU, multiplies bf16 in hardware.
    """

    cpu: int
    gpu: int
    memory_gb: float
    cpu_bf16: bool = False
    gpu_bf16: bool = False

    @classmethod
    def local(cls) -> "Machine":
        """The resources that this process may use."""
        return cls(
            cpu=usable_cpus(),
            gpu=len(visible_gpus()),
            memory_gb=round(usable_memory() / 2**30, 1),
            cpu_bf16=machine.has_bf16_instructions(),
            gpu_bf16=all(gpu.has_bf16 for gpu in machine.gpus()),
        )

    def missing_resource(self, requested: Allocation) -> str | None:
        """The first resource of which too little exists here (cpu, gpu or memory_gb), or None."""
        names = ("cpu", "gpu", "memory_gb")
        return next((name for name in names if getattr(requested, name) > getattr(self, name)), None)


def check_allocation(requested: Allocation, machines: Sequence[Machine]) -> None:
    """Raises ExceedsMachine, naming the resource, where none of the machines is large enough."""
    missing = [machine.missing_resource(requested) for machine in machines]
    if None in missing:
        return
    name = next(name for name in missing if name)
    amount, available = getattr(requested, name), max(getattr(machine, name) for machine in machines)
    raise ExceedsMachine(
        f"The job requests {name} {amount:g}, and the machine has {available:g}.",
        field=f"resources.{name}",
        limit=available,
        remedy=f"Request at most {available:g}, or leave it out.",
    )


def check_process_count(processes: int, allocation: Allocation) -> None:
    """Raises ExceedsMachine where a job's processes would have to share a GPU or a core."""
    name, available, unit = ("gpu", allocation.gpu, "GPUs") if allocation.gpu else ("cpu", allocation.cpu, "cores")
    if processes > available:
        raise ExceedsMachine(
            f"{processes} processes do not fit on the job's {available} {unit}: each needs its own.",
            field="processes",
            limit=available,
            remedy=f"Request at most {available} processes, or more {unit} with resources.{name}.",
        )


def visible_gpus() -> list[str]:
    """The devices that CUDA_VISIBLE_DEVICES may name here."""
    present = [str(index) for index, _ in enumerate(machine.gpus())]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return present if visible is None else [d.strip() for d in visible.split(",") if d.strip() not in ("", "-1")]


class GpuPool:
    """The GPUs of this machine, each allocated to one job at a time."""

    def __init__(self, names: Sequence[str]) -> None:
        self._free = list(names)

    @contextmanager
    def allocate(self, count: int) -> Iterator[dict[str, str]]:
        """The environment in which an engine sees its GPUs and no others."""
        taken, self._free = self._free[:count], self._free[count:]
        try:
            yield {"CUDA_VISIBLE_DEVICES": ",".join(taken)}
        finally:
            self._free = sorted([*self._free, *taken])


class MachineCapacity:
    """At most `slots` jobs at once within the machine's resources; small jobs cannot starve a large one."""

    def __init__(self, machine: Machine, slots: int) -> None:
        self.machine, self.slots = machine, slots
        self._reserved: tuple[str, float] | None = None

    def fits(self, work: Job, running: Sequence[Job]) -> bool:
        """Whether this worker can take the job now."""
        if self._reserved_for_another(work.id):
            return False
        if self.waiting_reason(work, running) is None:
            self._reserved = None if self._reserved and self._reserved[0] == work.id else self._reserved
            return True
        if now() - work.created_at > BACKFILL_LIMIT and self.waiting_reason(work, ()) is None:
            self._reserved = (work.id, time.monotonic())
        return False

    def waiting_reason(self, work: Job, running: Sequence[Job]) -> str | None:
        """Why the job has to wait here, as a phrase; None where it could start."""
        if len(running) >= self.slots:
            return f"waits for a free slot: {len(running)} of {self.slots} in use"
        for name in ("cpu", "gpu", "memory_gb"):
            free = getattr(self.machine, name) - sum(getattr(job.resources, name) for job in running)
            if getattr(work.resources, name) > free:
                return f"waits for {name}: it requests {getattr(work.resources, name):g}, {free:g} free"
        return None

    def _reserved_for_another(self, id: str) -> bool:
        if self._reserved is None or self._reserved[0] == id:
            return False
        if time.monotonic() - self._reserved[1] > RESERVATION_TIMEOUT_S:
            self._reserved = None
            return False
        return True
