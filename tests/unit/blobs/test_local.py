"""What only the store of files has to get right: its own leftovers, its cache of checksums, and a full disk."""

import hashlib
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.blobs.local import LocalBlobs

KEY = "default/datasets/d1"


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[LocalBlobs]:
    blobs = LocalBlobs(tmp_path)
    yield blobs
    await blobs.close()


def drafts(root: Path) -> list[str]:
    return os.listdir(root / "drafts")


async def test_a_crash_leaves_drafts_that_the_next_start_sweeps(blobs: LocalBlobs, tmp_path: Path) -> None:
    await blobs.put(KEY, b"kept")
    (tmp_path / "drafts" / "half").write_bytes(b"half")
    (tmp_path / "drafts" / "grave").mkdir()
    again = LocalBlobs(tmp_path)
    assert drafts(tmp_path) == []
    assert await again.stat(KEY) is not None
    await again.close()


async def test_full_disk_leaves_no_partial_blob(blobs: LocalBlobs, tmp_path: Path) -> None:
    await blobs.put(KEY, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            await blobs.put(KEY, bytes(3 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert drafts(tmp_path) == []
    assert (await blobs.stat(KEY)).size == 3


async def test_nothing_stays_in_drafts(blobs: LocalBlobs, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await blobs.put(KEY, broken())
    await blobs.put(KEY, b"whole")
    await blobs.ping()
    await blobs.delete(KEY)
    assert drafts(tmp_path) == []


@pytest.mark.parametrize("kept", [None, "", "wrong", f"1:7:1 {'0' * 57}wrong"])
async def test_stale_cached_checksum_is_recomputed(blobs: LocalBlobs, tmp_path: Path, kept: str | None) -> None:
    await blobs.put(KEY, b"content")
    sum_file = tmp_path / "sums" / KEY
    sum_file.unlink()
    if kept is not None:
        sum_file.write_text(kept)
    assert (await blobs.stat(KEY)).sha256 == hashlib.sha256(b"content").hexdigest()
    assert sum_file.read_text().endswith(hashlib.sha256(b"content").hexdigest())
