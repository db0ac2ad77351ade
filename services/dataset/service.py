"""The use cases of datasets: submit an upload, wait for it, list, show, page through rejected rows, delete."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from services.dataset.errors import NotReady, rejection
from services.dataset.intake import Intake, Upload
from services.dataset.models import Dataset, DatasetVersion, UploadForm, version_of
from services.dataset.store import DatasetStore, VersionStore
from services.dataset.validation import Validator, point
from services.dataset.views import DatasetView, view_of
from shared.blobs.artifacts import delete_artifact
from shared.blobs.protocol import Blobs
from shared.documents.entities import Page, new_id
from shared.events.envelope import Event
from shared.runtime.errors import Conflict, InvalidInput, NotFound, Unavailable
from shared.runtime.telemetry.tracing import traceparent

POLL = 1.0
"""Seconds between looks at a version that another process may be validating."""


class DatasetService:
    """Bound to one project by `for_project`."""

    def __init__(
        self,
        datasets: DatasetStore,
        versions: VersionStore,
        blobs: Blobs,
        intake: Intake,
        validator: Validator,
        nudge: Callable[[str], None],
        project: str = "",
    ) -> None:
        self.datasets, self.versions, self._blobs, self.intake = datasets, versions, blobs, intake
        self._validator, self._nudge, self.project = validator, nudge, project

    def for_project(self, project: str) -> "DatasetService":
        """The same service, seeing one project only."""
        stores = self.datasets.for_project(project), self.versions.for_project(project)
        return DatasetService(*stores, self._blobs, self.intake, self._validator, self._nudge, project)

    async def submit(self, upload: Upload, form: UploadForm) -> tuple[DatasetVersion, bool]:
        """The version that these bytes are, and whether it is new. A version that failed before gets a new try."""
        options = form.options()
        version = version_of(upload.sha256, upload.extension, options)
        dataset = await self._named(form.name or _stem(upload.file_name))
        dataset, id = await self._enter(dataset, version)
        draft = DatasetVersion(
            id=id,
            project=self.project,
            dataset_id=dataset.id,
            name=dataset.name,
            fingerprint=version,
            file_name=upload.file_name,
            size=upload.size,
            sha256=upload.sha256,
            options=options,
            upload_key=upload.key,
            traceparent=traceparent(),
        )
        stored = await self.versions.create(draft)
        created = stored.upload_key == upload.key
        if created:
            self._nudge(stored.id)
        else:
            await self.intake.discard(upload.key)
            await self._make_current(stored)
        return stored, created

    async def _named(self, name: str) -> Dataset:
        """The living dataset of this name, made if there is none."""
        for _ in range(3):
            if found := await self.datasets.named(name):
                return found
            with suppress(NotFound):  # another upload took the name in between
                return await self.datasets.create(Dataset(id=new_id("ds"), project=self.project, name=name, slot=name))
        raise Unavailable("The dataset's name is being made and deleted at the same time.", field="name")

    async def _enter(self, dataset: Dataset, version: str) -> tuple[Dataset, str]:
        """The id of the version's document; a fresh one for a version that is new or has failed."""
        known = await self.versions.of([dataset])
        failed = {id for id, one in known.items() if one.state in ("failed", "cancelled")}
        held, fresh = dataset.entries.get(version), new_id("dsv")
        if held is not None and held not in failed:
            return dataset, held

        def enter(current: Dataset) -> None:
            if current.entries.get(version) in (None, *failed):
                current.add(version, fresh)

        try:
            changed = await self.datasets.change(dataset.id, enter)
        except NotFound:  # it was deleted in between
            dataset = await self._named(dataset.name)
            changed = await self.datasets.change(dataset.id, enter)
        return changed, changed.entries[version]

    async def _make_current(self, version: DatasetVersion) -> None:
        """An old version that is uploaded again is what its owner wants to use now."""
        dataset = await self.datasets.get(version.dataset_id)
        if version.shown_state == "ready" and dataset.current != version.fingerprint:
            await point(self._blobs, version)
            await self.datasets.change(dataset.id, lambda d: setattr(d, "current", version.fingerprint))

    async def finished(self, version: DatasetVersion, seconds: float) -> DatasetVersion:
        """The version once it is final, or as it is after `seconds`."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            ended = asyncio.create_task(self._validator.changed())
            version = await self._again(version)
            rest = deadline - asyncio.get_running_loop().time()
            if version.final or rest <= 0:
                ended.cancel()
                return version
            await asyncio.wait([ended], timeout=min(POLL, rest))
            ended.cancel()

    async def _again(self, version: DatasetVersion) -> DatasetVersion:
        try:
            return await self.versions.get(version.id)
        except NotFound as error:
            remedy = "Upload it again."
            raise Conflict("The dataset was deleted while it was validated.", field="name", remedy=remedy) from error

    async def refuse(self, version: DatasetVersion) -> Exception:
        """Take a failed upload back as if it had never come; the error that tells its sender why."""
        await self.versions.delete(version.id)
        await self.intake.discard(version.upload_key)
        with suppress(NotFound):
            await self.datasets.change(version.dataset_id, lambda d: d.drop(version.fingerprint, version.id))
        return rejection(version.cause or "", version.detail or "", version.problem)

    async def show(self, id: str) -> DatasetView:
        """A dataset with its versions."""
        dataset = await self.datasets.get(id)
        return view_of(dataset, await self.versions.of([dataset]))

    async def page(self, limit: int, cursor: str | None, name: str | None) -> Page[DatasetView]:
        """Datasets, newest first."""
        found = await self.datasets.page({"name": name} if name else None, limit=limit, cursor=cursor)
        versions = await self.versions.of(found.items)
        items = [view_of(dataset, versions) for dataset in found.items]
        return Page[DatasetView](items=items, next_cursor=found.next_cursor)

    async def ready(self, id: str, version: str | None = None) -> DatasetVersion:
        """A ready version, the current one by default; raises NotReady or NotFound."""
        dataset = await self.datasets.get(id)
        wanted = version or dataset.current
        if wanted is None:
            remedy = f"GET /datasets/{id} tells its state."
            raise NotReady(f"The dataset {dataset.name!r} has no ready version.", field="id", remedy=remedy)
        found = (await self.versions.of([dataset])).get(dataset.entries.get(wanted, ""))
        if found is None or found.shown_state != "ready":
            remedy = f"GET /datasets/{id} lists its versions."
            raise NotFound(f"The dataset has no ready version {wanted!r}.", field="version", remedy=remedy)
        return found

    async def delete(self, id: str) -> list[DatasetVersion]:
        """Manifests first, then all bytes, then the documents with the event; what is validating is stopped."""
        dataset = await self.datasets.get(id)
        versions = list((await self.versions.of([dataset])).values())
        for version in versions:
            await self._blobs.delete("/".join((*version.artifact, "manifest.json")))
        await self.datasets.change(id, _delete)
        for version in versions:
            await self.versions.change(version.id, _cancel)
            self._nudge(version.id)
            await self.intake.discard(version.upload_key)
            await delete_artifact(self._blobs, "/".join(version.artifact))
        await self._blobs.delete(f"{self.project}/datasets/{id}")
        return versions


def _delete(dataset: Dataset) -> list[Event]:
    return list(dataset.delete())


def _cancel(version: DatasetVersion) -> None:
    """Its holder, if there is one, hears of it with the next heartbeat."""
    version.wanted, version.deleted_at = "cancel", version.updated_at


def _stem(file_name: str) -> str:
    return file_name.rpartition(".")[0][:120] or "dataset"


def require_range(field: str, value: int, total: int) -> None:
    """Refuse an ordinal beyond the last; there may be none at all."""
    if value >= total:
        raise InvalidInput(
            f"{field} {value} does not exist.",
            field=field,
            limit=f"0 … {total - 1}",
            remedy="Choose one within the limit.",
        )
