"""Blobs as files below one folder: the embedded adapter.

- `objects/<key>`: the files, read-only, exactly as engines see them through `local_folder`
- `sums/<key>`: cached checksums, each tied to one file by inode, size and mtime
- `drafts/`: files being written or deleted; emptied at start
"""

import asyncio
import contextlib
import hashlib
import io
import os
import shutil
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from shared.blobs.errors import BlobNotFound, InvalidKey
from shared.blobs.keys import validate_key
from shared.blobs.protocol import BlobInfo
from shared.runtime.disk_reserve import DiskReserve

T = TypeVar("T")
CHUNK = 1 << 20
THREADS = 4


def _identity(stat: os.stat_result) -> str:
    """Identity of a file's content: files are replaced, never modified."""
    return f"{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}"


def _files(folder: Path) -> Iterator[Path]:
    """Every file below; unlike rglob, it tolerates files that vanish meanwhile."""
    return (Path(at) / name for at, _, names in os.walk(folder) for name in names)


def _sync_folder(folder: Path) -> None:
    """fsync the folder, unless it was deleted."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    """mkdir -p with an fsync of every new entry."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


class _Draft:
    """A file being written, hashed as it grows. Used from pool threads, one call at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file = io.FileIO(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444), "w")
        self._sum = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Append the whole chunk, or raise."""
        with self._lock:
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._file.write(rest) :]
            self._sum.update(chunk)

    def publish(self, target: Path) -> tuple[os.stat_result, str]:
        """fsync and move to `target` atomically; return stat and checksum."""
        with self._lock:
            os.fsync(self._file.fileno())
            stat = os.fstat(self._file.fileno())
            self._file.close()
            self._move(target)
            _sync_folder(target.parent)
        return stat, self._sum.hexdigest()

    def discard(self) -> None:
        """Delete the draft, after waiting for a write whose caller was cancelled."""
        with self._lock:
            self._file.close()
            self._path.unlink(missing_ok=True)

    def _move(self, target: Path) -> None:
        """Rename, and retry if a delete removed the folder in between."""
        try:
            _make_folder(target.parent)
            self._path.replace(target)
        except FileNotFoundError:
            if not self._path.exists():
                raise
            self._move(target)
        except (NotADirectoryError, FileExistsError, IsADirectoryError) as error:
            raise InvalidKey(f"{target.name}: a key cannot lie below another key") from error


