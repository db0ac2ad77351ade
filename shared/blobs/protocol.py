"""The Blobs protocol: put, read a range, stat, list, delete, and a local folder for engines.

Keys look like `<project>/datasets/<id>/<version>/part-00000.parquet`: segments of [A-Za-z0-9._-], none of them `.` or
`..`. `_shared/` is readable by every project. No user string becomes a key. Other keys raise `InvalidKey`, as does
a key below another key. A prefix has the same form, without a slash at its end.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class BlobInfo:
    """A stored blob: `size` in bytes, `sha256` in hex."""

    key: str
    size: int
    sha256: str


class Blobs(Protocol):
    """A flat store of byte objects."""

    async def put(self, key: str, data: bytes | AsyncIterator[bytes] | Path) -> BlobInfo:
        """Store atomically (all or nothing, visible when complete) at constant memory; overwrites."""

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes [start, end) in chunks, as far as they exist; raises `BlobNotFound` on the first step."""

    async def stat(self, key: str) -> BlobInfo | None:
        """Size and checksum, or None."""

    async def list(self, prefix: str) -> list[BlobInfo]:
        """All blobs below `prefix/`, sorted by key."""

    async def sizes(self, prefix: str) -> dict[str, int]:
        """Size in bytes of each key below `prefix/`, without checksums, which a listing may have to compute."""

    async def delete(self, prefix: str) -> int:
        """Delete the key and everything below it; return how many. Absent keys are ignored."""

    async def local_folder(self, prefix: str) -> Path:
        """A local, read-only folder with the blobs of `prefix/`: the store's own folder, or a cached download.

        It holds exactly these blobs. Raises `BlobNotFound` when there are none.
        """

    async def link(self, key: str, name: str) -> str | None:
        """A URL from which a client can download the blob as `name` for five minutes; None where there is none."""

    async def ping(self) -> None:
        """Raise an exception unless the store answers."""

    async def close(self) -> None:
        """Release connections."""
