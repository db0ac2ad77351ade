"""The Blobs port: put, read a range, stat, list, delete, and a local folder that engines can read.

Keys look like `<project>/datasets/<id>/<version>/part-00000.parquet`: segments of [A-Za-z0-9._-], none of them `.` or
`..`. `_shared/` is readable by every project. No user string ever becomes a key. Anything else raises `InvalidKey`, as
does a key below another key. A prefix has the same form, without a slash at its end.
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
        """Bytes [start, end) in chunks, as far as there are any; raises `BlobNotFound` on the first step."""

    async def stat(self, key: str) -> BlobInfo | None:
        """Size and checksum, or None."""

    async def list(self, prefix: str) -> list[BlobInfo]:
        """Everything below `prefix/`, sorted by key."""

    async def delete(self, prefix: str) -> int:
        """Delete the key and everything below it; how many went. Absent is fine."""

    async def local_folder(self, prefix: str) -> Path:
        """A local, read-only folder that mirrors `prefix/`: the store's own where it is local, a cached copy else.

        Holds the blobs and nothing more; raises `BlobNotFound` when there are none.
        """

    async def link(self, key: str, name: str) -> str | None:
        """A URL at which a client gets the blob itself, as the file `name`, for five minutes; None: through us only."""

    async def ping(self) -> None:
        """Raise unless the store answers."""

    async def close(self) -> None:
        """Release connections."""
