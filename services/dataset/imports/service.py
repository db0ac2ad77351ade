"""Use cases of imports: request, list, show, cancel."""

from services.dataset.import_record import DatasetImport
from services.dataset.imports.requests import ImportRequest, check_source_permission
from services.dataset.imports.views import ImportView, to_import_view
from services.dataset.models import Origin
from services.dataset.store import VersionStore
from shared.blobs.locations import locate, without_secret
from shared.documents.entities import EntityStore, Page, new_id
from shared.runtime.http.principal import Principal
from shared.runtime.http.secrets import secret_kind
from shared.runtime.jobs.worker import Worker
from shared.runtime.resources import Resources
from shared.runtime.telemetry.tracing import traceparent


class Imports:
    """Request, list and cancel imports of projects."""

    def __init__(
        self,
        imports: EntityStore[DatasetImport],
        versions: VersionStore,
        worker: Worker[DatasetImport],
        resources: Resources,
    ) -> None:
        self._imports, self._versions, self._worker, self._resources = imports, versions, worker, resources

    async def request(self, caller: Principal, request: ImportRequest) -> ImportView:
        """Queue a download. Raises Forbidden, or InvalidInput for a mapping or an address that cannot be right."""
        check_source_permission(caller, request)
        options = request.options()
        if request.uri is not None:
            locate(request.uri, self._resources.settings.blobs_url, caller.project)
        id, secret = new_id("imp"), request.uri or request.url or (request.token and request.token.get_secret_value())
        created = await self._imports.create(
            DatasetImport(
                id=id,
                project=caller.project,
                origin=_origin(request),
                name=request.name or (request.hub_id.rpartition("/")[2][:120] if request.hub_id else None),
                options=options,
                secret=self._resources.keyring.encrypt("dataset", id, secret) if secret else None,
                secret_kind=secret_kind(request.token, request.uri or request.url),
                traceparent=traceparent(),
            )
        )
        self._worker.wake()
        return to_import_view(created, None)

    async def page(self, project: str, limit: int, cursor: str | None) -> Page[ImportView]:
        """Return a page of imports, newest first."""
        page = await self._imports.for_project(project).page(limit=limit, cursor=cursor)
        where = {"dataset_id": {"$in": [found.dataset_id for found in page.items if found.dataset_id]}}
        versions = {version.id: version for version in await self._versions.for_project(project).find(where)}
        items = [to_import_view(found, versions.get(found.dataset_version_id or "")) for found in page.items]
        return Page[ImportView](items=items, next_cursor=page.next_cursor)

    async def show(self, project: str, id: str) -> ImportView:
        """Return an import."""
        found = await self._imports.for_project(project).get(id)
        versions = await self._versions.for_project(project).find({"dataset_id": found.dataset_id})
        return to_import_view(found, next((v for v in versions if v.id == found.dataset_version_id), None))

    async def cancel(self, project: str, id: str) -> ImportView:
        """Stop a download; what is downloaded already is deleted. Raises Conflict once it has ended."""
        await self._imports.for_project(project).change(id, lambda found: found.request_cancel())
        self._worker.nudge(id)
        return await self.show(project, id)


def _origin(request: ImportRequest) -> Origin:
    """The source without its secrets."""
    if request.hub_id is not None:
        asked = request.model_dump(include={"revision", "config", "split"})
        return Origin(source="hub", location=request.hub_id, **asked)
    if request.feedback is not None:
        return Origin(source="feedback", location=request.feedback, models=request.models)
    if request.uri is not None:
        return Origin(source="object_store", location=without_secret(request.uri))
    return Origin(source="url", location=without_secret(request.url or ""))
