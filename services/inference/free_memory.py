"""Memory that another model could take, in bytes: of the machine or its container, and of each GPU. No torch here."""

from collections.abc import Mapping

from shared.runtime.processes.machine import available_memory, gpus
from shared.runtime.processes.memory_limit import memory_left_in_cgroups


def free_main_memory() -> int:
    """What the machine has left, and no more than its control groups allow."""
    left = memory_left_in_cgroups()
    return available_memory() if left is None else min(available_memory(), left)


def free_gpu_memory() -> Mapping[str, int]:
    """By the NVML index of a GPU; empty without a driver."""
    return {str(index): gpu.free_memory for index, gpu in enumerate(gpus())}
