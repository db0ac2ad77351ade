"""How busy this worker's machine is, for people who look: read from /proc and NVML when asked, never in between."""

import asyncio
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from services.training.store import Stores
from services.training.workers.capacity import MachineCapacity

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
        self._processor = processor_ticks()

    async def view(self) -> MachineView:
        """As it is now."""
        machine, running = self._capacity.machine, await self._stores.running()
        resources = [job.resources for job in running]
        return MachineView(
            cpu=machine.cpu,
            gpu=machine.gpu,
            memory_gb=machine.memory_gb,
            slots=self._capacity.slots,
            running=len(running),
            cpu_held=sum(held.cpu for held in resources),
            gpu_held=sum(held.gpu for held in resources),
            memory_held_gb=sum(held.memory_gb for held in resources),
            cpu_percent=self._cpu_percent(),
            memory_used_gb=memory_used_gb(),
            gpus=await asyncio.to_thread(gpus_in_use) if machine.gpu else [],
        )

    def _cpu_percent(self) -> float:
        (busy_before, total_before), self._processor = self._processor, processor_ticks()
        busy, total = self._processor
        passed = total - total_before
        return round(100 * (busy - busy_before) / passed, 1) if passed > 0 else 0.0


def processor_ticks() -> tuple[int, int]:
    """Busy and all ticks of all cores since the machine started (/proc/stat, proc(5)); zeros where there is none."""
    try:
        user, nice, system, idle, iowait, irq, softirq, steal = _first_line(Path("/proc/stat"))[:8]
    except (OSError, ValueError):
        return 0, 0
    busy = user + nice + system + irq + softirq + steal
    return busy, busy + idle + iowait


def _first_line(path: Path) -> list[int]:
    with path.open("rb") as lines:
        return [int(word) for word in lines.readline().split()[1:]]


def memory_used_gb() -> float:
    """GiB of main memory that could not be given to a new process."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return 0.0
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return round((kilobytes["MemTotal"] - kilobytes["MemAvailable"]) * 1024 / _GIB, 2)


def gpus_in_use() -> list[GpuUse]:
    """Every GPU that the driver library shows; none where the library is missing or refuses."""
    try:
        import pynvml

        pynvml.nvmlInit()
        return [_gpu(pynvml, i) for i in range(pynvml.nvmlDeviceGetCount())]
    except Exception:  # NVML raises classes of its own, and only where it could be imported
        return []


def _gpu(nvml: Any, index: int) -> GpuUse:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return GpuUse(
        name=str(nvml.nvmlDeviceGetName(handle)),
        percent=nvml.nvmlDeviceGetUtilizationRates(handle).gpu,
        memory_used_gb=round(memory.used / _GIB, 2),
        memory_gb=round(memory.total / _GIB, 2),
    )
