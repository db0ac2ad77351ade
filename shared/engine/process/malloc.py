"""Memory settings of a process: glibc's malloc (mallopt(3)) and transparent huge pages (prctl(2))."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_MXFAST, _MMAP_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD, _ARENA_MAX = 1, -4, -3, -1, -2, -8
"""Option numbers of mallopt(3)."""
_SET_THP_DISABLE, _GET_THP_DISABLE = 41, 42
"""Option numbers of prctl(2)."""


def limit_fragmentation() -> None:
    """Make glibc's malloc map every large block by itself and merge small free blocks at once.

    The temporary memory of loading and quantizing a model then goes back to the kernel, and a freed block, merged with
    the scraps of its alignment, fits the next one of its size. Without glibc it does nothing.
    """
    _set_malloc_options((_ARENA_MAX, 1), (_MMAP_THRESHOLD, 1 << 17), (_MXFAST, 0))


def retain_freed_memory() -> None:
    """Make glibc's malloc keep freed large blocks instead of returning them to the kernel.

    Every training step allocates the same blocks again, and in a virtual machine the page faults can cost as much as
    the arithmetic. For a process that ends with its job. Without glibc it does nothing.
    """
    _set_malloc_options((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**26), (_ARENA_MAX, 1))


def release_freed_memory() -> None:
    """Return freed blocks that malloc still holds to the kernel (malloc_trim(3)). Without glibc it does nothing.

    For a long-lived process: otherwise the fragments of every model that it loads and unloads would add up.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


@contextmanager
def without_huge_pages() -> Iterator[None]:
    """Disable transparent huge pages within the block, also in processes forked there. Outside Linux it does nothing.

    Arrow's memory pool asks for huge pages and leaves much of each 2 MB page untouched.
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


def _set_malloc_options(*options: tuple[int, int]) -> None:
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in options:
            libc.mallopt(option, value)
