"""What engines tell the C library and the kernel of memory: to keep it when freed, to give it back, in which pages."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_MXFAST, _MMAP_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD, _ARENA_MAX = 1, -4, -3, -1, -2, -8
"""Option numbers of mallopt(3)."""
_SET_THP_DISABLE, _GET_THP_DISABLE = 41, 42
"""Option numbers of prctl(2)."""


def leave_no_holes() -> None:
    """Tell glibc's malloc to have big blocks from the kernel, each for itself, and to merge the scraps between others.

    What loading and quantizing a model takes in between is gone then, and a freed block, with the scraps that its
    alignment cost, is large enough for the next one of its size. Elsewhere than on glibc it does nothing.
    """
    _tell_malloc((_ARENA_MAX, 1), (_MMAP_THRESHOLD, 1 << 17), (_MXFAST, 0))


def keep_freed_memory() -> None:
    """Tell glibc's malloc not to give big blocks back to the kernel.

    Every training step asks for the same ones again, and in a virtual machine the page faults cost up to as much as the
    arithmetic. For a process that ends with its job; elsewhere than on glibc it does nothing.
    """
    _tell_malloc((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**26), (_ARENA_MAX, 1))


def give_back_freed_memory() -> None:
    """Return what glibc's malloc holds of freed blocks to the kernel (malloc_trim(3)); elsewhere it does nothing.

    For a process that stays: the small pieces that a model leaves behind would add up with each that comes and goes.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


@contextmanager
def small_pages() -> Iterator[None]:
    """Have no huge pages from the kernel meanwhile, also in processes forked meanwhile; elsewhere it does nothing.

    Arrow's pool asks for them, and of each 2 MB that it was given it leaves much untouched.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "prctl"):
        yield
        return
    before = libc.prctl(_GET_THP_DISABLE, 0, 0, 0, 0)
    libc.prctl(_SET_THP_DISABLE, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_SET_THP_DISABLE, max(0, before), 0, 0, 0)


def _tell_malloc(*options: tuple[int, int]) -> None:
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in options:
            libc.mallopt(option, value)
