"""Gzip files, decompressed as they are read and never beyond a limit."""

import gzip
import io
import zlib
from typing import IO, Any

from services.dataset.engine.lines import OpenFile
from shared.engine.process.protocol import EngineError

BUFFER_BYTES = 1 << 18


def gunzip(name: str, open_file: OpenFile, limit: int) -> OpenFile:
    """Return a function that opens the content of a gzip file.

    Reading raises EngineError: `archive_refused` beyond `limit` bytes, `file_unreadable` where the file is damaged.
    """
    return lambda: io.BufferedReader(_Content(name, open_file(), limit), BUFFER_BYTES)


class _Content(io.RawIOBase):
    def __init__(self, name: str, compressed: IO[bytes], limit: int) -> None:
        self._name, self._compressed, self._limit = name, compressed, limit
        self._content, self._size = gzip.GzipFile(fileobj=compressed), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            count = self._content.readinto(buffer)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            detail = f"{self._name} is not a complete gzip file: {error}"
            remedy = "Compress it again, or upload it again: it may be truncated."
            raise EngineError("file_unreadable", detail, file=self._name, remedy=remedy) from error
        self._size += count
        if self._size > self._limit:
            detail = f"{self._name} unpacks to more than {self._limit} bytes."
            remedy = "Upload it less compressed, or in several files."
            raise EngineError("archive_refused", detail, file=self._name, limit=self._limit, remedy=remedy)
        return count

    def close(self) -> None:
        self._content.close()
        self._compressed.close()
        super().close()
