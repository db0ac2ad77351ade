"""HTTP downloads out of the blob store: one range, ETag, conditional requests (RFC 9110, sections 8.8, 13, 14)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response, StreamingResponse

from services.export.errors import RangeNotSatisfiable
from shared.blobs.errors import BlobNotFound
from shared.blobs.protocol import Blobs
from shared.runtime.errors import answer

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
TYPES = {".json": "application/json", ".md": "text/markdown; charset=utf-8", ".zip": "application/zip"}


@dataclass(frozen=True)
class Download:
    """`size` bytes from `offset` of a blob, offered as the file `name`."""

    blobs: Blobs
    key: str
    offset: int
    size: int
    sha256: str
    name: str

    async def respond(self, request: Mapping[str, str], *, head: bool = False) -> Response:
        """The response to request headers: 200, 206, 304 or 416; without its body where `head`.

        A whole blob that the client can fetch from the store itself is a 307 to there.
        """
        stored = await self.blobs.stat(self.key)
        if stored is None:
            remedy = "Export the model again."
            raise BlobNotFound(f"{self.name} is not there any more.", remedy=remedy)
        if _holds(request.get("if-none-match", ""), self.etag):
            return Response(status_code=304, headers=self._headers())
        unchanged = request.get("if-range", self.etag) == self.etag
        wanted = self._range(request.get("range", "")) if unchanged and not head else None
        if wanted is None:
            link = None if head or self.size < stored.size else await self.blobs.link(self.key, self.name)
            return RedirectResponse(link, headers=self._headers()) if link else self._content(0, self.size, 200, head)
        start, end = wanted
        if start >= end:
            return self._unsatisfiable()
        return self._content(start, end, 206, head)

    @property
    def etag(self) -> str:
        """Strong: the checksum of the content."""
        return f'"{self.sha256}"'

    def _headers(self) -> dict[str, str]:
        return {"ETag": self.etag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}

    def _content(self, start: int, end: int, status: int, head: bool) -> Response:
        suffix = self.name[self.name.rfind(".") :]
        headers = self._headers() | {
            "Content-Length": str(end - start),
            "Content-Type": TYPES.get(suffix, "application/octet-stream"),
            "Content-Disposition": f'attachment; filename="{self.name}"',
        }
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{self.size}"
        if head:
            return Response(status_code=status, headers=headers)
        content = self.blobs.read(self.key, start=self.offset + start, end=self.offset + end)
        return StreamingResponse(content, status, headers)

    def _unsatisfiable(self) -> Response:
        detail = f"The file has {self.size} bytes."
        response = answer(RangeNotSatisfiable(detail, field="Range", limit=self.size, remedy="Ask for bytes=0-."))
        response.headers["Content-Range"] = f"bytes */{self.size}"
        return response

    def _range(self, header: str) -> tuple[int, int] | None:
        """[start, end) of the one range that was asked for; None (the whole) for none, several or nonsense."""
        match = RANGE.fullmatch(header.replace(" ", ""))
        if match is None or not any(match.groups()):
            return None
        first, last = match.groups()
        if not first:
            return max(self.size - int(last), 0), self.size if int(last) else 0
        if last and int(last) < int(first):
            return None
        return int(first), min(int(last) + 1, self.size) if last else self.size


def _holds(header: str, etag: str) -> bool:
    """Whether If-None-Match names this content; weak comparison, as it demands."""
    return "*" in header or etag in [part.strip().removeprefix("W/") for part in header.split(",")]
