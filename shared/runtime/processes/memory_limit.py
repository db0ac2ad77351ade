"""Main memory that this process may take, in bytes: the machine's, and no more than its control groups allow.

A container that is limited sees all the memory of its machine, and is ended by the kernel when it takes more than its
limit.
"""

from collections.abc import Iterator
from pathlib import Path

from shared.runtime.processes.cgroups import OWN, ROOT, groups
from shared.runtime.processes.machine import total_memory

_FILES = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
"""Limit and use of a group, in control groups version 2 and 1. Without a limit: "max", or more than any machine has."""


def usable_memory(root: Path = ROOT, own: Path = OWN) -> int:
    """What the machine has, or the narrowest limit."""
    return min([total_memory(), *(limit for limit, _ in _limits(root, own))])


def memory_left_in_cgroups(root: Path = ROOT, own: Path = OWN) -> int | None:
    """Below the nearest limit, None without one; page cache counts as used there, so this is careful."""
    return min((limit - used for limit, used in _limits(root, own)), default=None)


def _limits(root: Path, own: Path) -> Iterator[tuple[int, int]]:
    for group in groups("memory", root, own):
        for names in _FILES:
            try:
                limit, used = (int((group / name).read_text()) for name in names)
            except (OSError, ValueError):
                continue
            yield limit, used
