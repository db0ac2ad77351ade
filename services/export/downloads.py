"""HTTP downloads from the blob store: a single range, ETag, conditional requests (RFC 9110, sections 8.8, 13, 14)."""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import structlog
from starlette.responses import RedirectResponse, Response, StreamingResponse

from services.export.errors import RangeNotSatisfiable
from shared.blobs.errors import BlobNotFound
from shared.blobs.protocol import Blobs
from shared.runtime.errors import answer

log = structlog.get_logger(__name__)

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
CONTENT_TYPES = {".json": "application/json", ".md": "text/markdown; charset=utf-8", ".zip": "application/zip"}


class DamagedFile(Exception):
    """A stored file is not what was exported."""


@dataclass(frozen=True)
class Download:
    """`size` bytes at `offset` of a blob, served as the file `name`."""

    blobs: Blobs
    key: str
    offset: int
    size: int
    sha256: str
    name: str

    async def respond(self, request: Mapping[str, str], *, head: bool = False) -> Response:
        """Respond to request headers with 200, 206, 304 or 416; `head` omits the body.

        A whole blob that the client can fetch from the store itself is a 307 redirect to the store.
        """
        stored = await self.blobs.stat(self.key)
        if stored is None:
            remedy = "Export the model again."
            raise BlobNotFound(f"{self.name} no longer exists.", remedy=remedy)
        if _matches(request.get("if-none-match", ""), self.etag):
            return Response(status_code=304, headers=self._headers())
        unchanged = request.get("if-range", self.etag) == self.etag
        requested = self._parse_range(request.get("range", "")) if unchanged and not head else None
        if requested is None:
            link = None if head or self.size < stored.size else await self.blobs.link(self.key, self.name)
            return RedirectResponse(link, headers=self._headers()) if link else self._content(0, self.size, 200, head)
        start, end = requested
        if start >= end:
            return self._unsatisfiable()
        return self._content(start, end, 206, head)

    @property
    def etag(self) -> str:
        """A strong ETag: the checksum of the content."""
        return f'"{self.sha256}"'

    def _headers(self) -> dict[str, str]:
        return {"ETag": self.etag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}

    def _content(self, start: int, end: int, status: int, head: bool) -> Response:
        suffix = self.name[self.name.rfind(".") :]
        headers = self._headers() | {
            "Content-Length": str(end - start),
            "Content-Type": CONTENT_TYPES.get(suffix, "application/octet-stream"),
            "Content-Disposition": f'attachment; filename="{self.name}"',
        }
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{self.size}"
        if head:
            return Response(status_code=status, headers=headers)
        content = self.blobs.read(self.key, start=self.offset + start, end=self.offset + end)
        return StreamingResponse(content if status == 206 else self._verified(content), status, headers)

    async def _verified(self, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The content, the end of it once its checksum is right: a damaged file ends before its last bytes."""
        checksum, held = hashlib.sha256(), b""
        async for chunk in content:
            if held:
                yield held
            held = chunk
            checksum.update(chunk)
        if checksum.hexdigest() != self.sha256:
            log.error("export_damaged", key=self.key, name=self.name)
            raise DamagedFile(self.key)  # too late for a status: the connection ends
        yield held

    def _unsatisfiable(self) -> Response:
        detail = f"The file has {self.size} bytes."
        response = answer(RangeNotSatisfiable(detail, field="Range", limit=self.size, remedy="Request bytes=0-."))
        response.headers["Content-Range"] = f"bytes */{self.size}"
        return response

    def _parse_range(self, header: str) -> tuple[int, int] | None:
        """Return [start, end) of a single range; None (the whole file) for none, several or an invalid one."""
        match = RANGE.fullmatch(header.replace(" ", ""))
        if match is None or not any(match.groups()):
            return None
        first, last = match.groups()
        if not first:
            return max(self.size - int(last), 0), self.size if int(last) else 0
        if last and int(last) < int(first):
            return None
        return int(first), min(int(last) + 1, self.size) if last else self.size


def _matches(header: str, etag: str) -> bool:
    """Whether If-None-Match names this content, by weak comparison (RFC 9110, section 13.1.2)."""
    return "*" in header or etag in [part.strip().removeprefix("W/") for part in header.split(",")]