class LocalBlobs:
    """The store of one process below `root`. File operations run in threads. Storing needs the `reserve`."""

    def __init__(self, root: Path, reserve: DiskReserve | None = None) -> None:
        self._reserve = reserve
        self._objects, self._sums, self._drafts = root / "objects", root / "sums", root / "drafts"
        shutil.rmtree(self._drafts, ignore_errors=True)
        for folder in (self._objects, self._sums, self._drafts):
            _make_folder(folder)
        self._pool = ThreadPoolExecutor(THREADS, "blobs")

    async def put(self, key: str, data: bytes | AsyncIterator[bytes] | Path) -> BlobInfo:
        """Write a draft, then move it into place. A file is copied, because its owner may change it later."""
        target = self._objects / validate_key(key)
        if self._reserve:
            await self._run(self._reserve.hold)
        draft = await self._run(lambda: _Draft(self._new_draft()))
        try:
            await self._fill(draft, data)
            stat, sum = await self._run(lambda: draft.publish(target))
        except BaseException:
            await self._run(draft.discard)
            raise
        return await self._run(lambda: self._remember(key, stat, sum))

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes [start, end) in chunks; a reader keeps the content that it opened."""
        path = self._objects / validate_key(key)
        with await self._run(lambda: self._open(path)) as file:
            file.seek(start)
            rest = sys.maxsize if end is None else end - start
            while rest > 0 and (chunk := await self._run(partial(file.read, min(CHUNK, rest)))):
                rest -= len(chunk)
                yield chunk

    async def stat(self, key: str) -> BlobInfo | None:
        """Size and checksum, or None."""
        validate_key(key)
        return await self._run(lambda: self._info(key))

    async def list(self, prefix: str) -> "list[BlobInfo]":
        """All blobs below `prefix/`, sorted by key."""
        folder = self._objects / validate_key(prefix)
        return await self._run(lambda: [info for key in self._below(folder) if (info := self._info(key))])

    async def sizes(self, prefix: str) -> dict[str, int]:
        """Size in bytes of each key below `prefix/`."""
        folder = self._objects / validate_key(prefix)
        return await self._run(lambda: {key: size for key in self._below(folder) if (size := self._size(key)) >= 0})

    async def delete(self, prefix: str) -> int:
        """Remove the key or the whole folder with one rename, then free the bytes."""
        validate_key(prefix)
        return await self._run(lambda: self._delete(prefix))

    async def local_folder(self, prefix: str) -> Path:
        """The store's own folder."""
        folder = self._objects / validate_key(prefix)
        if not await self._run(lambda: any(_files(folder))):
            raise BlobNotFound(f"{prefix} is not stored, or was deleted.")
        return folder

    async def link(self, key: str, name: str) -> str | None:
        """None: local files have no URL."""
        return None

    async def ping(self) -> None:
        """Raise an exception unless the folder is writable."""
        await self._run(lambda: _Draft(self._new_draft()).discard())

    async def close(self) -> None:
        """Let running work finish."""
        await asyncio.to_thread(self._pool.shutdown)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _new_draft(self) -> Path:
        return self._drafts / uuid.uuid4().hex

    async def _fill(self, draft: _Draft, data: bytes | AsyncIterator[bytes] | Path) -> None:
        if isinstance(data, bytes):
            await self._run(lambda: draft.write(data))
        elif isinstance(data, Path):
            await self._run(lambda: self._copy(data, draft))
        else:
            async for chunk in data:
                await self._run(partial(draft.write, chunk))

    def _copy(self, source: Path, draft: _Draft) -> None:
        with source.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                draft.write(chunk)

    def _open(self, path: Path) -> BinaryIO:
        try:
            return path.open("rb", buffering=0)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise BlobNotFound(f"The file {path.name} is not stored, or was deleted.") from error

    def _info(self, key: str) -> BlobInfo | None:
        """Size and cached checksum, hashing the file where the cache has none for it."""
        try:
            with open(self._objects / key, "rb") as file:
                stat = os.fstat(file.fileno())
                if sum := self._recall(key, stat):
                    return BlobInfo(key, stat.st_size, sum)
                return self._remember(key, stat, hashlib.file_digest(file, "sha256").hexdigest())
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def _remember(self, key: str, stat: os.stat_result, sum: str) -> BlobInfo:
        """Cache the checksum. It is not fsynced: without it the file is hashed again."""
        target, draft = self._sums / key, self._new_draft()
        with contextlib.suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(f"{_identity(stat)} {sum}")
            draft.replace(target)
        return BlobInfo(key, stat.st_size, sum)

    def _recall(self, key: str, stat: os.stat_result) -> str | None:
        """The cached checksum, if it belongs to this file."""
        try:
            cached = (self._sums / key).read_text(errors="replace")
        except OSError:
            return None
        identity, _, sum = cached.partition(" ")
        return sum if identity == _identity(stat) and len(sum) == 64 else None

    def _size(self, key: str) -> int:
        """-1 where it was deleted meanwhile."""
        try:
            return (self._objects / key).stat().st_size
        except OSError:
            return -1

    def _below(self, folder: Path) -> Iterable[str]:
        return sorted(path.relative_to(self._objects).as_posix() for path in _files(folder))

    def _delete(self, prefix: str) -> int:
        """Rename away, fsync, then free: a reader never finds half a folder."""
        trash = self._new_draft()
        trash.mkdir()
        for tree in (self._sums, self._objects):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                (tree / prefix).rename(trash / tree.name)
        deleted = trash / self._objects.name
        count = 1 if deleted.is_file() else sum(1 for _ in _files(deleted))
        if count:
            _sync_folder((self._objects / prefix).parent)
        shutil.rmtree(trash)
        return count
