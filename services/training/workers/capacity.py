"""What this machine has, what a job occupies of it, and which job may start next."""

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

PATIENCE = timedelta(minutes=10)
"""A job that has waited this long is not overtaken any more by smaller ones."""
RESERVATION = 15.0
"""Seconds that such a job keeps the queue behind it waiting after it was last seen in it."""


@dataclass(frozen=True)
class Machine:
    """Processor cores, GPUs and main memory (GiB) that jobs may occupy."""

    cpu: int
    gpu: int
    memory_gb: float

    @classmethod
    def here(cls) -> "Machine":
        """What this process may use."""
        return cls(cpu=usable_cpus(), gpu=len(gpus()), memory_gb=round(usable_memory() / 2**30, 1))

    def lacks(self, asked: Allocation) -> str | None:
        """What is asked beyond what is here: cpu, gpu or memory_gb."""
        names = ("cpu", "gpu", "memory_gb")
        return next((name for name in names if getattr(asked, name) > getattr(self, name)), None)


def check(asked: Allocation, machines: Sequence[Machine]) -> None:
    """Raises ExceedsMachine naming what is asked beyond what any of the machines has."""
    lacking = [machine.lacks(asked) for machine in machines]
    if None in lacking:
        return
    name = next(name for name in lacking if name)
    want, have = getattr(asked, name), max(getattr(machine, name) for machine in machines)
    raise ExceedsMachine(
        f"The job asks for {name} {want:g}, and the machine has {have:g}.",
        field=f"resources.{name}",
        limit=have,
        remedy=f"Ask for at most {have:g}, or leave it out.",
    )


def check_processes(processes: int, asked: Allocation) -> None:
    """Raises ExceedsMachine where a job's processes would have to share a GPU or a core."""
    name, have, unit = ("gpu", asked.gpu, "GPUs") if asked.gpu else ("cpu", asked.cpu, "cores")
    if processes > have:
        raise ExceedsMachine(
            f"{processes} processes do not fit on the job's {have} {unit}: each needs its own.",
            field="processes",
            limit=have,
            remedy=f"Ask for at most {have} processes, or for more with resources.{name}.",
        )


def gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES may name here."""
    present = [str(index) for index, _ in enumerate(machine.gpus())]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return present if visible is None else [d.strip() for d in visible.split(",") if d.strip() not in ("", "-1")]


class Devices:
    """The GPUs of this machine, each lent to one job at a time."""

    def __init__(self, names: Sequence[str]) -> None:
        self._free = list(names)

    @contextmanager
    def lent(self, count: int) -> Iterator[dict[str, str]]:
        """The environment that shows an engine its GPUs and no others."""
        taken, self._free = self._free[:count], self._free[count:]
        try:
            yield {"CUDA_VISIBLE_DEVICES": ",".join(taken)}
        finally:
            self._free = sorted([*self._free, *taken])


class MachineCapacity:
    """At most `slots` jobs at once, together within the machine; long waiting jobs are not starved by small ones."""

    def __init__(self, machine: Machine, slots: int) -> None:
        self.machine, self.slots = machine, slots
        self._reserved: tuple[str, float] | None = None

    def fits(self, work: Job, running: Sequence[Job]) -> bool:
        """True when this worker can take it now."""
        if self._held_for_another(work.id):
            return False
        if self.wants(work, running) is None:
            self._reserved = None if self._reserved and self._reserved[0] == work.id else self._reserved
            return True
        if now() - work.created_at > PATIENCE and self.wants(work, ()) is None:
            self._reserved = (work.id, time.monotonic())
        return False

    def wants(self, work: Job, running: Sequence[Job]) -> str | None:
        """What it waits for, in words; None when there is room for it."""
        if len(running) >= self.slots:
            return f"waits for a free slot: {len(running)} of {self.slots} in use"
        for name in ("cpu", "gpu", "memory_gb"):
            free = getattr(self.machine, name) - sum(getattr(job.resources, name) for job in running)
            if getattr(work.resources, name) > free:
                return f"waits for {name}: it asks for {getattr(work.resources, name):g}, {free:g} free"
        return None

    def _held_for_another(self, id: str) -> bool:
        if self._reserved is None or self._reserved[0] == id:
            return False
        if time.monotonic() - self._reserved[1] > RESERVATION:
            self._reserved = None
            return False
        return True
