"""Counting duplicate rows by their hashes, at constant memory."""

from hashlib import blake2b
from pathlib import Path

import numpy as np

PARTITION_ROWS = 1_000_000
"""Hashes that are compared with each other at a time: 8 bytes each, and as much again for sorting."""


class DuplicateCounter:
    """Counts rows that equal an earlier one. Their 64-bit hashes are in a scratch file until `count`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._rows = 0

    def add(self, row: bytes) -> None:
        """Record a normalized row."""
        self._file.write(blake2b(row, digest_size=8).digest())
        self._rows += 1

    def count(self) -> int:
        """Return rows minus distinct rows, and delete the scratch file.

        Partitions by hash are counted one after the other. The chance that two of n different rows have one hash is
        about n² / 2⁶⁵ (birthday bound): 3e-10 at 100,000 rows.
        """
        self._file.close()
        parts = self._rows // PARTITION_ROWS + 1
        repeated = sum(_count_repeated(self._read_partition(part, parts)) for part in range(parts))
        self._path.unlink()
        return repeated

    def _read_partition(self, part: int, parts: int) -> np.ndarray:
        found = [np.empty(0, np.uint64)]
        with self._path.open("rb") as file:
            while chunk := file.read(1 << 20):
                hashes = np.frombuffer(chunk, np.uint64)
                found.append(hashes[hashes % parts == part])
        return np.concatenate(found)


def _count_repeated(hashes: np.ndarray) -> int:
    """Count by sorting in place: a set of as many numbers takes ten times the memory."""
    hashes.sort()
    return int(np.count_nonzero(hashes[1:] == hashes[:-1]))
