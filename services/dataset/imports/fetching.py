"""Background work: downloads an import's files, and hands them to the validation of uploads."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from services.dataset.errors import SourceNotFound
from services.dataset.formats import extension_of
from services.dataset.import_record import DatasetImport
from services.dataset.imports.feedback import read_feedback
from services.dataset.imports.url import UrlSource, download
from services.dataset.models import Origin, UploadForm
from services.dataset.service import DatasetService
from services.dataset.upload_store import CHUNK_BYTES
from shared.blobs.errors import BlobNotFound
from shared.blobs.locations import ObjectStoreFailed, open_source
from shared.documents.entities import Changed
from shared.runtime.errors import AnnealError, StorageFull, Unavailable, disk_is_full, in_sentences
from shared.runtime.jobs.engine_runs import run_to_result
from shared.runtime.jobs.leases import Lease, LeaseLost
from shared.runtime.processes.limits import Limits
from shared.runtime.processes.network import network_environment
from shared.runtime.resources import Resources, driver

TARGET = "services.dataset.engine.download_dataset:main"
FOLDER = "dataset_imports"
REPORT_INTERVAL_S = 0.5

Fetched = tuple[Path, str, Origin]
"""The file, its name for display, and its origin as found."""


def import_folder(resources: Resources, id: str) -> Path:
    """The folder from which an interrupted download resumes."""
    return resources.scratch / FOLDER / id


class Importer:
    """`run(found, lease)` for the worker that downloads imports."""

    def __init__(self, resources: Resources, service: DatasetService) -> None:
        self._resources, self._service = resources, service
        self._reported: dict[str, float] = {}

    async def run(self, found: DatasetImport, lease: Lease[DatasetImport]) -> None:
        """Download to the end, or hand the work back to the queue; a partial download stays for the next attempt."""
        folder = import_folder(self._resources, found.id)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        try:
            if fetched := await self._fetch(found, lease, folder):
                await self._submit(found, lease, *fetched)
        except (LeaseLost, Unavailable):
            raise
        except (AnnealError, OSError) as error:
            if isinstance(error, OSError) and not disk_is_full(error):
                raise
            remedy = "Free disk space, then import it again."
            known = error if isinstance(error, AnnealError) else StorageFull("The disk is full.", remedy=remedy)
            cause, detail = known.code, in_sentences(known.detail, known.remedy)
            await lease.change(lambda current: current.fail(cause, detail))
        finally:
            self._reported.pop(found.id, None)
            if lease.work.final:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _fetch(self, found: DatasetImport, lease: Lease[DatasetImport], folder: Path) -> Fetched | None:
        if found.origin.source == "hub":
            return await self._from_hub(found, lease, folder)
        if found.origin.source == "feedback":
            return await read_feedback(self._resources, found.project, found.origin, folder)
        fetched = await (self._from_store if found.origin.source == "object_store" else self._from_url)(
            found, lease, folder
        )
        if fetched is None:
            await lease.change(_interrupted)
        return fetched

    async def _from_hub(self, found: DatasetImport, lease: Lease[DatasetImport], folder: Path) -> Fetched | None:
        origin, settings = found.origin, self._resources.settings
        child = await self._resources.engines.launch(
            TARGET,
            {
                "hub_id": origin.location,
                **origin.model_dump(include={"revision", "config", "split"}),
                "endpoint": settings.hub_endpoint.rstrip("/"),
                "allowed_hosts": settings.import_hosts,
                "outbound_hosts": settings.outbound_hosts,
                "output": str(folder),
                "limit": settings.upload_limit,
            },
            cwd=folder,
            env={**network_environment(), "HF_HOME": str(folder / "home")},
            requires=("huggingface_hub", "datasets"),
            limits=Limits(network="open", file_bytes=self._service.uploads.limit),
        )
        await child.send({"op": "token", "token": self._secret(found)})

        async def on_message(message: dict[str, Any]) -> None:
            if message["kind"] == "progress":
                await self._report(lease, message["done"], message["total"])

        result = await run_to_result(child, lease, on_message)
        if result is None or result.get("stopped"):
            return None
        path = Path(result["path"])
        facts = {name: result[name] for name in ("revision", "config", "splits", "unused_files")}
        name = origin.location.rpartition("/")[2] + extension_of(path.name)
        return path, name, origin.model_copy(update=facts)

    async def _from_url(self, found: DatasetImport, lease: Lease[DatasetImport], folder: Path) -> Fetched | None:
        settings = self._resources.settings
        hosts = settings.import_hosts, settings.outbound_hosts
        source = UrlSource(self._secret(found) or "", *hosts, settings.upload_limit)

        async def report(done: int, total: int | None) -> None:
            await self._report(lease, done, total)

        downloading = asyncio.create_task(download(source, folder, report))
        interrupted = asyncio.create_task(lease.wait_for_interrupt())
        try:
            await asyncio.wait({downloading, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            return (*downloading.result(), found.origin) if downloading.done() else None
        finally:
            interrupted.cancel()
            downloading.cancel()
            await asyncio.gather(downloading, interrupted, return_exceptions=True)

    async def _from_store(self, found: DatasetImport, lease: Lease[DatasetImport], folder: Path) -> Fetched | None:
        """Raises ObjectStoreFailed without the server's own response, which may not be meant for the caller (SSRF)."""
        with driver("s3"):
            from shared.blobs.s3 import FAILURES
        uri = self._secret(found) or ""
        store, key = open_source(uri, self._resources.settings, found.project, folder / ".s3")
        part = folder / "download.part"
        try:
            total = await store.size(key)
            if total > self._service.uploads.limit:
                raise self._service.uploads.too_large()
            done = 0
            with part.open("wb") as file:  # from its start: a part may be of an earlier version of the object
                async for chunk in store.read(key):
                    await asyncio.to_thread(file.write, chunk)
                    done += len(chunk)
                    await self._report(lease, done, total)
                    if lease.interrupt_requested:
                        return None
        except BlobNotFound as error:
            remedy = "Give the address of one file; put several into a .zip."
            raise SourceNotFound(f"There is no file {found.origin.location}.", field="uri", remedy=remedy) from error
        except FAILURES as error:
            remedy = "Check the address, the bucket, and that the key may read the file."
            detail = f"{found.origin.location} could not be read."
            raise ObjectStoreFailed(detail, field="uri", remedy=remedy) from error
        finally:
            await store.close()
        return part, key.rpartition("/")[2], found.origin

    def _secret(self, found: DatasetImport) -> str | None:
        """Raises SecretUnreadable."""
        return self._resources.keyring.decrypt("dataset", found.id, found.secret) if found.secret else None

    async def _report(self, lease: Lease[DatasetImport], done: int, total: int | None) -> None:
        """Write the progress, at most twice per second for each import."""
        if time.monotonic() - self._reported.get(lease.id, 0.0) < REPORT_INTERVAL_S and done != total:
            return
        self._reported[lease.id] = time.monotonic()

        def set_progress(current: DatasetImport) -> None:
            current.bytes_done, current.bytes_total = done, total

        await lease.change(set_progress)

    async def _submit(
        self, found: DatasetImport, lease: Lease[DatasetImport], path: Path, name: str, origin: Origin
    ) -> None:
        """Store the file as an upload and queue its validation; a repetition after a crash finds the same version."""
        scoped = self._service.for_project(found.project)
        upload = await scoped.uploads.save(found.project, name, _chunks(path))
        form = UploadForm.model_construct(**found.form())
        version, _ = await scoped.submit(upload, form, origin)
        await lease.change(lambda current: current.finish(origin, version.dataset_id, version.id))


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk


def _interrupted(found: DatasetImport) -> Changed:
    return found.interrupt()
