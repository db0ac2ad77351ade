"""A child's pipes as asyncio streams, and the messages in them, with limits on their length."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

MAX_MESSAGE = 32 << 20
"""Maximum bytes of a message; a longer one is dropped and logged."""

MAX_LOG_LINE = 8 << 10
"""Maximum bytes of a line of stderr; the rest is cut off."""

_CHUNK = 1 << 16


async def read_end(fd: int) -> asyncio.StreamReader:
    """A reader with backpressure: it stops reading after about 128 KB unread."""
    reader = asyncio.StreamReader(_CHUNK)
    pipe = os.fdopen(fd, "rb", 0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


async def write_end(fd: int) -> asyncio.StreamWriter:
    """A writer whose `drain` waits for a slow reader."""
    loop = asyncio.get_running_loop()
    pipe = os.fdopen(fd, "wb", 0)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
    return asyncio.StreamWriter(transport, protocol, None, loop)


async def messages_in(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON objects of a pipe, one per line; a killed child's incomplete line is dropped."""
    async for line, complete in _lines(reader, MAX_MESSAGE):
        yield (
            _parsed(line) if complete else _log("error", f"a message of more than {MAX_MESSAGE >> 20} MiB was dropped")
        )


async def log_messages(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """Yield the lines of stderr as log messages; of a redrawn progress bar only the last state."""
    async for line, complete in _lines(reader, MAX_LOG_LINE):
        text = line.decode("utf-8", "replace").rstrip().rpartition("\r")[2]
        if text:
            yield _log("warning", text if complete else text + " …")


async def _lines(reader: asyncio.StreamReader, limit: int) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield lines without their newline, cut to `limit` bytes, and whether they are complete."""
    pieces: list[bytes] = []
    size = 0
    while chunk := await reader.read(_CHUNK):
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            line = b"".join((*pieces, piece))
            yield line[:limit], size + len(piece) <= limit
            pieces, size = [], 0
        size += len(rest)
        if size - len(rest) <= limit:
            pieces.append(rest)
    if size:
        yield b"".join(pieces)[:limit], size <= limit


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        message: dict[str, Any] = json.loads(line)
    except ValueError:
        return _log("error", f"an invalid message of {len(line)} bytes was dropped")
    return message


def _log(level: str, message: str) -> dict[str, Any]:
    return {"kind": "log", "level": level, "message": message}
