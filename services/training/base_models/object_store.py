"""Copies a model's folder from an S3 object store."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from services.training.base_models.archive import MODEL_SUFFIXES
from services.training.models import Base
from shared.blobs.locations import ObjectStoreFailed, open_source
from shared.documents.entities import Changed
from shared.runtime.errors import AnnealError, InvalidInput
from shared.runtime.jobs.leases import Lease
from shared.runtime.resources import Resources, driver

log = structlog.get_logger(__name__)

Report = Callable[[Lease[Base], int, int], Awaitable[None]]
COPIES = 2
"""The download, and the files as published."""
RESERVED_DISK_BYTES = 2**30


class DiskFull(AnnealError):
    """The model does not fit on this machine's disk."""

    status = 507
    code = "disk_full"


async def copy_folder(
    resources: Resources, base: Base, uri: str, lease: Lease[Base], folder: Path, report: Report
) -> Path | None:
    """Download the model's files at `uri` into `folder`, except those that are complete. None when told to stop.

    Raises ObjectStoreFailed without the server's own response, which may not be meant for the caller (SSRF).
    """
    with driver("s3"):
        from shared.blobs.s3 import FAILURES
    try:
        return await _copy(resources, base, uri, lease, folder, report)
    except FAILURES as error:
        log.warning("object_store_failed", id=base.id, error=str(error))
        raise ObjectStoreFailed(
            f"{base.origin} could not be read.",
            field="uri",
            remedy="Check the address, the bucket, and that the key may list and read the folder.",
        ) from error


async def _copy(
    resources: Resources, base: Base, uri: str, lease: Lease[Base], folder: Path, report: Report
) -> Path | None:
    store, prefix = open_source(uri, resources.settings, base.project, folder / ".s3")
    try:
        listed = await store.sizes(prefix)
        files = {key: size for key, size in listed.items() if _is_model_file(key.removeprefix(f"{prefix}/"))}
        _check(base, files, folder)
        done, total = 0, sum(files.values())
        for key, size in files.items():
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


def _is_model_file(name: str) -> bool:
    return "/" not in name and Path(name).suffix.lower() in MODEL_SUFFIXES


def _check(base: Base, files: dict[str, int], folder: Path) -> None:
    if not any(key.endswith(".safetensors") for key in files):
        remedy = "Name the folder that holds config.json and the safetensors files."
        raise InvalidInput(f"There are no safetensors files at {base.origin}.", field="uri", remedy=remedy)
    need, free = COPIES * sum(files.values()) + RESERVED_DISK_BYTES, shutil.disk_usage(folder).free
    if need > free:
        raise DiskFull(
            f"Storing the model needs {need / 2**30:.1f} GiB of disk space, and {free / 2**30:.1f} GiB are free.",
            remedy="Free disk space, or register a folder on another disk with its path.",
        )


def _interrupted(base: Base) -> Changed:
    if base.wanted == "cancel":
        return base.mark_cancelled()
    base.hand_back(counts=False)
    return ()
