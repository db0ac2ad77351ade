"""Copies a model's folder out of an S3 object store."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from services.training.base_models.archive import WANTED
from services.training.models import Base
from shared.documents.entities import Changed
from shared.runtime.errors import AnnealError, InvalidInput
from shared.runtime.jobs.leases import Lease
from shared.runtime.resources import Resources, driver

if TYPE_CHECKING:
    from shared.blobs.s3 import S3Blobs

log = structlog.get_logger(__name__)

Report = Callable[[Lease[Base], int, int], Awaitable[None]]
COPIES = 2
SLACK = 2**30


class DiskFull(AnnealError):
    """The model does not fit on this machine's disk."""

    status = 507
    code = "disk_full"


class ObjectStoreFailed(AnnealError):
    """The store cannot be reached, refuses, or is none."""

    status = 502
    code = "object_store_failed"


async def copy_folder(
    resources: Resources, base: Base, lease: Lease[Base], folder: Path, report: Report
) -> Path | None:
    """The model's files in `folder`; files that are complete already are kept. None when it was told to stop.

    Raises ObjectStoreFailed in words of ours: what a server answers may not be meant for who asked.
    """
    with driver("s3"):
        from shared.blobs.s3 import FAILURES
    try:
        return await _copy(resources, base, lease, folder, report)
    except FAILURES as error:
        log.warning("object_store_failed", id=base.id, error=str(error))
        raise ObjectStoreFailed(
            f"{base.origin} could not be read.",
            field="uri",
            remedy="Check the address, the bucket, and that the key may list and read the folder.",
        ) from error


async def _copy(resources: Resources, base: Base, lease: Lease[Base], folder: Path, report: Report) -> Path | None:
    address, prefix = locate(base.secret or "", resources.settings.blobs_url, base.project)
    store = _opened(address, folder / ".s3")
    try:
        listed = await store.sizes(prefix)
        wanted = {key: size for key, size in listed.items() if _wanted(key.removeprefix(f"{prefix}/"))}
        _check(base, wanted, folder)
        done, total = 0, sum(wanted.values())
        for key, size in wanted.items():
            target = folder / key.rpartition("/")[2]
            if not (target.exists() and target.stat().st_size == size):
                with (part := target.with_name(f".{target.name}.part")).open("wb") as file:
                    async for chunk in store.read(key):
                        if lease.lost or lease.closing or lease.wanted != "run":
                            await lease.change(_interrupted)
                            return None
                        await asyncio.to_thread(file.write, chunk)
                        done += len(chunk)
                        await report(lease, done, total)
                part.replace(target)
    finally:
        await store.close()
    return folder


def locate(uri: str, own: str, project: str) -> tuple[str, str]:
    """The bucket's address and the folder in it.

    `s3://bucket/folder` means the store at `own`, which the platform itself uses: only the project's part of it.
    """
    parts = urlsplit(uri)
    bucket, _, prefix = parts.path.strip("/").partition("/")
    if parts.scheme == "s3":
        mine = urlsplit(own)
        if not mine.scheme.startswith("s3+"):
            raise InvalidInput(
                "This platform keeps its files on disk and has no object store of its own.",
                field="uri",
                remedy="Name the store too: s3+https://key:secret@host/bucket/folder.",
            )
        bucket, prefix = parts.netloc, parts.path.strip("/")
        if bucket != mine.path.strip("/") or not prefix.startswith(f"{project}/"):
            raise InvalidInput(
                "That is not this project's part of the platform's own bucket.",
                field="uri",
                limit=f"s3:/{mine.path}/{project}/…",
                remedy="Name the store with a key of your own: s3+https://key:secret@host/bucket/folder.",
            )
        parts = mine
    return parts._replace(path=f"/{bucket}", query="", fragment="").geturl(), prefix


def _opened(address: str, scratch: Path) -> "S3Blobs":
    with driver("s3"):
        from shared.blobs.s3 import S3Blobs, client
    try:
        return S3Blobs(*client(address), scratch)
    except ValueError as error:
        remedy = "Write it as s3+https://key:secret@host:port/bucket/folder."
        raise InvalidInput("The address is not one of an object store.", field="uri", remedy=remedy) from error


def _wanted(name: str) -> bool:
    return "/" not in name and Path(name).suffix.lower() in WANTED


def _check(base: Base, files: dict[str, int], folder: Path) -> None:
    if not any(key.endswith(".safetensors") for key in files):
        remedy = "Name the folder that holds config.json and the safetensors files."
        raise InvalidInput(f"There are no safetensors files at {base.origin}.", field="uri", remedy=remedy)
    need, free = COPIES * sum(files.values()) + SLACK, shutil.disk_usage(folder).free
    if need > free:
        raise DiskFull(
            f"It needs {need / 2**30:.1f} GiB while it is stored, and {free / 2**30:.1f} GiB are free.",
            remedy="Free disk space, or register a folder on another disk with its path.",
        )


def _interrupted(base: Base) -> Changed:
    if base.wanted == "cancel":
        return base.mark_cancelled()
    base.hand_back(counts=False)
    return ()
