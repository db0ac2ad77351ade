"""How busy this worker's machine is, read only on request."""

import asyncio

from services.training.store import Stores
from services.training.workers.capacity import MachineCapacity
from services.training.workers.views import GpuUse, MachineView
from shared.runtime.processes import machine

_GIB = 2**30


class MachineUsage:
    """Reports how busy the machine is."""

    def __init__(self, stores: Stores, capacity: MachineCapacity) -> None:
        self._stores, self._capacity = stores, capacity
        machine.cpu_percent()  # starts the interval that the first report covers

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
