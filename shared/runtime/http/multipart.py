"""Streams multipart/form-data: parts in order, with at most one chunk of the body in memory."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from shared.runtime.errors import AnnealError

FIELD_LIMIT = 64 << 10
"""Maximum bytes of a form field that is not a file."""
MAX_BOUNDARY_LENGTH = 70
"""RFC 2046, 5.1.1."""
MAX_PARTS = 64
"""Maximum fields and files of a form."""

Step = tuple[Literal["part", "data", "end", "done"], bytes]


class MalformedUpload(AnnealError):
    """The body is not complete multipart/form-data, or exceeds a limit."""

    status = 400
    code = "malformed_upload"


@dataclass(frozen=True)
class Part:
    """A form field, or a file if it has a `filename`. Read `chunks` before the next part."""

    name: str
    filename: str | None
    chunks: AsyncIterator[bytes]

    async def text(self) -> str:
        """Return a field's value. Raises MalformedUpload if it is too long or not UTF-8."""
        value = b""
        async for chunk in self.chunks:
            value += chunk
            if len(value) > FIELD_LIMIT:
                raise MalformedUpload(f"The form field {self.name!r} is too long.", field=self.name, limit=FIELD_LIMIT)
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise MalformedUpload(f"The form field {self.name!r} is not UTF-8.", field=self.name) from error


class Multipart:
    """A request body. python-multipart's callbacks queue steps, which `parts` turns into parts."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        kind, parameters = parse_options_header(content_type)
        boundary = parameters.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not 0 < len(boundary) <= MAX_BOUNDARY_LENGTH:
            remedy = "Send multipart/form-data with a `file` part: curl -F file=@…"
            raise MalformedUpload("The body is not multipart/form-data.", field="Content-Type", remedy=remedy)
        self._body, self._steps = body, deque[Step]()
        self._header, self._value, self._disposition = b"", b"", b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": lambda: self._steps.append(("part", self._disposition)),
                "on_part_data": lambda data, start, end: self._steps.append(("data", data[start:end])),
                "on_part_end": lambda: self._steps.append(("end", b"")),
                "on_end": lambda: self._steps.append(("done", b"")),
            },
        )

    async def parts(self) -> AsyncIterator[Part]:
        """Yield each part; unread content is skipped. Raises MalformedUpload after MAX_PARTS."""
        steps, count = self._read(), 0
        async for kind, data in steps:
            if kind == "part":
                count += 1
                if count > MAX_PARTS:
                    raise MalformedUpload("The form has too many parts.", limit=MAX_PARTS)
                _, options = parse_options_header(data)
                filename = options.get(b"filename")
                name = options.get(b"name", b"").decode("utf-8", "replace")
                part = Part(name, None if filename is None else filename.decode("utf-8", "replace"), _chunks(steps))
                yield part
                async for _ in part.chunks:
                    pass

    async def _read(self) -> AsyncIterator[Step]:
        """Yield steps as the body arrives. Raises MalformedUpload if it breaks off."""
        complete = False
        try:
            async for chunk in self._body:
                self._parser.write(chunk)
                while self._steps:
                    step = self._steps.popleft()
                    complete = complete or step[0] == "done"
                    yield step
        except (FormParserError, ClientDisconnect) as error:
            raise MalformedUpload(f"The body is not multipart/form-data: {error or 'cut off'}.") from error
        if not complete:
            raise MalformedUpload("The body ends before its last boundary.", remedy="Send the upload again.")

    def _begin(self) -> None:
        self._header, self._value, self._disposition = b"", b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""


async def _chunks(steps: AsyncIterator[Step]) -> AsyncIterator[bytes]:
    async for kind, data in steps:
        if kind == "end":
            return
        yield data


async def drain(body: AsyncIterator[bytes], limit: int = 64 << 20, seconds: float = 5.0) -> None:
    """Read on briefly, so that a client that is still sending receives the error response instead of a reset."""
    try:
        async with asyncio.timeout(seconds):
            async for chunk in body:
                limit -= len(chunk)
                if limit < 0:
                    return
    except Exception:
        return
