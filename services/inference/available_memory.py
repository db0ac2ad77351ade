"""Free main memory and GPU memory in bytes. Imports no torch."""

from collections.abc import Mapping

from shared.runtime.processes.machine import available_memory, gpus
from shared.runtime.processes.memory_limit import memory_left_in_cgroups


def free_main_memory() -> int:
    """Return the memory available to this process: the machine's, limited by its control groups."""
    left = memory_left_in_cgroups()
    return available_memory() if left is None else min(available_memory(), left)


def free_gpu_memory() -> Mapping[str, int]:
    """Return the free memory of each GPU by its NVML index; empty without a driver."""
    return {str(index): gpu.free_memory for index, gpu in enumerate(gpus())}
