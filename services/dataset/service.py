"""Use cases of datasets: submit an upload, wait for its validation, list, show, delete."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from services.dataset.errors import InUse, NotReady, rejection_error
from services.dataset.formats import name_without_extension
from services.dataset.models import Dataset, DatasetVersion, Edit, Origin, UploadForm, version_of
from services.dataset.store import DatasetStore, VersionStore
from services.dataset.upload_store import Upload, UploadStore
from services.dataset.validation import Validator, set_latest
from services.dataset.views import DatasetView, to_dataset_view
from shared.blobs.artifacts import delete_artifact
from shared.blobs.protocol import Blobs
from shared.blobs.uses import users_of
from shared.documents.entities import Page, new_id
from shared.events.envelope import Event
from shared.runtime.errors import Conflict, InvalidInput, NotFound, Unavailable
from shared.runtime.http.display_name import visible
from shared.runtime.telemetry.tracing import traceparent

MAX_NAMED_USERS = 20
POLL_INTERVAL_S = 1.0
"""Between reads of a version that another process may be validating."""


class DatasetService:
    """Datasets of one project; `for_project` selects it."""

    def __init__(
        self,
        datasets: DatasetStore,
        versions: VersionStore,
        blobs: Blobs,
        uploads: UploadStore,
        validator: Validator,
        nudge: Callable[[str], None],
        project: str = "",
    ) -> None:
        self.datasets, self.versions, self._blobs, self.uploads = datasets, versions, blobs, uploads
        self._validator, self._nudge, self.project = validator, nudge, project

    def for_project(self, project: str) -> "DatasetService":
        """Return this service, limited to one project."""
        stores = self.datasets.for_project(project), self.versions.for_project(project)
        return DatasetService(*stores, self._blobs, self.uploads, self._validator, self._nudge, project)

    async def submit(
        self, upload: Upload, form: UploadForm, origin: Origin | None = None, edit: Edit | None = None
    ) -> tuple[DatasetVersion, bool]:
        """Return the version of these bytes and options, and whether it is new. A failed version is validated again."""
        options = form.options()
        version = version_of(upload.sha256, upload.extension, options)
        dataset = await self._get_or_create(form.name or _name_from(upload.file_name))
        dataset, id = await self._register(dataset, version)
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
            origin=origin,
            edit=edit,
            upload_key=upload.key,
            traceparent=traceparent(),
        )
        try:
            stored = await self.versions.create(draft)
        except NotFound:  # a withdrawal was killed after it had deleted the document
            with suppress(NotFound):
                await self.datasets.change(dataset.id, lambda d: d.drop(version, id))
            return await self.submit(upload, form, origin, edit)
        created = stored.upload_key == upload.key
        if created:
            self._nudge(stored.id)
        else:
            await self.uploads.discard(upload.key)
            await self._make_current(stored)
        return stored, created

    async def _get_or_create(self, name: str) -> Dataset:
        """Return the dataset of this name; create it if there is none. Raises Unavailable."""
        for _ in range(3):
            if found := await self.datasets.find_by_name(name):
                return found
            with suppress(NotFound):  # another upload created the name in the meantime
                return await self.datasets.create(Dataset(id=new_id("ds"), project=self.project, name=name, slot=name))
        raise Unavailable("The dataset is being created and deleted at the same time.", field="name")

    async def _register(self, dataset: Dataset, version: str) -> tuple[Dataset, str]:
        """Return the dataset and the id of the version's document; a new id if the version is new or has failed.

        Rejected and failed versions of earlier uploads leave the dataset.
        """
        known = await self.versions.of([dataset])
        failed = {id for id, one in known.items() if one.state in ("failed", "cancelled")}
        existing, created = dataset.entries.get(version), new_id("dsv")
        if existing is not None and existing not in failed and not failed & {*dataset.entries.values()}:
            return dataset, existing

        def register(current: Dataset) -> None:
            current.entries = {v: id for v, id in current.entries.items() if id not in failed}
            if version not in current.entries:
                current.add(version, created)

        try:
            changed = await self.datasets.change(dataset.id, register)
        except NotFound:  # it was deleted in the meantime
            dataset = await self._get_or_create(dataset.name)
            changed = await self.datasets.change(dataset.id, register)
        return changed, changed.entries[version]

    async def _make_current(self, version: DatasetVersion) -> None:
        """Make a ready version current: uploading an older one again selects it."""
        dataset = await self.datasets.get(version.dataset_id)
        if version.dataset_state == "ready" and dataset.current != version.fingerprint:
            await set_latest(self._blobs, version)
            await self.datasets.change(dataset.id, lambda d: setattr(d, "current", version.fingerprint))

    async def wait_until_final(self, version: DatasetVersion, wait_s: float) -> DatasetVersion:
        """Return the version once its state is final, or as it is after `wait_s`."""
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            ended = asyncio.create_task(self._validator.wait_for_end())
            version = await self._reload(version)
            remaining_s = deadline - asyncio.get_running_loop().time()
            if version.final or remaining_s <= 0:
                ended.cancel()
                return version
            await asyncio.wait([ended], timeout=min(POLL_INTERVAL_S, remaining_s))
            ended.cancel()

    async def _reload(self, version: DatasetVersion) -> DatasetVersion:
        try:
            return await self.versions.get(version.id)
        except NotFound as error:
            detail = "Meanwhile the dataset was deleted, or an equal request was refused."
            raise Conflict(detail, field="name", remedy="Send it again.") from error

    def rejection(self, version: DatasetVersion) -> Exception:
        """Return the error of a rejected upload, whose dataset stays and shows the reasons until the next upload."""
        fields = {**version.problem, "dataset_id": version.dataset_id}
        return rejection_error(version.cause or "", version.detail or "", fields)

    async def withdraw(self, version: DatasetVersion) -> Exception:
        """Remove a failed upload as if it had never been sent. Return the error that says why it failed."""
        with suppress(NotFound):  # an equal request has withdrawn it
            await self.versions.delete(version.id)
        await self.uploads.discard(version.upload_key)
        with suppress(NotFound):
            await self.datasets.change(version.dataset_id, lambda d: d.drop(version.fingerprint, version.id))
        return rejection_error(version.cause or "", version.detail or "", version.problem)

    async def show(self, id: str) -> DatasetView:
        """Return a dataset with its versions."""
        dataset = await self.datasets.get(id)
        return to_dataset_view(dataset, await self.versions.of([dataset]))

    async def page(self, limit: int, cursor: str | None, name: str | None) -> Page[DatasetView]:
        """Return a page of datasets, newest first."""
        found = await self.datasets.page({"name": name} if name else None, limit=limit, cursor=cursor)
        versions = await self.versions.of(found.items)
        items = [to_dataset_view(dataset, versions) for dataset in found.items]
        return Page[DatasetView](items=items, next_cursor=found.next_cursor)

    async def require_ready(self, id: str, version: str | None = None) -> DatasetVersion:
        """Return a ready version, by default the current one. Raises NotReady or NotFound."""
        dataset = await self.datasets.get(id)
        fingerprint = version or dataset.current
        if fingerprint is None:
            remedy = f"GET /datasets/{id} shows its state."
            raise NotReady(f"The dataset {dataset.name!r} has no ready version.", field="id", remedy=remedy)
        found = (await self.versions.of([dataset])).get(dataset.entries.get(fingerprint, ""))
        if found is None or found.dataset_state != "ready":
            remedy = f"GET /datasets/{id} lists its versions."
            raise NotFound(f"The dataset has no ready version {fingerprint!r}.", field="version", remedy=remedy)
        return found

    async def delete(self, id: str) -> list[DatasetVersion]:
        """Delete a dataset and return its versions; stop running validations. Raises InUse while a job needs it.

        Manifests go first: from then on no reader finds a version whose bytes are being deleted.
        """
        dataset = await self.datasets.get(id)
        await self._require_unused(dataset)
        versions = list((await self.versions.of([dataset])).values())
        for version in versions:
            await self._blobs.delete("/".join((*version.artifact, "manifest.json")))
        await self.datasets.change(id, _delete)
        for version in versions:
            await self.versions.change(version.id, _cancel)
            self._nudge(version.id)
            await self.uploads.discard(version.upload_key)
            await delete_artifact(self._blobs, "/".join(version.artifact))
        await self._blobs.delete(f"{self.project}/datasets/{id}")
        return versions

    async def _require_unused(self, dataset: Dataset) -> None:
        users = await users_of(self._blobs, self.project, dataset.id)
        if users:
            named = ", ".join(users[:MAX_NAMED_USERS])
            detail = f"Dataset {dataset.name!r} is needed by what has not ended: {named} ({len(users)} in all)."
            remedy = "Wait until they have ended, or cancel them first."
            raise InUse(detail, field="id", remedy=remedy, needed_by=users[:MAX_NAMED_USERS])


def _delete(dataset: Dataset) -> list[Event]:
    return list(dataset.delete())


def _cancel(version: DatasetVersion) -> None:
    """Request cancellation; a worker that holds the lease sees it at its next heartbeat."""
    version.wanted, version.deleted_at = "cancel", version.updated_at


def _name_from(file_name: str) -> str:
    return visible(name_without_extension(file_name)[:120]) or "dataset"


def require_range(field: str, value: int, total: int) -> None:
    """Raise InvalidInput for an index that is not below `total`."""
    if value >= total:
        raise InvalidInput(
            f"{field} {value} does not exist.",
            field=field,
            limit=f"0 … {total - 1}",
            remedy="Choose one within the limit.",
        )


def require_kept(version: DatasetVersion, where: str | None) -> None:
    """Raise InvalidInput for a `where` whose column is not among those that the version keeps."""
    column, kept = (where or "").partition("=")[0], version.report.kept_columns if version.report else []
    if column and column not in kept:
        remedy = "Choose one of the kept columns." if kept else "Leave where out: the version keeps no columns."
        detail = f"The version keeps no column {column!r}" + (f", but {', '.join(kept)}." if kept else ".")
        raise InvalidInput(detail, field="where", limit=kept or None, remedy=remedy)
