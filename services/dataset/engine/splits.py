"""Which split a row belongs to, and how many rows repeat another: by hash, so at constant memory."""

from hashlib import blake2b
from pathlib import Path

import numpy as np

SPAN = 2**64
PARTITION = 1_000_000
"""Hashes that are compared with each other at one time (8 bytes each, and as much again where they are sorted)."""


def place(group: str, seed: int) -> float:
    """A group's fixed place in [0, 1): the lowest `validation_share` of places is the validation split.

    A pure function of (seed, group): rows keep their split when others are added or removed.
    """
    digest = blake2b(group.strip().encode("utf-8", "surrogatepass"), digest_size=8, key=str(seed).encode())
    return int.from_bytes(digest.digest(), "big") / SPAN


class Duplicates:
    """Counts rows that are equal to an earlier one; their hashes lie in a scratch file until the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._rows = 0

    def add(self, row: bytes) -> None:
        """Note a normalized row."""
        self._file.write(blake2b(row, digest_size=8).digest())
        self._rows += 1

    def count(self) -> int:
        """Rows minus distinct rows; removes the scratch file. Two unequal rows collide once in 10^8 runs of 10^5."""
        self._file.close()
        parts = self._rows // PARTITION + 1
        repeated = sum(_repeated(self._hashes(part, parts)) for part in range(parts))
        self._path.unlink()
        return repeated

    def _hashes(self, part: int, parts: int) -> np.ndarray:
        found = [np.empty(0, np.uint64)]
        with self._path.open("rb") as file:
            while chunk := file.read(1 << 20):
                hashes = np.frombuffer(chunk, np.uint64)
                found.append(hashes[hashes % parts == part])
        return np.concatenate(found)


def _repeated(hashes: np.ndarray) -> int:
    """By sorting: a set of as many numbers takes ten times the memory."""
    hashes.sort()
    return int(np.count_nonzero(hashes[1:] == hashes[:-1]))
