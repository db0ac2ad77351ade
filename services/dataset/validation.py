"""The validation job: runs the engine on an upload under a lease, then publishes the version."""

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from services.dataset.models import DatasetVersion, Report
from services.dataset.store import DatasetStore
from services.dataset.upload_store import UploadStore
from shared.blobs.artifacts import artifact_uri, publish, read_manifest
from shared.blobs.manifests import DatasetManifest
from shared.blobs.protocol import Blobs
from shared.runtime.errors import NotFound
from shared.runtime.jobs.engine_runs import EngineOutcome, Grace, Message, follow_engine, retry_or_fail
from shared.runtime.jobs.leases import Lease, LeaseLost
from shared.runtime.processes.children import Engines
from shared.runtime.processes.limits import BESIDE_ANSWERS, Limits
from shared.warnings import ReportedWarning

log = structlog.get_logger(__name__)

ENGINE = "services.dataset.engine.validate:main"
EDITOR = "services.dataset.engine.curation.edit:main"
MIN_CPU_S, BYTES_PER_CPU_S = 600, 1 << 17
"""Seconds of CPU time of a validation. Measured: 1 GB takes 7 s; an archive unpacks to more than its size."""


class Validator:
    """Validates and publishes the versions that the worker claims."""

    def __init__(
        self, datasets: DatasetStore, blobs: Blobs, engines: Engines, uploads: UploadStore, scratch: Path
    ) -> None:
        self._datasets, self._blobs, self._engines, self._uploads = datasets, blobs, engines, uploads
        self._scratch = scratch
        self._ended = asyncio.Event()

    async def wait_for_end(self) -> None:
        """Wait until any validation of this process ends."""
        await self._ended.wait()

    async def run(self, version: DatasetVersion, lease: Lease[DatasetVersion]) -> None:
        """Validate and publish a version, and end its job through the lease."""
        folder = self._scratch / f"{version.id}-t{lease.token}"
        out = folder / "out"
        out.mkdir(parents=True)
        try:
            await self._validate_and_publish(version, lease, folder)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            self._ended.set()
            self._ended = asyncio.Event()

    async def _validate_and_publish(self, version: DatasetVersion, lease: Lease[DatasetVersion], folder: Path) -> None:
        ending = await self._run_engine(version, lease, folder)
        if lease.lost:
            raise LeaseLost("Another worker has this version.")
        if lease.wanted == "cancel":
            with suppress(NotFound):  # only a deletion cancels, and it may have deleted the document
                await lease.change(lambda v: v.mark_cancelled())
        elif ending.last is None:
            await lease.change(
                lambda v: v.hand_back(counts=False) if ending.stop_requested else retry_or_fail(v, ending)
            )
        elif ending.last["kind"] == "result":
            await self._publish(version, lease, ending.last, folder / "out")
        else:
            code, detail, fields = _split_failure(ending.last)
            await lease.change(lambda v: v.reject(code, detail, fields))
            await self._uploads.discard(version.upload_key)

    async def _run_engine(self, version: DatasetVersion, lease: Lease[DatasetVersion], folder: Path) -> EngineOutcome:
        upload = await self._blobs.local_folder(version.upload_key.rpartition("/")[0])
        path = upload / version.upload_key.rpartition("/")[2]
        engine, spec, size = await self._engine_of(version, path)

        async def on_message(message: Message) -> None:
            if message["kind"] == "progress":
                await lease.change(partial(_set_checked_rows, rows=message["done"]))
            elif message["kind"] == "log":
                log.info("engine", version=version.fingerprint, message=message["message"])

        limits = Limits(cpu_s=MIN_CPU_S + size // BYTES_PER_CPU_S, nice=BESIDE_ANSWERS)
        spec |= {"out": str(folder / "out")}
        child = await self._engines.launch(engine, spec, cwd=folder, requires=(), limits=limits)
        no_grace: Grace[DatasetVersion] = lambda _: 0.0  # noqa: E731  # there is nothing to save
        return await follow_engine(child, lease, on_message, no_grace, size)

    async def _engine_of(self, version: DatasetVersion, upload: Path) -> tuple[str, dict[str, Any], int]:
        """Return the engine that reads the upload, its spec, and the bytes that it reads."""
        if version.edit is None:
            options = version.options.model_dump(mode="json")
            unused = version.origin.unused_files if version.origin else []
            spec = {"path": str(upload), "name": version.file_name, "options": options, "unused_files": unused}
            return ENGINE, spec, upload.stat().st_size
        key = "/".join((*version.artifact[:-1], version.edit.parent))
        splits = await shards_of(self._blobs, key)
        size = sum(Path(path).stat().st_size for paths in splits.values() for path in paths)
        return EDITOR, {"recipe": str(upload), "splits": splits}, size

    async def _publish(
        self, version: DatasetVersion, lease: Lease[DatasetVersion], result: Mapping[str, Any], out: Path
    ) -> None:
        """Publish the files, the manifest, the latest pointer, the dataset and the version, in this order.

        Each step is idempotent, and none is visible before the one it depends on.
        """
        report = Report.model_validate(result["report"])
        await self._warn_of_other_edits(version, report)
        await lease.change(lambda v: setattr(v, "state", "publishing"))
        manifest = build_manifest(version, report, result["shards"])
        key = "/".join(version.artifact)
        try:
            await self._store(key, out, manifest)
            await lease.change(lambda v: v.make_readable(report))
            await set_latest(self._blobs, version)
            await self._announce(version, report)
        except NotFound:
            await self._blobs.delete(f"{version.project}/datasets/{version.dataset_id}")
            raise
        await lease.change(lambda v: v.succeed())
        await self._uploads.discard(version.upload_key)

    async def _warn_of_other_edits(self, version: DatasetVersion, report: Report) -> None:
        """Name the version that an edit of another one takes the place of: what was excluded there may be back."""
        current = (await self._datasets.get(version.dataset_id)).current
        if version.edit and current not in (version.edit.parent, version.fingerprint):
            detail = (
                f"It was made from version {version.edit.parent} and took the place of {current}, whose edits it lacks."
            )
            remedy = f"Compare the two versions; to keep the edits of both, repeat this one with version {current}."
            report.warnings.append(ReportedWarning(code="made_from_another_version", detail=detail, remedy=remedy))

    async def _store(self, key: str, out: Path, manifest: DatasetManifest) -> None:
        """Publish the artifact; delete its files if that fails."""
        try:
            await publish(self._blobs, key, out, manifest.model_dump(mode="json", exclude={"files"}))
        except Exception:
            await self._blobs.delete(key)
            raise

    async def _announce(self, version: DatasetVersion, report: Report) -> None:
        uri = artifact_uri(*version.artifact)
        await self._datasets.change(
            version.dataset_id,
            lambda dataset: dataset.publish(version, uri, report),
            event_id=f"ready/{version.id}",
        )


def build_manifest(version: DatasetVersion, report: Report, shards: dict[str, list[str]]) -> DatasetManifest:
    """Build the manifest through which other services read the version."""
    return DatasetManifest(
        dataset_id=version.dataset_id,
        version=version.fingerprint,
        name=version.name,
        form=report.form,
        layout=report.layout,
        features=report.features,
        columns=report.kept_columns,
        rows=report.splits,
        shards=shards,
        rejected=report.rejected,
        duplicates=report.duplicates,
        digest=version.sha256,
        traceparent=version.traceparent,
    )


async def shards_of(blobs: Blobs, key: str) -> dict[str, list[str]]:
    """Return the local paths of an artifact's shards, by split."""
    manifest, folder = await read_manifest(blobs, key), await blobs.local_folder(key)
    return {split: [str(folder / name) for name in names] for split, names in manifest["shards"].items()}


async def set_latest(blobs: Blobs, version: DatasetVersion) -> None:
    """Point other services that ask for the dataset without a version to this one."""
    text = f'{{"version": "{version.fingerprint}"}}\n'
    await blobs.put(f"{version.project}/datasets/{version.dataset_id}/latest.json", text.encode())


def _set_checked_rows(version: DatasetVersion, rows: int) -> None:
    version.checked_rows = rows


def _split_failure(failure: Message) -> tuple[str, str, dict[str, Any]]:
    """Return code, detail and the other fields of an engine's failure message."""
    fields = {name: value for name, value in failure.items() if name not in ("kind", "code", "detail")}
    return failure["code"], failure["detail"], fields
