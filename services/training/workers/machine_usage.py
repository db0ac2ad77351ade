"""How busy this worker's machine is, for people who look: read when asked, never in between."""

import asyncio

from pydantic import BaseModel, Field

from services.training.store import Stores
from services.training.workers.capacity import MachineCapacity
from shared.runtime.processes import machine

_GIB = 2**30


class GpuUse(BaseModel):
    """One GPU as its driver describes it."""

    name: str
    percent: float = Field(description="share of the last second in which it worked")
    memory_used_gb: float = Field(description="GiB")
    memory_gb: float = Field(description="GiB")


class MachineView(BaseModel):
    """The machine of the worker that answers: what it has, what its jobs hold, how busy it is."""

    cpu: int = Field(description="cores that jobs may use")
    gpu: int
    memory_gb: float = Field(description="GiB that jobs may use")
    slots: int = Field(description="jobs at once")
    running: int = Field(description="jobs that hold a slot on any worker")
    cpu_held: int = Field(description="cores that these jobs hold together")
    gpu_held: int
    memory_held_gb: float
    cpu_percent: float = Field(description="of all cores together, since it was last asked")
    memory_used_gb: float = Field(description="GiB")
    gpus: list[GpuUse]


class MachineUse:
    """Answers how busy the machine is."""

    def __init__(self, stores: Stores, capacity: MachineCapacity) -> None:
        self._stores, self._capacity = stores, capacity
        machine.cpu_percent()  # the use before now does not count

    async def view(self) -> MachineView:
        """As it is now."""
        capacity, running = self._capacity.machine, await self._stores.running()
        resources = [job.resources for job in running]
        return MachineView(
            cpu=capacity.cpu,
            gpu=capacity.gpu,
            memory_gb=capacity.memory_gb,
            slots=self._capacity.slots,
            running=len(running),
            cpu_held=sum(held.cpu for held in resources),
            gpu_held=sum(held.gpu for held in resources),
            memory_held_gb=sum(held.memory_gb for held in resources),
            cpu_percent=machine.cpu_percent(),
            memory_used_gb=round(machine.used_memory() / _GIB, 2),
            gpus=await asyncio.to_thread(gpus_in_use) if capacity.gpu else [],
        )


def gpus_in_use() -> list[GpuUse]:
    """Every GPU that NVML shows; none where it is missing or refuses to answer."""
    try:
        return [
            GpuUse(
                name=gpu.name,
                percent=gpu.utilization_percent,
                memory_used_gb=round(gpu.used_memory / _GIB, 2),
                memory_gb=round(gpu.total_memory / _GIB, 2),
            )
            for gpu in machine.gpus()
        ]
    except Exception:  # NVML raises classes of its own, and only where it could be imported
        return []
