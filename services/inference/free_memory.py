"""Memory that another model could take, in bytes: of the machine or its container, and of each GPU. No torch here."""

from collections.abc import Mapping
from pathlib import Path

from shared.runtime.processes.memory import left_to_groups


def free_main_memory() -> int | None:
    """What the machine or the container has left; None where the system does not say."""
    known = [free for free in (kibibytes(Path("/proc/meminfo"), "MemAvailable"), left_to_groups()) if free is not None]
    return min(known, default=None)


def free_gpu_memory() -> Mapping[str, int]:
    """By the index of a GPU, through NVML, which makes no CUDA context; empty without a driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no package, no driver, no device
        return {}
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return {str(index): int(pynvml.nvmlDeviceGetMemoryInfo(handle).free) for index, handle in enumerate(handles)}
    finally:
        pynvml.nvmlShutdown()


def kibibytes(path: Path, name: str) -> int | None:
    """The bytes in a line `name:  12 kB`."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:")), None)
