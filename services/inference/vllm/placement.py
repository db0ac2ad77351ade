"""Where a vLLM server goes: to the GPU with the most free memory, or into main memory."""

import shlex
from collections.abc import Callable, Mapping

from services.inference.free_memory import free_gpu_memory, free_main_memory

RESERVE = 1.2
"""Free memory over the weights' own size that a server asks for: its cache needs room too."""
EVERYWHERE = ""
"""The place of a server that chooses its GPUs itself, or has none."""
SPREAD = frozenset(("--tensor-parallel-size", "-tp", "--pipeline-parallel-size", "-pp"))

Free = Callable[[], Mapping[str, int]]
"""Free bytes by place: the index of a GPU, or EVERYWHERE."""


def places(command: str) -> Free:
    """The places for servers of this command line: one that spreads a model over GPUs sees them as one."""
    spread = any(word.partition("=")[0] in SPREAD for word in shlex.split(command))

    def free() -> Mapping[str, int]:
        gpus = free_gpu_memory()
        if not gpus:
            return {EVERYWHERE: free_main_memory()}
        return {EVERYWHERE: sum(gpus.values())} if spread else gpus

    return free


def roomiest(free: Mapping[str, int], weights: int) -> str | None:
    """The place with the most free memory, where weights of so many bytes fit there with their cache."""
    place = max(free, key=lambda place: free[place])
    return place if free[place] >= weights * RESERVE else None
