"""The main memory that this process may use, in bytes: the machine's, limited by its control groups.

A container with a memory limit sees all memory of its machine, and the kernel kills it when it exceeds the limit.
"""

from collections.abc import Iterator
from pathlib import Path

from shared.runtime.processes.cgroups import OWN, ROOT, groups
from shared.runtime.processes.machine import total_memory

_FILES = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
"""Limit and usage of a group, in control groups version 2 and 1. No limit: "max", or more than any machine has."""


def usable_memory(root: Path = ROOT, own: Path = OWN) -> int:
    """The machine's memory, or the lowest limit."""
    return min([total_memory(), *(limit for limit, _ in _limits(root, own))])


def memory_left_in_cgroups(root: Path = ROOT, own: Path = OWN) -> int | None:
    """Bytes left below the tightest limit, None without one. Page cache counts as used, so this is conservative."""
    return min((limit - used for limit, used in _limits(root, own)), default=None)


def _limits(root: Path, own: Path) -> Iterator[tuple[int, int]]:
    for group in groups("memory", root, own):
        for names in _FILES:
            try:
                limit, used = (int((group / name).read_text()) for name in names)
            except (OSError, ValueError):
                continue
            yield limit, used
