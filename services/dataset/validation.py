"""The work behind an upload: run the engine over it under a lease, then publish what came out."""

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from services.dataset.intake import Intake
from services.dataset.models import DatasetVersion, Report
from services.dataset.store import DatasetStore
from shared.blobs.artifacts import artifact_uri, publish
from shared.blobs.manifests import DatasetManifest
from shared.blobs.protocol import Blobs
from shared.runtime.errors import NotFound
from shared.runtime.jobs.attempts import Ending, Message, died, follow
from shared.runtime.jobs.leases import Lease, LeaseLost
from shared.runtime.processes.children import Engines

log = structlog.get_logger(__name__)

ENGINE = "services.dataset.engine.validate:main"


class Validator:
    """Turns one claimed version into a published one."""

    def __init__(self, datasets: DatasetStore, blobs: Blobs, engines: Engines, intake: Intake, scratch: Path) -> None:
        self._datasets, self._blobs, self._engines, self._intake = datasets, blobs, engines, intake
        self._scratch = scratch
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait until some validation of this process ends."""
        await self._changed.wait()

    async def run(self, version: DatasetVersion, lease: Lease[DatasetVersion]) -> None:
        """Validate, publish, and end the work through its lease."""
        folder = self._scratch / f"{version.id}-t{lease.token}"
        out = folder / "out"
        out.mkdir(parents=True)
        try:
            await self._work(version, lease, folder)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            self._changed.set()
            self._changed = asyncio.Event()

    async def _work(self, version: DatasetVersion, lease: Lease[DatasetVersion], folder: Path) -> None:
        ending = await self._validate(version, lease, folder)
        if lease.lost:
            raise LeaseLost("Another worker has this version.")
        if lease.wanted == "cancel":
            with suppress(NotFound):  # only a deletion cancels, and it has buried the version already
                await lease.change(lambda v: v.cancelled())
        elif ending.last is None:
            await lease.change(lambda v: v.hand_back(counts=False) if ending.told else died(v, ending))
        elif ending.last["kind"] == "result":
            await self._publish(version, lease, ending.last, folder / "out")
        else:
            code, detail, fields = _refusal(ending.last)
            await lease.change(lambda v: v.reject(code, detail, fields))
            await self._intake.discard(version.upload_key)

    async def _validate(self, version: DatasetVersion, lease: Lease[DatasetVersion], folder: Path) -> Ending:
        upload = await self._blobs.checkout(version.upload_key.rpartition("/")[0])
        spec = {
            "path": str(upload / version.upload_key.rpartition("/")[2]),
            "name": version.file_name,
            "out": str(folder / "out"),
            "options": version.options.model_dump(mode="json"),
        }

        async def hear(message: Message) -> None:
            if message["kind"] == "progress":
                await lease.change(partial(_checked, rows=message["done"]))
            elif message["kind"] == "log":
                log.info("engine", version=version.fingerprint, message=message["message"])

        child = await self._engines.launch(ENGINE, spec, cwd=folder, requires=())
        return await follow(child, lease, hear, lambda _: 0.0)  # nothing needs saving: the upload is still there

    async def _publish(
        self, version: DatasetVersion, lease: Lease[DatasetVersion], result: Mapping[str, Any], out: Path
    ) -> None:
        """Bytes, manifest, pointer, dataset, version: each step repeatable, each visible only after the one before."""
        report = Report.model_validate(result["report"])
        await lease.change(lambda v: setattr(v, "state", "publishing"))
        manifest = manifest_of(version, report, result["shards"])
        key = "/".join(version.artifact)
        try:
            await self._store(key, out, manifest)
            await lease.change(lambda v: v.present(report))
            await point(self._blobs, version)
            await self._announce(version, report)
        except NotFound:
            await self._blobs.delete(f"{version.project}/datasets/{version.dataset_id}")
            raise
        await lease.change(lambda v: v.succeed())
        await self._intake.discard(version.upload_key)

    async def _store(self, key: str, out: Path, manifest: DatasetManifest) -> None:
        """All of the artifact or nothing of it."""
        try:
            await publish(self._blobs, key, out, manifest.model_dump(mode="json", exclude={"files"}))
        except Exception:
            await self._blobs.delete(key)
            raise

    async def _announce(self, version: DatasetVersion, report: Report) -> None:
        uri = artifact_uri(*version.artifact)
        await self._datasets.change(
            version.dataset_id,
            lambda dataset: dataset.publish(version, uri, report.rows),
            event_id=f"ready/{version.id}",
        )


def manifest_of(version: DatasetVersion, report: Report, shards: dict[str, list[str]]) -> DatasetManifest:
    """What every reader of the version needs to know."""
    return DatasetManifest(
        dataset_id=version.dataset_id,
        version=version.fingerprint,
        name=version.name,
        form=report.form,
        layout=report.layout,
        rows=report.splits,
        shards=shards,
        rejected=report.rejected,
        duplicates=report.duplicates,
        digest=version.sha256,
        traceparent=version.traceparent,
    )


async def point(blobs: Blobs, version: DatasetVersion) -> None:
    """Make this version what the bare dataset means to other rooms."""
    text = f'{{"version": "{version.fingerprint}"}}\n'
    await blobs.put(f"{version.project}/datasets/{version.dataset_id}/latest.json", text.encode())


def _checked(version: DatasetVersion, rows: int) -> None:
    version.checked_rows = rows


def _refusal(failure: Message) -> tuple[str, str, dict[str, Any]]:
    """Code, detail, and what else the engine says of a file that it refuses."""
    fields = {name: value for name, value in failure.items() if name not in ("kind", "code", "detail")}
    return failure["code"], failure["detail"], fields
