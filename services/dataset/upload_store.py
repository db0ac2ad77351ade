"""Stores raw uploads in blobs until their validation ends: streamed from the network, hashed on the way."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.dataset.errors import EmptyFile, UnsupportedFormat, UploadTooLarge
from services.dataset.formats import EXTENSIONS, extension_of
from shared.blobs.protocol import Blobs
from shared.documents.entities import new_id
from shared.runtime.http.display_name import visible

UPLOAD_PREFIX = "_incoming"
"""Key prefix of raw uploads, private to this service."""
CHUNK_BYTES = 1 << 20
TOO_LARGE_REMEDY = "Upload it compressed (.parquet, .zip) or in parts, or raise ANNEAL_UPLOAD_LIMIT."


@dataclass(frozen=True)
class Upload:
    """A completely received file."""

    key: str
    file_name: str
    size: int
    sha256: str

    @property
    def extension(self) -> str:
        """One of EXTENSIONS."""
        return extension_of(self.file_name)


class UploadStore:
    """Saves and discards raw uploads of at most `limit` bytes."""

    def __init__(self, blobs: Blobs, limit: int, remedy: str = TOO_LARGE_REMEDY) -> None:
        self._blobs, self.limit, self._remedy = blobs, limit, remedy

    async def save(self, project: str, filename: str, chunks: AsyncIterator[bytes]) -> Upload:
        """Store a file at constant memory. Raises UnsupportedFormat, UploadTooLarge or EmptyFile, storing nothing."""
        name = safe_file_name(filename)
        extension = extension_of(name)
        if extension not in EXTENSIONS:
            remedy = f"Upload one of {', '.join(EXTENSIONS)}."
            detail = f"{name!r} has {f'the extension {extension!r}' if extension else 'no extension'}."
            raise UnsupportedFormat(detail, field="file", limit=list(EXTENSIONS), remedy=remedy)
        key = f"{UPLOAD_PREFIX}/{project}/{new_id('up')}/data{extension}"
        info = await self._blobs.put(key, self._rechunk(chunks))
        if info.size == 0:
            await self._blobs.delete(key)
            remedy = "Check the path, and upload a file with at least one row."
            raise EmptyFile(f"{name!r} is empty.", field="file", limit="at least 1 byte", remedy=remedy)
        return Upload(key, name, info.size, info.sha256)

    def too_large(self) -> UploadTooLarge:
        """Return the error for a file beyond the limit."""
        detail = f"The file exceeds {self.limit} bytes."
        return UploadTooLarge(detail, field="file", limit=self.limit, remedy=self._remedy)

    async def discard(self, key: str) -> None:
        """Delete an upload."""
        await self._blobs.delete(key.rpartition("/")[0])

    async def delete_orphans(self, live_keys: set[str]) -> None:
        """Delete every upload whose key is not in `live_keys`: a killed process left it behind."""
        for info in await self._blobs.list(UPLOAD_PREFIX):
            if info.key not in live_keys:
                await self.discard(info.key)

    async def _rechunk(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Merge chunks into CHUNK_BYTES, for fewer hops to the writing thread. Raises UploadTooLarge."""
        buffer = bytearray()
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self.limit:
                raise self.too_large()
            buffer += chunk
            if len(buffer) >= CHUNK_BYTES:
                yield bytes(buffer)
                buffer.clear()
        if buffer:
            yield bytes(buffer)


def safe_file_name(filename: str) -> str:
    """Return the last path segment without control characters, at most 200 characters. For display only."""
    name = re.split(r"[/\\]", filename)[-1]
    return visible(name).strip()[-200:] or "upload"
