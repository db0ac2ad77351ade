"""Where uploads arrive: straight from the network into a blob, hashed on the way, gone again if nobody takes them."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.dataset.errors import EmptyFile, UnsupportedFormat, UploadTooLarge
from services.dataset.formats import EXTENSIONS, extension_of
from shared.blobs.protocol import Blobs
from shared.documents.entities import new_id

INCOMING = "_incoming"
"""Key prefix of raw uploads: private to this room, each kept until it is a version or rejected."""
PIECE = 1 << 20


@dataclass(frozen=True)
class Upload:
    """Bytes that have arrived completely."""

    key: str
    file_name: str
    size: int
    sha256: str

    @property
    def extension(self) -> str:
        """One of EXTENSIONS."""
        return extension_of(self.file_name)


class Intake:
    """Stores and discards raw uploads."""

    def __init__(self, blobs: Blobs, limit: int) -> None:
        self._blobs, self.limit = blobs, limit

    async def receive(self, project: str, filename: str, chunks: AsyncIterator[bytes]) -> Upload:
        """Store a file at constant memory. Raises UnsupportedFormat, UploadTooLarge or EmptyFile, leaving nothing."""
        name = plain_name(filename)
        extension = extension_of(name)
        if extension not in EXTENSIONS:
            remedy = f"Upload one of {', '.join(EXTENSIONS)}."
            detail = f"{name!r} has the extension {extension or 'of nothing'!r}."
            raise UnsupportedFormat(detail, field="file", limit=list(EXTENSIONS), remedy=remedy)
        key = f"{INCOMING}/{project}/{new_id('up')}/data{extension}"
        info = await self._blobs.put(key, self._limited(chunks))
        if info.size == 0:
            await self._blobs.delete(key)
            remedy = "Check the path; upload a file with at least one row."
            raise EmptyFile(f"{name!r} is empty.", field="file", limit="at least 1 byte", remedy=remedy)
        return Upload(key, name, info.size, info.sha256)

    def too_large(self) -> UploadTooLarge:
        """The refusal of a file beyond the limit."""
        remedy = "Upload it compressed (.parquet, .zip) or in parts, or raise ANNEAL_UPLOAD_LIMIT."
        return UploadTooLarge(f"The file exceeds {self.limit} bytes.", field="file", limit=self.limit, remedy=remedy)

    async def discard(self, key: str) -> None:
        """Forget an upload."""
        await self._blobs.delete(key.rpartition("/")[0])

    async def sweep(self, wanted: set[str]) -> None:
        """Discard what a killed process left behind: every upload whose key is not wanted."""
        for info in await self._blobs.list(INCOMING):
            if info.key not in wanted:
                await self.discard(info.key)

    async def _limited(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks in larger pieces, fewer hops to the writing thread."""
        held = bytearray()
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self.limit:
                raise self.too_large()
            held += chunk
            if len(held) >= PIECE:
                yield bytes(held)
                held.clear()
        if held:
            yield bytes(held)


def plain_name(filename: str) -> str:
    """The last segment of a client's path without control characters, at most 200 characters: for reports only."""
    name = re.split(r"[/\\]", filename)[-1]
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "", name).strip()[-200:] or "upload"
