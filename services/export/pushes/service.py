"""Use cases of pushes: request, list, show, cancel."""

import hashlib
from dataclasses import dataclass

from services.export.models import Export
from services.export.push_record import Push
from services.export.pushes.models import PushRequest
from shared.blobs.locations import without_secret
from shared.documents.entities import EntityStore, Page, derived_id, new_id
from shared.runtime.http.principal import Principal
from shared.runtime.jobs.worker import Worker
from shared.runtime.keyring import Keyring
from shared.runtime.telemetry.tracing import traceparent


@dataclass(frozen=True)
class Pushes:
    """What the API calls."""

    pushes: EntityStore[Push]
    keyring: Keyring
    worker: Worker[Push]

    async def request(self, caller: Principal, export: Export, request: PushRequest, key: str | None) -> Push:
        """Queue a push of a built export. The same Idempotency-Key again returns the same push. Raises Forbidden."""
        request.check_permission(caller)
        assert export.export_uri is not None
        id = derived_id("push", caller.project, export.id, key) if key else new_id("push")
        secret = request.uri or (request.token.get_secret_value() if request.token else "")
        same = request.model_dump_json(include={"hub_id", "revision", "public"}) + without_secret(request.uri or "")
        created = await self.pushes.create(
            Push(
                id=id,
                project=caller.project,
                request_hash=hashlib.sha256(same.encode()).hexdigest() if key else None,
                export_id=export.id,
                export_uri=export.export_uri,
                destination="hub" if request.hub_id else "object_store",
                location=request.hub_id or without_secret(request.uri or ""),
                revision=request.revision,
                public=request.public,
                secret=self.keyring.encrypt("export", id, secret),
                traceparent=traceparent(),
            )
        )
        self.worker.wake()
        return created

    async def page(self, project: str, export_id: str, limit: int, cursor: str | None) -> Page[Push]:
        """The pushes of an export, newest first."""
        return await self.pushes.for_project(project).page({"export_id": export_id}, limit=limit, cursor=cursor)

    async def get(self, project: str, id: str) -> Push:
        """Return a push."""
        return await self.pushes.for_project(project).get(id)

    async def cancel(self, project: str, id: str) -> Push:
        """Stop a push; files that are uploaded stay there. Raises Conflict once it has ended."""
        cancelled = await self.pushes.for_project(project).change(id, lambda push: push.request_cancel())
        self.worker.nudge(id)
        return cancelled
