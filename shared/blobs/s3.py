"""Blobs in MinIO or any S3, through the minio SDK in threads.

An upload is spooled to local disk first, for constant memory, the checksum in the object's metadata, and atomicity.
Local folders come from the cache in download_cache.py.
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
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error, ServerError

from shared.blobs.checked_connections import checked_pools
from shared.blobs.download_cache import CACHE_LIMIT, DownloadCache
from shared.blobs.errors import BlobNotFound, InvalidKey
from shared.blobs.keys import validate_key
from shared.blobs.protocol import BlobInfo
from shared.runtime.errors import Unavailable
from shared.runtime.http.addresses import AddressPolicy

CHUNK = 1 << 20
PART = 5 << 20
PARTS = 10_000
"""S3's minimum part size and maximum number of parts; one part at a time is in memory."""
THREADS = 8
TIMEOUT = urllib3.Timeout(connect=5.0, read=15.0)
"""Limits idle time on a connection, not the length of a transfer: a half-open connection must not block a thread."""
RETRIES = urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504])
PRESIGNED_LIFETIME = timedelta(minutes=5)
SUM = "sha256"
FAILURES: tuple[type[Exception], ...] = (MinioException, Unavailable, ParseError, ValueError)
"""The driver's exceptions for a store that is down, refuses, or is not an object store."""
GONE = {"NoSuchKey", "NoSuchObject", "NotFound"}
KNOWN = 100_000
"""Maximum number of cached checksums and folders."""

T = TypeVar("T")


def client(url: str, region: str | None = None, policy: AddressPolicy | None = None) -> tuple[Minio, str]:
    """Client and bucket of `s3+http(s)://key:secret@host:port/bucket`; `policy`: for the address that a caller gave."""
    parts = urlsplit(url)
    pools = urllib3.PoolManager(maxsize=THREADS, timeout=TIMEOUT, retries=RETRIES)
    if policy:
        pools.pool_classes_by_scheme = checked_pools(policy)
    endpoint = parts.hostname or ""
    return Minio(
        endpoint if parts.port is None else f"{endpoint}:{parts.port}",
        access_key=unquote(parts.username or ""),
        secret_key=unquote(parts.password or ""),
        secure=parts.scheme == "s3+https",
        region=region,
        http_client=pools,
    ), parts.path.strip("/") or "anneal"


async def connect(url: str, scratch: Path, public_url: str = "", cache_limit: int = CACHE_LIMIT) -> "S3Blobs":
    """Open the bucket that the URL names, and create it if needed; `public_url` is the store's address for clients.

    `cache_limit`: bytes of cached downloads.
    """
    blobs = S3Blobs(*client(url), scratch, cache_limit)
    await blobs.ensure_bucket()
    if public_url:
        own, public = urlsplit(url), urlsplit(public_url)
        user, _, _ = own.netloc.rpartition("@")
        elsewhere = own._replace(scheme=f"s3+{public.scheme}", netloc=f"{user}@{public.netloc}").geturl()
        blobs.public, _ = client(elsewhere, await blobs.region())
    return blobs


