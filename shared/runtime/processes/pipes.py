"""Pipes of a child as asyncio streams, and the messages in them; lines of several MB are fine, endless ones are not."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

MAX_MESSAGE = 32 << 20
"""Bytes in one message; a longer one is dropped, and the log says so."""

MAX_LOG_LINE = 8 << 10
"""Bytes of one line of stderr that are kept."""

_CHUNK = 1 << 16


async def read_end(fd: int) -> asyncio.StreamReader:
    """A reader that stops reading, and so holds the writer back, after about 128 KB unread."""
    reader = asyncio.StreamReader(_CHUNK)
    pipe = os.fdopen(fd, "rb", 0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


async def write_end(fd: int) -> asyncio.StreamWriter:
    """A writer whose `drain` waits while the other side is slow."""
    loop = asyncio.get_running_loop()
    pipe = os.fdopen(fd, "wb", 0)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
    return asyncio.StreamWriter(transport, protocol, None, loop)


async def messages_in(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of a pipe, one a line; the piece of a line that a killed child leaves is dropped."""
    async for line, whole in _lines(reader, MAX_MESSAGE):
        yield _parsed(line) if whole else _log("error", f"a message of more than {MAX_MESSAGE >> 20} MiB was dropped")


async def log_messages(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """The lines of stderr as log messages; of a progress bar's redrawn line only the last state counts."""
    async for line, whole in _lines(reader, MAX_LOG_LINE):
        text = line.decode("utf-8", "replace").rstrip().rpartition("\r")[2]
        if text:
            yield _log("warning", text if whole else text + " …")


async def _lines(reader: asyncio.StreamReader, limit: int) -> AsyncIterator[tuple[bytes, bool]]:
    """Lines without their newline and whether they are whole; what exceeds `limit` bytes is cut off."""
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
        return _log("error", f"a broken message of {len(line)} bytes was dropped")
    return message


def _log(level: str, message: str) -> dict[str, Any]:
    return {"kind": "log", "level": level, "message": message}
