"""Places vLLM servers: on the GPU with the most free memory, or in main memory."""

import shlex
from collections.abc import Callable, Mapping

from services.inference.available_memory import free_gpu_memory, free_main_memory

MEMORY_HEADROOM = 1.2
"""Required free memory as a multiple of the weights: the KV cache needs memory too."""
ANY_DEVICE = ""
"""The device of a server that selects its GPUs itself, or runs on the CPU."""
PARALLEL_OPTIONS = frozenset(("--tensor-parallel-size", "-tp", "--pipeline-parallel-size", "-pp"))

DeviceMemoryProbe = Callable[[], Mapping[str, int]]
"""Returns the free bytes by device: a GPU index, or UNPINNED."""


def device_memory_probe(command: str) -> DeviceMemoryProbe:
    """Return the probe for a server command. With tensor or pipeline parallelism, all GPUs count as one device."""
    is_parallel = any(option.partition("=")[0] in PARALLEL_OPTIONS for option in shlex.split(command))

    def free_memory() -> Mapping[str, int]:
        gpus = free_gpu_memory()
        if not gpus:
            return {ANY_DEVICE: free_main_memory()}
        return {ANY_DEVICE: sum(gpus.values())} if is_parallel else gpus

    return free_memory


def pick_device(free: Mapping[str, int], weights_size: int) -> str | None:
    """Return the device with the most free memory, or None if weights and KV cache do not fit there."""
    device = max(free, key=lambda device: free[device])
    return device if free[device] >= weights_size * MEMORY_HEADROOM else None
