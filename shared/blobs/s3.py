"""Blobs in MinIO or any S3, through the minio SDK in threads.

An upload is spooled to local disk first: that gives constant memory, the checksum that goes into the object's metadata,
and all or nothing. A checkout is a cached local copy, verified by checksum.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from shared.blobs.errors import BlobNotFound
from shared.blobs.keys import checked
from shared.blobs.protocol import BlobInfo

CHUNK = 1 << 20
PART = 16 << 20
THREADS = 8
PRESIGNED_LIFETIME = timedelta(minutes=5)
SUM = "sha256"
GONE = {"NoSuchKey", "NoSuchObject", "NotFound"}

T = TypeVar("T")


def connect(url: str) -> tuple[Minio, str]:
    """Client and bucket of `s3+http(s)://key:secret@host:port/bucket`."""
    parts = urlsplit(url)
    endpoint = parts.hostname or ""
    client = Minio(
        endpoint if parts.port is None else f"{endpoint}:{parts.port}",
        access_key=unquote(parts.username or ""),
        secret_key=unquote(parts.password or ""),
        secure=parts.scheme == "s3+https",
    )
    return client, parts.path.strip("/")


class S3Blobs:
    """One bucket; `scratch` holds spooled uploads and cached checkouts."""

    def __init__(self, client: Minio, bucket: str, scratch: Path) -> None:
        self._client, self._bucket = client, bucket
        self._cache, self._spool = scratch / "checkouts", scratch / "spool"
        shutil.rmtree(self._spool, ignore_errors=True)
        self._spool.mkdir(parents=True)
        self._cache.mkdir(parents=True, exist_ok=True)
        self._pool = ThreadPoolExecutor(THREADS, "s3")

    async def put(self, key: str, data: bytes | AsyncIterator[bytes] | Path) -> BlobInfo:
        """Spool, hash, upload in parts."""
        checked(key)
        handle, name = await self._run(lambda: tempfile.mkstemp(dir=self._spool))
        spooled = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                digest = await self._fill(file, data)
            size = spooled.stat().st_size
            await self._run(lambda: self._upload(key, spooled, digest))
            return BlobInfo(key, size, digest)
        finally:
            spooled.unlink(missing_ok=True)

    async def _fill(self, file: Any, data: bytes | AsyncIterator[bytes] | Path) -> str:
        digest = hashlib.sha256()

        def write(chunk: bytes) -> None:
            digest.update(chunk)
            file.write(chunk)

        def copy(source: Path) -> None:
            with source.open("rb") as opened:
                while chunk := opened.read(CHUNK):
                    write(chunk)

        if isinstance(data, bytes):
            await self._run(lambda: write(data))
        elif isinstance(data, Path):
            await self._run(lambda: copy(data))
        else:
            async for chunk in data:
                await self._run(partial(write, chunk))
        return digest.hexdigest()

    def _upload(self, key: str, file: Path, digest: str) -> None:
        self._client.fput_object(self._bucket, key, str(file), metadata={SUM: digest}, part_size=PART)

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes [start, end) in chunks."""
        checked(key)
        if end is not None and end <= start:
            return
        length = 0 if end is None else end - start
        response = await self._run(lambda: self._open(key, start, length))
        if response is None:
            return
        try:
            while chunk := await self._run(lambda: response.read(CHUNK)):
                yield chunk
        finally:
            response.close()
            response.release_conn()

    def _open(self, key: str, start: int, length: int) -> Any:
        """The response, or None for a range that begins at or behind the end."""
        try:
            return self._client.get_object(self._bucket, key, offset=start, length=length)
        except S3Error as error:
            if error.code == "InvalidRange":
                return None
            raise self._gone(error, key) from error

    async def stat(self, key: str) -> BlobInfo | None:
        """Size and checksum, or None."""
        checked(key)
        return await self._run(lambda: self._stat(key))

    def _stat(self, key: str) -> BlobInfo | None:
        try:
            found = self._client.stat_object(self._bucket, key)
        except S3Error as error:
            if error.code in GONE:
                return None
            raise
        metadata = found.metadata or {}
        return BlobInfo(key, found.size or 0, metadata.get(f"x-amz-meta-{SUM}", ""))

    async def list(self, prefix: str) -> "list[BlobInfo]":
        """Everything below `prefix/`, sorted by key."""
        keys = await self._run(lambda: self._keys(prefix))
        found = await asyncio.gather(*(self._run(partial(self._stat, key)) for key in keys))
        return [info for info in found if info is not None]

    def _keys(self, prefix: str) -> Sequence[str]:
        below = self._client.list_objects(self._bucket, prefix=checked(prefix) + "/", recursive=True)
        return sorted(item.object_name for item in below if item.object_name)

    async def delete(self, prefix: str) -> int:
        """Delete the key and everything below it."""
        return await self._run(lambda: self._delete(prefix))

    def _delete(self, prefix: str) -> int:
        keys = [*self._keys(prefix), *([prefix] if self._stat(prefix) else [])]
        failed = list(self._client.remove_objects(self._bucket, [DeleteObject(key) for key in keys]))
        if failed:
            raise OSError(f"the store kept {len(failed)} of {len(keys)} objects: {failed[0]}")
        return len(keys)

    async def checkout(self, prefix: str) -> Path:
        """A local copy, downloaded once; a file is fetched again when its checksum in the store changed."""
        infos = await self.list(prefix)
        if not infos:
            raise BlobNotFound(f"{prefix} is not there, or no longer")
        folder = self._cache / prefix
        await asyncio.gather(*(self._run(partial(self._fetch, info)) for info in infos))
        return folder

    def _fetch(self, info: BlobInfo) -> None:
        """One file of a checkout; its name carries no checksum, so a hidden marker beside the tree does."""
        target = self._cache / info.key
        marker = self._spool.parent / "sums" / info.key
        if target.exists() and marker.exists() and marker.read_text() == info.sha256:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        marker.parent.mkdir(parents=True, exist_ok=True)
        draft = self._spool / f"{os.getpid()}-{hashlib.sha256(info.key.encode()).hexdigest()}"
        try:
            self._client.fget_object(self._bucket, info.key, str(draft))
        except S3Error as error:
            raise self._gone(error, info.key) from error
        with draft.open("rb") as file:
            if (found := hashlib.file_digest(file, "sha256").hexdigest()) != info.sha256:
                draft.unlink()
                raise OSError(f"{info.key}: checksum {found} instead of {info.sha256}")
        draft.replace(target)
        marker.write_text(info.sha256)

    def presign(self, key: str) -> str:
        """A GET URL that is good for five minutes."""
        return self._client.presigned_get_object(self._bucket, checked(key), expires=PRESIGNED_LIFETIME)

    async def ping(self) -> None:
        """Raise unless the bucket answers; make it on the first call."""
        await self._run(self._ensure_bucket)

    def _ensure_bucket(self) -> None:
        if not self._client.bucket_exists(self._bucket):
            with contextlib.suppress(S3Error):
                self._client.make_bucket(self._bucket)

    async def close(self) -> None:
        """Let running work finish."""
        await asyncio.to_thread(self._pool.shutdown)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _gone(self, error: S3Error, key: str) -> Exception:
        return BlobNotFound(f"{key} is not there, or no longer") if error.code in GONE else error