class S3Blobs:
    """One bucket. `scratch`, this process's own, holds spooled uploads and cached downloads."""

    public: Minio | None = None
    """Signs links for the store's public address."""

    def __init__(self, client: Minio, bucket: str, scratch: Path, cache_limit: int = CACHE_LIMIT) -> None:
        self._client, self._bucket = client, bucket
        self._spool = scratch / "spool"
        shutil.rmtree(self._spool, ignore_errors=True)
        self._spool.mkdir(parents=True)
        self._downloads = DownloadCache(scratch / "checkouts", cache_limit)
        self._sums: dict[tuple[str, str], str] = {}
        self._folders: set[str] = set()
        self._pool = ThreadPoolExecutor(THREADS, "s3")

    async def put(self, key: str, data: bytes | AsyncIterator[bytes] | Path) -> BlobInfo:
        """Spool, hash, upload in parts."""
        validate_key(key)
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
        self._refuse_nesting(key)
        part = max(PART, -(-file.stat().st_size // PARTS))
        metadata: dict[str, Any] = {SUM: digest}
        self._client.fput_object(
            self._bucket, key, str(file), metadata=metadata, part_size=part, num_parallel_uploads=1
        )

    def _refuse_nesting(self, key: str) -> None:
        """Refuse a key below another key: S3 would accept it, but a local folder could not hold both.

        Checked parents are cached. Two concurrent writers can still create such keys.
        """
        above = [key[:at] for at, letter in enumerate(key) if letter == "/"]
        if any(self._stat(folder) for folder in above if folder not in self._folders):
            raise InvalidKey(f"{key}: a key cannot lie below another key")
        if next(iter(self._client.list_objects(self._bucket, prefix=f"{key}/", recursive=True)), None):
            raise InvalidKey(f"{key}: there are keys below it")
        self._folders = {*(self._folders if len(self._folders) < KNOWN else ()), *above}

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes [start, end) in chunks."""
        validate_key(key)
        if end is not None and end <= start:
            if await self.stat(key) is None:
                raise _gone(key)
            return
        response = await self._run(lambda: self._open(key, start, 0 if end is None else end - start))
        if response is None:
            return
        try:
            while chunk := await self._run(lambda: response.read(CHUNK)):
                yield chunk
        finally:
            response.close()
            response.release_conn()

    def _open(self, key: str, start: int, length: int) -> Any:
        """The response, or None for a range that starts at or after the end."""
        try:
            return self._client.get_object(self._bucket, key, offset=start, length=length)
        except S3Error as error:
            if error.code == "InvalidRange":
                return None
            raise _gone(key) if error.code in GONE else error from error

    async def stat(self, key: str) -> BlobInfo | None:
        """Size and checksum, or None."""
        validate_key(key)
        return await self._run(lambda: self._stat(key))

    def _stat(self, key: str) -> BlobInfo | None:
        try:
            found = self._client.stat_object(self._bucket, key)
        except S3Error as error:
            if error.code in GONE:
                return None
            raise
        sum = (found.metadata or {}).get(f"x-amz-meta-{SUM}") or self._hashed(key)
        self._remember(key, found.etag or "", sum)
        return BlobInfo(key, found.size or 0, sum)

    def _hashed(self, key: str) -> str:
        """The checksum of an object that was not stored by us."""
        digest, response = hashlib.sha256(), self._open(key, 0, 0)
        try:
            while chunk := response.read(CHUNK):
                digest.update(chunk)
        finally:
            response.close()
            response.release_conn()
        return digest.hexdigest()

    def _remember(self, key: str, etag: str, sum: str) -> None:
        if len(self._sums) >= KNOWN:
            self._sums.clear()
        self._sums[key, etag] = sum

    async def list(self, prefix: str) -> "list[BlobInfo]":
        """All blobs below `prefix/`, sorted by key."""
        validate_key(prefix)
        items = await self._run(lambda: self._items(prefix))
        found = await asyncio.gather(*(self._run(partial(self._info, *item)) for item in items))
        return [info for info in found if info is not None]

    async def sizes(self, prefix: str) -> dict[str, int]:
        """Size in bytes of each key below `prefix/`, sorted, without checksums, which foreign objects lack."""
        validate_key(prefix)
        return {key: size for key, _, size in await self._run(lambda: self._items(prefix))}

    def _items(self, prefix: str) -> Sequence[tuple[str, str, int]]:
        """Key, ETag and size of each object."""
        below = self._client.list_objects(self._bucket, prefix=f"{prefix}/", recursive=True)
        return sorted((item.object_name, item.etag or "", item.size or 0) for item in below if item.object_name)

    def _info(self, key: str, etag: str, size: int) -> BlobInfo | None:
        """Use the cached checksum of the same ETag, which means the same content."""
        sum = self._sums.get((key, etag))
        return BlobInfo(key, size, sum) if sum else self._stat(key)

    async def size(self, key: str) -> int:
        """Bytes of an object, without its checksum. Raises BlobNotFound."""
        validate_key(key)
        return await self._run(lambda: self._size(key))

    def _size(self, key: str) -> int:
        try:
            return self._client.stat_object(self._bucket, key).size or 0
        except S3Error as error:
            raise _gone(key) if error.code in GONE else error from error

    async def delete(self, prefix: str) -> int:
        """Delete the key and everything below it."""
        validate_key(prefix)
        return await self._run(lambda: self._delete(prefix))

    def _delete(self, prefix: str) -> int:
        keys = [*(key for key, _, _ in self._items(prefix)), *([prefix] if self._stat(prefix) else [])]
        failed = list(self._client.remove_objects(self._bucket, [DeleteObject(key) for key in keys]))
        if failed:
            raise OSError(f"the store kept {len(failed)} of {len(keys)} objects: {failed[0]}")
        self._folders.clear()
        return len(keys)

    async def local_folder(self, prefix: str) -> Path:
        """A local copy; only missing contents are downloaded."""
        infos = await self.list(prefix)
        if not infos:
            raise _gone(prefix)
        await asyncio.gather(*(self._run(partial(self._fetch, info)) for info in infos))
        return await self._run(lambda: self._downloads.folder(prefix, infos))

    def _fetch(self, info: BlobInfo) -> None:
        if self._downloads.has(info):
            return
        handle, draft = tempfile.mkstemp(dir=self._spool)
        os.close(handle)
        try:
            self._client.fget_object(self._bucket, info.key, draft, tmp_file_path=f"{draft}.part")
            self._downloads.add(Path(draft), info)
        except S3Error as error:
            raise _gone(info.key) if error.code in GONE else error from error
        finally:
            Path(draft).unlink(missing_ok=True)

    async def link(self, key: str, name: str) -> str | None:
        """A link signed for the public address, if there is one; valid for five minutes."""
        if self.public is None:
            return None
        named: dict[str, Any] = {"response-content-disposition": f'attachment; filename="{name}"'}
        return self.public.presigned_get_object(self._bucket, validate_key(key), PRESIGNED_LIFETIME, named)

    async def region(self) -> str:
        """The bucket's region, which signing needs."""
        signed = await self._run(lambda: self._client.presigned_get_object(self._bucket, "any"))
        return parse_qs(urlsplit(signed).query)["X-Amz-Credential"][0].split("/")[2]

    async def ensure_bucket(self) -> None:
        """Create the bucket if needed; another process may do so concurrently."""
        await self._run(self._ensure_bucket)

    def _ensure_bucket(self) -> None:
        if not self._client.bucket_exists(self._bucket):
            with contextlib.suppress(S3Error):
                self._client.make_bucket(self._bucket)

    async def ping(self) -> None:
        """Raise an exception unless the bucket exists."""
        if not await self._run(lambda: self._client.bucket_exists(self._bucket)):
            raise FileNotFoundError(f"the bucket {self._bucket} does not exist")

    async def close(self) -> None:
        """Let running work finish."""
        await asyncio.to_thread(self._pool.shutdown)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except (urllib3.exceptions.HTTPError, ServerError) as error:
            detail = f"The object store does not answer: {type(error).__name__}."
            raise Unavailable(detail, remedy="Try again in a moment; /readyz names what is down.") from error


def _gone(key: str) -> BlobNotFound:
    return BlobNotFound(f"{key} is not stored, or was deleted.")
