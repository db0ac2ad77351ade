"""A file that is removed when the disk is full, so that the platform can record and carry out deletions."""

import contextlib
import errno
import os
import shutil
import threading
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

RESERVE_BYTES = 16 * 2**20
"""Enough for the journals of both databases (4 MB each, SQLite's default) and a few thousand changes."""


class DiskReserve:
    """`size` bytes in the file `path`. Databases release them when the disk is full; new blobs need them held."""

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path, self._size = path, size
        self._held, self._lock = False, threading.Lock()
        path.unlink(missing_ok=True)  # of a process that was killed
        with contextlib.suppress(OSError):
            self.hold()

    def hold(self) -> None:
        """Allocate the bytes, unless they are held. Raises OSError (ENOSPC) where fewer are free."""
        with self._lock:
            if self._held:
                return
            if shutil.disk_usage(self._path.parent).free < self._size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            try:
                with self._path.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, self._size)
            except OSError:
                self._path.unlink(missing_ok=True)
                raise
            self._held = True

    def release(self, writer: str = "") -> bool:
        """Free the bytes, and log it for a `writer` that found the disk full. False where they are free already."""
        with self._lock:
            held, self._held = self._held, False
            self._path.unlink(missing_ok=True)
        if held and writer:
            log.warning("disk_full", writer=writer, remedy="Delete what is not needed; until then no files are stored.")
        return held
