"""Metrics of the machine: the disk that holds the data, and the GPUs."""

import asyncio
import shutil
from pathlib import Path

from shared.runtime.processes.machine import gpus
from shared.runtime.telemetry.metrics import Metrics, Reading


def watch_machine(metrics: Metrics, home: Path) -> None:
    """Read the disk and the GPUs at each scrape."""
    free = metrics.reading("anneal_disk_free_bytes", "Free bytes of the disk that holds this folder", "folder")
    size = metrics.reading("anneal_disk_size_bytes", "Size of the disk that holds this folder", "folder")

    async def disk() -> list[Reading]:
        usage = await asyncio.to_thread(shutil.disk_usage, home)
        return [(free, (str(home),), usage.free), (size, (str(home),), usage.total)]

    metrics.watch("disk", disk)
    _watch_gpus(metrics)


def _watch_gpus(metrics: Metrics) -> None:
    """Label the GPUs with their NVML index. Without a GPU the metrics have no samples."""
    used = metrics.reading("anneal_gpu_memory_used_bytes", "Memory in use on a GPU, by whomever", "gpu")
    size = metrics.reading("anneal_gpu_memory_size_bytes", "Memory of a GPU", "gpu")
    busy = metrics.reading("anneal_gpu_utilization_ratio", "Share of the last moment in which a GPU computed", "gpu")

    def read() -> list[Reading]:
        found: list[Reading] = []
        for index, gpu in enumerate(gpus()):
            labels = (str(index),)
            found += [
                (used, labels, gpu.used_memory),
                (size, labels, gpu.total_memory),
                (busy, labels, gpu.utilization_percent / 100),
            ]
        return found

    async def probe() -> list[Reading]:
        return await asyncio.to_thread(read)

    if gpus():
        metrics.watch("gpu", probe)
