"""One attempt at a push: unpacks the export, then uploads its files. What is there already is not uploaded again."""

import asyncio
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.export.models import ARCHIVE
from services.export.push_record import Push
from shared.blobs.artifacts import key_of, read_manifest
from shared.blobs.locations import ObjectStoreFailed, open_source
from shared.blobs.manifests import ArchiveMember, ExportManifest
from shared.blobs.verification import verify_files
from shared.documents.entities import new_id
from shared.runtime.errors import AnnealError, Unavailable, in_sentences
from shared.runtime.http.addresses import AddressRefused
from shared.runtime.jobs.engine_runs import Message, run_to_result
from shared.runtime.jobs.leases import Lease, LeaseLost
from shared.runtime.processes.limits import Limits
from shared.runtime.processes.network import network_environment
from shared.runtime.resources import Resources

if TYPE_CHECKING:
    from shared.blobs.s3 import S3Blobs

FOLDER = "pushes"
"""In the scratch folder; holds a folder per attempt, deleted with it."""
TARGET = "services.export.engine.push_to_hub:main"
REPORT_INTERVAL_S = 1.0


@dataclass(frozen=True)
class PushRunner:
    """Runs the pushes that the worker claims."""

    resources: Resources

    async def run(self, push: Push, lease: Lease[Push]) -> None:
        """Upload to the end, or hand the work back to the queue."""
        folder = self.resources.scratch / FOLDER / f"{push.id}-t{lease.token}"
        await asyncio.to_thread(folder.mkdir, parents=True)
        try:
            members = await self._unpack(push, folder)
            secret = self.resources.keyring.decrypt("export", push.id, push.secret or "")
            upload = self._to_hub if push.destination == "hub" else self._to_store
            if url := await upload(push, lease, secret, folder, members):
                await lease.change(lambda current: current.succeed(url))
        except (LeaseLost, Unavailable):
            raise
        except AnnealError as error:
            cause, detail = error.code, in_sentences(error.detail, error.remedy)
            await lease.change(lambda current: current.fail(cause, detail))
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _unpack(self, push: Push, folder: Path) -> Sequence[ArchiveMember]:
        """The files of the archive, whose members are not compressed, verified, in `folder`."""
        key = key_of(push.export_uri, push.project)
        manifest = ExportManifest.model_validate(await read_manifest(self.resources.blobs, key))
        archive = await self.resources.blobs.local_folder(key) / ARCHIVE
        await asyncio.to_thread(_extract, archive, manifest.members, folder)
        await asyncio.to_thread(verify_files, folder, manifest.members, "Delete the export, and build it again.")
        return manifest.members

    async def _to_hub(
        self, push: Push, lease: Lease[Push], token: str, folder: Path, members: Sequence[ArchiveMember]
    ) -> str | None:
        """The address of the commit; None where the push was interrupted or failed."""
        settings = self.resources.settings
        spec = {
            "hub_id": push.location,
            "revision": push.revision,
            "public": push.public,
            "endpoint": settings.hub_endpoint.rstrip("/"),
            "allowed_hosts": settings.import_hosts,
            "outbound_hosts": settings.outbound_hosts,
            "folder": str(folder),
            "files": {member.name: member.size for member in members},
        }
        child = await self.resources.engines.launch(
            TARGET,
            spec,
            cwd=folder,
            env=network_environment(),
            requires=("huggingface_hub",),
            limits=Limits(network="open"),
        )
        await child.send({"op": "token", "token": token})
        progress = _Progress(lease)

        async def on_message(message: Message) -> None:
            if message["kind"] == "progress":
                await progress.report(message["done"], message["total"])
            elif message["kind"] == "committed":
                await lease.change(lambda current: current.mark_committed(message["url"]))

        result = await run_to_result(child, lease, on_message)
        return str(result["url"]) if result else None

    async def _to_store(
        self, push: Push, lease: Lease[Push], uri: str, folder: Path, members: Sequence[ArchiveMember]
    ) -> str | None:
        """The address of the folder; None where the push was interrupted."""
        scratch = self.resources.scratch / FOLDER / new_id("store")
        done, total = 0, sum(member.size for member in members)
        progress, store = _Progress(lease), None
        try:
            store, prefix = open_source(uri, self.resources.settings, push.project, scratch)
            for member in sorted(members, key=lambda member: member.size):
                if lease.interrupt_requested:
                    await lease.change(lambda current: current.interrupt())
                    return None
                await _put(store, f"{prefix}/{member.name}", folder, member, push.location)
                done += member.size
                await progress.report(done, total)
        finally:
            if store:
                await store.close()
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
        return push.location


async def _put(store: "S3Blobs", key: str, folder: Path, member: ArchiveMember, location: str) -> None:
    """Upload a file, unless the store has its content. Raises AddressRefused or ObjectStoreFailed."""
    from shared.blobs.s3 import FAILURES

    try:
        found = await store.stat(key)
        if found is None or (found.size, found.sha256) != (member.size, member.sha256):
            await store.put(key, folder / member.name)
    except AddressRefused:
        raise
    except FAILURES as error:
        detail, remedy = f"{location} failed: {type(error).__name__}.", "Check the address, its key, and its bucket."
        raise ObjectStoreFailed(detail, field="uri", remedy=remedy) from error


@dataclass
class _Progress:
    """Writes the progress at most once per second."""

    lease: Lease[Push]
    reported_at: float = 0.0

    async def report(self, done: int, total: int) -> None:
        if time.monotonic() - self.reported_at >= REPORT_INTERVAL_S or done >= total:
            self.reported_at = time.monotonic()
            await self.lease.change(lambda push: push.advance(done, total))


def _extract(archive: Path, members: Sequence[ArchiveMember], folder: Path) -> None:
    with archive.open("rb") as source:
        for member in members:
            target = folder / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            source.seek(member.offset)
            with target.open("wb") as file:
                left = member.size
                while left and (chunk := source.read(min(left, 1 << 20))):
                    left -= file.write(chunk)
