"""HTTP routes of pushes."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from services.export.pushes.models import PushRequest, PushView
from services.export.pushes.service import Pushes
from services.export.service import ExportService
from shared.documents.entities import Page
from shared.runtime.http.principal import Caller
from shared.runtime.http.secrets import KIND_HEADER, secret_kind

Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200, description="repeat safely")]


def routes(exports: ExportService, pushes: Pushes) -> APIRouter:
    """Build the router of pushes."""
    router = APIRouter(prefix="/exports", tags=["Export"])

    @router.post("/{id}/push", status_code=202)
    async def push_export(
        id: str, request: PushRequest, caller: Caller, response: Response, key: Key = None
    ) -> PushView:
        """Upload the files of a built export to a repository of the Hugging Face hub, or to an object store.

        A repository is created private. One that is public is refused unless `public` is set.
        """
        export = await exports.get(caller.project, id)
        exports.archive(export, accept_drift=request.accept_drift)
        push = await pushes.request(caller, export, request, key)
        response.headers["Location"] = f"/exports/pushes/{push.id}"
        if kind := secret_kind(request.token, request.uri):
            response.headers[KIND_HEADER] = kind
        return PushView.of(push)

    @router.get("/{id}/pushes")
    async def list_pushes(
        id: str, caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: str | None = None
    ) -> Page[PushView]:
        """List the pushes of an export, newest first."""
        await exports.get(caller.project, id)
        page = await pushes.page(caller.project, id, limit, cursor)
        return Page[PushView](items=[PushView.of(push) for push in page.items], next_cursor=page.next_cursor)

    @router.get("/pushes/{push_id}")
    async def show_push(push_id: str, caller: Caller) -> PushView:
        """Show state and progress of a push."""
        return PushView.of(await pushes.get(caller.project, push_id))

    @router.post("/pushes/{push_id}/cancel")
    async def cancel_push(push_id: str, caller: Caller) -> PushView:
        """Cancel a push. No commit is made; objects that are uploaded to a store stay there."""
        return PushView.of(await pushes.cancel(caller.project, push_id))

    return router
