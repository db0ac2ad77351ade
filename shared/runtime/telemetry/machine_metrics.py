"""What Prometheus learns of the machine under a process: its GPUs, where there are some, and the disk of its data."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.runtime.telemetry.metrics import Metrics, Reading


def watch_machine(metrics: Metrics, home: Path) -> Callable[[], None]:
    """Read the machine at each scrape; returns what ends that."""
    free = metrics.reading("anneal_disk_free_bytes", "Free bytes of the disk that holds this folder", "folder")
    size = metrics.reading("anneal_disk_size_bytes", "Size of the disk that holds this folder", "folder")

    async def disk() -> list[Reading]:
        usage = await asyncio.to_thread(shutil.disk_usage, home)
        return [(free, (str(home),), usage.free), (size, (str(home),), usage.total)]

    metrics.watch("disk", disk)
    return _watch_gpus(metrics)


def _watch_gpus(metrics: Metrics) -> Callable[[], None]:
    """The GPUs through NVML, by their index; without driver or package there is plainly nothing to see."""
    used = metrics.reading("anneal_gpu_memory_used_bytes", "Memory in use on a GPU, by whomever", "gpu")
    size = metrics.reading("anneal_gpu_memory_size_bytes", "Memory of a GPU", "gpu")
    busy = metrics.reading("anneal_gpu_utilization_ratio", "Share of the last moment in which a GPU computed", "gpu")
    nvml = _nvml()
    if nvml is None:
        return lambda: None

    def look() -> list[Reading]:
        found: list[Reading] = []
        for index in range(nvml.nvmlDeviceGetCount()):
            handle, labels = nvml.nvmlDeviceGetHandleByIndex(index), (str(index),)
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            utilization = nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
            found += [(used, labels, memory.used), (size, labels, memory.total), (busy, labels, utilization)]
        return found

    async def probe() -> list[Reading]:
        return await asyncio.to_thread(look)

    metrics.watch("gpu", probe)
    return nvml.nvmlShutdown  # type: ignore[no-any-return]


def _nvml() -> Any:
    """NVML's functions once it runs, else None. It makes no CUDA context."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no package, no driver, no device
        return None
    return pynvml
